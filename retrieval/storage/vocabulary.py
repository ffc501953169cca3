"""The names that a collection knows: its places, cameras, lenses and trips.

A word of a query is taken for a name only where the collection has it. Distinct values are found by
jumping from each to the next in an index, so the time grows with them and not with the photos.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from retrieval.storage.readable import Readable

#: From each row of the index to the first that differs. NULL sorts before all texts, as "" does.
_PLACES = (
    "WITH RECURSIVE at(id, a, b, c, d) AS ("
    " SELECT photo_id, city, region, country, country_code FROM (SELECT * FROM facts"
    "  ORDER BY city, region, country, country_code LIMIT 1)"
    " UNION ALL SELECT f.photo_id, f.city, f.region, f.country, f.country_code FROM at"
    " JOIN facts f ON f.photo_id = coalesce("
    "  (SELECT photo_id FROM facts WHERE city IS a AND region IS b AND country IS c"
    "   AND country_code > ifnull(d, '') ORDER BY country_code LIMIT 1),"
    "  (SELECT photo_id FROM facts WHERE city IS a AND region IS b"
    "   AND country > ifnull(c, '') ORDER BY country, country_code LIMIT 1),"
    "  (SELECT photo_id FROM facts WHERE city IS a AND region > ifnull(b, '')"
    "   ORDER BY region, country, country_code LIMIT 1),"
    "  (SELECT photo_id FROM facts WHERE city > ifnull(a, '')"
    "   ORDER BY city, region, country, country_code LIMIT 1)))"
    " SELECT a, b, c, d FROM at WHERE coalesce(a, b, c, d) IS NOT NULL"
)
_GEAR = (
    "WITH RECURSIVE at(id, a, b, c) AS ("
    " SELECT photo_id, make, camera, lens FROM (SELECT * FROM facts"
    "  ORDER BY make, camera, lens LIMIT 1)"
    " UNION ALL SELECT f.photo_id, f.make, f.camera, f.lens FROM at"
    " JOIN facts f ON f.photo_id = coalesce("
    "  (SELECT photo_id FROM facts WHERE make IS a AND camera IS b AND lens > ifnull(c, '')"
    "   ORDER BY lens LIMIT 1),"
    "  (SELECT photo_id FROM facts WHERE make IS a AND camera > ifnull(b, '')"
    "   ORDER BY camera, lens LIMIT 1),"
    "  (SELECT photo_id FROM facts WHERE make > ifnull(a, '')"
    "   ORDER BY make, camera, lens LIMIT 1)))"
    " SELECT a, b, c FROM at WHERE coalesce(a, b, c) IS NOT NULL"
)

#: (city, region, country, country code); (make, camera, lens). As they occur together.
Place = tuple[str | None, str | None, str | None, str | None]
Gear = tuple[str | None, str | None, str | None]


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """What photos of a collection are said to be of. Compared by identity, so that it can be a key.

    `years` are the first and the last in which a photo was taken; `trips` are labels.
    """

    places: tuple[Place, ...] = ()
    gear: tuple[Gear, ...] = ()
    trips: tuple[str, ...] = ()
    years: tuple[int, int] | None = None

    @property
    def cities(self) -> tuple[str, ...]:
        return _named(place[0] for place in self.places)

    @property
    def regions(self) -> tuple[str, ...]:
        return _named(place[1] for place in self.places)

    @property
    def countries(self) -> tuple[str, ...]:
        return _named(place[2] for place in self.places)

    @property
    def cameras(self) -> tuple[str, ...]:
        return _named(gear[1] for gear in self.gear)

    @property
    def lenses(self) -> tuple[str, ...]:
        return _named(gear[2] for gear in self.gear)


def _named(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(sorted({value for value in values if value}))


def read_vocabulary(reader: Readable) -> Vocabulary:
    """The names in the collection as it is now. Raises CorruptError, StorageError."""
    with reader.snapshot():
        return Vocabulary(
            places=places_of(reader),
            gear=gear_of(reader),
            trips=tuple(label for (label,) in reader.fetch("SELECT label FROM trips ORDER BY id")),
            years=_years(reader),
        )


def places_of(reader: Readable) -> tuple[Place, ...]:
    """All places of photos, each once."""
    rows = reader.fetch(_PLACES)
    return tuple((_text(a), _text(b), _text(c), _text(d)) for a, b, c, d in rows)


def gear_of(reader: Readable) -> tuple[Gear, ...]:
    """All cameras with their lenses, each once."""
    return tuple((_text(a), _text(b), _text(c)) for a, b, c in reader.fetch(_GEAR))


def _text(value: Any) -> str | None:
    """A name; SQLite lets a text be replaced by anything."""
    return value if isinstance(value, str) else None


def _years(reader: Readable) -> tuple[int, int] | None:
    first, last = reader.fetch(
        "SELECT (SELECT min(taken_at) FROM facts), (SELECT max(taken_at) FROM facts)"
    )[0]
    try:
        return int(str(first)[:4]), int(str(last)[:4])
    except ValueError:  # none is known, or SQLite was handed something else
        return None
