"""How likely each photo that was found is the very one that a question means.

`relevance` says how likely a photo is *like* what was asked; a question for a date wants *the*
photo. Given that there is one, its share among all photos is a softmax of the ranking
(searching.fusing.shares); whether there is one, is judged from the null distribution of the query,
from how rare its words are, and from what linked texts say of the best photo (calibration):

    P(this one) = min(P(there is one) * share, relevance)

scripts/evaluate_questions.py measures it on albums of photos that the encoder was not trained on.
"""

from __future__ import annotations

from retrieval.records import SearchResult

#: The share from which on an answer is called grounded. Chosen with scripts/evaluate_questions.py.
GROUNDED = 0.6


def probabilities(result: SearchResult) -> list[float]:
    """For each hit, best first, the probability in [0, 1] that it is the one that is meant.

    They sum to at most 1. Empty where that cannot be told: filters alone chose, or a picture was
    searched with.
    """
    there = result.present
    if there is None:
        return []
    return [min(there * (hit.share or 0.0), hit.relevance or 0.0) for hit in result.hits]
