"""The words of photos follow files, texts and writing; nothing forgotten stays among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text

from retrieval import Collection, compact, forget, index_folder
from retrieval.maintenance.repairing import repair
from retrieval.maintenance.verifying import verify
from retrieval.storage.tables import facts
from retrieval.storage.words import COLUMNS, refresh_words, wrong_words
from tests.conftest import open_toy
from tests.pictures import picture, touch
from tests.toy import ToyEncoder

RARE = "quizzaciously"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    picture(folder / "2021 Kyoto/IMG_2041.jpg", "red")
    picture(folder / "2021 Kyoto/IMG_2042.jpg", "green")
    picture(folder / "犬/散歩.png", "blue")
    write(folder, "a red gate", f"a {RARE} green garden")
    return folder


def write(folder: Path, *captions: str) -> None:
    lines = [f"2021 Kyoto/IMG_{2041 + n}.jpg,{text}" for n, text in enumerate(captions)]
    (folder / "captions.csv").write_text("\n".join(["image,caption", *lines]))
    touch(folder / "captions.csv")


@pytest.fixture
def indexed(collection: Collection, photos: Path) -> Collection:
    index_folder(collection, photos)
    return collection


def words(collection: Collection) -> dict[str, dict[str, str]]:
    """The rows of `words` by their name, without columns that are empty."""
    rows = collection.reader.fetch("SELECT * FROM words ORDER BY name")
    named = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    return {row["name"]: {k: v for k, v in row.items() if v and k != "name"} for row in named}


def matches(collection: Collection, expression: str) -> int:
    sql = "SELECT count(*) FROM words WHERE words MATCH ?"
    return int(collection.reader.fetch(sql, expression)[0][0])


def assert_right(collection: Collection) -> None:
    with collection.catalog.reading() as connection:
        assert wrong_words(connection) == (0, 0)


def test_names_folders_and_documents(indexed: Collection, photos: Path) -> None:
    found = words(indexed)
    assert set(found) == {"IMG 2041 jpg", "IMG 2042 jpg", "散 歩 png"}
    assert found["IMG 2041 jpg"]["documents"] == "a red gate"
    assert found["IMG 2041 jpg"]["folder"].endswith("photos 2021 Kyoto")
    assert found["散 歩 png"]["folder"].endswith(" 犬")
    assert set(found["散 歩 png"]) == {"folder"}
    assert_right(indexed)


class TestTheyFollow:
    def test_a_text_that_changes(self, indexed: Collection, photos: Path) -> None:
        write(photos, "a torii")
        index_folder(indexed, photos)
        assert words(indexed)["IMG 2041 jpg"]["documents"] == "a torii"
        assert "documents" not in words(indexed)["IMG 2042 jpg"]
        assert_right(indexed)

    def test_a_text_that_goes(self, indexed: Collection, photos: Path) -> None:
        (photos / "captions.csv").unlink()
        index_folder(indexed, photos)
        assert all(set(row) == {"folder"} for row in words(indexed).values())
        assert_right(indexed)

    def test_a_photo_that_comes_after_its_text(self, indexed: Collection, photos: Path) -> None:
        write(photos, "a red gate", "green", "the third")
        index_folder(indexed, photos)
        picture(photos / "2021 Kyoto/IMG_2043.jpg", "yellow")
        index_folder(indexed, photos)
        assert words(indexed)["IMG 2043 jpg"]["documents"] == "the third"
        assert_right(indexed)

    def test_a_photo_that_goes_and_comes_back(self, indexed: Collection, photos: Path) -> None:
        here, away = photos / "2021 Kyoto/IMG_2041.jpg", photos.parent / "away.jpg"
        here.rename(away)
        index_folder(indexed, photos)
        assert "IMG 2041 jpg" not in words(indexed)
        away.rename(here)
        index_folder(indexed, photos)
        assert words(indexed)["IMG 2041 jpg"]["documents"] == "a red gate"
        assert_right(indexed)

    def test_a_name_that_changes_and_a_copy(self, indexed: Collection, photos: Path) -> None:
        (photos / "犬/散歩.png").rename(photos / "犬/walk.png")
        (photos / "copy of walk.png").write_bytes((photos / "犬/walk.png").read_bytes())
        index_folder(indexed, photos)
        (name,) = (name for name in words(indexed) if "walk" in name)
        assert sorted(name.split()) == ["copy", "of", "png", "png", "walk", "walk"]
        assert_right(indexed)

    def test_a_file_that_shows_another_photo(self, indexed: Collection, photos: Path) -> None:
        picture(photos / "2021 Kyoto/IMG_2041.jpg", "white")
        touch(photos / "2021 Kyoto/IMG_2041.jpg")
        index_folder(indexed, photos)
        assert words(indexed)["IMG 2041 jpg"]["documents"] == "a red gate"
        assert len(words(indexed)) == 3
        assert_right(indexed)

    def test_facts_and_writing(self, indexed: Collection) -> None:
        with indexed.catalog.writing() as connection:
            values = {"photo_id": 1, "version": 1, "title": "Gate", "caption": "At noon"}
            row = {**values, "keywords": '["Fushimi Inari", "朱"]'}
            connection.execute(insert(facts).prefix_with("OR REPLACE").values(**row))
            connection.exec_driver_sql("INSERT INTO writing VALUES (1, 'r', 'EXIT 出口')")
            assert wrong_words(connection) == (1, 0)
            refresh_words(connection, [1])
        row = words(indexed)["IMG 2041 jpg"]
        assert (row["keywords"], row["caption"]) == ("Fushimi Inari 朱", "Gate At noon")
        assert row["writing"] == "EXIT 出 口"
        assert_right(indexed)


def test_what_is_right_is_not_written_again(indexed: Collection) -> None:
    with indexed.catalog.writing() as connection:
        before = connection.scalar(text("SELECT total_changes()"))
        refresh_words(connection, [1, 2, 3, 4])
        assert connection.scalar(text("SELECT total_changes()")) == before


class TestForgetting:
    def in_catalog(self, collection: Collection) -> bool:
        files = collection.path.glob("catalog.*")
        return any(RARE.encode() in file.read_bytes() for file in files if file.is_file())

    def test_a_text_leaves_no_byte(self, indexed: Collection, photos: Path) -> None:
        assert self.in_catalog(indexed)
        assert matches(indexed, RARE) == 1
        forget(indexed, photos / "captions.csv")
        assert matches(indexed, RARE) == 0
        assert not self.in_catalog(indexed)
        assert_right(indexed)

    def test_nor_does_a_photo(self, collection: Collection, photos: Path) -> None:
        picture(photos / f"{RARE}.jpg", "yellow")
        index_folder(collection, photos)
        forget(collection, [photos / f"{RARE}.jpg", photos / "captions.csv"], without_trace=True)
        assert not self.in_catalog(collection)
        assert len(words(collection)) == 3

    def test_nor_what_was_replaced_before(self, indexed: Collection, photos: Path) -> None:
        write(photos, "a torii", "green")
        index_folder(indexed, photos)
        compact(indexed)
        assert not self.in_catalog(indexed)


def test_an_older_collection_gets_them_with_the_next_run(indexed: Collection, photos: Path) -> None:
    expected = words(indexed)
    with indexed.catalog.writing() as connection:
        connection.exec_driver_sql("DELETE FROM words")
    report = verify(indexed)
    assert report.problems == ()
    assert any("3 photos are not found by words yet" in note for note in report.notes)
    assert index_folder(indexed, photos).embedded == 0
    assert words(indexed) == expected
    assert indexed.catalog.fill_words() == 0


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("INSERT INTO words (rowid, name) VALUES (99, 'x')", "the words of 1 photos are not those"),
        ("UPDATE words SET folder = 'elsewhere'", "the words of 3 photos are not those"),
        ("DELETE FROM words_data WHERE id > 10", "the index of words contradicts the words"),
    ],
)
def test_verify_notices_and_repair_mends(
    indexed: Collection, damage: str, said: str, toy: list[ToyEncoder]
) -> None:
    expected = words(indexed)
    assert verify(indexed).problems == ()
    with indexed.catalog.writing() as connection:
        connection.exec_driver_sql(damage)
    place = indexed.path
    indexed.close()
    assert any(said in problem.text for problem in verify(place).problems)
    report = repair(place)
    assert report.left == ()
    assert "indexed the words of 3 photos" in report.done
    with open_toy(place) as again:
        assert words(again) == expected
        assert matches(again, RARE) == 1


def test_made_anew_it_is_the_table_of_the_schema(indexed: Collection) -> None:
    def schema() -> list[tuple[Any, ...]]:
        query = "SELECT name, sql FROM sqlite_master WHERE name LIKE 'words%' ORDER BY name"
        return indexed.reader.fetch(query)

    before = schema()
    from retrieval.storage.audits import rebuild_words

    assert rebuild_words(indexed.catalog) == 3
    assert schema() == before
