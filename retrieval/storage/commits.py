"""The one transaction that writes a batch: what it carries, and the statements that write it.

Items are written before the files that hold them; afterwards every item whose files changed is
marked live or dead, so that searches see exactly what stands on disk. What is known of photos
(`facts`, `looks`) is written with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy import Connection, Table, delete, exists, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert_into

from retrieval.errors import CorruptError
from retrieval.records import Facts, FileStat, Kind, Looks, Space
from retrieval.storage.knowledge import Known, chunks, mark_outdated, write_rows
from retrieval.storage.tables import documents, embeddings, files, photos, sources, spaces
from retrieval.storage.words import photos_named, refresh_words


@dataclass(frozen=True, slots=True)
class NewPhoto:
    """A photo that this batch embeds. Its vector row is its place in the batch."""

    content_hash: bytes
    width: int
    height: int
    format: str
    frames: int = 1
    facts: Facts | None = None
    looks: Looks | None = None


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A text that this batch embeds."""

    content_hash: bytes
    text: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a text corpus: which document stands there and which photo it names."""

    content_hash: bytes
    line: int
    photo_path: str | None
    guessed: bool = False  # by a model


@dataclass(frozen=True, slots=True)
class FileEntry:
    """What a file is from now on: a photo's (by content hash), skipped, or a text corpus."""

    stat: FileStat
    photo: bytes | None = None
    reason: str | None = None
    reader: str | None = None
    lines: tuple[Line, ...] = ()


@dataclass(slots=True)
class Batch:
    """What one transaction writes."""

    photos: list[NewPhoto] = field(default_factory=list)
    documents: list[NewDocument] = field(default_factory=list)
    entries: list[FileEntry] = field(default_factory=list)
    gone: list[int] = field(default_factory=list)  # ids of files that are no more
    #: Items whose vectors are known and whose description was lost with an older catalog.
    described: list[NewPhoto | NewDocument] = field(default_factory=list)
    #: Photos of which facts or looks were read again.
    known: list[Known] = field(default_factory=list)
    #: Photos whose facts are to be read again: a sidecar beside them is another one now.
    outdated: list[bytes] = field(default_factory=list)
    #: The same unless they have a date from elsewhere: a file of another name holds them now.
    renamed: list[bytes] = field(default_factory=list)


@dataclass(slots=True)
class _Touched:
    """Items whose files or lines changed, so that they may have become live or dead."""

    photos: set[int] = field(default_factory=set)
    documents: set[int] = field(default_factory=set)
    named: set[int] = field(default_factory=set)  # photos that lines named, or name now


K = TypeVar("K")


class _Ids(dict[K, int]):
    """Ids by content hash or path; what must have one and has none is damage."""

    def __missing__(self, key: K) -> int:
        raise CorruptError(
            "The catalog has lost a photo, a document or a file that it counts on. "
            "Mend it with: retrieval repair"
        )


def write_batch(connection: Connection, space: Space | None, batch: Batch) -> None:
    """Write one batch. `space` may be None only if the batch embeds nothing."""
    if space is not None:
        _add_items(connection, space, "photos", [_values(p) for p in batch.photos])
        _add_items(connection, space, "documents", [_values(d) for d in batch.documents])
    for item in batch.described:
        table = photos if isinstance(item, NewPhoto) else documents
        mine = table.c.content_hash == item.content_hash
        connection.execute(update(table).where(mine).values(_values(item)))
    touched = _Touched()
    _remove_files(connection, batch.gone, touched)
    _write_entries(connection, batch.entries, touched)
    _write_known(connection, batch, touched)
    _refresh_live(connection, "photos", touched.photos)
    _refresh_live(connection, "documents", touched.documents)
    refresh_words(connection, touched.photos | touched.named)
    connection.execute(update(spaces).values(generation=spaces.c.generation + 1))


def _add_items(
    connection: Connection, space: Space, kind: Kind, values: list[dict[str, Any]]
) -> None:
    if not values:
        return
    table = table_of(kind)
    connection.execute(upsert_into(table).on_conflict_do_nothing(), values)
    ids = _ids_by_hash(connection, table, [value["content_hash"] for value in values])
    first = space.rows[kind]
    connection.execute(
        insert(embeddings),
        [
            {
                "space_id": space.id,
                "kind": kind,
                "row": first + offset,
                "item_id": ids[value["content_hash"]],
                "live": False,  # until the files of this batch are written
            }
            for offset, value in enumerate(values)
        ],
    )
    column = f"{kind}_rows"
    connection.execute(
        update(spaces).where(spaces.c.id == space.id).values({column: first + len(values)})
    )


