"""A date or time that a claim states, as a test of the clock of a photo."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from retrieval.errors import QueryError
from retrieval.records import Facts


@dataclass(frozen=True, slots=True)
class Moment:
    """When a photo was taken, by its own clock: `text` is "2023-02-15T14:05:00" or less of it.

    `minute` counts from midnight, None where no time is known. `south`: of the equator.
    """

    text: str
    day: datetime.date
    minute: int | None
    south: bool


#: Whether a moment is one of those that are meant.
Fits = Callable[[Moment], bool]


@dataclass(frozen=True, slots=True)
class Stated:
    """A date or time at [start, end) of a claim. `first` and `last` bound it, where it is dated.

    `soft` where a word may mean something else than when the photo was taken ("at night"), so that
    a caption can support it as well. `vague` where it fits much else ("before 2030").
    """

    start: int
    end: int
    test: Fits
    first: str | None = None
    last: str | None = None
    soft: bool = False
    vague: bool = False

    def fits(self, facts: Facts) -> bool:
        """Whether a photo was taken then; not where its day is unknown."""
        moment = moment_of(facts)
        return moment is not None and self.test(moment)


def moment_of(facts: Facts) -> Moment | None:
    """When a photo was taken; None where no day is known, or it is not one."""
    text = facts.taken_at or ""
    try:
        day = datetime.date.fromisoformat(text[:10])
    except ValueError:
        return None
    minute = int(text[11:13]) * 60 + int(text[14:16]) if len(text) >= 16 else None
    return Moment(text, day, minute, (facts.latitude or 0) < 0)


# --- readers ----------------------------------------------------------------------------------

#: Finds what a text states in one way of writing. Raises QueryError for a date that is none.
Reader = Callable[[str, datetime.date], Iterable[Stated]]
#: Makes one of a match, or None where it is no date after all.
Makes = Callable[[re.Match[str], datetime.date], Stated | None]


def writing(*patterns: str) -> Callable[[Makes], Reader]:
    """A reader by expressions, without case: what one has matched, the next ones do not see."""
    compiled = tuple(re.compile(pattern, re.IGNORECASE) for pattern in patterns)

    def reader_of(makes: Makes) -> Reader:
        def read(text: str, today: datetime.date) -> Iterator[Stated]:
            for pattern in compiled:
                found = [made for m in pattern.finditer(text) if (made := makes(m, today))]
                yield from found
                text = blanked(text, found)

        return read

    return reader_of


def blanked(text: str, found: Iterable[Stated]) -> str:
    """The text with blanks for what was found, of the same length."""
    for each in found:
        text = text[: each.start] + " " * (each.end - each.start) + text[each.end :]
    return text


def group(match: re.Match[str], name: str) -> str:
    """What the group of that name, or one of its others ("y", "y2", …), matched, folded; or ""."""
    found = (value for key, value in match.groupdict().items() if key.rstrip("0123456789") == name)
    return re.sub(r"[\s-]+", " ", next(filter(None, found), "")).casefold()


# --- tests of moments -------------------------------------------------------------------------


def dated(match: re.Match[str], month: int | None, day: int | None, year: str | None) -> Stated:
    """A month, or a day of one; of any year where none is said, and of any month."""
    if month and day:
        date_of(int(year or 2024), month, day, match[0].strip())
    test = days(int(year) if year else None, month, (day, day) if day else (1, 31))
    if not year or not month:
        return Stated(*match.span(), test)
    name = f"{year}-{month:02d}" + (f"-{day:02d}" if day else "")
    return Stated(*match.span(), test, name, name)


def date_of(year: int, month: int, day: int, typed: str) -> datetime.date:
    """The day. Raises QueryError where the calendar has none."""
    try:
        return datetime.date(year, month, day)
    except ValueError as exc:
        raise QueryError(f"{typed} is no date of the calendar. Write another one.") from exc


def exists(year: int, month: int, day: int) -> bool:
    """Whether the calendar has such a day."""
    try:
        datetime.date(year, month, day)
    except ValueError:
        return False
    return True


def days(year: int | None, month: int | None, within: tuple[int, int] = (1, 31)) -> Fits:
    """Days of a month from one to another; of any year or month where that is None."""
    first, last = within
    return lambda moment: (
        (year is None or moment.day.year == year)
        and (month is None or moment.day.month == month)
        and first <= moment.day.day <= last
    )


def weekdays(numbers: Iterable[int]) -> Fits:
    """Days of the week, counted from Monday as 0."""
    wanted = frozenset(numbers)
    return lambda moment: moment.day.weekday() in wanted


def years(first: int, last: int) -> Fits:
    """Years from one to another."""
    return lambda moment: first <= moment.day.year <= last


def yearly(begin: tuple[int, int], end: tuple[int, int]) -> Fits:
    """(month, day) to (month, day) of any year, also over its end."""

    def fits(moment: Moment) -> bool:
        here = (moment.day.month, moment.day.day)
        return begin <= here <= end if begin <= end else here >= begin or here <= end

    return fits


def season(first: int, year: int | None, part: tuple[float, float] = (0.0, 3.0)) -> Fits:
    """So many months behind the first of a season, north or south; a winter has two years."""

    def fits(moment: Moment) -> bool:
        day = moment.day
        near = (day.year, day.year + (1 if day.month == 12 else -1))
        return any(
            part[0] <= (day.month - start) % 12 + (day.day - 1) / 31 < part[1]
            and (year is None or year in near[: 1 + (start == 12)])
            for start in (first, *([(first + 5) % 12 + 1] if moment.south else ()))
        )

    return fits


def hours(first: int, last: int) -> Fits:
    """Hours of the day, which may go beyond its end: (18, 30) is a night."""
    return lambda moment: (
        moment.minute is not None
        and any(first <= hour < last for hour in (moment.minute // 60, moment.minute // 60 + 24))
    )


def clock(minutes: Iterable[int], early: int = 0, late: int = 0) -> Fits:
    """One of these minutes of the day, less or more so many."""
    wanted = tuple(minutes)
    return lambda moment: (
        moment.minute is not None
        and any((moment.minute - said + early) % 1440 <= early + late for said in wanted)
    )


def both(one: Fits, other: Fits) -> Fits:
    """What fits both."""
    return lambda moment: one(moment) and other(moment)
