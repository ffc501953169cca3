"""A box of text as tokens: words, and the pieces that have a syntax of their own.

`"quoted"`, `field:value`, `-word`, `2:word`, `2:(a group of words)`; all else is words. Nothing is
refused here: whatever has no meaning as syntax is words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from retrieval.storage import matching

fold = lru_cache(maxsize=4096)(matching.fold)

UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
_CLOSING = {'"': '"', "“": "”", "„": "“”", "«": "»", "「": "」", "『": "』"}
_WORD = re.compile(
    rf"[{UNSPACED}]+|[^\W_{UNSPACED}](?:[^\W_{UNSPACED}]|[\u0300-\u036f]|['’](?=[^\W\d_]))*"
)
# Not before a digit: 12:30 is a time and 16:9 a shape.
_WEIGHT = re.compile(r"(\d+(?:\.\d+)?|\.\d+)[:：](?![\d\s:：])")
_FIELD = re.compile(r"([A-Za-z][A-Za-z_-]*)[:：](?=[^\s:：/\\)])")
_SPACED_FIELD = re.compile(r"([A-Za-z]{2,})[:：] +(?=[\w\"“<>=*.])")
_SIMPLE = re.compile(r"[^\s,;，；、()\"“”«»]+")
_VALUE = re.compile(r"[^\s,;，；、\"“”«»]+")
_SMALL = re.compile(r"\d{1,3}(?!\d)")  # "-5 degrees" is a number
_GLUE = re.compile(rf"[^\W{UNSPACED}]|[-–:'’./&+#@]")
_ARTICLE = re.compile(r"(?:a|an|the|my|our) +(?=\w)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text at [start, end).

    `kind` "word": `text` as typed, `folded` for comparing. "quote": `text` is what stands inside;
    `closed` is False where the end of the text ended it. "field": `name` and `text`, its value;
    `spaced` where blanks stand between them. "marked": a word or phrase with a weight or a minus,
    `quoted` or a `group` in parentheses, whose inside begins at `inside`.
    """

    kind: Literal["word", "quote", "field", "marked"]
    text: str
    start: int
    end: int
    folded: str = ""
    name: str = ""
    negated: bool = False
    weight: float = 1.0
    closed: bool = True
    quoted: bool = False
    group: bool = False
    spaced: bool = False
    inside: int = 0

    @property
    def capital(self) -> bool:
        """Whether it is written like a name; scripts without capitals never are."""
        return self.text[:1].isupper()


def words_of(text: str) -> list[Token]:
    """The words of a text that has no syntax."""
    return [_word(match) for match in _WORD.finditer(text)]


def names_of(text: str) -> tuple[str, ...]:
    """The folded words of a text, as names are compared by."""
    return tuple(fold(match[0]) for match in _WORD.finditer(text))


def _word(match: re.Match[str]) -> Token:
    return Token("word", match[0], match.start(), match.end(), fold(match[0]))


def lex(text: str, start: int = 0, end: int | None = None) -> list[Token]:
    """The tokens of text[start:end], in order; what lies between them is punctuation."""
    end = len(text) if end is None else end
    found: list[Token] = []
    at = start
    while at < end:
        token = _token(text, at, end, fresh=at == start or not _glued(text[at - 1]))
        if token is None:
            at += 1
        else:
            found.append(token)
            at = token.end
    return found


def _glued(before: str) -> bool:
    """Whether a sign after this character belongs to a word ("t-shirt", "1:2:3")."""
    return bool(_GLUE.match(before))


def _token(text: str, at: int, end: int, fresh: bool) -> Token | None:
    if fresh:
        sign = text[at] == "-" and at + 1 < end and not text[at + 1].isspace()
        body = at + 1 if sign else at
        if (weight := _WEIGHT.match(text, body, end)) and weight.end() < end:
            return _marked(text, at, weight.end(), end, sign, min(float(weight[1]), 1e9))
        if token := _field(text, at, body, end, sign):
            return token
        if text[body] in _CLOSING:
            inside, stop, closed = _quoted(text, body, end)
            return Token("quote", inside, at, stop, negated=sign, closed=closed)
        binds = sign and (text[body] == "(" or _WORD.match(text, body, end))
        if binds and not _SMALL.match(text, body, end):
            return _marked(text, at, body, end, True, 1.0)
    match = _WORD.match(text, at, end)
    return _word(match) if match else None


def _field(text: str, at: int, body: int, end: int, sign: bool) -> Token | None:
    match = _FIELD.match(text, body, end)
    spaced = False
    if match is None:
        match, spaced = _SPACED_FIELD.match(text, body, end), True
    if match is None or match.end() >= end:
        return None
    begin = match.end()
    exact = "=" if text[begin] == "=" and begin + 1 < end else ""
    opening = begin + len(exact)
    if text[opening] in _CLOSING:
        value, stop, closed = _quoted(text, opening, end)
        value = exact + value
    else:
        found = _VALUE.match(text, begin, end)
        if found is None:
            return None
        value, closed = found[0].rstrip("?!"), True
        stop = begin + len(value)
        if not value:
            return None
    kind: Literal["field"] = "field"
    return Token(kind, value, at, stop, name=match[1], negated=sign, closed=closed, spaced=spaced)


def _marked(text: str, at: int, body: int, end: int, sign: bool, weight: float) -> Token:
    """The word, quoted phrase or group that a weight or a minus binds."""
    if text[body] == "(":
        stop = _closing(text, body, end)
        closed = text[stop - 1] == ")" and stop - 1 > body
        inner = text[body + 1 : stop - closed]
        return Token(
            "marked", inner, at, stop, negated=sign, weight=weight, group=True, inside=body + 1
        )
    if text[body] in _CLOSING:
        inner, stop, closed = _quoted(text, body, end)
        return Token(
            "marked", inner, at, stop, negated=sign, weight=weight, closed=closed, quoted=True
        )
    article = _ARTICLE.match(text, body, end)
    found = _SIMPLE.match(text, article.end() if article else body, end)
    stop = found.end() if found else body + 1
    inner = text[body:stop].rstrip(".?!:")
    return Token("marked", inner, at, stop, negated=sign, weight=weight)


def _quoted(text: str, at: int, end: int) -> tuple[str, int, bool]:
    """What stands in the quotation marks that open at `at`, where they end, whether they do."""
    closing = _CLOSING[text[at]]
    for stop in range(at + 1, end):
        if text[stop] in closing:
            return text[at + 1 : stop].strip(), stop + 1, True
    return text[at + 1 : end].strip(), end, False


def _closing(text: str, at: int, end: int) -> int:
    """The end of the group whose parenthesis opens at `at`; that of the text if none closes it."""
    depth, quoted = 0, False
    for stop in range(at, end):
        if text[stop] == '"':
            quoted = not quoted
        if not quoted:
            depth += (text[stop] == "(") - (text[stop] == ")")
            if depth == 0:
                return stop + 1
    return end


def gaps(
    text: str, spans: list[tuple[int, int]], start: int, end: int
) -> Iterator[tuple[int, int]]:
    """What of [start, end) no span covers, in order."""
    at = start
    for first, last in sorted(spans):
        if first > at:
            yield at, min(first, end)
        at = max(at, last)
    if at < end:
        yield at, end
