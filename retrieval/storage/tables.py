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
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    text,
)
from sqlalchemy.types import TypeDecorator

from retrieval.storage.readable import as_path, generation_checksum


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
        return None if value is None else as_path(value)


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
    Column("frames", Integer, nullable=False),  # of an animation the first one is embedded
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
    Column("photo_path", PathText, index=True),
    Column("guessed", Boolean, nullable=False, server_default=text("0")),
)

#: One row an encoder; `photos_rows` and `documents_rows` are the committed lengths of its vectors,
#: the editions say which vector files hold them (compaction writes new ones), `generation` counts
#: the commits that touched the vectors, so that a reader notices that what it loaded is old.
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
    Column("photos_edition", Integer, nullable=False),
    Column("documents_edition", Integer, nullable=False),
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


#: Rows of a vector file that no item owns any more and whose bytes are overwritten with zeros; not
#: `done` yet where the process died between saying so and doing it.
erasures = Table(
    "erasures",
    metadata,
    Column("space_id", ForeignKey("spaces.id"), primary_key=True),
    Column("kind", String, primary_key=True),
    Column("row", Integer, primary_key=True),
    Column("done", Boolean, nullable=False),
)

#: One row: how many transactions have written, and a checksum of that number.
state = Table(
    "state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("checksum", Integer, nullable=False),
)

#: One row a run that wrote: index, repair, forget, compact. `counts` and `roots` are JSON.
runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("command", String, nullable=False),
    Column("roots", String, nullable=False),
    Column("started_at", String, nullable=False),
    Column("seconds", Float),
    Column("outcome", String, nullable=False),
    Column("counts", String, nullable=False),
)

#: What a photo's file says of it (records.Facts); `version` is that of the reader (metadata).
facts = Table(
    "facts",
    metadata,
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("taken_at", String, index=True),
    Column("taken_from", String),
    Column("utc_offset", Integer),
    Column("latitude", Float),
    Column("longitude", Float),
    Column("altitude", Float),
    Column("city", String),
    Column("region", String),
    Column("country", String),
    Column("country_code", String),
    Column("make", String),
    Column("camera", String),
    Column("lens", String),
    Column("exposure", Float),
    Column("aperture", Float),
    Column("iso", Integer),
    Column("focal", Float),
    Column("orientation", Integer),
    Column("rating", Integer),
    Column("title", String),
    Column("caption", String),
    Column("keywords", String, nullable=False),  # JSON list
    Column("guess", String),
    Index("ix_facts_place", "city", "region", "country", "country_code"),
    Index("ix_facts_gear", "make", "camera", "lens"),
)

#: What a photo's pixels say of it (records.Looks); `version` is that of the measuring code.
looks = Table(
    "looks",
    metadata,
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("phash", BigInteger, nullable=False),
    Column("sharpness", Float, nullable=False),
    Column("brightness", Float, nullable=False),
    Column("colours", String, nullable=False),  # JSON list
)

#: Writing that was recognised in a photo; `reader` names what recognised it.
writing = Table(
    "writing",
    metadata,
    Column("photo_id", ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True),
    Column("reader", String, nullable=False),
    Column("text", String, nullable=False),
)

#: Trips and events, derived from facts; a photo belongs to the one whose time it lies in.
trips = Table(
    "trips",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("label", String, nullable=False, unique=True),
    Column("begins", String, nullable=False),
    Column("ends", String, nullable=False),
    Column("photos", Integer, nullable=False),
    Column("city", String),
    Column("region", String),
    Column("country", String),
)

#: Queries that the user keeps.
saved = Table(
    "saved",
    metadata,
    Column("name", String, primary_key=True),
    Column("query", String, nullable=False),
)

