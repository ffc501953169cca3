"""One try at a search, on one state of the collection, and what comes of it."""

from __future__ import annotations

import operator
from collections.abc import Collection as Several
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrieval.errors import QueryError
from retrieval.records import Query, SearchOptions, Space
from retrieval.searching.hits import Ranked
from retrieval.storage.filters import passing
from retrieval.storage.live import photos_at
from retrieval.storage.stored import rows_of
from retrieval.stores import VectorStore

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.collection import Collection
    from retrieval.encoders import Encoder


@dataclass(frozen=True, slots=True)
class Candidates:
    """Items best first, as many as were needed, and what is to be said of them all.

    The numbers are those of SearchResult.
    """

    ranked: Sequence[Ranked]
    considered: int
    matched: int
    method: str
    relevant: int | None = None
    present: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
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
        """Load what is to be searched, and find the rows that pass the filters.

        Raises QueryError, NoCollectionError, CorruptError, StorageError.
        """
        space, store = collection.store(options.kind)
        reader, kind = collection.reader, options.kind
        allowed = passing(reader, space, kind, asked.filters) if asked.filters else None
        if among is not None:
            rows = np.array(sorted(rows_of(reader, space, kind, _ids(among)).values()), np.int64)
            allowed = rows if allowed is None else np.intersect1d(allowed, rows)
        return cls(collection, asked, options, space, store, allowed)

    @property
    def matched(self) -> int:
        """How many items may be found."""
        return len(self.store) if self.allowed is None else len(self.allowed)

    @property
    def considered(self) -> int:
        """How many items there are."""
        return len(self.store)

    def is_of(self, encoder: Encoder | None) -> bool:
        """Whether the encoder of the query's parts is that of what is searched.

        None stands for parts that were read from the active space.
        """
        active = self.collection.reader.active_space()
        same = active is not None and active.id == self.space.id
        return same and (encoder is None or encoder.fingerprint == self.space.fingerprint)

    def pairs(self) -> NDArray[np.int64] | None:
        """Rows and ids of the photos that may be found, int64 (n, 2); None for all."""
        if self.allowed is None:
            return None
        ids = photos_at(self.collection.reader, self.space, self.allowed)
        if len(ids) != len(self.allowed):  # rows changed hands: the page's check will tell
            return np.empty((0, 2), np.int64)
        return np.stack([self.allowed, ids], axis=1)

    def nearest(
        self, vector: NDArray[np.float32], count: int
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Cosines (n,) and rows (n,) of the nearest items that may be found, best first."""
        count = min(count, self.matched)
        if count == 0:
            return np.empty(0, np.float32), np.empty(0, np.int64)
        scores, rows = self.store.search(vector[None], count, self.allowed)
        there = rows[0] >= 0
        # Rows are rounded to float16: a cosine may come out as 1.0004.
        return scores[0][there].clip(-1, 1), rows[0][there]

    def method(self, count: int) -> str:
        """How `nearest` finds so many."""
        allowed = None if self.allowed is None else len(self.allowed)
        return str(self.store.plan(count, allowed))

    def candidates(
        self,
        ranked: Sequence[Ranked],
        method: str,
        *,
        relevant: int | None = None,
        present: float | None = None,
    ) -> Candidates:
        """What has come of it."""
        return Candidates(ranked, self.considered, self.matched, method, relevant, present)


def _ids(among: Several[int]) -> list[int]:
    try:
        ids = [operator.index(item) for item in among]  # numpy's integers too
    except TypeError as exc:
        raise QueryError("among takes the ids of items, which are whole numbers.") from exc
    return [item for item in ids if 0 <= item < 1 << 63]
