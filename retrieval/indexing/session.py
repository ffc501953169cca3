"""What the steps of one indexing run share: the collection, the counts, what is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from retrieval.embedding import DEFAULT_BATCH, BatchEmbedder
from retrieval.indexing.stages import Stages
from retrieval.metadata.reading import sidecars_of
from retrieval.records import FileStat, ProgressCallback, Skipped
from retrieval.storage.commits import FileEntry

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.corpora import Columns
    from retrieval.scan import KnownFile

COMMIT_FILES = 256  # files that are committed at a time where a batch does not fill up before
COMMIT_SECONDS = 1.0  # quick batches are gathered so long: a commit waits for the disk
HELD_SECONDS = 10.0  # after which a batch that does not fill up is committed as it is
BEING_WRITTEN = "another program is writing to it"
UNREADABLE = "cannot be read"  # may be readable next time: such files are tried again
NOT_OPENED = "not opened"  # the `reader` of what no reader saw: it is examined in every run


@dataclass(slots=True)
class Counts:
    """How many files fell into each group; `embedded` counts items that were encoded."""

    added: int = 0
    changed: int = 0
    moved: int = 0
    duplicates: int = 0
    unchanged: int = 0
    embedded: int = 0
    sidecars: int = 0  # of all these: they hold nothing to search
    skipped: list[Skipped] = field(default_factory=list)

    @property
    def usable(self) -> int:
        """Files that hold something to search."""
        met = self.added + self.changed + self.moved + self.duplicates + self.unchanged
        return met - self.sidecars


@dataclass
class Session:
    """One run's settings and running state."""

    collection: Collection
    columns: Columns
    batch_size: int
    threads: int
    on_progress: ProgressCallback
    #: Whether to leave out what would have to be embedded.
    known_only: bool = False
    #: Whether to decode JPEGs more coarsely.
    fast: bool = False
    #: Whether a program is writing to a file, which is then left for another run.
    is_busy: Callable[[str], bool] = lambda _: False
    stages: Stages = field(default_factory=Stages)
    counts: Counts = field(default_factory=Counts)
    #: Known files that work is to be done on, by path.
    before: dict[str, KnownFile] = field(default_factory=dict)
    #: Ids of known files that were not met; a moved one is taken out again.
    missing: set[int] = field(default_factory=set)
    missing_by_photo: dict[int, list[int]] = field(default_factory=dict)
    #: Ids of rows that only said why something was never opened, and no longer hold.
    outdated: list[int] = field(default_factory=list)
    #: Paths of the sidecars that were met.
    sidecars: set[str] = field(default_factory=set)

    @cached_property
    def embedder(self) -> BatchEmbedder:
        """Loads the encoder when there is something to embed, and not before."""
        return BatchEmbedder(self.collection.encoder(), self.batch_size, self.collection.on_notice)

    @property
    def full_batch(self) -> int:
        """How many new photos to encode together; does not load the encoder to know."""
        return self.embedder.worth_gathering if self._embeds else self.batch_size or DEFAULT_BATCH

    def decode_ahead(self) -> int:
        """How many photos to decode in advance; does not load the encoder to know."""
        return self.embedder.decode_ahead() if self._embeds else 3 * DEFAULT_BATCH

    @property
    def _embeds(self) -> bool:
        return "embedder" in self.__dict__

    @cached_property
    def undescribed(self) -> set[bytes]:
        """Items whose vectors outlived a damaged catalog: their files tell what they are."""
        return self.collection.catalog.undescribed()

    def sidecar_of(self, path: str) -> str | None:
        """The sidecar of the photo at `path`, among those that were met in this run."""
        return next((name for name in sidecars_of(path) if name in self.sidecars), None)

    def skip(self, path: str, reason: str) -> None:
        """Count a file as skipped."""
        self.counts.skipped.append(Skipped(path, reason))

    def entry_to_retry(self, stat: FileStat, reason: str) -> FileEntry | None:
        """What to remember of a file that may be readable next time; a good one stays as it is."""
        old = self.before.get(stat.path)
        if old is not None and (
            old.reason is None or (old.reason, old.reader) == (reason, NOT_OPENED)
        ):
            return None
        return FileEntry(stat, reason=reason, reader=NOT_OPENED)
