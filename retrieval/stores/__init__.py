"""The front door of the vector stores: the protocol, the table, and the choice of one.

A store holds rows of one vector file and finds the nearest by inner product. Every row of STORES
passes the same contract tests against `stores/exact.py`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from retrieval.stores.planning import Plan

#: Recipe name -> "module:Class"; the class takes the dimension.
STORES: dict[str, str] = {
    "exact-numpy": "retrieval.stores.exact:ExactStore",
    "exact-faiss": "retrieval.stores.faiss_store:FaissStore",
}


class VectorStore(Protocol):
    """Vectors by id, searched by inner product (the cosine, as rows have unit length)."""

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


def default_recipe() -> str:
    """FAISS where one of its packages is installed, else numpy. Both are exact.

    Not on macOS: there torch and FAISS each bring an OpenMP runtime, and the two crash a process
    that loads both (faiss-wheels issue 73).
    """
    usable = sys.platform != "darwin" and find_spec("faiss") is not None
    return "exact-faiss" if usable else "exact-numpy"


def make_store(recipe: str, dim: int) -> VectorStore:
    """Make an empty store of a recipe of STORES."""
    module_name, class_name = STORES[recipe].split(":")
    make = cast("Callable[[int], VectorStore]", getattr(import_module(module_name), class_name))
    return make(dim)
