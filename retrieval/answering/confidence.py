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

from retrieval.answering.checking.words import content_of, content_words, stem, stems_of
from retrieval.calibration import surprise
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


class Seen(NamedTuple):
    """What is known of the best photo for a text.

    `relevance` are log-odds; `told` the share of the text's words that its captions and keywords
    have, or others for the same, each counted by what it tells (calibration.surprise, nats), and
    `missing` the most telling of those they do not have, 0 if none is. `alone` are the log-odds
    that it is this photo rather than another one; texts of few words mean any.
    """

    relevance: float
    told: float
    missing: float
    alone: float


class Signs(NamedTuple):
    """What each of these adds to the log-odds that there is a photo of what is asked for."""

    chance: float
    relevance: float
    told: float = 0.0
    missing: float = 0.0
    alone: float = 0.0

    def odds(self, seen: Seen) -> float:
        """The log-odds."""
        weights = (self.relevance, self.told, self.missing, self.alone)
        return self.chance + sum(w * value for w, value in zip(weights, seen, strict=True))


#: Fitted by `scripts/evaluate_questions.py --heldout DIR --presence`, which tells what it brings:
#: to captions of photos that are in an album and of others that are not, for photos that the heads
#: of `mini` were not trained on, with the other captions linked to them. Without texts hardly
#: anything can be told of photos that an encoder does not know. The chances are choices.
TOLD = Signs(chance=-3.16, relevance=0.12, told=3.23, missing=0.13, alone=0.25)
UNTOLD = Signs(chance=-0.23, relevance=0.75)
#: Who asks when a photo was taken has one in mind; who asks whether there is any may have none.
#: Log-odds, a choice: with it 7 % of other people's captions are answered by a sure yes. Where the
#: texts of a photo have all the words there is no such doubt.
DOUBT = 0.6
FEW = 3  # words that tell something; a text of fewer means many photos
ANY = 0.9  # what stands for the share of the best of them


def presence(
    meaning: str, best: Evidence, share: float | None = None, *, doubted: bool = False
) -> float | None:
    """The probability that there is a photo of `meaning`, of which `best` is the best one.

    `share` is its hit's; `doubted` says that it is asked whether there is any. None where no
    relevance is told.
    """
    if best.relevance is None:
        return None
    told = content_of(meaning) and content_of(" ".join(_texts(best)))
    known = seen(meaning, best, share)
    odds = (TOLD if told else UNTOLD).odds(known)
    if doubted and (known.missing or not told):
        odds -= DOUBT
    return 1 / (1 + math.exp(-odds))


def seen(meaning: str, best: Evidence, share: float | None = None) -> Seen:
    """What is known of the best photo for a text. Needs one whose relevance is told."""
    said = {stem(word): surprise(word) for word in content_words(meaning)}
    known = stems_of(_texts(best))
    lacking = [tells for each, tells in said.items() if each not in known]
    whole = sum(said.values())
    return Seen(
        relevance=_log_odds(best.relevance or 0.0),
        told=1 - sum(lacking) / whole if whole else 0.0,
        missing=max(lacking, default=0.0),
        alone=_log_odds(ANY if share is None or len(said) < FEW else share),
    )


def _texts(best: Evidence) -> tuple[str, ...]:
    return (*best.captions, *best.facts.keywords)


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, 1e-4), 1 - 1e-4)
    return math.log(bounded / (1 - bounded))


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
