"""Exact search in numpy: the oracle of every other store, and the fallback without FAISS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 16_384  # rows that are widened to float32 at a time: 32 MB at 512 dimensions


class ExactStore:
    """Holds float16 rows and compares the query with each. See VectorStore for the contract."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self._ids: NDArray[np.int64] = np.empty(0, np.int64)
        self._rows: NDArray[np.float16] = np.empty((0, dim), np.float16)

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float16]) -> None:
        if len(self._ids) == 0:
            self._ids, self._rows = ids.copy(), vectors  # a memory-mapped file stays one
        else:
            self._ids = np.concatenate([self._ids, ids])
            self._rows = np.concatenate([self._rows, vectors])

    def remove(self, ids: NDArray[np.int64]) -> None:
        keep = ~np.isin(self._ids, ids)
        if not keep.all():
            self._ids, self._rows = self._ids[keep], self._rows[keep]

    def search(
        self, vectors: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        places = np.arange(len(self._ids))
        if allowed is not None:
            places = places[np.isin(self._ids, allowed)]
        best_scores = np.full((len(vectors), 0), -np.inf, np.float32)
        best_ids = np.full((len(vectors), 0), -1, np.int64)
        for start in range(0, len(places), BLOCK):
            block = places[start : start + BLOCK]
            rows = self._rows[block].astype(np.float32)  # (b, dim)
            scores = np.concatenate([best_scores, vectors @ rows.T], axis=1)
            ids = np.concatenate(
                [best_ids, np.broadcast_to(self._ids[block], (len(vectors), len(block)))], axis=1
            )
            best_scores, best_ids = top_k(scores, ids, k)
        return pad(best_scores, best_ids, k)


def top_k(
    scores: NDArray[np.float32], ids: NDArray[np.int64], k: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Keep the k best of each row (q, n), best first, ties by lower id."""
    order = np.lexsort((ids, -scores), axis=1)[:, :k]
    return np.take_along_axis(scores, order, 1), np.take_along_axis(ids, order, 1)


def pad(
    scores: NDArray[np.float32], ids: NDArray[np.int64], k: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Widen (q, m) to (q, k) with score -inf and id -1."""
    missing = ((0, 0), (0, max(k - scores.shape[1], 0)))
    return (
        np.pad(scores, missing, constant_values=-np.inf),
        np.pad(ids, missing, constant_values=-1),
    )
