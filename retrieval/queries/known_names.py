"""The names of a collection by their words: its places, cameras, lenses and trips."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from retrieval.queries.lexing import names_of
from retrieval.storage.vocabulary import Vocabulary

#: Other names of countries, by their code; `US` counts only in capitals, since "us" is a word.
_ALIASES = {
    "US": "USA, US, U.S., U.S.A., America, United States, United States of America, the States",
    "GB": "UK, U.K., Great Britain, Britain, United Kingdom",
    "NL": "Holland, Netherlands, the Netherlands",
    "CZ": "Czechia, Czech Republic",
    "KR": "South Korea, Korea, Republic of Korea",
    "AE": "UAE, Emirates, United Arab Emirates",
    "RU": "Russia, Russian Federation",
    "TR": "Turkey, Türkiye",
    "CN": "China, People's Republic of China",
    "VN": "Vietnam, Viet Nam",
    "MM": "Myanmar, Burma",
    "CI": "Ivory Coast, Côte d'Ivoire",
    "CV": "Cape Verde, Cabo Verde",
    "SZ": "Swaziland, Eswatini",
    "MK": "Macedonia, North Macedonia",
    "VA": "Vatican, Vatican City",
    "LA": "Laos",
    "SY": "Syria",
    "IR": "Iran",
    "TZ": "Tanzania",
    "BO": "Bolivia",
    "VE": "Venezuela",
    "TW": "Taiwan",
    "MD": "Moldova",
    "BN": "Brunei",
}

Sort = Literal["city", "region", "country", "camera", "make", "family", "lens", "trip"]


@dataclass(frozen=True, slots=True)
class Name:
    """A name as the collection writes it, and what it is the name of."""

    sort: Sort
    value: str


@dataclass(frozen=True, slots=True)
class Index:
    """The names of a collection by their folded words; `longest` counts the words of the longest.

    `inside` holds which place lies in which larger one, and `coded` what cities and regions are
    called by the code of their country and their words; without words, what the country is.
    """

    places: dict[tuple[str, ...], Name]
    gear: dict[tuple[str, ...], Name]
    trips: dict[tuple[str, ...], Name]
    inside: frozenset[tuple[str, str]]
    coded: dict[tuple[str, tuple[str, ...]], str]
    longest: int


@lru_cache(maxsize=8)
def index_of(vocabulary: Vocabulary) -> Index:
    """The index of a vocabulary; kept, since it is made once and asked for each query."""
    places: dict[tuple[str, ...], Name] = {}
    for city, region, country, code in vocabulary.places:
        sorts: tuple[tuple[Sort, str | None], ...] = (
            ("city", city),
            ("region", region),
            ("country", country),
        )
        for sort, value in sorts:
            if value and (words := names_of(value)):
                places.setdefault(words, Name(sort, value))
        for alias in _ALIASES.get(code or "", "").split(", ") if country else ():
            places.setdefault(names_of(alias), Name("country", country or ""))
    gear = {words: name for name, words in _gear(vocabulary) if words}
    trips = {names_of(label): Name("trip", label) for label in vocabulary.trips}
    lengths = [len(words) for table in (places, gear, trips) for words in table]
    inside = {
        (small, large)
        for city, region, country, _ in vocabulary.places
        for small, large in ((city, region), (city, country), (region, country))
        if small and large and small != large
    }
    return Index(
        places, gear, trips, frozenset(inside), _coded(vocabulary), max(lengths, default=0)
    )


def _coded(vocabulary: Vocabulary) -> dict[tuple[str, tuple[str, ...]], str]:
    found: dict[tuple[str, tuple[str, ...]], str] = {}
    for city, region, country, code in vocabulary.places:
        if code and country:
            found[code, ()] = country
        for name in (region, city) if code else ():
            if name and (words := names_of(name)):
                found[code or "", words] = name
    return found


def _gear(vocabulary: Vocabulary) -> Iterator[tuple[Name, tuple[str, ...]]]:
    """Cameras under all names that people use: "Canon EOS 80D", "EOS 80D", "Sony ILCE-7M3".

    Later ones win: a whole model's name over one that is put together, and that over a family's.
    """
    for make, camera, _ in vocabulary.gear:
        if family := _family(make, camera):
            yield Name("family", family), names_of(family)
    for make, camera, lens in vocabulary.gear:
        brand = names_of(make or "")
        if make and brand:
            yield Name("make", make), brand[:1]
            yield Name("make", make), brand
        if lens and len(words := names_of(lens)) > 1:
            yield Name("lens", lens), words
        if camera and (model := names_of(camera)):
            if brand and model[:1] == brand[:1] and len(model) > 2:
                yield Name("camera", camera), model[1:]
            elif brand:
                yield Name("camera", camera), brand + model
                yield Name("camera", camera), brand[:1] + model
    for _, camera, _ in vocabulary.gear:
        if camera:
            yield Name("camera", camera), names_of(camera)


def _family(make: str | None, camera: str | None) -> str:
    """The first word of a model's name, which several may share: "iPhone", "Pixel"; "" if none."""
    brand = names_of(make or "")[:1]
    first = next((w for w in (camera or "").split() if names_of(w) != brand), "")
    return first if first.isalpha() and len(first) > 3 else ""


ALIAS_WORDS = {names_of(name) for names in _ALIASES.values() for name in names.split(", ")}
