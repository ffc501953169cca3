"""`field:value` as a filter: ranges of numbers and dates, words, choices."""

from __future__ import annotations

import datetime
import difflib
import math
import re
from collections.abc import Sequence

from retrieval.errors import QueryError, RetrievalError
from retrieval.metadata import FIELDS, Field
from retrieval.queries import calendar as cal
from retrieval.queries import chinese
from retrieval.queries.calendar import Period
from retrieval.queries.dates import Dates
from retrieval.queries.lexing import fold, lex
from retrieval.records import Filter

_RANGE = re.compile(r"(.*?)\s*(?:\.\.+|…)\s*(.*)", re.DOTALL)
_COMPARED = re.compile(r"(>=|<=|=>|=<|≥|≤|>|<|=)\s*(.+)", re.DOTALL)
_RETURNING = re.compile(r"(\*(?:-\d\d(?:-\d\d)?|T\d\d|W[1-7]))(?:\.\.+|…)(\*[-TW][\d-]+)")
_ANY_YEAR = re.compile(r"\*-(\d{1,2})(?:-(\d{1,2}))?")
_NUMBER = re.compile(
    r"(?:f/|ƒ/)?(-?\d+(?:\.\d+)?|-?\.\d+)(?:/(\d+(?:\.\d+)?))?\s*([a-z%°*★]*)", re.I
)
_UNITS = {"", "s", "sec", "mm", "px", "iso", "k", "stars", "star", "*", "★", "mp"}
_SYNONYMS = {
    "format": {"jpg": "JPEG", "heic": "HEIF", "tif": "TIFF", "heif": "HEIF"},
    "colour": {"gray": "grey", "b&w": "black and white", "bw": "black and white"},
    "shape": {"vertical": "portrait", "horizontal": "landscape", "panoramic": "panorama"},
    "has": {
        "location": "gps",
        "place": "gps",
        "time": "date",
        "taken": "date",
        "keyword": "keywords",
        "tags": "keywords",
        "text": "writing",
        "description": "caption",
        "stars": "rating",
    },
}
_SYNONYMS["colour"] |= {"monochrome": "black and white", "grayscale": "black and white"}
_CHOICES = {
    "shape": ("landscape", "portrait", "square", "panorama"),
    "has": ("gps", "date", "camera", "caption", "keywords", "writing", "rating"),
}


_SIGNS = {"≥": ">=", "≤": "<=", "=>": ">=", "=<": "<="}
_WAYS = {">": cal.after, "<": cal.before, ">=": cal.since, "<=": cal.until}


def read_value(
    field: Field, value: str, negated: bool, today: datetime.date, trips: Sequence[str] = ()
) -> tuple[Filter, str]:
    """The filter that `field:value` means, and the value in words.

    Raises QueryError for a value that the field cannot have.
    """
    if field.sort == "date":
        period = _period(value, today)
        return date_filter(period, negated), str(period)
    if field.sort == "number":
        first, last, shown = _numbers(field, value)
        return Filter(field.name, "between", (first, last), negated), shown + _unit(field)
    exact = value.startswith("=") and len(value) > 1
    typed = value.removeprefix("=") if exact else value
    if field.sort == "choice":
        chosen = _choice(field, typed, trips)
        return Filter(field.name, "is", (chosen,), negated), chosen
    return Filter(field.name, "is" if exact else "contains", (typed,), negated), typed


def date_filter(period: Period, negated: bool = False) -> Filter:
    """The filter of a period; "*-05" is May of any year."""
    if period.any_year and period.first == period.last:
        return Filter("taken", "is", (period.first,), negated)
    return Filter("taken", "between", (period.first, period.last), negated)


def date_text(period: Period) -> str:
    """A period as `taken:` understands it again."""
    if period.first == period.last:
        return f"taken:{period.first}"
    return f"taken:{period.first or ''}..{period.last or ''}"


def unknown_field(name: str) -> QueryError:
    """There is no such field: a sentence that names near ones, or how to search for it as text."""
    names = [each for field in FIELDS for each in (field.name, *field.aliases)]
    near = difflib.get_close_matches(name.casefold(), names, n=3, cutoff=0.6)
    meant = f"Did you mean {' or '.join(near)}?" if near else f"Known are: {_listed(FIELDS)}."
    return QueryError(
        f"There is no field “{name[:40]}” to search by. {meant} To look for the words "
        "themselves, put them in quotes."
    )


def _listed(fields: Sequence[Field]) -> str:
    return ", ".join(field.name for field in fields)


# --- dates ----------------------------------------------------------------------------------


def _period(value: str, today: datetime.date) -> Period:
    if match := _COMPARED.fullmatch(value):
        period = _one(match[2], today)
        if period.any_year:
            raise QueryError(f"“taken:{value}” needs a year. Write, for example, taken:>=2021-05.")
        sign = _SIGNS.get(match[1], match[1])
        return period if sign == "=" else _WAYS[sign](period)
    if (match := _RETURNING.fullmatch(value)) and match[1][1] == match[2][1]:
        return Period(_one(match[1], today).first, _one(match[2], today).first)
    if match := _RANGE.fullmatch(value):
        first = _one(match[1], today) if match[1] else Period(None, None)
        last = _one(match[2], today) if match[2] else Period(None, None)
        if first.any_year or last.any_year or not (match[1] or match[2]):
            raise QueryError(f"“taken:{value}” is no range of dates. Write taken:2021-03..2021-05.")
        return cal.between(first, last)
    return _one(value, today)


