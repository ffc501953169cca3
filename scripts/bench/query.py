"""Warm queries: a search on an open collection, and where its time goes."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from retrieval import Collection, search
from retrieval.encoders import EncoderSpec
from scripts.bench.making import make_collection, named, spread

WARM_UP = 3
WITH_FILTERS = " in Kyoto, spring 2009, not blurry"  # about one photo in 600


def measure(
    photos: int = 20_000, runs: int = 50, k: int = 10, *, model: str = "ViT-B-32"
) -> dict[str, Any]:
    """Milliseconds of a text search and of its parts, wall and CPU of this process.

    `model` is "mini", or an architecture that gets random weights.
    """
    with tempfile.TemporaryDirectory(prefix="query-") as folder:
        place, cache = Path(folder) / "collection", str(Path(folder) / "cache")
        make_collection(place, photos, named(model, Path(folder)), cache)
        begun = time.perf_counter()
        with Collection.open(place, spec=EncoderSpec(cache=cache)) as collection:
            opened = time.perf_counter()
            collection.store("photos")
            loaded = time.perf_counter()
            return {
                "photos": photos,
                "k": k,
                "model": model,
                "recipe": collection.info().recipe,
                "open_ms": round(1000 * (opened - begun), 2),
                "load_ms": round(1000 * (loaded - opened), 2),
                **_parts(collection, runs, k),
            }


def _parts(collection: Collection, runs: int, k: int) -> dict[str, Any]:
    encoder = collection.query_encoder()
    words = iter(f"a photo of {number} dogs" for number in range(sys.maxsize))
    (vector,) = encoder.encode_texts([next(words)])
    space, store = collection.store("photos")
    _, rows = store.search(vector[None], k)
    reader, found = collection.reader, [int(row) for row in rows[0]]

    def describe() -> None:
        with reader.snapshot():
            reader.active_space()
            items = reader.items_at(space, "photos", found)
            reader.photos_by_id(list(items.values()))

    return {
        "search": _timed(lambda: search(collection, next(words), k=k), runs),
        "combined": _timed(lambda: search(collection, next(words) + WITH_FILTERS, k=k), runs),
        "encode_text": _timed(lambda: encoder.encode_texts([next(words)]), runs),
        "is_it_current": _timed(lambda: collection.store("photos"), runs),
        "scan": _timed(lambda: store.search(vector[None], k), runs),
        "describe": _timed(describe, runs),
    }


def _timed(work: Callable[[], object], runs: int) -> dict[str, Any]:
    for _ in range(WARM_UP):
        work()
    wall: list[float] = []
    cpu: list[float] = []
    for _ in range(runs):
        begun = time.perf_counter(), time.process_time()
        work()
        wall.append(1000 * (time.perf_counter() - begun[0]))
        cpu.append(1000 * (time.process_time() - begun[1]))
    return {"wall_ms": spread(wall), "cpu_ms": spread(cpu)}


if __name__ == "__main__":
    import json

    print(json.dumps(measure(*(int(argument) for argument in sys.argv[1:])), indent=2))