def _remove_files(connection: Connection, ids: list[int], touched: _Touched) -> None:
    for part in chunks(ids):
        mine = files.c.id.in_(part)
        touched.photos.update(
            connection.scalars(select(files.c.photo_id).where(mine, files.c.photo_id.is_not(None)))
        )
        _remove_lines(connection, part, touched)
        connection.execute(delete(files).where(mine))


def _remove_lines(connection: Connection, file_ids: Sequence[int], touched: _Touched) -> None:
    mine = sources.c.file_id.in_(file_ids)
    touched.documents.update(connection.scalars(select(sources.c.document_id).where(mine)))
    touched.named |= photos_named(connection, file_ids)
    connection.execute(delete(sources).where(mine))


def _write_entries(connection: Connection, entries: list[FileEntry], touched: _Touched) -> None:
    if not entries:
        return
    paths = [entry.stat.path for entry in entries]
    ids = _ids_by_hash(connection, photos, [e.photo for e in entries if e.photo is not None])
    for part in chunks(paths):
        before = select(files.c.photo_id).where(files.c.path.in_(part))
        touched.photos.update(i for i in connection.scalars(before) if i is not None)
    touched.photos.update(ids.values())
    statement = upsert_into(files)
    columns = ("size", "mtime_ns", "photo_id", "reason", "reader")
    statement = statement.on_conflict_do_update(
        index_elements=["path"], set_={name: statement.excluded[name] for name in columns}
    )
    connection.execute(
        statement,
        [
            {
                "path": entry.stat.path,
                "size": entry.stat.size,
                "mtime_ns": entry.stat.mtime_ns,
                "photo_id": None if entry.photo is None else ids[entry.photo],
                "reason": entry.reason,
                "reader": entry.reader,
            }
            for entry in entries
        ],
    )
    _write_lines(connection, entries, touched)


def _write_lines(connection: Connection, entries: list[FileEntry], touched: _Touched) -> None:
    file_ids: _Ids[str] = _Ids()
    for part in chunks([entry.stat.path for entry in entries]):
        rows = connection.execute(select(files.c.path, files.c.id).where(files.c.path.in_(part)))
        file_ids.update((row.path, row.id) for row in rows)
    _remove_lines(connection, list(file_ids.values()), touched)
    for entry in entries:
        if not entry.lines:
            continue
        ids = _ids_by_hash(connection, documents, [line.content_hash for line in entry.lines])
        touched.documents.update(ids.values())
        connection.execute(
            insert(sources),
            [
                {
                    "file_id": file_ids[entry.stat.path],
                    "document_id": ids[line.content_hash],
                    "line": line.line,
                    "photo_path": line.photo_path,
                    "guessed": line.guessed,
                }
                for line in entry.lines
            ],
        )
    touched.named |= photos_named(connection, list(file_ids.values()))


def _refresh_live(connection: Connection, kind: Kind, ids: set[int]) -> None:
    occurrence = files.c.photo_id if kind == "photos" else sources.c.document_id
    stands_somewhere = exists(select(occurrence).where(occurrence == embeddings.c.item_id))
    any_space = embeddings.c.space_id.in_(select(spaces.c.id))  # so that the index is used
    for part in chunks(sorted(ids)):
        connection.execute(
            update(embeddings)
            .where(any_space, embeddings.c.kind == kind, embeddings.c.item_id.in_(part))
            .values(live=stands_somewhere)
        )


def _write_known(connection: Connection, batch: Batch, touched: _Touched) -> None:
    """Write facts and looks, and mark those that no longer hold, as after their file was moved."""
    mark_outdated(connection, sorted(touched.photos), by_name=True)
    described = [item for item in batch.described if isinstance(item, NewPhoto)]
    new = [item for item in (*batch.photos, *described) if item.facts or item.looks]
    ids = _ids_by_hash(connection, photos, [item.content_hash for item in new])
    known = [Known(ids[item.content_hash], item.facts, item.looks) for item in new]
    known += batch.known
    write_rows(connection, known)
    touched.photos.update(item.photo_id for item in known)
    for hashes, by_name in ((batch.outdated, False), (batch.renamed, True)):
        again = _ids_by_hash(connection, photos, hashes)
        mark_outdated(connection, sorted(again.values()), by_name=by_name)


def _values(item: NewPhoto | NewDocument) -> dict[str, Any]:
    names = (name for name in item.__slots__ if name not in ("facts", "looks"))
    return {name: getattr(item, name) for name in names}


def _ids_by_hash(connection: Connection, table: Table, hashes: Sequence[bytes]) -> _Ids[bytes]:
    found: _Ids[bytes] = _Ids()
    for part in chunks(hashes):
        query = select(table.c.content_hash, table.c.id).where(table.c.content_hash.in_(part))
        found.update((row.content_hash, row.id) for row in connection.execute(query))
    return found


def table_of(kind: Kind) -> Table:
    """The table of a kind of item."""
    return photos if kind == "photos" else documents
