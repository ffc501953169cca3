"""The goals of speed, declared once as data: which figure each judges, and against what.

G1 to G19 are numbered as in the design's list of limits; Q1 is of questions. Each has a bound that
must hold and a stretch that the hardware allows. Nothing here stops anybody: a report says what was
reached.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Reached = Literal["stretch", "must", "no", "not measured"]


@dataclass(frozen=True, slots=True)
class Goal:
    """One bound on one figure. `path` leads to it through the figures of a run, part first."""

    number: str
    text: str
    path: str
    sense: Literal[">=", "<="]
    must: float
    stretch: float

    @property
    def part(self) -> str:
        """The part of the benchmark that measures it."""
        return self.path.partition("/")[0]

    @property
    def bound(self) -> str:
        """As a table shows it."""
        if self.must == self.stretch:
            return f"{self.number}: {self.sense} {self.must:g}"
        return f"{self.number}: {self.sense} {self.must:g} (stretch {self.stretch:g})"

    def judge(self, value: float | None) -> Reached:
        """What a value reaches; None, or a value that is no number, was not measured."""
        if value is None or value != value:
            return "not measured"
        sign = 1 if self.sense == ">=" else -1
        if sign * value >= sign * self.stretch:
            return "stretch"
        return "must" if sign * value >= sign * self.must else "no"


_PQ_1M, _PQ_100K = "index/1000000/pq-fastscan/", "index/100000/pq-fastscan/"
_KEPT_10 = "filter/100000/pq-fastscan/10.00%/of_brute_force"

GOALS: tuple[Goal, ...] = (
    Goal("G1", "12 MP, x open_clip's", "decode/12 MP/speed/default/times_faster", ">=", 3.3, 4.5),
    Goal("G2", "2 MP, x open_clip's", "decode/2 MP/speed/default/times_faster", ">=", 2.2, 3.2),
    Goal("G3", "PSNR, mean, dB", "decode/12 MP/fidelity/default/psnr_mean", ">=", 50, 53),
    Goal("G3", "PSNR, least, dB", "decode/12 MP/fidelity/default/psnr_min", ">=", 45, 50),
    Goal("G4", "top-10 overlap", "decode/neighbours/default/top10_overlap", ">=", 0.99, 1),
    Goal("G5", "int8 vision encoding, x torch fp32", "encode/ratio_int8", ">=", 2.2, 2.9),
    Goal("G6", "fp32 encoding, share of matmul peak", "encode/share_of_peak", ">=", 0.65, 0.75),
    Goal("G7", "CPU an image / (decode + encode)", "pipeline/cpu_over_parts", "<=", 1.15, 1.05),
    Goal("G8", "rate / bound 1/(1/d+1/e)", "pipeline/rate_over_bound", ">=", 0.85, 0.95),
    Goal("G9", "rate, x the naive loop", "pipeline/times_naive_wall", ">=", 3.5, 5),
    Goal("G10", "query of 1M, x brute force", _PQ_1M + "times_brute_force", ">=", 10, 16),
    Goal("G10", "its R@10 for texts", _PQ_1M + "recall_text", ">=", 0.97, 0.98),
    Goal("G11", "query of 100k, x brute force", _PQ_100K + "times_brute_force", ">=", 15, 25),
    Goal("G11", "its R@10 for texts", _PQ_100K + "recall_text", ">=", 0.95, 0.95),
    Goal("G12", "building 1M / one scan", _PQ_1M + "build_in_scans", "<=", 100, 65),
    Goal("G13", "opening 100k, ms of CPU", _PQ_100K + "open_ms", "<=", 5, 2),
    Goal("G14", "filter that keeps 10 % / scan", _KEPT_10, "<=", 0.2, 0.1),
    Goal("G15", "cold search, ms of CPU", "cold/cold/cpu_ms", "<=", 800, 500),
    Goal("G15", "naive process / cold search", "cold/naive_over_cold_cpu", ">=", 8, 15),
    Goal("G15", "the same with the daemon, ms of wall", "cold/daemon/wall_ms", "<=", 120, 120),
    Goal("G16", "warm text query, ms of CPU", "query/search/cpu_ms", "<=", 15, 8),
    Goal("G17", "warm text encoding, x torch padded", "encode/ratio_text", ">=", 8, 11),
    Goal(
        "G18", "share of commits in indexing, wall", "pipeline/stages/write_share", "<=", 0.02, 0.01
    ),
    Goal("G19", "unchanged files a CPU second", "start/rescan/files_per_cpu_s", ">=", 2e4, 2e4),
    Goal("Q1", "first photos of a question, ms", "asking/extractive/first_ms", "<=", 300, 200),
)


def value_at(figures: Mapping[str, Any], path: str) -> float | None:
    """The number at a path through nested figures, or None where there is none."""
    here: Any = figures
    for name in path.split("/"):
        if not isinstance(here, Mapping) or name not in here:
            return None
        here = here[name]
    if isinstance(here, Mapping):
        here = here.get("median")
    is_number = isinstance(here, int | float) and not isinstance(here, bool)
    return float(here) if is_number else None


def judged(figures: Mapping[str, Any]) -> Iterator[tuple[Goal, float | None, Reached]]:
    """Every goal with its figure in this run and what that reaches."""
    for goal in GOALS:
        value = value_at(figures, goal.path)
        yield goal, value, goal.judge(value)
