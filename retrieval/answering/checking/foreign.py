"""Dates in German, French, Spanish, Italian, Portuguese and Dutch: "3. Mai 2024", "le 3 mai"."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from retrieval.answering.checking.languages import MONTHS, WEEKDAYS
from retrieval.answering.checking.stated import Stated, dated, day_of
from retrieval.records import Facts

_LED = r"(?:\b(?:am|le|el|il|em|op|den|dem|vom|du|del|dal|no\s+dia|dia|o)\s+)?"
_NAMED = "|".join(sorted(MONTHS, key=len, reverse=True))
_DAYS = "|".join(sorted(WEEKDAYS, key=len, reverse=True))
_DATE = re.compile(
    rf"{_LED}(?<![\w./-])(?P<d>\d{{1,2}})(?:\.|er|re|º|°|ª)?\s*(?:de\s+|di\s+)?(?P<m>{_NAMED})\b"
    r"(?:,?\s*(?:de\s+|del\s+|di\s+|do\s+)?(?P<y>(?:19|20)\d{2})\b)?",
    re.IGNORECASE,
)
_MONTH = re.compile(
    rf"(?:\b(?:im|en|em|au|nel|in|a)\s+(?:mes\s+de\s+|mois\s+de\s+)?(?P<m>{_NAMED})\b"
    r"(?:\s+(?:de\s+|del\s+|di\s+)?(?P<y>(?:19|20)\d{2})\b)?"
    rf"|\b(?P<m2>{_NAMED})\s+(?:de\s+|del\s+|di\s+)?(?P<y2>(?:19|20)\d{{2}})\b)",
    re.IGNORECASE,
)
_DAY = re.compile(rf"{_LED}\b(?P<w>{_DAYS})\b", re.IGNORECASE)


def foreign(text: str, today: datetime.date) -> Iterator[Stated]:
    """Days, months and days of the week."""
    taken: list[tuple[int, int]] = []
    for match in _DATE.finditer(text):
        taken.append(match.span())
        month, day = MONTHS[match["m"].casefold()], int(match["d"])
        yield dated(match, month, day, match["y"])
    for match in _MONTH.finditer(text):
        at = match.start("m" if match["m"] else "m2")
        if any(start <= at < end for start, end in taken):
            continue
        month = MONTHS[(match["m"] or match["m2"]).casefold()]
        yield dated(match, month, None, match["y"] or match["y2"])
    for match in _DAY.finditer(text):
        wanted = WEEKDAYS[match["w"].casefold()]

        def fits(facts: Facts, wanted: int = wanted) -> bool:
            day = day_of(facts)
            return day is not None and day.weekday() == wanted

        yield Stated(*match.span(), fits)
