"""Measure how fast this project is, and how fast its peers are: python scripts/benchmark.py.

    python scripts/benchmark.py                         # all parts, a few minutes each
    python scripts/benchmark.py decode index --size full --markdown figures.md
    python scripts/benchmark.py peers                   # rclip, clip-retrieval, DeepImageSearch

Each part runs in a process of its own with pinned threads, and hands back medians with their
spread; ratios are formed within that process, in turns. Prints the Markdown table, or writes it
and a JSON where --markdown and --json say. Goals are shown beside the figures and stop nothing:
the exit code is 1 only if a part failed. A part that lacks a package says so; the others go on.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from scripts.bench.common import SIZES  # noqa: E402
from scripts.bench.machine import describe, pin_threads  # noqa: E402

Figures = dict[str, Any]


@dataclass(frozen=True)
class Part:
    """Where a part's function is, as "module:function", and the keywords it takes for a size.

    A function without keywords here is called as measure(size).
    """

    where: str
    keywords: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def measure(self, size: str) -> Figures:
        """Load the part and run it."""
        module, _, function = self.where.partition(":")
        work = getattr(import_module(module), function)
        figures: Figures = work(**self.keywords[size]) if self.keywords else work(size)
        return figures


PARTS: dict[str, Part] = {
    "start": Part("scripts.bench.start:measure"),
    "decode": Part(
        "scripts.bench.decode:measure",
        {
            "tiny": {"count": 1, "rounds": 1, "neighbours": 0},
            "small": {"count": 8, "rounds": 5, "neighbours": 60},
            "full": {"count": 20, "rounds": 9, "neighbours": 200},
        },
    ),
    "encode": Part("scripts.bench.encode:measure"),
    "pipeline": Part(
        "scripts.bench.pipeline:measure",
        {
            "tiny": {"model": "mini", "count": 2, "rounds": 1, "size": "2 MP"},
            "small": {"model": "random", "count": 24, "rounds": 5, "exported": True},
            "full": {"model": "random", "count": 48, "rounds": 9, "exported": True},
        },
    ),
    "query": Part(
        "scripts.bench.query:measure",
        {
            "tiny": {"photos": 100, "runs": 2, "model": "mini"},
            "small": {"photos": 20_000},
            "full": {"photos": 100_000},
        },
    ),
    "index": Part(
        "scripts.bench.index:measure",
        {
            "tiny": {"sizes": (2_000,), "queries": 3},
            "small": {"sizes": (10_000, 100_000)},
            "full": {"sizes": (10_000, 100_000, 1_000_000)},
        },
    ),
    "filter": Part(
        "scripts.bench.filter:measure",
        {
            "tiny": {"sizes": (2_000,), "queries": 2},
            "small": {"sizes": (100_000,)},
            "full": {"sizes": (100_000, 1_000_000)},
        },
    ),
    "cold": Part(
        "scripts.bench.cold:measure",
        {
            "tiny": {"photos": 100, "runs": 1, "model": "mini", "naive": False},
            "small": {"photos": 20_000, "runs": 7},
            "full": {"photos": 100_000, "runs": 15},
        },
    ),
    "asking": Part(
        "scripts.bench.asking:measure",
        {
            "tiny": {"photos": 100, "runs": 1},
            "small": {"photos": 20_000},
            "full": {"photos": 100_000},
        },
    ),
    "peers": Part("scripts.bench.peers:measure"),
}
#: These install other people's packages, so they run only when they are named.
ASKED_FOR = ("peers",)


def measure(name: str, size: str) -> Figures:
    """The figures of a part; or why there are none, as "unavailable" or "failed"."""
    try:
        return PARTS[name].measure(size)
    except ModuleNotFoundError as exc:
        missing = exc.name or "?"
        if missing.startswith("scripts."):
            return {"unavailable": f"this checkout has no {missing}"}
        return {"unavailable": f"needs the Python module {missing}, which is not installed"}
    except Exception as exc:
        traceback.print_exc()
        return {"failed": f"{type(exc).__name__}: {exc}"}


def measure_apart(name: str, size: str) -> Figures:
    """The same in a fresh process, so that no part meets the threads and memory of another."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        try:
            return pool.submit(measure, name, size).result()
        except BrokenProcessPool:
            return {"failed": "the process of this part ended without an answer"}


def run(names: Sequence[str], size: str, threads: int) -> Figures:
    """Measure the named parts one after another; what is returned goes into the JSON as it is."""
    pin_threads(threads)
    begun = time.monotonic()
    command = ("python scripts/benchmark.py", *names, f"--size {size} --threads {threads}")
    result: Figures = {
        "command": " ".join(command),
        "size": size,
        "threads": threads,
        "machine": describe(),
        "parts": {},
    }
    for name in names:
        print(f"benchmark: {name} …", file=sys.stderr, flush=True)
        part_begun = time.monotonic()
        figures = measure_apart(name, size)
        result["parts"][name] = figures
        seconds = time.monotonic() - part_begun
        print(f"benchmark: {name} took {seconds:.0f} s", file=sys.stderr, flush=True)
    return {**result, "seconds": round(time.monotonic() - begun, 1)}


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--threads", type=int, default=1, help="of matrix libraries (default: 1)")
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="(default: print it)")
    parser.add_argument("--peers", action="store_true", help="the part peers as well")
    given = parser.parse_args(arguments)
    unknown = [name for name in given.parts if name not in PARTS]
    if unknown:
        parser.error(f"there is no part {unknown[0]}; choose from {', '.join(PARTS)}")
    given.parts = given.parts or [name for name in PARTS if name not in ASKED_FOR]
    if given.peers and "peers" not in given.parts:
        given.parts.append("peers")
    return given


def main() -> None:
    """Measure, and write the figures where they are wanted."""
    given = parse()
    result = run(given.parts, given.size, given.threads)
    from scripts.bench.report import markdown

    if given.json:
        given.json.write_text(json.dumps(result, indent=2) + "\n", "utf-8")
    if given.markdown:
        given.markdown.write_text(markdown(result), "utf-8")
    else:
        print(markdown(result))
    sys.exit(any("failed" in figures for figures in result["parts"].values()))


if __name__ == "__main__":
    main()
