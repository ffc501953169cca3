"""When a photo was taken, as far as the name of its file says so.

Cameras and programs that name files by time: IMG_20210304_171500, PXL_20210304_171500123,
2021-03-04 17.15.00, Screenshot 2021-03-04 at 5.15.00 PM, IMG-20210304-WA0001 (a day only).
"""

from __future__ import annotations

import os
import re

from retrieval.metadata.dates import Moment, moment

_DATE = (
    r"(?P<year>(?:18|19|20)\d\d)(?P<between>[-_. ]?)(?P<month>[01]\d)(?P=between)(?P<day>[0-3]\d)"
)
_TIME = (
    r"[-_. T]{0,3}(?:at )?(?P<hour>[0-2]\d|\d(?=[-_.:]))(?P<colon>[-_.:]?)(?P<minute>[0-5]\d)"
    r"(?P=colon)(?P<second>[0-5]\d)(?P<rest>\d{3})?(?!\d)(?: ?(?P<half>[AaPp])\.?[Mm])?"
)
_STAMP = re.compile(rf"(?<!\d){_DATE}(?:{_TIME}|(?!\d))", re.ASCII)
#: Without marks between year, month and day, older than any camera: it is some other number.
_FIRST_YEAR_UNMARKED = 1990


def date_in_name(path: str) -> Moment | None:
    """The moment, or only the day, that the name of a file states; None where it states none.

    Google's camera writes universal time into its names, and only there; the offset then says so.
    """
    stem = os.path.splitext(os.path.basename(path))[0]
    for found in _STAMP.finditer(stem):
        parts = found.groupdict()
        if not parts["between"] and int(parts["year"]) < _FIRST_YEAR_UNMARKED:
            continue
        day = f"{parts['year']}-{parts['month']}-{parts['day']}"
        offset = 0 if stem.startswith("PXL_") and parts["hour"] else None
        result = moment(day + _clock(parts), offset)
        if result is None and parts["hour"] and not _follows(found, stem):
            result = moment(day)
        if result is not None:
            return result
    return None


def _follows(found: re.Match[str], stem: str) -> bool:
    """Whether what was taken for a time stands right behind the day: then it is one number."""
    return stem[found.end("day") : found.start("hour")] == ""


def _clock(parts: dict[str, str | None]) -> str:
    hour = parts["hour"]
    if not hour:
        return ""
    number = int(hour)
    if half := parts["half"]:
        if not 1 <= number <= 12:
            return "T99"  # there is no such hour
        number = number % 12 + (12 if half in "Pp" else 0)
    fraction = f".{parts['rest']}" if parts["rest"] else ""
    return f"T{number:02d}:{parts['minute']}:{parts['second']}{fraction}"
