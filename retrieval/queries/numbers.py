"""Numbers among the words of a query: which of them may be a year, a day or a count."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from retrieval.queries.lexing import Token
from retrieval.queries.ordinary import words

_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "couple": 2, "three": 3, "four": 4, "five": 5, "six": 6,
    "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
}  # fmt: skip
#: Words behind a number that it counts, and words before one that it numbers.
_COUNTED = words(
    """
    m km cm mm meter meters metre metres mile miles ft feet foot yard yards inch inches kg g lb
    lbs people persons men women soldiers dogs cats photos pictures pieces words dollars euros
    pounds years days hours hour hrs seconds minutes steps calories rpm px pixels mph kmh hp w
    watts v volts degrees percent points times islands bc ad bce ce
    """
)
_COUNTING = words(
    """
    number no nr route room highway bus flight page top version model size about over almost
    nearly than a an approximately roughly some only just under gate train tram line class
    formula street road channel platform lot unit area apollo windows boeing airbus
    """
)


@dataclass(frozen=True, slots=True)
class Numbers:
    """Reads numbers, and what stands around them, in the tokens of `text`."""

    text: str
    tokens: list[Token]
    today: datetime.date

    def plausible(self, i: int) -> bool:
        """Whether the number at token i looks like the year of a photo, not like a count."""
        year = self._year(i)
        if year is None or not 1826 <= year <= self.today.year + 1:
            return False
        if self._word(i + 1) in _COUNTED and not self._comma(i, i + 1):
            return False
        return self._word(i - 1) not in _COUNTING

    def _word(self, i: int) -> str:
        if 0 <= i < len(self.tokens) and self.tokens[i].kind == "word":
            return self.tokens[i].folded
        return ""

    def _words(self, i: int, text: str) -> bool:
        return all(self._word(i + n) == word for n, word in enumerate(text.split()))

    def _gap(self, i: int) -> str:
        """What stands between token i and the next."""
        if not 0 <= i < len(self.tokens) - 1:
            return ""
        return self.text[self.tokens[i].end : self.tokens[i + 1].start]

    def _comma(self, i: int, j: int) -> bool:
        """Whether anything but blanks and hyphens stands between two tokens."""
        between = (
            self.text[self.tokens[i].end : self.tokens[j].start] if j < len(self.tokens) else ""
        )
        return bool(set(between) & set(",;:?!()"))

    def _behind(self, end: int, i: int) -> int:
        while i < len(self.tokens) and self.tokens[i].start < end:
            i += 1
        return i

    def _year(self, i: int) -> int | None:
        """A number of four digits that is no part of a larger one ("2,021", "2021.5", "1:2021")."""
        word = self._word(i)
        if not re.fullmatch(r"[12]\d{3}", word) or not word.isascii():
            return None
        token = self.tokens[i]
        before = self.text[max(0, token.start - 6) : token.start]
        if re.search(r"\d[.,:/]$|[#№$€£_]$|\w-$", before) and not re.search(
            r"(?<!\d)\d{4}-$", before
        ):
            return None
        behind = self.text[token.end : token.end + 6]
        if re.match(r"[.,:/]\d|_|-(?!\d{4}(?!\d))\w|%|°| ?['’]s\b", behind):
            return None
        return int(word)

    def _day(self, i: int) -> int | None:
        match = re.fullmatch(r"([12]?\d|3[01]|0[1-9])(?:st|nd|rd|th)?", self._word(i))
        return int(match[1]) if match and int(match[1]) else None

    def _odd_day(self, i: int) -> bool:
        """A day that no month has."""
        return bool(re.fullmatch(r"(?:0|00|3[2-9])(?:st|nd|rd|th)?", self._word(i)))

    def _number(self, i: int) -> int:
        word = self._word(i)
        if re.fullmatch(r"[0-9]{1,5}", word):
            return int(word)
        return _NUMBERS.get(word, 0)
