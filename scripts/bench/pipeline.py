"""Indexing end to end, beside its own parts and beside the loop that a user would write.

    python -m scripts.bench.pipeline [--model mini|random] [--photos 24] [--rounds 5]   prints JSON

Each round decodes only, encodes only, indexes, and runs the naive loop over the same files in one
process. CPU is that of the whole process, per photo; the bound of the rate is 1 / (1/d + 1/e),
since decoding and encoding share the processors where there is no GPU. "random" is ViT-B-32 with
random weights. The naive loop is open_clip's: its transform, float32, one photo at a time, a commit
a row; for `mini`, which open_clip does not know, a full decode and `mini` itself. It waits
passively too (OMP_WAIT_POLICY): as written it would cost ten times as much on a shared machine.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.bench.timing import QUIET, pinned, spread

os.environ.setdefault("OMP_WAIT_POLICY", QUIET["OMP_WAIT_POLICY"])  # before torch is loaded

import numpy as np
from numpy.typing import NDArray

from retrieval import Collection, EncoderSpec, index_folder
from retrieval.embedding import BatchEmbedder, look_ahead
from retrieval.encoders import Encoder
from retrieval.encoders.towers.encoder import TowerEncoder
from retrieval.pictures import decode, load_picture, side_for
from retrieval.pictures.images import read_content
from scripts.bench import photos
from scripts.bench.random_weights import checkpoint, export_towers

Embed = Callable[[Path], NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds of wall and of CPU (all threads of the process) for all photos."""

    wall: float
    cpu: float


