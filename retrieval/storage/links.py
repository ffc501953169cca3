"""Which documents name which photos, in rows of the vectors: plain SQL for whatever reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.records import Space
    from retrieval.storage.readable import Readable

    Pairs = NDArray[np.int64]


def photos_of_documents(reader: Readable, space: Space, rows: Sequence[int]) -> Pairs:
    """The photos that documents name, int64 (n, 2): row of the document, id of the photo."""
    found = reader.fetch(
        "SELECT DISTINCT row, photo_id FROM embeddings"
        " JOIN sources ON document_id = item_id JOIN files ON path = photo_path"
        " WHERE space_id = ? AND kind = 'documents' AND photo_id IS NOT NULL"
        " AND row IN (SELECT value FROM json_each(?))",
        space.id,
        json.dumps(list(rows)),
    )
    return _pairs(found)


def documents_of_photos(reader: Readable, space: Space, photos: Sequence[int]) -> Pairs:
    """The documents that name these photos (ids), int64 (n, 2): row of the document, photo."""
    found = reader.fetch(
        "SELECT DISTINCT row, photo_id FROM files"
        " JOIN sources ON photo_path = path"
        " JOIN embeddings ON item_id = document_id AND space_id = ? AND kind = 'documents'"
        " WHERE photo_id IN (SELECT value FROM json_each(?)) AND live = 1",
        space.id,
        json.dumps(list(photos)),
    )
    return _pairs(found)


def rows_of_photos(reader: Readable, space: Space, photos: Sequence[int]) -> Pairs:
    """The rows of live photos, int64 (n, 2): row, id of the photo; ascending rows."""
    found = reader.fetch(
        "SELECT row, item_id FROM embeddings WHERE space_id = ? AND kind = 'photos' AND live = 1"
        " AND item_id IN (SELECT value FROM json_each(?)) ORDER BY row",
        space.id,
        json.dumps(list(photos)),
    )
    return _pairs(found)


def _pairs(found: Sequence[tuple[int, int]]) -> Pairs:
    return np.array(found, np.int64).reshape(-1, 2)
