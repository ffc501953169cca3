"""Whether a date in a query is meant as one: a month and a year alone need more around them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from retrieval.queries import calendar as cal
from retrieval.queries.calendar import Period
from retrieval.queries.dates import Dates
from retrieval.queries.lexing import Token
from retrieval.queries.meaning import EMPTY
from retrieval.queries.ordinary import words
from retrieval.queries.periods import FEASTS, WEEKDAYS
from retrieval.queries.pieces import Piece, dated
from retrieval.queries.values import parse_other
from retrieval.queries.wording import Wording

_COUNTS = words("a an half one two three four five six seven eight nine ten about couple few")
_ON = words("in at on during near last this since before after between")
_AFTER_MONTH = words("in at on with and or near of by during from to the for")


def _returning(cue: str, name: str, article: bool) -> Period | None:
    """A season, a feast, a part of the day, or a day of the week, in the words that mean all."""
    if cue in ("in", "during"):
        if name in cal.SEASONS:
            return cal.every_season(cal.SEASONS[name])
        if article and name != "noon":
            return cal.PARTS_OF_DAY.get(name)
    if cue in ("at", "on", "during") and not article and (feast := FEASTS.get(name)):
        return cal.every_feast(feast)
    if cue in ("on", "at"):
        if name in ("weekends", "weekend"):
            return cal.WEEKEND if article or name.endswith("s") else None
        if cue == "on" and not article and name == "weekdays":
            return cal.WORKDAYS
        if cue == "on" and not article and name.endswith("s") and name[:-1] in WEEKDAYS:
            return cal.only(f"*W{WEEKDAYS[name[:-1]] + 1}")
    return None


@dataclass(frozen=True, slots=True)
class AskedDates(Wording):
    """Reads dates in the tokens of `text`; `years` are the first and last of the collection."""

    tokens: list[Token]
    today: datetime.date
    years: tuple[int, int] | None

    def piece(self, k: int, start: int, negated: bool, cue: bool) -> tuple[Piece, int] | None:
        """The date at token k, from `start` on, and the index behind it; None if none is meant.

        `cue` says that a word stands before it that dates follow. Raises QueryError for a date
        that does not exist.
        """
        if k >= len(self.tokens) or self.tokens[k].kind != "word":
            return None
        dates = Dates(self.text, self.tokens, self.today)
        found = dates.read(k)
        if found is None:
            return self._other(k, start, negated)
        if found.strength == "cue" and not cue:
            return None
        if found.strength == "year" and not self._is_year(dates, k, cue):
            return None
        if cue and found.strength == "cue" and not self._month_ends(found.next):
            return None
        span = (start, self.tokens[found.next - 1].end)
        return dated(found.period, span, negated), found.next

    def returning(self, k: int, start: int, negated: bool) -> tuple[Piece, int] | None:
        """A time that returns, behind a word that such times follow: "in winter", "on Mondays".

        Only where a part of the sentence ends behind it, or goes on with a place or another date.
        """
        j = k + 1 if self._word(k) == "the" else k
        period, following = _returning(self._word(k - 1), self._word(j), j > k), j + 1
        if period is None and self._word(j) == "new":
            period, following = _returning(self._word(k - 1), "new year", j > k), j + 2
            period = period if self._word(j + 1) in ("year", "years", "year's") else None
        if self._word(following) in ("day", "eve") and self._word(k - 1) != "in":
            following += 1
        if period is None or not (self._stops(following) or self._word(following) in _ON):
            return None
        return dated(period, (start, self.tokens[following - 1].end), negated), following

    def _is_year(self, dates: Dates, k: int, cue: bool) -> bool:
        """Whether a number of four digits is a year: it looks like one, and a cue or the
        collection says so, or nothing but it is asked.
        """
        if not dates.plausible(k):
            cued = cue and self._word(k - 1) in ("in", "from", "during", "of")
            return cued and self._lonely(k)
        if cue or self._lonely(k):
            return True
        first, last = self.years or (1990, self.today.year)
        year = int(self._word(k))
        if first <= year <= last:
            return True
        before = self.tokens[k - 1] if k else None
        named = before is not None and before.kind == "word" and before.capital
        return 1900 <= year <= self.today.year and (k == 0 or not named or self._comma(k))

    def _lonely(self, k: int) -> bool:
        """Whether nothing else is asked."""
        return all(
            i == k or (token.kind == "word" and token.folded in EMPTY)
            for i, token in enumerate(self.tokens)
        )

    def _month_ends(self, k: int) -> bool:
        """Whether "in May" is a time: "in march order" is none."""
        return (
            k >= len(self.tokens)
            or self.tokens[k].kind != "word"
            or self._comma(k)
            or self._word(k) in _AFTER_MONTH
            or not self.tokens[k].text.isalpha()
            or self.tokens[k - 1].capital
        )

    def _other(self, k: int, start: int, negated: bool) -> tuple[Piece, int] | None:
        """ "half a year ago": what only dateparser may know; asked where "ago" follows."""
        if not (self._word(k).isdigit() or self._word(k) in _COUNTS):
            return None
        for j in range(k + 2, min(k + 7, len(self.tokens))):
            if self._word(j) == "ago":
                span = (start, self.tokens[j].end)
                period = parse_other(self.text[self.tokens[k].start : span[1]], self.today)
                if period is not None:
                    return dated(period, span, negated), j + 1
        return None
