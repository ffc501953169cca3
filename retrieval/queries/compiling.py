"""From what a user typed to a plan: parts to embed, filters to pass, chips to show and to remove.

Deterministic, without a model. Each chip knows the query without itself: removing one leaves the
others as they were.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from retrieval.errors import QueryError
from retrieval.queries.names import PlaceKnower
from retrieval.queries.pieces import Piece, Span, shown_weight
from retrieval.queries.reading import MAX_PIECES, Context, read
from retrieval.records import Chip, Part, Query
from retrieval.storage.vocabulary import Vocabulary

#: With more chips, a query without one of them is written out rather than cut and compared.
_COMPARED = 12


def compile_query(
    query: Query,
    vocabulary: Vocabulary,
    today: datetime.date,
    known_place: PlaceKnower,
    is_said: Callable[[str], bool] = lambda _: False,
) -> Query:
    """Replace the parts of kind "box" by what they mean in a collection of this vocabulary.

    `today` is what "last summer" counts from; `known_place` tells whether a name is that of a place
    at all, `is_said` whether it is a word of a photo (a keyword, an album, a text): then it names
    somebody, or something, that the collection has, and no place elsewhere. Other parts, filters
    and chips stay. A query without a box comes back as it is, with chips for its parts. Raises
    QueryError for dates and values that cannot be, unknown fields, and a query that asks for
    nothing.
    """
    boxes = [part for part in query.parts if part.kind == "box"]
    others = tuple(part for part in query.parts if part.kind != "box")
    if len(boxes) > MAX_PIECES:
        raise QueryError(
            f"The query has {len(boxes):,} texts; at most {MAX_PIECES} are taken. Leave some out."
        )
    text = box_text(boxes)
    context = Context(vocabulary, today, known_place, is_said)
    pieces = read(text, context) if text else []
    if text and not pieces and not others and not query.filters:
        raise QueryError(
            "The query does not say what to look for. Add some words, a place or a date."
        )
    parts = tuple(Part("text", piece.text, piece.weight) for piece in pieces if piece.text)
    filters = tuple(piece.filter for piece in pieces if piece.filter is not None)
    every = parts + others
    if every and not any(part.weight > 0 for part in every) and not (filters + query.filters):
        raise QueryError("The query only subtracts. Add words or a picture that you do want.")
    chips = tuple(_chip(text, pieces, number, context) for number in range(len(pieces)))
    shown = tuple(_part_chip(part, text) for part in others)
    return replace(
        query,
        parts=every,
        filters=query.filters + filters,
        chips=query.chips + chips + shown,
    )


def box_text(boxes: Sequence[Part]) -> str:
    """All boxes as one text; several are groups with their weights: "2:(a dog) 1:(at night)"."""
    if len(boxes) == 1 and boxes[0].weight == 1:
        return boxes[0].value
    return " ".join(f"{_sign(box.weight)}({_balanced(box.value)})" for box in boxes)


def _sign(weight: float) -> str:
    """What a group of this weight begins with."""
    return "-" + shown_weight(weight) if weight < 0 else shown_weight(weight) or "1:"


def _balanced(text: str) -> str:
    """The text with its quotation marks and parentheses closed, so that it can stand in others."""
    if text.count('"') % 2:
        text += '"'
    bare = re.sub(r'"[^"]*"', lambda match: " " * len(match[0]), text)
    depth = 0
    for c in bare:
        depth += (c == "(") - (c == ")")
        if depth < 0:
            break
    return text if depth == 0 else re.sub(r'[()](?=(?:[^"]*"[^"]*")*[^"]*$)', " ", text)


def _chip(text: str, pieces: list[Piece], number: int, context: Context) -> Chip:
    piece = pieces[number]
    typed = " ".join(text[first:last] for first, last in piece.spans)
    without = _without(text, pieces, number, context)
    return Chip(piece.kind, piece.label, typed, without, piece.filter, piece.weight)


def _part_chip(part: Part, text: str) -> Chip:
    kind = part.kind if part.kind != "text" else "meaning" if part.weight > 0 else "minus"
    sign = "minus " if part.weight < 0 and kind != "minus" else ""
    label = f"{sign}{kind}: {shown_weight(part.weight)}{part.value}"
    return Chip(kind, label, part.value, text, weight=part.weight)


def _without(text: str, pieces: list[Piece], number: int, context: Context) -> str:
    """The query without one piece: as it was typed, where that still means the others."""
    others = pieces[:number] + pieces[number + 1 :]
    if not others:
        return ""
    if len(pieces) <= _COMPARED:
        typed = _cut(text, pieces[number].spans)
        try:
            if _meanings(read(typed, context)) == _meanings(others):
                return typed
        except QueryError:
            pass  # what is left of it reads as something impossible
    return " ".join(piece.plain for piece in others)


def _meanings(pieces: list[Piece]) -> list[tuple[object, ...]]:
    return sorted((piece.meaning for piece in pieces), key=repr)


def _cut(text: str, spans: Sequence[Span]) -> str:
    for first, last in sorted(spans, reverse=True):
        left, right = text[:first].rstrip(), text[last:].lstrip()
        if not left or left[-1] in ",;，；、(":
            right = right.lstrip(",;，；、 ")
        if not right or right[0] in ")":
            left = left.rstrip(",;，；、 ")
        glue = "" if not left or not right or right[0] in ",;.!?)，；、" else " "
        text = left + glue + right
    return re.sub(r"\s*-?[\d.]+:\(\s*\)", "", text).strip()
