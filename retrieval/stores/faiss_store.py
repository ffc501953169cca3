"""Exact search in FAISS on the CPU; `faiss_gpu` does it on a GPU, where this build finds one.

The rows are float16 as in the vector file, which is bit for bit what FAISS's 16-bit scalar
quantiser stores: nothing is lost against that file, and a scan reads half the memory of float32.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from retrieval.errors import MissingExtraError
from retrieval.stores.exact import mask_of, pad, search_rows, top_k
from retrieval.stores.planning import Plan, exact_plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.stores import VectorStore

T = TypeVar("T", np.float16, np.float32)

LANES = 16  # FAISS scans rows of other lengths number by number, ten times as slowly
BATCH = 10  # queries from which on a matrix product in numpy beats FAISS's scans
FEW = 0.01  # of the rows: up to here a filter's rows are gathered; a bitmap is tested for each row


def make(dim: int) -> VectorStore:
    """An empty store on a GPU if there is one that FAISS can use, else on the CPU."""
    faiss = import_faiss()
    # A build for the CPU has get_num_gpus too, and says 0.
    if hasattr(faiss, "StandardGpuResources") and faiss.get_num_gpus() > 0:
        from retrieval.stores.faiss_gpu import FaissGpuStore

        return FaissGpuStore(faiss, dim)
    return FaissStore(dim)


class FaissStore:
    """A flat FAISS index with our own ids. See VectorStore for the contract."""

    def __init__(self, dim: int) -> None:
        faiss = import_faiss()
        self._faiss = faiss
        self._ids: NDArray[np.int64] = np.empty(0, np.int64)
        self._width = -(-dim // LANES) * LANES
        kind = faiss.ScalarQuantizer.QT_fp16
        self._index: Any = faiss.IndexScalarQuantizer(self._width, kind, faiss.METRIC_INNER_PRODUCT)

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float16]) -> None:
        # The codes of the quantiser are the bytes of the rows.
        self._index.add_sa_codes(self._widened(vectors, np.float16).view(np.uint8))
        self._ids = np.concatenate([self._ids, ids])

    def remove(self, ids: NDArray[np.int64]) -> None:
        dead = mask_of(self._ids, ids)
        if not dead.any():
            return
        self._index.remove_ids(np.flatnonzero(dead))
        self._ids = self._ids[~dead]

    def search(
        self, vectors: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        vectors = self._widened(vectors, np.float32)
        chosen = None if allowed is None else mask_of(self._ids, allowed)
        most = len(self._ids) if chosen is None else int(np.count_nonzero(chosen))
        wanted = min(k + 1, most)  # one more, to see whether the k-th and the next one tie
        if wanted == 0 or len(vectors) == 0:
            return pad(np.empty((len(vectors), 0), np.float32), _no_ids(len(vectors)), k)
        few = chosen is not None and most <= FEW * len(self._ids)
        if few or len(vectors) >= BATCH:
            places = None if chosen is None else np.flatnonzero(chosen)
            return search_rows(self._rows(), self._ids, vectors, k, places)
        parameters = None
        if chosen is not None:
            bits = np.packbits(chosen, bitorder="little")
            parameters = self._faiss.SearchParameters(sel=self._faiss.IDSelectorBitmap(bits))
        scores, places = self._index.search(vectors, wanted, params=parameters)
        while wanted < most and (scores[:, -1] == scores[:, k - 1]).any():
            # FAISS keeps any of those that tie at the cut: look on until a worse one shows up
            wanted = min(2 * wanted, most)
            scores, places = self._index.search(vectors, wanted, params=parameters)
        return pad(*top_k(scores, self._ids[places], k), k)

    def plan(self, k: int, kept: int | None = None) -> Plan:
        return exact_plan(len(self), kept)

    def _widened(self, rows: NDArray[T], kind: type[T]) -> NDArray[T]:
        """Rows (n, dim) with zeros up to the width that FAISS scans; no product changes."""
        if rows.shape[1] == self._width:
            return np.ascontiguousarray(rows, kind)
        wide = np.zeros((len(rows), self._width), kind)
        wide[:, : rows.shape[1]] = rows
        return wide

    def _rows(self) -> NDArray[np.float16]:
        """The rows (n, width) where FAISS holds them, not copied."""
        codes = self._index.codes
        data: NDArray[np.uint8] = self._faiss.rev_swig_ptr(codes.data(), codes.size())
        return data.view(np.float16).reshape(-1, self._index.d)


def _no_ids(rows: int) -> NDArray[np.int64]:
    return np.empty((rows, 0), np.int64)


def import_faiss() -> Any:
    """The module faiss. Raises MissingExtraError if it cannot be loaded."""
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
