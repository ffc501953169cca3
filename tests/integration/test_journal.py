"""The journal of runs, and what `info` tells of a collection."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import update

from retrieval import Collection, compact, forget, index_folder
from retrieval.describing import group_reasons
from retrieval.errors import CorruptError, NoPhotosError, StorageError
from retrieval.journal import recorded
from retrieval.storage.edits import KEPT_RUNS, KILLED, RUNNING
from retrieval.storage.layout import is_being_written, write_lock
from retrieval.storage.tables import runs
from tests.conftest import ROOT
from tests.pictures import paint, picture


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for colour in ("red", "green"):
        picture(tmp_path / f"photos/{colour}.png", colour)
    return tmp_path / "photos"


class TestRuns:
    def test_each_command(self, collection: Collection, photos: Path) -> None:
        (photos / "broken.jpg").write_bytes(b"no")
        index_folder(collection, photos)
        forget(collection, photos / "red.png")
        compact(collection)
        last, middle, first = collection.info().runs
        assert (first.command, first.roots, first.outcome) == ("index", (str(photos),), "done")
        assert {n: c for n, c in first.counts.items() if c and not n.endswith("_ms")} == {
            "added": 2,
            "embedded": 2,
            "skipped": 1,
        }
        assert first.started_at.endswith("+00:00")
        assert first.seconds is not None
        assert (middle.command, middle.counts) == (
            *("forget", {"photos": 1, "files": 1, "documents": 0}),
        )
        assert middle.roots == (str(photos / "red.png"),)
        assert (last.command, last.counts["rows_before"], last.counts["rows_after"]) == (
            *("compact", 2, 1),
        )

    def test_one_that_fails(self, collection: Collection, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        with pytest.raises(NoPhotosError):
            index_folder(collection, tmp_path / "empty")
        assert collection.info().runs[0].outcome.startswith("failed: There is no file in ")

    def test_names_that_are_not_utf8(self, collection: Collection) -> None:
        with (
            pytest.raises(StorageError),
            collection.writing(),
            recorded(collection, "x", ["\udce9"]),
        ):
            raise StorageError("\udce9" * 300)
        run = collection.info().runs[0]
        assert run.outcome == "failed: " + "\\udce9" * 200
        assert run.roots == ("\udce9",)

    def test_one_that_is_interrupted(self, collection: Collection) -> None:
        def interrupted() -> None:
            with collection.writing(), recorded(collection, "index") as counts:
                counts["added"] = 3
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted()
        run = collection.info().runs[0]
        assert (run.outcome, run.counts) == ("interrupted", {"added": 3})

    def test_one_that_cannot_be_ended(
        self, collection: Collection, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: object) -> None:
            raise StorageError("the disk is full")

        monkeypatch.setattr("retrieval.storage.edits.end_run", full)
        with (
            pytest.raises(ValueError, match="the real one"),
            collection.writing(),
            recorded(collection, "index"),
        ):
            raise ValueError("the real one")

    def test_one_that_goes_on(self, collection: Collection) -> None:
        with collection.writing(), recorded(collection, "index"):
            (run,) = collection.info().runs
            assert (run.outcome, run.seconds) == (RUNNING, None)

    def test_one_that_was_killed(self, collection: Collection, photos: Path) -> None:
        code = (
            "import os, sys\n"
            "from pathlib import Path\n"
            "from retrieval import Collection\n"
            "from retrieval.journal import recorded\n"
            "collection = Collection.open(Path(sys.argv[1]))\n"
            "with collection.writing(), recorded(collection, 'index'):\n"
            "    os.kill(os.getpid(), 9)\n"
        )
        command = [sys.executable, "-c", code, str(collection.path)]
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == -9
        assert collection.info().runs[0].outcome == KILLED
        assert collection.catalog.runs(1)[0].outcome == RUNNING
        index_folder(collection, photos)
        assert [run.outcome for run in collection.info().runs] == ["done", KILLED]
        assert collection.catalog.runs(2)[1].outcome == KILLED

    def test_a_damaged_row(self, collection: Collection) -> None:
        with collection.writing(), recorded(collection, "index"):
            pass
        with collection.catalog.writing() as connection:
            connection.execute(update(runs).values(roots="[", counts="{"))
        with pytest.raises(CorruptError, match="retrieval repair"):
            collection.info()

    def test_only_the_last_are_kept(self, collection: Collection) -> None:
        with collection.writing():
            for n in range(KEPT_RUNS + 5):
                with recorded(collection, f"run {n}"):
                    pass
        runs = collection.catalog.runs(999)
        assert [run.command for run in runs] == [f"run {n}" for n in range(104, 4, -1)]
        assert len(collection.info().runs) == 5

    def test_a_run_over_unchanged_files_writes_only_its_row(
        self, collection: Collection, photos: Path
    ) -> None:
        index_folder(collection, photos)
        before, space = collection.catalog.generation(), collection.catalog.active_space()
        index_folder(collection, photos)
        assert collection.catalog.generation() == before + 2
        assert collection.catalog.active_space() == space


def test_who_holds_the_lock(collection: Collection, tmp_path: Path) -> None:
    assert not is_being_written(collection.path)
    with write_lock(collection.path, 0):
        assert is_being_written(collection.path)
    assert not is_being_written(collection.path)
    assert not is_being_written(tmp_path / "nowhere")
    with write_lock(collection.path, 0):
        pass  # asking did not take it


class TestInfo:
    def test_counts(self, collection: Collection, photos: Path) -> None:
        frames = [paint("red"), paint("blue")]
        frames[0].save(photos / "moving.gif", save_all=True, append_images=frames[1:])
        (photos / "copy.png").write_bytes((photos / "red.png").read_bytes())
        (photos / "again.png").write_bytes((photos / "red.png").read_bytes())
        with Image.open(photos / "moving.gif") as image:
            assert image.n_frames == 2
        index_folder(collection, photos)
        info = collection.info()
        assert (info.photos, info.files, info.duplicates) == (3, 5, 2)
        assert (info.animated, info.not_live) == (1, 0)
        (photos / "moving.gif").unlink()
        index_folder(collection, photos)
        info = collection.info()
        assert (info.photos, info.animated, info.not_live) == (2, 0, 1)

    def test_reasons(self, collection: Collection, photos: Path) -> None:
        for n in range(3):
            (photos / f"{n}.jpg").write_bytes(b"no")
        (photos / ".hidden").write_bytes(b"x")
        index_folder(collection, photos)
        reasons = collection.info().reasons
        assert list(reasons.values()) == [3, 1]
        assert list(reasons)[1] == "hidden file"


@pytest.mark.parametrize(
    ("counts", "groups"),
    [
        ([], {}),
        ([("empty file (0 bytes)", 7)], {"empty file (0 bytes)": 7}),
        (
            [("cannot be read: no", 1), ("cannot be read: never", 2), ("hidden file", 9)],
            {"hidden file": 9, "cannot be read": 3},
        ),
        (
            [("1,200 x 3 pixels, more than 5; save it", 1), ("7 x 9 pixels, more than 5", 1)],
            {"… x … pixels, more than …": 2},
        ),
        ([("b", 1), ("a", 1)], {"a": 1, "b": 1}),
    ],
)
def test_grouping(counts: list[tuple[str, int]], groups: dict[str, int]) -> None:
    found = group_reasons(counts)
    assert list(found.items()) == list(groups.items())
