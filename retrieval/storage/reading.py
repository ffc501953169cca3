"""A catalog that is only read, through sqlite3 alone: what a search needs, and cheap to start."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from retrieval.errors import CollectionError, CorruptError, RetrievalError
from retrieval.storage.failures import is_read_only, reading_options, translated
from retrieval.storage.layout import FORMAT, read_manifest, storage_errors
from retrieval.storage.readable import Readable
from retrieval.storage.seals import CatalogFile


class CatalogReader(Readable):
    """One database file that is there. Methods are safe to call from several threads."""

    def __init__(self, path: Path) -> None:
        """Open the database at `path`. Raises StorageError."""
        self.path = path
        self._closed = False
        self._local = threading.local()  # .connection: the transaction of a snapshot
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        with storage_errors(path):
            self._file = CatalogFile(path)
        options = reading_options(path) if is_read_only(path) else {"mode": "rw"}
        self._uri = f"{path.absolute().as_uri()}?{urlencode(options)}"

    def close(self) -> None:
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()
        self._file.close()

    def check_open(self) -> None:
        if self._closed:
            raise CollectionError(
                f"The collection at {self.path.parent} was closed; open it again."
            )

    def fetch(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._reading() as connection:
            return connection.execute(sql, values).fetchall()

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        with self._reading():
            yield

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """A transaction that only reads; inside `snapshot` it is the snapshot's."""
        shared: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if shared is not None:
            yield shared
            return
        self.check_open()
        with self._translating():
            connection = self._take()
            try:
                connection.execute("BEGIN")
                self._local.connection = connection
                yield connection
            finally:
                self._local.connection = None
                self._give_back(connection)

    @contextmanager
    def _translating(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as exc:
            raise translated(exc, self.path) from exc
        except UnicodeDecodeError as exc:  # SQLite names what is damaged, in damaged letters
            raise translated(exc, self.path) from exc

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        # Each is used by one thread at a time, though not always by the same.
        connection = sqlite3.connect(
            self._uri, timeout=30, isolation_level=None, check_same_thread=False, uri=True
        )
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        try:
            connection.rollback()  # nothing was written: it ends the transaction
        except sqlite3.Error:
            connection.close()
            return
        with self._lock:
            if not self._closed:
                self._idle.append(connection)
                return
        connection.close()


def open_reader(path: Path) -> CatalogReader | None:
    """Open the catalog of the collection at `path` to read it, and check its seal.

    None for a collection of an older format, which is to be upgraded first. Raises FormatError,
    CorruptError, LockedError, StorageError.
    """
    if not is_current(path):
        return None
    reader = CatalogReader(path / "catalog.db")
    try:
        reader.check_seal()
        old = reader.is_old()
    except RetrievalError:
        reader.close()
        raise
    if old:
        reader.close()
        return None
    return reader


def is_current(path: Path) -> bool:
    """Whether the folder is of the newest format. Raises FormatError, CorruptError."""
    manifest = read_manifest(path)
    if not os.path.isfile(path / "catalog.db"):
        raise CorruptError(f"{path} has lost its catalog.db. Make it anew with: retrieval repair")
    return bool(manifest["format"] == FORMAT)
