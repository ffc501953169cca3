"""Medians with spread of CPU time, one pinned thread, everything to be compared in one process."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

QUIET = {"OMP_WAIT_POLICY": "passive", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@contextmanager
def pinned(processors: int = 1) -> Iterator[None]:
    """Keep this thread, and those it starts, on so many processors where the system can do that."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[-processors:])
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def cpu_ms(work: Callable[[], object]) -> float:
    """CPU milliseconds of this thread."""
    begun = time.thread_time()
    work()
    return (time.thread_time() - begun) * 1e3


def spread(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """Median, and the quartiles around it."""
    if len(values) < 2:
        return dict.fromkeys(("median", "low", "high"), round(values[0], digits))
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": round(middle, digits), "low": round(low, digits), "high": round(high, digits)}


def side_by_side(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, Any]:
    """Run all in turns, `rounds` times after one to warm up; CPU ms, and ratios to the first.

    A ratio is the median of those of the rounds, so that what slows one round slows both sides.
    """
    measured: dict[str, list[float]] = {name: [] for name in works}
    for round_ in range(rounds + 1):
        for name, work in works.items():
            spent = cpu_ms(work)
            if round_:
                measured[name].append(spent)
    first = next(iter(measured.values()))
    return {
        name: {
            "cpu_ms": spread(values),
            "times_faster": spread([a / b for a, b in zip(first, values, strict=True)]),
        }
        for name, values in measured.items()
    }
