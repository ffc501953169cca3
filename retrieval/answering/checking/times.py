"""Dates and times that a claim states, in every usual way of writing them, and whether they fit.

Each is read into a test of the clock of a photo ("2023-02-15T14:05:00"). Where a writing has two
readings ("03/04/2021", a summer of the south) it fits if either does.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from retrieval.answering.checking.foreign import foreign
from retrieval.answering.checking.numeric import parts_of_dates, relations
from retrieval.answering.checking.spoken import loose, spoken
from retrieval.answering.checking.stated import (
    Stated,
    century,
    clock_parts,
    date_of,
    day_of,
    exists,
    same_clock,
)
from retrieval.queries import chinese
from retrieval.queries.calendar import Period
from retrieval.queries.dates import Dates
from retrieval.queries.lexing import words_of
from retrieval.queries.periods import CUES
from retrieval.records import Facts

_DAY = re.compile(
    r"(?<![A-Za-z0-9_./-])(?P<a>\d{1,2})\s?(?P<s>[./-])\s?(?P<b>\d{1,2})\s?(?P=s)\s?"
    r"(?P<y>\d{4}|\d{2})(?![A-Za-z0-9_/-]|\.\d)"
)
_ISO = re.compile(
    r"(?<![A-Za-z0-9_./-])(?P<y>\d{4})(?P<s>[-./:])(?P<m>\d{1,2})(?P=s)(?P<d>\d{1,2})"
    r"(?:[T ]+(?P<t>\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(?:Z|[+-]\d{2}:?\d{2})?)?"
    r"(?![A-Za-z0-9_-]|[./]\d)"
)
_COMPACT = re.compile(
    r"(?<![A-Za-z0-9_.,-])((?:19|20)\d{2})(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?![A-Za-z0-9_-]|,\d)"
)
_TIME = re.compile(
    r"(?<![A-Za-z0-9_:./])(?P<h>\d{1,2})(?:[:：h](?P<m>\d{2})(?:[:：](?P<s>\d{2}))?)\s*"
    r"(?P<p>[ap]\.?\s?m\b\.?)?(?![A-Za-z0-9_:])|(?<![A-Za-z0-9_:./])(?P<h2>\d{1,2})\s*(?P<p2>[ap]\.?m\b\.?|o['’]clock)"
    r"|(?P<zp>凌晨|早上|清晨|上午|中午|下午|傍晚|晚上|夜里)?(?P<h3>\d{1,2})[点时]"
    r"(?:(?P<m3>\d{1,2})分?|(?P<half>半))?",
    re.IGNORECASE,
)
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_WEEKDAY = re.compile(
    rf"\b(?P<en>{'|'.join(_WEEKDAYS)})s?\b|\b(?P<short>Mon|Tues?|Wed|Thu(?:rs?)?|Fri|Sat|Sun)\b\.?"
    r"(?=\W|$)|\b(?P<end>weekend|weekday)s?\b|(?:星期|礼拜|周)(?P<zh>[一二三四五六日天])|(?P<zend>周末)",
    re.IGNORECASE,
)
_SEASON = re.compile(
    r"\b(?P<name>spring|summer|autumn|fall|winter)(?:\s+of|,)?\s+(?P<year>\d{4})\b"
    r"|\b(?P<year2>\d{4})\s+(?P<name2>spring|summer|autumn|fall|winter)\b"
    r"|(?P<year3>\d{4})年的?(?P<name3>[春夏秋冬])[天季]?",
    re.IGNORECASE,
)
_SEASONS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_SEASONS |= {"春": 3, "夏": 6, "秋": 9, "冬": 12}
_PART = re.compile(
    r"\b(?P<en>(?:early |late |mid-?)?(?:morning|afternoon|evening|night|midnight|noon|midday))\b"
    r"|(?P<zh>凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|夜里|夜晚|半夜)",
    re.IGNORECASE,
)
_HOURS = {
    "morning": (4, 12), "afternoon": (12, 19), "evening": (16, 24), "night": (18, 30),
    "midnight": (23, 25), "noon": (11, 14), "midday": (11, 14), "凌晨": (0, 7), "清晨": (4, 9),
    "早上": (4, 12), "早晨": (4, 12), "上午": (4, 13), "中午": (11, 14), "下午": (12, 19),
    "傍晚": (16, 21), "晚上": (17, 25), "夜里": (18, 30), "夜晚": (18, 30), "半夜": (22, 28),
}  # fmt: skip


def times_in(text: str, today: datetime.date) -> tuple[list[Stated], str]:
    """What a claim states about when, and the text with blanks in its place (of the same length).

    Raises QueryError for a date that no calendar has.
    """
    found = list(relations(text, today, lambda part, day: _read(part, day)[0]))
    others, text = _read(_blanked(text, found), today)
    return sorted((*found, *others), key=lambda stated: stated.start), text


def _read(text: str, today: datetime.date) -> tuple[list[Stated], str]:
    found: list[Stated] = []
    for reader in _READERS:
        stated = list(reader(text, today))
        found += stated
        text = _blanked(text, stated)
    return sorted(found, key=lambda stated: stated.start), text


def _blanked(text: str, found: list[Stated]) -> str:
    for each in found:
        text = text[: each.start] + " " * (each.end - each.start) + text[each.end :]
    return text


# --- readers --------------------------------------------------------------------------------


def _whole_days(text: str, today: datetime.date) -> Iterator[Stated]:
    for match in _ISO.finditer(text):
        day = date_of(int(match["y"]), int(match["m"]), int(match["d"]), match[0])
        clock = clock_parts(match["t"]) if match["t"] else None
        yield _on((day,), match.start(), match.end(), clock)
    for match in _COMPACT.finditer(text):
        day = date_of(int(match[1]), int(match[2]), int(match[3]), match[0])
        yield _on((day,), *match.span())
    for match in _DAY.finditer(text):
        year = int(match["y"]) + (0 if len(match["y"]) == 4 else century(match["y"], today))
        a, b = int(match["a"]), int(match["b"])
        readings = {(a, b), (b, a)}
        days = tuple(date_of(year, m, d, "") for m, d in sorted(readings) if exists(year, m, d))
        if not days:
            date_of(year, b, a, match[0])
        yield _on(days, *match.span())


def _on(
    days: tuple[datetime.date, ...], start: int, end: int, clock: tuple[int, ...] | None = None
) -> Stated:
    names = [day.isoformat() for day in days]

    def fits(facts: Facts) -> bool:
        taken = facts.taken_at or ""
        return taken[:10] in names and (clock is None or same_clock(taken, clock))

    return Stated(start, end, fits, min(names), max(names))


def _seasons(text: str, today: datetime.date) -> Iterator[Stated]:
    for match in _SEASON.finditer(text):
        year = int(match["year"] or match["year2"] or match["year3"])
        name = (match["name"] or match["name2"] or match["name3"]).casefold()

        def fits(facts: Facts, year: int = year, first: int = _SEASONS[name]) -> bool:
            taken = facts.taken_at or ""
            starts = [first] if (facts.latitude or 0) >= 0 else [first, (first + 5) % 12 + 1]
            return any(_in_season(taken, year, start) for start in starts)

        yield Stated(*match.span(), fits, f"{year - 1:04d}-12", f"{year + 1:04d}-03")


def _in_season(taken: str, year: int, first: int) -> bool:
    """Whether a day lies in those three months; a winter has either of its years."""
    if len(taken) < 7:
        return False
    of, month = int(taken[:4]), int(taken[5:7])
    if (month - first) % 12 > 2:
        return False
    return year in ((of, of - 1, of + 1)[: 1 if first != 12 else 3]) and not (
        first == 12 and ((month == 12 and year == of - 1) or (month != 12 and year == of + 1))
    )


def _clocks(text: str, today: datetime.date) -> Iterator[Stated]:
    for match in _TIME.finditer(text):
        hour = int(match["h"] or match["h2"] or match["h3"])
        minute = match["m"] or match["m3"] or ("30" if match["half"] else None)
        half = (match["p"] or match["p2"] or "").casefold()
        if not half and _LATER_HALF.match(text, match.end()):
            half = "p"
        if hour > 24 or (minute and int(minute) > 59):
            continue
        hours = _hours_meant(hour, half, match["zp"] or "")
        about = re.search(
            r"(?:about|around|approximately|roughly|~|大约|约)\s*$", text[: match.start()], re.I
        )
        seconds = int(match["s"]) if match["s"] else None

        def fits(
            facts: Facts,
            hours: tuple[int, ...] = hours,
            minute: str | None = minute,
            seconds: int | None = seconds,
            near: bool = bool(about),
        ) -> bool:
            taken = facts.taken_at or ""
            return any(_clock_fits(taken, hour, minute, seconds, near) for hour in hours)

        yield Stated(*match.span(), fits)


_LATER_HALF = re.compile(r"\s+(?:in the (?:afternoon|evening)|at night)\b", re.IGNORECASE)


def _hours_meant(hour: int, half: str, part: str) -> tuple[int, ...]:
    if half.startswith("p") or part in ("下午", "傍晚", "晚上", "夜里"):
        return (hour % 12 + 12, hour) if part else (hour % 12 + 12,)
    if half.startswith("a"):
        return (hour % 12,)
    return (hour % 24, hour % 12 + 12) if half else (hour % 24,)


def _clock_fits(taken: str, hour: int, minute: str | None, seconds: int | None, near: bool) -> bool:
    if len(taken) < 16:
        return False
    said = hour * 60 + int(minute or 0)
    real = int(taken[11:13]) * 60 + int(taken[14:16])
    if near:
        return abs(said - real) <= 45
    if minute is None:
        return hour == real // 60 or abs(said - real) <= 15
    return said == real and (seconds is None or taken[17:19] == f"{seconds:02d}")


def _chinese(text: str, today: datetime.date) -> Iterator[Stated]:
    at = 0
    while at < len(text):
        read = chinese.read(text, at, today)
        if read is None:
            at += 1
            continue
        end, period = read
        yield _within(period, at, end)
        at = end


def _english(text: str, today: datetime.date) -> Iterator[Stated]:
    tokens = words_of(text)
    dates = Dates(text, tokens, today)
    i = 0
    while i < len(tokens):
        found = dates.read(i)
        cued = i > 0 and tokens[i - 1].folded in CUES | {"since", "between", "and", "was"}
        if found and found.strength == "year":
            cued = cued or dates.plausible(i)
        if found is None or (found.strength != "sure" and not cued):
            i += 1
            continue
        yield _within(found.period, tokens[i].start, tokens[found.next - 1].end)
        i = found.next


def _within(period: Period, start: int, end: int) -> Stated:
    def fits(facts: Facts) -> bool:
        return _inside(facts.taken_at or "", period)

    if period.any_year:
        return Stated(start, end, fits)
    return Stated(start, end, fits, period.first, period.last, vague=_is_wide(period))


def _is_wide(period: Period) -> bool:
    """Whether a period is open at an end, or longer than a year."""
    if not period.first or not period.last:
        return True
    years = int(period.last[:4]) - int(period.first[:4])
    return years > 1 or (years == 1 and not period.first[5:7] > period.last[5:7] > "")


def _inside(taken: str, period: Period) -> bool:
    first, last = period.first or "", period.last or "9999"
    if first.startswith("*"):
        first, last, taken = first[2:], last[2:], taken[5:]
    return bool(taken) and first <= taken[: len(first)] and taken[: len(last)] <= last


def _weekdays(text: str, today: datetime.date) -> Iterator[Stated]:
    for match in _WEEKDAY.finditer(text):
        if match["short"] and not match["short"][0].isupper():
            continue  # "sat" and "sun" are words
        if match["short"] in ("Sun", "Sat") and not re.match(
            r"\s*[,.)（）(]|$", text[match.end() :]
        ):
            continue
        days = _days_named(match)

        def fits(facts: Facts, days: frozenset[int] = days) -> bool:
            day = day_of(facts)
            return day is not None and day.weekday() in days

        yield Stated(*match.span(), fits)


def _days_named(match: re.Match[str]) -> frozenset[int]:
    if match["zend"] or (match["end"] or "").casefold() == "weekend":
        return frozenset((5, 6))
    if match["end"]:
        return frozenset(range(5))
    if match["zh"]:
        return frozenset(("一二三四五六日".find(match["zh"].replace("天", "日")),))
    name = (match["en"] or match["short"]).casefold()
    return frozenset(n for n, full in enumerate(_WEEKDAYS) if full.startswith(name[:3]))


def _parts(text: str, today: datetime.date) -> Iterator[Stated]:
    for match in _PART.finditer(text):
        name = (match["zh"] or match["en"].casefold().split()[-1]).removeprefix("mid-")
        first, last = _HOURS.get(name, (0, 24))

        def fits(facts: Facts, first: int = first, last: int = last) -> bool:
            taken = facts.taken_at or ""
            hour = int(taken[11:13]) if len(taken) >= 13 else -99
            return first <= hour < last or first <= hour + 24 < last

        yield Stated(*match.span(), fits, soft=True)


#: In their order: what one has read, the next ones do not see.
_READERS = (
    *(_whole_days, parts_of_dates, spoken, foreign, _seasons, _clocks),
    *(_chinese, _english, _weekdays, loose, _parts),
)
