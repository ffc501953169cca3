"""What a filter costs by the share of rows it keeps, against a scan of everything.

    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive python -m scripts.bench.filter 100000

CPU time of one thread; text-like queries of `vectors.ClipLike`, filters by lot.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.stores import VectorStore, make_store
from retrieval.stores.coded_store import CodedStore
from retrieval.stores.codes import SAMPLE, Codes
from retrieval.stores.exact import search_rows
from retrieval.stores.tuning import tune
from scripts.bench.vectors import ClipLike, brute_force, cpu_ms, overlap

K = 10
SHARES = (0.0001, 0.001, 0.01, 0.05, 0.1, 0.2, 0.5, 1.0)


def measure(sizes: Sequence[int], *, dim: int = 512, queries: int = 30) -> dict[str, Any]:
    """Figures by size, recipe and share that is kept."""
    faiss_there = find_spec("faiss") is not None
    if faiss_there:
        import faiss

        faiss.omp_set_num_threads(1)
    recipes = ["exact-numpy", *(["exact-faiss", "pq-fastscan"] if faiss_there else [])]
    return {str(n): _measure(n, dim, queries, recipes) for n in sizes}


def _measure(n: int, dim: int, queries: int, recipes: list[str]) -> dict[str, Any]:
    source = ClipLike(dim)
    rows = np.concatenate([b.astype(np.float16) for b in source.blocks(n)])
    texts = source.texts(queries, seed=77)
    scan = _scan(rows, texts)
    figures: dict[str, Any] = {"numpy brute force, all rows": scan}
    for recipe in recipes:
        store = _store(recipe, source, rows)
        figures[recipe] = {"unfiltered_ms": _times(store, texts, None)}
        for share in SHARES:
            one = _filtered(store, rows, texts, share)
            one["of_brute_force"] = one["query_ms"]["median"] / scan["median"]
            figures[recipe][f"{share:.2%}"] = one
    return figures


def _scan(rows: NDArray[np.float16], texts: NDArray[np.float32]) -> dict[str, float]:
    wide = rows.astype(np.float32)
    return cpu_ms(lambda run: brute_force(wide, texts[run], K), len(texts))


def _times(
    store: VectorStore, texts: NDArray[np.float32], kept: NDArray[np.int64] | None
) -> dict[str, float]:
    return cpu_ms(lambda run: store.search(texts[run : run + 1], K, kept), len(texts))


def _store(recipe: str, source: ClipLike, rows: NDArray[np.float16]) -> VectorStore:
    store = make_store(recipe, rows.shape[1])
    store.add(np.arange(len(rows)), rows)
    if isinstance(store, CodedStore):
        lots, texts = np.random.default_rng(0), source.texts(1056, seed=79)
        some = np.sort(lots.choice(len(rows), min(SAMPLE, len(rows)), replace=False))
        codes = Codes.learn(rows[some], texts[256:], len(rows))
        codes.add(rows)
        store.cover(codes, tune(codes, rows, texts[:256]).depth or len(rows))
    return store


def _filtered(
    store: VectorStore, rows: NDArray[np.float16], texts: NDArray[np.float32], share: float
) -> dict[str, Any]:
    lots = np.random.default_rng(1)
    kept = np.sort(lots.choice(len(rows), max(int(share * len(rows)), 1), replace=False))
    truth = search_rows(rows, np.arange(len(rows)), texts, K, kept)[1]
    found = np.concatenate([store.search(text[None], K, kept)[1] for text in texts])
    there = truth >= 0
    exact = overlap(found[:, there[0]], truth[:, there[0]])
    times = _times(store, texts, kept)
    return {"query_ms": times, "recall": exact, "plan": str(store.plan(K, len(kept)))}


if __name__ == "__main__":
    print(json.dumps(measure([int(size) for size in sys.argv[1:]] or [10_000]), indent=2))
