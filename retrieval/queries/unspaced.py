"""Dates and places in Chinese, which stand inside of words: taken out before the rest is read."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import replace

from retrieval.metadata import field_named
from retrieval.queries import chinese
from retrieval.queries.known_names import Index
from retrieval.queries.lexing import Token, lex
from retrieval.queries.pieces import Piece, called, dated
from retrieval.records import Filter

HAN = re.compile(r"[\u3400-\u9fff]")
_BETWEEN = " ,，、"
#: A word in which a Chinese date may begin: "去年夏天的狗", or the number of "2021年".
_DATED_HAN = re.compile(r"[^\W_]*?[\u4e00-\u9fff]|\d{4}\s*[-–—~～]\s*\d{4}年")


def without_dates(
    text: str, begin: int, stop: int, today: datetime.date
) -> tuple[list[Token], list[Piece]]:
    """The tokens of text[begin:stop] without the dates in Chinese words, and those dates."""
    tokens: list[Token] = []
    dates: list[Piece] = []
    behind = begin  # the last of those dates
    for token in lex(text, begin, stop):
        if token.end <= behind:
            continue
        if token.kind == "word" and token.start < behind:
            token = _part(text, token, behind, token.end)
        if token.kind == "word" and _DATED_HAN.match(text, token.start):
            parts, found, behind = _split(text[:stop], token, today)
            tokens += parts
            dates += found
        else:
            tokens.append(token)
    return tokens, dates


def _split(text: str, token: Token, today: datetime.date) -> tuple[list[Token], list[Piece], int]:
    """The token without the dates that begin in it, these, and where the last of them ends."""
    at = last = token.start
    parts: list[Token] = []
    dates: list[Piece] = []
    while at < token.end:
        found = chinese.read(text, at, today)
        if found is None and (at == last if dates else not text[:at].strip(_BETWEEN)):
            found = chinese.returning(text, at)
        if found is None:
            at += 1
            continue
        if at > last:
            parts.append(_part(text, token, last, at))
        dates.append(dated(found[1], (at, found[0]), False))
        at = last = found[0]
    if last < token.end:
        parts.append(_part(text, token, last, token.end))
    return parts, dates, last


def without_places(
    text: str, begin: int, tokens: Sequence[Token], index: Index
) -> tuple[list[Token], list[Piece]]:
    """The tokens without the names of places in Chinese words, and those places."""
    from retrieval.queries.chinese_places import places_in  # only Chinese needs its table

    kept: list[Token] = []
    places: list[Piece] = []
    for token in tokens:
        if token.kind != "word":
            kept.append(token)
            continue
        at = token.start
        found = places_in(text, token.start, token.end, begin, index)
        for each in found:
            if each.start > at:
                kept.append(_part(text, token, at, each.start))
            asked = Filter("place", "is", (each.value,), each.negated)
            places.append(called(asked, (each.start, each.end), each.value))
            at = each.end
        if at < token.end:
            kept.append(_part(text, token, at, token.end) if found else token)
    return kept, places


def field_in_english(token: Token, index: Index) -> Token:
    """`place:京都` as `place:Kyoto`, unless the collection writes it in Chinese."""
    from retrieval.queries.chinese_places import in_english

    known = field_named(token.name)
    if known is None or known.name not in ("place", "city", "region", "country"):
        return token
    return replace(token, text=in_english(token.text, index))


def _part(text: str, token: Token, start: int, end: int) -> Token:
    part = text[start:end]
    return replace(token, text=part, folded=part.casefold(), start=start, end=end)
