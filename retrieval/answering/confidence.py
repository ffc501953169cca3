"""How likely each photo that was found is the very one that a question means.

`relevance` says how likely a photo is *like* what was asked; a question for a date wants *the*
photo. Given that there is one, its share among all photos is a softmax of the ranking
(searching.fusing.shares); whether there is one, is judged from the null distribution of the query,
from how rare its words are, and from what linked texts say of the best photo (calibration):

    P(this one) = min(P(there is one) * share, relevance)

Once the evidence is there, its texts are heard as well: a photo that looks like "a pink elephant"
and of which all captions say that it is a grey one is none. `presence` is the probability that
there is anything of what is asked for, and no photo is likelier than that to be the one.
scripts/evaluate_questions.py measures it on albums of photos that the encoder was not trained on.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from retrieval.answering.checking.words import content_of, stems_of
from retrieval.records import Evidence, SearchResult

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


class Signs(NamedTuple):
    """The log-odds that the best photo shows what is asked for: by its relevance, and by texts."""

    chance: float
    relevance: float
    told: float


#: Fitted to captions of photos that are in an album and of others that are not, for photos that the
#: heads of `mini` were not trained on (three times 500): with the texts that are linked to them,
#: and without any. The chances are choices. With texts a yes is grounded for 42 % of the captions
#: of photos that are there, for 12 % of those of other people's photos (most of which fit one here
#: as well: by hand about 4 % are wrong), for all everyday things that are there, and for none of
#: 121 that are not. Without texts hardly anything is, on photos that an encoder does not know.
TOLD = Signs(chance=-1.57, relevance=0.31, told=2.11)
UNTOLD = Signs(chance=-0.23, relevance=0.75, told=0.0)


def presence(meaning: str, best: Evidence) -> float | None:
    """The probability that there is a photo of `meaning`, of which `best` is the best one.

    By its relevance, and where captions or keywords are linked to it, by the share of the words
    that they have, or others for the same. None where no relevance is told.
    """
    if best.relevance is None:
        return None
    said = content_of(meaning)
    texts = (*best.captions, *best.facts.keywords)
    signs, share = UNTOLD, 0.0
    if said and content_of(" ".join(texts)):
        known = stems_of(texts)
        signs, share = TOLD, sum(word in known for word in said) / len(said)
    bounded = min(max(best.relevance, 1e-4), 1 - 1e-4)
    odds = math.log(bounded / (1 - bounded))
    return 1 / (1 + math.exp(-(signs.chance + signs.relevance * odds + signs.told * share)))


def at_most(evidence: Sequence[Evidence], limit: float | None) -> tuple[Evidence, ...]:
    """The same evidence, none of it likelier than `limit` to be the one that is meant."""
    if limit is None:
        return tuple(evidence)
    return tuple(
        each
        if each.probability is None
        else replace(each, probability=min(each.probability, limit))
        for each in evidence
    )
