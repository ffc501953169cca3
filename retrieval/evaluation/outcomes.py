"""What came of questions whose answers are known: one outcome each, and a report of all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf

from retrieval.records import Status

DEPTH = 10  # hits in which right photos are looked for
LEVELS = (1, 5, 10)
ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the files that are right (relative to a folder), and the answer where known."""

    kind: str
    question: str
    files: tuple[str, ...] = ()
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question.

    `rank` of the first right photo from 1, None if it is not among the first DEPTH; `precision` of
    the cited photos and `recall` of the right ones, None where there is nothing to compare. `first`
    is the time to the first hits, `whole` to the checked answer, in milliseconds. `before` is the
    rank before a second look, where there was one.
    """

    question: Question
    text: str
    status: Status
    rank: int | None
    right: bool
    precision: float | None
    recall: float | None
    first: float = 0.0
    whole: float = 0.0
    before: int | None = None

    @property
    def wrong_grounded(self) -> bool:
        """Whether a wrong answer is given as a sure one."""
        return self.status == "grounded" and not self.right


@dataclass(frozen=True, slots=True)
class QuestionReport:
    """Counts by kind, shares of citations, and times; `outcomes` tell of each question."""

    outcomes: tuple[Outcome, ...]
    answerer: str = ""

    @property
    def kinds(self) -> dict[str, dict[str, float]]:
        """For each kind, how many questions (n) and how many of them are right, grounded,
        wrong_grounded and refused; where there are right photos, the shares R@k, and how many have
        the right photo first and are right (first, first_right).
        """
        kinds = dict.fromkeys(outcome.question.kind for outcome in self.outcomes)
        return {
            kind: _counts([o for o in self.outcomes if o.question.kind == kind]) for kind in kinds
        }

    @property
    def citations(self) -> dict[str, float | None]:
        """Means over questions: of the cited photos that are right, of the right that are cited."""
        return {
            "precision": _mean(o.precision for o in self.outcomes),
            "recall": _mean(o.recall for o in self.outcomes),
        }

    @property
    def reranking(self) -> dict[str, object] | None:
        """What the second looks brought: ranks before and after (reranking.compare_rankings)."""
        again = [o for o in self.outcomes if o.before is not None and o.question.files]
        if not again:
            return None
        from retrieval.reranking.gain import compare_ranks

        return compare_ranks([o.before or inf for o in again], [o.rank or inf for o in again])

    @property
    def latency_ms(self) -> dict[str, float]:
        """Median and 95th percentile to the first hits and to the whole answer, milliseconds."""
        times = {
            "first_hits": sorted(o.first for o in self.outcomes),
            "answer": sorted(o.whole for o in self.outcomes),
        }
        return {
            f"{name}_p{share}": round(values[min(len(values) * share // 100, len(values) - 1)], 1)
            for name, values in times.items()
            for share in (50, 95)
        }

    @property
    def wrong_grounded(self) -> float:
        """The share of wrong answers given as grounded, of all questions."""
        return sum(o.wrong_grounded for o in self.outcomes) / len(self.outcomes)


def _counts(outcomes: Sequence[Outcome]) -> dict[str, float]:
    n = len(outcomes)
    counts: dict[str, float] = {"n": n}
    ranked = any(o.question.files for o in outcomes) and outcomes[0].question.kind != "count"
    if ranked:
        ranks = [o.rank or DEPTH + 1 for o in outcomes]
        counts |= {f"R@{level}": sum(rank <= level for rank in ranks) / n for level in LEVELS}
    counts |= {
        "right": sum(o.right for o in outcomes),
        "grounded": sum(o.status == "grounded" for o in outcomes),
        "wrong_grounded": sum(o.wrong_grounded for o in outcomes),
        "refused": sum(o.status == "refused" for o in outcomes),
    }
    if ranked:
        counts["first"] = sum(o.rank == 1 for o in outcomes)
        counts["first_right"] = sum(o.right for o in outcomes if o.rank == 1)
    return counts


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
