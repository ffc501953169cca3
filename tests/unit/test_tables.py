"""The described tables equal what the migrations make."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, insert, select, text

from retrieval.storage.migrations import MIGRATIONS
from retrieval.storage.readable import SCHEMA_VERSION
from retrieval.storage.tables import metadata, sources


@pytest.fixture
def migrated() -> Any:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        for step in MIGRATIONS:
            step(connection)
        yield connection
    engine.dispose()


@pytest.fixture
def described() -> Any:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        yield connection
    engine.dispose()


def pragma(connection: Connection, name: str, of: str) -> list[dict[str, Any]]:
    rows = connection.execute(text(f"PRAGMA {name}({of})")).mappings()
    return [dict(row) for row in rows]


def columns(connection: Connection, table: str) -> dict[str, tuple[Any, ...]]:
    # A rowid's key column is never null, whether or not that was written down.
    return {
        row["name"]: (row["type"], bool(row["notnull"] or row["pk"]), row["pk"])
        for row in pragma(connection, "table_info", table)
    }


def unique_sets(connection: Connection, table: str) -> set[tuple[str, ...]]:
    return {
        tuple(column["name"] for column in pragma(connection, "index_info", index["name"]))
        for index in pragma(connection, "index_list", table)
        if index["unique"]
    }


def indexed(connection: Connection, table: str) -> set[tuple[str, ...]]:
    return {
        tuple(column["name"] for column in pragma(connection, "index_info", index["name"]))
        for index in pragma(connection, "index_list", table)
        if not index["unique"] and not index["partial"]
    }


def references(connection: Connection, table: str) -> set[tuple[str, str, str]]:
    rows = pragma(connection, "foreign_key_list", table)
    return {(row["from"], row["table"], row["to"]) for row in rows}


def table_names(connection: Connection) -> set[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table'"
    # The virtual table and those that FTS5 makes for it stand in no Table object.
    return {name for name in connection.scalars(text(query)) if not name.startswith("words")}


def test_the_same_tables(migrated: Connection) -> None:
    assert table_names(migrated) == set(metadata.tables)


@pytest.mark.parametrize("table", sorted(metadata.tables))
@pytest.mark.parametrize("view", [columns, unique_sets, indexed, references])
def test_the_same(table: str, view: Any, migrated: Connection, described: Connection) -> None:
    assert view(migrated, table) == view(described, table)
    assert columns(migrated, table)


def test_the_version_is_the_number_of_steps() -> None:
    assert len(MIGRATIONS) == SCHEMA_VERSION == 5


def test_paths_that_are_not_utf8_come_back(migrated: Connection) -> None:
    names = ["plain.jpg", os.fsdecode(b"/caf\xe9.jpg"), "/ü/犬.jpg", None]
    values = [
        {"file_id": 1, "document_id": 1, "line": n, "photo_path": p} for n, p in enumerate(names)
    ]
    migrated.execute(insert(sources), values)
    query = select(sources.c.photo_path).order_by(sources.c.line)
    assert list(migrated.scalars(query)) == names
    equal = select(sources.c.line).where(sources.c.photo_path == names[1])
    assert migrated.scalar(equal) == 1
    assert Path(str(names[1])).name
