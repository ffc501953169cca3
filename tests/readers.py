"""Search from many processes while another writes: no error, and no wrong row.

    python -m tests.readers --readers 8 --photos 1000 --writer index     prints JSON

Each hit is checked twice: the stored vector of its row must be the one computed from the photo's
own file, and its score the product of that vector with the query's.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from retrieval import (
    Collection,
    EncoderSpec,
    compact,
    forget,
    index_folder,
    make_query,
    search,
)
from retrieval.errors import RetrievalError
from retrieval.migrating import migrate
from retrieval.pictures import load_picture
from retrieval.records import Hit, Space
from retrieval.storage.tables import embeddings
from tests.faults import memory
from tests.judging import OWN, SPEC, use_toy
from tests.pictures import picture
from tests.toy import ToyEncoder

LIMIT_S = 540  # for one process
Vectors = dict[str, Any]  # path -> the vector of the photo's own file, float16


class Reader:
    """One process that searches until the writer is done."""

    def __init__(self, place: Path, vectors: Vectors, seed: int) -> None:
        self.place, self.vectors = place, vectors
        self.dice = np.random.default_rng(seed)
        self.figures = {"searches": 0, "hits": 0, "rows compared": 0}

    def run(self, done: Path) -> dict[str, int]:
        """Search again and again, and once more when all is written."""
        with Collection.open(self.place, spec=OWN) as collection:
            while not done.exists():
                self.search_once(collection)
            self.search_once(collection)
        return self.figures

    def search_once(self, collection: Collection) -> None:
        paths = list(self.vectors)
        path = paths[self.dice.integers(len(paths))]
        query = self.vectors[path].astype(np.float32)
        result = search(collection, make_query(images=[path]), k=10)
        assert result.hits or not result.considered, "there are photos, and none is found"
        scores = [hit.score for hit in result.hits]
        assert scores == sorted(scores, reverse=True), f"not the best first: {scores}"
        for hit in result.hits:
            product = float(query @ self.vectors[hit.path].astype(np.float32))
            assert abs(hit.score - product) < 2e-3, f"{hit.path}: {hit.score}, not {product}"
        self._compare_rows(collection, result.hits)
        self.figures["searches"] += 1
        self.figures["hits"] += len(result.hits)

    def _compare_rows(self, collection: Collection, hits: tuple[Hit, ...]) -> None:
        """Compare the stored vectors, unless a writer has changed them since."""
        with collection.catalog.snapshot():
            space = collection.catalog.active_space()
            assert space is not None
            rows = _rows(collection, space, [hit.id for hit in hits])
            photos = collection.catalog.photos_by_id(list(rows))
        try:
            stored = collection.vectors(space, "photos")
            pairs = [(row, path) for item, row in rows.items() for path in photos[item].paths]
            turn = int(space.encoder == "turned")  # by which the other toy turns its vectors
            wrong = [
                path
                for row, path in pairs
                if stored[row].tobytes() != np.roll(self.vectors[path], turn).tobytes()
            ]
        except RetrievalError as exc:
            wrong = [str(exc)]
        if not wrong:
            self.figures["rows compared"] += len(pairs)
        elif collection.catalog.active_space() == space:
            raise AssertionError(f"the rows of these are not theirs: {wrong}")


def _rows(collection: Collection, space: Space, items: list[int]) -> dict[int, int]:
    mine = (embeddings.c.space_id == space.id, embeddings.c.kind == "photos")
    query = select(embeddings.c.item_id, embeddings.c.row).where(
        *mine, embeddings.c.item_id.in_(items)
    )
    with collection.catalog.reading() as connection:
        return {row.item_id: row.row for row in connection.execute(query)}


# --- writers --------------------------------------------------------------------------------


def write_all(place: Path, photos: Path, seconds: float) -> dict[str, int]:
    """Index all photos, in small batches; then wait until the time is up."""
    begun = time.monotonic()
    with Collection.open(place, spec=SPEC) as collection:
        report = index_folder(collection, [photos], batch_size=16, threads=1)
    time.sleep(max(0, seconds - (time.monotonic() - begun)))
    return {"added": report.added, "photos": report.photos}


def write_in_cycles(place: Path, photos: Path, seconds: float) -> dict[str, int]:
    """Index, delete, forget and compact, over and over, until the time is up."""
    cycles = forgotten = 0
    aside = photos.parent / "aside"
    aside.mkdir()
    with Collection.open(place, spec=SPEC) as collection:
        index_folder(collection, [photos], threads=1)
        begun = time.monotonic()
        while cycles < 2 or time.monotonic() - begun < seconds:
            moved = sorted(photos.glob(f"*{cycles % 10}.png"))
            for path in moved:
                path.rename(aside / path.name)
            index_folder(collection, [photos], threads=1)
            compact(collection)
            gone = sorted(photos.glob(f"*{(cycles + 5) % 10}.png"))[:20]
            forget(collection, gone, without_trace=True)
            forgotten += len(gone)
            for path in moved:
                (aside / path.name).rename(path)
            index_folder(collection, [photos], batch_size=16, threads=1)
            cycles += 1
    return {"cycles": cycles, "forgotten": forgotten}


def migrate_in_cycles(place: Path, photos: Path, seconds: float) -> dict[str, int]:
    """Change the encoder to and fro, over and over, and index more photos in between.

    Every other time the old space is dropped.
    """
    switches = dropped = 0
    waiting = sorted(photos.glob("*.png"))
    begun = time.monotonic()
    while switches < 4 or time.monotonic() - begun < seconds:
        with Collection.open(place, spec=OWN) as collection:
            part, waiting = waiting[:100], waiting[100:]
            if part:
                index_folder(collection, part, batch_size=16, threads=1)
            other = EncoderSpec("toy" if switches % 2 else "turned")
            keep = switches % 4 < 2
            report = migrate(collection, other, keep_old=keep, batch_size=64, threads=1)
            switches += report.switched
            dropped += report.dropped
    return {"switches": switches, "dropped": dropped}


WRITERS: dict[str, Callable[[Path, Path, float], dict[str, int]]] = {
    "index": write_all,
    "cycles": write_in_cycles,
    "migrate": migrate_in_cycles,
}


# --- all together ---------------------------------------------------------------------------


def run(
    readers: int = 8, photos: int = 1000, writer: str = "index", seed: int = 0, seconds: float = 5
) -> dict[str, Any]:
    """Let readers and one writer run together; what went wrong comes as `losses`.

    Needs a process without threads: elsewhere start this as a module.
    """
    import faiss  # noqa: F401  once, not in each child

    use_toy()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(dir=memory()) as name:
        folder = Path(name)
        vectors = _make_photos(folder / "photos", photos)
        first = shutil.copytree(folder / "photos", folder / "first", ignore=_all_but_some)
        place = folder / "place"
        with Collection.open(place, create=True, spec=SPEC) as collection:
            index_folder(collection, [first], threads=1)
        vectors |= {str(first / Path(p).name): v for p, v in vectors.items()}
        vectors = {path: vector for path, vector in vectors.items() if os.path.exists(path)}
        done = folder / "done"
        acts: list[Callable[[], dict[str, int]]] = [
            lambda: WRITERS[writer](place, folder / "photos", seconds)
        ]
        for number in range(readers):
            reader = Reader(place, _readable(vectors, writer, first), seed + number)
            acts.append(lambda reader=reader: reader.run(done))  # type: ignore[misc]
        told = _run_together(acts, folder, done)
    losses = [str(answer) for answer in told if not isinstance(answer, dict)]
    figures: dict[str, Any] = {"readers": readers, "losses": losses}
    for answer in told:
        for key, value in answer.items() if isinstance(answer, dict) else ():
            figures[key] = figures.get(key, 0) + value
    return {**figures, "seconds": round(time.monotonic() - begun, 1)}


def _all_but_some(_: str, names: list[str]) -> list[str]:
    return [name for name in names if not name.endswith("00.png")]


def _readable(vectors: Vectors, writer: str, first: Path) -> Vectors:
    """All photos; where files are moved meanwhile the queries must be others."""
    if writer != "cycles":
        return vectors
    return _Queries(vectors, [path for path in vectors if path.startswith(str(first))])


class _Queries(dict[str, Any]):
    """All vectors, of which only some paths are taken for queries."""

    def __init__(self, vectors: Vectors, queries: list[str]) -> None:
        super().__init__(vectors)
        self.queries = queries

    def __iter__(self) -> Any:
        return iter(self.queries)


def _make_photos(folder: Path, count: int) -> Vectors:
    """Small photos of different colours, and the vectors of their files."""
    encoder, vectors = ToyEncoder(), {}
    for number in range(count):
        colour = (5 + 25 * (number % 10), 8 + 24 * (number // 10 % 10), 3 + 25 * (number // 100))
        path = picture(folder / f"{number:05}.png", colour, (8 + number // 1000, 8))
        prepared = encoder.prepare(load_picture(path, 16).image)
        vectors[str(path)] = encoder.encode_images(prepared[None])[0].astype(np.float16)
    return vectors


def _run_together(acts: list[Callable[[], dict[str, int]]], folder: Path, done: Path) -> list[Any]:
    """Each in a process; the first is the writer. What each returned, or its error as text."""
    children = []
    for number, act in enumerate(acts):
        child = os.fork()
        if child == 0:
            signal.alarm(LIMIT_S)
            answer: Any
            try:
                answer = act()
            except BaseException:
                answer = traceback.format_exc()
            (folder / f"answer-{number}").write_text(json.dumps(answer))
            os._exit(0)
        children.append(child)
    for number, child in enumerate(children):
        os.waitpid(child, 0)
        if number == 0:
            done.touch()
    answers = [folder / f"answer-{number}" for number in range(len(acts))]
    return [json.loads(a.read_text()) if a.exists() else "a process died" for a in answers]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--photos", type=int, default=1000)
    parser.add_argument("--writer", choices=WRITERS, default="index")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=5)
    options = parser.parse_args()
    print(json.dumps(run(**vars(options))))


if __name__ == "__main__":
    main()
