"""Which rows of the vectors are searched, and the photos that they belong to.

A set of ids travels out of SQLite as one text of numbers: 80,000 of them take a tenth of the time
that as many rows would.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from retrieval.records import Kind, Space
from retrieval.storage.readable import Readable

Ids = NDArray[np.int64]  # ascending, each once

FEW = 2_000  # photos that are looked up one by one rather than by a scan


def as_ids(text: str | None) -> Ids:
    """The numbers of a group_concat, ascending; empty for None, which is that of no rows."""
    if not text:
        return np.empty(0, np.int64)
    return ascending(np.fromstring(str(text), np.int64, sep=","))


def ascending(numbers: Ids) -> Ids:
    """The same numbers, each once; most come in order, so that is looked at first."""
    if np.all(numbers[1:] > numbers[:-1]):
        return numbers
    numbers.sort()
    return numbers[np.concatenate(([True], numbers[1:] != numbers[:-1]))]


def union(sets: Iterable[Ids]) -> Ids:
    """What is in any of them."""
    united: Ids | None = None
    for each in sets:
        united = each if united is None else ascending(np.concatenate((united, each)))
    return np.empty(0, np.int64) if united is None else united


def photos_at(reader: Readable, space: Space, rows: Ids) -> Ids:
    """The photos at live vector rows (n,), ascending: ids int64 (n,) in that order."""
    with reader.snapshot():
        owners, places = LiveRows.of(reader, space, "photos").pairs(reader)
    at = np.searchsorted(places, rows)
    there = at < len(places)
    there[there] = places[at[there]] == rows[there]
    return owners[at[there]]


class LiveRows:
    """The live rows of one kind and the photos that they belong to, kept for one generation."""

    def __init__(self, space: Space, kind: Kind) -> None:
        self._space, self._kind = space, kind
        self._pairs: tuple[Ids, Ids] | None = None  # photo and row, ascending by row
        self._every: Ids | None = None

    @classmethod
    def of(cls, reader: Readable, space: Space, kind: Kind) -> LiveRows:
        """Those of the state that is read; made anew after any commit."""
        kept = _KEPT.setdefault(reader, {})
        generation = reader.generation()
        found = kept.get((space.id, kind))
        if found is None or found[0] != generation:
            found = generation, cls(space, kind)
            kept[space.id, kind] = found
        return found[1]

    def holding(self, reader: Readable, photos: Ids | None) -> Ids:
        """The rows whose photo is one of these, ascending; all for None."""
        if photos is not None and len(photos) <= FEW and self._pairs is None:
            return self._looked_up(reader, photos)
        if photos is None:
            return self._live_ones(reader)
        owners, rows = self.pairs(reader)
        return ascending(rows[np.isin(owners, photos)])

    def _live_ones(self, reader: Readable) -> Ids:
        if self._every is None:
            (found,) = reader.fetch(_LIVE, self._space.id, self._kind)
            self._every = as_ids(found[0])
            self._every.setflags(write=False)  # callers get it as it is
        return self._every

    def _looked_up(self, reader: Readable, photos: Ids) -> Ids:
        listed = json.dumps(photos.tolist())
        (found,) = reader.fetch(
            _ROWS_OF_PHOTOS if self._kind == "photos" else _ROWS_OF_LINKED, self._space.id, listed
        )
        return as_ids(found[0])

    def pairs(self, reader: Readable) -> tuple[Ids, Ids]:
        """Photos and their rows, ascending by row."""
        if self._pairs is None:
            (found,) = reader.fetch(
                _ALL_PHOTOS if self._kind == "photos" else _ALL_LINKED, self._space.id
            )
            owners, rows = (
                np.fromstring(text or "", np.int64, sep=",") if text else np.empty(0, np.int64)
                for text in found
            )
            order = np.argsort(rows, kind="stable")
            self._pairs = owners[order], rows[order]
        return self._pairs


_LIVE = "SELECT group_concat(row) FROM embeddings WHERE space_id = ? AND kind = ? AND live = 1"
_ROWS_OF_PHOTOS = (
    "SELECT group_concat(row) FROM json_each(?2) AS j CROSS JOIN embeddings"
    " ON space_id = ?1 AND kind = 'photos' AND item_id = j.value AND live = 1"
)
_ROWS_OF_LINKED = (
    "SELECT group_concat(row) FROM (SELECT DISTINCT document_id FROM sources WHERE photo_path IN"
    "  (SELECT path FROM files WHERE photo_id IN (SELECT value FROM json_each(?2)))) CROSS JOIN"
    " embeddings ON space_id = ?1 AND kind = 'documents' AND item_id = document_id AND live = 1"
)
_ALL_PHOTOS = (
    "SELECT group_concat(item_id), group_concat(row) FROM embeddings"
    " WHERE space_id = ? AND kind = 'photos' AND live = 1"
)
_ALL_LINKED = (
    "SELECT group_concat(files.photo_id), group_concat(row) FROM sources"
    " JOIN files ON files.path = sources.photo_path AND files.photo_id IS NOT NULL"
    " JOIN embeddings ON item_id = document_id AND space_id = ? AND kind = 'documents' AND live = 1"
)

_KEPT: WeakKeyDictionary[Readable, dict[tuple[int, Kind], tuple[int, LiveRows]]] = (
    WeakKeyDictionary()
)
