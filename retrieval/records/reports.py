"""What long runs tell while they work, and report when they are done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from retrieval.records.items import Kind, Skipped
from retrieval.records.moves import SpaceInfo


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
    `towers` says how "text" and "image" are encoded on this machine's CPU; `spaces` lists what
    there is of each encoder, the one that is searched first.
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
    spaces: tuple[SpaceInfo, ...] = ()


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


#: What an export writes: tables, embeddings beside tables, or the photos themselves.
Form = Literal["parquet", "npy", "csv", "json", "jsonl", "copies", "links"]
FORMS: tuple[Form, ...] = ("parquet", "npy", "csv", "json", "jsonl", "copies", "links")


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What `export_collection` wrote to `path`: how many items, and how many bytes.

    `left_out` names what was asked for and could not be exported, with the reason; `notes` are
    sentences that the user should see.
    """

    path: str
    form: Form
    kind: Kind
    items: int
    bytes: int
    left_out: tuple[Skipped, ...]
    notes: tuple[str, ...]
    encoder: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What `import_set` took from `source`, which holds `rows` embeddings.

    `imported` counts photos that are new in the collection, `linked` further files of photos that
    it has, `unchanged` files that it knew already; each file named in the set is counted once, or
    is in `left_out` with the reason. `checked` photos were embedded again and compared, the least
    cosine was `least` (None where the set says what made it, and none was compared). `rescaled`
    counts embeddings that were not of length 1.
    """

    source: str
    rows: int
    imported: int
    linked: int
    unchanged: int
    left_out: tuple[Skipped, ...]
    checked: int
    least: float | None
    rescaled: int
    photos: int
    encoder: str
    seconds: float


@dataclass(frozen=True, slots=True)
class WatchReport:
    """What `watch` did until it was ended: its runs, and of these together what IndexReport counts.

    `runs` counts those that changed something, `failures` those that failed and were tried again.
    """

    runs: int
    added: int
    changed: int
    moved: int
    removed: int
    failures: int
    seconds: float


@dataclass(frozen=True, slots=True)
class WritingReport:
    """What `ocr` did: photos that were read, and how many of them hold writing.

    `unreadable` ones could not be opened and are tried again, `left` were not reached yet.
    """

    photos: int
    with_writing: int
    unreadable: int
    left: int
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
