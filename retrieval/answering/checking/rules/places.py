"""Where: a place that a claim names is one of the photos that it cites.

Names in small letters are found by what stands before them, and by whether there is such a place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from retrieval.answering.checking.known import Known, squeezed
from retrieval.answering.checking.reading import Reading
from retrieval.answering.checking.rules.rule import Said, is_told
from retrieval.answering.checking.tables import COMMON
from retrieval.answering.checking.words import fold, stem, words_in
from retrieval.places.chinese import NamedPlace, names_in, places_called
from retrieval.queries.ordinary import is_doubtful, is_ordinary


def places(reading: Reading) -> Iterator[Said]:
    """A place of any photo, or in Chinese a known one, is a place of those that are cited.

    So is what stands in small letters where places stand, if there is a place of that name.
    """
    for start, end in (*_named(reading), *_small(reading)):
        name = fold(reading.text[start:end])
        known = reading.known_at(start)
        asked = squeezed(name) in squeezed(reading.around.question)
        holds = (
            is_told(reading, start, name)
            or set(words_in(name)) <= known.words
            or (asked and reading.negated(start))
            or reading.is_counted(start, name)
        )
        yield Said(start, end, holds, _reason(reading, start, end))
    for written, start in names_in(reading.rest):
        end, known = start + len(written), reading.known_at(start)
        meant = places_called(written)
        asked = squeezed(written) in squeezed(reading.around.question)
        holds = (
            is_told(reading, start, written)
            or _is_of(known, meant)
            or (asked and reading.negated(start))
            or any(reading.is_counted(start, place.name) for place in meant)
        )
        yield Said(start, end, holds, _reason(reading, start, end))


def _reason(reading: Reading, start: int, end: int) -> str:
    return f"The cited photos do not say that they are of {reading.text[start:end]}."


def _is_of(known: Known, meant: tuple[NamedPlace, ...]) -> bool:
    """Whether the photos are of a place that a Chinese name may mean."""
    codes = {each.facts.country_code for each in known.evidence}
    return bool(known.evidence) and any(
        set(words_in(place.name)) <= known.words
        or (place.kind == "country" and place.country_code in codes)
        for place in meant
    )


def _named(reading: Reading) -> Iterator[tuple[int, int]]:
    """Where names of the places of any photo of the brief stand."""
    facts = [each.facts for each in reading.around.brief.evidence]
    names = {n for f in facts for n in (f.city, f.region, f.country) if n and len(n) > 2}
    plain = fold(reading.rest)
    if len(plain) != len(reading.rest):
        plain = reading.rest.casefold()
    for name in sorted(names) if len(plain) == len(reading.rest) else ():
        for match in re.finditer(rf"\b{re.escape(fold(name))}\b", plain):
            if reading.rest[match.start()].isupper() or " " in name:
                yield match.span()


_AT_PLACE = re.compile(
    r"\b(?i:in|at|near|from|outside|around|visiting|towards?|to)\s+(?:the\s+)?"
    r"(?:(?:city|town|village|north|south|east|west|downtown|central)\s+(?:of\s+)?)?"
    r"(?=[^\W\d_A-Z])"
)
#: Up to three words, and each of them with those before it.
_NAME = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_COMMA = re.compile(r"\s*,\s*(?=[^\W\d_])")


def _small(reading: Reading) -> Iterator[tuple[int, int]]:
    """Where names behind "in" or "near", and behind a comma after one, stand that only a place has.

    What templates say begins with a capital.
    """
    at = len(reading.rest) if reading.around.composed else 0
    while match := _AT_PLACE.search(reading.rest, at):
        at = match.end()
        while end := _place_at(reading, at):
            yield at, end
            comma = _COMMA.match(reading.rest, end)
            at = comma.end() if comma else end
            if not comma:
                break


def _place_at(reading: Reading, at: int) -> int | None:
    """Where the longest name of a place ends that begins there; None for ordinary words."""
    ends: list[int] = []
    while len(ends) < 3 and (word := _NAME.match(reading.rest, at if not ends else ends[-1] + 1)):
        if ends and not reading.rest[ends[-1]].isspace():
            break
        ends.append(word.end())
    names = ((end, tuple(fold(reading.rest[at:end]).split())) for end in reversed(ends))
    return next((end for end, name in names if _is_small_place(reading, name)), None)


def _is_small_place(reading: Reading, name: tuple[str, ...]) -> bool:
    if is_ordinary(name) or is_doubtful(name) or any(word in COMMON for word in name):
        return False
    if len(name) == 1 and (len(name[0]) < 4 or stem(name[0]) in reading.known.stems):
        return False
    return reading.around.is_place(" ".join(name))
