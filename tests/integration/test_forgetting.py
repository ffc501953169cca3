"""Forgetting: nothing of a photo or a text stays in any file of the collection."""

from __future__ import annotations

import io
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from retrieval import Collection, compact, forget, index_folder, search
from retrieval.corpora import Columns
from retrieval.errors import NoPhotosError, UsageError
from retrieval.records import Skipped
from retrieval.storage import leftovers as leftovers_module
from retrieval.storage.catalog import Catalog
from retrieval.storage.vectors import VectorFile
from tests.conftest import open_toy
from tests.pictures import picture, touch
from tests.toy import ToyEncoder

SECRET = "xylophone-holiday"  # in names and texts, to be looked for in all bytes


class Crash(BaseException):
    """The process dies here."""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Ordinary photos, a secret one with a copy elsewhere, and two texts that share a line."""
    folder = tmp_path / "photos"
    for n in range(30):
        picture(folder / f"{n}.png", (n * 8, 255 - n * 8, 100))
    picture(folder / f"private/{SECRET}.png", (250, 3, 99))
    picture(folder / "elsewhere/copy.png", (250, 3, 99))
    (folder / f"{SECRET}.csv").write_text(
        f"image,caption\nprivate/{SECRET}.png,red {SECRET}\n1.png,green for all\n"
    )
    (folder / "other.csv").write_text(f"image,caption\nprivate/{SECRET}.png,green for all\n")
    return folder


@pytest.fixture
def place(tmp_path: Path, toy: list[ToyEncoder]) -> Path:
    return tmp_path / "collection"


@pytest.fixture
def indexed(place: Path, photos: Path) -> Iterator[Collection]:
    with open_toy(place) as collection:
        index_folder(collection, photos)
        for photo in photos_of(collection).values():
            collection.thumbnail(photo)
        yield collection


def photos_of(collection: Collection) -> dict[int, Any]:
    catalog = collection.catalog
    with catalog.reading():
        return catalog.photos_by_id(list(range(1, 200)))


def found(collection: Collection, kind: Any = "photos") -> set[str]:
    return {
        path for hit in search(collection, "red", kind=kind, k=99).hits for path in hit_paths(hit)
    }


def hit_paths(hit: Any) -> tuple[str, ...]:
    return (hit.path, *hit.also, hit.text or "")


def secret_bytes(collection: Collection, photos: Path) -> dict[str, bytes]:
    """What must not be found afterwards: name, text, row, key and thumbnail."""
    space = collection.catalog.active_space()
    assert space is not None
    catalog = collection.catalog
    (photo,) = (p for p in photos_of(collection).values() if SECRET in str(p.paths))
    with catalog.reading():
        embedded = {i: row for row, i in catalog.items_at(space, "photos", range(99)).items()}
    file, row = collection.vector_file(space, "photos"), embedded[photo.id]
    return {
        "name": SECRET.encode(),
        "row": file.rows(space.rows["photos"])[row].tobytes(),
        "hash": photo.content_hash,
        "hash as name": photo.content_hash.hex().encode(),
        "thumbnail": collection.thumbnail(photo).read_bytes(),
    }


def holders(place: Path, needle: bytes) -> list[str]:
    """Files of the collection that hold these bytes, in their name or content."""
    return [
        str(path)
        for path in place.rglob("*")
        if path.is_file() and (needle in path.read_bytes() or needle in os.fsencode(path.name))
    ]


class TestNothingStays:
    @pytest.mark.parametrize("others", [0, 1_500])
    def test_in_any_byte(
        self, place: Path, photos: Path, others: int, toy: list[ToyEncoder]
    ) -> None:
        lines = [f"{n}.png,text {n} " + "x" * (n % 90) for n in range(others)]
        lines.insert(others // 2, f"1.png,blue {SECRET} " + "y" * 6_000)  # spills over a page
        (photos / "many.csv").write_text("\n".join(["image,caption", *lines]))
        with open_toy(place) as collection:
            index_folder(collection, photos)
            collection.catalog.back_up(place / "catalog.v1.backup.db")
            (place / "catalog.damaged-1.db").write_bytes(SECRET.encode())
            secret = secret_bytes(collection, photos)
            for name, needle in secret.items():
                assert holders(place, needle), name
            gone = [photos / "private", photos / f"{SECRET}.csv", photos / "many.csv"]
            report = forget(collection, gone, without_trace=True)
            assert report.wiped
            assert report.backups == ("catalog.damaged-1.db", "catalog.v1.backup.db")
            for name, needle in secret.items():
                assert holders(place, needle) == [], name
        for name, needle in secret.items():
            assert holders(place, needle) == [], name

    def test_but_the_path_so_that_it_stays_away(self, indexed: Collection, photos: Path) -> None:
        secret = secret_bytes(indexed, photos)
        forget(indexed, photos / "private")
        for name in ("row", "hash", "hash as name", "thumbnail"):
            assert holders(indexed.path, secret[name]) == [], name

    def test_nor_in_the_journal(self, indexed: Collection, photos: Path) -> None:
        secret = photos / f"private/{SECRET}.png"
        index_folder(indexed, [secret, photos])
        (photos / f"private/{SECRET}").mkdir()
        with pytest.raises(NoPhotosError):
            index_folder(indexed, photos / f"private/{SECRET}")
        forget(indexed, [photos / "private", photos / f"{SECRET}.csv"], without_trace=True)
        shown = str(indexed.info().runs)
        assert SECRET not in shown
        assert str(photos) in shown

    def test_of_a_half_written_thumbnail(self, indexed: Collection, photos: Path) -> None:
        (photo,) = (p for p in photos_of(indexed).values() if SECRET in str(p.paths))
        left = indexed.thumbnail(photo).with_suffix(".jpg.77.tmp")
        left.write_bytes(b"half")
        foreign = left.with_name("notes")
        foreign.write_bytes(b"mine")
        forget(indexed, photos / "private")
        assert not left.exists()
        assert foreign.exists()

    def test_of_rows_that_never_counted(self, indexed: Collection, photos: Path) -> None:
        space = indexed.catalog.active_space()
        assert space is not None
        file = indexed.vector_file(space, "photos")
        length = file.path.stat().st_size
        with file.path.open("ab") as tail:
            tail.write(b"left over")
        forget(indexed, photos / "private")
        assert file.path.stat().st_size == length


class TestWhatGoes:
    def test_a_photo_with_its_copies(self, indexed: Collection, photos: Path) -> None:
        report = forget(indexed, photos / "private")
        secret, copy = str(photos / f"private/{SECRET}.png"), str(photos / "elsewhere/copy.png")
        assert (report.photos, report.documents) == (1, 0)
        assert report.files == (copy, secret)
        assert report.copies == (copy,)
        assert report.links == 2
        assert not found(indexed) & {secret, copy}
        assert len(found(indexed)) == 31  # and no text
        assert indexed.info().photos == 30
        assert all(hit.photo_path is None or SECRET not in hit.photo_path for hit in texts(indexed))

    def test_a_text_but_not_what_stands_elsewhere_too(
        self, indexed: Collection, photos: Path
    ) -> None:
        report = forget(indexed, photos / f"{SECRET}.csv")
        assert (report.photos, report.documents, report.copies) == (0, 1, ())
        (hit,) = texts(indexed)
        assert (hit.text, hit.path) == ("green for all", str(photos / "other.csv"))

    def test_what_is_not_on_disk_any_more(self, indexed: Collection, photos: Path) -> None:
        secret = photos / f"private/{SECRET}.png"
        secret.unlink()
        assert forget(indexed, str(secret)).photos == 1

    def test_skipped_files(self, indexed: Collection, photos: Path) -> None:
        (photos / "broken.jpg").write_bytes(b"no")
        index_folder(indexed, photos)
        report = forget(indexed, photos / "broken.jpg", without_trace=True)
        assert (report.photos, len(report.files)) == (0, 1)
        assert indexed.catalog.skipped() == []

    def test_everything(self, indexed: Collection, photos: Path) -> None:
        assert forget(indexed, photos).photos == 31
        assert search(indexed, "red").hits == ()
        assert indexed.info().not_live == 33
        with pytest.raises(NoPhotosError, match="forgotten"):
            index_folder(indexed, photos)

    def test_unknown_paths_and_then_nothing(self, indexed: Collection, photos: Path) -> None:
        with pytest.raises(UsageError, match=r"nothing at all is not in the collection"):
            forget(indexed, [photos / "1.png", photos / "nothing at all"])
        assert indexed.info().photos == 31

    def test_names_that_are_not_utf8(self, indexed: Collection, photos: Path) -> None:
        odd = Path(os.fsdecode(os.fsencode(photos) + b"/\xe9\xe9\xe9.png"))
        picture(photos / "odd.png", (1, 2, 250)).rename(odd)
        index_folder(indexed, photos)
        assert forget(indexed, odd, without_trace=True).files == (str(odd),)
        assert holders(indexed.path, b"\xe9\xe9\xe9") == []

    def test_a_dry_run_changes_nothing(self, indexed: Collection, photos: Path) -> None:
        generation = indexed.catalog.generation()
        planned = forget(indexed, photos / "private", dry_run=True)
        assert indexed.catalog.generation() == generation
        assert planned.dry_run
        done = forget(indexed, photos / "private")
        assert (planned.files, planned.copies, planned.photos) == (
            *(done.files, done.copies, done.photos),
        )


def texts(collection: Collection) -> tuple[Any, ...]:
    return search(collection, "red", kind="documents", k=99).hits


class TestComingBack:
    def test_not_with_the_folder(
        self, indexed: Collection, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        forget(indexed, photos / "private")
        secret, copy = photos / f"private/{SECRET}.png", photos / "elsewhere/copy.png"
        touch(secret)
        opened: list[str] = []
        monkeypatch.setattr("retrieval.indexing.photos.read_content", opened.append)
        for _ in range(2):
            report = index_folder(indexed, photos, columns=Columns("caption"))
            skipped = [Skipped(str(path), "forgotten") for path in (copy, secret)]
            assert list(report.skipped) == skipped == indexed.catalog.skipped()
            assert (report.photos, report.removed, report.added) == (30, 0, 0)
        assert opened == []

    def test_when_it_is_named_itself(self, indexed: Collection, photos: Path) -> None:
        forget(indexed, photos / "private")
        secret = photos / f"private/{SECRET}.png"
        report = index_folder(indexed, [photos, secret])
        assert (report.added, report.embedded, len(report.skipped)) == (1, 1, 1)
        assert str(secret) in found(indexed)
        assert str(photos / "elsewhere/copy.png") not in found(indexed)

    def test_texts_stay_away_as_well(self, indexed: Collection, photos: Path) -> None:
        forget(indexed, photos / f"{SECRET}.csv")
        report = index_folder(indexed, photos, columns=Columns("caption", "image"))
        assert [entry.reason for entry in report.skipped] == ["forgotten"]
        assert len(texts(indexed)) == 1

    def test_without_trace_with_the_folder(self, indexed: Collection, photos: Path) -> None:
        forget(indexed, photos / "private", without_trace=True)
        assert indexed.catalog.skipped() == []
        assert index_folder(indexed, photos).added == 1

    def test_a_trace_can_be_removed_later(self, indexed: Collection, photos: Path) -> None:
        forget(indexed, photos / "private")
        report = forget(indexed, [photos / "private", photos / "elsewhere"], without_trace=True)
        assert (report.photos, len(report.files)) == (0, 2)
        assert indexed.catalog.skipped() == []

    def test_not_when_it_cannot_be_read_for_once(self, indexed: Collection, photos: Path) -> None:
        forget(indexed, photos / "private")
        secret = photos / f"private/{SECRET}.png"
        data = secret.read_bytes()
        secret.unlink()
        secret.symlink_to("nowhere")
        for _ in range(2):
            report = index_folder(indexed, photos)
            assert {entry.reason for entry in report.skipped} == {"forgotten"}
            assert tuple(indexed.catalog.skipped()) == report.skipped
            secret.unlink()
            secret.write_bytes(data)

    def test_not_when_its_disk_was_away_for_a_run(
        self, indexed: Collection, photos: Path, tmp_path: Path
    ) -> None:
        forget(indexed, photos / "private")
        photos.rename(tmp_path / "away")
        photos.mkdir()
        index_folder(indexed, photos)
        photos.rmdir()
        (tmp_path / "away").rename(photos)
        report = index_folder(indexed, photos)
        assert {s.path for s in report.skipped} == {
            str(photos / f"private/{SECRET}.png"),
            str(photos / "elsewhere/copy.png"),
        }

    def test_a_thumbnail_made_meanwhile_does_not_stay(
        self, indexed: Collection, photos: Path
    ) -> None:
        held = indexed.catalog.photos_by_id(range(1, 100)).values()
        (photo,) = [p for p in held if any(SECRET in path for path in p.paths)]
        forget(indexed, photos / "private")
        assert indexed.thumbnail_data(photo).startswith(b"\xff\xd8")
        assert not list(indexed.path.glob(f"thumbs/*/{photo.content_hash.hex()}*"))

    def test_without_trace_the_folder_is_not_listed_either(
        self, indexed: Collection, photos: Path
    ) -> None:
        assert str(photos) in (indexed.path / "roots.json").read_text()
        forget(indexed, photos, without_trace=True)
        assert str(photos) not in (indexed.path / "roots.json").read_text()


class TestCrash:
    @pytest.mark.parametrize("target", ["remove_thumbnails", "erase", "vacuum", "note_erased"])
    def test_the_next_writer_finishes(
        self, place: Path, photos: Path, target: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def crash(*_: Any) -> None:
            raise Crash

        with open_toy(place) as collection:
            index_folder(collection, photos)
            secret = secret_bytes(collection, photos)
            owner = Catalog if hasattr(Catalog, target) else leftovers_module
            gone = [photos / "private", photos / f"{SECRET}.csv"]
            with monkeypatch.context() as patch:
                patch.setattr(owner, target, crash)
                with pytest.raises(Crash):
                    forget(collection, gone, without_trace=True)
            assert not found(collection) & {str(photos / "elsewhere/copy.png")}
        with open_toy(place) as collection, collection.writing():
            pass
        for name, needle in secret.items():
            assert holders(place, needle) == [], name

    def test_before_the_transaction_nothing_is_lost(
        self, indexed: Collection, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def crash(*_: Any, **__: Any) -> None:
            raise Crash

        with monkeypatch.context() as patch:
            patch.setattr("retrieval.storage.edits.forget", crash)
            with pytest.raises(Crash):
                forget(indexed, photos / "private")
        assert indexed.info().photos == 31
        assert len(found(indexed)) == 33


def test_a_reader_that_hinders_is_named(
    indexed: Collection, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Catalog, "vacuum", lambda _: False)
    assert not forget(indexed, photos / "private").wiped


def test_readers_see_no_error_and_no_wrong_row(place: Path, photos: Path) -> None:
    """Photos are forgotten, taken in again and compacted away while others search."""
    with open_toy(place) as collection:
        index_folder(collection, photos)
    errors: list[BaseException] = []
    counts: list[int] = []
    stop = threading.Event()

    def read(reopen: bool) -> None:
        try:
            reader = open_toy(place)
            while not stop.is_set():
                if reopen:
                    reader.close()
                    reader = open_toy(place)
                hits = search(reader, "red", k=50).hits
                counts.append(len(hits))
                for hit in hits:
                    assert hit.score == pytest.approx(cosine(hit.path), abs=2e-3), hit.path
            reader.close()
        except BaseException as exc:
            errors.append(exc)

    threads = [threading.Thread(target=read, args=(reopen,)) for reopen in (False, True)]
    for thread in threads:
        thread.start()
    with open_toy(place) as collection:
        for n in range(0, 18, 3):
            forget(collection, [photos / f"{n}.png", photos / f"{n + 1}.png"])
            compact(collection)
            index_folder(collection, [photos / f"{n}.png"])
            if errors:
                break
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(counts) > 10


def cosine(path: str) -> float:
    """What the toy encoder says about "red" and the picture at `path`."""
    encoder = ToyEncoder()
    image = Image.open(io.BytesIO(Path(path).read_bytes())).convert("RGB")
    row = encoder.encode_images(encoder.prepare(image)[None])
    return float(np.dot(row[0], encoder.encode_texts(["red"])[0]))


def test_erasing_overwrites_rows_and_keys(indexed: Collection, photos: Path) -> None:
    space = indexed.catalog.active_space()
    assert space is not None
    file: VectorFile = indexed.vector_file(space, "photos")
    forget(indexed, photos / "private")
    (row,) = indexed.catalog.erased_rows(space, "photos", done=True)
    assert not np.asarray(file.rows(31)[row]).any()
    assert file.keys(31)[row].tobytes() == bytes(36)
    assert len(file.damaged(31, [row])) == 0
