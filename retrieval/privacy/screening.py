"""Keys taken out of what a server says, also where it writes them in another form.

A server gets the key with each request, and may write it into its reply: by mistake, or because a
model was told to. Looked for are the key, the key backwards, and both in base64 (at any place in
what was encoded), in hexadecimal, and with letters escaped as in URLs, JSON or HTML. A server that
means harm knows other forms; it has the key already.
"""

from __future__ import annotations

import base64
import html
import re
from functools import lru_cache
from typing import NamedTuple

HIDDEN = "[key]"
PART = 8  # characters in a row of a key that a reply must not repeat
_MOST_WAITING = 65_536  # characters that are looked through at a time
_SHORTEST = 4  # a shorter "key" would hide ordinary words
_BASE64_PART = 10  # characters of base64 that nobody but PART of the key can make
_HEX_PART = 2 * PART
_LAYERS = 3  # of escapes that are put back: JSON in JSON in a URL

_ESCAPED = re.compile(
    r"%([0-9a-f]{2})|\\+u\{?([0-9a-f]{4})\}?|\\+x([0-9a-f]{2})|\\+([\"'/\\])"
    r"|(&(?:\#\d{1,7}|\#x[0-9a-f]{1,6}|amp|quot|apos|lt|gt);)",
    re.I,
)
#: What may be the beginning of one of those, at the end of what has come so far.
_ESCAPE_BEGINS = re.compile(
    r"(?:%[0-9a-f]*|\\+(?:u\{?[0-9a-f]{0,4}|x[0-9a-f]?)?|&[#\w]{0,9})$", re.I
)


class Screen:
    """Takes a key, and longer parts of it, out of a text that comes in pieces.

    A key of fewer than PART characters is an ordinary word, and no secret.
    """

    def __init__(self, key: str | None) -> None:
        self._key = key if key and len(key) >= PART else ""
        self._waiting = ""

    def feed(self, piece: str) -> str:
        """What can be shown now: all but an end that may be the beginning of the key."""
        self._waiting += piece
        if not self._key or len(self._waiting) > _MOST_WAITING:
            return self.end()
        spans = key_spans(self._waiting, self._key)
        cut = _begins(self._waiting, self._key)
        cut = next((begin for begin, end in spans if begin <= cut <= end), cut)
        shown = _without(self._waiting[:cut], [span for span in spans if span[1] <= cut])
        self._waiting = self._waiting[cut:]
        return shown

    def end(self) -> str:
        """The rest."""
        rest = _without(self._waiting, key_spans(self._waiting, self._key))
        self._waiting = ""
        return rest


def key_spans(text: str, key: str | None) -> list[tuple[int, int]]:
    """Where parts of a key of at least PART characters stand; those that overlap as one."""
    if not key or len(key) < PART:
        return []
    found: set[tuple[int, int]] = set()
    forms = _forms(key)
    for read in _readings(text):
        letters, begins = read
        for length, parts in forms.parts.items():
            for at in range(len(letters) - length + 1):
                if letters[at : at + length] in parts:
                    found.add((begins[at], begins[at + length]))
    spans: list[tuple[int, int]] = []
    for begin, end in sorted(found):
        if spans and begin < spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((begin, end))
    return spans


def scrub(text: str, key: str | None) -> str:
    """The text without the key, in whatever form a server or a library echoes it."""
    text = re.sub(r"(?i)\b(bearer|basic)\s+[^\s'\"<>,;]+", rf"\1 {HIDDEN}", text)
    if not key or len(key) < _SHORTEST:
        return text
    return _without(text, key_spans(text, key)).replace(key, HIDDEN)


class _Forms(NamedTuple):
    """What a key may look like: whole texts, and their parts by length."""

    whole: tuple[str, ...]
    parts: dict[int, frozenset[str]]


@lru_cache(maxsize=4)
def _forms(key: str) -> _Forms:
    whole: dict[int, list[str]] = {PART: [], _BASE64_PART: [], _HEX_PART: []}
    for plain in (key, key[::-1]):
        data = plain.encode("utf-8", "replace")
        whole[PART].append(plain)
        whole[_HEX_PART] += [data.hex(), data.hex().upper()]
        for before in range(3):  # bytes that may stand before it in a group of three
            made = base64.b64encode(bytes(before) + data).decode("ascii")
            # The characters at both ends also depend on what stands beside the key.
            sure = made[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
            whole[_BASE64_PART] += [sure, sure.replace("+", "-").replace("/", "_")]
    parts = {
        length: frozenset(
            form[at : at + length] for form in forms for at in range(len(form) - length + 1)
        )
        for length, forms in whole.items()
    }
    return _Forms(tuple(form for forms in whole.values() for form in forms), parts)


class _Reading(NamedTuple):
    """A text as it may be meant: its letters, and where each begins in it, with the end."""

    letters: str
    begins: list[int]


def _readings(text: str) -> list[_Reading]:
    """A text as it stands, and with what is escaped in it put back, once and more often."""
    readings = [_Reading(text, list(range(len(text) + 1)))]
    while len(readings) <= _LAYERS and _ESCAPED.search(readings[-1].letters):
        readings.append(_unescaped(readings[-1]))
    return readings


def _unescaped(read: _Reading) -> _Reading:
    letters: list[str] = []
    begins: list[int] = []
    at = 0
    for found in _ESCAPED.finditer(read.letters):
        letters += (read.letters[at : found.start()], _letter(found))
        begins += read.begins[at : found.start() + 1]
        at = found.end()
    return _Reading("".join(letters) + read.letters[at:], begins + read.begins[at:])


def _letter(found: re.Match[str]) -> str:
    """The one character that an escape stands for."""
    number = found[1] or found[2] or found[3]
    if number:
        return chr(int(number, 16))
    return (found[4] or html.unescape(found[5]))[:1] or " "


def _begins(text: str, key: str) -> int:
    """Where a part of the key may have begun that the next piece goes on with."""
    forms = _forms(key)
    longest = max(forms.parts)
    first = len(text)
    for letters, begins in _readings(text):
        escape = _ESCAPE_BEGINS.search(letters)
        end = escape.start() if escape else len(letters)
        tails = range(max(end - longest + 1, 0), end)
        at = next((at for at in tails if any(letters[at:end] in f for f in forms.whole)), end)
        first = min(first, begins[at])
    return first


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    pieces, at = [], 0
    for begin, end in spans:
        pieces += [text[at:begin], HIDDEN]
        at = end
    return "".join(pieces) + text[at:]
