"""Measure what fusing photos, documents and words gives: python scripts/evaluate_fusion.py CSV...

    python scripts/evaluate_fusion.py ../shared/data/coco-470/captions.csv
    python scripts/evaluate_fusion.py --vectors split.npz --json figures.json
    python scripts/evaluate_fusion.py ../shared/data/coco-470/captions.csv --speed 100000

Each CSV (image,caption) has its photos in `images/` beside it. In turn one caption of each photo is
the query, whose right answer is that photo, and others are linked documents of a real collection:
four of each photo, one, four of half of the photos, none. Printed are recall@1/5/10 of every
ranking and fusion, and of photos with and without documents apart where only some have any.
--vectors takes what an encoder made elsewhere of photos it was not trained on: an .npz with
held_vectors (n, dim), caption_vectors (m, dim), caption_texts (m,), caption_owner (m,), which says
the place of the photo. --speed N makes N photos with five captions each, out of the captions that
were given, and times a combined query.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from retrieval import Collection  # noqa: E402
from retrieval.corpora import text_hash  # noqa: E402
from retrieval.encoders import ENCODERS, EncoderSpec, load_encoder  # noqa: E402
from retrieval.records import FileStat  # noqa: E402
from retrieval.searching.fusing import Ranking, fuse  # noqa: E402
from retrieval.searching.sources import rankings  # noqa: E402
from retrieval.storage.commits import (  # noqa: E402
    Batch,
    FileEntry,
    Line,
    NewDocument,
    NewPhoto,
)

Vectors = NDArray[np.float32]
DEPTHS = (1, 5, 10)
LEAVE_OUT = 5  # each caption of a photo is the query in one of so many turns
#: Captions of a photo that are linked, and the share of photos that have any.
SETTINGS = {"four captions": (4, 1.0), "one caption": (1, 1.0), "half": (4, 0.5), "none": (0, 1.0)}
#: Name of a fusion -> the mode and the sources that it is given.
FUSIONS = {
    "photos": ("early", ("photos",)),
    "documents": ("early", ("documents",)),
    "words": ("early", ("words",)),
    "late (ranks)": ("late", ("photos", "documents", "words")),
    "hybrid": ("hybrid", ("photos", "documents", "words")),
    "hybrid, no words": ("hybrid", ("photos", "documents")),
    "hybrid, no documents": ("hybrid", ("photos", "words")),
}


@dataclass(frozen=True)
class Captioned:
    """Photos and captions with their embeddings; `owner` (m,) names the photo of a caption."""

    photos: Vectors
    captions: list[str]
    vectors: Vectors
    owner: NDArray[np.int64]

    def turns(self) -> NDArray[np.int64]:
        """For each caption, which of its photo's it is, from 0."""
        seen: dict[int, int] = {}
        turns = []
        for photo in self.owner.tolist():
            turns.append(seen.get(photo, 0))
            seen[photo] = turns[-1] + 1
        return np.array(turns)


class Given:
    """An encoder by name only: all vectors are known already."""

    name, quality, image_size = "given", "", 8

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.fingerprint = f"{dim:064x}"


def read_vectors(path: Path) -> Captioned:
    """Embeddings that were made elsewhere."""
    kept = np.load(path, allow_pickle=False)
    return Captioned(
        kept["held_vectors"].astype(np.float32),
        [str(text) for text in kept["caption_texts"]],
        kept["caption_vectors"].astype(np.float32),
        kept["caption_owner"].astype(np.int64),
    )


def embed(files: Sequence[Path], model: str) -> Captioned:
    """Embed the photos and captions of these tables."""
    from retrieval.pictures import load_picture, side_for

    encoder, places = load_encoder(EncoderSpec(model)), dict[str, int]()
    captions, owner = [], []
    for file in files:
        with file.open(encoding="utf-8") as lines:
            for row in csv.DictReader(lines):
                path = str(file.parent / "images" / row["image"])
                owner.append(places.setdefault(path, len(places)))
                captions.append(row["caption"])
    rows = [
        encoder.encode_images(
            encoder.prepare(load_picture(path, side_for(encoder.image_size)).image)[None]
        )[0]
        for path in places
    ]
    return Captioned(np.stack(rows), captions, encoder.encode_texts(captions), np.array(owner))


def make(place: Path, data: Captioned, linked: NDArray[np.int64]) -> Collection:
    """A collection of all photos, with these captions linked to them."""
    ENCODERS["given"] = "scripts.evaluate_fusion:Given"
    module = sys.modules[__name__]
    sys.modules.setdefault("scripts.evaluate_fusion", module)
    dim = data.photos.shape[1]
    vars(module)["load_given"] = lambda spec: Given(dim)
    ENCODERS["given"] = "scripts.evaluate_fusion:load_given"
    collection = Collection.open(place, create=True, spec=EncoderSpec("given"))
    with collection.writing():
        keys = [text_hash(f"photo {number}") for number in range(len(data.photos))]
        paths = [f"/album/{n // 100:03}/IMG_{n:05}.jpg" for n in range(len(keys))]
        entries = [
            FileEntry(FileStat(path, 1, 1), photo=key)
            for path, key in zip(paths, keys, strict=True)
        ]
        photos = [NewPhoto(key, 640, 480, "JPEG") for key in keys]
        collection.commit(Batch(photos=photos, entries=entries), data.photos)
        texts = {text_hash(data.captions[n]): n for n in linked.tolist()}
        lines = tuple(
            Line(text_hash(data.captions[n]), line, paths[data.owner[n]])
            for line, n in enumerate(linked.tolist(), 1)
        )
        documents = [NewDocument(key, data.captions[n]) for key, n in texts.items()]
        table = [FileEntry(FileStat("/album/captions.csv", 1, 1), reader="csv", lines=lines)]
        if linked.size:
            rows = data.vectors[list(texts.values())]
            collection.commit(Batch(documents=documents), documents=rows)
            collection.commit(Batch(entries=table))
    return collection


