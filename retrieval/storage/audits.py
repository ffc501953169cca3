"""The SQL behind verify and repair: what is claimed, and taking back what cannot be kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, select, update

from retrieval.errors import CorruptError
from retrieval.records import KINDS, Kind, Space
from retrieval.storage.catalog import Catalog, rows_of
from retrieval.storage.commits import table_of
from retrieval.storage.knowledge import chunks
from retrieval.storage.tables import documents, embeddings, erasures, files, photos, sources, spaces
from retrieval.storage.words import check_words, make_words_anew, refresh_words, wrong_words

MANY = 10_000  # rows fetched at a time


def hashes_by_row(catalog: Catalog, space: Space, kind: Kind) -> Iterator[tuple[int, bytes]]:
    """Each embedded row and the content hash of its item (empty if it has none), in order."""
    table = table_of(kind)
    query = (
        select(embeddings.c.row, table.c.content_hash)
        .outerjoin(table, table.c.id == embeddings.c.item_id)
        .where(*rows_of(space, kind))
        .order_by(embeddings.c.row)
    )
    with catalog.reading() as connection:
        for row, content_hash in connection.execute(query).yield_per(MANY):
            yield row, content_hash or b""


def texts(catalog: Catalog) -> Iterator[tuple[bytes, str]]:
    """The content hash and the text of every document that stands in a file, or has a text."""
    stands = exists(select(sources.c.id).where(sources.c.document_id == documents.c.id))
    query = select(documents.c.content_hash, documents.c.text).where(
        stands | (documents.c.text != "")
    )
    with catalog.reading() as connection:
        for row in connection.execute(query).yield_per(MANY):
            yield row.content_hash, row.text


def known_paths(catalog: Catalog) -> Iterator[tuple[str, int, int, bytes | None]]:
    """Path, size, modification time and photo hash of every file that holds something."""
    query = (
        select(files.c.path, files.c.size, files.c.mtime_ns, photos.c.content_hash)
        .outerjoin(photos, photos.c.id == files.c.photo_id)
        .where(files.c.reason.is_(None))
    )
    with catalog.reading() as connection:
        for row in connection.execute(query).yield_per(MANY):
            yield tuple(row)


def words_problem(catalog: Catalog) -> tuple[str, int]:
    """What is wrong with the table of words, "" if nothing; and how many photos have none yet."""
    with catalog.reading() as connection:
        wrong, missing = wrong_words(connection)
    if wrong:
        return f"the words of {wrong:,} photos are not those that the other tables hold", missing
    if not catalog.read_only:  # FTS5 checks itself in answer to a statement that writes
        try:
            with catalog.trying() as connection:
                check_words(connection)
        except CorruptError:
            return "the index of words contradicts the words", missing
    return "", missing


def rebuild_words(catalog: Catalog) -> int:
    """Make the table of words anew from the other tables; returns how many photos have some."""
    with catalog.writing() as connection:
        make_words_anew(connection)
    return catalog.fill_words()


def photo_hashes(catalog: Catalog) -> set[str]:
    """The content hashes of all photos, in hexadecimal: the names of their thumbnails."""
    with catalog.reading() as connection:
        return {value.hex() for value in connection.scalars(select(photos.c.content_hash))}


def wrongly_live(catalog: Catalog, space: Space, kind: Kind) -> int:
    """How many embeddings are marked live though their item stands in no file, or the reverse."""
    query = select(func.count()).where(
        *rows_of(space, kind), embeddings.c.live != _stands_somewhere(kind)
    )
    with catalog.reading() as connection:
        return int(connection.scalar(query) or 0)


def unclear_files(catalog: Catalog) -> int:
    """How many files are neither a photo's nor a text corpus nor skipped, or several of these."""
    photo, reason = files.c.photo_id.is_not(None), files.c.reason.is_not(None)
    neither = ~photo & ~reason & files.c.reader.is_(None)
    with catalog.reading() as connection:
        query = select(func.count()).select_from(files).where((photo & reason) | neither)
        return int(connection.scalar(query) or 0)


def without_embedding(catalog: Catalog, space: Space, kind: Kind) -> list[int]:
    """Items that stand in a file and have no embedding in `space`."""
    with catalog.reading() as connection:
        return _without_embedding(connection, space, kind)


def waiting(catalog: Catalog, space: Space, kind: Kind) -> list[int]:
    """Items that stand in a file and have an embedding in another space only.

    Their files could not be read when `space` was filled.
    """
    with catalog.reading() as connection:
        lacking = _without_embedding(connection, space, kind)
        return sorted(_found_elsewhere(connection, kind, lacking))


