"""Composed queries and marks on real photos: they find more of what captions say than a sum does.

The shipped heads were trained on these photos, so this shows that nothing is broken;
scripts/evaluate_composing.py measures on photos that heads have not seen.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from retrieval.encoders.mini import MiniEncoder
from retrieval.pictures import load_picture, side_for
from retrieval.searching.composing import Piece
from scripts import evaluate_composing as measuring

PHOTOS = 60
ABOUT = ("dog", "snow", "beach", "water", "grass")


@pytest.fixture(scope="module")
def data() -> measuring.Captioned:
    folder = Path(__file__).resolve().parents[2].parent / "shared/data/flickr8k-700"
    if not folder.is_dir():
        pytest.skip(f"needs the real photos of {folder}, which are not here")
    said: dict[str, list[str]] = {}
    with (folder / "captions.csv").open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            said.setdefault(row["image"], []).append(row["caption"])
    names = [n for n, texts in said.items() if any(w in " ".join(texts) for w in ABOUT)][:PHOTOS]
    encoder = MiniEncoder("cpu", 1)
    side = side_for(encoder.image_size)
    prepared = [encoder.prepare(load_picture(folder / "images" / n, side).image) for n in names]
    vectors = np.concatenate(
        [encoder.encode_images(np.stack(prepared[at : at + 15])) for at in range(0, PHOTOS, 15)]
    )
    captions = [text for name in names for text in said[name]]
    owners = [at for at, name in enumerate(names) for _ in said[name]]
    return measuring.captioned(vectors, captions, owners, encoder)


def average_precision(data: measuring.Captioned, way: str, sort: str) -> float:
    found = []
    for task in measuring.tasks(data)[sort]:
        rest = np.ones(len(data.vectors), bool)
        rest[list(task.examples)] = False
        scores = measuring.WAYS[way](data, task.pieces)
        assert scores is not None
        found.append(measuring.quality(scores[rest], task.right[rest], 10)[1])
    assert len(found) > 5
    return float(np.mean(found))


def test_parts_together_find_more_than_their_sum(data: measuring.Captioned) -> None:
    for sort in ("image + text", "text + text"):
        best = average_precision(data, "+ soft minimum", sort)
        assert best > average_precision(data, "plain sum", sort) + 0.03
    for alone in ("text only", "image only"):
        best = average_precision(data, "+ soft minimum", "image + text")
        assert best > average_precision(data, alone, "image + text") + 0.03


def test_subtracting_keeps_what_is_wanted(data: measuring.Captioned) -> None:
    with_minus = average_precision(data, "+ soft minimum", "text - text")
    assert with_minus > average_precision(data, "text only", "text - text")


def test_marks_bring_others_like_them(data: measuring.Captioned) -> None:
    gains = []
    for name in ("dog", "child", "water", "grass", "snow", "beach", "running"):
        how = {"likes": True, "unlikes": True, "words": True}
        found = measuring.marked(data, name, 3, **how)
        if found is not None:
            (_, before), _, (_, after) = found
            gains.append(after - before)
    assert len(gains) > 3
    assert np.mean(gains) > 0.02


def test_a_photo_and_a_word(data: measuring.Captioned) -> None:
    """ "This, but in the snow": dogs in the snow come before dogs, and before snow."""
    dog, snow = data.has["dog"], data.has["snow"]
    both = dog & snow
    ranks = []
    for at in np.flatnonzero(dog & ~snow)[:8]:
        pieces = (Piece("picture", data.vectors[at], 1.0), Piece("text", data.words["snow"], 1.0))
        scores = measuring.composed(data, pieces)
        ranks.append(measuring.quality(scores, both, 5)[0])
    assert np.mean(ranks) > 0.4
