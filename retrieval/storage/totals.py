"""How many photos share a year, a place, a camera …: counted by SQL over `facts` and `trips`.

Constant statements. The photos come as one JSON list; each counts at its place in it, from 1.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from retrieval.errors import QueryError

if TYPE_CHECKING:
    from retrieval.storage.readable import Readable


class GroupRow(NamedTuple):
    """How many photos share `values`, and the places (from 1) of those that were numbered.

    `values` are what the group goes by, as the catalog has it: (city, country), (make, camera),
    else one; None is unknown.
    """

    values: tuple[str | None, ...]
    photos: int
    places: tuple[int, ...]


_HEAD = "WITH chosen AS (SELECT key + 1 AS n, value AS photo FROM json_each(?)), known AS ("
_TAIL = (
    ") SELECT a, b, count(*), group_concat(CASE WHEN n <= ? THEN n END) FROM known"
    " GROUP BY a, b ORDER BY count(*) DESC, a, b"
)
_FACTS = " FROM chosen LEFT JOIN facts ON facts.photo_id = photo"
#: As the filter of trips has it: both ends are included, fractions of a second as well.
_TRIP = (
    "SELECT n, (SELECT label FROM trips WHERE taken_at BETWEEN begins AND ends || '~'"
    " ORDER BY begins LIMIT 1) AS a, NULL AS b"
)
#: By group: photos with what they are grouped by, counted.
_STATEMENTS = {
    "year": _HEAD + "SELECT n, substr(taken_at, 1, 4) AS a, NULL AS b" + _FACTS + _TAIL,
    "month": _HEAD + "SELECT n, substr(taken_at, 1, 7) AS a, NULL AS b" + _FACTS + _TAIL,
    "day": _HEAD + "SELECT n, substr(taken_at, 1, 10) AS a, NULL AS b" + _FACTS + _TAIL,
    "city": _HEAD + "SELECT n, nullif(city, '') AS a, nullif(country, '') AS b" + _FACTS + _TAIL,
    "country": _HEAD + "SELECT n, nullif(country, '') AS a, NULL AS b" + _FACTS + _TAIL,
    "camera": _HEAD + "SELECT n, nullif(make, '') AS a, nullif(camera, '') AS b" + _FACTS + _TAIL,
    "lens": _HEAD + "SELECT n, nullif(lens, '') AS a, NULL AS b" + _FACTS + _TAIL,
    "trip": _HEAD + _TRIP + _FACTS + _TAIL,
}
GROUPS = tuple(_STATEMENTS)


def grouped(reader: Readable, group: str, photos: Sequence[int], most: int) -> list[GroupRow]:
    """Photos by a group of GROUPS, the largest first; photos of which it is unknown are one row.

    Only the first `most` of `photos` are numbered. Raises QueryError for another group,
    CorruptError, StorageError.
    """
    if group not in _STATEMENTS:
        raise QueryError(f"There is no group {group!r:.40}. Group by one of {', '.join(GROUPS)}.")
    found = reader.fetch(_STATEMENTS[group], json.dumps([int(photo) for photo in photos]), most)
    return [
        GroupRow((a, b) if group in ("city", "camera") else (a,), count, _numbers(places))
        for a, b, count, places in found
    ]


def _numbers(places: str | None) -> tuple[int, ...]:
    return tuple(sorted(map(int, places.split(",")))) if places else ()
