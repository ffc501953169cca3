"""Words out of a reply while it is written: claims as text, not as JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

from retrieval.answerers.citing import marker
from retrieval.answerers.replies import MOST_CLAIM
from retrieval.records import TextCallback

_BEFORE = re.compile(r"\s*(`{1,3}[a-z]*\s*)?")  # the fence of a code block stands before JSON
_MOST_HELD = 40  # characters
_HALF = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}")  # of a character
_UNFINISHED = re.compile(rf"\\u[0-9a-fA-F]{{0,3}}|{_HALF.pattern}(\\(u[0-9a-fA-F]{{0,3}})?)?")
_NUMBER = re.compile(r"[0-9]{1,9}")
_THINK, _THOUGHT = "<think>", "</think>"


@dataclass
class ClaimSpeaker:
    """Takes pieces of a reply and hands on the claims in it, each followed by its citations.

    JSON is read letter by letter, so words come as soon as the model has written them. What comes
    before the first "{" is spoken as it is: a model that writes no JSON is heard as well. Thoughts
    between <think> and </think> are not.
    """

    on_text: TextCallback
    _step: Callable[[str], str] = field(init=False)
    _held: str = ""
    _key: str = ""
    _string: str = ""
    _escape: str = ""
    _is_value: bool = False
    _spoken: int = 0
    _cites: str | None = None

    def __post_init__(self) -> None:
        self._step = self._plain

    def feed(self, piece: str) -> None:
        """Take the next piece of the reply."""
        spoken = visible("".join([self._step(c) for c in piece]))
        if spoken:
            self.on_text(spoken)

    def end(self) -> None:
        """The reply has ended: hand on what was held back."""
        if self._step == self._plain and self._held.strip():
            self.on_text(visible(self._held))
        self._held = ""

    # --- outside of JSON --------------------------------------------------------------------

    def _plain(self, c: str) -> str:
        if c == "{":
            self._step, self._held = self._structure, ""
            return ""
        self._held += c
        if self._held.lstrip() == _THINK:
            self._step, self._held = self._thinking, ""
        if len(self._held) < _MOST_HELD and (
            _THINK.startswith(self._held.lstrip()) or _BEFORE.fullmatch(self._held)
        ):
            return ""
        spoken, self._held = self._held, ""
        return spoken

    def _thinking(self, c: str) -> str:
        self._held = (self._held + c)[-len(_THOUGHT) :]
        if self._held == _THOUGHT:
            self._step, self._held = self._plain, ""
        return ""

    # --- in JSON ----------------------------------------------------------------------------

    def _structure(self, c: str) -> str:
        if c == '"':
            self._string, self._step = "", self._in_string
            self._spoken = 0
        elif c == ":":
            self._key, self._is_value = self._string, True
        elif self._cites is not None:
            return self._citing(c)
        elif c == "[" and self._key == "cites":
            self._cites = ""
        elif c in ",{}[":
            self._key, self._is_value = "", False
        return ""

    def _citing(self, c: str) -> str:
        if c != "]":
            self._cites = (self._cites or "")[:10_000] + c
            return ""
        numbers = [int(number) for number in _NUMBER.findall(self._cites or "")]
        self._cites, self._key = None, ""
        return f"{marker(numbers)} " if numbers else ""

    def _in_string(self, c: str) -> str:
        if self._escape:
            return self._escaped(c)
        if c == "\\":
            self._escape = c
            return ""
        if c == '"':
            self._step = self._structure
            return " " if self._speaks() else ""
        return self._said(c)

    def _escaped(self, c: str) -> str:
        if c != "\\" and _HALF.fullmatch(self._escape):  # whose other half does not come
            self._escape = ""
            return self._in_string(c)
        self._escape += c
        if _UNFINISHED.fullmatch(self._escape):
            return ""
        escape, self._escape = self._escape, ""
        try:
            return self._said(json.loads(f'"{escape}"'))
        except ValueError:
            return ""

    def _said(self, text: str) -> str:
        if self._speaks():
            self._spoken += 1
            return text if self._spoken <= MOST_CLAIM else ""
        self._string = (self._string + text)[-20:]
        return ""

    def _speaks(self) -> bool:
        return self._is_value and self._key == "claim"


def visible(text: str) -> str:
    """A text without what a terminal would obey, and without halves of characters."""
    kept = (c if c.isprintable() or c == "\n" else " " if c.isspace() else "" for c in text)
    return "".join(kept).encode("utf-8", "ignore").decode()
