"""What a query says, piece by piece, and how each is written so that it means the same anywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from retrieval.metadata import field_named
from retrieval.queries.calendar import Period, in_year
from retrieval.queries.values import date_filter, date_text
from retrieval.records import Filter

Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Piece:
    """One thing that a query says. `spans` are where it stands in the text.

    `plain` says the same in syntax that means it wherever it stands. `text` is what is embedded.
    """

    kind: str
    label: str
    spans: tuple[Span, ...]
    plain: str
    filter: Filter | None = None
    text: str = ""
    weight: float = 1.0
    period: Period | None = None

    @property
    def meaning(self) -> tuple[object, ...]:
        """What it stands for, wherever it was written."""
        return (self.kind, self.filter, self.text, self.weight)


def quoted(text: str) -> str:
    """The text in quotation marks that do not stand in it."""
    for first, last in ('""', "“”", "«»", "「」", "『』"):
        if first not in text and last not in text:
            return f"{first}{text}{last}"
    return '"' + text.replace('"', " ") + '"'


def shown_weight(weight: float) -> str:
    """A weight as it is typed: "2:", "" for 1."""
    return "" if abs(weight) == 1 else f"{abs(weight):.10g}:"


def meant(text: str, spans: Sequence[Span], weight: float = 1.0) -> Piece:
    """A piece that is embedded."""
    written = quoted(text)
    plain = f"meaning:{written}" if weight == 1 else f"{shown_weight(weight) or '1:'}{written}"
    label = f"meaning: {shown_weight(weight)}{text}"
    return Piece("meaning", label, tuple(spans), plain, text=text, weight=weight)


def subtracted(text: str, span: Span, weight: float = 1.0) -> Piece:
    """A piece that is embedded and led away from."""
    shown = shown_weight(weight)
    plain = f"-{shown or '1:'}{quoted(text)}"
    return Piece("minus", f"minus: {shown}{text}", (span,), plain, text=text, weight=-weight)


def called(asked: Filter, span: Span, name: str) -> Piece:
    """A piece that names a place, a camera, a lens or a trip."""
    known, sign = field_named(asked.field), "-" * asked.negated
    label = f"{known.label if known else asked.field}: {'not ' * asked.negated}{name}"
    exact = "=" if asked.op == "is" and asked.field != "trip" else ""
    plain = f"{sign}{asked.field}:{exact}{quoted(name)}"
    return Piece(asked.field, label, (span,), plain, asked)


def dated(period: Period, span: Span, negated: bool) -> Piece:
    """A piece that says when."""
    plain = "-" * negated + date_text(period)
    label = f"taken: {'not ' * negated}{period}"
    return Piece("taken", label, (span,), plain, date_filter(period, negated), period=period)


def joined(pieces: list[Piece]) -> list[Piece]:
    """Dates that say one thing in two places: "in May, 2021", "after 2019 and before 2022"."""
    dated = [p for p in pieces if p.period is not None and p.filter and not p.filter.negated]
    if len(dated) != 2:
        return pieces
    one, two = (piece.period for piece in dated)
    period = _met(one, two) or _met(two, one)
    if period is None:
        return pieces
    spans = dated[0].spans + dated[1].spans
    both = replace(
        dated[0],
        label=f"taken: {period}",
        spans=tuple(sorted(spans)),
        plain=date_text(period),
        filter=date_filter(period),
        period=period,
    )
    return [both if piece is dated[0] else piece for piece in pieces if piece is not dated[1]]


def _met(one: Period | None, two: Period | None) -> Period | None:
    """The period that both describe, where one alone would say less."""
    if one is None or two is None or not one.first or one.swapped:
        return None
    if one.any_year and two.first == two.last and two.first and re.fullmatch(r"\d{4}", two.first):
        return in_year(one, int(two.first))
    if one.last is None and two.first is None and two.last and one.first <= two.last:
        return Period(one.first, two.last)
    return None
