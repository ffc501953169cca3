"""Hours, seasons, feasts, decades: times that return, or that words tell roughly."""

from __future__ import annotations

import datetime
import re

from retrieval.answering.checking.dates.days import at, one_of
from retrieval.answering.checking.dates.stated import (
    Stated,
    clock,
    group,
    hours,
    season,
    writing,
    yearly,
    years,
)
from retrieval.answering.checking.numbers import ORDINAL, SMALL, ordinal, small
from retrieval.queries.calendar import SEASONS

# --- hours ----------------------------------------------------------------------------------------

_NEARLY = re.compile(
    r"(?:\b(?:about|around|approximately|roughly|nearly|almost)|~|大约|约)\s*$", re.IGNORECASE
)
_LATER_HALF = re.compile(r"\s+(?:in the (?:afternoon|evening)|at night)\b", re.IGNORECASE)


@writing(
    r"(?<![A-Za-z0-9_:./])(?P<h>\d{1,2})(?:[:：h](?P<m>\d{2})(?:[:：](?P<s>\d{2}))?)\s*"
    r"(?P<p>[ap]\.?\s?m\b\.?)?(?![A-Za-z0-9_:])|(?<![A-Za-z0-9_:./])(?P<h2>\d{1,2})\s*(?P<p2>[ap]\.?m\b\.?|o['’]clock)"
    r"|(?P<zp>凌晨|早上|清晨|上午|中午|下午|傍晚|晚上|夜里)?(?P<h3>\d{1,2})[点时]"
    r"(?:(?P<m3>\d{1,2})分?|(?P<half>半))?"
)
def time(match: re.Match[str], today: datetime.date) -> Stated | None:
    """ "14:05:30", "2 pm", "around 2 o'clock", "下午2点半"."""
    hour, minute = int(group(match, "h")), group(match, "m") or "30" * bool(match["half"])
    if hour > 24 or int(minute or 0) > 59:
        return None
    half = group(match, "p") or "p" * bool(_LATER_HALF.match(match.string, match.end()))
    meant = [60 * each + int(minute or 0) for each in _hours_meant(hour, half, match["zp"] or "")]
    if _NEARLY.search(match.string[: match.start()]):
        return Stated(*match.span(), clock(meant, 45, 45))
    if not minute:
        return Stated(*match.span(), clock(meant, 15, 59))
    exact = [at(each, *([int(match["s"])] if match["s"] else [])) for each in meant]
    return Stated(*match.span(), lambda moment: any(fits(moment) for fits in exact))


def _hours_meant(hour: int, half: str, part: str) -> tuple[int, ...]:
    if part in ("下午", "傍晚", "晚上", "夜里"):
        return (hour % 12 + 12, hour)
    if half[:1] in ("a", "p"):
        return (hour % 12 + 12 * (half[0] == "p"),)
    return (hour % 24, hour % 12 + 12) if half else (hour % 24,)


_HOUR = rf"(?:{one_of(SMALL)}|\d{{1,2}})"
_MINUTES = {"half": 30, "quarter": 15, "five": 5, "ten": 10, "twenty": 20, "twenty five": 25}


@writing(
    r"\b(?:(?P<p>half|(?:a\s+)?quarter|five|ten|twenty(?:[ -]five)?)\s+(?P<d>past|after|to)\s+"
    rf"(?P<h>{_HOUR})|(?P<h2>{_HOUR})\s+o['’]clock|(?:at\s+(?:about\s+|around\s+)?|(?:about|around)\s+)(?P<h3>{_HOUR})"
    r"(?=\s+(?:in\s+the\s+(?:morning|afternoon|evening)|at\s+night)|\s*(?:[.,;!?]|$)))"
    r"(?:\s+(?:in\s+the\s+(?P<part>morning|afternoon|evening)|at\s+(?:night)))?"
)
def time_in_words(match: re.Match[str], today: datetime.date) -> Stated:
    """ "half past nine", "around two in the afternoon"; in either half of the day, else."""
    part = group(match, "p").removeprefix("a ")
    minute = _MINUTES.get(part, 0) * (-1 if match["d"] and group(match, "d") == "to" else 1)
    halves = {"morning": (0,), "afternoon": (720,), "evening": (720,)}.get(
        group(match, "part"), (0, 720)
    )
    meant = [(small(group(match, "h")) * 60 + minute) % 720 + half for half in halves]
    near = _NEARLY.search(match.string[: match.start()]) or re.search("about|around", match[0])
    slack = 45 if near else 15 if part else 30
    return Stated(*match.span(), clock(meant, slack, slack))


_PARTS = {
    "morning": (4, 12), "afternoon": (12, 19), "evening": (16, 24), "night": (18, 30),
    "midnight": (23, 25), "noon": (11, 14), "midday": (11, 14), "凌晨": (0, 7), "清晨": (4, 9),
    "早上": (4, 12), "早晨": (4, 12), "上午": (4, 13), "中午": (11, 14), "下午": (12, 19),
    "傍晚": (16, 21), "晚上": (17, 25), "夜里": (18, 30), "夜晚": (18, 30), "半夜": (22, 28),
    "dawn": (3, 9), "daybreak": (3, 9), "sunrise": (3, 9),
    "dusk": (15, 23), "sunset": (15, 23), "twilight": (15, 23),
}  # fmt: skip


