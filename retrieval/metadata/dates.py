"""Dates as cameras and programs write them, as the texts that `Facts.taken_at` holds."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple

FIRST_YEAR, LAST_YEAR = 1826, 2099  # the oldest photograph; what lies beyond is a clock gone wrong
#: What a clock shows that was never set: the first moment of Unix, and that of QuickTime.
_NEVER_SET = ("1970-01-01T00:00:00", "1904-01-01T00:00:00")
MOST_OFFSET = 14 * 60  # minutes; Kiribati

_DATE = r"(\d{4})[:\-/. ](\d\d?)[:\-/. ](\d\d?)"
_TIME = r"(?:[ T]+(\d\d?):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?)?"
_WRITTEN = re.compile(rf"\s*{_DATE}{_TIME}\s*(Z|[+-]\d\d:?\d\d)?\s*", re.ASCII)
_OFFSET = re.compile(r"\s*(?:Z|([+-])(\d\d):?(\d\d))\s*", re.ASCII)
MOST_DIGITS = 6  # of a fraction


class Moment(NamedTuple):
    """When: "2021-04-03T17:20:05", a fraction where known, or the day alone; offset in minutes."""

    text: str
    offset: int | None = None


def moment(text: str, offset: int | None = None, fraction: str = "") -> Moment | None:
    """Read a date; None for one that is incomplete or impossible.

    A time without seconds counts as the whole minute; `fraction` are digits behind the seconds, for
    a text without its own.
    """
    found = _WRITTEN.fullmatch(text.replace("\0", " "))
    if found is None:
        return None
    year, month, day, hour, minute, second, own_fraction, zone = found.groups()
    try:
        day_parts = int(year), int(month), int(day)
        when = datetime(*day_parts, int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        return None
    written = when.isoformat()
    if not FIRST_YEAR <= when.year <= LAST_YEAR or written in _NEVER_SET:
        return None
    if hour is None:
        return Moment(written[:10])
    digits = (own_fraction or fraction).strip()[:MOST_DIGITS]
    if second and digits.isascii() and digits.isdigit():
        written += f".{digits}"
    return Moment(written, offset if zone is None else offset_minutes(zone))


def offset_minutes(text: str) -> int | None:
    """Minutes ahead of universal time: 540 for "+09:00"; None where that cannot be."""
    found = _OFFSET.fullmatch(text.replace("\0", " "))
    if found is None:
        return None
    sign, hours, minutes = found.groups()
    if sign is None:
        return 0
    offset = 60 * int(hours) + int(minutes)
    if offset > MOST_OFFSET or int(minutes) > 59:
        return None
    return -offset if sign == "-" else offset
