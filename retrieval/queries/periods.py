"""One date as people write it in English, read from the words of a query.

A month alone needs a word before it ("in May"; "a dog may bite" is none), and a year alone must
look like one: how certain a date is, is told with it.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import Literal

from retrieval.queries import calendar as cal
from retrieval.queries.calendar import Period
from retrieval.queries.numbers import Numbers
from retrieval.queries.ordinary import words

#: How certain it is that a date is meant. "sure": stands by itself; "cue": only behind a word
#: that dates follow; "year": a number that may count something else.
Strength = Literal["sure", "cue", "year"]

_UNITS = {
    f"{name}{plural}": name for name in ("day", "week", "month", "year") for plural in ("", "s")
}
MONTHS = {name.casefold(): number for number, name in enumerate(cal.MONTHS) if name}
MONTHS |= {name[:3]: number for name, number in MONTHS.items()} | {"sept": 9}
WEEKDAYS = {
    name: number
    for number, name in enumerate(
        ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    )
}
FEASTS = {
    "christmas": "christmas",
    "xmas": "christmas",
    "easter": "easter",
    "halloween": "halloween",
    "thanksgiving": "thanksgiving",
    "valentine": "valentine",
    "valentines": "valentine",
    "valentine's": "valentine",
    "new year": "new year",
}
_THIRDS = {
    "early": ("01", "04"),
    "beginning": ("01", "04"),
    "mid": ("05", "08"),
    "middle": ("05", "08"),
    "late": ("09", "12"),
    "end": ("09", "12"),
}
_NUMERIC = re.compile(
    r"(?P<y>\d{4})(?P<s>[-/.])(?P<m>\d{1,2})(?:(?P=s)(?P<d>\d{1,2}))?(?![\w-]|[./]\d)"
    r"|(?P<a>\d{1,2})(?P<t>[./-])(?P<b>\d{1,2})(?P=t)(?P<z>\d{4})(?![\w-])"
)


@dataclass(frozen=True, slots=True)
class Found:
    """A period, the index of the token behind it, and how certain it is meant."""

    next: int
    period: Period
    strength: Strength = "sure"


#: What dates follow: it makes "May" a month.
CUES = words("in from on during of at around for")


@dataclass(frozen=True, slots=True)
class Periods(Numbers):
    """Reads single dates in the tokens of `text`. Raises QueryError for one that does not exist."""

    # --- one period -------------------------------------------------------------------------

    def one(self, i: int) -> Found | None:
        """The date that begins at token i."""
        if i >= len(self.tokens) or self.tokens[i].kind != "word":
            return None
        if self._word(i) == "the":
            return self._with_article(i)
        if self._word(i) == "last" and self._word(i - 1) == "the" and self._is_end(i - 1):
            return None
        return (
            self._numeric(i)
            or self._relative(i)
            or self._with_month(i)
            or self._part_of_year(i)
            or self._bare_year(i)
        )

    def _with_article(self, i: int) -> Found | None:
        """ "the summer of 2019", "the last two weeks", "the 3rd of May", "the 1990s"."""
        if self._word(i + 1) == "day" and self._words(i + 2, "before yesterday"):
            return Found(i + 4, cal.of_day(self.today - datetime.timedelta(days=2)))
        rolling = self._word(i + 1) in ("last", "past", "previous")
        if rolling and self._is_end(i):
            return None
        if rolling and (unit := _UNITS.get(self._word(i + 2))):
            period = cal.last_of(self.today, 1, unit)
            return Found(i + 3, period) if period else None
        if decade := re.fullmatch(r"(1[89]|20)(\d)0s", self._word(i + 1)):
            begin = int(decade[1] + decade[2] + "0")
            return Found(i + 2, Period(str(begin), str(begin + 9)), "cue")
        found = self.one(i + 1) if self._word(i + 1) != "the" else None
        return None if found and found.strength == "year" else found

    def _is_end(self, i: int) -> bool:
        """ "on the last day in Lisbon", "the last week of 2019": the last one of something else."""
        if self._word(i + 2) not in _UNITS or self._word(i + 2).endswith("s"):
            return False
        on = self._word(i - 1) == "on" and self._word(i + 1) == "last"
        return on or self._word(i + 3) == "of" or self._words(i + 2, "day in")

    def _numeric(self, i: int) -> Found | None:
        token = self.tokens[i]
        match = _NUMERIC.match(self.text, token.start)
        if not match:
            return None
        if match["y"]:
            year, month = int(match["y"]), int(match["m"])
            if match["d"] is None and (match["s"] != "-" or month > 12):
                return None  # "2019-20" and "2000/1" are no months
            period = cal.on(year, month, int(match["d"]) if match["d"] else None)
        else:
            first, second = int(match["a"]), int(match["b"])
            # With dots the day stands first, else the month, unless it cannot be one.
            month_first = (match["t"] != "." and first <= 12) or second > 12 >= first
            month, day = (first, second) if month_first else (second, first)
            period = cal.on(int(match["z"]), month, day)
        return Found(self._behind(match.end(), i), period)

    def _relative(self, i: int) -> Found | None:
        word, following, today = self._word(i), self._word(i + 1), self.today
        if word == "today":
            return Found(i + 1, cal.of_day(today))
        if word == "yesterday":
            return Found(i + 1, cal.of_day(today - datetime.timedelta(days=1)))
        if word == "this" and following in ("morning", "afternoon", "evening"):
            return Found(i + 2, cal.of_day(today))
        if word in ("last", "past", "this", "previous"):
            return self._last(i, following, back=word != "this")
        if word == "half" and self._words(i + 1, "a year ago"):
            return Found(i + 4, cal.on(*cal.months_back(today, 6)))
        if word == "a" and following in ("couple", "few"):
            return self._counted(i + 1)
        return self._counted(i)

    def _counted(self, i: int) -> Found | None:
        """ "three weeks ago", "a few days ago"."""
        count, few = self._number(i), self._word(i) == "few"
        j = i + 2 if self._word(i + 1) == "of" else i + 1
        unit = _UNITS.get(self._word(j))
        if not (count or few) or not unit or self._word(j + 1) != "ago":
            return None
        if self._word(i - 1) == "half":
            return None
        first = cal.ago(self.today, 5 if few else count, unit)
        last = cal.ago(self.today, 2, unit) if few else first
        return Found(j + 2, cal.between(first, last)) if first and last else None

    def _last(self, i: int, name: str, back: bool) -> Found | None:
        """ "last summer", "last three weeks", "this year"."""
        today, step = self.today, int(back)
        period: Period | None = None
        if name == "year":
            period = cal.on(today.year - step)
        elif name == "month":
            period = cal.on(*cal.months_back(today, step))
        elif name == "week":
            period = cal.week_of(today - datetime.timedelta(days=7 * step))
        elif name in ("weekend", "night") and back:
            period = cal.weekend_before(today) if name == "weekend" else _last_night(today)
        elif name in cal.SEASONS:
            first = cal.SEASONS[name]
            period = cal.last_season(first, today) if back else cal.season(today.year, first)
        elif name in FEASTS and back:
            period = cal.last_holiday(FEASTS[name], today)
        elif name in WEEKDAYS and back:
            days = (today.weekday() - WEEKDAYS[name]) % 7 or 7
            period = cal.of_day(today - datetime.timedelta(days=days))
        elif (month := MONTHS.get(name)) and (back or len(name) > 3):
            over = not back or month < today.month
            period = cal.on(today.year if over else today.year - 1, month)
        elif back and (count := self._number(i + 1)) and (unit := _UNITS.get(self._word(i + 2))):
            period = cal.last_of(today, count, unit)
            return Found(i + 3, period) if period else None
        return Found(i + 2, period) if period else None

    def _with_month(self, i: int) -> Found | None:
        """ "May 2021", "3 May 2021", "May 3rd, 2021", "3rd of May", "May" (needs a cue)."""
        day = self._day(i)
        j = i
        if day is not None or self._odd_day(i):
            j = i + 2 if self._word(i + 1) == "of" else i + 1
            month = MONTHS.get(self._word(j))
            if month is None or self._comma(i, j):
                return None
            day = day or int(re.match(r"\d+", self._word(i))[0])  # type: ignore[index]
            year = self._year(j + 1)
            if year is None and not self._sure_month(j):
                return None
            period = cal.on(year, month, day)
            return Found(j + (2 if year else 1), period)
        month = MONTHS.get(self._word(i))
        if month is None:
            return None
        k = i + 2 if self._word(i + 1) == "of" else i + 1
        if (year := self._year(k)) is not None:
            return Found(k + 1, cal.on(year, month))
        day = self._day(i + 1)
        if day is None and self._odd_day(i + 1) and self._capital_or_cued(i):
            day = int(re.match(r"\d+", self._word(i + 1))[0])  # type: ignore[index]
        if day is not None and not self._comma(i, i + 1):
            year = self._year(i + 2)
            ordinal = not self._word(i + 1).isdigit()
            if year is not None or ordinal or self._sure_month(i):
                return Found(i + (3 if year else 2), cal.on(year, month, day))
        return Found(i + 1, cal.on(None, month), "cue")

    def _part_of_year(self, i: int) -> Found | None:
        """ "spring 2021", "christmas 2020", "new year 2021", "late 2021", "Q1 2021"."""
        word = self._word(i)
        if word == "new" and self._word(i + 1) in ("year", "years"):
            j = i + 3 if self._word(i + 2) in ("eve", "day") else i + 2
            year = self._year(j)
            return Found(j + 1, cal.holiday("new year", year)) if year else None
        j = i + 2 if self._word(i + 1) in ("of", "day", "eve") else i + 1
        year = self._year(j)
        if year is None:
            year, j = self._year(i), i + 1  # "2021 spring"
            name = self._word(j)
            if year and name in cal.SEASONS and not self._comma(i, j):
                return Found(j + 1, cal.season(year, cal.SEASONS[name]))
            return None
        if word in cal.SEASONS:
            return Found(j + 1, cal.season(year, cal.SEASONS[word]))
        if word in FEASTS:
            return Found(j + 1, cal.holiday(FEASTS[word], year))
        if word in _THIRDS:
            first, last = _THIRDS[word]
            return Found(j + 1, Period(f"{year:04d}-{first}", f"{year:04d}-{last}"))
        if word in ("q1", "q2", "q3", "q4"):
            last_month = int(word[1]) * 3
            first, last = f"{last_month - 2:02d}", f"{last_month:02d}"
            return Found(j + 1, Period(f"{year:04d}-{first}", f"{year:04d}-{last}"))
        return None

    def _bare_year(self, i: int) -> Found | None:
        year = self._year(i)
        return None if year is None else Found(i + 1, cal.on(year), "year")

    def _capital_or_cued(self, i: int) -> bool:
        return i < len(self.tokens) and (self.tokens[i].capital or self._word(i - 1) in CUES)

    def _sure_month(self, i: int) -> bool:
        """Whether this is a month's name whatever stands around it ("may" and "march" are not)."""
        return self.tokens[i].capital or self._word(i) not in ("may", "march", "mar", "sun")


def _last_night(today: datetime.date) -> Period:
    yesterday = today - datetime.timedelta(days=1)
    return Period(f"{yesterday.isoformat()}T18", f"{today.isoformat()}T05")