def measure(
    model: str = "mini",
    count: int = 24,
    rounds: int = 5,
    size: str = "12 MP",
    threads: int = 1,
    fast: bool = False,
    exported: bool = False,
) -> dict[str, Any]:
    """Cost of indexing `count` photos of `size` over that of its parts, as JSON takes it.

    `model` is "mini", "random", or what EncoderSpec takes; `threads` are those of the encoder,
    those that decode, and the processors that all of them share. `exported` encodes with the image
    tower that a long run would export; otherwise torch does, in float32.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        paths = photos.make(folder / "photos", count, photos.SIZES[size])
        name = _checkpoint(folder) if model == "random" else model
        spec = EncoderSpec(name, "cpu", "fp32", threads)
        with (
            pinned(threads),
            Collection.open(folder / "first", create=True, spec=spec) as collection,
        ):
            plain = collection.encoder()
            encoder = export_towers(plain, folder / "cache", threads) if exported else plain
            parts = _Parts(folder, paths, encoder, spec, threads, fast)
            costs = parts.run(_naive(spec.model, plain), rounds)
    return {
        "model": model,
        "encoder": encoder.describe("image") if isinstance(encoder, TowerEncoder) else "torch",
        "photos": count,
        "size": size,
        "threads": threads,
        "fast": fast,
        **_figures(costs, count),
        "stages": parts.stages,
    }


class _Parts:
    """The things that a round does."""

    def __init__(
        self,
        folder: Path,
        paths: Sequence[Path],
        encoder: Encoder,
        spec: EncoderSpec,
        threads: int,
        fast: bool,
    ) -> None:
        self.folder, self.paths, self.encoder, self.spec = folder, paths, encoder, spec
        self.threads, self.fast = threads, fast
        self.prepared: list[NDArray[np.uint8]] = []
        self.stages: dict[str, Any] = {}
        self._runs = 0

    def run(self, embed: Embed, rounds: int) -> dict[str, list[Cost]]:
        """All parts in turns; a first round warms up and is not counted."""
        works: dict[str, Callable[[], None]] = {
            "decode": self.decode,
            "encode": self.encode,
            "index": self.index,
            "naive": lambda: self.naive(embed),
        }
        costs: dict[str, list[Cost]] = {name: [] for name in works}
        for round_ in range(rounds + 1):
            for name, work in works.items():
                wall, cpu = time.perf_counter(), time.process_time()
                work()
                cost = Cost(time.perf_counter() - wall, time.process_time() - cpu)
                if round_:
                    costs[name].append(cost)
        return costs

    def decode(self) -> None:
        """Read, hash, decode and prepare, as indexing does."""
        size = self.encoder.image_size

        def load(path: Path) -> NDArray[np.uint8]:
            data = read_content(str(path)).data
            picture = decode(data, side_for(size), size if self.fast else 0)
            return self.encoder.prepare(picture.image)

        self.prepared = list(look_ahead(self.paths, load, self.threads))

    def encode(self) -> None:
        """Encode what was decoded, in batches."""
        BatchEmbedder(self.encoder).embed_images(self.prepared)

    def index(self) -> None:
        """Index all photos into a new collection, whose encoder is loaded already."""
        self._runs += 1
        place = self.folder / f"collection-{self._runs}"
        with Collection.open(place, create=True, spec=self.spec) as collection:
            collection._encoder._encoder = self.encoder  # or each round would load it again
            report = index_folder(
                collection, self.folder / "photos", threads=self.threads, fast=self.fast
            )
        assert report.embedded == len(self.paths)
        stages = report.stages
        names = ("read", "decode", "waiting", "encode", "write")
        self.stages = {name: round(getattr(stages, name), 3) for name in names}
        self.stages["write_share"] = round(stages.write / report.seconds, 4)
        self.stages["bottleneck"] = stages.bottleneck

    def naive(self, embed: Embed) -> None:
        """One photo after the other, each with its commit."""
        self._runs += 1
        with sqlite3.connect(self.folder / f"naive-{self._runs}.db") as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("CREATE TABLE photos (path TEXT, vector BLOB)")
            for path in self.paths:
                row = (str(path), embed(path).tobytes())
                database.execute("INSERT INTO photos VALUES (?, ?)", row)
                database.commit()


def _naive(model: str, encoder: Encoder) -> Embed:
    """How a loop embeds one photo: with open_clip itself where that can load the model."""
    if not Path(model).is_dir():
        return lambda path: encoder.encode_images(
            encoder.prepare(load_picture(path, 1 << 14).image)[None]
        )
    import torch
    from PIL import Image

    from retrieval.encoders._compat import import_open_clip

    own, _, transform = import_open_clip().create_model_and_transforms(f"local-dir:{model}")
    own.eval()

    def embed(path: Path) -> NDArray[np.float32]:
        with Image.open(path) as image, torch.inference_mode():
            features = own.encode_image(transform(image)[None])
            rows: NDArray[np.float32] = (features / features.norm(dim=-1, keepdim=True)).numpy()
            return rows

    return embed


def _checkpoint(folder: Path) -> str:
    """A checkpoint folder of a published architecture with random weights."""
    from retrieval.encoders._compat import import_open_clip

    checkpoint(folder / "checkpoint", import_open_clip().get_model_config("ViT-B-32"))
    return str(folder / "checkpoint")


def _figures(costs: dict[str, list[Cost]], count: int) -> dict[str, Any]:
    """CPU and rate of the whole over its parts, round by round."""
    rounds = list(
        zip(*(costs[name] for name in ("decode", "encode", "index", "naive")), strict=True)
    )
    return {
        "cpu_ms": {
            name: spread([1e3 * cost.cpu / count for cost in found], 1)
            for name, found in costs.items()
        },
        "wall_ms": {
            name: spread([1e3 * cost.wall / count for cost in found], 1)
            for name, found in costs.items()
        },
        "cpu_over_parts": spread([i.cpu / (d.cpu + e.cpu) for d, e, i, _ in rounds]),
        "rate_over_bound": spread([(d.wall + e.wall) / i.wall for d, e, i, _ in rounds]),
        "times_naive_cpu": spread([n.cpu / i.cpu for _, _, i, n in rounds]),
        "times_naive_wall": spread([n.wall / i.wall for _, _, i, n in rounds]),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Indexing end to end.")
    parser.add_argument("--model", default="mini")
    parser.add_argument("--photos", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", choices=list(photos.SIZES), default="12 MP")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--exported", action="store_true")
    given = vars(parser.parse_args())
    given["count"] = given.pop("photos")
    print(json.dumps(measure(**given), indent=2))
