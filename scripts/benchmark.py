"""Measure what the README claims about speed: python scripts/benchmark.py [FOLDER].

Prints JSON: start-up of `retrieval --help` over a bare interpreter, the first indexing of FOLDER
(default: 1,000 pictures made for the purpose), a second run over the unchanged folder, and one
search. Times are medians of 5 (the first run: of 1); CPU counts user and system of the process.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

RUNS = 5
PICTURES = 1000


def run(*command: str) -> tuple[float, float]:
    """Run a command to its end; return wall and CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def median(*command: str) -> dict[str, float]:
    """The median of RUNS runs, in seconds."""
    runs = [run(*command) for _ in range(RUNS)]
    wall, cpu = (statistics.median(column) for column in zip(*runs, strict=True))
    return {"wall_s": round(wall, 3), "cpu_s": round(cpu, 3)}


def make_pictures(folder: Path) -> Path:
    """Write PICTURES different JPEGs of 640 x 480 pixels."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    for number in range(PICTURES):
        coarse = generator.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((640, 480), Image.Resampling.BICUBIC)
        picture.save(folder / f"{number:04}.jpg", quality=90)
    return folder


def main() -> None:
    """Measure and print."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    command = str(Path(sys.executable).with_name("retrieval"))
    with tempfile.TemporaryDirectory() as temporary:
        given = Path(sys.argv[1]) if len(sys.argv) > 1 else None
        folder = given or make_pictures(Path(temporary) / "pictures")
        collection = ("--collection", str(Path(temporary) / "collection"))
        first = run(command, "index", str(folder), *collection)
        shown = subprocess.check_output((command, "info", "--json", *collection), text=True)
        info = json.loads(shown)
        report = {
            "photos": info["photos"],
            "encoder": info["encoder"],
            "processors": os.cpu_count(),
            "python": median(sys.executable, "-c", "pass"),
            "help": median(command, "--help"),
            "first_index": {"wall_s": round(first[0], 2), "cpu_s": round(first[1], 2)},
            "photos_per_s": round(info["photos"] / first[0], 1),
            "unchanged_index": median(command, "index", str(folder), *collection),
            "search": median(command, "search", "a dog on a beach", *collection),
        }
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
