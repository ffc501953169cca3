"""Questions that compare: which year has most photos, or whether more are of this or that."""

from __future__ import annotations

import datetime
import itertools
import re
from typing import Literal

from retrieval.answering.planning import compared
from retrieval.answering.planning.boxes import finished
from retrieval.answering.planning.frames import joined, match
from retrieval.answering.planning.words import group_of
from retrieval.errors import QueryError
from retrieval.queries import make_query
from retrieval.queries.compiling import compile_query
from retrieval.records import QuestionPlan
from retrieval.storage.vocabulary import Vocabulary

_OR = re.compile(r",? (?:or|than|vs\.?|versus|rather than|compared (?:to|with)) ", re.IGNORECASE)
_AND = re.compile(r",? (?:and|to|or|vs\.?|versus) ", re.IGNORECASE)
_EITHER = re.compile(
    r",? or (?=(?:in|on|at|from|with|during|since|before|after|near|taken)\b)", re.I
)
_WITH = re.compile(r" with ", re.IGNORECASE)
_LEADING = re.compile(
    r"(?:how many(?: photos| pictures| images)?(?: of)?|of|more|fewer|less|from(?= (?:19|20)\d\d)"
    r"|those of|photos of|pictures of) ",
    re.IGNORECASE,
)
_PLACES = frozenset(("place", "city", "region", "country"))

MOST_ALTERNATIVES = 8  # each is a search of its own

#: A piece of a box: of what kind it is, and its words.
Piece = tuple[str, str]


def plan(text: str, vocabulary: Vocabulary, today: datetime.date) -> QuestionPlan | None:
    """The plan of a question in English that compares; None for any other."""
    if found := match(text, compared.COMPARED):
        return QuestionPlan(
            question="",
            intent="compare",
            box=finished(found.body, vocabulary, place=False),
            most=most_of(found.word("most")),
            group=group_of(found.word("group")) or found.frame.group,
        )
    if found := match(text, compared.ALTERNATIVES):
        parts = _split(found.body, bool(found.word("compare")))
        return between(parts, most_of(found.word("most")), vocabulary, today)
    return None


def _split(body: str, compares: bool) -> list[str]:
    """What is compared: "Berlin, Lisbon or Kyoto"; with `compares`, "and" is between them."""
    parts = (_AND if compares else _OR).split(body)
    if compares and len(parts) == 1:
        parts = _WITH.split(body)
    listed = parts[0].split(", ")
    if not any("," in part for part in parts[1:]) and all(p.count(" ") < 3 for p in listed):
        parts[:1] = listed
    return [_LEADING.sub("", part, count=1) for part in parts]


def most_of(word: str) -> Literal["", "most", "least"]:
    """ "most" or "least" as a plan says it."""
    if word in ("most", "more", "favourite", "favorite", "main", "usual"):
        return "most"
    return "least" if word in ("fewest", "least", "fewer", "less") else ""


def between(
    parts: list[str],
    most: Literal["", "most", "least"],
    vocabulary: Vocabulary,
    today: datetime.date,
) -> QuestionPlan | None:
    """The plan that compares boxes; what is said of one alone and means all is given to all.

    "in Berlin", "in Lisbon in 2019" are both in 2019, and "dogs in Berlin", "in Lisbon" both of
    dogs. None for fewer than two, and for more than MOST_ALTERNATIVES.
    """
    parts = [part for part in (each.strip(" ,，、?？") for each in parts) if part]
    if not 2 <= len(parts) <= MOST_ALTERNATIVES:
        return None
    read = [pieces(part, vocabulary, today) for part in parts]
    before = _common(read[0], read[1:])
    after = _common(read[-1][::-1], read[:-1])[::-1]
    read[0], read[-1] = read[0][len(before) :], read[-1][: len(read[-1]) - len(after)]
    alternatives = tuple(joined(cued(piece) for piece in (*before, *each, *after)) for each in read)
    box = joined(cued(piece) for piece in (*before, *after))
    return QuestionPlan("", "compare", box, most=most, alternatives=alternatives)


def either(box: str, vocabulary: Vocabulary, today: datetime.date) -> tuple[str, ...]:
    """The boxes that a box is about one or the other of: "in 2019 or in Toronto"; () for none.

    Filters of one kind are alternatives in a box itself ("in Lisbon or Paris"); those of several
    would all have to hold.
    """
    parts = _EITHER.split(box)
    if not 2 <= len(parts) <= MOST_ALTERNATIVES:
        return ()
    read = [pieces(part, vocabulary, today) for part in parts]
    ends = [(one[-1][0], two[0][0]) for one, two in itertools.pairwise(read) if one and two]
    unlike = any(one != two for one, two in ends)
    if not unlike or any(kind in ("meaning", "minus", "text") for end in ends for kind in end):
        return ()
    before, after = read[0][:-1], read[-1][1:]  # said of all, unless others say such a thing
    before = before if not _kinds(before) & _kinds(*read[1:]) else []
    after = after if not _kinds(after) & _kinds(*read[:-1]) else []
    read[0], read[-1] = read[0][len(before) :], read[-1][: len(read[-1]) - len(after)]
    return tuple(joined(map(cued, (*before, *each, *after))) for each in read)


def pieces(text: str, vocabulary: Vocabulary, today: datetime.date) -> list[Piece]:
    """A text as the search box reads it: its kinds ("date", "place", …) with their words."""
    try:
        query = make_query(finished(text, vocabulary, place=False))
        query = compile_query(query, vocabulary, today, lambda name: name[:1].isupper())
    except QueryError:
        return [("meaning", text)]
    return [(_kind(chip.kind), chip.text) for chip in query.chips]


def _kinds(*several: list[Piece]) -> set[str]:
    return {kind for pieces in several for kind, _ in pieces}


def _kind(kind: str) -> str:
    return "place" if kind in _PLACES else kind


def _common(pieces: list[Piece], others: list[list[Piece]]) -> list[Piece]:
    """The first pieces of a kind that none of the others have, unless they are all there is."""
    kinds = {kind for other in others for kind, _ in other}
    count = 0
    while count < len(pieces) and pieces[count][0] not in kinds:
        count += 1
    return pieces[:count] if count < len(pieces) else []


def cued(piece: Piece) -> str:
    """A place or a date as it can stand beside others: "Berlin" is "in Berlin"."""
    kind, text = piece
    bare = re.match(r"(?:[A-Z]|\d{4}\b)", text) if kind == "place" or kind == "taken" else None
    return f"in {text}" if bare else text
