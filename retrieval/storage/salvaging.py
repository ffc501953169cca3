"""What can be read of a damaged catalog, and a new one filled from the keys of the vectors."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select, update

from retrieval.records import Kind
from retrieval.storage.catalog import Catalog
from retrieval.storage.commits import table_of
from retrieval.storage.knowledge import chunks
from retrieval.storage.tables import embeddings, erasures, spaces

MANY = 10_000  # rows written at a time


@dataclass(slots=True)
class Salvage:
    """What could be read of a damaged catalog; any of it may be wrong."""

    #: Path -> (reason, reader).
    files: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    #: Fingerprint of a space -> editions of its photos and of its documents.
    editions: dict[str, tuple[int, int]] = field(default_factory=dict)
    #: Name -> query of those that the user keeps.
    saved: dict[str, str] = field(default_factory=dict)


def salvage(path: Path) -> Salvage:
    """Read what can be read of the catalog at `path`; an empty Salvage if that is nothing."""
    found = Salvage()
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with suppress(sqlite3.Error), closing(sqlite3.connect(uri, uri=True)) as connection:
        connection.text_factory = bytes
        # Forwards and backwards, so that a broken page in the middle hides only itself.
        for order in ("ASC", "DESC"):
            query = f"SELECT path, reason, reader FROM files ORDER BY id {order}"  # noqa: S608
            for name, reason, reader in _as_far_as_it_goes(connection, query):
                if isinstance(name, bytes) and name.startswith(os.sep.encode()):
                    found.files.setdefault(os.fsdecode(name), (_text(reason), _text(reader)))
        for name, photo, document in _as_far_as_it_goes(
            connection, "SELECT fingerprint, photos_edition, documents_edition FROM spaces"
        ):
            if isinstance(name, bytes) and isinstance(photo, int) and isinstance(document, int):
                found.editions[os.fsdecode(name)] = (photo, document)
        for name, query in _as_far_as_it_goes(connection, "SELECT name, query FROM saved"):
            if isinstance(name, bytes) and isinstance(query, bytes):
                found.saved[name.decode("utf-8", "replace")] = query.decode("utf-8", "replace")
    return found


def _as_far_as_it_goes(connection: sqlite3.Connection, query: str) -> Iterator[Any]:
    with suppress(sqlite3.Error, OverflowError, UnicodeDecodeError):
        yield from connection.execute(query)


def _text(value: Any) -> str | None:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else None


def restore_space(
    catalog: Catalog,
    names: tuple[str, str, int],
    editions: dict[Kind, int],
    hashes: Mapping[Kind, Iterable[bytes | None]],
    *,
    active: bool = True,
) -> None:
    """Fill a new catalog from the keys of the vectors of one encoder, in one transaction.

    `names` are fingerprint, encoder and dimension; `hashes` name the item of each row, None where
    a row cannot be used. Photos come back without size, documents without text: the files that hold
    them tell these when they are indexed again. Until then no item is live.
    """
    fingerprint, encoder, dim = names
    with catalog.writing() as connection:
        values = {"fingerprint": fingerprint, "encoder": encoder, "dim": dim, "generation": 0}
        values |= {f"{kind}_edition": number for kind, number in editions.items()}
        made = insert(spaces).values(**values, photos_rows=0, documents_rows=0, active=active)
        connection.execute(made)
        own = select(spaces.c.id).where(spaces.c.fingerprint == fingerprint)
        space_id = int(connection.scalar(own) or 0)
        for kind, keys in hashes.items():
            rows = 0
            for part in _in_parts(keys):
                _restore_rows(connection, space_id, kind, rows, part)
                rows += len(part)
            counted = update(spaces).where(spaces.c.id == space_id)
            connection.execute(counted.values({f"{kind}_rows": rows}))


def _restore_rows(
    connection: Connection, space_id: int, kind: Kind, first: int, keys: Sequence[bytes | None]
) -> None:
    table = table_of(kind)
    unknown = UNKNOWN_PHOTO if kind == "photos" else UNKNOWN_DOCUMENT
    names = {key: {"content_hash": key, **unknown} for key in keys if key is not None}
    if names:
        connection.execute(insert(table).prefix_with("OR IGNORE"), list(names.values()))
    ids: dict[bytes, int] = {}
    for some in chunks(list(names)):
        query = select(table.c.content_hash, table.c.id).where(table.c.content_hash.in_(some))
        ids.update((row.content_hash, row.id) for row in connection.execute(query))
    kept, lost = [], []
    for row, key in enumerate(keys, first):
        at = {"space_id": space_id, "kind": kind, "row": row}
        if key is None:
            lost.append({**at, "done": False})
        else:
            kept.append({**at, "item_id": ids[key], "live": False})
    if kept:
        connection.execute(insert(embeddings), kept)
    if lost:
        connection.execute(insert(erasures), lost)


def _in_parts(values: Iterable[bytes | None]) -> Iterator[list[bytes | None]]:
    rest = iter(values)
    while part := list(islice(rest, MANY)):
        yield part


#: What stands for the description of an item whose catalog was lost, until a file tells it.
UNKNOWN_PHOTO: dict[str, Any] = {"width": 0, "height": 0, "format": "", "frames": 1}
UNKNOWN_DOCUMENT: dict[str, Any] = {"text": ""}
