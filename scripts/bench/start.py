"""What the README claims: start-up, the first indexing, an unchanged second one, one search."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.bench.common import (
    RUNS,
    Spent,
    figure_of,
    make_photos,
    photos,
    retrieval_command,
    retrieval_environment,
    run_process,
    significant,
)
from scripts.bench.machine import THREAD_VARIABLES

#: For a size: photos to index; files to look at again, few and many.
_AMOUNTS = {
    "tiny": (8, ("10", "50")),
    "small": (1000, ("2k", "20k")),
    "full": (5000, ("20k", "200k")),
}


def measure(size: str) -> dict[str, Any]:
    """Measure the command line over made photos, with all processors, as a user meets it.

    The first run happens once; everything else RUNS times (once at size tiny).
    """
    count, rescans = _AMOUNTS[size]
    runs = 1 if size == "tiny" else RUNS
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        (folder / "photos").mkdir()
        make_photos(count, folder / "photos")
        figures = _commands(folder, count, runs)
        return figures | {"rescan": _rescan(folder, rescans, runs)}


def _commands(folder: Path, count: int, runs: int) -> dict[str, Any]:
    here = ("--collection", str(folder / "collection"))
    index = ("index", str(folder / "photos"), *here)
    first = _retrieval(*index)
    info = json.loads(_spent(*retrieval_command(), "info", "--json", *here).output)
    return {
        "photos": count,
        "encoder": info["encoder"],
        "python": _times(sys.executable, "-c", "pass", runs=runs),
        "help": _retrieval("--help", runs=runs),
        "first_index": first,
        "photos_per_s": significant(count / first["wall_s"]["median"]),
        "unchanged_index": _retrieval(*index, runs=runs),
        "search": _retrieval("search", "a dog on a beach", *here, runs=runs),
    }


def _rescan(folder: Path, sizes: tuple[str, str], runs: int) -> dict[str, Any]:
    """How fast unchanged files are passed over: the difference between a few and many of them.

    They are files that hold no picture, because those are known after a moment; when nothing has
    changed, they are compared and left alone like photos.
    """
    from scripts.bench.growth import fit, size_of

    figures, cpu = {}, {}
    for name in sizes:
        count = size_of(name) or 0
        _make_files(count, folder / name)
        index = ("index", str(folder / name), "--collection", str(folder / f"collection-{name}"))
        _retrieval(*index, "--model", "mini")
        figures[name] = _retrieval(*index, runs=runs)
        cpu[count] = figures[name]["cpu_s"]["median"]
    each = fit(cpu).each
    return {**figures, "files_per_cpu_s": significant(1 / each) if each > 0 else None}


def _make_files(count: int, folder: Path) -> None:
    """One photo and that many other files, a thousand in a folder."""
    photos(1, folder)
    for number in range(count):
        inner = folder / f"{number // 1000:04}"
        inner.mkdir(exist_ok=True)
        (inner / f"{number:06}.jpg").write_text(f"no picture, {number}")


def _retrieval(*arguments: str, runs: int = 1) -> dict[str, Any]:
    return _times(*retrieval_command(), *arguments, runs=runs)


def _times(*command: str, runs: int) -> dict[str, Any]:
    spent = [_spent(*command) for _ in range(runs)]
    return {
        "wall_s": figure_of((each.wall_s for each in spent), "s").as_dict(),
        "cpu_s": figure_of((each.cpu_s for each in spent), "s").as_dict(),
    }


def _spent(*command: str) -> Spent:
    as_found: Mapping[str, str | None] = dict.fromkeys(THREAD_VARIABLES)
    return run_process(command, env={**retrieval_environment(), **as_found})
