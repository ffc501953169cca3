"""Tokens with a syntax of their own as pieces: quoted words and `field:value`."""

from __future__ import annotations

import datetime
from collections.abc import Sequence

from retrieval.errors import QueryError
from retrieval.metadata import field_named
from retrieval.queries.lexing import Token, fold
from retrieval.queries.meaning import EMPTY
from retrieval.queries.pieces import Piece, meant, quoted, subtracted
from retrieval.queries.values import read_value, unknown_field
from retrieval.records import Filter

MEANING = "meaning"  # `meaning:"…"` is embedded as it stands
_OPEN = " (the quotation mark is not closed)"


def quote_piece(token: Token) -> Piece:
    """Exact words; what has none ("!!!", an emoji) can only be meant."""
    span = (token.start, token.end)
    if not any(c.isalnum() for c in token.text):
        return subtracted(token.text, span) if token.negated else meant(token.text, (span,))
    asked = Filter("text", "contains", (token.text,), token.negated)
    label = f"text: {'not ' * token.negated}“{token.text}”{_OPEN * (not token.closed)}"
    return Piece("text", label, (span,), "-" * token.negated + quoted(token.text), asked)


def is_field(token: Token, today: datetime.date) -> bool:
    """Whether `name:value` or `name: value` is meant as a field.

    With a blank only where the name is a field's and the value one that it can have ("note: call
    her" and "width: the whole room" are sentences). Without one all names count, so that a wrong
    one is told, but for single letters ("x:y").
    """
    known = field_named(token.name)
    if known is None:
        return not token.spaced and len(token.name) > 1
    if token.spaced:
        if fold(token.text) in EMPTY:
            return False
        try:
            read_value(known, token.text, False, today)
        except QueryError:
            return False
    return True


def field_piece(text: str, token: Token, today: datetime.date, trips: Sequence[str]) -> Piece:
    """The filter that is written in `text`. Raises QueryError for unknown fields, wrong values."""
    span = (token.start, token.end)
    if token.name.casefold() == MEANING:
        return subtracted(token.text, span) if token.negated else meant(token.text, (span,))
    known = field_named(token.name)
    if known is None:
        raise unknown_field(token.name)
    asked, shown = read_value(known, token.text, token.negated, today, trips)
    sign = "-" * token.negated
    label = f"{known.label}: {'not ' * token.negated}{shown}{_OPEN * (not token.closed)}"
    plain = text[token.start : token.end]
    if not token.closed:
        plain = f"{sign}{token.name}:{quoted(token.text)}"
    return Piece(known.name, label, (span,), plain, asked)
