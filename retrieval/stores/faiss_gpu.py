"""Exact search in FAISS on an NVIDIA GPU: it proposes, the rows on the host decide.

A flat GPU index of float16 rows rounds queries to float16 as well (faiss/gpu/impl/FlatIndex.cu),
so its scores are off by up to 2^-11 of the lengths. It is asked for more than is wanted, and what
it finds is scored again in float32; if something that it left out could still be better, it is
asked for twice as many. What it does not do at all is done on the host: filters, which it ignores
without a word, more than 2,048 results, and removal, for which the rows are added again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.errors import DeviceMemoryError
from retrieval.stores.exact import ExactStore, pad, top_k
from retrieval.stores.planning import Plan, exact_plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCRATCH_BYTES = 256 << 20  # FAISS's own default is 1.5 GB per GPU
MAX_K = 2048
ADD_ROWS = 1 << 18  # widened to float32 at a time: 0.5 GB at 512 dimensions
RESCORE_BYTES = 256 << 20
ROUNDING = 2.0**-10  # of the product of lengths; twice what rounding a query can do


class FaissGpuStore:
    """A flat GPU index beside the rows it was made of. See VectorStore for the contract.

    Raises DeviceMemoryError when rows do not fit the GPU.
    """

    def __init__(self, faiss: Any, dim: int) -> None:
        self.dim = dim
        self._ids: NDArray[np.int64] = np.empty(0, np.int64)
        self._rows: NDArray[np.float16] = np.empty((0, dim), np.float16)
        self._longest = 0.0
        self._resources = faiss.StandardGpuResources()  # must outlive the index
        self._resources.setTempMemory(SCRATCH_BYTES)
        config = faiss.GpuIndexFlatConfig()
        config.useFloat16 = True
        self._index = faiss.GpuIndexFlatIP(self._resources, dim, config)

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float16]) -> None:
        self._upload(vectors)
        # A memory-mapped file stays one.
        self._rows = np.concatenate([self._rows, vectors]) if len(self) else vectors
        self._ids = np.concatenate([self._ids, ids])

    def remove(self, ids: NDArray[np.int64]) -> None:
        keep = ~np.isin(self._ids, ids)
        if not keep.all():
            self._ids, self._rows = self._ids[keep], self._rows[keep]
            self._index.reset()
            self._upload(self._rows)

    def _upload(self, vectors: NDArray[np.float16]) -> None:
        for start in range(0, len(vectors), ADD_ROWS):
            rows = np.ascontiguousarray(vectors[start : start + ADD_ROWS], dtype=np.float32)
            self._longest = max(self._longest, float(np.linalg.norm(rows, axis=1).max()))
            try:
                self._index.add(rows)
            except RuntimeError as error:
                if "out of memory" not in str(error):
                    raise
                raise DeviceMemoryError(
                    f"{len(self) + len(vectors):,} vectors do not fit the memory of the GPU; "
                    "search them on the CPU."
                ) from error

    def plan(self, k: int, kept: int | None = None) -> Plan:
        return exact_plan(len(self), kept)

    def search(
        self, vectors: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        queries = np.ascontiguousarray(vectors, dtype=np.float32)
        held = len(self)
        if allowed is not None or held == 0 or len(queries) == 0:
            return self._search_on_host(queries, k, allowed)
        slack = ROUNDING * self._longest * np.linalg.norm(queries, axis=1)  # (q,)
        wanted = min(2 * k + 32, held)
        while wanted <= MAX_K:
            rough, places = self._index.search(queries, wanted)
            scores = self._exact_scores(queries, places)
            best, ids = top_k(scores, self._ids[places], k)
            # What was not proposed is no better than the last proposal, but for the rounding.
            if wanted == held or (rough[:, -1] + slack < best[:, -1]).all():
                return pad(best, ids, k)
            wanted = min(2 * wanted, held)
        return self._search_on_host(queries, k)

    def _search_on_host(
        self, vectors: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        host = ExactStore(self.dim)
        host.add(self._ids, self._rows)
        return host.search(vectors, k, allowed)

    def _exact_scores(
        self, queries: NDArray[np.float32], places: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Inner products, float32 (q, m), of queries (q, dim) with the rows at places (q, m)."""
        scores = np.empty(places.shape, np.float32)
        step = max(RESCORE_BYTES // (4 * self.dim * places.shape[1]), 1)
        for start in range(0, len(queries), step):
            part = slice(start, start + step)
            rows = self._rows[places[part]].astype(np.float32)  # (step, m, dim)
            scores[part] = (rows @ queries[part, :, None])[:, :, 0]
        return scores
