"""The catalog as searches read it, through sqlite3 and through SQLAlchemy: one and the same."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from retrieval import Collection, index_folder, search
from retrieval.errors import (
    CollectionError,
    CorruptError,
    LockedError,
    NoCollectionError,
    StorageError,
)
from retrieval.records import KINDS, Document, FileStat, Kind, Photo, Source, Space
from retrieval.storage.catalog import Catalog
from retrieval.storage.commits import Batch, FileEntry, Line, NewDocument, NewPhoto
from retrieval.storage.readable import Readable
from retrieval.storage.reading import CatalogReader, open_reader
from retrieval.storage.tables import documents, embeddings, erasures, files, photos, sources, spaces
from tests.conftest import open_toy
from tests.pictures import picture
from tests.toy import ToyEncoder

BEGIN = "import sqlite3, sys; sqlite3.connect(sys.argv[1], 0.01).execute('BEGIN IMMEDIATE')"
NAMES = st.text(st.sampled_from("aé/% ?#\udcff'"), min_size=1, max_size=6)


@st.composite
def catalogs(draw: st.DrawFn) -> list[Batch]:
    """Batches of photos and documents whose files come, share contents, change and go."""
    batches, embedded = [], {"photos": set[bytes](), "documents": set[bytes]()}
    for number in range(draw(st.integers(1, 4))):
        batch = Batch(gone=draw(st.lists(st.integers(1, 6), max_size=3, unique=True)))
        for name in draw(st.lists(NAMES, max_size=5, unique=True)):
            content = bytes([draw(st.integers(1, 6))]) * 32
            stat = FileStat(f"/{name}", number, number)
            if draw(st.booleans()):
                if content not in embedded["photos"]:
                    batch.photos.append(NewPhoto(content, number, 2, "JPEG", 1 + number))
                embedded["photos"].add(content)
                batch.entries.append(FileEntry(stat, photo=content))
            else:
                if content not in embedded["documents"]:
                    batch.documents.append(NewDocument(content, f"text {content[0]}"))
                embedded["documents"].add(content)
                named = draw(st.none() | NAMES)
                lines = (Line(content, 1, named), Line(content, 2, None))
                batch.entries.append(FileEntry(stat, reader="x", lines=lines))
        batches.append(batch)
    return batches


class Expressions:
    """The same questions in SQLAlchemy's expressions on the Table objects: the oracle."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog

    def rows(self, query: Any) -> list[Any]:
        with self.catalog.reading() as connection:
            return list(connection.execute(query))

    def active_space(self) -> Space:
        (row,) = self.rows(select(spaces).where(spaces.c.active))
        rows: dict[Kind, int] = {"photos": row.photos_rows, "documents": row.documents_rows}
        editions: dict[Kind, int]
        editions = {"photos": row.photos_edition, "documents": row.documents_edition}
        return Space(row.id, row.fingerprint, row.encoder, row.dim, row.generation, rows, editions)

    def dead_rows(self, space: Space, kind: Kind) -> list[int]:
        dead = (embeddings.c.space_id == space.id, embeddings.c.kind == kind, ~embeddings.c.live)
        gone = (erasures.c.space_id == space.id, erasures.c.kind == kind)
        queries = (select(embeddings.c.row).where(*dead), select(erasures.c.row).where(*gone))
        return sorted({row[0] for query in queries for row in self.rows(query)})

    def items_at(self, space: Space, kind: Kind, rows: range) -> dict[int, int]:
        mine = (embeddings.c.space_id == space.id, embeddings.c.kind == kind)
        found = self.rows(select(embeddings.c.row, embeddings.c.item_id).where(*mine))
        return {row: item for row, item in found if row in rows}

    def photos_by_id(self, ids: range) -> dict[int, Photo]:
        held = self.rows(select(files).order_by(files.c.id))
        return {
            row.id: Photo(*row, paths=tuple(f.path for f in held if f.photo_id == row.id))
            for row in self.rows(select(photos))
            if row.id in ids
        }

    def documents_by_id(self, ids: range) -> dict[int, Document]:
        columns = (sources.c.document_id, files.c.path, sources.c.line, sources.c.photo_path)
        lines = self.rows(select(*columns).join(files).order_by(sources.c.id))
        return {
            row.id: Document(
                row.id, row.text, tuple(Source(*rest) for i, *rest in lines if i == row.id)
            )
            for row in self.rows(select(documents))
            if row.id in ids
        }


def everything(catalog: Readable | Expressions, space: Space) -> list[Any]:
    """All answers about ids and rows that there are, and some that there are not."""
    return [
        catalog.active_space(),
        catalog.photos_by_id(range(9)),
        catalog.documents_by_id(range(9)),
        catalog.photos_by_id(range(2, 4)),
        *(
            answer
            for kind in KINDS
            for answer in (
                catalog.dead_rows(space, kind),
                catalog.items_at(space, kind, range(9)),
                catalog.items_at(space, kind, range(1, 2)),
            )
        ),
    ]


