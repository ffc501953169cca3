"""Measure how well photos are grouped: python scripts/measure_grouping.py [near|tags|trips].

On the real photos of ../shared/data, with the built-in encoder; about ten minutes on one core.

    near    photos changed in the ways people change them (found?), and all pairs of different
            photos (left alone?)
    tags    whether the word for a photo, or for its cluster, stands in one of its captions;
            beside it the same with the words of the clusters dealt out anew
    trips   whether each photo of the album is in the trip it was taken on
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from retrieval import EncoderSpec, load_encoder  # noqa: E402
from retrieval.encoders import Encoder  # noqa: E402
from retrieval.grouping.clusters import cluster, clusters_for  # noqa: E402
from retrieval.grouping.near import Member, fold  # noqa: E402
from retrieval.grouping.pairs import Marks, near_pairs  # noqa: E402
from retrieval.grouping.stretches import Moment, Place  # noqa: E402
from retrieval.grouping.tags import embed_words, vocabulary, zero_shot  # noqa: E402
from retrieval.grouping.trips import find_trips  # noqa: E402
from retrieval.pictures import decode, side_for  # noqa: E402
from tests.pictures import encoded  # noqa: E402

SHARED = ROOT.parent / "shared" / "data"
FOLDERS = ("flickr8k-700/images", "coco-470/images", "coco-unlabeled-1200", "imagenet-1000")
CHANGED = 300  # photos


def _cropped(image: Image.Image, part: float, *, left_only: bool = False) -> Image.Image:
    width, height = image.size
    x, y = round(width * part / 2), round(height * part / 2)
    if left_only:
        return image.crop((2 * x, 0, width, height))
    return image.crop((x, y, width - x, height - y))


def _stamped(image: Image.Image) -> Image.Image:
    image = image.copy()
    place = (0.6 * image.width, 0.92 * image.height)
    ImageDraw.Draw(image).text(place, "2021-04-03 17:20 © me", fill=(255, 200, 0))
    return image


#: How photos are changed; all are saved as JPEG afterwards, at this quality.
CHANGES: dict[str, tuple[Callable[[Image.Image], Image.Image], int]] = {
    "JPEG quality 50": (lambda i: i, 50),
    "JPEG quality 20": (lambda i: i, 20),
    "half the size": (lambda i: i.reduce(2), 85),
    "a third of the size": (lambda i: i.reduce(3), 85),
    "cropped by 5 %": (lambda i: _cropped(i, 0.05), 85),
    "cropped by 10 %": (lambda i: _cropped(i, 0.10), 85),
    "5 % cut off at the left": (lambda i: _cropped(i, 0.05, left_only=True), 85),
    "brighter by 25 %": (lambda i: ImageEnhance.Brightness(i).enhance(1.25), 85),
    "darker by 25 %": (lambda i: ImageEnhance.Brightness(i).enhance(0.75), 85),
    "contrast up by 30 %": (lambda i: ImageEnhance.Contrast(i).enhance(1.3), 85),
    "grey": (lambda i: i.convert("L").convert("RGB"), 85),
    "a date printed on it": (_stamped, 85),
    "turned by 2°": (lambda i: _cropped(i.rotate(2, Image.Resampling.BICUBIC), 0.07), 85),
    "mirrored (not one)": (ImageOps.mirror, 85),
}


def embedded(encoder: Encoder, images: Sequence[Image.Image]) -> np.ndarray:
    """Unit vectors (n, dim) of images."""
    return encoder.encode_images(np.stack([encoder.prepare(image) for image in images]))


def read(encoder: Encoder, data: bytes) -> Image.Image:
    return decode(data, side_for(encoder.image_size)).image


def measure_near(encoder: Encoder) -> None:
    from retrieval.pictures.looks import measure_looks

    paths = sorted(path for folder in FOLDERS for path in (SHARED / folder).iterdir())
    hashes, vectors = [], []
    for path in paths:
        image = read(encoder, path.read_bytes())
        hashes.append(measure_looks(image).phash)
        vectors.append(embedded(encoder, [image])[0])
    count = len(paths)
    unsigned = np.array([value & (1 << 64) - 1 for value in hashes], np.uint64)
    marks = Marks(
        unsigned, np.ones(count, bool), np.full(count, np.nan), np.arange(count), np.stack(vectors)
    )
    pairs = near_pairs(marks)
    print(
        f"{count:,} different photos, {count * (count - 1) // 2:,} pairs: {len(pairs.a)} are near"
    )
    for a, b in zip(pairs.a, pairs.b, strict=True):
        print(f"  {paths[a]} {paths[b]}")
    found = dict.fromkeys(CHANGES, 0)
    for number in random.Random(0).sample(range(count), CHANGED):
        image = read(encoder, paths[number].read_bytes())
        first = Member(0, hashes[number], vectors[number], None)
        changed = [
            read(encoder, encoded(change(image), "JPEG", quality=quality))
            for change, quality in CHANGES.values()
        ]
        for name, other, vector in zip(CHANGES, changed, embedded(encoder, changed), strict=True):
            second = Member(1, measure_looks(other).phash, vector, None)
            found[name] += len(fold([first, second])) == 1
    for name, times in found.items():
        print(f"  {name:<26}{times / CHANGED:7.1%} found")


def forms(word: str) -> set[str]:
    """A word as it may stand in a caption: with endings, or without."""
    stem = word.removesuffix("ing")
    return {word, f"{word}s", f"{word}es", f"{word}ing", word.removesuffix("s"), stem, f"{stem}s"}


def measure_tags(encoder: Encoder) -> None:
    captions: dict[Path, set[str]] = defaultdict(set)
    for folder in ("flickr8k-700", "coco-470"):
        with (SHARED / folder / "captions.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                words = re.findall(r"[a-z]+", row["caption"].lower())
                captions[SHARED / folder / "images" / row["image"]].update(words)
    vectors = np.stack(
        [embedded(encoder, [read(encoder, path.read_bytes())])[0] for path in captions]
    )
    english = [word.english for word in vocabulary()]
    wanted = [[forms(part) for part in word.lower().split()] for word in english]
    stands = np.array(
        [[all(one & there for one in each) for each in wanted] for there in captions.values()]
    )  # (photos, words)
    texts = embed_words(encoder, english)
    best = zero_shot(vectors, texts, vectors).argmax(axis=1)
    print(f"{len(vectors):,} captioned photos, {len(english)} words")
    print(
        f"  a photo's best word is in a caption    {stands[np.arange(len(best)), best].mean():7.1%}"
    )
    clusters = cluster(vectors, clusters_for(len(vectors)))
    many = len(clusters.centres)
    means = np.stack([vectors[clusters.labels == i].mean(axis=0) for i in range(many)])
    order = np.argsort(-zero_shot(means, texts, vectors), axis=1)
    dealt = [np.random.default_rng(seed).permutation(many) for seed in range(20)]
    for top in (1, 3):
        chosen = order[:, :top]
        chance = np.mean([_share(stands, clusters.labels, chosen[deal]) for deal in dealt])
        share = _share(stands, clusters.labels, chosen)
        print(
            f"  one of {top} words of its cluster ({many})    {share:7.1%}  by chance {chance:.1%}"
        )


def _share(stands: np.ndarray, labels: np.ndarray, words: np.ndarray) -> float:
    return float(np.take_along_axis(stands, words[labels], axis=1).any(axis=1).mean())


def measure_trips(_: Encoder | None = None) -> None:
    truth = json.loads((SHARED / "album-truth.json").read_text("utf-8"))
    album = [
        Moment(i, each["taken_at"], Place(each["city"], None, each["country"]))
        for i, each in enumerate(truth)
    ]
    right = 0
    for trip in find_trips(album):
        inside = [m.photo for m in album if trip.begins <= m.taken_at <= trip.ends]
        months = [truth[i]["file"].split("/")[1] for i in inside]
        usual = max(set(months), key=months.count)
        right += months.count(usual)
        whole = sum(usual in each["file"] for each in truth)
        most = months.count(usual)
        print(f"  {trip.label:<18}{len(inside):>4} photos, {most} of {whole} of {usual}")
    print(f"  {right} of {len(truth)} photos are in the trip they were taken on")


PARTS = {"near": measure_near, "tags": measure_tags, "trips": measure_trips}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parts = parser.parse_args().parts or list(PARTS)
    encoder = load_encoder(EncoderSpec("mini"))
    for part in parts:
        print(part)
        PARTS[part](encoder)


if __name__ == "__main__":
    main()
