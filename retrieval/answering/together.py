"""Whether the things that a question combines stand together in one photo.

An encoder places "a polar bear wearing sunglasses" among the polar bears, and a search finds those.
So where a question combines two things, each is looked for alone: if both are there, but none of
the best photos has both, the answer is that, with photos of either. What is counted must have all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from retrieval.answering.checking.words import content_of, stems_of
from retrieval.queries.ordinary import words
from retrieval.records import Part, SearchOptions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from retrieval.answering.looking import Searcher, Sight
    from retrieval.records import Hit, Query

#: Chosen on an album of 500 photos that the encoder was not trained on, with captions linked and
#: without (scripts/evaluate_questions.py --presence): of two things, both must be found alone, one
#: of them surely; a photo has a thing from so much relevance on, which is less where no text helps.
FOUND, SURELY = 0.2, 0.3
HAS_TOLD, HAS_UNTOLD = 0.003, 0.001
LOOKED_AT = 3  # best photos of the whole, of which none may have both
WHOLE = 0.4  # relevance from which on a photo shows the whole, whatever its things say alone
MOST_THINGS = 3  # whose photos are counted
SHOWN = 3  # photos of each thing that are cited

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
#: Words that part things, as any that end in "ing" do but for nouns.
_BETWEEN = words(
    """
    in on at with wearing holding carrying by near under over above below beside behind between into
    through from to and or while as against around along across down up off inside outside onto out
    during for next
    """
)
_NOUNS = words(
    "building ceiling clothing wedding string evening morning painting crossing king ring wing"
    " thing swing spring pudding railing awning earring sibling duckling living dining"
)
_ARTICLES = words("a an the some his her their its my our your")
#: Words that say nothing of a thing by themselves.
_EMPTY = _ARTICLES | words(
    """
    two three four five six several many this that these those is are was were be being been who
    which it he she they there another other each one ones very all both show shows front top side
    middle edge background something someone
    """
)
#: With these a text is about what is not there, or one or the other.
_TURNED = words("no not without or than except nobody nothing never")


class Thing(NamedTuple):
    """One of the things that a text combines: as it is searched, and as it was typed."""

    name: str
    said: str


@dataclass(frozen=True, slots=True)
class Found:
    """Two things that are there, and hits of each alone, best first."""

    things: tuple[Thing, Thing]
    hits: tuple[tuple[Hit, ...], tuple[Hit, ...]]


def things_in(text: str) -> tuple[Thing, ...]:
    """The things that an English text combines, each once: "a dog", "the snow".

    () for a text that says of something that it is not there, or the one or the other.
    """
    things: dict[str, Thing] = {}
    kept: list[re.Match[str]] = []
    begin: int | None = None
    found = list(_WORD.finditer(text))
    if any(word[0].casefold() in _TURNED for word in found):
        return ()
    for word in (*found, None):
        folded = word[0].casefold() if word else ""
        if word is None or _parts(folded):
            if kept:
                name = " ".join(each[0] for each in kept)
                said = text[kept[0].start() if begin is None else begin : kept[-1].end()]
                things.setdefault(name.casefold(), Thing(name, said))
            kept, begin = [], None
        elif folded not in _EMPTY:
            kept.append(word)
        elif folded in _ARTICLES and not kept:
            begin = word.start()
    return tuple(things.values())


def _parts(word: str) -> bool:
    verb = word.endswith("ing") and len(word) > 4 and word not in _NOUNS
    return verb or word in _BETWEEN


def apart(
    sight: Sight, search: Searcher, texts: Callable[[Sequence[Hit]], Mapping[int, Iterable[str]]]
) -> Found | None:
    """The two things of a search, if both are there and none of its best photos has both.

    `texts` tells captions and keywords of photos: a photo has what they say.
    """
    query, best = sight.result.query, sight.hits[:LOOKED_AT]
    things = _combined(query)
    if len(things) != 2 or not best or any(hit.relevance is None for hit in best):
        return None
    told = any({"documents", "words"}.intersection(hit.found_by) for hit in best)
    least = HAS_TOLD if told else HAS_UNTOLD
    alone = [search(_only(query, each), SearchOptions(), None) for each in things]
    likely = [max((hit.relevance or 0.0 for hit in each.hits), default=0.0) for each in alone]
    if min(likely) < FOUND:
        return None
    ids, known = tuple(hit.id for hit in best), texts(best)
    has = [_relevance(search(_only(query, each), _all_of(ids), ids).hits) for each in things]
    for each, words_of in zip(has, (set(content_of(each.name)) for each in things), strict=True):
        said = [item for item in ids if words_of and words_of <= stems_of(known.get(item, ()))]
        each.update(dict.fromkeys(said, 1.0))
    if any(min(each.get(item, 0.0) for each in has) >= least for item in ids):
        return None
    lacking = [
        each.relevant and sure >= SURELY and here.get(ids[0], 0.0) < least
        for each, sure, here in zip(alone, likely, has, strict=True)
    ]
    if not any(lacking):
        return None
    one, other = (tuple(h for h in each.hits if (h.relevance or 0.0) >= FOUND) for each in alone)
    return Found((things[0], things[1]), (one[:SHOWN], other[:SHOWN]))


def having_all(
    query: Query, ids: Sequence[int], search: Searcher, hits: Sequence[Hit] = ()
) -> tuple[int, ...]:
    """Those of the photos that match each of the things that a query combines, in their order.

    Also those that the `hits` say surely match the whole: an encoder may know "a dog in the snow"
    better than a dog so small. A thing that is not found alone is left out.
    """
    things = _combined(query)
    if not 1 < len(things) <= MOST_THINGS or not ids:
        return tuple(ids)
    kept = set(ids)
    surely = {hit.id for hit in hits if (hit.relevance or 0.0) >= WHOLE}
    for each in things:
        if search(_only(query, each), SearchOptions(k=1), None).relevant:
            alone = search(_only(query, each), _all_of(ids), tuple(ids)).hits
            kept &= {hit.id for hit in alone if hit.relevant}
    return tuple(item for item in ids if item in kept | surely)


def _combined(query: Query) -> tuple[Thing, ...]:
    (*parts,) = query.parts
    alone = len(parts) == 1 and parts[0].kind == "text" and parts[0].weight > 0
    return things_in(parts[0].value) if alone else ()


def _only(query: Query, thing: Thing) -> Query:
    return replace(query, parts=(Part("text", thing.name),), chips=())


def _all_of(ids: Sequence[int]) -> SearchOptions:
    return SearchOptions(k=len(ids), fold=False)


def _relevance(hits: Sequence[Hit]) -> dict[int, float]:
    return {hit.id: hit.relevance or 0.0 for hit in hits}
