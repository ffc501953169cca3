"""Dates and times in words: "the fourth of May", "early May", "in winter", "half past nine",
"the nineties", "a century ago"."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterator

from retrieval.answering.checking.stated import Fits, Stated, dated, day_of
from retrieval.queries.periods import MONTHS
from retrieval.records import Facts

_HOURS = (
    *("twelve", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    "eleven",
)
_ONES = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
    *("tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth"),
    *("seventeenth", "eighteenth", "nineteenth", "twentieth"),
)
_ORDINALS = {name: number for number, name in enumerate(_ONES, 1)}
_ORDINALS |= {f"twenty {name}": 20 + number for number, name in enumerate(_ONES[:9], 1)}
_ORDINALS |= {"thirtieth": 30, "thirty first": 31}
_NAMES = "|".join(sorted((name.replace(" ", "[ -]") for name in _ORDINALS), key=len, reverse=True))
_ORDINAL = rf"(?:\d{{1,2}}(?:st|nd|rd|th)|{_NAMES})"
_MONTH = r"(?:" + "|".join(sorted(MONTHS, key=len, reverse=True)) + r")\b\.?"
_YEAR = r"(?:,?\s+(?:of\s+)?(?P<y>(?:19|20)\d{2})\b)?"
_I = re.IGNORECASE

_NTH = tuple(
    re.compile(pattern, _I)
    for pattern in (
        rf"\b(?:on\s+)?(?:the\s+)?(?P<o>{_ORDINAL})\s+(?:day\s+)?of\s+(?P<m>{_MONTH}){_YEAR}",
        rf"\b(?P<m>{_MONTH})\s+(?:the\s+)?(?P<o>{_ORDINAL})\b{_YEAR}",
        rf"\b(?P<o>{_ORDINAL})\s+(?P<m>{_MONTH}){_YEAR}",
        rf"\bon\s+the\s+(?P<o>{_ORDINAL})(?=\s*(?:[.,;:!?)\]\[]|$|and\b|at\b|in\b))",
    )
)
_SEASON_WORDS = {"spring": 3, "summer": 6, "autumn": 9, "fall": 9, "winter": 12}
_PART = r"(?P<w>early|mid|late|(?:the\s+)?(?:beginning|start|middle|end)\s+of)[ -]+(?:the\s+)?"
_THIRD = re.compile(
    rf"\b(?:in\s+)?{_PART}(?:(?P<m>{_MONTH}){_YEAR}|(?P<s>spring|summer|autumn|fall|winter)"
    r"(?:,?\s+(?:of\s+)?(?P<y2>\d{4})\b)?)",
    _I,
)
_WEEK = re.compile(
    rf"\b(?:in\s+)?(?:the\s+)?(?P<n>first|second|third|fourth|last|1st|2nd|3rd|4th)\s+"
    rf"(?P<u>week|weekend|half)\s+(?:of|in)\s+(?P<m>{_MONTH}){_YEAR}",
    _I,
)
#: Behind a season or a feast that tells when: not "a winter coat", "christmas lights".
_ENDS = (
    r"(?=\s*(?:[.,;:!?()\[\]]|$)|\s+(?:of|in|on|and|at|when|with|by|near|season|months?|(?:after)?"
    r"noon|morning|evening|night|holidays?|break|vacation)\b)"
)
_CUED = r"\b(?:in|during|on|at|for|over|since|last|this|that|was|is|every|before|after|by)\s+"
_SEASON = re.compile(
    rf"{_CUED}(?:(?:the|a|an|one|\w+y)\s+){{0,2}}"
    rf"(?P<s>spring|summer|autumn|fall|winter)(?:time)?(?:\s+days?)?{_ENDS}",
    _I,
)
_FEASTS = {
    "christmas": ((12, 24), (12, 26)), "xmas": ((12, 24), (12, 26)),
    "new year": ((12, 31), (1, 1)), "halloween": ((10, 31), (10, 31)),
    "valentine": ((2, 14), (2, 14)), "independence": ((7, 4), (7, 4)),
    "easter": ((3, 20), (4, 27)), "thanksgiving": ((10, 8), (11, 28)),
}  # fmt: skip
_FEAST = re.compile(
    rf"{_CUED}(?:(?:the|a|an|my|our|one|\w+y)\s+){{0,2}}(?P<f>christmas|xmas|new\s+year|halloween"
    r"|valentine|independence|easter|thanksgiving)(?:['’]?s)?"
    rf"(?:\s+(?:day|eve|sunday|monday|time))?{_ENDS}",
    _I,
)
_SUN = re.compile(
    r"\b(?:at|before|around|by|until|near)\s+(?P<s>dawn|daybreak|sunrise|dusk|sunset|twilight)\b",
    _I,
)
_SUN_HOURS = {"dawn": (3, 9), "daybreak": (3, 9), "sunrise": (3, 9)}
_DECADES = {"noughties": 0, "tens": 10, "twenties": 20, "thirties": 30, "forties": 40}
_DECADES |= {"fifties": 50, "sixties": 60, "seventies": 70, "eighties": 80, "nineties": 90}
_DECADE = re.compile(
    r"\b(?:in\s+)?(?:the\s+)?(?:(?:early|mid|late)[ -]+)?(?:(?P<f>(?:1[89]|20)\d0)s|"
    rf"(?<=the )['’]?(?P<t>\d0)s|(?<=the )(?P<n>{'|'.join(_DECADES)}))\b",
    _I,
)
_CENTURY = re.compile(rf"\b(?:in\s+)?(?:the\s+)?(?P<o>{_ORDINAL})[ -]century\b", _I)
_AGO = re.compile(
    r"\b(?:(?P<n>a|an|one|two|three|four|five|six|seven|eight|nine|ten|\d+)\s+)?"
    r"(?P<u>centur(?:y|ies)|decades?|generations?)\s+(?:ago|earlier|back)\b",
    _I,
)
_NUMBERS = {"a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6}
_NUMBERS |= {"seven": 7, "eight": 8, "nine": 9, "ten": 10}
_HOUR = rf"(?:{'|'.join(_HOURS)}|\d{{1,2}})"
_CLOCK = re.compile(
    rf"\b(?:(?P<p>half|(?:a\s+)?quarter|five|ten|twenty(?:[ -]five)?)\s+(?P<d>past|after|to)\s+"
    rf"(?P<h>{_HOUR})|(?P<h2>{_HOUR})\s+o['’]clock|(?:at\s+(?:about\s+|around\s+)?|(?:about|around)\s+)(?P<h3>{_HOUR})"
    r"(?=\s+(?:in\s+the\s+(?:morning|afternoon|evening)|at\s+night)|\s*(?:[.,;!?]|$)))"
    r"(?:\s+(?:in\s+the\s+(?P<part>morning|afternoon|evening)|at\s+(?P<night>night)))?",
    _I,
)
_MINUTES = {"half": 30, "five": 5, "ten": 10, "twenty": 20}
_NEARLY = re.compile(r"\b(?:about|around|approximately|roughly|nearly|almost)\s*$", _I)


def spoken(text: str, today: datetime.date) -> Iterator[Stated]:
    """Dates in words that are read before others, since they hold some that would be misread."""
    yield from _nth(text)
    yield from _thirds(text)
    yield from _weeks(text)


def loose(text: str, today: datetime.date) -> Iterator[Stated]:
    """Times in words that are read last: seasons and feasts of any year, decades, hours."""
    yield from _decades(text, today)
    yield from _clocks(text)
    for match in _SEASON.finditer(text):
        first = _SEASON_WORDS[match["s"].casefold()]
        yield Stated(*match.span(), _season(first, 0, 3), soft=True)
    for match in _FEAST.finditer(text):
        begin, end = _FEASTS[re.sub(r"\s+", " ", match["f"].casefold())]
        yield Stated(*match.span(), _between(begin, end), soft=True)
    for match in _SUN.finditer(text):
        yield Stated(
            *match.span(), _hours(*_SUN_HOURS.get(match["s"].casefold(), (15, 23))), soft=True
        )


# --- days and months --------------------------------------------------------------------------


def _nth(text: str) -> Iterator[Stated]:
    taken: list[tuple[int, int]] = []
    for pattern in _NTH:
        for match in pattern.finditer(text):
            if any(start < match.end() and match.start() < end for start, end in taken):
                continue
            taken.append(match.span())
            groups = match.groupdict()
            month = MONTHS[groups["m"].casefold().rstrip(".")] if groups.get("m") else None
            yield dated(match, month, _ordinal(match["o"]), groups.get("y"))


def _ordinal(text: str) -> int:
    digits = re.match(r"\d+", text)
    return int(digits[0]) if digits else _ORDINALS[re.sub(r"[\s-]+", " ", text.casefold())]


def _thirds(text: str) -> Iterator[Stated]:
    for match in _THIRD.finditer(text):
        which = match["w"].casefold().split()
        part = next(
            (n for n, names in enumerate((("early", "beginning", "start"), ("mid", "middle")))
             if set(names) & set(which)), 2
        )  # fmt: skip
        year = match["y"] or match["y2"]
        if match["s"]:
            low, high = ((0.0, 1.6), (0.7, 2.3), (1.4, 3.0))[part]
            fits = _season(_SEASON_WORDS[match["s"].casefold()], low, high, year)
        else:
            low, high = ((1, 12), (9, 22), (19, 31))[part]
            fits = _of_month(MONTHS[match["m"].casefold().rstrip(".")], low, high, year)
        yield Stated(*match.span(), fits)


def _weeks(text: str) -> Iterator[Stated]:
    for match in _WEEK.finditer(text):
        number = 5 if match["n"].casefold() == "last" else _ordinal(match["n"])
        month = MONTHS[match["m"].casefold().rstrip(".")]
        if match["u"].casefold() == "half":
            low, high = (1, 16) if number == 1 else (15, 31)
        else:
            low, high = (22, 31) if number == 5 else (7 * number - 6, 7 * number + 1)
        inside = _of_month(month, low, high, match["y"])
        weekend = match["u"].casefold() == "weekend"

        def fits(facts: Facts, inside: Fits = inside, weekend: bool = weekend) -> bool:
            day = day_of(facts)
            return inside(facts) and not (weekend and day is not None and day.weekday() < 5)

        yield Stated(*match.span(), fits)


def _of_month(month: int, low: float, high: float, year: str | None) -> Fits:
    def fits(facts: Facts) -> bool:
        day = day_of(facts)
        return (
            day is not None
            and day.month == month
            and low <= day.day <= high
            and (not year or day.year == int(year))
        )

    return fits


def _season(first: int, low: float, high: float, year: str | None = None) -> Fits:
    """Whether a day lies so many months behind the first of a season, north or south."""

    def fits(facts: Facts) -> bool:
        day = day_of(facts)
        if day is None:
            return False
        starts = [first] if (facts.latitude or 0) >= 0 else [first, (first + 5) % 12 + 1]
        since = [(day.month - start) % 12 + (day.day - 1) / 31 for start in starts]
        near = not year or abs(day.year - int(year)) <= (first == 12)
        return near and any(low <= months < high for months in since)

    return fits


def _between(begin: tuple[int, int], end: tuple[int, int]) -> Fits:
    def fits(facts: Facts) -> bool:
        day = day_of(facts)
        here = (day.month, day.day) if day else (0, 0)
        return begin <= here <= end if begin <= end else here >= begin or (0, 0) < here <= end

    return fits


# --- years and hours --------------------------------------------------------------------------


def _decades(text: str, today: datetime.date) -> Iterator[Stated]:
    for match in _DECADE.finditer(text):
        if match["f"]:
            starts = [int(match["f"])]
        else:
            tens = int(match["t"]) if match["t"] else _DECADES[match["n"].casefold()]
            starts = [1900 + tens, 2000 + tens]
        starts = [start for start in starts if start <= today.year]
        yield Stated(*match.span(), _years(starts, 0, 9), soft=not match["f"])
    for match in _CENTURY.finditer(text):
        yield Stated(*match.span(), _years([100 * _ordinal(match["o"]) - 100], 0, 100))
    for match in _AGO.finditer(text):
        unit = 100 if match["u"][0] in "cC" else 25 if match["u"][0] in "gG" else 10
        if not match["n"]:  # "decades ago"
            yield Stated(*match.span(), _years([today.year], -1000, -2 * unit))
            continue
        number = match["n"].casefold()
        back = unit * (int(number) if number.isdigit() else _NUMBERS[number])
        yield Stated(*match.span(), _years([today.year - back], -unit // 5, unit // 5))


def _years(starts: list[int], low: int, high: int) -> Fits:
    def fits(facts: Facts) -> bool:
        day = day_of(facts)
        return day is not None and any(start + low <= day.year <= start + high for start in starts)

    return fits


def _hours(first: int, last: int) -> Fits:
    def fits(facts: Facts) -> bool:
        taken = facts.taken_at or ""
        return len(taken) >= 13 and first <= int(taken[11:13]) < last

    return fits


def _clocks(text: str) -> Iterator[Stated]:
    for match in _CLOCK.finditer(text):
        typed = (match["h"] or match["h2"] or match["h3"]).casefold()
        hour = int(typed) if typed.isdigit() else _HOURS.index(typed)
        part = (match["p"] or "").casefold()
        minute = 15 if "quarter" in part else 25 if "five" in part and "twenty" in part else 0
        minute = minute or _MINUTES.get(part, 0)
        said = hour * 60 + (-minute if (match["d"] or "").casefold() == "to" else minute)
        day_part = (match["part"] or match["night"] or "").casefold()
        near = bool(
            _NEARLY.search(text[: match.start()]) or re.search("about|around", match[0], _I)
        )
        yield Stated(*match.span(), _clock(said, day_part, 45 if near else 15 if part else 30))


def _clock(said: int, part: str, slack: int) -> Fits:
    """Whether it is that minute of the day, of either half of it where none is said."""

    def fits(facts: Facts) -> bool:
        taken = facts.taken_at or ""
        if len(taken) < 16:
            return False
        real = int(taken[11:13]) * 60 + int(taken[14:16])
        halves = {"morning": (0,), "afternoon": (720,), "evening": (720,)}.get(part, (0, 720))
        return any(
            min((real - said % 720 - half) % 1440, (said % 720 + half - real) % 1440) <= slack
            for half in halves
        )

    return fits
