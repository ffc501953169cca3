"""How a cost grows with the number of vectors: a line, and the exponent of a power law.

Both are fitted to (n, time) pairs of one run. The line, time = fixed + each * n, weighs relative
errors, so that the smallest size counts as much as the largest. The exponent is the slope of the
least-squares line through the logarithms: 1 for a scan, 0 for a cost that does not grow.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_SIZE = re.compile(r"([1-9]\d*)([kM]?)")
_FACTOR = {"": 1, "k": 1_000, "M": 1_000_000}
#: How the name of a time ends, and that of a unit.
_TIME = re.compile(r"(^|_)(ns|us|ms|s|seconds)$")


@dataclass(frozen=True, slots=True)
class Growth:
    """The fitted cost curve, in the unit of the times.

    `worst` is the largest relative error of the line: where it is large, the cost is no line and
    only the exponent says something.
    """

    fixed: float
    each: float
    exponent: float
    worst: float

    def at(self, n: float) -> float:
        """The time that the line says for n."""
        return self.fixed + self.each * n


def fit(times: Mapping[int, float]) -> Growth:
    """Fit times by n. Raises ValueError for fewer than two sizes, or a time that is not positive.

    With two sizes the line goes through both, so only a third one tells whether it is one.
    """
    if len(times) < 2:
        raise ValueError("a curve needs times of at least two sizes")
    if any(n <= 0 or not time > 0 or not math.isfinite(time) for n, time in times.items()):
        raise ValueError("sizes and times must be positive and finite")
    fixed, each = _relative_line(times)
    slope = statistics.linear_regression(
        [math.log(n) for n in times], [math.log(time) for time in times.values()]
    ).slope
    worst = max(abs(fixed + each * n - time) / time for n, time in times.items())
    return Growth(fixed, each, slope, worst)


def _relative_line(times: Mapping[int, float]) -> tuple[float, float]:
    """The fixed and each that minimise the sum of ((fixed + each n - t) / t)²."""
    least = min(times.values())
    weights = {n: (least / time) ** 2 for n, time in times.items()}
    total = sum(weights.values())
    middle = sum(weight * n for n, weight in weights.items()) / total
    height = sum(weight * times[n] for n, weight in weights.items()) / total
    width = sum(weight * (n - middle) ** 2 for n, weight in weights.items())
    rise = sum(weight * (n - middle) * (times[n] - height) for n, weight in weights.items())
    each = rise / width if width else 0.0
    return height - each * middle, each


def size_of(name: object) -> int | None:
    """The number that a key such as "10k", "1M" or "5000" states; None for any other key."""
    match = _SIZE.fullmatch(str(name))
    return int(match[1]) * _FACTOR[match[2]] if match else None


def curves(figures: Mapping[str, Any]) -> dict[str, Growth]:
    """Fit every time in a tree of figures that stands there for two sizes or more.

    A size is a key that `size_of` understands; the name of a curve is the path without it. A time
    is a number whose name ends in a unit of time (query_ms), or a figure with such a unit.
    """
    series: dict[str, dict[int, float]] = {}
    for path, time in _times(figures, ()):
        sizes = [size for name in path if (size := size_of(name)) is not None]
        if len(sizes) == 1 and time > 0:
            name = "/".join(str(part) for part in path if size_of(part) is None)
            series.setdefault(name, {})[sizes[0]] = time
    return {name: fit(times) for name, times in series.items() if len(times) > 1}


def _times(tree: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], float]]:
    if isinstance(tree, Mapping):
        if "median" in tree:
            if _TIME.search(str(tree.get("unit", ""))) or (path and _TIME.search(path[-1])):
                yield path, float(tree["median"])
        else:
            for key, value in tree.items():
                yield from _times(value, (*path, str(key)))
    elif (
        isinstance(tree, int | float)
        and not isinstance(tree, bool)
        and path
        and _TIME.search(path[-1])
    ):
        yield path, float(tree)
