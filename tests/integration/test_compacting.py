"""Compaction: what is dead goes, what is alive is found as before, whatever happens on the way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, insert, update

from retrieval import Collection, compact, compaction, forget, index_folder, search
from retrieval.errors import CorruptError, LockedError, NoCollectionError, StorageError
from retrieval.storage.catalog import Catalog
from retrieval.storage.layout import write_lock
from retrieval.storage.tables import embeddings, spaces
from retrieval.storage.vectors import KEY, VectorFile
from tests.conftest import open_toy
from tests.pictures import picture
from tests.toy import ToyEncoder


class Crash(BaseException):
    """The process dies here."""


def crash(*_: Any, **__: Any) -> None:
    raise Crash


def full_disk(*_: Any, **__: Any) -> None:
    raise OSError(28, "No space left on device")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for n in range(20):
        picture(folder / f"{n}.png", (n * 12, 255 - n * 12, 100))
    (folder / "a.txt").write_text("red\n\ngreen\n\nblue")
    (folder / "b.txt").write_text("yellow\n\ngreen")
    return folder


@pytest.fixture
def place(tmp_path: Path, toy: list[ToyEncoder]) -> Path:
    return tmp_path / "collection"


@pytest.fixture
def holed(place: Path, photos: Path) -> Iterator[Collection]:
    """A collection of which every third photo and one text file are gone, and one is forgotten."""
    with open_toy(place) as collection:
        index_folder(collection, photos)
        for photo in collection.catalog.photos_by_id(list(range(1, 21))).values():
            collection.thumbnail(photo)
        for n in range(0, 20, 3):
            (photos / f"{n}.png").unlink()
        (photos / "a.txt").unlink()
        index_folder(collection, photos)
        forget(collection, photos / "1.png")
        yield collection


def state_of(collection: Collection) -> dict[str, Any]:
    return {
        kind: [
            (hit.path, hit.text, round(hit.score, 6))
            for hit in search(collection, "red", kind=kind, k=99).hits  # type: ignore[arg-type]
        ]
        for kind in ("photos", "documents")
    }


def files(place: Path) -> set[str]:
    return {path.name for path in place.glob("spaces/*/*")} - {"space.json"}


EDITION = {f"{kind}-1.{suffix}" for kind in ("photos", "documents") for suffix in ("f16", "keys")}
FIRST = {name.replace("-1", "") for name in EDITION}


class TestWhatIsLeft:
    def test_only_what_is_alive(self, holed: Collection, place: Path) -> None:
        before = state_of(holed)
        report = compact(holed)
        assert (report.rows_before, report.rows_after) == (24, 14)
        assert state_of(holed) == before
        with Collection.open(place) as reader:
            assert state_of(reader) == before
        assert files(place) == EDITION
        space = holed.catalog.active_space()
        assert space is not None
        assert space.rows == {"photos": 12, "documents": 2}
        for kind, count in space.rows.items():
            file = holed.vector_file(space, kind)
            assert file.path.stat().st_size == count * 6
            assert len(file.damaged(count)) == 0
            assert holed.catalog.dead_rows(space, kind) == []
        assert holed.info().not_live == 0
        assert len(list(place.glob("thumbs/*/*"))) == 12

    def test_in_the_catalog(self, holed: Collection) -> None:
        compact(holed)
        assert len(holed.catalog.photos_by_id(list(range(1, 99)))) == 12
        texts = {document.text for document in holed.catalog.documents_by_id(range(99)).values()}
        assert texts == {"yellow", "green"}
        assert holed.catalog.integrity_problems() == []

    def test_again_and_again(self, holed: Collection, photos: Path, place: Path) -> None:
        compact(holed)
        before = state_of(holed)
        assert compact(holed).rows_after == 14
        assert files(place) == EDITION, "nothing was dead, nothing is written anew"
        (photos / "2.png").unlink()
        index_folder(holed, photos)
        compact(holed)
        assert "photos-2.f16" in files(place)
        before["photos"] = [hit for hit in before["photos"] if not hit[0].endswith("/2.png")]
        assert state_of(holed) == before

    def test_goes_on_growing(self, holed: Collection, photos: Path, place: Path) -> None:
        compact(holed)
        picture(photos / "new.png", "red")
        assert index_folder(holed, photos).embedded == 1
        assert str(photos / "new.png") in {hit[0] for hit in state_of(holed)["photos"]}
        with Collection.open(place) as reader:
            assert state_of(reader) == state_of(holed)

    def test_nothing_at_all(self, holed: Collection, photos: Path, place: Path) -> None:
        for path in photos.iterdir():
            path.unlink()
        index_folder(holed, photos)
        assert compact(holed).rows_after == 0
        assert files(place) == set()
        with pytest.raises(NoCollectionError, match="holds no photos"):
            search(holed, "red")
        picture(photos / "new.png", "red")
        index_folder(holed, photos)
        assert len(search(holed, "red").hits) == 1

    def test_of_an_empty_collection(self, place: Path) -> None:
        with open_toy(place) as collection:
            assert compact(collection).rows_before == 0

    def test_one_block_at_a_time(
        self, holed: Collection, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = state_of(holed)
        monkeypatch.setattr(compaction, "BLOCK_BYTES", 5 * 6)
        monkeypatch.setattr("retrieval.storage.edits.MANY", 5)
        told: list[tuple[str, int, int | None]] = []
        compact(holed, on_progress=lambda p: told.append((p.stage, p.done, p.total)))
        assert told[:3] == [("compacting photos", n, 12) for n in (5, 10, 12)]
        assert state_of(holed) == before

    def test_spaces_that_are_not_searched(self, holed: Collection, place: Path) -> None:
        """An embedding of another encoder is dropped with its photo, and kept with it."""
        space = holed.catalog.active_space()
        assert space is not None
        holed.catalog.add_space("f" * 64, "older", 3)
        (other,) = (s for s in holed.catalog.spaces() if s.id != space.id)
        items = holed.catalog.items_at(space, "photos", range(20))
        described = holed.catalog.photos_by_id(list(items.values()))
        dead = next(photo for photo in described.values() if not photo.paths)
        kept = next(photo for photo in described.values() if photo.paths)
        hashes = [dead.content_hash, kept.content_hash]
        rows = np.eye(3, dtype=np.float32)[:2]
        holed.vector_file(other, "photos").append(0, rows, hashes)
        values = {"space_id": other.id, "kind": "photos"}
        with holed.catalog.writing() as connection:
            for row, photo in enumerate((dead, kept)):
                at = insert(embeddings).values(**values, row=row, item_id=photo.id, live=row == 1)
                connection.execute(at)
            mine = spaces.c.id == other.id
            connection.execute(update(spaces).where(mine).values(photos_rows=2))
        compact(holed)
        (other,) = (s for s in holed.catalog.spaces() if s.id == other.id)
        assert other.rows["photos"] == 1
        assert holed.vector_file(other, "photos").keys(1)["hash"].tobytes() == hashes[1]
        assert len(holed.vector_file(other, "photos").damaged(1)) == 0


class TestDamage:
    def test_is_not_passed_on(self, holed: Collection, place: Path) -> None:
        file = vectors(holed)
        data = bytearray(file.path.read_bytes())
        data[2 * 6] ^= 1  # 2.png
        file.path.write_bytes(data)
        with pytest.raises(CorruptError, match=r"1 rows of .* are damaged.*retrieval repair"):
            compact(holed)
        assert files(place) == FIRST
        assert holed.info().runs[0].outcome.startswith("failed: 1 rows of ")

    def test_of_rows_that_go_anyway_is_no_matter(self, holed: Collection) -> None:
        file = vectors(holed)
        data = bytearray(file.path.read_bytes())
        data[0] ^= 1  # 0.png is dead
        file.path.write_bytes(data)
        assert compact(holed).rows_after == 14

    def test_rows_that_nobody_owns(self, holed: Collection) -> None:
        with holed.catalog.writing() as connection:
            connection.execute(delete(embeddings).where(embeddings.c.row == 2))
        with pytest.raises(CorruptError, match=r"does not account for all rows.*retrieval repair"):
            compact(holed)

    def test_a_file_that_is_too_short(self, holed: Collection) -> None:
        os.truncate(vectors(holed).keys_path, 3 * KEY.itemsize)
        with pytest.raises(CorruptError, match="retrieval repair"):
            compact(holed)


def vectors(collection: Collection) -> VectorFile:
    space = collection.catalog.active_space()
    assert space is not None
    return collection.vector_file(space, "photos")


class TestOnTheWay:
    @pytest.mark.parametrize(
        ("target", "compacted"),
        [
            ("retrieval.compaction._copy", False),
            ("retrieval.compaction._switch", False),
            ("retrieval.storage.edits.drop_items", False),
            ("retrieval.storage.edits.switch_edition", False),
            ("retrieval.storage.vectors.VectorFile.remove", True),
            ("retrieval.compaction.remove_thumbnails", True),
            ("retrieval.storage.catalog.Catalog.vacuum", True),
        ],
    )
    def test_the_process_dies(
        self,
        holed: Collection,
        place: Path,
        target: str,
        compacted: bool,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        before = state_of(holed)
        with monkeypatch.context() as patch:
            patch.setattr(target, crash)
            with pytest.raises(Crash):
                compact(holed)
        assert state_of(holed) == before
        with Collection.open(place) as other:
            assert state_of(other) == before
            with other.writing():
                pass
            assert files(place) == (EDITION if compacted else FIRST)
            assert compact(other).rows_after == 14
            assert state_of(other) == before
        assert state_of(holed) == before

    @pytest.mark.parametrize("step", ["write", "sync", "create"])
    def test_the_disk_is_full(
        self, holed: Collection, place: Path, step: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        before = state_of(holed)
        copy = compaction._copy

        def failing(*arguments: Any) -> None:
            with monkeypatch.context() as patch:
                patch.setattr(f"retrieval.storage.disk.System.{step}", full_disk)
                copy(*arguments)

        monkeypatch.setattr(compaction, "_copy", failing)
        with pytest.raises(StorageError, match="No space left"):
            compact(holed)
        assert files(place) == FIRST
        assert state_of(holed) == before

    def test_another_writer(self, holed: Collection, place: Path) -> None:
        holed.patience = 0
        with write_lock(place, 0), pytest.raises(LockedError):
            compact(holed)

    def test_a_reader_goes_on_with_what_it_has(self, holed: Collection, place: Path) -> None:
        with Collection.open(place) as reader:
            before = state_of(reader)
            space, store = reader.store("photos")
            compact(holed)
            assert not reader.are_these(space, "photos", {}, reader.catalog.active_space())
            assert len(store) == 12
            assert state_of(reader) == before

    def test_files_that_go_while_a_reader_opens_them(
        self, holed: Collection, place: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between asking for the length of a file and mapping it, it may be replaced."""
        before = state_of(holed)
        rows, calls = VectorFile.rows, iter(range(99))

        def racing(self: VectorFile, count: int) -> Any:
            if next(calls) == 0:
                monkeypatch.setattr(VectorFile, "rows", rows)
                compact(holed)
                raise StorageError("gone")
            return rows(self, count)

        with Collection.open(place) as reader:
            monkeypatch.setattr(VectorFile, "rows", racing)
            assert state_of(reader) == before


