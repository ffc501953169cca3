"""Whether the photo that is meant may be elsewhere than a question says.

"Was the photo of two horses taken in Cusco?" has the best photo of horses in Cusco for an answer,
though the one that is meant was taken in Berlin. So the best photo of all is looked for as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from retrieval.answering.confidence import probabilities
from retrieval.records import Query, SearchOptions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieval.answering.looking import Searcher, Sight
    from retrieval.records import Hit, SearchResult

#: What may be wrong in a question, and is left out to see.
SAID = ("place", "city", "region", "country", "taken", "camera")
#: A photo is elsewhere if it is so likely the one, and that much likelier than the best one here.
#: Asked for captions of photos that the encoder was not trained on, with their right city and with
#: another one, that is told of 3 % and of 65 %.
LIKELY, TIMES = 0.5, 5.0
DEPTH = 100  # hits among which the best one here is looked for


@dataclass(frozen=True, slots=True)
class Better:
    """A photo, how likely it is the one that is meant, what it differs in, and what was typed."""

    hit: Hit
    probability: float
    field: str
    asked: tuple[str, ...]


def with_elsewhere(sight: Sight, search: Searcher) -> Sight:
    """The same with a photo that fits clearly better, if one does not pass the filters."""
    query = sight.result.query
    kept = tuple(each for each in query.filters if each.field not in SAID or each.negated)
    if not query.parts or len(kept) == len(query.filters):
        return sight
    result = search(replace(query, filters=kept, chips=()), SearchOptions(k=DEPTH), None)
    best = _better(sight.hits, result)
    if best is None:
        return sight
    hit, probability = best
    for field in SAID:
        chips = [c for c in query.chips if c.filter and c.filter.field == field]
        asked = tuple(c.filter for c in chips if c.filter and c.filter not in kept)
        if asked and not search(Query(filters=asked), SearchOptions(k=1), (hit.id,)).matched:
            kind = field if field in ("taken", "camera") else "place"
            found = Better(hit, probability, kind, tuple(c.text for c in chips))
            return replace(sight, elsewhere=found, hits=(*sight.hits, replace(hit, relevant=False)))
    return sight


def _better(here: Sequence[Hit], everywhere: SearchResult) -> tuple[Hit, float] | None:
    """The best photo of all and how likely it is the one, if it is not here and much likelier."""
    likely = probabilities(everywhere)
    if not likely or not everywhere.hits[0].relevant or likely[0] < LIKELY:
        return None
    best, known = everywhere.hits[0], {hit.id for hit in here}
    if best.id in known:
        return None
    shares = [hit.share or 0.0 for hit in everywhere.hits if hit.id in known]
    return (best, likely[0]) if (best.share or 0.0) >= TIMES * max(shares, default=0.0) else None
