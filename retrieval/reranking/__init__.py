"""A second look at the first hits: by a language model, photo by photo, or a cross-encoder.

Searching compares a photo and a text by one vector each, which is fast and loses how things stand
to each other ("a dog left of a cat"). A judge looks at both together and is slow, so it is asked
about the first hits only, where that may help (`wants_reranking`), and within a time it is given.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from retrieval.errors import ModelError
from retrieval.models.limits import within
from retrieval.records import Evidence, NoticeCallback, ignore_notice
from retrieval.reranking.deciding import meaning, wants_reranking
from retrieval.reranking.gain import compare_rankings

__all__ = ["Judge", "Reranking", "compare_rankings", "meaning", "rerank", "wants_reranking"]

MOST = 20  # photos that are looked at again
SECONDS = 10.0  # that this may take

#: How much the first ranking counts: the odds that a photo is meant fall as 1 / rank ** SLOPE. To
#: the recall at 1, 5 and 10 of photos that `mini` was not trained on (docs/mini.md) fits best 1.4
#: for Flickr8k and 1.8 for COCO.
SLOPE = 1.5
#: No judgement counts as surer than this. Within that a judge is taken at its word: a prior, since
#: what a model's yes is worth shows only on one's own photos (`compare_rankings`).
SUREST = 0.99
LEAST = 1e-6  # a probability of 0 still has a logarithm


class Judge(Protocol):
    """Says how likely photos fit a text. `batch` is how many are looked at in one go."""

    name: str
    batch: int

    def judge(self, claim: str, evidence: Sequence[Evidence]) -> list[float] | None:
        """A probability in [0, 1] for each photo; NaN where nothing can be told of that one.

        None where it cannot judge at all. Raises ModelError, PrivacyError.
        """
        ...


@dataclass(frozen=True, slots=True)
class Reranking:
    """The evidence in its new order; each piece keeps its number, `n`, that citations name.

    `before` and `after` are those numbers in the old and new order, `probabilities` what the judge
    said of each, by its number. `complete` is False where time was over or the judge failed: what
    it had not seen stays behind what it had, in the old order. `seconds` is what it took.
    """

    evidence: tuple[Evidence, ...]
    before: tuple[int, ...]
    after: tuple[int, ...]
    probabilities: Mapping[int, float]
    judge: str
    seconds: float
    complete: bool

    @property
    def changed(self) -> bool:
        """Whether the order is another one."""
        return self.before != self.after


def rerank(
    question: str,
    evidence: Sequence[Evidence],
    judge: Judge,
    *,
    most: int = MOST,
    seconds: float = SECONDS,
    on_notice: NoticeCallback = ignore_notice,
    clock: Callable[[], float] = time.monotonic,
) -> Reranking:
    """Order `evidence` anew by what `judge` says of its first `most` (at most 20) photos.

    `question` is what they are compared with: `meaning(plan, result)`, the words of it that are not
    filters. The order is that of log odds: the judge's plus those of the first ranking
    (`probability` where all evidence has it, else the rank); equal judgements leave it as it was.
    No batch is begun that would, by the pace so far, end after `seconds`, and a language model is
    told to end then. Where a judge fails, what it has said counts; `on_notice` tells. Raises
    PrivacyError.
    """
    first = list(evidence[: max(0, min(most, MOST))])
    begun = clock()
    judged, trouble = _judged(question, first, judge, seconds, clock)
    if trouble:
        on_notice(trouble)
    order = _order(first[: len(judged)], judged)
    ranked = (*(first[i] for i in order), *evidence[len(judged) :])
    return Reranking(
        evidence=ranked,
        before=tuple(e.n for e in evidence),
        after=tuple(e.n for e in ranked),
        probabilities={e.n: p for e, p in zip(first, judged, strict=False) if not math.isnan(p)},
        judge=judge.name,
        seconds=clock() - begun,
        complete=len(judged) == len(first),
    )


def _judged(
    question: str,
    first: Sequence[Evidence],
    judge: Judge,
    seconds: float,
    clock: Callable[[], float],
) -> tuple[list[float], str]:
    """What the judge says of the first photos, of as many as it gets to; and why of no more."""
    begun = clock()
    judged: list[float] = []
    while len(judged) < len(first):
        spent = clock() - begun
        batch = first[len(judged) : len(judged) + max(1, judge.batch)]
        pace = spent / len(judged) if judged else 0.0
        if spent + pace * len(batch) >= seconds:
            return judged, (
                f"The second look saw {len(judged)} of {len(first)} photos in the {seconds:g} "
                "seconds it had; the others stay as they were."
            )
        try:
            with within(seconds - spent):
                found = judge.judge(question, batch)
        except ModelError as exc:
            return judged, f"The second look ended after {len(judged)} photos: {exc}"
        if found is None or len(found) != len(batch):
            return judged, f"{judge.name} cannot judge photos; the others stay as they were."
        judged += [p if math.isnan(p) else min(max(p, 0.0), 1.0) for p in found]
    return judged, ""


def _order(first: Sequence[Evidence], judged: Sequence[float]) -> list[int]:
    """Positions of `first`, best first. One of which nothing was told counts as the average."""
    sure = [_logit(p) for p in judged if not math.isnan(p)]
    usual = sum(sure) / len(sure) if sure else 0.0
    prior = _prior(first)
    odds = [
        before + (usual if math.isnan(p) else _logit(p))
        for before, p in zip(prior, judged, strict=True)
    ]
    return sorted(range(len(odds)), key=lambda i: (-odds[i], i))


def _logit(probability: float) -> float:
    p = min(max(probability, 1 - SUREST), SUREST)
    return math.log(p / (1 - p))


def _prior(first: Sequence[Evidence]) -> list[float]:
    """Log odds of the first ranking, up to a constant; they never rise from rank to rank."""
    known = [e.probability for e in first if e.probability is not None]
    if len(known) < len(first):
        return [-SLOPE * math.log(rank) for rank in range(1, len(first) + 1)]
    falling: list[float] = []
    for probability in known:
        value = math.log(max(probability, LEAST))
        falling.append(min(value, falling[-1]) if falling else value)
    return falling
