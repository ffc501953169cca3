"""Collections of older formats open, after a backup; newer ones are refused with a sentence."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from retrieval import Collection, index_folder, search
from retrieval.errors import CorruptError, FormatError
from retrieval.maintenance.verifying import verify
from retrieval.storage.layout import FORMAT, OLDER_FORMATS
from retrieval.storage.readable import SCHEMA_VERSION
from tests.conftest import open_toy
from tests.toy import ToyEncoder

GOLDEN = Path(__file__).parents[1] / "golden"
FOLDERS = sorted(GOLDEN.glob("format-*"))


@pytest.fixture(params=FOLDERS, ids=[folder.name for folder in FOLDERS])
def old(request: pytest.FixtureRequest, tmp_path: Path, toy: list[ToyEncoder]) -> Path:
    """A collection as that format left it; its photos lie in tmp_path / photos."""
    place = Path(shutil.copytree(request.param, tmp_path / "old"))
    shutil.copytree(GOLDEN / "photos", tmp_path / "photos")
    shutil.copy(tmp_path / "photos/red.png", tmp_path / "photos/red copy.png")
    return place


def test_there_is_one_of_each_format() -> None:
    names = {folder.name for folder in FOLDERS}
    assert names == {f"format-{number}" for number in (*OLDER_FORMATS, FORMAT)}


def test_it_is_searched_as_before(old: Path) -> None:
    notices: list[str] = []
    with Collection.open(old, on_notice=notices.append) as collection:
        assert [Path(h.path).stem for h in search(collection, "red", k=1).hits] == ["red copy"]
        (hit,) = search(collection, "blue", kind="documents", k=1).hits
        assert hit.text == "a blue thing"
        info = collection.info()
        assert (info.photos, info.files, info.documents, info.skipped) == (3, 5, 2, 1)
        assert info.format == FORMAT
        assert collection.catalog.version() == SCHEMA_VERSION
    assert not verify(old).problems
    backups = list(old.glob("catalog.v*.backup.db"))
    assert len(backups) == len(notices) == 1  # the catalogs of both are of an older schema


def old_format(old: Path) -> int:
    """The format before it was opened: only format 1 leaves a backup behind."""
    return 1 if list(old.glob("catalog.v1.backup.db")) else FORMAT


def test_nothing_is_embedded_again(old: Path, tmp_path: Path, toy: list[ToyEncoder]) -> None:
    with open_toy(old) as collection:
        with collection.catalog.writing() as connection:
            for table, column in (("files", "path"), ("sources", "photo_path")):
                connection.exec_driver_sql(
                    f"UPDATE {table} SET {column} = replace({column}, '/golden', ?)",  # noqa: S608
                    (str(tmp_path),),
                )
        report = index_folder(collection, [tmp_path / "photos"])
    assert (report.embedded, report.removed, report.photos) == (0, 0, 3)
    assert sum(encoder.images_seen for encoder in toy) == 0
    assert not verify(old).problems


def test_the_backup_is_the_old_catalog(tmp_path: Path, toy: list[ToyEncoder]) -> None:
    place = Path(shutil.copytree(GOLDEN / "format-1", tmp_path / "old"))
    Collection.open(place).close()
    backup = place / "catalog.v1.backup.db"
    assert backup.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM files").fetchone() == (6,)


def test_a_damaged_old_catalog_is_not_upgraded(tmp_path: Path, toy: list[ToyEncoder]) -> None:
    place = Path(shutil.copytree(GOLDEN / "format-1", tmp_path / "old"))
    with closing(sqlite3.connect(place / "catalog.db")) as connection:
        connection.execute("UPDATE files SET photo_id = 99 WHERE photo_id = 1")
        connection.commit()
    with pytest.raises(CorruptError, match="was not upgraded: files names a row of photos that"):
        Collection.open(place)
    assert json.loads((place / "manifest.json").read_text())["format"] == 1


def test_a_bad_row_of_an_old_collection_gets_no_key(tmp_path: Path, toy: list[ToyEncoder]) -> None:
    place = Path(shutil.copytree(GOLDEN / "format-1", tmp_path / "old"))
    (vectors,) = place.glob("spaces/*/photos.f16")
    data = bytearray(vectors.read_bytes())
    data[0:6] = b"\xff" * 6  # not a number
    vectors.write_bytes(data)
    with Collection.open(place) as collection, pytest.raises(CorruptError, match="1 of 4 rows"):
        search(collection, "red")


def test_a_newer_format_is_refused(tmp_path: Path, toy: list[ToyEncoder]) -> None:
    from retrieval.storage.checked import write_checked

    place = Path(shutil.copytree(GOLDEN / f"format-{FORMAT}", tmp_path / "new"))
    write_checked(place / "manifest.json", {"format": FORMAT + 1, "created_by": "a later one"})
    with pytest.raises(FormatError, match=f"has collection format {FORMAT + 1}; this program"):
        Collection.open(place)