#: Conversations, and their questions and answers. `plan` is JSON (records.QuestionPlan).
conversations = Table(
    "conversations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),
    Column("begun_at", String, nullable=False),
)
turns = Table(
    "turns",
    metadata,
    Column("id", Integer, primary_key=True),
    Column(
        "conversation_id",
        ForeignKey("conversations.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    Column("number", Integer, nullable=False),
    Column("question", String, nullable=False),
    Column("answer", String, nullable=False),
    Column("status", String, nullable=False),
    Column("plan", String, nullable=False),
    Column("at", String, nullable=False),
    UniqueConstraint("conversation_id", "number"),
)

#: The photos of a turn by their number in it; forgetting a photo takes the turns it is in along.
turn_photos = Table(
    "turn_photos",
    metadata,
    Column("turn_id", ForeignKey("turns.id", ondelete="CASCADE"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("photo_id", Integer, nullable=False, index=True),
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


def _m002_safety(connection: Connection) -> None:
    for statement in (
        "ALTER TABLE photos ADD COLUMN frames INTEGER NOT NULL DEFAULT 1",
        "ALTER TABLE spaces ADD COLUMN photos_edition INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE spaces ADD COLUMN documents_edition INTEGER NOT NULL DEFAULT 0",
        "CREATE TABLE erasures (space_id INTEGER NOT NULL REFERENCES spaces (id),"
        " kind VARCHAR NOT NULL, row INTEGER NOT NULL, done BOOLEAN NOT NULL,"
        " PRIMARY KEY (space_id, kind, row)) WITHOUT ROWID",
        "CREATE TABLE state (id INTEGER PRIMARY KEY, generation INTEGER NOT NULL,"
        " checksum INTEGER NOT NULL)",
        "CREATE TABLE runs (id INTEGER PRIMARY KEY, command VARCHAR NOT NULL,"
        " roots VARCHAR NOT NULL, started_at VARCHAR NOT NULL, seconds FLOAT,"
        " outcome VARCHAR NOT NULL, counts VARCHAR NOT NULL)",
    ):
        connection.execute(text(statement))
    zero = {"checksum": generation_checksum(0)}
    connection.execute(text("INSERT INTO state VALUES (1, 0, :checksum)"), zero)


def _m003_facts(connection: Connection) -> None:
    for statement in (
        "CREATE TABLE facts (photo_id INTEGER PRIMARY KEY"
        " REFERENCES photos (id) ON DELETE CASCADE,"
        " version INTEGER NOT NULL, taken_at VARCHAR, taken_from VARCHAR, utc_offset INTEGER,"
        " latitude FLOAT, longitude FLOAT, altitude FLOAT, city VARCHAR, region VARCHAR,"
        " country VARCHAR, country_code VARCHAR, make VARCHAR, camera VARCHAR, lens VARCHAR,"
        " exposure FLOAT, aperture FLOAT, iso INTEGER, focal FLOAT, orientation INTEGER,"
        " rating INTEGER, title VARCHAR, caption VARCHAR, keywords VARCHAR NOT NULL)",
        "CREATE INDEX ix_facts_taken_at ON facts (taken_at)",
        "CREATE INDEX ix_facts_place ON facts (city, region, country, country_code)",
        "CREATE INDEX ix_facts_gear ON facts (make, camera, lens)",
        "CREATE TABLE looks (photo_id INTEGER PRIMARY KEY"
        " REFERENCES photos (id) ON DELETE CASCADE,"
        " version INTEGER NOT NULL, phash BIGINT NOT NULL, sharpness FLOAT NOT NULL,"
        " brightness FLOAT NOT NULL, colours VARCHAR NOT NULL)",
        "CREATE TABLE writing (photo_id INTEGER PRIMARY KEY"
        " REFERENCES photos (id) ON DELETE CASCADE,"
        " reader VARCHAR NOT NULL, text VARCHAR NOT NULL)",
        "CREATE TABLE trips (id INTEGER PRIMARY KEY, label VARCHAR NOT NULL UNIQUE,"
        " begins VARCHAR NOT NULL, ends VARCHAR NOT NULL, photos INTEGER NOT NULL,"
        " city VARCHAR, region VARCHAR, country VARCHAR)",
        "CREATE TABLE saved (name VARCHAR PRIMARY KEY, query VARCHAR NOT NULL)",
        "CREATE INDEX ix_sources_photo_path ON sources (photo_path)",
        # Words by which a photo is found, one row a photo (storage/words.py); rowid = photo id.
        "CREATE VIRTUAL TABLE words USING fts5 (name, folder, keywords, caption, documents,"
        " writing, tokenize = 'unicode61 remove_diacritics 2')",
        "CREATE TRIGGER words_of_photo AFTER DELETE ON photos BEGIN"
        " DELETE FROM words WHERE rowid = old.id; END",
    ):
        connection.execute(text(statement))


def _m004_conversations(connection: Connection) -> None:
    for statement in (
        "CREATE TABLE conversations (id INTEGER PRIMARY KEY, name VARCHAR NOT NULL UNIQUE,"
        " begun_at VARCHAR NOT NULL)",
        "CREATE TABLE turns (id INTEGER PRIMARY KEY, conversation_id INTEGER NOT NULL"
        " REFERENCES conversations (id) ON DELETE CASCADE, number INTEGER NOT NULL,"
        " question VARCHAR NOT NULL, answer VARCHAR NOT NULL, status VARCHAR NOT NULL,"
        " plan VARCHAR NOT NULL, at VARCHAR NOT NULL, UNIQUE (conversation_id, number))",
        "CREATE INDEX ix_turns_conversation_id ON turns (conversation_id)",
        "CREATE TABLE turn_photos (turn_id INTEGER NOT NULL"
        " REFERENCES turns (id) ON DELETE CASCADE, n INTEGER NOT NULL,"
        " photo_id INTEGER NOT NULL, PRIMARY KEY (turn_id, n)) WITHOUT ROWID",
        "CREATE INDEX ix_turn_photos_photo_id ON turn_photos (photo_id)",
        "CREATE TRIGGER turns_of_photo AFTER DELETE ON photos BEGIN DELETE FROM turns WHERE id IN"
        " (SELECT turn_id FROM turn_photos WHERE photo_id = old.id); END",
    ):
        connection.execute(text(statement))


def _m005_guesses(connection: Connection) -> None:
    for statement in (
        "ALTER TABLE facts ADD COLUMN guess VARCHAR",
        "ALTER TABLE sources ADD COLUMN guessed BOOLEAN NOT NULL DEFAULT 0",
        # Looks changed, so that the next run reads it again: who wrote it was not asked before.
        "UPDATE files SET mtime_ns = -1 WHERE reader IS NOT NULL AND id IN"
        " (SELECT file_id FROM sources WHERE photo_path IS NOT NULL)",
    ):
        connection.execute(text(statement))


#: Step n brings a catalog from version n - 1 to n; the version stands in `PRAGMA user_version`.
MIGRATIONS: tuple[Callable[[Connection], None], ...] = (
    _m001_first_schema,
    _m002_safety,
    _m003_facts,
    _m004_conversations,
    _m005_guesses,
)
