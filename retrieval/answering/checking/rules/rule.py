"""What a rule is: it finds what a claim says of one thing, and compares it with its photos."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from retrieval.answering.checking.known import squeezed
from retrieval.answering.checking.reading import Reading


class Unsupported(Exception):
    """A claim says what its evidence does not; the text is the reason in plain words."""


@dataclass(frozen=True, slots=True)
class Said:
    """What a claim says of one thing, at [start, end) of its text.

    `holds`: whether the cited photos say the same; None where they do not tell, so that the claim
    is neither struck nor proven. `reason` tells why it is struck.
    """

    start: int
    end: int
    holds: bool | None = True
    reason: str = ""


class Rule(Protocol):
    """What a claim says of X, and whether the cited facts say the same."""

    def __call__(self, reading: Reading) -> Iterable[Said]:
        """All that is said of X in what no earlier rule has understood (`reading.rest`)."""
        ...


def apply(rules: Iterable[Rule], reading: Reading) -> Reading:
    """The claim with blanks for what the rules understood. Raises Unsupported where one fails."""
    for rule in rules:
        found = []
        for said in rule(reading):
            if said.holds is False:
                raise Unsupported(said.reason)
            found.append(said)
        reading = reading.blanked((said.start, said.end) for said in found)
        if any(said.holds is None for said in found):
            reading = reading.doubted()
    return reading


def said_at(match: re.Match[str], holds: bool | None, reason: str = "") -> Said:
    """What a match says."""
    return Said(*match.span(), holds, reason)


def is_told(reading: Reading, start: int, words: str) -> bool:
    """Whether a caption, a title or a keyword of the photos cited there has these words."""
    plain = squeezed(words)
    return any(plain in text for text in reading.known_at(start).quotable)


def not_said(words: str) -> str:
    """The reason for what no text says."""
    return f"The cited photos do not say “{shortened(words.strip())}”."


def shortened(text: str) -> str:
    """At most 80 characters of a text."""
    return text if len(text) <= 80 else text[:79] + "…"
