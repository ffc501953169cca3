"""From cosines to probabilities: the null distribution of one query in one collection."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: The relevance from which on a hit counts as a match.
CUT = 0.5
SAMPLE = 1_000  # rows that stand for a collection
LOOKED_AT = 10  # of the best hits, whose fit with the bank is compared
NEAREST = 20  # texts of the bank that describe a photo best
LIKE = 10  # texts of the bank that are most like the query

# PROVISIONAL: replaced by the fit.
_WEIGHTS = {"score": 3.341, "mean": 0.703, "bank": -1.897, "known": 0.747}
_BIAS = -7.515


class Calibration:
    """A bank of texts as one encoder embeds it."""

    def __init__(self, bank: NDArray[np.float16]) -> None:
        """`bank` are the embedded texts, rows (m, dim) of unit length."""
        self.bank = bank

    @cached_property
    def rows(self) -> NDArray[np.float32]:
        """The bank as it is computed with, (m, dim)."""
        return self.bank.astype(np.float32)

    @cached_property
    def likeness(self) -> tuple[float, float]:
        """Mean and standard deviation of the cosines between two texts of the bank."""
        some = self.rows[:: max(len(self.rows) // 400, 1)]
        pairs = (some @ some.T)[np.triu_indices(len(some), 1)]
        return float(pairs.mean()), max(float(pairs.std()), 1e-6)

    def background(self, vectors: NDArray[np.float16]) -> Background:
        """What is needed of a collection's rows (n, dim): once for each time they are loaded."""
        return Background(self, _sample(vectors))


class Background:
    """What a collection is like, told by a sample of its rows (at most 1,000)."""

    def __init__(self, calibration: Calibration, sample: NDArray[np.float32]) -> None:
        self.calibration = calibration
        self.sample = sample
        some = calibration.rows[::4] @ sample[:250].T  # (m / 4, n)
        self._level = float(some.mean()) if some.size else 0.0
        rest = some - some.mean(0) - some.mean(1, keepdims=True) + self._level
        self._step = max(float(rest.std()), 1e-6) if some.size else 1.0

    def judge(
        self,
        query: NDArray[np.float32],
        scores: NDArray[np.float32],
        vectors: NDArray[np.floating],
    ) -> Judgement:
        """Judge a text query (dim,) by its best hits: scores (k,), best first, and rows (k, dim).

        Ten hits suffice, more are not looked at.
        """
        if not len(scores):
            return Judgement(1.0, np.inf)
        scale, level = self._step, self._level
        best = np.asarray(vectors[:LOOKED_AT], np.float32)
        fits = self.calibration.rows @ best.T  # (m, k)
        nearest = np.partition(fits, -NEAREST, axis=0)[-NEAREST:]
        like = np.partition(self.calibration.rows @ query, -LIKE)[-LIKE:]
        mean, deviation = self.calibration.likeness
        rest = (
            _BIAS
            + _WEIGHTS["mean"] * (float((self.sample @ query).mean()) - level) / scale
            + _WEIGHTS["bank"] * (float(nearest.mean()) - level) / scale
            + _WEIGHTS["known"] * (float(like.mean()) - mean) / deviation
        )
        slope = _WEIGHTS["score"] / scale
        return Judgement(slope, level - rest / slope)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a cosine means for one query: a logistic curve around the cut."""

    slope: float
    cut: float  #: the score from which on an item counts as a match (relevance 0.5)

    def relevance(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """The probability, for each score (n,), that its item is what the query means."""
        odds = np.clip(self.slope * (np.asarray(scores, np.float64) - self.cut), -60, 60)
        found: NDArray[np.float64] = 1 / (1 + np.exp(-odds))
        return found


def _sample(vectors: NDArray[np.float16]) -> NDArray[np.float32]:
    """Rows at even steps, the same ones each time."""
    count = min(len(vectors), SAMPLE)
    at = np.linspace(0, max(len(vectors) - 1, 0), count).astype(np.int64)
    return np.asarray(vectors[at], np.float32)