@writing(
    r"\b(?:at|before|around|by|until|near)\s+(?P<p>dawn|daybreak|sunrise|dusk|sunset|twilight)\b",
    r"\b(?:early |late |mid-?)?(?P<p>morning|afternoon|evening|night|midnight|noon|midday)\b"
    r"|(?P<p2>凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|夜里|夜晚|半夜)",
)
def part_of_day(match: re.Match[str], today: datetime.date) -> Stated:
    """ "in the early morning", "at sunset", "晚上"."""
    return Stated(*match.span(), hours(*_PARTS[group(match, "p")]), soft=True)


# --- seasons and feasts -----------------------------------------------------------------------

_SEASON_NAMES = one_of(SEASONS)
_HAN_SEASONS = {"春": 3, "夏": 6, "秋": 9, "冬": 12}


@writing(
    rf"\b(?P<s>{_SEASON_NAMES})(?:\s+of|,)?\s+(?P<y>\d{{4}})\b"
    rf"|\b(?P<y2>\d{{4}})\s+(?P<s2>{_SEASON_NAMES})\b"
    r"|(?P<y3>\d{4})年的?(?P<s3>[春夏秋冬])[天季]?"
)
def season_of_year(match: re.Match[str], today: datetime.date) -> Stated:
    """ "summer 2023", "2023年夏天"."""
    year, name = int(group(match, "y")), group(match, "s")
    fits = season(SEASONS.get(name) or _HAN_SEASONS[name], year)
    return Stated(*match.span(), fits, f"{year - 1:04d}-12", f"{year + 1:04d}-03")


#: Behind a season or a feast that tells when: not "a winter coat", "christmas lights".
_ENDS = (
    r"(?=\s*(?:[.,;:!?()\[\]]|$)|\s+(?:of|in|on|and|at|when|with|by|near|season|months?|(?:after)?"
    r"noon|morning|evening|night|holidays?|break|vacation)\b)"
)
_CUED = r"\b(?:in|during|on|at|for|over|since|last|this|that|was|is|every|before|after|by)\s+"


@writing(
    rf"{_CUED}(?:(?:the|a|an|one|\w+y)\s+){{0,2}}"
    rf"(?P<s>{_SEASON_NAMES})(?:time)?(?:\s+days?)?{_ENDS}"
)
def season_of_any_year(match: re.Match[str], today: datetime.date) -> Stated:
    """ "in winter"."""
    return Stated(*match.span(), season(SEASONS[group(match, "s")], None), soft=True)


#: Wider than the calendar of the search box has them: also those of other countries.
_FEASTS = {
    "christmas": ((12, 24), (12, 26)), "xmas": ((12, 24), (12, 26)),
    "new year": ((12, 31), (1, 1)), "halloween": ((10, 31), (10, 31)),
    "valentine": ((2, 14), (2, 14)), "independence": ((7, 4), (7, 4)),
    "easter": ((3, 20), (4, 27)), "thanksgiving": ((10, 8), (11, 28)),
}  # fmt: skip


@writing(
    rf"{_CUED}(?:(?:the|a|an|my|our|one|\w+y)\s+){{0,2}}(?P<f>christmas|xmas|new\s+year|halloween"
    r"|valentine|independence|easter|thanksgiving)(?:['’]?s)?"
    rf"(?:\s+(?:day|eve|sunday|monday|time))?{_ENDS}"
)
def feast(match: re.Match[str], today: datetime.date) -> Stated:
    """ "on a snowy christmas day"."""
    return Stated(*match.span(), yearly(*_FEASTS[group(match, "f")]), soft=True)


# --- decades and centuries --------------------------------------------------------------------

_DECADES = {"noughties": 0, "tens": 10, "twenties": 20, "thirties": 30, "forties": 40}
_DECADES |= {"fifties": 50, "sixties": 60, "seventies": 70, "eighties": 80, "nineties": 90}


@writing(
    r"\b(?:in\s+)?(?:the\s+)?(?:(?:early|mid|late)[ -]+)?(?:(?P<f>(?:1[89]|20)\d0)s|"
    rf"(?<=the )['’]?(?P<t>\d0)s|(?<=the )(?P<n>{'|'.join(_DECADES)}))\b"
)
def decade(match: re.Match[str], today: datetime.date) -> Stated:
    """ "in the 1990s", "the nineties"."""
    if match["f"]:
        return Stated(*match.span(), years(int(match["f"]), int(match["f"]) + 9))
    tens = int(match["t"]) if match["t"] else _DECADES[group(match, "n")]
    begin = [1900 + tens, *([2000 + tens] if 2000 + tens <= today.year else [])]
    return Stated(
        *match.span(), lambda m: any(each <= m.day.year <= each + 9 for each in begin), soft=True
    )


@writing(rf"\b(?:in\s+)?(?:the\s+)?(?P<o>{ORDINAL})[ -]century\b")
def century(match: re.Match[str], today: datetime.date) -> Stated:
    """ "in the 19th century"."""
    begin = 100 * ordinal(match["o"]) - 100
    return Stated(*match.span(), years(begin, begin + 100))


@writing(
    rf"\b(?:(?P<n>an?|{one_of(SMALL)}|\d+)\s+)?"
    r"(?P<u>centur(?:y|ies)|decades?|generations?)\s+(?:ago|earlier|back)\b"
)
def long_ago(match: re.Match[str], today: datetime.date) -> Stated:
    """ "a century ago", "decades ago"."""
    unit = {"c": 100, "g": 25, "d": 10}[group(match, "u")[0]]
    if not match["n"]:
        return Stated(*match.span(), years(today.year - 1000, today.year - 2 * unit))
    then = today.year - unit * small(match["n"])
    return Stated(*match.span(), years(then - unit // 5, then + unit // 5))
