"""How likely each photo that was found is the very one that a question means.

`relevance` says how likely a photo is *like* what was asked; a question for a date wants *the*
photo. Given that there is one, its share among all photos is a softmax of the ranking
(searching.fusing.shares); whether there is one, is judged from the null distribution of the query
(calibration) and from what linked texts and words say of the best photo:

    P(this one) = min(P(there is one) * share, relevance)

scripts/evaluate_questions.py measures it on albums of photos that the encoder was not trained on.
"""

from __future__ import annotations

import math

from retrieval.records import SearchResult

#: The share from which on an answer is called grounded. Chosen with scripts/evaluate_questions.py.
GROUNDED = 0.6
TOLD = 0.5  # log-odds that a unit of what texts and words say adds


def probabilities(result: SearchResult) -> list[float]:
    """For each hit, best first, the probability in [0, 1] that it is the one that is meant.

    They sum to at most 1. Empty where that cannot be told: filters alone chose, or a picture was
    searched with.
    """
    there = presence(result)
    if there is None:
        return []
    return [min(there * (hit.share or 0.0), hit.relevance or 0.0) for hit in result.hits]


def presence(result: SearchResult) -> float | None:
    """The probability that any photo is meant, linked texts and words heard; None if untold."""
    if result.present is None:
        return None
    told = max((hit.told for hit in result.hits if hit.told is not None), default=0.0)
    odds = _log_odds(result.present) + TOLD * max(told, 0.0)
    return 1 / (1 + math.exp(-max(min(odds, 60.0), -60.0)))


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, 1e-12), 1 - 1e-12)
    return math.log(bounded / (1 - bounded))
