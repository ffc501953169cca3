"""Periods of local time as texts of any precision: "2021", "2021-04-03", "2021-04-03T18".

A text stands for all times that begin with it; one that begins with "*" for what returns: "*-05" is
May of any year, "*T05" the hour after five of any day, "*W1" any Monday. From "*-12" to "*-02" goes
over the end of the year.
"""

from __future__ import annotations

import calendar
import datetime
from dataclasses import dataclass

from retrieval.errors import QueryError

MONTHS = tuple(calendar.month_name)
SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Period:
    """From the first text to the last, both included; None is open. `swapped`: typed reversed."""

    first: str | None
    last: str | None
    swapped: bool = False

    @property
    def any_year(self) -> bool:
        return self.first is not None and self.first.startswith("*")

    def __str__(self) -> str:
        if self.first is None:
            return f"until {self.last}"
        if self.any_year:
            return _spoken(self.first, self.last or self.first)
        if self.last is None:
            return f"since {self.first}"
        if self.first == self.last:
            return self.first
        return f"{self.first} … {self.last}" + " (put in order)" * self.swapped


def _spoken(first: str, last: str) -> str:
    if first[1] == "T":
        return f"{first[2:]}:00 … {last[2:]}:59 of any day"
    if first[1] == "W":
        return " … ".join(calendar.day_name[int(t[2:]) - 1] for t in dict.fromkeys((first, last)))
    return " … ".join(_day_or_month(t) for t in dict.fromkeys((first, last))) + " of any year"


def _day_or_month(text: str) -> str:
    month, _, day = text[2:].partition("-")
    return f"{MONTHS[int(month)]} {day.lstrip('0')}".strip()


def only(text: str) -> Period:
    return Period(text, text)


def between(first: Period, last: Period) -> Period:
    """From the beginning of one to the end of the other; in order, whichever was typed first."""
    swapped = bool(first.first and last.last and first.first[:4] > last.last[:4])
    if first.first and last.last and _begin(first.first) > _end(last.last):
        swapped = True
    if swapped:
        return Period(last.first, first.last, True)
    return Period(first.first, last.last)


def before(period: Period) -> Period:
    """All that ends before it begins, to the same precision: before 2020 is until 2019."""
    if period.first is None:
        return period
    day = _begin(period.first) - _DAY
    return Period(None, day.isoformat()[: _precision(period.first)])


def after(period: Period) -> Period:
    """All that begins after it ends."""
    if period.last is None:
        return period
    day = _end(period.last) + _DAY
    return Period(day.isoformat()[: _precision(period.last)], None)


def _precision(text: str) -> int:
    """How many characters tell a year, a month or a day."""
    return min(len(text), 10)


def since(period: Period) -> Period:
    return Period(period.first, None)


def until(period: Period) -> Period:
    return Period(None, period.last)


def _begin(text: str) -> datetime.date:
    parts = [int(part) for part in text[:10].split("-")]
    year, month, day = (*parts, 1, 1)[:3]
    return datetime.date(year, month, day)


def _end(text: str) -> datetime.date:
    parts = [int(part) for part in text[:10].split("-")]
    year, month = (*parts, 12)[:2]
    day = parts[2] if len(parts) > 2 else calendar.monthrange(year, month)[1]
    return datetime.date(year, month, day)


# --- one period -----------------------------------------------------------------------------


def on(year: int | None, month: int | None = None, day: int | None = None) -> Period:
    """A year, a month or a day; of any year where that is None. Raises QueryError if impossible."""
    if year is not None and not 1 <= year <= 9998:
        raise QueryError(f"There is no year {year} in a calendar. Write one like 2021.")
    text = "*" if year is None else f"{year:04d}"
    if month is not None:
        if not 1 <= month <= 12:
            raise QueryError(f"There is no month {month}. Months go from 1 to 12, as in 2021-05.")
        text += f"-{month:02d}"
    if month is not None and day is not None:
        last = calendar.monthrange(year or 2000, month)[1]
        if not 1 <= day <= last:
            when = f"{MONTHS[month]} {year}" if year else MONTHS[month]
            raise QueryError(
                f"There is no {day} {when}: it has {last} days{'' if year else ' at most'}. "
                "Write another date."
            )
        text += f"-{day:02d}"
    return only(text)


def of_day(day: datetime.date) -> Period:
    return only(day.isoformat())


def days(first: datetime.date, last: datetime.date) -> Period:
    return Period(first.isoformat(), last.isoformat())


def season(year: int, first_month: int) -> Period:
    """Three months, as the north counts them; a winter is of the year in which it begins."""
    last, rolled = (first_month + 2, year) if first_month < 11 else (2, year + 1)
    return Period(f"{year:04d}-{first_month:02d}", f"{rolled:04d}-{last:02d}")