def _found_elsewhere(connection: Connection, kind: Kind, items: Sequence[int]) -> set[int]:
    """Which of the items have an embedding in any space."""
    found: set[int] = set()
    any_space = embeddings.c.space_id.in_(select(spaces.c.id))  # so that the index is used
    for part in chunks(items):
        mine = (any_space, embeddings.c.kind == kind, embeddings.c.item_id.in_(part))
        found.update(connection.scalars(select(embeddings.c.item_id).where(*mine)))
    return found


def _without_embedding(connection: Connection, space: Space, kind: Kind) -> list[int]:
    occurrence = files.c.photo_id if kind == "photos" else sources.c.document_id
    embedded = exists(
        select(embeddings.c.row).where(*rows_of(space, kind), embeddings.c.item_id == occurrence)
    )
    query = select(occurrence).where(occurrence.is_not(None), ~embedded).distinct()
    return list(connection.scalars(query))


def give_up(
    catalog: Catalog,
    space: Space,
    rows: Mapping[Kind, Sequence[int]],
    erased: Mapping[Kind, Sequence[int]],
    reason: str,
    reader: str,
    *,
    mark: bool = True,
) -> list[str]:
    """Give up rows of the vectors, and mark the files of what has no embedding to be read again.

    Without `mark` files stay as they are: those of a space that is not searched are for a migration
    to fill. What waits for its file since one (`waiting`) does so further.

    In one transaction: a photo is never left without both. `erased` rows, which hold something
    again, are to be overwritten once more. Photos' files are marked as skipped for `reason`,
    `reader` makes the next run examine them; texts keep the columns they were read with. Returns
    the paths that were marked.
    """
    paths: list[str] = []
    with catalog.writing() as connection:
        for kind in KINDS:
            lost: set[int] = set()
            for row in erased.get(kind, ()):
                once_more = insert(erasures).prefix_with("OR REPLACE")
                connection.execute(once_more, {**_at(space, kind, row), "done": False})
            for part in chunks(rows.get(kind, ())):
                mine = (*rows_of(space, kind), embeddings.c.row.in_(part))
                lost.update(connection.scalars(select(embeddings.c.item_id).where(*mine)))
                connection.execute(delete(embeddings).where(*mine))
                values = [{**_at(space, kind, row), "done": False} for row in part]
                connection.execute(insert(erasures).prefix_with("OR REPLACE"), values)
            if mark:
                lacking = _without_embedding(connection, space, kind)
                waits = _found_elsewhere(connection, kind, lacking) - lost
                again = [item for item in lacking if item not in waits]
                paths += mark_to_read_again(connection, kind, again, reason, reader)
        connection.execute(update(spaces).values(generation=spaces.c.generation + 1))
    return paths


def _at(space: Space, kind: Kind, row: int) -> dict[str, Any]:
    return {"space_id": space.id, "kind": kind, "row": row}


def mark_to_read_again(
    connection: Connection, kind: Kind, items: Sequence[int], reason: str, reader: str
) -> list[str]:
    """Mark the files of items so that the next run reads them; returns their paths."""
    paths: list[str] = []
    for part in chunks(items):
        if kind == "photos":
            mine = files.c.photo_id.in_(part)
            values: dict[str, Any] = {"photo_id": None, "reason": reason, "reader": reader}
        else:
            holders = select(sources.c.file_id).where(sources.c.document_id.in_(part))
            mine = files.c.id.in_(holders)
            values = {"mtime_ns": -1}  # looks changed, so that it is read again
        paths += connection.scalars(select(files.c.path).where(mine))
        connection.execute(update(files).where(mine).values(**values))
        if kind == "photos":
            refresh_words(connection, part)  # what stands in no file has none
    return paths


def paths_with_reason(catalog: Catalog, reason: str) -> list[str]:
    """The files that were skipped for exactly this reason."""
    with catalog.reading() as connection:
        return list(connection.scalars(select(files.c.path).where(files.c.reason == reason)))


def refresh_live(catalog: Catalog) -> None:
    """Mark every embedding live or not, as its item stands in a file or not."""
    with catalog.writing() as connection:
        for kind in ("photos", "documents"):
            connection.execute(
                update(embeddings)
                .where(embeddings.c.kind == kind)
                .values(live=_stands_somewhere(kind))
            )
        connection.execute(update(spaces).values(generation=spaces.c.generation + 1))


def _stands_somewhere(kind: str) -> Any:
    occurrence = files.c.photo_id if kind == "photos" else sources.c.document_id
    return exists(select(occurrence).where(occurrence == embeddings.c.item_id))
