"""From cosines to probabilities: the null distribution of one query in one collection.

Two questions, one after the other.

*Is there any such photo?* Photos differ in how near they are to all texts, so each photo's mean
cosine with the bank is taken off: v · (q - mean of the bank). The best such value is measured in
steps, the spread of these values between the bank and the collection: what a text that has nothing
to do with a photo reaches. The more photos there are, the better the best of pure chance is; the
logarithm of their number makes up for it. And where the texts of the bank find
better best photos than is usual, a query must find a better one too: encoders whose scores have
longer tails, and photos that an encoder was trained on, are like that.

*Which ones?* Given that there are some, a hit counts by how far it reaches on the same scale, and
by how far the best one does.

Both are logistic curves whose few numbers are the same for all encoders, since steps do not depend
on where an encoder's cosines lie or how wide they spread. scripts/evaluate_relevance.py fits and
measures them, on photos and captions that the encoder was not trained on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLE = 500  # rows that stand for a collection
STRIDE = 8  # every eighth text of the bank is compared with them
LOOKED_AT = 10  # of the best hits
USUAL = 500  # photos in a collection: what their number is compared with
PLENTY = 4  # words of a text; one of fewer says less, and fits even its own photos less
MIDDLING = 3.75  # steps that the best of so many photos reaches for a middling text of the bank
GROWTH = 0.45  # and that it gains when there are e times as many
SHARE = 0.75  # of what it reaches beyond that, which a query must reach as well: a choice, no fit

_DENSE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\u0e00-\u0e7f]")


@dataclass(frozen=True, slots=True)
class Curves:
    """The numbers of both logistic curves; all but the cuts are per step."""

    best: float  # of the best hit, for there being any
    size: float  # of the logarithm of the number of photos over USUAL
    brief: float  # of how much shorter a text is than PLENTY words, also a logarithm
    rare: float  # of how rare its rarest word is (calibration.rarity), another one
    chance: float
    hit: float  # of one hit, given that there are some
    leader: float  # of the best hit, likewise
    share: float
    present_cut: float  # probability from which on there is something
    hit_cut: float  # and from which on, given that, a hit is a match


#: Fitted by `scripts/evaluate_relevance.py --fit`: three times 500 photos of Flickr8k and COCO that
#: the heads of `mini` were not trained on, galleries of 20, 100 and 500 of them; beside them the
#: 670 it was trained on, and 1,200 others with queries for what nobody photographed. How much rare
#: words weigh (and with it `brief` and `chance`) is a choice: the fit has -0.27, with which fewer
#: made-up things are refused, and more captions of what is not there. The cuts are
#: choices, no fits: wrongly empty answers are about as frequent as wrongly given ones, and where
#: there is an answer about 19 in 20 of the right photos of captions stand above a hit's cut.
CURVES = Curves(
    best=3.219,
    size=-0.923,
    brief=0.981,
    rare=-0.5,
    chance=-10.82,
    hit=2.065,
    leader=-1.321,
    share=-3.208,
    present_cut=0.45,
    hit_cut=0.03,
)


class Heard(NamedTuple):
    """How the log-odds of there being any photo become others by what linked texts say."""

    own: float
    told: float
    silence: float


#: Fitted to captions of photos that the heads of `mini` were not trained on, where their other
#: captions are linked, and to things that nobody photographed (scripts/evaluate_questions.py).
HEARD = Heard(own=0.88, told=0.65, silence=-1.36)
#: The cut where texts were heard, a choice: they tell more of what is absent, so fewer answers need
#: be withheld (scripts/evaluate_questions.py: .90 of absents are refused, at .45 it is .94).
HEARD_CUT = 0.3


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
        #: By how much the best photo of a middling text of the bank reaches further than is usual.
        self.excess = 0.0
        if values.size:
            middling = float(np.median(values.max(1))) / self.step
            expected = MIDDLING + GROWTH * float(np.log(len(sample) / USUAL))
            self.excess = max(middling - expected, 0.0)

    def judge(
        self,
        scores: NDArray[np.floating],
        vectors: NDArray[np.floating],
        words: int = PLENTY,
        rare: float = 0.0,
        *,
        curves: Curves = CURVES,
    ) -> Judgement:
        """Judge a query of words by its best hits: cosines (k,), best first, and rows (k, dim).

        `words` says how many words it has (`count_words`), `rare` its `rarity`. The ten best hits
        suffice, more are not looked at. With no hits nothing is present.
        """
        if not len(scores):
            return Judgement(0.0, np.inf, 1.0, 0.0, curves)
        offset, best = self.reach(scores, vectors)
        size = float(np.log(max(self.count, 1) / USUAL))
        present = _logistic(
            curves.best * (best - SHARE * self.excess)
            + curves.size * size
            + curves.brief * brevity(words)
            + curves.rare * rare
            + curves.chance
        )
        # The curve of one hit, told in cosines: slope * (score - middle) is its log-odds.
        slope = curves.hit / self.step
        leader = (float(scores[0]) - offset) / self.step
        middle = offset - (curves.leader * leader + curves.share) / slope
        return Judgement(present, middle, slope, float(scores[0]), curves)

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
    best: float  # cosine of the best hit
    curves: Curves = CURVES

    @property
    def cut(self) -> float:
        """The cosine from which on a hit is a match; infinite where nothing matches."""
        if self.present < self.curves.present_cut:
            return float("inf")
        return min(self.middle + _log_odds(self.curves.hit_cut) / self.slope, self.best)

    def hearing(self, told: float) -> Judgement:
        """The same after hearing what linked texts say of the photo that is ranked first.

        `told` is how far they speak for it, in units of searching.fusing.by_score. Texts that are
        silent about what is asked speak against there being any such photo.
        """
        odds = HEARD.own * _log_odds(self.present) + HEARD.told * told + HEARD.silence
        curves = replace(self.curves, present_cut=HEARD_CUT)
        return replace(self, present=_logistic(odds), curves=curves)

    def relevance(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """The probability, for each cosine (n,), that its item is what the query means."""
        odds = np.clip(self.slope * (np.asarray(scores, np.float64) - self.middle), -60, 60)
        found: NDArray[np.float64] = self.present / (1 + np.exp(-odds))
        return found


def count_words(text: str) -> int:
    """The number of words, at least 1; two characters of a script without spaces are one."""
    dense = len(_DENSE.findall(text))
    return max(len(re.findall(r"\w+", _DENSE.sub(" ", text))) + (dense + 1) // 2, 1)


def brevity(words: int) -> float:
    """How much shorter a text is than PLENTY words, as a logarithm; 0 for longer ones."""
    return float(np.log(PLENTY / min(max(words, 1), PLENTY)))


def _logistic(odds: float) -> float:
    return float(1 / (1 + np.exp(-np.clip(odds, -60, 60))))


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, 1e-12), 1 - 1e-12)
    return float(np.log(bounded / (1 - bounded)))
