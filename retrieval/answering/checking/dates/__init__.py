"""Dates and times that a claim states, in every usual way of writing them, and whether they fit.

Each is read into a test of the clock of a photo ("2023-02-15T14:05:00"). Where a writing has two
readings ("03/04/2021", a summer of the south) it fits if either does. To add a way of writing, add
a reader to `days` or `hours` and name it in `_READERS`.
"""

from __future__ import annotations

import datetime

from retrieval.answering.checking.dates import days, hours
from retrieval.answering.checking.dates.relations import relations
from retrieval.answering.checking.dates.stated import Reader, Stated, blanked, moment_of

__all__ = ["Stated", "moment_of", "times_in"]

#: In their order: what one has read, the next ones do not see.
_READERS: tuple[Reader, ...] = (
    *(days.iso, days.day_first_or_month, days.month_in_digits, days.day_of_any_year),
    *(days.nth, days.third, days.week_of_month, days.foreign, days.foreign_weekday),
    *(hours.season_of_year, hours.time, days.boxed, days.weekday),
    *(hours.decade, hours.century, hours.long_ago, hours.time_in_words),
    *(hours.season_of_any_year, hours.feast, hours.part_of_day),
)


def times_in(text: str, today: datetime.date) -> list[Stated]:
    """What a text states about when, in its order.

    Raises QueryError for a date that no calendar has.
    """
    found = list(relations(text, today, _read))
    found += _read(blanked(text, found), today)
    return sorted(found, key=lambda stated: stated.start)


def _read(text: str, today: datetime.date) -> list[Stated]:
    found: list[Stated] = []
    for reader in _READERS:
        stated = list(reader(text, today))
        found += stated
        text = blanked(text, stated)
    return sorted(found, key=lambda stated: stated.start)
