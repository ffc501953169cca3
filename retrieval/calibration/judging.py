"""From cosines to probabilities: the null distribution of one query in one collection.

Two questions, one after the other.

*Is there any such photo?* Photos differ in how near they are to all texts, so each photo's mean
cosine with the bank is taken off: v · (q - mean of the bank). The best such value is measured in
steps, the spread of these values between the bank and the collection: what a text that has nothing
to do with a photo reaches. The more photos there are, the better the best of pure chance is; the
logarithm of their number makes up for it. And where the texts of the bank, half of which fit
nothing, find a better best photo than is usual, a query must find a better one too: encoders whose
scores have longer tails, and photos that an encoder was trained on, are like that.

*Which ones?* Given that there are some, a hit counts by how far it reaches on the same scale, and
by how far the best one does.

Both are logistic curves whose few numbers are the same for all encoders, since steps do not depend
on where an encoder's cosines lie or how wide they spread. scripts/evaluate_relevance.py fits and
measures them, on photos and captions that the encoder was not trained on.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLE = 500  # rows that stand for a collection
STRIDE = 8  # every eighth text of the bank is compared with them
LOOKED_AT = 10  # of the best hits
USUAL = 500  # photos in a collection: what their number is compared with
GROWTH = 0.45  # steps that the best photo of a text gains when there are e times as many photos


@dataclass(frozen=True, slots=True)
class Curves:
    """The numbers of both logistic curves; all but the cuts are per step."""

    best: float  # of the best hit, for there being any
    usual: float  # of the best photo of a middling text of the bank, among USUAL photos
    size: float  # of the logarithm of the number of photos over USUAL
    chance: float
    hit: float  # of one hit, given that there are some
    leader: float  # of the best hit, likewise
    share: float
    present_cut: float  # probability from which on there is something
    hit_cut: float  # and from which on, given that, a hit is a match


#: Fitted by `scripts/evaluate_relevance.py --fit`: three times 500 photos of Flickr8k and COCO that
#: the heads of `mini` were not trained on, galleries of 20, 100 and 500 of them; beside them the
#: 670 it was trained on, and 1,200 others with queries for what nobody photographed. The cuts are
#: choices, no fits: a wrongly empty answer counts as much as a wrongly given one, and of the right
#: photos of captions about 19 in 20 stand above a hit's cut.
CURVES = Curves(
    best=2.5,
    usual=-1.91,
    size=-0.72,
    chance=-1.99,
    hit=2.026,
    leader=-1.294,
    share=-3.198,
    present_cut=0.5,
    hit_cut=0.03,
)


class Calibration:
    """A bank of texts as one encoder embeds it."""

    def __init__(self, bank: NDArray[np.float16]) -> None:
        """`bank` are the embedded texts, rows (m, dim) of unit length."""
        self.bank = bank

    @cached_property
    def middle(self) -> NDArray[np.float32]:
        """The mean of the bank, float32 (dim,)."""
        mean: NDArray[np.float32] = self.bank.mean(0, dtype=np.float32)
        return mean

    def background(self, vectors: NDArray[np.float16]) -> Background:
        """What is needed of a collection's rows (n, dim): once for each time they are loaded.

        Only some of them are read, the same ones each time.
        """
        count = min(len(vectors), SAMPLE)
        at = np.linspace(0, max(len(vectors) - 1, 0), count).astype(np.int64)
        return Background(self, np.asarray(vectors[at], np.float32), len(vectors))


class Background:
    """What a collection is like: the spread of chance cosines, and how many rows there are."""

    def __init__(self, calibration: Calibration, sample: NDArray[np.float32], count: int) -> None:
        """`sample` are rows (r, dim) of the collection, `count` the number of all its rows."""
        self.middle = calibration.middle
        self.count = count
        some = calibration.bank[::STRIDE].astype(np.float32) - self.middle
        values = some @ sample.T  # (m / 8, r)
        spread = values - values.mean(1, keepdims=True) if len(sample) > 1 else values
        #: The spread of chance: the step that all else is measured in.
        self.step = max(float(spread.std()), 1e-6) if values.size else 1.0
        #: What the best photo of a middling text of the bank reaches, among as many as are usual.
        self.usual = 0.0
        if values.size:
            middling = float(np.median(values.max(1))) / self.step
            self.usual = middling - GROWTH * float(np.log(len(sample) / USUAL))

    def judge(
        self,
        scores: NDArray[np.floating],
        vectors: NDArray[np.floating],
        curves: Curves = CURVES,
    ) -> Judgement:
        """Judge a query of words by its best hits: cosines (k,), best first, and rows (k, dim).

        The ten best suffice, more are not looked at. With no hits nothing is present.
        """
        if not len(scores):
            return Judgement(0.0, np.inf, 1.0, np.inf)
        offset, best = self.reach(scores, vectors)
        size = float(np.log(max(self.count, 1) / USUAL))
        present = _logistic(
            curves.best * best + curves.usual * self.usual + curves.size * size + curves.chance
        )
        # The curve of one hit, told in cosines: slope * (score - middle) is its log-odds.
        slope = curves.hit / self.step
        leader = (float(scores[0]) - offset) / self.step
        middle = offset - (curves.leader * leader + curves.share) / slope
        cut = middle + _log_odds(curves.hit_cut) / slope
        is_there = present >= curves.present_cut
        return Judgement(present, middle, slope, min(cut, float(scores[0])) if is_there else np.inf)

    def reach(
        self,
        scores: NDArray[np.floating],
        vectors: NDArray[np.floating],
    ) -> tuple[float, float]:
        """Mean cosine of the best hits with the bank; how far the best one reaches, in steps."""
        own = np.asarray(vectors[:LOOKED_AT], np.float32) @ self.middle  # (k,)
        best = float((np.asarray(scores[:LOOKED_AT], np.float32) - own).max())
        return float(own.mean()), best / self.step


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the cosines of one query mean."""

    present: float  #: the probability that any photo is what the query means
    middle: float  # the cosine at which a hit is as likely as not, given that there are some
    slope: float
    cut: float  #: the cosine from which on a hit is a match; infinite where nothing matches

    def relevance(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """The probability, for each cosine (n,), that its item is what the query means."""
        odds = np.clip(self.slope * (np.asarray(scores, np.float64) - self.middle), -60, 60)
        found: NDArray[np.float64] = self.present / (1 + np.exp(-odds))
        return found


def _logistic(odds: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(odds, -60, 60))))


def _log_odds(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))
