"""Facts and looks that a test makes up, written as indexing would write them."""

from __future__ import annotations

import json
from dataclasses import asdict

from sqlalchemy import Table, insert

import retrieval.metadata
from retrieval import Collection
from retrieval.records import Facts, Looks
from retrieval.storage.tables import facts, looks


def know(collection: Collection, path: object, *known: Facts | Looks) -> int:
    """Have the collection know this of the photo in a file; returns the photo's id."""
    photo = collection.catalog.files_at([str(path)])[str(path)].photo_id
    assert photo is not None
    with collection.writing(), collection.catalog.writing() as connection:
        for each in known:
            table: Table = facts if isinstance(each, Facts) else looks
            values = {
                name: json.dumps(value) if isinstance(value, tuple) else value
                for name, value in asdict(each).items()
            }
            values["version"] = getattr(retrieval.metadata, f"{table.name.upper()}_VERSION", 1)
            values["photo_id"] = photo
            connection.execute(insert(table).prefix_with("OR REPLACE"), values)
    return photo
