"""What the README claims: start-up, the first indexing, an unchanged second one, one search."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from scripts.bench.common import (
    RUNS,
    Figure,
    figure_of,
    make_photos,
    retrieval_command,
    retrieval_environment,
    run_process,
    significant,
)
from scripts.bench.machine import THREAD_VARIABLES

_PHOTOS = {"tiny": 20, "small": 1000, "full": 5000}


def measure(size: str, folder: Path | None = None) -> dict[str, Any]:
    """Measure the command line over `folder`, or over photos that are made for it.

    The first run happens once; everything else RUNS times (once at size tiny).
    """
    with tempfile.TemporaryDirectory() as temporary:
        photos = folder or Path(temporary) / "photos"
        if folder is None:
            photos.mkdir()
            make_photos(_PHOTOS[size], photos)
        return _measure(photos, Path(temporary) / "collection", 1 if size == "tiny" else RUNS)


def _measure(photos: Path, collection: Path, runs: int) -> dict[str, Any]:
    command, here = retrieval_command(), ("--collection", str(collection))
    # As a user meets it: with all processors.
    environment = retrieval_environment() | dict.fromkeys(THREAD_VARIABLES)

    def timed(*arguments: str, times: int = runs) -> dict[str, Any]:
        return _times([*command, *arguments], environment, times)

    first = timed("index", str(photos), *here, times=1)
    shown = run_process([*command, "info", "--json", *here], env=environment).output
    info = json.loads(shown)
    unchanged = timed("index", str(photos), *here)
    helped, bare = timed("--help"), _times([sys.executable, "-c", "pass"], environment, runs)
    return {
        "photos": info["photos"],
        "encoder": info["encoder"],
        "python": bare,
        "help": helped,
        "first_index": first,
        "photos_per_s": significant(info["photos"] / first["wall_s"]["median"]),
        "unchanged_index": unchanged,
        # What a help screen costs is subtracted: the goal is about files, not about starting.
        "unchanged_files_per_s": significant(
            info["photos"]
            / max(unchanged["cpu_s"]["median"] - helped["cpu_s"]["median"], 1e-3)
        ),
        "search": timed("search", "a dog on a beach", *here),
    }  # fmt: skip


def _times(command: list[str], environment: dict[str, str | None], runs: int) -> dict[str, Any]:
    spent = [run_process(command, env=environment) for _ in range(runs)]
    wall: Figure = figure_of((each.wall_s for each in spent), "s")
    cpu: Figure = figure_of((each.cpu_s for each in spent), "s")
    return {"wall_s": wall.as_dict(), "cpu_s": cpu.as_dict()}
