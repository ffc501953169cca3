"""What stands before or after a date: "the day after 2024-05-03", "before May 2024"."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from retrieval.answering.checking.dates.stated import Fits, Moment, Reader, Stated, group
from retrieval.answering.checking.numbers import SMALL, small
from retrieval.queries.calendar import after, only

_RELATION = re.compile(
    rf"\b(?:(?:on\s+)?(?P<n>the|an?|{'|'.join(SMALL)}|\d+)\s+(?:\w+\s+)?"
    r"(?P<u>day|night|morning|evening|week|month|year|decade)s?\s+)?"
    r"(?P<r>before|after|following|preceding|since|until|till|by|up\s+to|through|throughout|prior\s+to|earlier\s+than"
    r"|later\s+than)\s+(?:the\s+)?(?=\S)",
    re.IGNORECASE,
)
#: How many days a unit has, and by how many it may be rounded.
_DAYS = {"week": (7.0, 2), "month": (30.44, 4), "year": (365.25, 20), "decade": (3652.5, 200)}
_UNTIL = ("until", "till", "by", "up", "through", "throughout")
_BACK = ("before", "preceding", "prior", "earlier", "until", "till", "by")


def relations(text: str, today: datetime.date, reads: Reader) -> Iterator[Stated]:
    """Relations to a date that `reads` finds behind one."""
    at = 0
    while match := _RELATION.search(text, at):
        at, word = match.end(), group(match, "r").split()[0]
        behind = reads(" " * at + text[at : at + 60], today)
        date = next((each for each in behind if each.start <= at + 1 and each.end > at), None)
        if date is None or not (date.first and date.last):
            continue
        if word in ("until", "till") and re.search(r"\bfrom\b", text[: match.start()]):
            continue  # "from 2019 until 2021"
        at = date.end
        if match["u"]:
            fits = _shifted(date.first, date.last, match, -1 if word in _BACK else 1)
            yield Stated(match.start(), at, fits)
        else:
            yield Stated(match.start(), at, _bound(date.first, date.last, word), vague=True)


def _shifted(first: str, last: str, match: re.Match[str], way: int) -> Fits:
    unit, slack = _DAYS.get(group(match, "u"), (1.0, 0))
    shift = datetime.timedelta(days=round(unit * min(small(match["n"]), 999)) * way)
    slip = datetime.timedelta(days=slack)

    def fits(moment: Moment) -> bool:
        try:
            end = _begin(after(only(last)).first or "") - datetime.timedelta(days=1)
            return _begin(first) + shift - slip <= moment.day <= end + shift + slip
        except (OverflowError, ValueError):
            return False

    return fits


def _begin(text: str) -> datetime.date:
    """The first day of a year, a month or a day."""
    return datetime.date.fromisoformat(f"{text}-01-01"[:10])


def _bound(first: str, last: str, word: str) -> Fits:
    if word in _UNTIL:
        return lambda moment: moment.text[: len(last)] <= last
    if word == "since":
        return lambda moment: moment.text[: len(first)] >= first
    if word in _BACK:
        return lambda moment: moment.text[: len(first)] < first
    return lambda moment: moment.text[: len(last)] > last
