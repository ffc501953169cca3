"""The small frozen records that the parts of the package hand to each other.

Nothing here imports numpy or a backend, so that the command line starts fast.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Kind = Literal["photos", "documents"]
KINDS: tuple[Kind, ...] = ("photos", "documents")


# --- what happened on disk ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileStat:
    """A regular file as the walk met it. Size in bytes, modification time in nanoseconds."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file (or an unreadable folder) that was left out, and why."""

    path: str
    reason: str


class Box(NamedTuple):
    """Which part of an image of reduced scale is picture, in its pixels, as Image.resize takes it.

    Reducing rounds sides up, so the last column or row may stand for less than a whole pixel.
    Stands as `info["box"]` of an image, where it is not all of it.
    """

    left: float
    top: float
    right: float
    bottom: float


# --- what a collection holds ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Photo:
    """One image content. Width and height in pixels, upright (after EXIF orientation).

    Of an animation (`frames` > 1) the first frame is what is embedded and shown.
    """

    id: int
    content_hash: bytes
    width: int
    height: int
    format: str
    frames: int = 1
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """One text content and the places it stands: (file, line, path of the linked photo)."""

    id: int
    text: str
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document stands: a file and its line, and the photo that the line names."""

    path: str
    line: int
    photo_path: str | None = None


@dataclass(frozen=True, slots=True)
class Space:
    """The embeddings of one encoder. `rows` counts the committed rows of each vector file.

    `generation` grows with every commit that touches the vectors; `editions` says which vector
    files hold them.
    """

    id: int
    fingerprint: str
    encoder: str
    dim: int
    generation: int = 0
    rows: dict[Kind, int] = field(default_factory=dict)
    editions: dict[Kind, int] = field(default_factory=dict)


# --- asking ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a query: a text, or the path of a picture. A negative weight subtracts."""

    kind: Literal["text", "image"]
    value: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Query:
    """Weighted parts. Its vector is the unit vector of sum_i weight_i * embedding_i."""

    parts: tuple[Part, ...]

    def __str__(self) -> str:
        """Write the query as it was meant: ``a dog + image:park.jpg − 0.5×people``."""
        words = []
        for index, part in enumerate(self.parts):
            sign = "−" if part.weight < 0 else "+" if index else ""
            factor = "" if abs(part.weight) == 1 else f"{abs(part.weight):g}×"
            value = part.value if part.kind == "text" else f"image:{part.value}"
            words.append(f"{sign} {factor}{value}".strip())
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class Hit:
    """One result. `score` is the cosine of query and item, in [-1, 1].

    For a photo `path` is the file to show and `also` are further files of the same content;
    for a document `path` is the text file, with `line`, `text` and, if it names one, `photo_path`.
    """

    rank: int
    kind: Literal["photo", "document"]
    id: int
    score: float
    path: str
    also: tuple[str, ...] = ()
    width: int | None = None
    height: int | None = None
    text: str | None = None
    line: int | None = None
    photo_path: str | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first; `considered` counts the items that could be found, `plan` says how."""

    query: Query
    kind: Kind
    hits: tuple[Hit, ...]
    considered: int
    elapsed_ms: float
    encoder: str
    plan: str = ""


# --- reporting ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StageTimes:
    """Where the time of an indexing run went, in seconds.

    The run's own thread: `scan` looks for files, `load` waits for the encoder to be loaded,
    `waiting` for photos to be decoded (loading not counted), `encode` and `write` are the encoder
    and the commits, `texts` all that text files cost; all of them wall time. Beside it, added up
    over threads: `read` is the wall time of reading and hashing, `decode` the CPU time of decoding
    (wall time where a worker process does it).
    """

    scan: float = 0.0
    load: float = 0.0
    read: float = 0.0
    decode: float = 0.0
    waiting: float = 0.0
    encode: float = 0.0
    write: float = 0.0
    texts: float = 0.0

    @property
    def bottleneck(self) -> Literal["reading", "decoding", "encoding", "writing", ""]:
        """The stage that the run waited for longest; "" where no photo was encoded."""
        if not self.encode:
            return ""
        longest = max(self.waiting, self.encode, self.write)
        if longest == self.encode:
            return "encoding"
        if longest == self.write:
            return "writing"
        return "reading" if self.read > self.decode else "decoding"


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What an indexing run did. Each file met is counted in exactly one of the first six.

    `removed` counts files that were known and are gone; `photos` and `documents` count what the
    collection holds afterwards; `fast` says that JPEGs were decoded more coarsely.
    """

    added: int
    changed: int
    moved: int
    duplicates: int
    unchanged: int
    skipped: tuple[Skipped, ...]
    removed: int
    photos: int
    documents: int
    embedded: int
    seconds: float
    encoder: str
    fast: bool = False
    stages: StageTimes = StageTimes()


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run that wrote. `outcome` is "running", "done", "failed: why", "interrupted", or killed.

    `started_at` is UTC in ISO format; `seconds` is None for a run that has not ended.
    """

    command: str
    roots: tuple[str, ...]
    started_at: str
    seconds: float | None
    outcome: str
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class CollectionInfo:
    """What a collection holds. Sizes in bytes.

    `duplicates` are the files of a photo beyond its first, `animated` photos of several frames,
    `not_live` the rows of vectors that are not searched, and `reasons` say why files were skipped.
    `towers` says how "text" and "image" are encoded on this machine's CPU.
    """

    path: str
    photos: int
    files: int
    duplicates: int
    animated: int
    documents: int
    not_live: int
    skipped: int
    reasons: dict[str, int]
    encoder: str
    fingerprint: str
    dim: int
    towers: dict[str, str]
    recipe: str
    sizes: dict[str, int]
    format: int
    created_by: str
    runs: tuple[RunRecord, ...]


@dataclass(frozen=True, slots=True)
class ForgetReport:
    """What `forget` removed, or with `dry_run` would remove.

    `files` are all files that were forgotten, `copies` those of them that nobody named; `links`
    counts lines of other texts that named a photo; `backups` are older catalogs that were removed.
    `wiped` is False where a reader kept the catalog's log from being emptied.
    """

    photos: int
    documents: int
    files: tuple[str, ...]
    copies: tuple[str, ...]
    links: int
    backups: tuple[str, ...]
    without_trace: bool
    dry_run: bool
    wiped: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class CompactReport:
    """What `compact` did: rows of all vectors before and after, and bytes that were freed."""

    rows_before: int
    rows_after: int
    bytes_freed: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a collection: where, and what in words."""

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `verify` found. `notes` are worth knowing and no damage; `checked` counts what was read.

    `seconds` is wall time.
    """

    path: str
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    checked: dict[str, int]
    seconds: float


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What `repair` did, in words; `left` is what it could not mend."""

    path: str
    done: tuple[str, ...]
    left: tuple[Problem, ...]
    embedded_again: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a long run is. `total` is None while it is not known yet."""

    stage: str
    done: int
    total: int | None
    rate: float | None = None


#: Called with each Progress, from the thread that runs the work.
ProgressCallback = Callable[[Progress], None]
#: Called with a plain sentence that the user should see once.
NoticeCallback = Callable[[str], None]


def ignore_progress(_: Progress) -> None:
    """Take no notice of progress."""


def ignore_notice(_: str) -> None:
    """Take no notice of a notice."""
