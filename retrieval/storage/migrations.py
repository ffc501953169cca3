"""The numbered migrations that make the tables of the catalog.

The schema's history is read top to bottom; nobody edits an old step."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import (
    Connection,
    text,
)

from retrieval.storage.readable import generation_checksum


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
