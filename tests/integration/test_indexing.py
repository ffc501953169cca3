"""Indexing real files into a real collection, with the encoder whose results are known by hand."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from retrieval import Collection, IndexReport, index_folder, search
from retrieval.corpora import Columns
from retrieval.errors import EncoderError, NoPhotosError, UsageError
from retrieval.indexing import photos as photos_module
from retrieval.indexing import run as run_module
from retrieval.records import Progress
from tests.conftest import open_toy
from tests.pictures import picture, touch
from tests.toy import ToyEncoder


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with a red, a green and a blue picture."""
    for colour in ("red", "green", "blue"):
        picture(tmp_path / "photos" / f"{colour}.png", colour)
    return tmp_path / "photos"


def groups(report: IndexReport) -> dict[str, int]:
    """The counts of a report that are not 0, skipped files by number."""
    names = ("added", "changed", "moved", "duplicates", "unchanged", "removed", "embedded")
    counts = {name: getattr(report, name) for name in names}
    counts["skipped"] = len(report.skipped)
    return {name: count for name, count in counts.items() if count}


def reasons(report: IndexReport) -> dict[str, str]:
    return {Path(entry.path).name: entry.reason for entry in report.skipped}


def found(collection: Collection, query: str, **options: Any) -> list[tuple[str, ...]]:
    """Names of the files of each hit, best first."""
    hits = search(collection, query, **options).hits
    return [tuple(Path(path).name for path in (hit.path, *hit.also)) for hit in hits]


