"""All of a collection, listed in pieces with what is known of each item: what an export reads.

Plain SQL of constants, like `readable`: a list of numbers travels as one JSON value. What is read
inside one `snapshot` belongs together.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.records import Facts, Kind, Looks, Space
from retrieval.storage.readable import Readable

if TYPE_CHECKING:
    from numpy.typing import NDArray

LINKS_AT_ONCE = 50_000


def live_count(reader: Readable, space: Space, kind: Kind) -> int:
    """How many rows of `space` are searched."""
    ((count,),) = reader.fetch(
        "SELECT count(*) FROM embeddings WHERE space_id = ? AND kind = ? AND live = 1",
        space.id,
        kind,
    )
    return int(count)


def live_after(
    reader: Readable, space: Space, kind: Kind, row: int, most: int
) -> list[tuple[int, int]]:
    """The next (row, item id) behind a row, in order; empty at the end."""
    found = reader.fetch(
        "SELECT row, item_id FROM embeddings WHERE space_id = ? AND kind = ? AND live = 1"
        " AND row > ? ORDER BY row LIMIT ?",
        space.id,
        kind,
        row,
        most,
    )
    return [(row, item) for row, item in found]


def live_rows_of(
    reader: Readable, space: Space, kind: Kind, items: Sequence[int]
) -> dict[int, int]:
    """Map the items among `items` that are searched to their rows."""
    found = reader.fetch(
        "SELECT item_id, row FROM embeddings WHERE space_id = ? AND kind = ? AND live = 1"
        " AND item_id IN (SELECT value FROM json_each(?))",
        space.id,
        kind,
        json.dumps([int(item) for item in items]),
    )
    return {item: row for item, row in found}


def hashes_of(reader: Readable, kind: Kind, items: Sequence[int]) -> dict[int, bytes]:
    """Content hashes of items, by id."""
    listed = json.dumps([int(item) for item in items])
    if kind == "photos":
        found = reader.fetch(
            "SELECT id, content_hash FROM photos WHERE id IN (SELECT value FROM json_each(?))",
            listed,
        )
    else:
        found = reader.fetch(
            "SELECT id, content_hash FROM documents WHERE id IN (SELECT value FROM json_each(?))",
            listed,
        )
    return {item: content_hash for item, content_hash in found}


def facts_of(reader: Readable, photos: Sequence[int]) -> dict[int, Facts]:
    """What the files of photos say, by photo id; those of which nothing was read are left out."""
    found = reader.fetch(
        "SELECT photo_id, taken_at, taken_from, utc_offset, latitude, longitude, altitude, city,"
        " region, country, country_code, make, camera, lens, exposure, aperture, iso, focal,"
        " orientation, rating, title, caption, keywords, guess FROM facts"
        " WHERE photo_id IN (SELECT value FROM json_each(?))",
        json.dumps([int(photo) for photo in photos]),
    )
    names = [field.name for field in fields(Facts)]
    facts: dict[int, Facts] = {}
    for photo, *values in found:
        named: dict[str, Any] = dict(zip(names, values, strict=True))
        facts[photo] = Facts(**named | {"keywords": _texts(named["keywords"])})
    return facts


def looks_of(reader: Readable, photos: Sequence[int]) -> dict[int, Looks]:
    """What the pixels of photos say, by photo id."""
    found = reader.fetch(
        "SELECT photo_id, phash, sharpness, brightness, colours FROM looks"
        " WHERE photo_id IN (SELECT value FROM json_each(?))",
        json.dumps([int(photo) for photo in photos]),
    )
    return {
        photo: Looks(phash, sharpness, brightness, _texts(colours))
        for photo, phash, sharpness, brightness, colours in found
    }


def writing_of(reader: Readable, photos: Sequence[int]) -> dict[int, str]:
    """The writing that was recognised in photos, by photo id."""
    found = reader.fetch(
        "SELECT photo_id, text FROM writing WHERE photo_id IN (SELECT value FROM json_each(?))",
        json.dumps([int(photo) for photo in photos]),
    )
    return {photo: text for photo, text in found}


class Links:
    """Which documents name which photo; 16 bytes a link, since the way back has no index."""

    def __init__(self, reader: Readable) -> None:
        """Read all links, in pieces. Should stand in the snapshot that it is used in."""
        self._reader = reader
        pieces = [np.array(piece, np.int64) for piece in _links(reader)]
        links = np.concatenate(pieces) if pieces else np.empty((0, 2), np.int64)
        order = np.argsort(links[:, 0], kind="stable")
        self._photos: NDArray[np.int64] = links[order, 0]
        self._documents: NDArray[np.int64] = links[order, 1]

    def texts_of(self, photos: Sequence[int]) -> dict[int, list[str]]:
        """Texts of the documents that name these photos, in the order of their lines."""
        named: dict[int, list[int]] = {}
        for photo in photos:
            first, end = np.searchsorted(self._photos, [photo, photo + 1])
            if first < end:
                named[photo] = list(dict.fromkeys(self._documents[first:end].tolist()))
        wanted = {document for documents in named.values() for document in documents}
        if not wanted:
            return {}
        texts = dict(
            self._reader.fetch(
                "SELECT id, text FROM documents WHERE id IN (SELECT value FROM json_each(?))",
                json.dumps(sorted(wanted)),
            )
        )
        return {photo: [texts[d] for d in found if d in texts] for photo, found in named.items()}


def _links(reader: Readable) -> Iterator[list[tuple[int, int]]]:
    last = 0
    while True:
        found = reader.fetch(
            "SELECT sources.id, files.photo_id, document_id FROM sources"
            " JOIN files ON files.path = photo_path"
            " WHERE sources.id > ? AND files.photo_id IS NOT NULL ORDER BY sources.id LIMIT ?",
            last,
            LINKS_AT_ONCE,
        )
        if not found:
            return
        last = found[-1][0]
        yield [(photo, document) for _, photo, document in found]


def _texts(stored: Any) -> tuple[str, ...]:
    """A JSON list of texts; what is none is nothing."""
    try:
        listed = json.loads(stored)
    except (TypeError, ValueError):
        return ()
    return tuple(str(text) for text in listed) if isinstance(listed, list) else ()