def every_season(first_month: int) -> Period:
    """The months of a season in any year."""
    return Period(f"*-{first_month:02d}", f"*-{(first_month + 1) % 12 + 1:02d}")


def every_feast(name: str) -> Period | None:
    """The days of a feast in any year; None for one whose days change."""
    days_of = FEASTS.get(name)
    return Period(f"*-{days_of[0]}", f"*-{days_of[1]}") if days_of else None


def in_year(returning: Period, year: int) -> Period | None:
    """Months or days of any year in this one; a winter is of the year in which it begins."""
    first, last = returning.first or "", returning.last or ""
    if not first.startswith("*-"):
        return None
    return Period(f"{year:04d}{first[1:]}", f"{year + (first > last):04d}{last[1:]}")


def last_season(first_month: int, today: datetime.date) -> Period:
    """The newest season of that name that is over."""
    for year in range(today.year, today.year - 3, -1):
        found = season(year, first_month)
        if _end(found.last or "") < today:
            break
    return found


def week_of(day: datetime.date) -> Period:
    monday = day - _DAY * day.weekday()
    return days(monday, monday + 6 * _DAY)


def weekend_before(today: datetime.date) -> Period:
    """The newest Saturday and Sunday that are over."""
    sunday = today - _DAY * (today.isoweekday() % 7 or 7)
    return days(sunday - _DAY, sunday)


def months_back(today: datetime.date, count: int) -> tuple[int, int]:
    """Year and month that lie `count` months before today's."""
    months = today.year * 12 + today.month - 1 - count
    return months // 12, months % 12 + 1


def ago(today: datetime.date, count: int, unit: str) -> Period | None:
    """The day, week, month or year that lies so far back; None beyond the calendar."""
    count = min(count, 100_000)
    try:
        if unit == "day":
            return of_day(today - _DAY * count)
        if unit == "week":
            return week_of(today - _DAY * 7 * count)
        if unit == "month":
            return on(*months_back(today, count))
        return on(today.year - count)
    except (OverflowError, ValueError, QueryError):
        return None


def last_of(today: datetime.date, count: int, unit: str) -> Period | None:
    """From so far back until today; None beyond the calendar."""
    count = min(count, 100_000)
    try:
        if unit in ("day", "week"):
            back = count * (7 if unit == "week" else 1)
            return days(today - _DAY * (back - (unit == "day")), today)
        year, month = months_back(today, count * (12 if unit == "year" else 1))
        day = min(today.day, calendar.monthrange(year, month)[1])
        return days(datetime.date(year, month, day), today)
    except (OverflowError, ValueError):
        return None


def holiday(name: str, year: int) -> Period:
    """The days of a feast that is known by its English name."""
    if name == "easter":
        sunday = _easter(year)
        return days(sunday - 2 * _DAY, sunday + _DAY)
    if name == "thanksgiving":  # the fourth Thursday of November
        first = datetime.date(year, 11, 1)
        return of_day(first + _DAY * ((3 - first.weekday()) % 7 + 21))
    first_text, last_text = FEASTS[name]
    if name == "new year":
        return Period(f"{year - 1:04d}-{first_text}", f"{year:04d}-{last_text}")
    return Period(f"{year:04d}-{first_text}", f"{year:04d}-{last_text}")


#: Feasts on fixed days; the others are worked out.
FEASTS = {
    "christmas": ("12-24", "12-26"),
    "halloween": ("10-31", "10-31"),
    "valentine": ("02-14", "02-14"),
    "new year": ("12-31", "01-01"),
}
#: Parts of a day that are times; a night, or a dusk, is what a photo shows.
PARTS_OF_DAY = {
    "morning": Period("*T05", "*T11"),
    "noon": Period("*T11", "*T13"),
    "afternoon": Period("*T12", "*T17"),
    "evening": Period("*T18", "*T22"),
}
WEEKEND, WORKDAYS = Period("*W6", "*W7"), Period("*W1", "*W5")


def last_holiday(name: str, today: datetime.date) -> Period:
    """The newest one that has begun."""
    this = holiday(name, today.year)
    return this if _begin(this.first or "") <= today else holiday(name, today.year - 1)


def _easter(year: int) -> datetime.date:
    """Easter Sunday, by the Gregorian rule as Oudin wrote it down (1940)."""
    century, golden = year // 100, year % 19
    moon = (century - century // 4 - (century - (century - 17) // 25) // 3 + 19 * golden + 15) % 30
    moon -= moon // 28 * (1 - moon // 28 * (29 // (moon + 1)) * ((21 - golden) // 11))
    offset = moon - (year + year // 4 + moon + 2 - century + century // 4) % 7
    month = 3 + (offset + 40) // 44
    return datetime.date(year, month, offset + 28 - 31 * (month // 4))