@settings(max_examples=40)
@given(batches=catalogs(), erased=st.sets(st.integers(0, 3)))
def test_the_same_is_read_in_three_ways(
    batches: list[Batch], erased: set[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    place = tmp_path_factory.mktemp("catalog") / "catalog.db"
    with closing(Catalog(place)) as catalog:
        catalog.migrate()
        catalog.add_space("0" * 64, "older", 3)
        catalog.add_space("f" * 64, "toy", 3)
        for batch in batches:
            catalog.commit(catalog.active_space(), batch)
        space = catalog.active_space()
        assert space is not None
        with catalog.writing() as connection:
            for row in erased:
                values = {"space_id": space.id, "kind": "photos", "row": row, "done": row % 2 == 0}
                connection.execute(erasures.insert().values(**values))
        with closing(CatalogReader(place)) as reader:
            expected = everything(Expressions(catalog), space)
            assert everything(catalog, space) == expected
            assert everything(reader, space) == expected
            assert reader.spaces() == catalog.spaces()
            assert reader.generation() == catalog.generation()
            assert reader.version() == catalog.version()
            reader.check_seal()


@pytest.fixture
def place(tmp_path: Path, toy: list[ToyEncoder]) -> Path:
    for colour in ("red", "green", "blue"):
        picture(tmp_path / f"photos/{colour}.png", colour)
    with open_toy(tmp_path / "collection") as made:
        index_folder(made, [tmp_path / "photos"])
    return tmp_path / "collection"


@pytest.fixture
def reader(place: Path) -> Iterator[CatalogReader]:
    opened = open_reader(place)
    assert opened is not None
    with closing(opened):
        yield opened


def test_a_snapshot_is_of_one_moment(reader: CatalogReader, place: Path) -> None:
    with reader.snapshot():
        before = reader.active_space()
        with Collection.open(place) as other:
            other.catalog.commit(None, Batch(gone=[1]))
        with reader.snapshot():
            assert reader.active_space() == before
        assert reader.photos_by_id([1])[1].paths
    assert reader.active_space() != before
    assert not reader.photos_by_id([1])[1].paths


def test_many_threads(reader: CatalogReader) -> None:
    expected, wrong = reader.photos_by_id([1, 2, 3]), []

    def read() -> None:
        for _ in range(50):
            with reader.snapshot():
                wrong.extend([1] * (reader.photos_by_id([1, 2, 3]) != expected))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_it_cannot_write(reader: CatalogReader) -> None:
    with pytest.raises(StorageError, match="readonly"):
        reader.fetch("DELETE FROM files")
    assert len(reader.photos_by_id([1, 2, 3])) == 3


def test_after_an_error_it_goes_on(reader: CatalogReader) -> None:
    with pytest.raises(CorruptError, match="no such table"):
        reader.fetch("SELECT 1 FROM missing")
    with pytest.raises(CorruptError, match="is no number"):
        reader.photos_by_id([b"1"])  # type: ignore[list-item]
    assert len(reader.photos_by_id([1, 2, 3])) == 3


def test_a_busy_database(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *a, **k: connect(*a, **{**k, "timeout": 0.01}))
    with closing(connect(place / "catalog.db", isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode = EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        with closing(CatalogReader(place / "catalog.db")) as reader, pytest.raises(LockedError):
            reader.active_space()


def test_two_active_spaces_are_damage(reader: CatalogReader, place: Path) -> None:
    with Collection.open(place) as other:
        other.catalog.add_space("f" * 64, "other", 3)
        with other.catalog.writing() as connection:
            connection.execute(update(spaces).values(active=True))
        with pytest.raises(CorruptError, match="2 active spaces"):
            other.catalog.active_space()
    with pytest.raises(CorruptError, match="2 active spaces"):
        reader.active_space()


def test_the_whole_catalog_is_opened_when_something_asks_for_it(place: Path) -> None:
    with Collection.open(place) as collection:
        assert len(search(collection, "red").hits) == 3
        assert isinstance(collection.reader, CatalogReader)
        assert collection.catalog is collection.catalog
        assert collection.info().photos == 3
        assert len(search(collection, "red").hits) == 3
    for use in (lambda: collection.catalog, lambda: collection.reader.active_space()):
        with pytest.raises(CollectionError, match="was closed"):
            use()


def test_a_catalog_that_was_taken_away_is_not_made_anew(place: Path) -> None:
    with Collection.open(place) as collection:
        for name in ("catalog.db", "catalog.db-wal", "catalog.db-shm"):
            (place / name).unlink(missing_ok=True)
        with pytest.raises(NoCollectionError, match="removed meanwhile"):
            _ = collection.catalog
        assert not (place / "catalog.db").exists()


def test_closing_a_reader_keeps_the_locks_of_a_writer(place: Path) -> None:
    """Closing a descriptor of a file lets go of all locks that the process has on it (POSIX)."""
    held = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
    with Collection.open(place) as collection:
        with collection.catalog.writing() as connection:
            connection.execute(update(spaces).values(encoder="toy"))
            Collection.open(place).close()
            command = [sys.executable, "-c", BEGIN, str(place / "catalog.db")]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
            assert "locked" in done.stderr
        assert search(collection, "red").considered == 3
    if held:
        assert len(os.listdir("/proc/self/fd")) <= len(held) + 1  # nothing is left open


def test_one_shot_finds_the_same(place: Path) -> None:
    with Collection.open(place) as plain, Collection.open(place, one_shot=True) as light:
        for words in ("red", "red green", "blue"):
            one, other = search(plain, words), search(light, words)
            assert [h.id for h in one.hits] == [h.id for h in other.hits]
            np.testing.assert_allclose(
                [h.score for h in one.hits], [h.score for h in other.hits], atol=1e-6
            )
