"""What may be shown for a query, best first: one attempt on one state of a collection."""

from __future__ import annotations

import operator
from collections.abc import Collection as Several
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from retrieval.errors import QueryError
from retrieval.records import Kind, Query, SearchOptions, Space
from retrieval.searching.hits import Ranked
from retrieval.storage.filters import passing
from retrieval.storage.stored import in_order, items_of, rows_of
from retrieval.stores import VectorStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.collection import Collection

SHORTLIST = 200  # candidates that several sources, folds and judgement are given, at least
DEEPER = 8  # times as many, where all of them are relevant
MOST_SORTED = 10_000  # relevant items that are put into another order


@dataclass(frozen=True, slots=True)
class Attempt:
    """A query on one state of a collection. `allowed` are the rows that may be found, None all."""

    collection: Collection
    asked: Query
    options: SearchOptions
    space: Space
    store: VectorStore
    allowed: NDArray[np.int64] | None

    @classmethod
    def begin(
        cls,
        collection: Collection,
        asked: Query,
        options: SearchOptions,
        among: Several[int] | None,
    ) -> Attempt:
        """Load what is to be searched, and find the rows that pass the filters."""
        space, store = collection.store(options.kind)
        reader, kind = collection.reader, options.kind
        allowed = None
        if asked.filters:
            allowed = passing(reader, space, kind, asked.filters)
        if among is not None:
            rows = np.array(sorted(rows_of(reader, space, kind, _ids(among)).values()), np.int64)
            allowed = rows if allowed is None else np.intersect1d(allowed, rows)
        return cls(collection, asked, options, space, store, allowed)

    @property
    def matched(self) -> int:
        """How many items may be found."""
        return len(self.store) if self.allowed is None else len(self.allowed)


@dataclass(frozen=True, slots=True)
class Candidates:
    """Items best first, as many as were needed, and what is to be said of them all."""

    ranked: list[Ranked]
    considered: int
    matched: int
    method: str
    relevant: int | None = None
    cut: float | None = None


def find(attempt: Attempt, needed: int) -> Candidates | None:
    """At least the first `needed` items, or all; None if the collection changed meanwhile."""
    if not attempt.asked.parts:
        return _listed(attempt, needed)
    composition = composed(attempt.collection, attempt.asked, attempt.options.kind)
    if len(composition.vector) != attempt.space.dim:
        return None  # another encoder was changed to meanwhile
    found = Finding(attempt, composition)
    ranked = found.photos(needed) if attempt.options.kind == "photos" else found.documents(needed)
    return ranked


def _listed(attempt: Attempt, needed: int) -> Candidates:
    """A query of filters alone is an inventory: everything that passes, the newest first."""
    options = attempt.options
    order: Order = "newest" if options.order == "relevance" else options.order
    rows = attempt.without(options.apart_from)
    found = in_order(attempt.collection.reader, attempt.space, options.kind, rows, order, needed)
    ranked = [Ranked(row, item, None, 1.0, ("filters",)) for row, item in found]
    matched = attempt.matched
    return Candidates(ranked, len(attempt.store), matched, "by filters", matched, 1.0)


def _ids(among: Several[int]) -> list[int]:
    try:
        ids = [operator.index(item) for item in among]  # numpy's integers too
    except TypeError as exc:
        raise QueryError("among takes the ids of items, which are whole numbers.") from exc
    return [item for item in ids if 0 <= item < 1 << 63]
