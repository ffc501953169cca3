"""Collections of any size in seconds: vectors without photos behind them, processes to time."""

from __future__ import annotations

import hashlib
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from retrieval import Collection
from retrieval.coding import refresh
from retrieval.encoders import EncoderSpec
from retrieval.records import Facts, FileStat, Looks
from retrieval.storage.commits import Batch, FileEntry, NewPhoto
from scripts.bench.random_weights import checkpoint
from scripts.bench.vectors import ClipLike

ROOT = Path(__file__).resolve().parents[2]
CHUNK = 5_000


def make_collection(place: Path, photos: int, model: str = "mini", cache: str = "") -> None:
    """A collection of `photos` vectors such as CLIP makes; no file is there.

    It has codes if it is large, and queries to it need no torch: the text tower of `model` is
    exported into the folder `cache`.
    """
    spec = EncoderSpec(model, "cpu", cache=cache)
    with Collection.open(place, create=True, spec=spec) as collection:
        source = ClipLike(collection.encoder().dim)
        done = 0
        with collection.writing():
            for rows in source.blocks(photos):
                for start in range(0, len(rows), CHUNK):
                    part = rows[start : start + CHUNK]
                    collection.commit(_batch(range(done, done + len(part))), part)
                    done += len(part)
            refresh(place, collection.catalog, lambda texts: source.texts(len(texts)))
        collection.prepare_queries()


def _batch(numbers: range) -> Batch:
    hashes = [hashlib.sha256(b"photo %d" % number).digest() for number in numbers]
    stats = [FileStat(f"/photos/{n // 100:05}/IMG_{n:07}.jpg", 2_000_000 + n, n) for n in numbers]
    return Batch(
        photos=[
            NewPhoto(content_hash, 4000, 3000, "JPEG", facts=_facts(n), looks=_looks(n))
            for n, content_hash in zip(numbers, hashes, strict=True)
        ],
        entries=[
            FileEntry(stat, photo=content_hash)
            for stat, content_hash in zip(stats, hashes, strict=True)
        ],
    )


def _facts(number: int) -> Facts:
    """A trip of 500 photos after the other, each to the next of PLACES, a month apart."""
    month, place = divmod(number, 500)[0], PLACES[number // 500 % len(PLACES)]
    year, month = 2005 + month // 12 % 20, month % 12 + 1
    taken = f"{year}-{month:02}-{number % 28 + 1:02}T{number % 24:02}:{number % 60:02}:00"
    city, country = place
    return Facts(taken_at=taken, taken_from="exif", city=city, country=country, make="Sony")


def _looks(number: int) -> Looks:
    scrambled = number * 0x9E3779B97F4A7C15 & (1 << 63) - 1
    return Looks(scrambled, (number % 10) / 10, (number % 7) / 7)


PLACES = (
    *(("Kyoto", "Japan"), ("Lisbon", "Portugal"), ("Berlin", "Germany"), ("Cusco", "Peru")),
    *(("Toronto", "Canada"), ("Chicago", "United States"), ("Oslo", "Norway")),
)


def named(model: str, place: Path) -> str:
    """What EncoderSpec takes for a model."""
    if model == "mini":
        return model
    from retrieval.encoders._compat import import_open_clip

    checkpoint(place / "model", import_open_clip().get_model_config(model))
    return str(place / "model")


def environment(**more: str) -> dict[str, str]:
    """The environment of a process to measure: this code, bytecode kept, no network.

    No settings and no daemon from outside.
    """
    left_out = ("RETRIEVAL_", "PYTHONDONTWRITEBYTECODE", "XDG_RUNTIME_DIR")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    fixed = {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "passive"}
    return {**kept, **fixed, **more}


#: The `retrieval` command, whether or not this checkout is the one that is installed.
COMMAND = (sys.executable, "-c", "from retrieval.cli import main; main()")


def run(command: Sequence[str], env: Mapping[str, str], cwd: Path) -> tuple[float, float, str]:
    """Run a command to its end; CPU seconds (user and system), wall seconds, stdout."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    done = subprocess.run(command, env=env, cwd=cwd, check=True, capture_output=True, text=True)
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, wall, done.stdout


def repeat(
    command: Sequence[str], env: Mapping[str, str], cwd: Path, runs: int
) -> dict[str, dict[str, float]]:
    """CPU and wall milliseconds of a command over several runs; one before them is not counted."""
    run(command, env, cwd)
    measured = [run(command, env, cwd) for _ in range(runs)]
    return {
        "cpu_ms": spread([1000 * cpu for cpu, _, _ in measured]),
        "wall_ms": spread([1000 * wall for _, wall, _ in measured]),
    }


def spread(values: Sequence[float]) -> dict[str, float]:
    """Median, 95th percentile, least and most, and how many there were."""
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    return {
        "median": round(statistics.median(ordered), 2),
        "p95": round(p95, 2),
        "least": round(ordered[0], 2),
        "most": round(ordered[-1], 2),
        "runs": len(ordered),
    }
