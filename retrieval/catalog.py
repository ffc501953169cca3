"""Every SQL statement of the package, behind methods that take and return records.

The catalog is the truth about everything but vector values. One transaction carries one batch:
photos, documents, files, and the vector rows that count from then on.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import (
    URL,
    Connection,
    Select,
    create_engine,
    event,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import DatabaseError

from retrieval.commits import Batch, chunks, table_of, write_batch
from retrieval.errors import (
    CollectionError,
    CorruptError,
    FormatError,
    LockedError,
    StorageError,
)
from retrieval.records import Document, Kind, Photo, Skipped, Source, Space
from retrieval.scan import KnownFile
from retrieval.tables import (
    MIGRATIONS,
    SCHEMA_VERSION,
    documents,
    embeddings,
    files,
    photos,
    sources,
    spaces,
)


class Catalog:
    """The SQLite database of one collection. Methods are safe to call from several threads."""

    def __init__(self, path: Path) -> None:
        """Open the database at `path`, creating an empty file if there is none."""
        self.path = path
        self._closed = False
        read_only = path.exists() and not os.access(path, os.W_OK)
        url = _read_only_url(path) if read_only else URL.create("sqlite", database=str(path))
        self._engine = create_engine(url, pool_size=0, connect_args={"timeout": 30})
        event.listen(self._engine, "connect", _on_connect_to_read if read_only else _on_connect)
        event.listen(self._engine, "begin", _on_begin)

    def close(self) -> None:
        self._closed = True
        self._engine.dispose()

    def check_open(self) -> None:
        """Raise CollectionError after `close`; the engine itself would just connect again."""
        if self._closed:
            raise CollectionError(
                f"The collection at {self.path.parent} was closed; open it again."
            )

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        self.check_open()
        try:
            with self._engine.begin() as connection:
                yield connection
        except DatabaseError as exc:
            raise _translated(exc, self.path) from exc

    # --- schema -----------------------------------------------------------------------------

    def version(self) -> int:
        """The schema version on disk; 0 for an empty database."""
        with self._transaction() as connection:
            return int(connection.execute(text("PRAGMA user_version")).scalar_one())

    def is_old(self) -> bool:
        """Whether `migrate` has something to write."""
        return self.version() < SCHEMA_VERSION

    def migrate(self) -> None:
        """Bring the schema to SCHEMA_VERSION, each step in a transaction. Raises FormatError."""
        found = self.version()
        if found > SCHEMA_VERSION:
            raise FormatError(
                f"{self.path} has schema version {found}, this program knows {SCHEMA_VERSION}. "
                "Update retrieval to open it."
            )
        for number in range(found, SCHEMA_VERSION):
            with self._transaction() as connection:
                MIGRATIONS[number](connection)
                connection.execute(text(f"PRAGMA user_version = {number + 1:d}"))

    # --- spaces -----------------------------------------------------------------------------

    def active_space(self) -> Space | None:
        """The space that searches use; None before anything was embedded."""
        with self._transaction() as connection:
            row = connection.execute(select(spaces).where(spaces.c.active)).one_or_none()
        if row is None:
            return None
        rows: dict[Kind, int] = {"photos": row.photos_rows, "documents": row.documents_rows}
        return Space(row.id, row.fingerprint, row.encoder, row.dim, row.generation, rows)

    def add_space(self, fingerprint: str, encoder: str, dim: int) -> None:
        """Record a new, empty space and make it the active one."""
        values = {"fingerprint": fingerprint, "encoder": encoder, "dim": dim}
        empty = {"photos_rows": 0, "documents_rows": 0, "generation": 0}
        with self._transaction() as connection:
            connection.execute(update(spaces).values(active=False))
            connection.execute(insert(spaces).values(**values, **empty, active=True))

    def dead_rows(self, space: Space, kind: Kind) -> list[int]:
        """Vector rows whose item stands in no file any more."""
        query = select(embeddings.c.row).where(*_rows_of(space, kind), embeddings.c.live == 0)
        with self._transaction() as connection:
            return list(connection.scalars(query))

    def items_at(self, space: Space, kind: Kind, rows: Sequence[int]) -> dict[int, int]:
        """Map vector rows to item ids."""
        columns = (embeddings.c.row, embeddings.c.item_id)
        query = select(*columns).where(*_rows_of(space, kind))
        return dict(self._in_chunks(query, embeddings.c.row, rows))

    # --- reading ----------------------------------------------------------------------------

    def known_files(self, roots: Iterable[str]) -> dict[str, KnownFile]:
        """All files at or below `roots` (absolute), by path."""
        known: dict[str, KnownFile] = {}
        with self._transaction() as connection:
            for root in roots:
                below = root.rstrip(os.sep) + os.sep
                beyond = below[:-1] + chr(ord(os.sep) + 1)
                inside = or_(
                    files.c.path == root,
                    (files.c.path >= below) & (files.c.path < beyond),
                    func.typeof(files.c.path) == "blob",  # not UTF-8: compared below
                )
                for row in connection.execute(select(files).where(inside)):
                    if row.path == root or row.path.startswith(below):
                        known[row.path] = KnownFile(*row)
        return known

    def embedded(self, space: Space | None, kind: Kind, hashes: Sequence[bytes]) -> set[bytes]:
        """Which of `hashes` have an embedding in `space` already."""
        if space is None or not hashes:
            return set()
        table = table_of(kind)
        query = (
            select(table.c.content_hash, table.c.id)
            .join(embeddings, embeddings.c.item_id == table.c.id)
            .where(*_rows_of(space, kind))
        )
        return set(dict(self._in_chunks(query, table.c.content_hash, hashes)))

    def photo_ids(self, hashes: Sequence[bytes]) -> dict[bytes, int]:
        """Map content hashes to photo ids, for those that are known."""
        query = select(photos.c.content_hash, photos.c.id)
        return dict(self._in_chunks(query, photos.c.content_hash, hashes))

    def photos_by_id(self, ids: Sequence[int]) -> dict[int, Photo]:
        """Photos with all their paths, by id."""
        found = {
            row.id: (row.content_hash, row.width, row.height, row.format)
            for row in self._in_chunks(select(photos), photos.c.id, ids)
        }
        paths: dict[int, list[str]] = {}
        query = select(files.c.photo_id, files.c.path).order_by(files.c.id)
        for photo_id, path in self._in_chunks(query, files.c.photo_id, ids):
            paths.setdefault(photo_id, []).append(path)
        return {i: Photo(i, *rest, paths=tuple(paths.get(i, ()))) for i, rest in found.items()}

    def documents_by_id(self, ids: Sequence[int]) -> dict[int, Document]:
        """Documents with all places they stand at, by id."""
        places: dict[int, list[Source]] = {}
        query = (
            select(sources.c.document_id, files.c.path, sources.c.line, sources.c.photo_path)
            .join(files, files.c.id == sources.c.file_id)
            .order_by(sources.c.id)
        )
        for document_id, path, line, photo_path in self._in_chunks(
            query, sources.c.document_id, ids
        ):
            places.setdefault(document_id, []).append(Source(path, line, photo_path))
        rows = self._in_chunks(select(documents.c.id, documents.c.text), documents.c.id, ids)
        return {i: Document(i, body, tuple(places.get(i, ()))) for i, body in rows}

    def counts(self) -> dict[str, int]:
        """Live photos, their files, live documents, and skipped files."""
        with self._transaction() as connection:

            def count(column: Any, where: Any) -> int:
                query = select(func.count(func.distinct(column))).where(where)
                return int(connection.scalar(query) or 0)

            return {
                "photos": count(files.c.photo_id, files.c.photo_id.is_not(None)),
                "files": count(files.c.id, files.c.reason.is_(None)),
                "documents": count(sources.c.document_id, sources.c.document_id.is_not(None)),
                "skipped": count(files.c.id, files.c.reason.is_not(None)),
            }

    def skipped(self) -> list[Skipped]:
        """All skipped files with their reasons, by path."""
        query = select(files.c.path, files.c.reason).where(files.c.reason.is_not(None))
        with self._transaction() as connection:
            rows = connection.execute(query.order_by(files.c.path))
            return [Skipped(row.path, row.reason) for row in rows]

    # --- writing ----------------------------------------------------------------------------

    def commit(self, space: Space | None, batch: Batch) -> None:
        """Write one batch in one transaction.

        New photos and documents take the vector rows that follow the committed ones, in order;
        the caller has made those rows durable before. `space` is None only if there are none.
        """
        with self._transaction() as connection:
            write_batch(connection, space, batch)

    def _in_chunks(self, query: Select[Any], column: Any, values: Sequence[Any]) -> list[Any]:
        found: list[Any] = []
        with self._transaction() as connection:
            for part in chunks(values):
                found.extend(connection.execute(query.where(column.in_(part))))
        return found


def _rows_of(space: Space, kind: Kind) -> tuple[Any, Any]:
    return embeddings.c.space_id == space.id, embeddings.c.kind == kind


def _on_connect(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver must not begin or commit behind our back
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _read_only_url(path: Path) -> URL:
    """A database on a read-only place: without a write-ahead log nobody can be changing it."""
    options = {"uri": "true", "mode": "ro"}
    if not path.with_name(f"{path.name}-wal").exists():
        options["immutable"] = "1"
    return URL.create("sqlite", database=path.absolute().as_uri(), query=options)


def _on_connect_to_read(connection: Any, _: Any) -> None:
    connection.isolation_level = None


def _on_begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")


def _translated(exc: DatabaseError, path: Path) -> Exception:
    detail = str(exc.orig)
    if "disk is full" in detail:
        return StorageError(
            f"The disk that holds {path} is full. Free some space and run the command again; "
            "what was committed before is kept."
        )
    if "readonly" in detail or "unable to open" in detail or "disk I/O" in detail:
        return StorageError(f"{path} cannot be read or written ({detail}). Check its permissions.")
    if "locked" in detail:
        return LockedError(f"{path} is busy: another program holds it. Try again in a moment.")
    return CorruptError(f"{path} is damaged ({detail}). Restore it from a backup, or index again.")
