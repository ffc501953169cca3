"""A frame: what surrounds that which a question is about, and what it says of the question.

Frames are written as templates in which {name} stands for a part of a table. What is looked for is
where the groups "body" matched; a frame is anchored at both ends, so that nothing inside a caption
that is quoted can be taken for a part of it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

from retrieval.records import Intent

Pick = Literal["", "first", "last"]

#: What "first" and "last" are called.
PICKS: dict[str, Pick] = {
    **dict.fromkeys(("first", "earliest", "oldest", "第一次", "最早", "首次", "第一张"), "first"),
    **dict.fromkeys(("last", "latest", "newest", "recent", "recently"), "last"),
    **dict.fromkeys(("arrive", "arrived", "land", "landed", "get", "got"), "first"),
    **dict.fromkeys(("leave", "left", "depart", "departed", "back", "return"), "last"),
    "home": "last", "第": "first", "最后": "last",
    **dict.fromkeys(("最后一次", "上次", "上一次", "最近", "最近一次", "最新", "最后一张"), "last"),
}


def spelled(words: Mapping[str, str]) -> dict[str, str]:
    """What each word stands for, from what is meant and how that is said: "date, day, year"."""
    return {word: meant for meant, said in words.items() for word in said.split(", ")}


@dataclass(frozen=True, slots=True)
class Frame:
    """A pattern that a whole question fits, and what it then asks."""

    pattern: str
    intent: Intent
    field: str = ""
    group: str = ""
    place: bool = False  # the body is a place that one goes to, rather than something seen


@dataclass(frozen=True, slots=True)
class Framed:
    """A question taken apart: its frame, and the groups that matched by their names."""

    frame: Frame
    bodies: tuple[str, ...]
    said: Mapping[str, str] = field(default_factory=dict)

    def word(self, name: str) -> str:
        """What the first group of this name matched, in small letters; "" if none did."""
        found = (value for key, value in self.said.items() if key.startswith(f"{name}_"))
        return next(found, "").casefold()

    @property
    def body(self) -> str:
        """All bodies as one text."""
        return joined(self.bodies)


def joined(parts: Iterable[str]) -> str:
    """Parts of a box side by side, with blanks where there are letters that need them."""
    text = ""
    for part in (p.strip(" \t\n,，、:：;") for p in parts):
        han = re.search(r"[\u4e00-\u9fff]$", text) and re.match(r"[\u4e00-\u9fff]", part)
        if han and re.search(r"在[\u4e00-\u9fff]{2,8}$", text) and part[0] not in "的在和与":
            text += "的"  # 在日本, 狗: the dogs there
        text += part if han or not text or not part else f" {part}"
    return text


def frame(
    template: str,
    intent: Intent,
    parts: Mapping[str, str],
    *,
    field: str = "",
    group: str = "",
    place: bool = False,
) -> Frame:
    """A frame of a template. Groups of a name may be several; blanks are single ones."""
    filled = re.sub(r"\{([a-z]\w*)\}", lambda match: f"(?:{parts[match[1]]})", template)
    count = itertools.count()
    filled = re.sub(r"\(\?P<(\w+)>", lambda match: f"(?P<{match[1]}_{next(count):02}>", filled)
    return Frame(filled, intent, field, group, place)


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """The expression of a frame: compiled when a question first comes to it, which takes 1-4 ms."""
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """Frames that are tried only where the question begins with `lead`, an expression."""

    lead: str
    frames: tuple[Frame, ...]


def match(text: str, blocks: Iterable[Block], typed: str = "") -> Framed | None:
    """The first of the frames that the text fits.

    `typed` is the text as it was written, character by character, where `text` is not: the bodies
    are taken from it.
    """
    for block in blocks:
        if not compiled(block.lead).match(text):
            continue
        for each in block.frames:
            if found := compiled(each.pattern).fullmatch(text):
                groups = {name: value for name, value in found.groupdict().items() if value}
                spans = [found.span(name) for name in groups if name.startswith("body")]
                bodies = tuple((typed or text)[first:last] for first, last in spans)
                return Framed(each, bodies, groups)
    return None


def pick_of(word: str) -> Pick:
    """ "first" or "last" as a plan says it; "" for no such word."""
    return PICKS.get(word) or PICKS.get(word.rpartition(" ")[2], "")
