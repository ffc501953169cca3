"""Hurt collections in every way we know, for longer than the tests do, and count what is lost.

    scripts/torture --only kills --seed 3

Prints one JSON object with the figures of each part; exits 1 if anything was lost, served wrong, or
went unnoticed. The parts are those of the tests, with larger numbers.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

Figures = dict[str, Any]


def faults(seed: int, quick: bool) -> Figures:
    """Every step of every scenario, each with every kind of fault."""
    from tests.faults import LONG_MODES, MODES, run_apart
    from tests.scenarios import LONG_SCENARIOS, SCENARIOS

    names = ";".join(SCENARIOS if quick else SCENARIOS | LONG_SCENARIOS)
    modes = ";".join(MODES if quick else LONG_MODES)
    options = ("--scenarios", names, "--modes", modes, "--seed", str(seed))
    figures = run_apart("tests.faults", *options, "--scale", "1" if quick else "3")
    parts = figures.values()
    injected = {key: sum(part[key] for part in parts) for key in ("steps", "faults", "distinct")}
    return {**injected, "losses": _all(parts), "scenarios": figures}


def kills(seed: int, quick: bool) -> Figures:
    """A process that writes is killed at random moments."""
    from tests.faults import run_apart

    return run_apart("tests.kills", "--kills", "12" if quick else "100", "--seed", str(seed))


def flips(seed: int, quick: bool) -> Figures:
    """Single bytes of the files of a collection are changed."""
    from tests.flips import run

    with tempfile.TemporaryDirectory() as folder:
        figures = run(20 if quick else 200, seed, Path(folder))
    wrong = ("served", "unnoticed", "not_mended")
    return {**figures, "losses": [f"{key}: {case}" for key in wrong for case in figures[key]]}


def readers(seed: int, quick: bool) -> Figures:
    """Eight processes search while one writes."""
    from tests.faults import run_apart

    figures = {}
    for writer, photos, seconds in (("index", "1000", "5"), ("cycles", "600", "60")):
        sizes = ("--photos", "200" if quick else photos, "--seconds", "3" if quick else seconds)
        options = ("--writer", writer, "--seed", str(seed), *sizes)
        figures[writer] = run_apart("tests.readers", *options)
    return {"losses": _all(figures.values()), **figures}


def disks(seed: int, quick: bool) -> Figures:
    """The disk is full, at every size from nothing to enough."""
    from tests.disks import can_mount
    from tests.faults import run_apart

    ways = ("limit", "mount") if can_mount() else ("limit",)
    sizes = ("--sizes", "4096", "131072") if quick else ()
    figures = {way: run_apart("tests.disks", "--way", way, *sizes) for way in ways}
    return {"losses": _all(figures.values()), **figures}


def fuzz(seed: int, quick: bool) -> Figures:
    """Damaged pictures are decoded; odd files serve as seeds where they are there."""
    import torture_fuzz

    odd = ROOT.parent / "shared/data/odd-files"
    folder = odd if odd.is_dir() else None
    figures = torture_fuzz.run(200 if quick else 20_000, seed, folder)
    return {**figures, "losses": ["an exception escaped"] * figures["escaped_exceptions"]}


PARTS: dict[str, Callable[[int, bool], Figures]] = {
    "faults": faults,
    "kills": kills,
    "flips": flips,
    "readers": readers,
    "disks": disks,
    "fuzz": fuzz,
}


def _all(parts: Any) -> list[str]:
    return [loss for part in parts for loss in part["losses"]]


def main() -> None:
    parser = argparse.ArgumentParser(description="Prints one JSON object; exits 1 on any loss.")
    parser.add_argument("--only", choices=PARTS, action="append", help="may be given repeatedly")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="small numbers, to see that it works")
    options = parser.parse_args()
    result: Figures = {"seed": options.seed, "python": platform.python_version()}
    losses = 0
    for name in options.only or PARTS:
        print(f"torture: {name} …", file=sys.stderr)
        begun = time.monotonic()
        figures = PARTS[name](options.seed, options.quick)
        losses += len(figures["losses"])
        result[name] = {**figures, "seconds": round(time.monotonic() - begun, 1)}
    print(json.dumps({**result, "losses": losses}, indent=2))
    sys.exit(1 if losses else 0)


if __name__ == "__main__":
    main()
