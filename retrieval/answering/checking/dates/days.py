"""Days, weeks and months: in digits, in words ("the fourth of May"), in other languages."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator

from retrieval.answering.checking.dates.stated import (
    Fits,
    Stated,
    blanked,
    both,
    clock,
    date_of,
    dated,
    days,
    exists,
    group,
    season,
    weekdays,
    writing,
)
from retrieval.answering.checking.numbers import ORDINAL, ordinal
from retrieval.answering.checking.tables import MONTHS as FOREIGN_MONTHS
from retrieval.answering.checking.tables import WEEKDAYS as FOREIGN_WEEKDAYS
from retrieval.queries import chinese
from retrieval.queries.calendar import SEASONS, Period
from retrieval.queries.dates import Dates
from retrieval.queries.lexing import words_of
from retrieval.queries.periods import CUES, MONTHS


def one_of(names: Iterable[str]) -> str:
    """An expression for one of these names, the longest first."""
    return "|".join(sorted(names, key=len, reverse=True))


MONTH = rf"(?:{one_of(MONTHS)})\b\.?"
YEAR = r"(?:,?\s+(?:of\s+)?(?P<y>(?:19|20)\d{2})\b)?"
_FOREIGN = rf"(?:{one_of(FOREIGN_MONTHS)})\b"
_LED = r"(?:\b(?:am|le|el|il|em|op|den|dem|vom|du|del|dal|no\s+dia|dia|o)\s+)?"


def month_of(match: re.Match[str]) -> int | None:
    """The number of the month that a match names."""
    return MONTHS.get(group(match, "m").rstrip("."))


# --- whole days, in digits ----------------------------------------------------------------------


@writing(
    r"(?<![A-Za-z0-9_./-])(?P<y>\d{4})(?P<s>[-./:])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})"
    r"(?:[T ]+(?P<t>\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(?:Z|[+-]\d{2}:?\d{2})?)?"
    r"(?![A-Za-z0-9_-]|[./]\d)",
    r"(?<![A-Za-z0-9_.,-])(?P<y>(?:19|20)\d{2})(?P<m>0[1-9]|1[0-2])(?P<d>0[1-9]|[12]\d|3[01])"
    r"(?P<t>)(?![A-Za-z0-9_-]|,\d)",
)
def iso(match: re.Match[str], today: datetime.date) -> Stated:
    """ "2023-02-15", "2023-02-15T14:05:30", "20230215"."""
    day = date_of(int(match["y"]), int(match["m"]), int(match["d"]), match[0])
    name = day.isoformat()
    on = days(day.year, day.month, (day.day, day.day))
    if not match["t"]:
        return Stated(*match.span(), on, name, name)
    hour, minute, *second = (int(float(part)) for part in match["t"].split(":"))
    return Stated(*match.span(), both(on, at(hour * 60 + minute, *second)), name, name)


def at(minute: int, second: int | None = None) -> Fits:
    """That minute of the day, and that second, where one is said."""
    on = clock([minute])
    return lambda moment: on(moment) and (second is None or moment.text[17:19] == f"{second:02d}")


@writing(
    r"(?<![A-Za-z0-9_./-])(?P<a>\d{1,2})\s?(?P<s>[./-])\s?(?P<b>\d{1,2})\s?(?P=s)\s?"
    r"(?P<y>\d{4}|\d{2})(?![A-Za-z0-9_/-]|\.\d)"
)
def day_first_or_month(match: re.Match[str], today: datetime.date) -> Stated:
    """ "15.02.2023", "2/15/23": either reading is meant, where the calendar has both."""
    year, a, b = int(match["y"]), int(match["a"]), int(match["b"])
    if len(match["y"]) == 2:
        year += 2000 if year <= today.year % 100 + 1 else 1900
    read = [datetime.date(year, m, d) for m, d in ((a, b), (b, a)) if exists(year, m, d)]
    read = read or [date_of(year, b, a, match[0])]
    return Stated(
        *match.span(), lambda m: m.day in read, min(read).isoformat(), max(read).isoformat()
    )


@writing(
    r"(?<![\w./-])(?!1/2000)(?:(?P<m>0?[1-9]|1[0-2])\s?[./-]\s?(?P<y>(?:19|20)\d{2})"
    r"|(?P<y2>(?:19|20)\d{2})[./](?P<m2>0?[1-9]|1[0-2]))(?![\w/-]|[./]\d)"
)
def month_in_digits(match: re.Match[str], today: datetime.date) -> Stated:
    """ "05/2023"."""
    return dated(match, int(group(match, "m")), None, group(match, "y"))


@writing(
    r"\b(?:on|am|le|el|il|op|dated?|taken|was|vom)\s+(?:the\s+)?(?<![\w./-])(?P<a>\d{1,2})"
    r"(?P<s>[./-])(?P<b>\d{1,2})(?![\w/-]|[./]\d)(?!\s*(?:s\b|sec|second|of\b))"
)
def day_of_any_year(match: re.Match[str], today: datetime.date) -> Stated:
    """ "on 12/5": of either reading."""
    a, b = int(match["a"]), int(match["b"])
    return Stated(*match.span(), lambda m: (m.day.month, m.day.day) in ((a, b), (b, a)))


# --- days and parts of months, in words ---------------------------------------------------------


@writing(
    rf"\b(?:on\s+)?(?:the\s+)?(?P<o>{ORDINAL})\s+(?:day\s+)?of\s+(?P<m>{MONTH}){YEAR}",
    rf"\b(?P<m>{MONTH})\s+(?:the\s+)?(?P<o>{ORDINAL})\b{YEAR}",
    rf"\b(?P<o>{ORDINAL})\s+(?P<m>{MONTH}){YEAR}",
    rf"\bon\s+the\s+(?P<o>{ORDINAL})(?=\s*(?:[.,;:!?)\]\[]|$|and\b|at\b|in\b))",
)
def nth(match: re.Match[str], today: datetime.date) -> Stated:
    """ "the fourth of May", "May the fourth, 2023", "on the 4th"."""
    return dated(match, month_of(match), ordinal(match["o"]), group(match, "y"))


_THIRDS = {"early": 0, "beginning": 0, "start": 0, "mid": 1, "middle": 1, "late": 2, "end": 2}


@writing(
    r"\b(?:in\s+)?(?:the\s+)?(?P<w>early|mid|late|beginning|start|middle|end)(?:\s+of)?[ -]+"
    rf"(?:the\s+)?(?:(?P<m>{MONTH}){YEAR}|(?P<s>{one_of(SEASONS)})(?:,?\s+(?:of\s+)?(?P<y2>\d{{4}})\b)?)"
)
def third(match: re.Match[str], today: datetime.date) -> Stated:
    """ "early May", "at the end of winter"."""
    part, year = _THIRDS[group(match, "w")], int(group(match, "y") or 0) or None
    if match["s"]:
        share = ((0.0, 1.6), (0.7, 2.3), (1.4, 3.0))[part]
        return Stated(*match.span(), season(SEASONS[group(match, "s")], year, share))
    within = ((1, 12), (9, 22), (19, 31))[part]
    return Stated(*match.span(), days(year, month_of(match), within))


@writing(
    r"\b(?:in\s+)?(?:the\s+)?(?P<n>first|second|third|fourth|last|1st|2nd|3rd|4th)\s+"
    rf"(?P<u>week|weekend|half)\s+(?:of|in)\s+(?P<m>{MONTH}){YEAR}"
)
def week_of_month(match: re.Match[str], today: datetime.date) -> Stated:
    """ "the third week of May", "the first half of May"."""
    last = group(match, "n") == "last"
    n = 4 if last else ordinal(match["n"])
    within = (22, 31) if last else (7 * n - 6, 7 * n + 1)
    if group(match, "u") == "half":
        within = (1, 16) if n == 1 else (15, 31)
    fits = days(int(group(match, "y") or 0) or None, month_of(match), within)
    if group(match, "u") == "weekend":
        fits = both(fits, weekdays((5, 6)))
    return Stated(*match.span(), fits)


# --- in other languages -------------------------------------------------------------------------


@writing(
    rf"{_LED}(?<![\w./-])(?P<d>\d{{1,2}})(?:\.|er|re|º|°|ª)?\s*(?:de\s+|di\s+)?(?P<m>{_FOREIGN})"
    r"(?:,?\s*(?:de\s+|del\s+|di\s+|do\s+)?(?P<y>(?:19|20)\d{2})\b)?",
    rf"\b(?:im|en|em|au|nel|in|a)\s+(?:mes\s+de\s+|mois\s+de\s+)?(?P<m>{_FOREIGN})"
    r"(?:\s+(?:de\s+|del\s+|di\s+)?(?P<y>(?:19|20)\d{2})\b)?"
    rf"|\b(?P<m2>{_FOREIGN})\s+(?:de\s+|del\s+|di\s+)?(?P<y2>(?:19|20)\d{{2}})\b",
)
def foreign(match: re.Match[str], today: datetime.date) -> Stated:
    """ "3. Mai 2024", "le 3 mai", "em maio de 2024"."""
    day = int(group(match, "d") or 0) or None
    return dated(match, FOREIGN_MONTHS[group(match, "m")], day, group(match, "y"))


@writing(rf"{_LED}\b(?P<w>{one_of(FOREIGN_WEEKDAYS)})\b")
def foreign_weekday(match: re.Match[str], today: datetime.date) -> Stated:
    """ "am Montag"."""
    return Stated(*match.span(), weekdays([FOREIGN_WEEKDAYS[match["w"].casefold()]]))


_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@writing(
    rf"\b(?P<en>{'|'.join(_WEEKDAYS)})s?\b|\b(?P<short>Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\b\.?"
    r"(?=\W|$)|\b(?P<end>weekend|weekday)s?\b|(?:星期|礼拜|周)(?P<zh>[一二三四五六日天])|(?P<zend>周末)"
)
def weekday(match: re.Match[str], today: datetime.date) -> Stated | None:
    """ "Monday", "Mon", "at the weekend", "星期一"."""
    short = match["short"] or ""
    ends = re.match(r"\s*[,.)（）(]|$", match.string[match.end() :])
    if short and (not short[0].isupper() or (short in ("Sun", "Sat") and not ends)):
        return None  # "sat" and "sun" are words
    if match["zend"] or match["end"]:
        off = match["zend"] or group(match, "end") == "weekend"
        return Stated(*match.span(), weekdays((5, 6) if off else range(5)))
    if match["zh"]:
        return Stated(*match.span(), weekdays(["一二三四五六日天".index(match["zh"]) % 7]))
    name = (match["en"] or short).casefold()[:3]
    named = (n for n, full in enumerate(_WEEKDAYS) if full.startswith(name))
    return Stated(*match.span(), weekdays(named))


# --- as the search box reads them ---------------------------------------------------------------


def boxed(text: str, today: datetime.date) -> Iterator[Stated]:
    """Dates and ranges of dates as they may be typed in a search, Chinese ones first."""
    found, start = [], 0
    while start < len(text):
        read = chinese.read(text, start, today)
        if read is not None:
            found.append(_within(read[1], start, read[0]))
        start = read[0] if read else start + 1
    yield from found
    text = blanked(text, found)
    tokens = words_of(text)
    dates = Dates(text, tokens, today)
    i = 0
    while i < len(tokens):
        date = dates.read(i)
        cued = i > 0 and tokens[i - 1].folded in CUES | {"since", "between", "and", "was"}
        cued = cued or (date is not None and date.strength == "year" and dates.plausible(i))
        if date is None or (date.strength != "sure" and not cued):
            i += 1
            continue
        yield _within(date.period, tokens[i].start, tokens[date.next - 1].end)
        i = date.next


def _within(period: Period, start: int, end: int) -> Stated:
    first, last = period.first or "", period.last or "9999"
    if period.any_year:
        return Stated(start, end, lambda m: first[2:] <= m.text[5 : 3 + len(first)] <= last[2:])
    wide = not (period.first and period.last) or int(last[:4]) - int(first[:4]) > 1
    if not wide and first[:4] < last[:4]:
        wide = not first[5:7] > last[5:7] > ""
    return Stated(
        start,
        end,
        lambda m: first <= m.text[: len(first)] and m.text[: len(last)] <= last,
        period.first,
        period.last,
        vague=wide,
    )
