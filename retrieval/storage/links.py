"""Which documents name which photos, in rows of the vectors: plain SQL for whatever reads.

CROSS JOIN is SQLite's way to fix the order of the tables: without statistics it would begin with
the largest.
"""

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
        "SELECT row, photo_id FROM json_each(?) AS wanted"
        " CROSS JOIN embeddings ON space_id = ? AND kind = 'documents' AND row = wanted.value"
        " CROSS JOIN sources ON document_id = item_id"
        " CROSS JOIN files ON files.path = photo_path WHERE photo_id IS NOT NULL",
        json.dumps(list(rows)),
        space.id,
    )
    return _pairs(found)


def documents_of_photos(reader: Readable, space: Space, photos: Sequence[int]) -> Pairs:
    """The documents that name these photos (ids), int64 (n, 2): row of the document, photo."""
    found = reader.fetch(
        "SELECT row, photo_id FROM json_each(?) AS wanted"
        " CROSS JOIN files ON photo_id = wanted.value"
        " CROSS JOIN sources ON photo_path = files.path"
        " CROSS JOIN embeddings ON space_id = ? AND kind = 'documents' AND item_id = document_id"
        " WHERE live = 1",
        json.dumps(list(photos)),
        space.id,
    )
    return _pairs(found)


def rows_of_photos(reader: Readable, space: Space, photos: Sequence[int]) -> Pairs:
    """The rows of live photos, int64 (n, 2): row, id of the photo; ascending rows."""
    found = reader.fetch(
        "SELECT row, item_id FROM json_each(?) AS wanted"
        " CROSS JOIN embeddings ON space_id = ? AND kind = 'photos' AND item_id = wanted.value"
        " WHERE live = 1 ORDER BY row",
        json.dumps(list(photos)),
        space.id,
    )
    return _pairs(found)


def _pairs(found: Sequence[tuple[int, int]]) -> Pairs:
    return np.array(found, np.int64).reshape(-1, 2)
