"""Parts of dates in digits ("05/2023", "on 12/5"), and what stands before or after a date."""

from __future__ import annotations

import datetime
import re
from collections.abc import Callable, Iterator

from retrieval.answering.checking.stated import Fits, Stated, day_of, exists
from retrieval.records import Facts

_MONTH = re.compile(
    r"(?<![\w./-])(?!1/2000)(?:(?P<m>0?[1-9]|1[0-2])\s?[./-]\s?(?P<y>(?:19|20)\d{2})"
    r"|(?P<y2>(?:19|20)\d{2})[./](?P<m2>0?[1-9]|1[0-2]))(?![\w/-]|[./]\d)"
)
_DAY = re.compile(
    r"\b(?:on|am|le|el|il|op|dated?|taken|was|vom)\s+(?:the\s+)?(?<![\w./-])(?P<a>\d{1,2})"
    r"(?P<s>[./-])(?P<b>\d{1,2})(?![\w/-]|[./]\d)(?!\s*(?:s\b|sec|second|of\b))",
    re.IGNORECASE,
)
_RELATION = re.compile(
    r"\b(?:(?:on\s+)?(?P<n>the|an?|one|two|three|four|five|six|seven|eight|nine|ten|\d+)\s+(?:\w+\s+)?"
    r"(?P<u>day|night|morning|evening|week|month|year|decade)s?\s+)?"
    r"(?P<r>before|after|following|preceding|since|until|till|by|up\s+to|through|throughout|prior\s+to|earlier\s+than"
    r"|later\s+than)\s+(?:the\s+)?(?=\S)",
    re.IGNORECASE,
)
_NUMBERS = {"the": 1, "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_NUMBERS |= {"six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
#: How many days a unit has, and by how many it may be rounded.
_DAYS = {"week": (7.0, 2), "month": (30.44, 4), "year": (365.25, 20), "decade": (3652.5, 200)}
_BACK = ("before", "preceding", "prior", "earlier", "until", "till", "by")

Reads = Callable[[str, datetime.date], list[Stated]]


def parts_of_dates(text: str, today: datetime.date) -> Iterator[Stated]:
    """Months of a year, and days of a month behind a word that dates follow."""
    for match in _MONTH.finditer(text):
        name = f"{match['y'] or match['y2']}-{int(match['m'] or match['m2']):02d}"

        def in_month(facts: Facts, name: str = name) -> bool:
            return (facts.taken_at or "")[:7] == name

        yield Stated(*match.span(), in_month, name, name)
    for match in _DAY.finditer(text):
        a, b = int(match["a"]), int(match["b"])
        pairs = {(m, d) for m, d in ((a, b), (b, a)) if exists(2024, m, d)}

        def on_day(facts: Facts, pairs: set[tuple[int, int]] = pairs) -> bool:
            day = day_of(facts)
            return day is not None and (day.month, day.day) in pairs

        yield Stated(*match.span(), on_day)


def relations(text: str, today: datetime.date, reads: Reads) -> Iterator[Stated]:
    """ "the day after 2024-05-03", "before May 2024": what stands before or after a date."""
    at = 0
    while match := _RELATION.search(text, at):
        at = match.end()
        behind = " " * at + text[at : at + 60]
        dated = [each for each in reads(behind, today) if each.start <= at + 1 and each.end > at]
        if not dated or not (dated[0].first and dated[0].last):
            continue
        if re.search(r"\bfrom\b", text[: match.start()]) and match["r"].casefold() in (
            "until",
            "till",
        ):
            continue  # "from 2019 until 2021"
        first, last, at = dated[0].first, dated[0].last, dated[0].end
        back = match["r"].casefold().split()[0] in _BACK
        if match["u"]:
            yield Stated(match.start(), at, _shifted(first, last, match, back))
        else:
            yield Stated(match.start(), at, _bound(first, last, match["r"].casefold()), vague=True)


def _shifted(first: str, last: str, match: re.Match[str], back: bool) -> Fits:
    number = match["n"].casefold()
    count = int(number) if number.isdigit() else _NUMBERS[number]
    unit, slack = _DAYS.get(match["u"].casefold(), (1.0, 0))
    shift = datetime.timedelta(days=round(unit * min(count, 999)) * (-1 if back else 1))
    slip = datetime.timedelta(days=slack)

    def fits(facts: Facts) -> bool:
        day = day_of(facts)
        if day is None:
            return False
        try:
            low, high = _whole(first, "01-01") + shift - slip, _whole(last, "12-31") + shift + slip
        except (OverflowError, ValueError):
            return False
        return low <= day <= high

    return fits


def _whole(date: str, rest: str) -> datetime.date:
    if len(date) == 7 and rest == "12-31":  # the last day of a month
        year, month = int(date[:4]), int(date[5:])
        return datetime.date(year + month // 12, month % 12 + 1, 1) - datetime.timedelta(days=1)
    return datetime.date.fromisoformat(
        f"{date}-{rest}"[:10] if len(date) == 4 else f"{date}-01"[:10]
    )


def _bound(first: str, last: str, word: str) -> Fits:
    def fits(facts: Facts) -> bool:
        taken = facts.taken_at or ""
        if word.split()[0] in ("until", "till", "by", "up", "through", "throughout"):
            return bool(taken) and taken[: len(last)] <= last
        if word == "since":
            return bool(taken) and taken[: len(first)] >= first
        if word.split()[0] in _BACK:
            return bool(taken) and taken[: len(first)] < first
        return taken[: len(last)] > last

    return fits