class TestRuns:
    def test_the_first(self, collection: Collection, photos: Path) -> None:
        report = index_folder(collection, [photos])
        assert groups(report) == {"added": 3, "embedded": 3}
        assert (report.photos, report.documents, report.encoder) == (3, 0, "toy")
        assert report.seconds >= 0
        for colour in ("red", "green", "blue"):
            assert found(collection, colour, k=1) == [(f"{colour}.png",)]

    def test_the_second_opens_no_file(
        self, collection: Collection, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        index_folder(collection, [photos])
        monkeypatch.setattr(photos_module, "read_content", None)  # using it would fail
        assert groups(index_folder(collection, [photos])) == {"unchanged": 3}

    def test_the_second_loads_no_encoder(
        self, photos: Path, tmp_path: Path, toy: list[ToyEncoder]
    ) -> None:
        for _ in range(2):
            with open_toy(tmp_path / "c", model="auto" if toy else "toy") as collection:
                index_folder(collection, [photos])
        assert len(toy) == 1

    @pytest.mark.parametrize(
        "folder", ["photos", "./photos", "photos/", "x/../photos", "../{}/photos"]
    )
    def test_however_the_folder_is_written(
        self, collection: Collection, photos: Path, folder: str
    ) -> None:
        index_folder(collection, [photos])
        report = index_folder(collection, [folder.format(photos.parent.name)])
        assert groups(report) == {"unchanged": 3}
        (photos / "red.png").unlink()
        report = index_folder(collection, [folder.format(photos.parent.name)])
        assert groups(report) == {"unchanged": 2, "removed": 1}

    def test_batches_and_progress(self, collection: Collection, photos: Path) -> None:
        for n in range(20):
            picture(photos / f"{n}.png", (n * 10, 200, 10))
        seen: list[Progress] = []
        report = index_folder(
            collection, [photos], batch_size=4, threads=2, on_progress=seen.append
        )
        assert report.embedded == report.photos == 23
        done = [event.done for event in seen if event.stage == "indexing"]
        assert done == [4, 8, 12, 16, 20, 23]  # what is committed
        assert {event.total for event in seen if event.stage == "indexing"} == {23}

    def test_a_run_that_stops_half_way_goes_on(
        self, collection: Collection, photos: Path, toy: list[ToyEncoder]
    ) -> None:
        encoder = collection.encoder()
        encode = encoder.encode_images

        def fail_on_the_second(batch: Any) -> Any:
            if toy[0].images_seen:
                raise EncoderError("the device is gone")
            return encode(batch)

        encoder.encode_images = fail_on_the_second  # type: ignore[method-assign]
        with pytest.raises(EncoderError, match="the device is gone"):
            index_folder(collection, [photos], batch_size=2)
        assert collection.info().photos == 2
        encoder.encode_images = encode  # type: ignore[method-assign]
        report = index_folder(collection, [photos], batch_size=2)
        assert groups(report) == {"unchanged": 2, "added": 1, "embedded": 1}


class TestChanges:
    def test_changed(self, collection: Collection, photos: Path) -> None:
        index_folder(collection, [photos])
        picture(photos / "red.png", "yellow")
        touch(photos / "red.png")
        report = index_folder(collection, [photos])
        assert groups(report) == {"unchanged": 2, "changed": 1, "embedded": 1}
        assert report.photos == 3
        assert found(collection, "red green", k=1) == [("red.png",)]
        assert search(collection, "red").considered == len(found(collection, "red")) == 3

    def test_touched(self, collection: Collection, photos: Path) -> None:
        index_folder(collection, [photos])
        touch(photos / "red.png")
        assert groups(index_folder(collection, [photos])) == {"unchanged": 3}
        assert groups(index_folder(collection, [photos])) == {"unchanged": 3}

    def test_moved(self, collection: Collection, photos: Path) -> None:
        index_folder(collection, [photos])
        (photos / "deep").mkdir()
        (photos / "red.png").rename(photos / "deep/rouge.png")
        assert groups(index_folder(collection, [photos])) == {"unchanged": 2, "moved": 1}
        assert found(collection, "red", k=1) == [("rouge.png",)]

    def test_moved_and_copied(self, collection: Collection, photos: Path) -> None:
        index_folder(collection, [photos])
        shutil.copy(photos / "red.png", photos / "a.png")
        (photos / "red.png").rename(photos / "b.png")
        report = index_folder(collection, [photos])
        assert groups(report) == {"unchanged": 2, "moved": 1, "duplicates": 1}
        assert {frozenset(names) for names in found(collection, "red", k=1)} == {
            frozenset({"a.png", "b.png"})
        }

    def test_duplicates_all_come_back(self, collection: Collection, photos: Path) -> None:
        shutil.copy(photos / "red.png", photos / "again.png")
        report = index_folder(collection, [photos])
        assert groups(report) == {"added": 3, "duplicates": 1, "embedded": 3}
        assert report.photos == 3
        shutil.copy(photos / "red.png", photos / "third.png")
        report = index_folder(collection, [photos])
        assert groups(report) == {"unchanged": 4, "duplicates": 1}
        (hit,) = found(collection, "red", k=1)
        assert sorted(hit) == ["again.png", "red.png", "third.png"]

    def test_a_duplicate_goes_and_the_photo_stays(
        self, collection: Collection, photos: Path
    ) -> None:
        shutil.copy(photos / "red.png", photos / "again.png")
        index_folder(collection, [photos])
        (photos / "again.png").unlink()
        assert groups(index_folder(collection, [photos])) == {"unchanged": 3, "removed": 1}
        assert found(collection, "red", k=1) == [("red.png",)]

    def test_swapped(self, collection: Collection, photos: Path) -> None:
        index_folder(collection, [photos])
        (photos / "red.png").rename(photos / "x")
        (photos / "blue.png").rename(photos / "red.png")
        (photos / "x").rename(photos / "blue.png")
        for name in ("red.png", "blue.png"):
            touch(photos / name)
        assert groups(index_folder(collection, [photos])) == {"unchanged": 1, "changed": 2}
        assert found(collection, "red", k=1) == [("blue.png",)]

    def test_deleted_and_added_again(
        self, collection: Collection, photos: Path, toy: list[ToyEncoder]
    ) -> None:
        index_folder(collection, [photos])
        data = (photos / "red.png").read_bytes()
        (photos / "red.png").unlink()
        report = index_folder(collection, [photos])
        assert groups(report) == {"unchanged": 2, "removed": 1}
        assert report.photos == 2
        assert ("red.png",) not in found(collection, "red")
        (photos / "new.png").write_bytes(data)
        encoded = toy[0].images_seen
        report = index_folder(collection, [photos])
        assert groups(report) == {"unchanged": 2, "added": 1}
        assert toy[0].images_seen == encoded
        assert found(collection, "red", k=1) == [("new.png",)]

    def test_a_whole_folder_goes(self, collection: Collection, photos: Path) -> None:
        index_folder(collection, [photos])
        for path in photos.iterdir():
            path.unlink()
        report = index_folder(collection, [photos])
        assert groups(report) == {"removed": 3}
        assert found(collection, "red") == []
        with pytest.raises(NoPhotosError, match="There is no file in"):
            index_folder(collection, [photos])


class TestBrokenFiles:
    def test_are_reported_and_the_rest_is_indexed(
        self, collection: Collection, photos: Path
    ) -> None:
        (photos / "broken.jpg").write_bytes(b"\xff\xd8\xff no")
        (photos / "empty.jpg").touch()
        (photos / ".hidden.jpg").touch()
        (photos / "notes.jpg").write_text("words")
        report = index_folder(collection, [photos])
        assert groups(report) == {"added": 3, "embedded": 3, "skipped": 4}
        assert reasons(report)["empty.jpg"] == "empty file (0 bytes)"
        assert [entry.path for entry in report.skipped] == sorted(e.path for e in report.skipped)
        again = index_folder(collection, [photos])
        assert groups(again) == {"unchanged": 3, "skipped": 4}
        assert reasons(again) == reasons(report)
        assert collection.info().skipped == 4

    def test_one_that_is_mended_is_added(self, collection: Collection, photos: Path) -> None:
        (photos / "x.png").write_bytes(b"no")
        index_folder(collection, [photos])
        picture(photos / "x.png", "yellow")
        assert groups(index_folder(collection, [photos])) == {
            "unchanged": 3,
            "added": 1,
            "embedded": 1,
        }
        assert collection.info().skipped == 0

    def test_a_good_one_that_breaks_leaves_the_results(
        self, collection: Collection, photos: Path
    ) -> None:
        index_folder(collection, [photos])
        (photos / "red.png").write_bytes(b"no")
        report = index_folder(collection, [photos])
        assert groups(report) == {"unchanged": 2, "skipped": 1}
        assert report.photos == 2
        assert ("red.png",) not in found(collection, "red")

    def test_an_unreadable_one_keeps_what_is_known(
        self, collection: Collection, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        index_folder(collection, [photos])
        touch(photos / "red.png")
        read = photos_module.read_content

        def forbid(path: str) -> Any:
            if path.endswith("red.png"):
                raise PermissionError(13, "Permission denied", path)
            return read(path)

        monkeypatch.setattr(photos_module, "read_content", forbid)
        report = index_folder(collection, [photos])
        assert groups(report) == {"unchanged": 2, "skipped": 1}
        assert reasons(report) == {"red.png": "cannot be read: Permission denied"}
        assert found(collection, "red", k=1) == [("red.png",)]
        monkeypatch.setattr(photos_module, "read_content", read)
        assert groups(index_folder(collection, [photos])) == {"unchanged": 3}

    def test_an_unreadable_folder_keeps_what_is_known(
        self, collection: Collection, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        picture(photos / "deep/yellow.png", "yellow")
        index_folder(collection, [photos])
        scandir = os.scandir

        def forbid(path: Any) -> Any:
            if str(path).endswith("deep"):
                raise PermissionError(13, "Permission denied", path)
            return scandir(path)

        monkeypatch.setattr(os, "scandir", forbid)
        report = index_folder(collection, [photos])
        assert groups(report) == {"unchanged": 3, "skipped": 1}
        assert found(collection, "red green", k=1) == [("yellow.png",)]

    def test_a_new_decoder_gets_its_chance(
        self, collection: Collection, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (photos / "x.heic").write_bytes(b"no")
        index_folder(collection, [photos])
        monkeypatch.setattr(run_module, "READER", "pillow 99")
        monkeypatch.setattr(photos_module, "READER", "pillow 99")
        picture(photos / "y.png", "yellow")
        stamp = (photos / "x.heic").stat()
        (photos / "x.heic").write_bytes((photos / "y.png").read_bytes()[:2])
        os.utime(photos / "x.heic", ns=(stamp.st_mtime_ns, stamp.st_mtime_ns))
        opened = []
        read = photos_module.read_content
        monkeypatch.setattr(photos_module, "read_content", lambda p: opened.append(p) or read(p))
        index_folder(collection, [photos])
        assert {Path(path).name for path in opened} == {"x.heic", "y.png"}

    def test_a_photo_named_as_text_is_a_photo(self, collection: Collection, photos: Path) -> None:
        (photos / "red.png").rename(photos / "red.txt")
        report = index_folder(collection, [photos])
        assert groups(report) == {"added": 3, "embedded": 3}
        assert found(collection, "red", k=1) == [("red.txt",)]
        picture(photos / "x.png", "yellow").replace(photos / "red.txt")
        assert groups(index_folder(collection, [photos]))["changed"] == 1

    def test_nothing_that_can_be_indexed(self, collection: Collection, tmp_path: Path) -> None:
        (tmp_path / "x").mkdir()
        (tmp_path / "x/a.jpg").write_bytes(b"no")
        with pytest.raises(NoPhotosError, match=r"1 file was skipped, such as .*a\.jpg \(not a"):
            index_folder(collection, [tmp_path / "x"])

    def test_metadata_that_is_damaged(self, collection: Collection, shared: Path) -> None:
        report = index_folder(collection, [shared / "exif-orientation"])
        assert report.added == 7


class TestNeverOpened:
    """What the walk leaves out is remembered with its reason, as long as it holds."""

    def check(self, collection: Collection, report: IndexReport) -> None:
        assert tuple(collection.catalog.skipped()) == report.skipped
        assert collection.info().skipped == len(report.skipped)

    def test_is_listed(self, collection: Collection, photos: Path) -> None:
        os.mkfifo(photos / "pipe.png")
        (photos / "dead.png").symlink_to(photos / "nowhere")
        (photos / ".hidden.png").touch()
        report = index_folder(collection, [photos])
        assert groups(report) == {"added": 3, "embedded": 3, "skipped": 3}
        self.check(collection, report)
        assert collection.info().files == 3
        again = index_folder(collection, [photos])
        assert groups(again) == {"unchanged": 3, "skipped": 3}
        self.check(collection, again)

    def test_until_it_is_gone_or_fine(self, collection: Collection, photos: Path) -> None:
        for name in ("pipe.png", "other.png"):
            os.mkfifo(photos / name)
        (photos / ".hidden.png").touch()
        index_folder(collection, [photos])
        (photos / "pipe.png").unlink()
        picture(photos / "pipe.png", "yellow")
        (photos / "other.png").unlink()
        (photos / "other.png").symlink_to("nowhere")
        (photos / ".hidden.png").unlink()
        report = index_folder(collection, [photos])
        assert groups(report) == {"unchanged": 3, "added": 1, "embedded": 1, "skipped": 1}
        assert reasons(report) == {"other.png": "link to nothing"}
        self.check(collection, report)

    def test_a_photo_that_becomes_a_dead_link(self, collection: Collection, photos: Path) -> None:
        index_folder(collection, [photos])
        (photos / "red.png").unlink()
        (photos / "red.png").symlink_to("nowhere")
        report = index_folder(collection, [photos])
        assert groups(report) == {"unchanged": 2, "removed": 1, "skipped": 1}
        self.check(collection, report)
        assert report.photos == 2
        assert groups(index_folder(collection, [photos])) == {"unchanged": 2, "skipped": 1}

    def test_unreadable_files_and_folders(
        self, collection: Collection, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        picture(photos / "deep/yellow.png", "yellow")
        picture(photos / "new/white.png", "white")
        (photos / "a.txt").write_text("red")
        index_folder(collection, [photos / "deep", photos / "red.png"])
        touch(photos / "red.png")
        scandir, read, read_text = os.scandir, photos_module.read_content, Path.read_bytes

        def forbid(real: Any) -> Any:
            def act(path: Any) -> Any:
                if Path(path).name in ("deep", "new", "red.png", "green.png", "a.txt"):
                    raise PermissionError(13, "Permission denied", path)
                return real(path)

            return act

        with monkeypatch.context() as patch:
            patch.setattr(os, "scandir", forbid(scandir))
            patch.setattr(photos_module, "read_content", forbid(read))
            patch.setattr(Path, "read_bytes", forbid(read_text))
            for expected in ({"added": 1, "embedded": 1, "skipped": 5}, {"unchanged": 1}):
                report = index_folder(collection, [photos])
                assert groups(report) == {"skipped": 5, **expected}
                assert {Path(s.path).name for s in collection.catalog.skipped()} == {
                    *("deep", "new", "green.png", "a.txt")  # not red.png, which is known
                }
                assert {("red.png",), ("yellow.png",)} <= set(found(collection, "red"))
        report = index_folder(collection, [photos])
        assert groups(report) == {"unchanged": 3, "added": 3, "embedded": 3}
        self.check(collection, report)

    def test_a_new_table_without_the_column_asked_for(
        self, collection: Collection, photos: Path
    ) -> None:
        (photos / "t.csv").write_text("caption\nred\n")
        report = index_folder(collection, [photos], columns=Columns("captoin"))
        self.check(collection, report)
        assert index_folder(collection, [photos]).documents == 1
        assert collection.info().skipped == 0


class TestTexts:
    def test_lines_become_documents(self, collection: Collection, photos: Path) -> None:
        (photos / "notes.txt").write_text("something red\nsomething green\nsomething red\n")
        report = index_folder(collection, [photos])
        assert groups(report) == {"added": 4, "embedded": 5}
        assert (report.photos, report.documents) == (3, 2)
        (hit,) = search(collection, "red", kind="documents", k=1).hits
        assert (hit.kind, hit.text, hit.line) == ("document", "something red", 1)
        assert hit.path == str(photos / "notes.txt")
        assert hit.also == ()
        assert (hit.width, hit.photo_path) == (None, None)

    def test_links_to_photos(self, collection: Collection, photos: Path) -> None:
        (photos / "t.csv").write_text("image,caption\nred.png,it is red\n,it is blue\n")
        index_folder(collection, [photos])
        first, second = search(collection, "red", kind="documents").hits
        assert (first.photo_path, first.line) == (str(photos / "red.png"), 2)
        assert second.photo_path is None

    def test_the_same_text_in_two_files(self, collection: Collection, photos: Path) -> None:
        for name in ("a.txt", "b.txt"):
            (photos / name).write_text("red")
        report = index_folder(collection, [photos])
        assert report.documents == 1
        (hit,) = search(collection, "red", kind="documents").hits
        assert (hit.path, hit.also) == (str(photos / "a.txt"), (str(photos / "b.txt"),))
        (photos / "a.txt").unlink()
        index_folder(collection, [photos])
        (hit,) = search(collection, "red", kind="documents").hits
        assert (hit.path, hit.also) == (str(photos / "b.txt"), ())

    def test_a_changed_text(
        self, collection: Collection, photos: Path, toy: list[ToyEncoder]
    ) -> None:
        (photos / "a.txt").write_text("red\ngreen\n")
        index_folder(collection, [photos])
        seen = toy[0].texts_seen
        (photos / "a.txt").write_text("green\nblue\n")
        touch(photos / "a.txt")
        report = index_folder(collection, [photos])
        assert groups(report) == {"unchanged": 3, "changed": 1, "embedded": 1}
        assert toy[0].texts_seen == seen + 1
        assert report.documents == 2
        hits = search(collection, "blue", kind="documents").hits
        assert [(hit.text, hit.line) for hit in hits] == [("blue", 2), ("green", 1)]

    def test_a_removed_text(self, collection: Collection, photos: Path) -> None:
        (photos / "a.txt").write_text("red")
        index_folder(collection, [photos])
        (photos / "a.txt").unlink()
        report = index_folder(collection, [photos])
        assert (groups(report), report.documents) == ({"unchanged": 3, "removed": 1}, 0)
        assert search(collection, "red", kind="documents").hits == ()

    def test_other_columns(self, collection: Collection, photos: Path) -> None:
        (photos / "t.csv").write_text("caption,other,pic\nred,green,red.png\n")
        index_folder(collection, [photos])
        report = index_folder(collection, [photos], columns=Columns("other", "pic"))
        assert groups(report) == {"unchanged": 3, "changed": 1, "embedded": 1}
        (hit,) = search(collection, "green", kind="documents").hits
        assert (hit.text, hit.photo_path) == ("green", str(photos / "red.png"))
        assert groups(index_folder(collection, [photos])) == {"unchanged": 4}

    def test_a_column_that_was_misspelt_once(self, collection: Collection, photos: Path) -> None:
        (photos / "t.csv").write_text("caption\nred\n")
        index_folder(collection, [photos])
        report = index_folder(collection, [photos], columns=Columns("captoin"))
        assert "no column 'captoin'" in reasons(report)["t.csv"]
        report = index_folder(collection, [photos])
        assert (report.skipped, report.documents) == ((), 1)

    def test_columns_once_named_are_remembered(self, collection: Collection, photos: Path) -> None:
        table = photos / "t.csv"
        table.write_text("caption,it's a note,pic\nred,green,red.png\n")
        index_folder(collection, [photos], columns=Columns("it's a note", "pic"))
        table.write_text("caption,it's a note,pic\nred,blue,blue.png\n")
        touch(table)
        report = index_folder(collection, [photos])
        assert groups(report) == {"unchanged": 3, "changed": 1, "embedded": 1}
        (hit,) = search(collection, "blue", kind="documents").hits
        assert (hit.text, hit.photo_path) == ("blue", str(photos / "blue.png"))
        assert groups(index_folder(collection, [photos])) == {"unchanged": 4}
        report = index_folder(collection, [photos], columns=Columns("caption"))
        assert groups(report) == {"unchanged": 3, "changed": 1, "embedded": 1}
        table.write_text("caption,it's a note,pic\nyellow,blue,blue.png\n")
        index_folder(collection, [photos])
        assert [hit.text for hit in search(collection, "red", kind="documents").hits] == ["yellow"]

    def test_columns_are_remembered_while_a_table_is_broken(
        self, collection: Collection, photos: Path
    ) -> None:
        table = photos / "t.csv"
        table.write_text("caption,note\nred,green\n")
        index_folder(collection, [photos], columns=Columns("note"))
        table.write_text("caption\nred\n")
        for _ in range(2):
            report = index_folder(collection, [photos])
            assert groups(report) == {"unchanged": 3, "skipped": 1}
            assert "no column 'note'" in reasons(report)["t.csv"]
            assert (report.documents, collection.info().skipped) == (0, 1)
        table.write_text("caption,note\nred,white\n")
        assert groups(index_folder(collection, [photos])) == {
            "unchanged": 3,
            "added": 1,
            "embedded": 1,
        }
        assert [hit.text for hit in search(collection, "red", kind="documents").hits] == ["white"]

    def test_text_in_another_encoding_is_named_as_such(
        self, collection: Collection, photos: Path
    ) -> None:
        (photos / "t.csv").write_bytes(b"caption\n\xe9t\xe9\n")
        report = index_folder(collection, [photos])
        assert reasons(report) == {"t.csv": "not UTF-8 text; convert it"}

    def test_a_good_text_that_breaks(self, collection: Collection, photos: Path) -> None:
        (photos / "t.jsonl").write_text('{"text": "red"}')
        index_folder(collection, [photos])
        (photos / "t.jsonl").write_text("{")
        report = index_folder(collection, [photos])
        assert (reasons(report), report.documents) == ({"t.jsonl": "line 1 is not JSON"}, 0)

    def test_an_unreadable_text_keeps_what_is_known(
        self, collection: Collection, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (photos / "a.txt").write_text("red")
        index_folder(collection, [photos])
        touch(photos / "a.txt")

        read = Path.read_bytes

        def forbid(path: Path) -> bytes:
            if path.suffix == ".txt":
                raise PermissionError(13, "Permission denied")
            return read(path)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "read_bytes", forbid)
            report = index_folder(collection, [photos])
        assert reasons(report) == {"a.txt": "cannot be read: Permission denied"}
        assert report.documents == 1

    def test_many_lines(self, collection: Collection, tmp_path: Path) -> None:
        lines = [f"red {n}" for n in range(1200)]
        (tmp_path / "t").mkdir()
        (tmp_path / "t/a.txt").write_text("\n".join([*lines, *lines]))
        report = index_folder(collection, [tmp_path / "t"])
        assert (report.added, report.documents, report.embedded) == (1, 1200, 1200)


class TestRoots:
    def test_several(self, collection: Collection, photos: Path, tmp_path: Path) -> None:
        picture(tmp_path / "other/yellow.png", "yellow")
        report = index_folder(collection, [photos, tmp_path / "other"])
        assert groups(report) == {"added": 4, "embedded": 4}

    def test_the_rest_of_the_collection_stays(
        self, collection: Collection, photos: Path, tmp_path: Path
    ) -> None:
        index_folder(collection, [photos])
        picture(tmp_path / "photos2/yellow.png", "yellow")  # begins like the other
        shutil.rmtree(photos)
        photos.mkdir()
        report = index_folder(collection, [tmp_path / "photos2"])
        assert groups(report) == {"added": 1, "embedded": 1}
        assert report.photos == 4

    def test_nested(self, collection: Collection, photos: Path) -> None:
        picture(photos / "deep/yellow.png", "yellow")
        report = index_folder(collection, [photos / "deep", photos, photos / "red.png"])
        assert groups(report) == {"added": 4, "embedded": 4}
        report = index_folder(collection, [photos])
        assert groups(report) == {"unchanged": 4}

    def test_a_single_file(self, collection: Collection, photos: Path) -> None:
        report = index_folder(collection, [photos / "red.png"])
        assert groups(report) == {"added": 1, "embedded": 1}
        assert groups(index_folder(collection, [photos / "red.png"])) == {"unchanged": 1}
        assert groups(index_folder(collection, [photos])) == {
            "unchanged": 1,
            "added": 2,
            "embedded": 2,
        }

    def test_the_collection_itself_is_no_photo(self, toy: list[ToyEncoder], photos: Path) -> None:
        with open_toy(photos / "indexes/mine") as collection:
            index_folder(collection, [photos])
            for photo in collection.catalog.photos_by_id([1, 2, 3]).values():
                collection.thumbnail(photo)
            report = index_folder(collection, [photos])
            assert groups(report) == {"unchanged": 3, "skipped": 1}
            assert reasons(report) == {"mine": "holds a collection, not photos"}

    def test_one_that_was_deleted(self, collection: Collection, photos: Path) -> None:
        (photos / "deep").mkdir()
        picture(photos / "deep/yellow.png", "yellow")
        (photos / "deep/.hidden").touch()
        (photos / "deep/a.txt").write_text("yellow")
        index_folder(collection, [photos])
        shutil.rmtree(photos / "deep")
        (photos / "red.png").unlink()
        report = index_folder(collection, [photos / "deep", photos / "red.png"])
        assert groups(report) == {"removed": 3}
        assert (report.photos, report.documents, report.skipped) == (2, 0, ())
        assert collection.info().skipped == 0
        assert sorted(found(collection, "red")) == [("blue.png",), ("green.png",)]
        for root in (photos / "deep", photos / "red.png"):
            with pytest.raises(UsageError, match="There is no folder or file"):
                index_folder(collection, [root])

    def test_one_that_was_deleted_beside_others(
        self, collection: Collection, photos: Path, tmp_path: Path
    ) -> None:
        picture(tmp_path / "other/yellow.png", "yellow")
        index_folder(collection, [photos, tmp_path / "other"])
        (photos / "red.png").rename(tmp_path / "other/rouge.png")
        shutil.rmtree(photos)
        with pytest.raises(UsageError, match="There is no folder or file"):
            index_folder(collection, [photos, tmp_path / "never"])
        assert collection.info().files == 4
        report = index_folder(collection, [tmp_path / "other", photos])
        assert groups(report) == {"unchanged": 1, "moved": 1, "removed": 2}

    def test_a_link_whose_folder_is_gone(self, collection: Collection, photos: Path) -> None:
        (photos.parent / "link").symlink_to(photos)
        index_folder(collection, [photos.parent / "link"])
        shutil.rmtree(photos)
        assert groups(index_folder(collection, [photos.parent / "link"])) == {"removed": 3}

    def test_a_link_to_a_disk_that_is_not_there(
        self, collection: Collection, tmp_path: Path
    ) -> None:
        picture(tmp_path / "disk/photos/a.png")
        (tmp_path / "link").symlink_to(tmp_path / "disk/photos")
        index_folder(collection, [tmp_path / "link"])
        (tmp_path / "disk").rename(tmp_path / "elsewhere")
        with pytest.raises(UsageError, match="nothing was removed"):
            index_folder(collection, [tmp_path / "link"])

    def test_one_whose_disk_is_not_there(
        self, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = tmp_path / "disk/photos"
        picture(root / "a.png")
        index_folder(collection, [root])
        (tmp_path / "disk").rename(tmp_path / "elsewhere")
        with pytest.raises(UsageError, match=r"nothing was removed\. Connect its disk"):
            index_folder(collection, [root])
        (tmp_path / "elsewhere").rename(tmp_path / "disk")
        monkeypatch.setattr(os.path, "exists", lambda _: False)  # as where stat is not allowed
        with pytest.raises(UsageError, match="cannot be reached"):
            index_folder(collection, [root])
        assert collection.info().photos == 1

    @pytest.mark.parametrize("name", ["none", "~nobody-of-that-name", "x" * 300])
    def test_one_that_does_not_exist(self, collection: Collection, photos: Path, name: str) -> None:
        with pytest.raises(UsageError, match="There is no folder"):
            index_folder(collection, [photos, name])
        assert collection.info().photos == 0

    def test_names_of_all_kinds(self, collection: Collection, photos: Path) -> None:
        odd = os.fsencode(photos) + b"/caf\xe9"
        os.mkdir(odd)
        names = [os.fsdecode(odd + b"/\xff.png"), str(photos / "a'b\"c%d_?\n.png")]
        for n, name in enumerate(names):
            picture(photos / "x.png", (10 * n, 220, 220)).rename(name)
        report = index_folder(collection, [photos, os.fsdecode(odd)])
        assert report.added == 5
        assert groups(index_folder(collection, [photos])) == {"unchanged": 5}
        assert groups(index_folder(collection, [os.fsdecode(odd)])) == {"unchanged": 1}
        paths = {hit.path for hit in search(collection, "green").hits}
        assert set(names) <= paths
        picture(photos.parent / "other/a.png", "yellow")
        assert index_folder(collection, [photos.parent / "other"]).removed == 0
        os.unlink(names[0])
        picture(photos / "caf.png", "white")
        report = index_folder(collection, [photos])
        assert groups(report) == {"unchanged": 4, "added": 1, "embedded": 1, "removed": 1}


class TestManyTexts:
    def test_small_files_share_an_embedding_call_and_a_commit(
        self, collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = tmp_path / "sidecars"
        folder.mkdir()
        for number in range(40):
            (folder / f"{number}.txt").write_text(f"a {number} red thing")
        commits = []
        commit = collection.commit
        monkeypatch.setattr(
            collection, "commit", lambda batch, **kw: commits.append(batch) or commit(batch, **kw)
        )
        report = index_folder(collection, folder)
        assert (report.added, report.documents) == (40, 40)
        assert len(commits) == 2

    def test_naming_the_same_columns_again_changes_nothing(
        self, collection: Collection, tmp_path: Path
    ) -> None:
        (tmp_path / "c.csv").write_text("words,pic\nred,a.png\n")
        columns = Columns("words", "pic")
        assert index_folder(collection, tmp_path / "c.csv", columns=columns).added == 1
        assert index_folder(collection, tmp_path / "c.csv", columns=columns).unchanged == 1
        assert index_folder(collection, tmp_path / "c.csv", columns=Columns("words")).changed == 1

    def test_a_wrong_column_costs_nothing(self, collection: Collection, tmp_path: Path) -> None:
        (tmp_path / "c.csv").write_text("text\nred\n")
        index_folder(collection, tmp_path / "c.csv")
        with pytest.raises(NoPhotosError, match="no column 'tekst'"):
            index_folder(collection, tmp_path / "c.csv", columns=Columns("tekst"))
        assert collection.info().documents == 1
        assert index_folder(collection, tmp_path / "c.csv").unchanged == 1
