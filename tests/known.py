"""Catalogs of photos of which something is known, written straight into the tables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from sqlalchemy import Table, create_engine, insert, text

import retrieval.metadata
from retrieval import Collection
from retrieval.records import Facts, Looks, Space
from retrieval.storage import migrations, tables
from retrieval.storage.reading import CatalogReader
from retrieval.storage.words import searchable


@dataclass
class Known:
    """A photo and what is known of it; `captions` are texts that are linked to it.

    Without paths its file is /photos/<id>.jpg.
    """

    facts: Facts | None = None
    looks: Looks | None = None
    paths: tuple[str, ...] = ()
    width: int = 400
    height: int = 300
    format: str = "JPEG"
    writing: str = ""
    live: bool = True
    captions: tuple[str, ...] = field(default_factory=tuple)


@dataclass(frozen=True)
class Trip:
    label: str
    begins: str
    ends: str


@contextmanager
def catalog_of(
    folder: Path, photos: Sequence[Known], trips: Sequence[Trip] = ()
) -> Iterator[tuple[CatalogReader, Space]]:
    """A catalog of these photos, with ids from 1 on; row n of the vectors is photo n + 1."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "catalog.db"
    path.unlink(missing_ok=True)
    photos = [
        replace(photo, paths=photo.paths or (f"/photos/{number}.jpg",))
        for number, photo in enumerate(photos, 1)
    ]
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:  # nobody reads it after a crash
        connection.exec_driver_sql("PRAGMA synchronous = OFF")
        connection.exec_driver_sql("PRAGMA journal_mode = MEMORY")
    with engine.begin() as connection:
        for step in migrations.MIGRATIONS:
            step(connection)
        counts = {"photos_rows": len(photos), "documents_rows": 0, "generation": 1}
        counts |= {"photos_edition": 0, "documents_edition": 0}
        space = {"id": 1, "fingerprint": "f", "encoder": "toy", "dim": 3, "active": True}
        connection.execute(insert(tables.spaces).values(**space, **counts))
        for number, photo in enumerate(photos, 1):
            for table, values in _rows(number, photo):
                connection.execute(insert(table).values(**values))
            name = " ".join(Path(each).name for each in photo.paths)
            columns = {"id": number, "name": searchable(name), "caption": "", "writing": ""}
            if photo.facts and photo.facts.caption:
                columns["caption"] = searchable(photo.facts.caption)
            columns["writing"] = searchable(photo.writing)
            statement = "INSERT INTO words (rowid, name, caption, writing)"
            connection.execute(
                text(f"{statement} VALUES (:id, :name, :caption, :writing)"), columns
            )
        for number, trip in enumerate(trips, 1):
            values = {"id": number, "photos": 0, **asdict(trip)}
            connection.execute(insert(tables.trips).values(**values))
        _link(connection, photos)
    engine.dispose()
    reader = CatalogReader(path)
    try:
        active = reader.active_space()
        assert active is not None
        yield reader, active
    finally:
        reader.close()


def _rows(number: int, photo: Known):
    content = {"content_hash": number.to_bytes(32, "big")}
    shape = {"width": photo.width, "height": photo.height, "format": photo.format, "frames": 1}
    yield tables.photos, {"id": number, **content, **shape}
    for path in photo.paths:
        yield tables.files, {"path": path, "size": 1, "mtime_ns": 1, "photo_id": number}
    owner = {"space_id": 1, "kind": "photos", "item_id": number}
    yield tables.embeddings, {**owner, "row": number - 1, "live": photo.live}
    if photo.facts:
        facts = asdict(photo.facts) | {"keywords": json.dumps(photo.facts.keywords)}
        yield tables.facts, {"photo_id": number, "version": 1, **facts}
    if photo.looks:
        looks = asdict(photo.looks) | {"colours": json.dumps(photo.looks.colours)}
        yield tables.looks, {"photo_id": number, "version": 1, **looks}
    if photo.writing:
        yield tables.writing, {"photo_id": number, "reader": "toy", "text": photo.writing}


def _link(connection, photos: Sequence[Known]) -> None:
    """Each caption a document at a line of one file; document n stands at row n - 1."""
    corpus = {"id": 100_000, "path": "/photos/captions.csv", "size": 1, "mtime_ns": 1}
    connection.execute(insert(tables.files).values(**corpus))
    number = 0
    for photo in photos:
        for caption in photo.captions:
            number += 1
            content = {"content_hash": b"d" + number.to_bytes(31, "big"), "text": caption}
            connection.execute(insert(tables.documents).values(id=number, **content))
            place = {"file_id": 100_000, "document_id": number, "line": number}
            linked = {**place, "photo_path": photo.paths[0]}
            connection.execute(insert(tables.sources).values(**linked))
            owner = {"space_id": 1, "kind": "documents", "item_id": number, "live": True}
            connection.execute(insert(tables.embeddings).values(row=number - 1, **owner))


def know(collection: Collection, path: object, *known: Facts | Looks) -> int:
    """Have the collection know this of the photo in a file; returns the photo's id."""
    photo = collection.catalog.files_at([str(path)])[str(path)].photo_id
    assert photo is not None
    with collection.writing(), collection.catalog.writing() as connection:
        for each in known:
            table: Table = tables.facts if isinstance(each, Facts) else tables.looks
            values = {
                name: json.dumps(value) if isinstance(value, tuple) else value
                for name, value in asdict(each).items()
            }
            values["version"] = getattr(retrieval.metadata, f"{table.name.upper()}_VERSION", 1)
            values["photo_id"] = photo
            connection.execute(insert(table).prefix_with("OR REPLACE"), values)
    return photo
