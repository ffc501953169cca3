"""Ranges of dates as people write them: "from 2019 to 2021", "since May", "3-5 May 2021"."""

from __future__ import annotations

import re
from dataclasses import dataclass

from retrieval.queries import calendar as cal
from retrieval.queries.calendar import Period
from retrieval.queries.periods import MONTHS, Found, Periods

_TO = {"to", "until", "till", "through"}
_DASH = re.compile(r"\s*(?:-|–|—|\.\.+|…)\s*")
_BOUNDS = {
    "before": cal.before,
    "until": cal.until,
    "till": cal.until,
    "after": cal.after,
    "since": cal.since,
}


@dataclass(frozen=True, slots=True)
class Dates(Periods):
    """Reads dates and ranges of dates. Raises QueryError for one that does not exist."""

    def read(self, i: int) -> Found | None:
        """The date or range of dates that begins at token i, with the words that belong to it."""
        word = self._word(i)
        if word == "between" and (found := self._range(i + 1, {"and"})):
            return found
        if word == "from" and (found := self._range(i + 1, _TO)):
            return found
        bound = _BOUNDS.get(word)
        if bound is not None and (inner := self._range(i + 1, _TO) or self.one(i + 1)):
            period = inner.period
            if period.any_year:  # "since May": the newest one
                period = self._newest(period)
            return Found(inner.next, bound(period))
        found = self._range(i, _TO) or self.one(i)
        if found and self._word(found.next) in ("onwards", "onward") and not found.period.any_year:
            return Found(found.next + 1, cal.since(found.period))
        return found

    # --- ranges -----------------------------------------------------------------------------

    def _range(self, i: int, joints: set[str]) -> Found | None:
        if found := self._days_of_month(i, joints):
            return found
        first = self.one(i)
        if first is None:
            return None
        j = first.next
        if self._word(j) in joints and "-" not in self._gap(j - 1):
            last = self.one(j + 1)
        elif _DASH.fullmatch(self._gap(j - 1)):
            last = self.one(j)
        else:
            return None
        if last is None or self._only_a_number(first) or self._only_a_number(last):
            return None
        begin, end = first.period, last.period
        if begin.any_year and not end.any_year and end.first:
            begin = cal.only(end.first[:4] + (begin.first or "")[1:])
        if begin.any_year or end.any_year:
            return None
        return Found(last.next, cal.between(begin, end))

    def _only_a_number(self, found: Found) -> bool:
        """Whether a range should not be made of it: "1200 to 1400 people" counts people."""
        return found.strength == "year" and not self.plausible(found.next - 1)

    def _days_of_month(self, i: int, joints: set[str]) -> Found | None:
        """ "3-5 May 2021", "3 to 5 May", "May 3-5, 2021"."""
        month = MONTHS.get(self._word(i)) if self._capital_or_cued(i) else None
        at = i + 1 if month else i
        first = self._day(at)
        if first is None:
            return None
        j = at + 1
        if self._word(j) in joints:
            j += 1
        elif not _DASH.fullmatch(self._gap(at)):
            return None
        last = self._day(j)
        if last is None:
            return None
        if month is None:
            month = MONTHS.get(self._word(j + 1))
            j += 1
        if month is None:
            return None
        year = self._year(j + 1)
        if year is None:
            return None
        return Found(j + 2, cal.between(cal.on(year, month, first), cal.on(year, month, last)))

    def _newest(self, period: Period) -> Period:
        tail = (period.first or "")[1:]
        here = f"{self.today.year:04d}{tail}"
        past = here <= self.today.isoformat()[: len(here)]
        return cal.only(here if past else f"{self.today.year - 1:04d}{tail}")
