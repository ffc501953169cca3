"""What every part of the benchmark measures with: medians with spread, CPU time, paired runs.

Imports nothing heavy, so that threads can still be pinned (see `scripts.bench.machine`) after it
was imported, and so that a process that starts others stays small: Linux counts the memory of the
starting process into the peak of the one it starts.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PHOTOS = ROOT.parent / "shared" / "data" / "coco-unlabeled-1200"
CACHE = ROOT / ".cache" / "bench"
SIZES = ("tiny", "small", "full")
RUNS = 5


@dataclass(frozen=True, slots=True)
class Figure:
    """The median of some runs, with the smallest and the largest."""

    median: float
    low: float
    high: float
    runs: int
    unit: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The form in which a part hands it on; `scripts.bench.report` knows it by its keys."""
        return {
            "median": significant(self.median),
            "min": significant(self.low),
            "max": significant(self.high),
            "runs": self.runs,
            "unit": self.unit,
        }


def figure_of(values: Iterable[float], unit: str = "") -> Figure:
    """The figure of values that were measured already. Raises ValueError where there are none."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("a figure needs at least one run")
    return Figure(statistics.median(ordered), ordered[0], ordered[-1], len(ordered), unit)


def median_of(measure: Callable[[], float], runs: int = RUNS, unit: str = "") -> Figure:
    """Call `measure` that often; what it returns is one run."""
    return figure_of([measure() for _ in range(runs)], unit)


def cpu_seconds(work: Callable[[], object]) -> float:
    """Seconds of CPU, user and system, that all threads of this process spend in one call."""
    begun = time.process_time()
    work()
    return time.process_time() - begun


@dataclass(frozen=True, slots=True)
class Paired:
    """Two works measured in turn, A B A B, and the ratios A / B of the pairs.

    A ratio within a pair is spoiled less by other load on the machine than one of two medians.
    """

    first: Figure
    second: Figure
    ratio: Figure


def paired(
    first: Callable[[], float], second: Callable[[], float], runs: int = RUNS, unit: str = ""
) -> Paired:
    """Measure both in turn that often, after one round that only warms up."""
    first(), second()
    pairs = [(first(), second()) for _ in range(runs)]
    return Paired(
        figure_of((a for a, _ in pairs), unit),
        figure_of((b for _, b in pairs), unit),
        figure_of((a / b for a, b in pairs), "x"),
    )


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process cost, together with those that it started and waited for.

    `peak_bytes` is the resident memory of the largest one of them, not their sum.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int
    output: str


class RunError(Exception):
    """A measured process failed or took too long; the message holds the end of what it said."""


def run_process(
    command: Sequence[str | os.PathLike[str]],
    *,
    env: Mapping[str, str | None] | None = None,
    cwd: Path | None = None,
    timeout_s: float = 3600,
) -> Spent:
    """Run a command to its end, with `env` on top of the environment; None takes a variable out.

    Raises RunError.
    """
    name = Path(command[0]).name
    wanted = {**os.environ, **(env or {})}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=errors, cwd=cwd,
            env={key: value for key, value in wanted.items() if value is not None},
        )  # fmt: skip
        code, used = _wait(process, begun + timeout_s)
        wall = time.perf_counter() - begun
        out.seek(0), errors.seek(0)
        output = out.read().decode(errors="replace")
        if code:
            said = errors.read().decode(errors="replace").strip() or output.strip()
            why = f"took longer than {timeout_s:.0f} s" if code == _LATE else f"ended with {code}"
            raise RunError(f"{name} {why}: … {said[-500:]}")
    kilobyte = 1 if sys.platform == "darwin" else 1024  # the unit of ru_maxrss
    return Spent(wall, used.ru_utime + used.ru_stime, used.ru_maxrss * kilobyte, output)


_LATE = -1000  # no exit code and no signal


def _wait(process: subprocess.Popen[bytes], deadline: float) -> tuple[int, Any]:
    """The exit code of the process and the resources that it and its children used."""
    code = None
    while True:
        pid, status, used = os.wait4(process.pid, os.WNOHANG)
        if pid:
            process.returncode = os.waitstatus_to_exitcode(status)
            return code or process.returncode, used
        if code is None and time.perf_counter() > deadline:
            process.kill()
            code = _LATE
        time.sleep(0.002)


def retrieval_command() -> list[str]:
    """The command line of this checkout, whatever version is installed beside the interpreter."""
    return [str(Path(sys.executable).with_name("retrieval"))]


def retrieval_environment() -> dict[str, str | None]:
    """Measures this checkout, and asks no model hub."""
    return {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}


def photos(count: int, folder: Path) -> Path:
    """Fill `folder` with that many different photos: real ones beside the repository, or made."""
    import shutil

    folder.mkdir(parents=True)
    real = sorted(PHOTOS.glob("*.jpg"))[:count] if PHOTOS.is_dir() else []
    for path in real:
        shutil.copyfile(path, folder / path.name)
    make_photos(count - len(real), folder)
    return folder


def make_photos(count: int, folder: Path, side: tuple[int, int] = (640, 480)) -> None:
    """Write that many different JPEGs of soft coloured patches, always the same ones."""
    import numpy as np
    from PIL import Image

    generator = np.random.default_rng(0)
    for number in range(count):
        coarse = generator.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize(side, Image.Resampling.BICUBIC)
        picture.save(folder / f"made-{number:05}.jpg", quality=90)


def significant(value: float, digits: int = 4) -> float:
    """Round to significant digits; a figure has no more that mean anything."""
    return float(f"{value:.{digits}g}")