class TestByItself:
    @pytest.fixture
    def worth(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(compaction, "LEAST_DEAD", 3)

    def test_after_a_run(self, holed: Collection, photos: Path, place: Path, worth: None) -> None:
        index_folder(holed, photos)
        assert files(place) == EDITION
        assert [run.command for run in holed.info().runs[:2]] == ["compact", "index"]

    def test_not_for_a_few(self, holed: Collection, photos: Path, place: Path) -> None:
        index_folder(holed, photos)
        assert files(place) == FIRST

    def test_not_for_a_small_share(
        self,
        holed: Collection,
        photos: Path,
        place: Path,
        worth: None,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(compaction, "DEAD_SHARE", 10 / 24)
        index_folder(holed, photos)
        assert files(place) == FIRST

    def test_not_before_all_files_were_met_again(
        self,
        holed: Collection,
        photos: Path,
        place: Path,
        worth: None,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(Catalog, "undescribed", lambda _: {b"x"})
        index_folder(holed, photos)
        assert files(place) == FIRST

    def test_a_full_disk_does_not_spoil_the_run(
        self, holed: Collection, photos: Path, worth: None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def failing(*_: Any) -> None:
            raise StorageError("no room")

        monkeypatch.setattr(compaction, "_copy", failing)
        assert index_folder(holed, photos).photos == 12
        assert holed.info().runs[0].outcome == "failed: no room"
