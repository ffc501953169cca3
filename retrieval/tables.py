"""The tables of the catalog, and the numbered migrations that make them.

The schema's history is read top to bottom in MIGRATIONS; nobody edits an old step. The Table
objects describe the newest schema; a test compares them with what the migrations make.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Dialect,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator


class PathText(TypeDecorator[str]):
    """A path as text; one that is not UTF-8 as its bytes, so that it comes back unchanged."""

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> Any:
        if value is None:
            return None
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            return os.fsencode(value)
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        return os.fsdecode(value) if isinstance(value, bytes) else value


metadata = MetaData()

#: One row an image content.
photos = Table(
    "photos",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("content_hash", LargeBinary, nullable=False, unique=True),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("format", String, nullable=False),
)

#: One row a text content.
documents = Table(
    "documents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("content_hash", LargeBinary, nullable=False, unique=True),
    Column("text", String, nullable=False),
)

#: One row a file met: a photo's, a text corpus, or a skipped one (then `reason` says why).
files = Table(
    "files",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", PathText, nullable=False, unique=True),
    Column("size", BigInteger, nullable=False),
    Column("mtime_ns", BigInteger, nullable=False),
    Column("photo_id", ForeignKey("photos.id"), index=True),
    Column("reason", String),
    Column("reader", String),
)

#: Where a document stands: a line of a file, and the photo that the line names.
sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("file_id", ForeignKey("files.id"), nullable=False, index=True),
    Column("document_id", ForeignKey("documents.id"), nullable=False, index=True),
    Column("line", Integer, nullable=False),
    Column("photo_path", PathText),
)

#: One row an encoder; `photos_rows` and `documents_rows` are the committed lengths of its vectors,
#: `generation` counts the commits, so that a reader notices that what it loaded is old.
spaces = Table(
    "spaces",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", String, nullable=False, unique=True),
    Column("encoder", String, nullable=False),
    Column("dim", Integer, nullable=False),
    Column("photos_rows", Integer, nullable=False),
    Column("documents_rows", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("active", Boolean, nullable=False),
)

#: Which row of a space's vector file holds which item; a row that is not live is not searched.
embeddings = Table(
    "embeddings",
    metadata,
    Column("space_id", ForeignKey("spaces.id"), primary_key=True),
    Column("kind", String, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("item_id", Integer, nullable=False),
    Column("live", Boolean, nullable=False),
    UniqueConstraint("space_id", "kind", "item_id"),
)


def _m001_first_schema(connection: Connection) -> None:
    for statement in (
        "CREATE TABLE photos (id INTEGER PRIMARY KEY, content_hash BLOB NOT NULL UNIQUE,"
        " width INTEGER NOT NULL, height INTEGER NOT NULL, format VARCHAR NOT NULL)",
        "CREATE TABLE documents (id INTEGER PRIMARY KEY, content_hash BLOB NOT NULL UNIQUE,"
        " text VARCHAR NOT NULL)",
        "CREATE TABLE files (id INTEGER PRIMARY KEY, path VARCHAR NOT NULL UNIQUE,"
        " size BIGINT NOT NULL, mtime_ns BIGINT NOT NULL,"
        " photo_id INTEGER REFERENCES photos (id), reason VARCHAR, reader VARCHAR)",
        "CREATE INDEX ix_files_photo_id ON files (photo_id)",
        "CREATE TABLE sources (id INTEGER PRIMARY KEY,"
        " file_id INTEGER NOT NULL REFERENCES files (id),"
        " document_id INTEGER NOT NULL REFERENCES documents (id),"
        " line INTEGER NOT NULL, photo_path VARCHAR)",
        "CREATE INDEX ix_sources_file_id ON sources (file_id)",
        "CREATE INDEX ix_sources_document_id ON sources (document_id)",
        "CREATE TABLE spaces (id INTEGER PRIMARY KEY, fingerprint VARCHAR NOT NULL UNIQUE,"
        " encoder VARCHAR NOT NULL, dim INTEGER NOT NULL, photos_rows INTEGER NOT NULL,"
        " documents_rows INTEGER NOT NULL, generation INTEGER NOT NULL, active BOOLEAN NOT NULL)",
        "CREATE TABLE embeddings (space_id INTEGER NOT NULL REFERENCES spaces (id),"
        " kind VARCHAR NOT NULL, row INTEGER NOT NULL, item_id INTEGER NOT NULL,"
        " live BOOLEAN NOT NULL, PRIMARY KEY (space_id, kind, row),"
        " UNIQUE (space_id, kind, item_id)) WITHOUT ROWID",
        "CREATE INDEX ix_embeddings_dead ON embeddings (space_id, kind, row) WHERE live = 0",
    ):
        connection.execute(text(statement))


#: Step n brings a catalog from version n - 1 to n; the version stands in `PRAGMA user_version`.
MIGRATIONS: tuple[Callable[[Connection], None], ...] = (_m001_first_schema,)
SCHEMA_VERSION = len(MIGRATIONS)
