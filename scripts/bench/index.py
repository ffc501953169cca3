"""How fast and how good each way of searching is, against brute force in the same process.

    OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive python -m scripts.bench.index 10000 100000

CPU time of one thread. Vectors and queries are those of `vectors.ClipLike`.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
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
GRAPHS_UP_TO = 20_000  # rows: building these graphs takes minutes beyond
SQLITE_UP_TO = 100_000
LEARNED, TESTED = 800, 256  # text queries

Search = Callable[[NDArray[np.float32]], NDArray[np.int64]]


class Bench:
    """Vectors of one size, queries, and their true neighbours."""

    def __init__(self, n: int, dim: int, queries: int) -> None:
        self.n, self.source = n, ClipLike(dim)
        self.rows = np.concatenate([b.astype(np.float16) for b in self.source.blocks(n)])
        texts, images = self.source.texts(queries, seed=77), self.source.images(queries, seed=78)
        self.queries = {"text": texts, "image": images}
        self.truth = {
            kind: search_rows(self.rows, np.arange(n), asked, K)[1]
            for kind, asked in self.queries.items()
        }

    def figures(self, search: Search) -> dict[str, Any]:
        """CPU time of single queries, and recall@10 by kind of query; one query warms up."""
        texts = self.queries["text"]
        search(texts[0])
        figures: dict[str, Any] = {"query_ms": cpu_ms(lambda run: search(texts[run]), len(texts))}
        for kind, asked in self.queries.items():
            found = np.stack([search(query) for query in asked])
            figures[f"recall_{kind}"] = overlap(found, self.truth[kind])
        return figures


def measure(sizes: Sequence[int], *, dim: int = 512, queries: int = 50) -> dict[str, Any]:
    """Figures by size and way of searching; `times_brute_force` is the ratio of median times."""
    if find_spec("faiss") is not None:
        import faiss

        faiss.omp_set_num_threads(1)
    return {str(n): _measure(Bench(n, dim, queries)) for n in sizes}


def _measure(bench: Bench) -> dict[str, Any]:
    ways = {"numpy brute force": _numpy(bench), "exact-numpy": _exact(bench, "exact-numpy")}
    if find_spec("faiss") is not None:
        ways["exact-faiss"] = _exact(bench, "exact-faiss")
        ways["pq-fastscan"] = _coded(bench)
    if bench.n <= SQLITE_UP_TO:
        ways["sqlite brute force"] = _sqlite(bench)
    if bench.n <= GRAPHS_UP_TO:
        ways |= {name: graph(bench) for name, graph in GRAPHS.items() if find_spec(name)}
    base = ways["numpy brute force"]["query_ms"]["median"]
    for figures in ways.values():
        figures["times_brute_force"] = base / max(figures["query_ms"]["median"], 1e-6)
        if "build_s" in figures:
            figures["build_in_scans"] = figures["build_s"] * 1000 / base
    return ways


def _numpy(bench: Bench) -> dict[str, Any]:
    wide = bench.rows.astype(np.float32)
    return bench.figures(lambda query: brute_force(wide, query, K))


def _by(store: VectorStore) -> Search:
    return lambda query: store.search(query[None], K)[1][0]


def _exact(bench: Bench, recipe: str) -> dict[str, Any]:
    begun = time.process_time()
    store = make_store(recipe, bench.rows.shape[1])
    store.add(np.arange(bench.n), bench.rows)
    loaded, batch = (time.process_time() - begun) * 1000, bench.queries["text"]
    together = cpu_ms(lambda _: store.search(batch, K), 3)["median"]
    return bench.figures(_by(store)) | {
        "load_ms": loaded,
        "batch_query_ms": together / len(batch),
    }


def _coded(bench: Bench) -> dict[str, Any]:
    source, rows, dim = bench.source, bench.rows, bench.rows.shape[1]
    lots = np.random.default_rng(0)
    sample = rows[np.sort(lots.choice(bench.n, min(SAMPLE, bench.n), replace=False))]
    texts = source.texts(LEARNED + TESTED, seed=79)
    times = [time.process_time()]
    codes = Codes.learn(sample, texts[TESTED:], bench.n)
    times.append(time.process_time())
    codes.add(rows)
    times.append(time.process_time())
    tuned = tune(codes, rows, texts[:TESTED])
    times.append(time.process_time())
    learning, encoding, tuning = np.diff(times).tolist()
    depth = tuned.depth or bench.n
    store = CodedStore(dim)
    store.add(np.arange(bench.n), rows)
    store.cover(codes, depth)
    data = codes.to_bytes()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "codes"
        path.write_bytes(data)
        opening = cpu_ms(lambda _: Codes.from_file(path, dim), 15)
    return bench.figures(_by(store)) | {
        "depth": depth,
        "goal_reached": bool(tuned.depth),
        "learn_s": learning,
        "encode_s": encoding,
        "tune_s": tuning,
        "build_s": learning + encoding + tuning,
        "open_ms": opening,
        "bytes": len(data),
    }


def _sqlite(bench: Bench) -> dict[str, Any]:
    """The vectors as blobs of a table, all read for each query."""
    with tempfile.TemporaryDirectory() as folder:
        database = sqlite3.connect(Path(folder) / "vectors.db")
        database.execute("CREATE TABLE vectors (id INTEGER PRIMARY KEY, vector BLOB)")
        wide = bench.rows.astype(np.float32)
        database.executemany(
            "INSERT INTO vectors VALUES (?, ?)", ((i, row.tobytes()) for i, row in enumerate(wide))
        )
        database.commit()

        def search(query: NDArray[np.float32]) -> NDArray[np.int64]:
            found = database.execute("SELECT vector FROM vectors ORDER BY id").fetchall()
            rows = np.frombuffer(b"".join(row for (row,) in found), np.float32)
            return brute_force(rows.reshape(-1, len(query)), query, K)

        search(bench.queries["text"][0])
        asked = bench.queries["text"][:3]
        found = np.stack([search(query) for query in asked])
        figures = {
            "query_ms": cpu_ms(lambda run: search(asked[run]), len(asked)),
            "recall_text": overlap(found, bench.truth["text"][:3]),
        }
        database.close()
    return figures


def _usearch(bench: Bench) -> dict[str, Any]:
    from usearch.index import Index

    index = Index(ndim=bench.rows.shape[1], metric="ip", dtype="f16")
    begun = time.process_time()
    index.add(np.arange(bench.n), bench.rows, threads=1)
    build = time.process_time() - begun
    index.expansion_search = 256

    def search(query: NDArray[np.float32]) -> NDArray[np.int64]:
        found = index.search(query, K, threads=1).keys.astype(np.int64)
        return np.pad(found, (0, K - len(found)), constant_values=-1)

    return bench.figures(search) | {"build_s": build}


def _hnswlib(bench: Bench) -> dict[str, Any]:
    import hnswlib

    index = hnswlib.Index("ip", bench.rows.shape[1])
    begun = time.process_time()
    index.init_index(bench.n, M=16, ef_construction=200)
    index.add_items(bench.rows.astype(np.float32), num_threads=1)
    build = time.process_time() - begun
    index.set_ef(256)
    index.set_num_threads(1)
    return bench.figures(lambda query: index.knn_query(query[None], K)[0][0].astype(np.int64)) | {
        "build_s": build
    }


GRAPHS: dict[str, Callable[[Bench], dict[str, Any]]] = {"usearch": _usearch, "hnswlib": _hnswlib}


if __name__ == "__main__":
    print(json.dumps(measure([int(size) for size in sys.argv[1:]] or [10_000]), indent=2))
