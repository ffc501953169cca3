"""How the rankings of several sources become one: pure functions of ids and scores.

A query is compared with photos (the cosine of two embeddings), with the documents that name photos
(the same, of the best one and of all of them together), and with words (BM25). The modes:

- `early`: the parts were combined in the embedding; photos by their cosine, nothing else.
- `late`: one ranking a part or source, fused by rank (`by_rank`).
- `hybrid`: photos, documents and words, their scores calibrated and summed (`by_score`).

scripts/evaluate_fusion.py measures them against each other.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.records import Fusion

RANK_CONSTANT = 60
LEAST_SPREAD = 1e-6  # of scores that differ at all
#: How many nats a standard deviation is worth, where photos speak alone and where texts do too.
SHARP_ALONE, SHARP_TOLD = 3.3, 1.2


@dataclass(frozen=True, slots=True)
class Ranking:
    """What one source says of photos: ids int64 (n,) and scores float32 (n,), best first.

    `weight` is that of the source. A score is calibrated as (score - mean) / spread, which tells
    how far it stands above what unrelated items get, in standard deviations; at `neutral` it speaks
    neither for nor against. The source itself found the first `found` (all, if negative); further
    ones were asked for because another source found them.
    """

    source: str
    ids: NDArray[np.int64]
    scores: NDArray[np.float32]
    weight: float = 1.0
    mean: float = 0.0
    spread: float = 1.0
    neutral: float = 0.0
    found: int = -1

    def own(self) -> int:
        """How many the source found itself."""
        return len(self.ids) if self.found < 0 else min(self.found, len(self.ids))


class Fused(NamedTuple):
    """A photo with its score, which orders and means nothing else, and who found it."""

    id: int
    score: float
    sources: tuple[str, ...]


def fuse(rankings: Sequence[Ranking], mode: Fusion = "hybrid") -> list[Fused]:
    """One ranking out of several, best first, ties by lower id. An empty one changes nothing.

    With `early` only the first counts, with its scores as they are.
    """
    if mode == "early":
        return _added([(each, each.scores.astype(np.float64)) for each in rankings[:1]])
    return by_rank(rankings) if mode == "late" else by_score(rankings)


def by_rank(rankings: Sequence[Ranking], constant: int = RANK_CONSTANT) -> list[Fused]:
    """Reciprocal rank fusion: score(d) = sum over rankings r of w_r / (constant + rank_r(d)).

    Ranks begin at 1, and equal scores share the best of theirs; a ranking that does not hold d adds
    nothing; a negative weight subtracts. Cormack, Clarke and Buettcher, Reciprocal Rank Fusion
    outperforms Condorcet and individual Rank Learning Methods (SIGIR 2009), with their constant 60.
    """
    shares = []
    for ranking in rankings:
        places = _places(ranking.scores[: ranking.own()]).astype(np.float64)
        shares.append((ranking, ranking.weight / (constant + 1 + places)))
    return _added(shares)


def by_score(rankings: Sequence[Ranking]) -> list[Fused]:
    """Sum of calibrated scores: score(d) = sum over r of w_r ((s_r(d) - mean_r) / spread_r - n_r).

    A ranking that does not hold d adds nothing, which is why n_r, the neutral value, must be taken
    off: a photo without documents is no worse than one whose documents are of the usual kind, as in
    a sum of log-likelihood ratios. After Fox and Shaw's CombSUM (TREC-2, 1994), with scores
    standardised as in Montague and Aslam, Relevance Score Normalization for Metasearch (CIKM 2001).
    """
    shares = []
    for ranking in rankings:
        above = ranking.scores.astype(np.float64) - ranking.mean
        # Where all scores are the same they tell nothing apart.
        calibrated = above / ranking.spread if ranking.spread > LEAST_SPREAD else 0.0 * above
        shares.append((ranking, ranking.weight * (calibrated - ranking.neutral)))
    return _added(shares)


def shares(fused: Sequence[Fused], told: Container[int] = ()) -> dict[int, float]:
    """The probability for each id that it is the one that is meant, given that one of them is.

    A softmax of sums of calibrated scores (`by_score`): if each were a log-likelihood ratio in
    units of 1 / sharpness, this is Bayes' rule with equal priors. The two numbers are fitted to
    captions of photos that the encoder was not trained on, as in temperature scaling (Guo et al.,
    On Calibration of Modern Neural Networks, ICML 2017); where texts or words speak for a part of
    the photos only (`told`), it lies between the two.
    """
    if not fused:
        return {}
    covered = sum(each.id in told for each in fused) / len(fused)
    sharpness = SHARP_ALONE + (SHARP_TOLD - SHARP_ALONE) * covered
    scores = np.array([each.score for each in fused], np.float64)
    weights = np.exp(sharpness * (scores - scores.max()))
    weights /= weights.sum()
    return dict(zip((each.id for each in fused), weights.tolist(), strict=True))


def _places(scores: NDArray[np.float32]) -> NDArray[np.int64]:
    """How many stand before each, from 0, for scores (n,) that descend; equals share a place."""
    return np.searchsorted(-scores, -scores, side="left")


def _added(shares: Sequence[tuple[Ranking, NDArray[np.float64]]]) -> list[Fused]:
    """Add what each ranking gives to the first of its ids; who found a photo is kept."""
    totals: dict[int, float] = {}
    finders: dict[int, list[str]] = {}
    for ranking, share in shares:
        own = ranking.own()
        for place, (item, value) in enumerate(
            zip(ranking.ids[: len(share)].tolist(), share.tolist(), strict=True)
        ):
            totals[item] = totals.get(item, 0.0) + value
            named = finders.setdefault(item, [])
            if place < own and ranking.source not in named:
                named.append(ranking.source)
    order = sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))
    return [Fused(item, score, tuple(finders[item])) for item, score in order]