def measure(data: Captioned) -> dict[str, Any]:
    """Recall of every fusion in every setting, the mean over all turns."""
    turns, generator = data.turns(), np.random.default_rng(0)
    figures: dict[str, Any] = {}
    for name, (count, share) in SETTINGS.items():
        covered = generator.random(len(data.photos)) < share
        places: dict[str, list[tuple[bool, int]]] = {}
        for turn in range(LEAVE_OUT):
            near = (turns - turn) % LEAVE_OUT
            linked = np.flatnonzero((near > 0) & (near <= count) & covered[data.owner])
            with (
                tempfile.TemporaryDirectory(prefix="fusion-") as folder,
                make(Path(folder) / "collection", data, linked) as collection,
            ):
                for fusion, place, photo in _places(
                    collection, data, np.flatnonzero(turns == turn)
                ):
                    places.setdefault(fusion, []).append((bool(covered[photo]), place))
        figures[name] = {
            fusion: _recalls(found, apart=share < 1) for fusion, found in places.items()
        }
        print(f"evaluate_fusion: {name} done", file=sys.stderr, flush=True)
    return figures


def _places(
    collection: Collection, data: Captioned, queries: NDArray[np.int64]
) -> Iterator[tuple[str, int, int]]:
    """Fusion, place of the right photo (from 0) and that photo, for every query and fusion."""
    for number in queries.tolist():
        photo = int(data.owner[number])
        found = rankings(collection, data.vectors[number], data.captions[number])
        assert found is not None
        by_source = {ranking.source: ranking for ranking in found}
        for name, (mode, sources) in FUSIONS.items():
            given: list[Ranking] = [by_source[s] for s in sources if len(by_source[s].ids)]
            order = [hit.id for hit in fuse(given, mode)]  # type: ignore[arg-type]
            if photo + 1 in order:
                yield name, order.index(photo + 1), photo
            else:
                yield name, sys.maxsize, photo


def _recalls(found: Sequence[tuple[bool, int]], *, apart: bool) -> dict[str, Any]:
    figures: dict[str, Any] = {"all": _recall([place for _, place in found])}
    if apart:
        figures["with documents"] = _recall([place for has, place in found if has])
        figures["without"] = _recall([place for has, place in found if not has])
    return figures


def _recall(places: Sequence[int]) -> list[float]:
    return [round(float(np.mean(np.array(places) < depth)), 3) for depth in DEPTHS]


def speed(data: Captioned, photos: int, runs: int = 60) -> dict[str, Any]:
    """Milliseconds of a combined query, warm, over `photos` photos with five captions each."""
    generator = np.random.default_rng(0)
    picked = generator.integers(len(data.captions), size=5 * photos)
    noise = generator.normal(size=(len(picked), data.vectors.shape[1])).astype(np.float32) * 0.02
    vectors = data.vectors[picked] + noise
    pictures = data.photos[data.owner[picked[::5]]] + noise[::5]
    large = Captioned(
        pictures / np.linalg.norm(pictures, axis=1, keepdims=True),
        [f"{data.captions[n]} {place}" for place, n in enumerate(picked.tolist())],
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
        np.arange(len(picked)) // 5,
    )
    with tempfile.TemporaryDirectory(prefix="fusion-") as folder:
        begun = time.perf_counter()
        with make(Path(folder) / "collection", large, np.arange(len(picked))) as collection:
            made = time.perf_counter() - begun
            times: list[float] = []
            for number in generator.integers(len(data.captions), size=runs + 5).tolist():
                begun = time.perf_counter()
                found = rankings(collection, data.vectors[number], data.captions[number])
                assert found is not None
                fuse(found)
                times.append(1000 * (time.perf_counter() - begun))
            size = (collection.path / "catalog.db").stat().st_size
    p50, p95 = np.percentile(times[5:], (50, 95))
    return {
        "photos": photos,
        "p50_ms": round(float(p50), 1),
        "p95_ms": round(float(p95), 1),
        "made_s": round(made, 1),
        "catalog_mb": round(size / 1e6),
    }


def show(figures: dict[str, Any]) -> None:
    """Print the table."""
    for setting, fusions in figures.items():
        for fusion, groups in fusions.items():
            for group, recall in groups.items():
                shown = "  ".join(f"{value:.3f}" for value in recall)
                print(f"{setting:14} {fusion:22} {group:15} {shown}")


def main() -> None:
    """Measure, print, and write the JSON where it is wanted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("tables", nargs="*", type=Path, metavar="CSV")
    parser.add_argument("--vectors", type=Path, metavar="NPZ")
    parser.add_argument("--model", default="mini")
    parser.add_argument("--speed", type=int, default=0, metavar="PHOTOS")
    parser.add_argument("--json", type=Path, metavar="FILE")
    given = parser.parse_args()
    if bool(given.tables) == bool(given.vectors):
        parser.error("name tables of captions, or --vectors")
    data = read_vectors(given.vectors) if given.vectors else embed(given.tables, given.model)
    figures: dict[str, Any]
    if given.speed:
        figures = speed(data, given.speed)
        print(json.dumps(figures))
    else:
        figures = measure(data)
        show(figures)
    if given.json:
        given.json.write_text(json.dumps(figures, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
