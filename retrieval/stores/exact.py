"""Exact search in numpy: the oracle of every other store, and the fallback without FAISS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retrieval.stores.planning import Plan, exact_plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Found = tuple[NDArray[np.float32], NDArray[np.int64]]

BLOCK = 4_096  # rows that are widened at a time: 8 MB at 512 dimensions, which stays in the cache
SPAN = 1 << 23  # scores that are kept before the best are picked: 32 MB
SCALE = np.float32(2.0**112)  # what separates the exponents of float16 and float32


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
        keep = ~mask_of(self._ids, ids)
        if not keep.all():
            self._ids, self._rows = self._ids[keep], self._rows[keep]

    def search(
        self, vectors: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None
    ) -> Found:
        places = None if allowed is None else places_of(self._ids, allowed)
        return search_rows(self._rows, self._ids, vectors, k, places)

    def plan(self, k: int, kept: int | None = None) -> Plan:
        return exact_plan(len(self), kept)


def search_rows(
    rows: NDArray[np.float16],
    ids: NDArray[np.int64],
    vectors: NDArray[np.float32],
    k: int,
    places: NDArray[np.int64] | None = None,
) -> Found:
    """Compare vectors (q, dim) with rows (n, dim) of ids (n,), or those at `places` (ascending).

    Returns what VectorStore.search does.
    """
    count, many = len(rows) if places is None else len(places), max(len(vectors), 1)
    best = np.empty((len(vectors), 0), np.float32), np.empty((len(vectors), 0), np.int64)
    span = max(SPAN // many, BLOCK)
    for start in range(0, count, span):
        part: slice | NDArray[np.int64] = slice(start, min(start + span, count))
        part = part if places is None else places[part]
        scores, best_ids = select(inner_products(vectors, rows, part), ids[part], k)
        best = top_k(
            np.concatenate([best[0], scores], axis=1),
            np.concatenate([best[1], best_ids], axis=1),
            k,
        )
    return pad(*best, k)


def inner_products(
    vectors: NDArray[np.float32],
    rows: NDArray[np.float16],
    part: slice | NDArray[np.int64] = slice(None),
) -> NDArray[np.float32]:
    """The products (q, n) of vectors (q, dim) with the rows (n, dim) of `part`, block by block."""
    if isinstance(part, slice):
        first, end, _ = part.indices(len(rows))
        count = end - first
    else:
        first, count = 0, len(part)
    products = np.empty((len(vectors), count), np.float32)
    scaled = vectors * SCALE
    for start in range(0, count, BLOCK):
        stop = min(start + BLOCK, count)
        if isinstance(part, slice):
            some = rows[first + start : first + stop]
        else:
            some = rows[part[start:stop]]
        np.matmul(scaled, shrunk(some).T, out=products[:, start:stop])
    return products


def shrunk(rows: NDArray[np.float16]) -> NDArray[np.float32]:
    """The rows as float32 divided by SCALE, exactly, also subnormal ones; not for infinities.

    A float16 whose bits are moved to where float32 has its exponent and fraction is the same
    number but for the bias of the exponent. numpy's own conversion takes six times as long.
    """
    bits: NDArray[np.int32] = np.asarray(rows).view(np.int16).astype(np.int32)
    bits <<= 13
    bits &= np.int32(-0x7000_0001)  # the sign was copied into three bits beside its own
    return bits.view(np.float32)


def places_of(ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the wanted ids stand in ids (n,), which ascend; unknown ones are left out."""
    return np.flatnonzero(mask_of(ids, wanted))


def mask_of(ids: NDArray[np.int64], wanted: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which of ids (n,), which ascend, are wanted."""
    mask = np.zeros(len(ids), bool)
    if len(ids) and ids[-1] - ids[0] == len(ids) - 1:  # without gaps: an id tells its place
        places = wanted - ids[0]
        mask[places[(places >= 0) & (places < len(ids))]] = True
    elif len(ids):
        places = np.searchsorted(ids, wanted).clip(max=len(ids) - 1)
        mask[places[ids[places] == wanted]] = True
    return mask


def select(scores: NDArray[np.float32], ids: NDArray[np.int64], k: int) -> Found:
    """The k best of scores (q, n) for ids (n,), which ascend: best first, ties by lower id."""
    wide = np.broadcast_to(ids, scores.shape)
    if scores.shape[1] <= k:
        return top_k(scores, wide, k)
    cut = scores.shape[1] - k
    least = np.partition(scores, cut, axis=1)[:, cut]
    best = np.empty((len(scores), k), np.float32), np.empty((len(scores), k), np.int64)
    for row, line in enumerate(scores):
        near = np.flatnonzero(line >= least[row])  # all that tie at the cut
        order = near[np.argsort(-line[near], kind="stable")[:k]]
        best[0][row], best[1][row] = line[order], ids[order]
    return best


def top_k(scores: NDArray[np.float32], ids: NDArray[np.int64], k: int) -> Found:
    """Keep the k best of each row (q, n), best first, ties by lower id."""
    order = np.lexsort((ids, -scores), axis=1)[:, :k]
    return np.take_along_axis(scores, order, 1), np.take_along_axis(ids, order, 1)


def pad(scores: NDArray[np.float32], ids: NDArray[np.int64], k: int) -> Found:
    """Widen (q, m) to (q, k) with score -inf and id -1."""
    missing = ((0, 0), (0, max(k - scores.shape[1], 0)))
    return (
        np.pad(scores, missing, constant_values=-np.inf),
        np.pad(ids, missing, constant_values=-1),
    )
