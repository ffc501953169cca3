"""A date or time that a claim states, and the calendar that tells whether a photo fits it."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable
from dataclasses import dataclass

from retrieval.errors import QueryError
from retrieval.records import Facts

#: Whether the facts of a photo fit; only asked where `taken_at` is known.
Fits = Callable[[Facts], bool]


@dataclass(frozen=True, slots=True)
class Stated:
    """A date or time at [start, end) of a claim. `first` and `last` bound it, where it is dated.

    `soft` where a word may mean something else than when the photo was taken ("at night"), so that
    a caption can support it as well. `vague` where it fits much else ("before 2030").
    """

    start: int
    end: int
    fits: Fits
    first: str | None = None
    last: str | None = None
    soft: bool = False
    vague: bool = False


def day_of(facts: Facts) -> datetime.date | None:
    """The day a photo was taken on; None where none is known, or it is not one."""
    try:
        return datetime.date.fromisoformat((facts.taken_at or "")[:10])
    except ValueError:
        return None


def century(year: str, today: datetime.date) -> int:
    return 2000 if int(year) <= today.year % 100 + 1 else 1900


def exists(year: int, month: int, day: int) -> bool:
    try:
        datetime.date(year, month, day)
    except ValueError:
        return False
    return True


def date_of(year: int, month: int, day: int, typed: str) -> datetime.date:
    try:
        return datetime.date(year, month, day)
    except ValueError as exc:
        raise QueryError(f"{typed} is no date of the calendar. Write another one.") from exc


def clock_parts(text: str) -> tuple[int, ...]:
    return tuple(int(float(part)) for part in text.split(":"))


def same_clock(taken: str, clock: tuple[int, ...]) -> bool:
    return len(taken) >= 16 and clock == clock_parts(taken[11:19])[: len(clock)]


def dated(match: re.Match[str], month: int | None, day: int | None, year: str | None) -> Stated:
    """A month, or a day of one; of any year where none is said, and of any month."""
    if year and month and day:
        date_of(int(year), month, day, match[0].strip())
    elif month and day and not exists(2024, month, day):
        date_of(2023, month, day, match[0].strip())

    def fits(facts: Facts) -> bool:
        taken = day_of(facts)
        return (
            taken is not None
            and (month is None or taken.month == month)
            and (day is None or taken.day == day)
            and (not year or taken.year == int(year))
        )

    if not year or not month:
        return Stated(*match.span(), fits)
    name = f"{year}-{month:02d}" + (f"-{day:02d}" if day else "")
    return Stated(*match.span(), fits, name, name)
