"""The SQLite database of a collection: connections, transactions, schema, and its seal.

Every transaction that writes counts up the generation and is durable when it returns
(write-ahead log, synchronous = FULL); afterwards the seal is brought up to date.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, create_engine, event, select, text, update
from sqlalchemy.exc import DatabaseError

from retrieval.errors import CollectionError, RetrievalError
from retrieval.storage import disk
from retrieval.storage.failures import is_read_only, reading_options, translated
from retrieval.storage.layout import storage_errors
from retrieval.storage.migrations import MIGRATIONS
from retrieval.storage.readable import (
    SCHEMA_VERSION,
    Readable,
    checked_generation,
    generation_checksum,
)
from retrieval.storage.seals import CatalogFile, Seal, read_seal, write_seal
from retrieval.storage.tables import state

STATE_SINCE = 2  # the schema version that brought the table `state`
SEALING_SHARE = 20  # sealing reads the whole file: at most one part in 20 of a long run's time


class Database(Readable):
    """One database file. Methods are safe to call from several threads."""

    def __init__(self, path: Path) -> None:
        """Open the database at `path`, creating an empty file if there is none."""
        self.path = path
        self._closed = False
        self._local = threading.local()  # .connection: the transaction of a snapshot
        self._next_sealing = 0.0
        self.read_only = path.exists() and is_read_only(path)
        with storage_errors(path):
            if not self.read_only:
                disk.create_empty(path)  # SQLite would make it readable by others
            self._file = CatalogFile(path)
        url = _read_only_url(path) if self.read_only else URL.create("sqlite", database=str(path))
        self._engine = create_engine(url, pool_size=0, connect_args={"timeout": 30})
        on_connect = _on_connect_to_read if self.read_only else _on_connect
        event.listen(self._engine, "connect", on_connect)
        event.listen(self._engine, "begin", _on_begin)
        self._writer = self._engine.execution_options(writes=True)

    def close(self) -> None:
        self._closed = True
        self._engine.dispose()
        self._file.close()

    def check_open(self) -> None:
        """Raise CollectionError after `close`; the engine itself would just connect again."""
        if self._closed:
            raise CollectionError(
                f"The collection at {self.path.parent} was closed; open it again."
            )

    # --- transactions -----------------------------------------------------------------------

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that only reads; inside `snapshot` it is the snapshot's."""
        shared = getattr(self._local, "connection", None)
        if shared is not None:
            yield shared
            return
        self.check_open()
        with self._translating(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """What this thread reads inside is the state of one moment, whatever others commit."""
        with self.reading() as connection:
            outer = getattr(self._local, "connection", None)
            self._local.connection = connection
            try:
                yield
            finally:
                self._local.connection = outer

    def fetch(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.reading() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(sql, values)]

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes. It is durable when this returns, or nothing of it counts."""
        self.check_open()
        with self._translating(), self._writer.connect() as connection:
            yield connection
            generation = _count_up(connection, self.path)
            self.commit_transaction(connection)
        self._note(generation)

    @contextmanager
    def trying(self) -> Iterator[Connection]:
        """A transaction in which may be written, and of which nothing stays."""
        self.check_open()
        with self._translating(), self._writer.connect() as connection:
            yield connection

    def commit_transaction(self, connection: Connection) -> None:
        """The moment from which a transaction counts; tests let it fail or be the last one."""
        connection.commit()

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as exc:
            raise _translated(exc, self.path) from exc
        except UnicodeDecodeError as exc:  # SQLite names what is damaged, in damaged letters
            raise translated(exc, self.path) from exc

    # --- the seal ---------------------------------------------------------------------------

    def seal(self) -> None:
        """Bring the seal up to date with the database, unless readers keep it from settling.

        Must run under the collection's write lock. Raises StorageError.
        """
        begun = time.monotonic()
        generation = self.generation()
        if self._settle():
            size, crc32 = self._file.checksum()
            seal = Seal(generation, generation, size, crc32)
        else:
            seal = self._mark(generation)
        with storage_errors(self.path):
            write_seal(self.path, seal)
        now = time.monotonic()
        self._next_sealing = now + SEALING_SHARE * (now - begun)

    def is_sealed(self) -> bool:
        """Whether the newest generation is sealed. Raises CorruptError for a damaged seal."""
        seal = read_seal(self.path)
        return seal is not None and seal.sealed == self.generation()

    def integrity_problems(self) -> list[str]:
        """What SQLite's own check finds: structure, indexes, references; empty if all is well."""
        with self.reading() as connection:
            found = [str(row) for row in connection.scalars(text("PRAGMA integrity_check(20)"))]
            dangling = connection.execute(text("PRAGMA foreign_key_check")).all()
        problems = [] if found == ["ok"] else found
        return problems + [
            f"{row[0]} names a row of {row[2]} that is not there" for row in dangling
        ]

    def _note(self, generation: int) -> None:
        if time.monotonic() >= self._next_sealing:
            self.seal()
            return
        with storage_errors(self.path):
            write_seal(self.path, self._mark(generation))

    def _mark(self, generation: int) -> Seal:
        old = read_seal(self.path)
        if old is None:
            return Seal(generation)
        return Seal(generation, old.sealed, old.bytes, old.checksum)

    def _settle(self) -> bool:
        """Move what is in the write-ahead log into the file itself; False if readers hinder it."""
        busy, pages, moved = self._run_alone("PRAGMA wal_checkpoint(PASSIVE)")[0]
        return bool(not busy and pages == moved)

    def _run_alone(self, statement: str) -> list[Any]:
        """Run a statement that must not stand in a transaction."""
        connection = self._engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(statement)
            return list(cursor.fetchall())
        except Exception as exc:
            raise translated(exc, self.path) from exc
        finally:
            connection.close()

    def vacuum(self) -> bool:
        """Write the database anew, so that no byte of what was removed is left, and free the space.

        False if a reader kept the write-ahead log from being emptied. Must run under the
        collection's write lock. Raises StorageError.
        """
        # The file will change while its generation does not, so no seal may be of this one.
        self._next_sealing = math.inf
        with self.writing():
            pass
        self._run_alone("VACUUM")
        busy, *_ = self._run_alone("PRAGMA wal_checkpoint(TRUNCATE)")[0]
        self.seal()
        return not busy

    # --- schema -----------------------------------------------------------------------------

    def migrate(self) -> None:
        """Bring the schema to SCHEMA_VERSION, each step in a transaction. Raises FormatError."""
        self.is_old()
        for number in range(self.version(), SCHEMA_VERSION):
            with self._translating(), self._writer.connect() as connection:
                MIGRATIONS[number](connection)
                connection.execute(text(f"PRAGMA user_version = {number + 1:d}"))
                if number >= STATE_SINCE:
                    _count_up(connection, self.path)  # so that the seal of before is of the past
                self.commit_transaction(connection)
        if not self.is_sealed():  # perhaps since a process died just here
            self.seal()

    def back_up(self, target: Path) -> None:
        """Copy the database as it is now to `target`, durably. Raises StorageError."""
        temporary = target.with_name(f"{target.name}.tmp")
        with storage_errors(target):
            disk.remove(temporary)
            disk.create_empty(temporary)
        with self._translating(), self._engine.connect() as connection:
            connection.exec_driver_sql("ROLLBACK")  # VACUUM INTO must not run in a transaction
            connection.exec_driver_sql("VACUUM INTO ?", (str(temporary),))
        with storage_errors(target):
            disk.sync_file(temporary)
            disk.rename(temporary, target)


def _count_up(connection: Connection, path: Path) -> int:
    rows = connection.execute(select(state.c.generation, state.c.checksum)).all()
    generation = checked_generation(rows, path) + 1
    values = {"generation": generation, "checksum": generation_checksum(generation)}
    connection.execute(update(state).values(values))
    return generation


def _on_connect(connection: Any, _: Any) -> None:
    connection.isolation_level = None  # the driver must not begin or commit behind our back
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",  # a commit that returned survives a power failure
        "foreign_keys = ON",
        "secure_delete = ON",  # what is removed is overwritten
    ):
        connection.execute(f"PRAGMA {pragma}")


def _read_only_url(path: Path) -> URL:
    query = {"uri": "true", **reading_options(path)}
    return URL.create("sqlite", database=path.absolute().as_uri(), query=query)


def _on_connect_to_read(connection: Any, _: Any) -> None:
    connection.isolation_level = None


def _on_begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _translated(exc: DatabaseError, path: Path) -> RetrievalError:
    return translated(exc.orig or exc, path)
