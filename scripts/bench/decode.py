"""From the bytes of a file to the pixels an encoder takes, beside open_clip's own transform.

    python -m scripts.bench.decode [--photos 8] [--rounds 5]      prints JSON

CPU time of one pinned thread; each figure is the median over rounds of the mean over photos.
Fidelity is that of the 224 pixels of ViT-B-32, and of the neighbours by embeddings of `mini`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from retrieval.encoders._compat import import_open_clip
from retrieval.encoders._pixels import Pixels
from retrieval.pictures import decode, load_picture, side_for
from retrieval.pictures.images import read_content
from scripts.bench import photos
from scripts.bench.timing import pinned, side_by_side

SIDE = 224
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
SIDEWAYS = 6  # the EXIF orientation of a phone that was held upright
PIXELS = Pixels((SIDE, SIDE), MEAN, STD)


def ours(path: Path, fast: bool = False) -> NDArray[np.uint8]:
    """What indexing does with a file, but for the hash: uint8 (224, 224, 3)."""
    draft = SIDE if fast else 0
    return PIXELS(decode(path.read_bytes(), side_for(SIDE), draft).image)[0]


def with_hash(path: Path) -> object:
    """All that indexing does with a file before it is encoded."""
    return PIXELS(decode(read_content(str(path)).data, side_for(SIDE)).image)


def measure(count: int = 8, rounds: int = 5, neighbours: int = 0) -> dict[str, Any]:
    """Speed and fidelity for 12 and 2 megapixels, as JSON takes it.

    `count` photos of each size, `rounds` rounds; `neighbours` photos for the top-10 overlap of
    `mini`, 0 to leave that out.
    """
    transform = import_open_clip(1).image_transform(SIDE, mean=MEAN, std=STD, is_train=False)
    report: dict[str, Any] = {"photos": count, "rounds": rounds, "side": SIDE}
    with tempfile.TemporaryDirectory() as folder, pinned():
        for name, size in photos.SIZES.items():
            upright = photos.make(Path(folder, name), count, size)
            sideways = photos.make(Path(folder, name, "sideways"), count, size, SIDEWAYS)
            report[name] = {
                "megabytes": round(sum(p.stat().st_size for p in upright) / 1e6 / count, 2),
                "speed": _speed(transform, upright, sideways, rounds),
                "fidelity": {
                    route: _fidelity(transform, upright, fast) for route, fast in _ROUTES.items()
                },
            }
    if neighbours:
        report["neighbours"] = _neighbours(neighbours)
    return report


_ROUTES = {"default": False, "fast": True}


def _speed(
    transform: Any, upright: Sequence[Path], sideways: Sequence[Path], rounds: int
) -> dict[str, Any]:
    def each(work: Callable[[Path], object], paths: Sequence[Path]) -> None:
        for path in paths:
            work(path)

    def theirs(path: Path) -> None:
        with Image.open(path) as image:
            transform(image)

    found = side_by_side(
        {
            "open_clip": partial(each, theirs, upright),
            "default": partial(each, ours, upright),
            "with hash": partial(each, with_hash, upright),
            "sideways": partial(each, ours, sideways),
            "fast": partial(each, partial(ours, fast=True), upright),
        },
        rounds,
    )
    for row in found.values():
        row["cpu_ms"] = {key: round(ms / len(upright), 2) for key, ms in row["cpu_ms"].items()}
    return found


def _fidelity(transform: Any, paths: Sequence[Path], fast: bool) -> dict[str, float]:
    """PSNR in dB of our 224 pixels against open_clip's, before it normalises them."""
    values = []
    for path in paths:
        with Image.open(path) as image:
            expected: Any = image
            for step in transform.transforms[:-2]:
                expected = step(expected)
        values.append(psnr(ours(path, fast), np.asarray(expected)))
    return {"psnr_mean": round(float(np.mean(values)), 1), "psnr_min": round(min(values), 1)}


def psnr(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Peak signal-to-noise ratio of 8-bit pixels in dB; 100 where they are equal."""
    error = np.square(one.astype(float) - other).mean()
    return float(10 * np.log10(255**2 / error)) if error else 100.0


def _neighbours(count: int) -> dict[str, Any]:
    """How much --fast and the default change the neighbours that a full decode of 12 MP gives."""
    from retrieval.encoders import EncoderSpec, load_encoder

    encoder = load_encoder(EncoderSpec("mini", "cpu"))
    side = encoder.image_size
    with tempfile.TemporaryDirectory() as folder:
        paths = photos.make(Path(folder), count, photos.SIZES["12 MP"])
        routes: dict[str, Callable[[Path], Image.Image]] = {
            "full": lambda path: load_picture(path, 1 << 14).image,
            "default": lambda path: load_picture(path, side_for(side)).image,
            "fast": lambda path: decode(path.read_bytes(), side_for(side), side).image,
        }
        rows = {
            name: encoder.encode_images(np.stack([encoder.prepare(load(p)) for p in paths]))
            for name, load in routes.items()
        }
    truth = rows.pop("full")
    apart = 1 - (truth @ truth.T)[np.triu_indices(count, 1)].mean()
    return {
        name: {
            "top10_overlap": round(overlap(truth, found), 4),
            "cosine_min": round(float((truth * found).sum(1).min()), 5),
            "moved_by": round(float((1 - (truth * found).sum(1)).mean() / apart), 5),
        }
        for name, found in rows.items()
    }


def overlap(truth: NDArray[Any], found: NDArray[Any], k: int = 10) -> float:
    """Mean share of the k nearest others that stay the same; rows (n, dim) of unit length."""
    nearest = []
    for rows in (truth, found):
        scores = rows @ rows.T
        np.fill_diagonal(scores, -np.inf)
        nearest.append(np.argsort(-scores, axis=1)[:, :k])
    pairs = zip(*nearest, strict=True)
    return float(np.mean([len(set(a) & set(b)) / len(a) for a, b in pairs]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Decode and preprocess beside open_clip.")
    parser.add_argument("--photos", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--neighbours", type=int, default=60, help="0: leave that out")
    given = parser.parse_args()
    print(json.dumps(measure(given.photos, given.rounds, given.neighbours), indent=2))
