"""What grouping reads of a whole collection, in plain SQL, and the table `trips` that it writes.

Rows come as tuples and in bulk: of 100,000 photos in well under a second.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from retrieval.storage.readable import as_path

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from retrieval.records import Space
    from retrieval.storage.readable import Readable


class MomentRow(NamedTuple):
    """When and where a photo was taken. What is unknown is None."""

    photo: int
    taken_at: str
    city: str | None
    region: str | None
    country: str | None
    latitude: float | None
    longitude: float | None


class LooksRow(NamedTuple):
    """What near-duplicates are told by; `row` is the photo's vector, None if there is none."""

    photo: int
    phash: int | None
    sharpness: float | None
    taken_at: str | None
    width: int
    height: int
    row: int | None


class FileRow(NamedTuple):
    """A file of a photo, as it was when it was indexed; size in bytes."""

    photo: int
    path: str
    size: int
    mtime_ns: int


class TripRow(NamedTuple):
    """A row of the table `trips`."""

    label: str
    begins: str
    ends: str
    photos: int
    city: str | None
    region: str | None
    country: str | None


def dated_photos(reader: Readable) -> list[MomentRow]:
    """When and where all dated photos that stand in a file were taken, in order of time."""
    found = reader.fetch(
        "SELECT photo_id, taken_at, city, region, country, latitude, longitude FROM facts"
        " WHERE taken_at IS NOT NULL AND photo_id IN (SELECT photo_id FROM files)"
        " ORDER BY taken_at, photo_id"
    )
    return [MomentRow(*row) for row in found]


def looks(reader: Readable, space: Space) -> list[LooksRow]:
    """What all photos that stand in a file look like, by id; each once."""
    found = reader.fetch(
        "SELECT photos.id, phash, sharpness, taken_at, width, height, row FROM photos"
        " LEFT JOIN looks ON looks.photo_id = photos.id"
        " LEFT JOIN facts ON facts.photo_id = photos.id"
        " LEFT JOIN embeddings ON item_id = photos.id AND kind = 'photos' AND space_id = ?"
        " WHERE photos.id IN (SELECT photo_id FROM files) ORDER BY photos.id",
        space.id,
    )
    return [LooksRow(*row) for row in found]


def looks_among(reader: Readable, space: Space, photos: Sequence[int]) -> dict[int, LooksRow]:
    """The same of some photos, by id."""
    found = reader.fetch(
        "SELECT photos.id, phash, sharpness, taken_at, width, height, row FROM photos"
        " LEFT JOIN looks ON looks.photo_id = photos.id"
        " LEFT JOIN facts ON facts.photo_id = photos.id"
        " LEFT JOIN embeddings ON item_id = photos.id AND kind = 'photos' AND space_id = ?"
        " WHERE photos.id IN (SELECT value FROM json_each(?))",
        space.id,
        json.dumps(list(photos)),
    )
    return {row[0]: LooksRow(*row) for row in found}


def photo_files(reader: Readable) -> list[FileRow]:
    """All files of photos, by photo, then in the order they were found."""
    found = reader.fetch(
        "SELECT photo_id, path, size, mtime_ns FROM files WHERE photo_id IS NOT NULL"
        " ORDER BY photo_id, id"
    )
    return [FileRow(photo, as_path(path), *rest) for photo, path, *rest in found]


def photo_at(reader: Readable, path: str) -> int | None:
    """The photo that a file holds, by its absolute path; None if that is not known."""
    stored: Any = path
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        stored = os.fsencode(path)
    found = reader.fetch("SELECT photo_id FROM files WHERE path = ?", stored)
    return found[0][0] if found else None


def live_photos(reader: Readable, space: Space) -> list[tuple[int, int]]:
    """(row, photo) of all vectors of photos that are searched, by row."""
    found = reader.fetch(
        "SELECT row, item_id FROM embeddings WHERE space_id = ? AND kind = 'photos' AND live = 1"
        " AND row NOT IN (SELECT row FROM erasures WHERE space_id = ? AND kind = 'photos')"
        " ORDER BY row",
        space.id,
        space.id,
    )
    return [(row, photo) for row, photo in found]


def trip_rows(reader: Readable) -> list[TripRow]:
    """The table `trips`, in order of time."""
    found = reader.fetch(
        "SELECT label, begins, ends, photos, city, region, country FROM trips ORDER BY begins"
    )
    return [TripRow(*row) for row in found]


def write_trips(connection: Connection, rows: Sequence[TripRow]) -> None:
    """Replace the table `trips`. A part of one transaction (`catalog.writing`)."""
    from sqlalchemy import delete, insert

    from retrieval.storage.tables import trips

    connection.execute(delete(trips))
    values: list[Mapping[str, Any]] = [row._asdict() for row in rows]
    if values:
        connection.execute(insert(trips), values)
