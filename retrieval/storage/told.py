"""What texts say of photos: linked documents and recognised writing, in plain SQL."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrieval.storage.readable import Readable


def documents_about(
    reader: Readable, photos: Sequence[int], *, guessed: bool = False
) -> dict[int, tuple[str, ...]]:
    """The texts of documents that name each of these photos (ids), in the order of their lines.

    Those that people wrote, or those that a model did (`guessed`).
    """
    found = reader.fetch(
        "SELECT files.photo_id, documents.text FROM json_each(?) AS wanted"
        " CROSS JOIN files ON files.photo_id = wanted.value"
        " CROSS JOIN sources ON sources.photo_path = files.path"
        " CROSS JOIN documents ON documents.id = sources.document_id"
        " WHERE guessed = ? ORDER BY sources.id",
        json.dumps(list(photos)),
        guessed,
    )
    texts: dict[int, dict[str, None]] = {}
    for photo, text in found:
        texts.setdefault(photo, {})[text] = None
    return {photo: tuple(known) for photo, known in texts.items()}


def writing_in(reader: Readable, photos: Sequence[int]) -> dict[int, str]:
    """The writing that was recognised in these photos (ids), of those in which there is some."""
    found = reader.fetch(
        "SELECT photo_id, text FROM writing WHERE text <> ''"
        " AND photo_id IN (SELECT value FROM json_each(?))",
        json.dumps(list(photos)),
    )
    return {photo: text for photo, text in found}