def _one(value: str, today: datetime.date) -> Period:
    """One period, by the grammar of queries and then by dateparser."""
    value = value.strip()
    if match := _ANY_YEAR.fullmatch(value):
        return cal.on(None, int(match[1]), int(match[2]) if match[2] else None)
    if re.fullmatch(r"\*(?:T(?:[01]\d|2[0-3])|W[1-7])", value):
        return cal.only(value)
    if match := re.fullmatch(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?", value):
        return cal.on(*(int(part) if part else None for part in match.groups()))
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}T\d{2}(?::\d{2}(?::\d{2})?)?", value):
        cal.on(int(value[:4]), int(value[5:7]), int(value[8:10]))
        return cal.only(value)
    plain = value.replace("-", " ") if not any(c.isdigit() for c in value) else value
    tokens = lex(plain)
    found = Dates(plain, tokens, today).read(0) if tokens else None
    if found is not None and found.next == len(tokens):
        return found.period
    han = chinese.read(plain, 0, today) if plain else None
    if han is not None and han[0] == len(plain):
        return han[1]
    period = parse_other(value, today)
    if period is None:
        raise QueryError(
            f"“{value[:40]}” is no date. Write one like 2021, 2021-05, 2021-05-03 or 2019..2021."
        )
    return period


def parse_other(value: str, today: datetime.date) -> Period | None:
    """A date in English or Chinese that the grammar does not know, by dateparser; None if none.

    The first call imports dateparser, which takes about a second.
    """
    if len(value) > 60 or not re.search(r"\w", value):
        return None
    from dateparser.date import DateDataParser

    now = datetime.datetime(today.year, today.month, today.day, 12)
    settings = {"RELATIVE_BASE": now, "PREFER_DATES_FROM": "past", "RETURN_TIME_AS_PERIOD": True}
    try:
        parser = DateDataParser(languages=["en", "zh"], settings=settings)
        found = parser.get_date_data(value)
    except (RetrievalError, ValueError, OverflowError, TypeError, AttributeError, IndexError):
        return None  # it was not written for whatever people type
    if found is None or found.date_obj is None:
        return None
    length = {"year": 4, "month": 7}.get(found.period, 10)
    return cal.only(found.date_obj.date().isoformat()[:length])


# --- numbers and choices --------------------------------------------------------------------


def _numbers(field: Field, value: str) -> tuple[float | None, float | None, str]:
    """Both ends, and the range in words."""
    if match := _COMPARED.fullmatch(value):
        number = _number(field, match[2])
        sign = _SIGNS.get(match[1], match[1])
        if sign == "=":
            return number, number, f"{number:g}"
        if sign[0] == ">":
            return (
                (number if "=" in sign else math.nextafter(number, math.inf)),
                None,
                (f"{'at least' if '=' in sign else 'more than'} {number:g}"),
            )
        return (
            None,
            (number if "=" in sign else math.nextafter(number, -math.inf)),
            (f"{'at most' if '=' in sign else 'less than'} {number:g}"),
        )
    match = _RANGE.fullmatch(value) or re.fullmatch(r"(\d[\d.]*)\s*[-–]\s*(\d[\d.]*\w*)", value)
    if match and (match[1] or match[2]):
        ends = [_number(field, end) if end else None for end in match.groups()]
        first, last = ends
        if first is None or last is None:
            shown = f"at least {first:g}" if last is None else f"at most {last:g}"
            return first, last, shown
        swapped = " (put in order)" if first > last else ""
        first, last = min(first, last), max(first, last)
        return first, last, f"{first:g} … {last:g}{swapped}"
    number = _number(field, value)
    return number, number, f"{number:g}"


def _number(field: Field, text: str) -> float:
    match = _NUMBER.fullmatch(text.strip())
    if match is None or match[3].casefold() not in _UNITS:
        raise QueryError(
            f"{field.label} is a number, not “{text[:40]}”. Write, for example, "
            f"{field.name}:100, {field.name}:>=100 or {field.name}:100..400."
        )
    divisor = float(match[2]) if match[2] else 1.0
    number = float(match[1]) / divisor if divisor else math.inf
    if match[3].casefold() == "k":
        number *= 1000
    if not math.isfinite(number) or abs(number) > 1e15:
        raise QueryError(f"{field.label} cannot be {text[:40]}. Write a smaller number.")
    return number


def _unit(field: Field) -> str:
    return f" {field.unit}" if field.unit else ""


def _choice(field: Field, value: str, trips: Sequence[str]) -> str:
    name = _SYNONYMS.get(field.name, {}).get(value.casefold(), value)
    if field.name in _CHOICES:
        if name.casefold() not in _CHOICES[field.name]:
            allowed = ", ".join(_CHOICES[field.name])
            raise QueryError(f"{field.name} is one of {allowed}, not “{value[:40]}”.")
        return name.casefold()
    if field.name == "trip":
        return _trip(value, trips)
    return name.casefold() if field.name == "colour" else name


def _trip(value: str, trips: Sequence[str]) -> str:
    for label in trips:
        if fold(label) == fold(value):
            return label
    near = difflib.get_close_matches(value, trips, n=3, cutoff=0.4) or list(trips[:3])
    known = f"Near are: {', '.join(near)}." if near else "None are known yet: run retrieval trips."
    raise QueryError(f"There is no trip “{value[:60]}”. {known}")
