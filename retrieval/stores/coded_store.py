"""A shortlist by codes, rescored with the stored vectors: for collections too large to scan.

Codes cover the first rows; rows behind them (the tail) are compared one by one, so a store without
codes is an exact one. Removed rows are only marked: compaction drops them from the files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retrieval.stores.exact import inner_products, mask_of, pad, search_rows, select, top_k
from retrieval.stores.planning import Plan, choose_plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.stores.codes import Codes
    from retrieval.stores.exact import Found

MEASURED_K = 10  # the k that a depth is measured for
DEEPER = 0.6  # the power of k by which a shortlist grows


class CodedStore:
    """Codes beside float16 rows, which may be memory-mapped. See VectorStore for the contract."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._ids: NDArray[np.int64] = np.empty(0, np.int64)
        self._rows: NDArray[np.float16] = np.empty((0, dim), np.float16)
        self._live: NDArray[np.bool_] = np.empty(0, bool)
        self._count = 0  # of the living
        self._codes: Codes | None = None
        self._depth = 0

    def __len__(self) -> int:
        return self._count

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float16]) -> None:
        if len(self._ids) == 0:
            self._ids, self._rows = ids, vectors  # a memory-mapped file stays one
        else:
            self._ids = np.concatenate([self._ids, ids])
            self._rows = np.concatenate([self._rows, vectors])
        self._live = np.concatenate([self._live, np.ones(len(ids), bool)])
        self._count += len(ids)

    def remove(self, ids: NDArray[np.int64]) -> None:
        self._live[mask_of(self._ids, ids)] = False
        self._count = int(np.count_nonzero(self._live))

    def cover(self, codes: Codes, depth: int) -> None:
        """Use codes of the first rows that were added; `depth` candidates find MEASURED_K hits."""
        self._codes, self._depth = codes, depth

    def search(
        self, vectors: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None
    ) -> Found:
        wanted = self._live
        if allowed is not None:
            wanted = mask_of(self._ids, allowed) & self._live
        plan = self.plan(k, None if allowed is None else int(np.count_nonzero(wanted)))
        if self._codes is None or plan.way.startswith("exact"):
            return self._exact(vectors, k, np.flatnonzero(wanted))
        found = [self._rescored(row[None], k, wanted, plan.count) for row in vectors]
        covered = len(self._codes)
        tail = covered + np.flatnonzero(wanted[covered:])
        if not found or len(tail) == 0:
            return _stacked(found, k)
        scores, ids = _stacked(found, k)
        more_scores, more_ids = self._exact(vectors, k, tail)
        return top_k(
            np.concatenate([scores, more_scores], axis=1),
            np.concatenate([ids, more_ids], axis=1),
            k,
        )

    def plan(self, k: int, kept: int | None = None) -> Plan:
        if self._codes is None:
            return choose_plan(self._count, kept, self._count)
        # The deeper a hit stands the closer are its neighbours.
        depth = int(self._depth * max(1.0, (k / MEASURED_K) ** DEEPER))
        return choose_plan(self._count, kept, max(depth, k))

    def _exact(self, vectors: NDArray[np.float32], k: int, places: NDArray[np.int64]) -> Found:
        everything = None if len(places) == len(self._ids) else places
        return search_rows(self._rows, self._ids, vectors, k, everything)

    def _rescored(
        self, vector: NDArray[np.float32], k: int, wanted: NDArray[np.bool_], length: int
    ) -> Found:
        """The best of the covered rows for one vector (1, dim)."""
        assert self._codes is not None
        covered = len(self._codes)
        enough = min(k, int(np.count_nonzero(wanted[:covered])))
        while True:
            near = self._codes.shortlist(vector, length)[0]
            near = near[near >= 0]
            near = np.sort(near[wanted[near]])
            if len(near) >= enough or length >= covered:
                break
            length *= 4
        if len(near) < enough:  # FAISS has no order for a query that is zero
            near = np.flatnonzero(wanted[:covered])
        return select(inner_products(vector, self._rows, near), self._ids[near], k)


def _stacked(found: list[Found], k: int) -> Found:
    """What was found for each query, as one (q, k)."""
    padded = [pad(scores, ids, k) for scores, ids in found]
    if not padded:
        return np.empty((0, k), np.float32), np.empty((0, k), np.int64)
    return np.concatenate([s for s, _ in padded]), np.concatenate([i for _, i in padded])
