"""Photos that match by a model's words alone: they are found, and ground no answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from retrieval.answering.confidence import seen
from retrieval.records import SearchOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieval.answering.looking import Searcher
    from retrieval.records import Evidence, Query

#: People's texts speak of what is asked if they have such a share of what its words tell.
SPOKEN = 0.5


def without_guesses(
    evidence: Sequence[Evidence], query: Query, meaning: str, search: Searcher
) -> tuple[Evidence, ...]:
    """The same evidence, where what a model wrote of a photo makes it no more relevant.

    A photo of which a guess speaks, and nothing that people wrote, is as relevant as it looks: as
    the search by pictures alone ("early") says. Raises what searching raises.
    """
    guessed = [e for e in evidence if e.guesses and e.relevance is not None and e.relevant]
    guessed = [each for each in guessed if seen(meaning, each).told < SPOKEN]
    if not guessed or not query.parts:
        return tuple(evidence)
    options = SearchOptions(k=len(guessed), fusion="early", fold=False)
    found = search(query, options, tuple(each.photo_id for each in guessed))
    looks = {hit.id: hit.relevance for hit in found.hits}
    doubted = {each.n: looks.get(each.photo_id) or 0.0 for each in guessed}
    return tuple(
        _at_most(each, doubted[each.n]) if each.n in doubted else each for each in evidence
    )


def _at_most(each: Evidence, limit: float) -> Evidence:
    relevance = min(each.relevance or 0.0, limit)
    told = each.probability
    return replace(
        each, relevance=relevance, probability=None if told is None else min(told, relevance)
    )
