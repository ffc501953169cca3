"""Facts and looks in a collection: written with photos, read again when they no longer hold."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from retrieval import Collection, forget, index_folder, search
from retrieval.errors import NoPhotosError
from retrieval.indexing import rereading, sidecars
from retrieval.maintenance.repairing import repair
from retrieval.maintenance.verifying import verify
from retrieval.metadata import FACTS_VERSION
from retrieval.records import Facts, IndexReport, Skipped
from retrieval.searching import understanding
from retrieval.showing import show_photo
from tests.conftest import open_toy
from tests.pictures import encoded, paint, picture, sidecar, touch
from tests.toy import ToyEncoder
from tests.unit.test_facts import CAMERA, exif

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    picture(folder / "camera.jpg", "red", (64, 48), exif=exif(**CAMERA))
    picture(folder / "IMG_20210304_171500.png", "green")
    picture(folder / "plain.png", "blue")
    return folder


@pytest.fixture
def indexed(photos: Path, collection: Collection) -> Collection:
    index_folder(collection, photos)
    return collection


def facts(collection: Collection, path: Path) -> Facts:
    file = collection.catalog.files_at([str(path)])[str(path)]
    assert file.photo_id is not None
    return collection.reader.facts_of([file.photo_id])[file.photo_id]


def embeds_nothing(report: IndexReport, toy: list[ToyEncoder], before: int) -> bool:
    return report.embedded == 0 and sum(each.images_seen for each in toy) == before


def seen(toy: list[ToyEncoder]) -> int:
    return sum(each.images_seen for each in toy)


def generation(collection: Collection) -> int:
    return collection.reader.generation()


def test_what_a_photo_says_is_written_with_it(indexed: Collection, photos: Path) -> None:
    found = facts(indexed, photos / "camera.jpg")
    assert (found.camera, found.taken_at) == ("NIKON D750", "2021-04-03T17:20:05.12")
    assert (found.city, found.country_code, found.orientation) == ("Kyoto", "JP", 6)
    named = facts(indexed, photos / "IMG_20210304_171500.png")
    assert (named.taken_at, named.taken_from) == ("2021-03-04T17:15:00", "file name")
    assert facts(indexed, photos / "plain.png") == Facts()
    looks = indexed.reader.looks_of([1, 2, 3])
    assert {one.colours for one in looks.values()} == {("red",), ("green",), ("blue",)}
    assert indexed.reader.facts_of([]) == indexed.reader.looks_of([99]) == {}


def test_keywords_in_any_language(tmp_path: Path, collection: Collection) -> None:
    photo = picture(tmp_path / "p/a.jpg")
    (tmp_path / "p/a.xmp").write_bytes(sidecar("犬", "naïve", "'; DROP TABLE facts; --", "🐕"))
    index_folder(collection, tmp_path / "p")
    assert facts(collection, photo).keywords == ("犬", "naïve", "'; DROP TABLE facts; --", "🐕")


class TestSidecars:
    def test_each_is_one_file_of_the_report(
        self, photos: Path, collection: Collection, toy: list[ToyEncoder]
    ) -> None:
        (photos / "plain.xmp").write_bytes(sidecar("dog", rating=4))
        first = index_folder(collection, photos)
        assert (first.added, first.embedded, first.skipped) == (4, 3, ())
        assert facts(collection, photos / "plain.png").rating == 4
        state, images = generation(collection), seen(toy)
        again = index_folder(collection, photos)
        assert (again.unchanged, again.added) == (4, 0)
        assert embeds_nothing(again, toy, images)
        assert collection.catalog.outdated_photos() == []
        index_folder(collection, photos)
        assert generation(collection) - state == 4, "only the journal was written, twice each run"

    @pytest.mark.parametrize("name", ["plain.xmp", "plain.png.xmp", "plain.XMP"])
    def test_new_changed_and_gone(
        self, indexed: Collection, photos: Path, toy: list[ToyEncoder], name: str
    ) -> None:
        photo, beside, images = photos / "plain.png", photos / name, seen(toy)
        beside.write_bytes(sidecar("dog", rating=4))
        report = index_folder(indexed, photos)
        assert (report.added, report.unchanged) == (1, 3)
        assert (facts(indexed, photo).rating, facts(indexed, photo).keywords) == (4, ("dog",))
        beside.write_bytes(sidecar("cat", rating=5))
        touch(beside)
        report = index_folder(indexed, photos)
        assert (report.changed, report.unchanged) == (1, 3)
        assert (facts(indexed, photo).rating, facts(indexed, photo).keywords) == (5, ("cat",))
        told = "SELECT keywords FROM words WHERE keywords <> ''"
        assert indexed.reader.fetch(told) == [("cat",)]
        beside.unlink()
        report = index_folder(indexed, photos)
        assert indexed.reader.fetch(told) == []
        assert (report.removed, report.unchanged) == (1, 3)
        assert facts(indexed, photo) == Facts()
        assert embeds_nothing(report, toy, images)
        assert not verify(indexed).problems

    def test_named_alone(self, indexed: Collection, photos: Path) -> None:
        (photos / "plain.xmp").write_bytes(sidecar(rating=3))
        with pytest.raises(NoPhotosError):
            index_folder(indexed, photos / "plain.xmp")
        index_folder(indexed, photos)
        assert facts(indexed, photos / "plain.png").rating == 3

    def test_a_damaged_one_says_so(self, indexed: Collection, photos: Path) -> None:
        path = photos / "plain.xmp"
        path.write_bytes(sidecar(rating=3)[:-30])
        expected = (Skipped(str(path), "damaged XMP sidecar"),)
        for _ in range(2):
            assert index_folder(indexed, photos).skipped == expected
        path.write_bytes(sidecar(rating=3))
        touch(path)
        assert index_folder(indexed, photos).skipped == ()
        assert facts(indexed, photos / "plain.png").rating == 3

    def test_a_picture_is_a_picture(self, tmp_path: Path, collection: Collection) -> None:
        (tmp_path / "p").mkdir()
        (tmp_path / "p/a.xmp").write_bytes(encoded(paint("red")))
        report = index_folder(collection, tmp_path / "p")
        assert (report.photos, report.embedded, report.skipped) == (1, 1, ())

    def test_what_an_older_version_skipped_is_read(self, indexed: Collection, photos: Path) -> None:
        (photos / "plain.xmp").write_bytes(sidecar(rating=2))
        index_folder(indexed, photos)
        with indexed.catalog.writing() as connection:
            connection.exec_driver_sql(
                "UPDATE files SET reason = 'not a picture', reader = ? WHERE reader = 'sidecar'",
                (sidecars.READER,),
            )
        report = index_folder(indexed, photos)
        assert (report.skipped, report.added) == ((), 1)

    def test_a_move_takes_it_along(
        self, photos: Path, collection: Collection, toy: list[ToyEncoder]
    ) -> None:
        (photos / "plain.xmp").write_bytes(sidecar(rating=2))
        index_folder(collection, photos)
        images = seen(toy)
        shutil.move(photos, photos.with_name("moved"))
        report = index_folder(collection, photos.parent / "moved")
        assert embeds_nothing(report, toy, images)
        assert facts(collection, photos.parent / "moved/plain.png").rating == 2

    def test_of_the_right_photo(self, tmp_path: Path, collection: Collection) -> None:
        folder = tmp_path / "p"
        for name in ("a.jpg", "a.b.jpg", "ab.jpg"):
            picture(folder / name, (len(name) * 30, 9, 9))
        (folder / "a.xmp").write_bytes(sidecar(rating=1))
        (folder / "a.b.jpg.xmp").write_bytes(sidecar(rating=2))
        index_folder(collection, folder)
        found = [facts(collection, folder / n).rating for n in ("a.jpg", "a.b.jpg", "ab.jpg")]
        assert found == [1, 2, None]


class TestReadingAgain:
    @pytest.mark.parametrize("name", ["format-1", "format-2"])
    def test_a_collection_of_an_older_format(
        self, tmp_path: Path, toy: list[ToyEncoder], name: str
    ) -> None:
        place = shutil.copytree(GOLDEN / name, tmp_path / "old")
        shutil.copytree(GOLDEN / "photos", tmp_path / "photos")
        shutil.copy(tmp_path / "photos/red.png", tmp_path / "photos/red copy.png")
        with open_toy(place) as collection:
            assert "Of 3 photos" in " ".join(verify(collection, encoder=False).notes)
            with collection.catalog.writing() as connection:
                for table, column in (("files", "path"), ("sources", "photo_path")):
                    connection.exec_driver_sql(
                        f"UPDATE {table} SET {column} = replace({column}, '/golden', ?)",  # noqa: S608
                        (str(tmp_path),),
                    )
            report = index_folder(collection, tmp_path / "photos")
            assert embeds_nothing(report, toy, 0)
            looks = collection.reader.looks_of(list(range(1, 9)))
            assert {one.colours for one in looks.values()} == {("red",), ("green",), ("blue",)}
            assert collection.catalog.outdated_photos() == []
            assert "Of 3" not in " ".join(verify(collection, encoder=False).notes)

    @pytest.fixture
    def outdated(self, indexed: Collection) -> Collection:
        with indexed.catalog.writing() as connection:
            connection.exec_driver_sql("UPDATE facts SET version = 99")
            connection.exec_driver_sql("DELETE FROM looks WHERE photo_id = 1")
        return indexed

    def test_another_version(
        self, outdated: Collection, photos: Path, toy: list[ToyEncoder]
    ) -> None:
        images = seen(toy)
        assert len(outdated.catalog.outdated_photos()) == 3
        report = index_folder(outdated, photos)
        assert embeds_nothing(report, toy, images)
        assert report.unchanged == 3
        rows = outdated.reader.fetch("SELECT DISTINCT version FROM facts")
        assert rows == [(FACTS_VERSION,)]
        assert set(outdated.reader.looks_of([1, 2, 3])) == {1, 2, 3}

    def test_an_interrupted_run_goes_on(
        self, outdated: Collection, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(rereading, "COMMIT_FILES", 2)
        read, count = rereading._read, []

        def dies(*given: object) -> object:
            count.append(1)
            if len(count) == 3:
                raise KeyboardInterrupt
            return read(*given)  # type: ignore[arg-type]

        monkeypatch.setattr(rereading, "_read", dies)
        with pytest.raises(KeyboardInterrupt):
            index_folder(outdated, photos)
        assert len(outdated.catalog.outdated_photos()) == 1
        monkeypatch.setattr(rereading, "_read", read)
        index_folder(outdated, photos)
        assert outdated.catalog.outdated_photos() == []

    def test_what_cannot_be_reached_waits(self, outdated: Collection, photos: Path) -> None:
        picture(photos.parent / "other/a.png", "yellow")
        index_folder(outdated, photos.parent / "other")
        assert len(outdated.catalog.outdated_photos()) == 3

    def test_a_new_name_may_tell_the_date(self, indexed: Collection, photos: Path) -> None:
        (photos / "plain.png").rename(photos / "2020-01-02 10.11.12.png")
        index_folder(indexed, photos)
        found = facts(indexed, photos / "2020-01-02 10.11.12.png")
        assert found.taken_at == "2020-01-02T10:11:12"
        (photos / "2020-01-02 10.11.12.png").rename(photos / "plain.png")
        index_folder(indexed, photos)
        assert facts(indexed, photos / "plain.png") == Facts()


class TestUpkeep:
    def test_nothing_of_it_is_left_when_a_photo_is_forgotten(
        self, photos: Path, collection: Collection
    ) -> None:
        secret = "xylophone-holiday"
        (photos / "plain.png.xmp").write_bytes(sidecar(secret, title=f"of {secret}"))
        index_folder(collection, photos)
        forget(collection, photos / "plain.png", without_trace=True)
        assert len(collection.reader.facts_of(range(1, 9))) == 2
        assert len(collection.reader.looks_of(range(1, 9))) == 2
        for file in collection.path.rglob("*"):
            if file.is_file():
                content = file.read_bytes()
                assert secret.encode() not in content, file
                assert b"plain.png" not in content, file

    def test_a_sidecar_of_others_too_stays(self, tmp_path: Path, collection: Collection) -> None:
        folder = tmp_path / "p"
        picture(folder / "a.jpg", "red")
        picture(folder / "a.png", "blue")
        (folder / "a.xmp").write_bytes(sidecar(rating=1))
        index_folder(collection, folder)
        assert forget(collection, folder / "a.jpg").files == (str(folder / "a.jpg"),)
        assert set(forget(collection, folder / "a.png").files) == {
            str(folder / name) for name in ("a.png", "a.xmp")
        }

    def test_a_catalog_that_is_made_anew_knows_all_again(
        self, photos: Path, collection: Collection, toy: list[ToyEncoder]
    ) -> None:
        (photos / "plain.xmp").write_bytes(sidecar("dog"))
        index_folder(collection, photos)
        before = {name: facts(collection, photos / name) for name in ("camera.jpg", "plain.png")}
        collection.close()
        (collection.path / "catalog.db").write_bytes(b"gone")
        assert repair(collection.path).left == ()
        with Collection.open(collection.path) as mended:
            assert {name: facts(mended, photos / name) for name in before} == before
            assert mended.catalog.outdated_photos() == []
            assert index_folder(mended, photos).unchanged == 4


class TestShowing:
    def test_a_photo_of_the_collection(self, indexed: Collection, photos: Path) -> None:
        shutil.copy(photos / "camera.jpg", photos / "copy.jpg")
        (photos / "notes.csv").write_text("image,caption\ncamera.jpg,a red thing\n")
        index_folder(indexed, photos)
        details = show_photo(indexed, photos / "camera.jpg")
        shown = {field.label: field.text for field in details.fields}
        assert details.indexed
        assert shown["taken"] == "2021-04-03 17:20:05.12 +09:00 (from exif)"
        assert shown["place"] == "Kyoto, Japan"
        assert (shown["exposure"], shown["aperture"]) == ("1/250 s", "f/2.8")
        assert (shown["width"], shown["shape"], shown["colours"]) == ("48 px", "portrait", "red")
        assert details.photo.paths == (str(photos / "camera.jpg"), str(photos / "copy.jpg"))
        assert [document.text for document in details.documents] == ["a red thing"]
        assert details.thumbnail_bytes is None
        indexed.thumbnail(details.photo)
        assert show_photo(indexed, photos / "camera.jpg").thumbnail_bytes

    def test_one_that_is_not_there(self, indexed: Collection, photos: Path, tmp_path: Path) -> None:
        shutil.copy(photos / "camera.jpg", tmp_path / "new.jpg")
        details = show_photo(indexed, tmp_path / "new.jpg")
        assert not details.indexed
        assert details.photo.paths == (str(tmp_path / "new.jpg"), str(photos / "camera.jpg"))
        there = show_photo(indexed, photos / "camera.jpg")
        assert details.facts == there.facts
        assert details.looks == there.looks
        assert show_photo(None, tmp_path / "new.jpg").fields == details.fields


def test_somebody_who_is_called_like_a_town(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anna, Texas: no photo is of there, and one is of Anna."""
    monkeypatch.setattr(
        understanding, "sort_of_place", lambda name, _: "city" * (name in ("Anna", "Quito"))
    )
    for name, data in {
        "1.jpg": sidecar("Anna"),
        "2.jpg": sidecar("dog", more='photoshop:City="Oslo" photoshop:Country="Norway"'),
    }.items():
        picture(tmp_path / f"photos/{name}", "red" if name == "1.jpg" else "blue")
        (tmp_path / f"photos/{name}.xmp").write_bytes(data)
    index_folder(collection, [tmp_path / "photos"])
    for text, places in {
        "Anna": [],
        "with Anna": [],
        "in Anna": [("Anna",)],
        "Quito": [("Quito",)],
        "Oslo": [("Oslo",)],
    }.items():
        found = search(collection, text).query.filters
        assert [f.values for f in found if f.field == "place"] == places, text
