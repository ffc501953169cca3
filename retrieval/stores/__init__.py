"""The front door of the vector stores: the protocol, the table, and the choice of one.

A store holds rows of one vector file and finds the nearest by inner product. Every row of STORES
passes the same contract tests against `stores/exact.py`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, cast

from retrieval.machine import has_nvidia_driver

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from retrieval.stores.planning import Plan

#: Recipe name -> "module:Class" or "module:function"; it takes the dimension.
STORES: dict[str, str] = {
    "exact-numpy": "retrieval.stores.exact:ExactStore",
    "exact-faiss": "retrieval.stores.faiss_store:make",
    "exact-torch": "retrieval.stores.torch_store:TorchStore",
    "pq-fastscan": "retrieval.stores.coded_store:CodedStore",
}

CODED = "pq-fastscan"  # the recipe whose codes are made ahead, and published
GPU_FROM = 1_000_000  # rows that are worth loading torch for, where there is a GPU
EXACT_BELOW = 50_000  # rows: a scan takes at most 8 ms, and nothing can be missed
MEMORY_BYTES = 4 << 30
LATENCY_MS = 5.0
SCAN_NS = 0.15  # CPU time of an exact scan for each number (measured: 0.11 FAISS, 0.27 numpy)


class VectorStore(Protocol):
    """Vectors by id, searched by inner product (the cosine, as rows have unit length).

    A store is exact as long as it is only added to. CodedStore is no longer so once it was given
    codes to look at first (`cover`); it keeps the vectors it was added, memory-mapped if they were,
    and scores its hits with them.
    """

    def __len__(self) -> int:
        """How many vectors are held."""
        ...

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float16]) -> None:
        """Add vectors (n, dim) under ids (n,) that are ascending and above all present ones."""
        ...

    def remove(self, ids: NDArray[np.int64]) -> None:
        """Forget ids; unknown ones are ignored."""
        ...

    def search(
        self,
        vectors: NDArray[np.float32],
        k: int,
        allowed: NDArray[np.int64] | None = None,
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Find the k best ids for each query vector (q, dim), among `allowed` if given.

        Returns scores (q, k) and ids (q, k), best first, ties by lower id; where fewer than k
        exist the score is -inf and the id -1.
        """
        ...

    def plan(self, k: int, kept: int | None = None) -> Plan:
        """How `search` finds k, without a filter or with one that keeps `kept` vectors."""
        ...


def choose_recipe(
    n: int,
    dim: int,
    memory_bytes: int = MEMORY_BYTES,
    latency_ms: float = LATENCY_MS,
    *,
    once: bool = False,
) -> str:
    """The recipe for n vectors (n, dim): exact as long as a scan is quick and the rows fit.

    `memory_bytes` is what the store may hold, `latency_ms` the CPU time of a query. With `once`
    a single query will be asked, so that importing FAISS would cost more than it saves, and
    filling a GPU in any case.
    """
    if not once and n and _fits_a_gpu(n, dim):
        return "exact-torch"
    scan_ms = n * dim * SCAN_NS / 1e6
    small = n < EXACT_BELOW or (scan_ms <= latency_ms and 2 * n * dim <= memory_bytes)
    if not small and has_faiss():
        return CODED
    return exact_recipe(n, once=once)


def _fits_a_gpu(n: int, dim: int) -> bool:
    """Whether a GPU is here, has room for n vectors, and torch is loaded or worth loading."""
    if not (n >= GPU_FROM or "torch" in sys.modules) or not has_nvidia_driver():
        return False
    from retrieval.stores.torch_store import gpu_recipe_available

    return gpu_recipe_available(n, dim)


def exact_recipe(n: int, *, once: bool = False) -> str:
    """The exact recipe for n vectors; see choose_recipe."""
    return "exact-numpy" if once and n < EXACT_BELOW else default_recipe()


def default_recipe() -> str:
    """FAISS where one of its packages is installed, else numpy. Both are exact."""
    return "exact-faiss" if has_faiss() else "exact-numpy"


def has_faiss() -> bool:
    """Whether one of FAISS's packages is installed and may be loaded.

    Not on macOS: there torch and FAISS each bring an OpenMP runtime, and the two crash a process
    that loads both (faiss-wheels issue 73).
    """
    return sys.platform != "darwin" and find_spec("faiss") is not None


def make_store(recipe: str, dim: int) -> VectorStore:
    """Make an empty store of a recipe of STORES."""
    module_name, class_name = STORES[recipe].split(":")
    make = cast("Callable[[int], VectorStore]", getattr(import_module(module_name), class_name))
    return make(dim)
