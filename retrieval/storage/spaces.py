"""Several spaces in one catalog: filling one that is not searched, switching to it, dropping one.

Functions that take a connection are a part of one transaction, which their caller opens with
`catalog.writing()`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, func, insert, select, update

from retrieval.records import KINDS, Kind, Space
from retrieval.storage.catalog import Catalog, rows_of
from retrieval.storage.commits import table_of
from retrieval.storage.edits import occurrence, stands_somewhere
from retrieval.storage.knowledge import chunks
from retrieval.storage.tables import documents, embeddings, erasures, files, sources, spaces


def ids_of(catalog: Catalog, kind: Kind, hashes: Sequence[bytes]) -> dict[bytes, int]:
    """Map content hashes to the ids of items, for those that are known."""
    table = table_of(kind)
    found: dict[bytes, int] = {}
    with catalog.reading() as connection:
        for part in chunks(hashes):
            query = select(table.c.content_hash, table.c.id).where(table.c.content_hash.in_(part))
            found.update((row.content_hash, row.id) for row in connection.execute(query))
    return found


def texts_of(catalog: Catalog, ids: Sequence[int]) -> list[tuple[bytes, str]]:
    """Content hash and text of documents, of those that have a text."""
    query = select(documents.c.content_hash, documents.c.text).where(documents.c.text != "")
    with catalog.reading() as connection:
        return [
            (row.content_hash, row.text)
            for part in chunks(ids)
            for row in connection.execute(query.where(documents.c.id.in_(part)))
        ]


def covered(catalog: Catalog) -> dict[tuple[int, Kind], int]:
    """How many items are found in each space (by its id) and kind."""
    columns = (embeddings.c.space_id, embeddings.c.kind)
    query = select(*columns, func.count()).where(embeddings.c.live == 1).group_by(*columns)
    with catalog.reading() as connection:
        return {(space, kind): count for space, kind, count in connection.execute(query)}


def add_embeddings(connection: Connection, space: Space, kind: Kind, ids: Sequence[int]) -> None:
    """Let the rows behind the committed ones be those of the items `ids`, in order.

    The rows have been made durable before.
    """
    first = space.rows[kind]
    values = [
        {"space_id": space.id, "kind": kind, "row": row, "item_id": item, "live": False}
        for row, item in enumerate(ids, first)
    ]
    connection.execute(insert(embeddings), values)
    mine = (*rows_of(space, kind), embeddings.c.row >= first)
    connection.execute(update(embeddings).where(*mine).values(live=stands_somewhere(kind)))
    counted = {f"{kind}_rows": first + len(values), "generation": spaces.c.generation + 1}
    connection.execute(update(spaces).where(spaces.c.id == space.id).values(counted))


def switch_to(connection: Connection, space: Space) -> None:
    """Make `space` the one that searches use.

    Files whose items it lacks look changed from now on, so that the next run reads them again.
    """
    connection.execute(update(spaces).values(active=spaces.c.id == space.id))
    for kind in KINDS:
        lacking = and_(occurrence(kind).is_not(None), ~_embedded_in(space, kind))
        holders = files.c.id if kind == "photos" else sources.c.file_id
        waiting = select(holders).where(lacking)
        connection.execute(update(files).where(files.c.id.in_(waiting)).values(mtime_ns=-1))
    connection.execute(update(spaces).values(generation=spaces.c.generation + 1))


def only_in(connection: Connection, space: Space, kind: Kind) -> list[int]:
    """Items (ids) that stand in a file and have an embedding in `space` alone."""
    other = embeddings.alias()
    elsewhere = exists(
        select(other.c.row).where(
            other.c.space_id.in_(select(spaces.c.id).where(spaces.c.id != space.id)),
            other.c.kind == kind,
            other.c.item_id == embeddings.c.item_id,
        )
    )
    query = select(embeddings.c.item_id).where(*rows_of(space, kind), embeddings.c.live == 1)
    return list(connection.scalars(query.where(~elsewhere)))


def drop(connection: Connection, space: Space) -> None:
    """Take a space out of the catalog. Its files are removed afterwards (`leftovers`)."""
    for table in (embeddings, erasures):
        connection.execute(delete(table).where(table.c.space_id == space.id))
    connection.execute(delete(spaces).where(spaces.c.id == space.id))
    connection.execute(update(spaces).values(generation=spaces.c.generation + 1))


def _embedded_in(space: Space, kind: Kind) -> Any:
    at = embeddings.c.item_id == occurrence(kind)
    return exists(select(embeddings.c.row).where(*rows_of(space, kind), at))
