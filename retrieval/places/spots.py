"""A place as GeoNames has it: where it lies, and by what name it is compared with others."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from typing import Any

_BAND = 0.25  # degrees of latitude that are looked up at a time
KM = 111.195  # of a degree of latitude
_CORE = 0.0055  # km, times the root of its people: the radius of where a city is surely meant
WHOLE = 0.0089  # the same for all of it, at 4,000 people a square kilometre

#: Words in the names of counties and regions for what they are.
_KINDS = frozenset(
    (
        *("city", "of", "the", "greater", "municipality", "municipio", "municipal", "county"),
        *("shi", "stadt", "landeshauptstadt", "kreisfreie", "urban", "state", "region"),
        *("province", "prefecture", "metropolitan", "capital", "district"),
    )
)

#: Letters that are no others with a mark.
_LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i"}
)


def distance(latitude: float, longitude: float, other: float, beside: float) -> float:
    """Kilometres between two positions in degrees, by haversines."""
    north, south = math.radians(latitude), math.radians(other)
    turn = math.radians(beside - longitude)
    half = math.sin((south - north) / 2) ** 2
    half += math.cos(north) * math.cos(south) * math.sin(turn / 2) ** 2
    return 2 * math.degrees(math.asin(min(math.sqrt(half), 1.0))) * KM


def folded(name: str) -> str:
    """A name without case, accents and marks, by which places are compared."""
    plain = unicodedata.normalize("NFKD", name.casefold().translate(_LETTERS))
    kept = (c if c.isalnum() else " " for c in plain if not unicodedata.combining(c))
    return " ".join("".join(kept).split())


def band(latitude: float) -> int:
    """The band of latitude that a position lies in."""
    return math.floor(latitude / _BAND)


def core_km(population: int) -> float:
    """How far from its middle a city is surely meant."""
    return max(_CORE * math.sqrt(population), 0.3)


@dataclass(slots=True)
class Spot:
    """A place as GeoNames has it; `whole` is the number of the city that it is a quarter of."""

    number: int
    name: str
    county: str
    region: str
    code: str
    latitude: float
    longitude: float
    population: int
    whole: int

    @classmethod
    def of(cls, number: int, row: dict[str, Any]) -> Spot:
        return cls(
            number,
            str(row["city"]).removesuffix("-shi"),  # Japanese for city
            str(row.get("county") or ""),
            str(row.get("state") or ""),
            str(row["country_code"]),
            float(row["latitude"]),
            float(row["longitude"]),
            int(row["population"]),
            number,
        )


def plain_name(name: str) -> str:
    """The folded name of a county or region without the words for what it is."""
    return " ".join(word for word in folded(name).split() if word not in _KINDS)
