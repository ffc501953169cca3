"""What is told of the spaces of a collection, and of changing from one to another."""

from __future__ import annotations

from dataclasses import dataclass, field

from retrieval.records.items import Skipped


@dataclass(frozen=True, slots=True)
class SpaceInfo:
    """One space of a collection: how many photos and documents are found in it, of how many.

    `size` in bytes; searches use the `active` one.
    """

    encoder: str
    fingerprint: str
    dim: int
    active: bool
    photos: int
    of_photos: int
    documents: int
    of_documents: int
    size: int


@dataclass(frozen=True, slots=True)
class Moved:
    """A photo among the first hits of either encoder, and its rank with both.

    None is a rank beyond the hits that were looked at.
    """

    path: str
    old: int | None
    new: int | None


@dataclass(frozen=True, slots=True)
class QueryComparison:
    """What a query finds with both encoders.

    `overlap` in [0, 1] is the share of the first `of` hits that both have; `moved` are those whose
    ranks differ, the new encoder's first.
    """

    query: str
    overlap: float
    of: int
    moved: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """A metric with both encoders, and the 95 % interval of new minus old (paired bootstrap)."""

    old: float
    new: float
    interval: tuple[float, float]

    @property
    def difference(self) -> float:
        """New minus old: positive where the new encoder is better."""
        return self.new - self.old


@dataclass(frozen=True, slots=True)
class EvaluationComparison:
    """Metrics by name ("R@1", "R@5", "R@10", "MRR") of two encoders on one set of captions."""

    images: int
    texts: int
    text_to_image: dict[str, Change]
    image_to_text: dict[str, Change]
    skipped: tuple[Skipped, ...] = ()


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """What `migrate` did.

    `encoder` is the new one and `previous` the one that searches used before (or, where they use
    the new one already, whose kept embeddings were dropped). `photos` and
    `documents` count what is found with the new one, `embedded` what this run added to it.
    `unread` are photos whose files could not be read, so that only the old space has them.
    """

    encoder: str
    fingerprint: str
    previous: str
    switched: bool
    dropped: bool
    photos: int
    documents: int
    embedded: int
    unread: tuple[Skipped, ...]
    seconds: float
    queries: tuple[QueryComparison, ...] = ()
    evaluation: EvaluationComparison | None = None


@dataclass(frozen=True, slots=True)
class DropReport:
    """A space that was dropped: what had an embedding in it alone, and the bytes freed."""

    encoder: str
    fingerprint: str
    lost: tuple[str, ...] = field(default=())
    bytes_freed: int = 0
