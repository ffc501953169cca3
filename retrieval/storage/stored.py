"""Embeddings that are stored, read again: those of named items, and a sample of all of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval.errors import CorruptError
from retrieval.records import Kind, Space
from retrieval.storage.readable import Readable
from retrieval.storage.vectors import checksums, vector_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLE = 1_024  # rows; more do not change what is worked out from them by a hundredth


def rows_of(reader: Readable, space: Space, kind: Kind, items: Sequence[int]) -> dict[int, int]:
    """Map ids of items to their vector rows; items that stand in no file any more are left out."""
    found = reader.fetch(
        "SELECT item_id, row FROM json_each(?3) AS j CROSS JOIN embeddings"
        " ON space_id = ?1 AND kind = ?2 AND item_id = j.value AND live = 1 ORDER BY row",
        space.id,
        kind,
        json.dumps(list(items)),
    )
    return {item: row for item, row in found}


_ORDERED = {
    "newest": "ORDER BY taken_at IS NULL, taken_at DESC, item_id",
    "oldest": "ORDER BY taken_at IS NULL, taken_at, item_id",
    "place": "ORDER BY city IS NULL, country, city, taken_at, item_id",
}
_ALL = (
    "SELECT row, item_id FROM embeddings LEFT JOIN facts ON kind = 'photos' AND photo_id = item_id"
    " WHERE space_id = ? AND kind = ? AND live = 1 "
)
_SOME = "AND row IN (SELECT value FROM json_each(?)) "


def in_order(
    reader: Readable,
    space: Space,
    kind: Kind,
    rows: NDArray[np.int64] | None,
    order: str,
    most: int,
) -> list[tuple[int, int]]:
    """Rows (all, if None) with their items, the first `most`: "newest", "oldest" or by "place".

    Items whose date or place is not known stand last, and in the order in which they came.
    """
    if rows is None:
        return reader.fetch(_ALL + _ORDERED[order] + " LIMIT ?", space.id, kind, most)
    listed = str(rows.tolist())
    return reader.fetch(_ALL + _SOME + _ORDERED[order] + " LIMIT ?", space.id, kind, listed, most)


def read_rows(
    place: Path, space: Space, kind: Kind, rows: Sequence[int], hashes: Sequence[bytes]
) -> NDArray[np.float32]:
    """Rows (n, dim) that embed the items with these SHA-256 hashes, each compared with its key.

    Raises CorruptError where one does not fit, StorageError.
    """
    file, count = vector_file(place, space, kind), space.rows[kind]
    if any(not 0 <= row < count for row in rows):
        raise _damaged(file.path)
    picked = list(rows)
    vectors, keys = np.asarray(file.rows(count)[picked]), file.keys(count)[picked]
    named = [key["hash"].tobytes() for key in keys]
    if named != list(hashes) or (checksums(vectors, keys["hash"]) != keys["crc32"]).any():
        raise _damaged(file.path)
    return vectors.astype(np.float32)


def sample(place: Path, space: Space, kind: Kind, dead: Sequence[int]) -> NDArray[np.float32]:
    """At most SAMPLE rows (m, dim) spread evenly over all that are alive, the same each time.

    Every 2^j-th row: rows that are added join, and none gives way until the sample is full.
    Rows are not compared with their keys: a damaged one among a thousand moves nothing much, and
    one that is not finite is left out. Raises CorruptError, StorageError.
    """
    count, step = space.rows[kind], 1
    while count > SAMPLE * step:
        step *= 2
    alive = np.setdiff1d(np.arange(0, count, step), np.array(dead, np.int64))
    vectors = np.asarray(vector_file(place, space, kind).rows(count)[alive], np.float32)
    sound: NDArray[np.float32] = vectors[np.isfinite(vectors).all(axis=1)]
    return sound


def _damaged(path: Path) -> CorruptError:
    return CorruptError(
        f"Rows of {path} do not fit the photos of the catalog. Mend them with: retrieval repair"
    )
