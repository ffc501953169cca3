"""Exact search in FAISS on the CPU; `faiss_gpu` does it on a GPU, where this build finds one.

The rows are float16 as in the vector file, which is bit for bit what FAISS's 16-bit scalar
quantiser stores: nothing is lost against that file, and a scan reads half the memory of float32.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.errors import MissingExtraError
from retrieval.stores.exact import pad, top_k

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.stores import VectorStore


def make(dim: int) -> VectorStore:
    """An empty store on a GPU if there is one that FAISS can use, else on the CPU."""
    faiss = _import_faiss()
    # A build for the CPU has get_num_gpus too, and says 0.
    if hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0:
        from retrieval.stores.faiss_gpu import FaissGpuStore

        return FaissGpuStore(faiss, dim)
    return FaissStore(dim)


class FaissStore:
    """A flat FAISS index with our own ids. See VectorStore for the contract."""

    def __init__(self, dim: int) -> None:
        faiss = _import_faiss()
        self._faiss = faiss
        self._ids: NDArray[np.int64] = np.empty(0, np.int64)
        kind = faiss.ScalarQuantizer.QT_fp16
        self._index: Any = faiss.IndexScalarQuantizer(dim, kind, faiss.METRIC_INNER_PRODUCT)

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float16]) -> None:
        self._index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        self._ids = np.concatenate([self._ids, ids])

    def remove(self, ids: NDArray[np.int64]) -> None:
        dead = np.isin(self._ids, ids)
        if not dead.any():
            return
        self._index.remove_ids(np.flatnonzero(dead))
        self._ids = self._ids[~dead]

    def search(
        self, vectors: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        chosen = None if allowed is None else np.isin(self._ids, allowed)
        most = len(self._ids) if chosen is None else int(chosen.sum())
        wanted = min(k + 1, most)  # one more, to see whether the k-th and the next one tie
        if wanted == 0 or len(vectors) == 0:
            return pad(np.empty((len(vectors), 0), np.float32), _no_ids(len(vectors)), k)
        parameters = None
        if chosen is not None:
            bits = np.packbits(chosen, bitorder="little")
            parameters = self._faiss.SearchParameters(sel=self._faiss.IDSelectorBitmap(bits))
        queries = np.ascontiguousarray(vectors, dtype=np.float32)
        scores, places = self._index.search(queries, wanted, params=parameters)
        while wanted < most and (scores[:, -1] == scores[:, k - 1]).any():
            # FAISS keeps any of those that tie at the cut: look on until a worse one shows up
            wanted = min(2 * wanted, most)
            scores, places = self._index.search(queries, wanted, params=parameters)
        return pad(*top_k(scores, self._ids[places], k), k)


def _no_ids(rows: int) -> NDArray[np.int64]:
    return np.empty((rows, 0), np.int64)


def _import_faiss() -> Any:
    # Spinning OpenMP threads cost ten times the work on a shared machine; read once at load.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    try:
        import faiss
    except ImportError as exc:
        raise MissingExtraError(
            f"FAISS is installed but cannot be loaded ({exc}). Reinstall it, or uninstall it: "
            "without it the same exact search runs in numpy."
        ) from exc
    return faiss
