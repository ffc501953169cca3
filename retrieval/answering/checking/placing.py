"""Where a claim says that photos were taken, compared with where they were.

Names in small letters are found by what stands before them, and by whether there is such a place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from retrieval.answering.checking.facts import Unsupported
from retrieval.answering.checking.known import Known, squeezed
from retrieval.answering.checking.reading import Reading
from retrieval.answering.checking.words import COMMON, fold, stem, words_in
from retrieval.places.chinese import NamedPlace, names_in, places_called
from retrieval.queries.ordinary import is_doubtful, is_ordinary


def check_places(reading: Reading) -> Reading:
    """A place of any photo, or in Chinese a known one, is a place of those that are cited.

    So is what stands in small letters where places stand, if there is a place of that name.
    """
    spans = []
    for name, places, start, end in (*_places_named(reading), *_small_places(reading)):
        known = reading.known_at(start)
        written = reading.text[start:end]
        said = any(squeezed(written) in text for text in known.quotable)
        asked = squeezed(written) in squeezed(reading.around.question)
        if not (
            said
            or (set(name.split()) <= known.words if name else _is_of(known, places))
            or (asked and reading.negated(start))
            or any(reading.is_counted(start, each) for each in _called(name, places))
        ):
            raise Unsupported(f"The cited photos do not say that they are of {written}.")
        spans.append((start, end))
    return reading.blanked(spans)


def _is_of(known: Known, places: tuple[NamedPlace, ...]) -> bool:
    """Whether the photos are of a place that a Chinese name may mean."""
    return any(
        set(words_in(place.name)) <= known.words
        or (place.kind == "country" and place.country_code == each.facts.country_code)
        for place in places
        for each in known.evidence
    )


def _called(name: str, places: tuple[NamedPlace, ...]) -> tuple[str, ...]:
    return (name,) if name else tuple(place.name for place in places)


def _places_named(reading: Reading) -> Iterator[tuple[str, tuple[NamedPlace, ...], int, int]]:
    """Folded names of the brief's photos, "" for Chinese ones with what they mean, and where."""
    for written, start in names_in(reading.rest):
        yield "", places_called(written), start, start + len(written)
    facts = [each.facts for each in reading.around.brief.evidence]
    names = {n for f in facts for n in (f.city, f.region, f.country) if n and len(n) > 2}
    plain = fold(reading.rest)
    if len(plain) != len(reading.rest):
        plain = reading.rest.casefold()
    if len(plain) != len(reading.rest):
        return
    for name in sorted(names):
        for match in re.finditer(rf"\b{re.escape(fold(name))}\b", plain):
            if reading.rest[match.start()].isupper() or " " in name:
                yield fold(name), (), *match.span()


_AT_PLACE = re.compile(
    r"\b(?i:in|at|near|from|outside|around|visiting|towards?|to)\s+(?:the\s+)?"
    r"(?:(?:city|town|village|north|south|east|west|downtown|central)\s+(?:of\s+)?)?"
    r"(?=[^\W\d_A-Z])"
)
_SMALL_WORDS = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")


def _small_places(reading: Reading) -> Iterator[tuple[str, tuple[NamedPlace, ...], int, int]]:
    """Names behind "in" or "near", and behind a comma after one, that only a place has."""
    at = len(reading.rest) if reading.around.composed else 0
    while match := _AT_PLACE.search(reading.rest, at):
        at = match.end()
        while found := _place_at(reading, at):
            yield fold(reading.rest[at:found]), (), at, found
            comma = re.match(r"\s*,\s*(?=[^\W\d_])", reading.rest[found:])
            at = found + comma.end() if comma else found
            if not comma:
                break


def _place_at(reading: Reading, at: int) -> int | None:
    """Where the longest name of a place ends that begins there; None for ordinary words."""
    words: list[re.Match[str]] = []
    for match in _SMALL_WORDS.finditer(reading.rest, at):
        if len(words) == 3 or re.search(
            r"\S", reading.rest[words[-1].end() if words else at : match.start()]
        ):
            break
        words.append(match)
    for count in range(len(words), 0, -1):
        name = tuple(fold(word[0]) for word in words[:count])
        if _is_small_place(reading, name):
            return words[count - 1].end()
    return None


def _is_small_place(reading: Reading, name: tuple[str, ...]) -> bool:
    if is_ordinary(name) or is_doubtful(name) or all(word in COMMON for word in name):
        return False
    known = reading.known
    if len(name) == 1 and (len(name[0]) < 4 or stem(name[0]) in known.stems):
        return False
    if any(word in COMMON for word in name) and len(name) > 1:
        return False
    return reading.around.is_place(" ".join(name))
