"""The commit protocol: a crash, a full disk or a second writer never costs what was committed."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import event
from sqlalchemy.exc import DatabaseError

from retrieval import Collection, EncoderSpec, index_folder, make_query, search
from retrieval import collection as collection_module
from retrieval.errors import (
    CorruptError,
    LockedError,
    NoCollectionError,
    RetrievalError,
    StorageError,
)
from retrieval.storage.catalog import Catalog
from retrieval.storage.database import _translated
from tests.conftest import LONGEST_S, ROOT, open_toy
from tests.pictures import picture
from tests.toy import ToyEncoder

ROW_BYTES = 3 * 2  # three dimensions of float16


class Crash(BaseException):
    """The process dies here."""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for n in range(6):
        picture(tmp_path / f"photos/{n}.png", (n * 40, 255 - n * 40, 100))
    return tmp_path / "photos"


@pytest.fixture
def place(tmp_path: Path, toy: list[ToyEncoder]) -> Path:
    return tmp_path / "collection"


def vector_file(place: Path) -> Path:
    (path,) = (place / "spaces").glob("*/photos.f16")
    return path


def crash_at(monkeypatch: pytest.MonkeyPatch, number: int, error: BaseException) -> None:
    """Let the n-th commit of the catalog fail, when its vectors are appended already."""
    commit, calls = Catalog.commit, iter(range(1, 1000))

    def failing(self: Catalog, *arguments: Any) -> None:
        if next(calls) == number:
            raise error
        commit(self, *arguments)

    monkeypatch.setattr(Catalog, "commit", failing)


def check_all_right(place: Path, photos: Path) -> None:
    """Every file is found by its own picture, best first, with a cosine of 1."""
    with Collection.open(place) as collection:
        space = collection.catalog.active_space()
        assert space is not None
        assert space.rows["photos"] == 6
        for path in sorted(photos.glob("*.png")):
            best = search(collection, make_query(images=[path])).hits[0]
            assert best.path == str(path)
            assert best.score == pytest.approx(1, abs=1e-3)


class TestCrash:
    @pytest.mark.parametrize("number", [1, 2, 3])
    def test_between_vectors_and_catalog(
        self, place: Path, photos: Path, number: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patch:
            crash_at(patch, number, Crash())
            with open_toy(place) as collection, pytest.raises(Crash):
                index_folder(collection, [photos], batch_size=2, threads=1)
        committed = 2 * (number - 1)
        assert vector_file(place).stat().st_size == (committed + 2) * ROW_BYTES
        with open_toy(place) as collection:
            assert collection.info().photos == committed
            report = index_folder(collection, [photos], batch_size=2)
        assert (report.unchanged, report.added) == (committed, 6 - committed)
        assert vector_file(place).stat().st_size == 6 * ROW_BYTES
        check_all_right(place, photos)

    def test_before_the_manifest(self, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: Any) -> None:
            raise Crash

        with monkeypatch.context() as patch:
            patch.setattr("retrieval.storage.disk.write_atomically", fail)
            with pytest.raises(Crash):
                open_toy(place)
        with pytest.raises(NoCollectionError):
            Collection.open(place)
        with open_toy(place) as collection:
            assert collection.info().photos == 0

    def test_of_a_killed_process(self, place: Path, photos: Path) -> None:
        code = (
            "import os, sys\n"
            "from pathlib import Path\n"
            "from retrieval import Collection, EncoderSpec, index_folder\n"
            "from retrieval.storage.catalog import Catalog\n"
            "from retrieval.encoders import ENCODERS\n"
            "ENCODERS['toy'] = 'tests.toy:load'\n"
            "Catalog.commit = lambda *_: os.kill(os.getpid(), 9)\n"
            "place, photos = map(Path, sys.argv[1:])\n"
            "collection = Collection.open(place, create=True, spec=EncoderSpec('toy'))\n"
            "index_folder(collection, [photos])\n"
        )
        done = run(code, place, photos)
        assert done.returncode == -9
        with open_toy(place) as collection:
            index_folder(collection, [photos])
        check_all_right(place, photos)


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_S,
    )


class TestVectorFile:
    def test_longer_than_committed_is_healed(self, place: Path, photos: Path) -> None:
        with open_toy(place) as collection:
            index_folder(collection, [photos / "0.png", photos / "1.png"])
        with open(vector_file(place), "ab") as file:
            file.write(b"\x7b" * 1001)
        with open_toy(place) as collection:
            index_folder(collection, [photos])
        assert vector_file(place).stat().st_size == 6 * ROW_BYTES
        check_all_right(place, photos)

    @pytest.mark.parametrize("left", [0, ROW_BYTES, 6 * ROW_BYTES - 1, None])
    def test_shorter_than_committed_is_corrupt(
        self, place: Path, photos: Path, left: int | None
    ) -> None:
        with open_toy(place) as collection:
            index_folder(collection, [photos])
        if left is None:
            vector_file(place).unlink()
            left = 0
        else:
            os.truncate(vector_file(place), left)
            left = vector_file(place).stat().st_size
        picture(photos / "new.png", "red")
        with open_toy(place) as collection:
            with pytest.raises(CorruptError, match=f"holds {left} bytes where 36 were committed"):
                search(collection, "red")
            with pytest.raises(CorruptError):
                index_folder(collection, [photos])  # must not append at a wrong place
        assert left == 0 or vector_file(place).stat().st_size == left

    def test_what_is_not_finite_is_refused(
        self, place: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with open_toy(place) as collection:
            rows = np.full((6, 3), np.nan, np.float32)
            monkeypatch.setattr(collection.encoder(), "encode_images", lambda _: rows)
            with pytest.raises(CorruptError, match="not finite"):
                index_folder(collection, [photos])
            assert collection.info().photos == 0


class TestTwoAtOnce:
    def test_a_second_writer_is_refused_and_readers_are_not(
        self, place: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(collection_module, "LOCK_TIMEOUT_S", 0.01)
        with open_toy(place) as first, open_toy(place) as second:
            index_folder(first, [photos])
            with first.writing():
                with pytest.raises(
                    LockedError, match=rf"Another process \({os.getpid()} on .* is writing"
                ):
                    index_folder(second, [photos])
                assert len(search(second, "red").hits) == 6
            assert index_folder(second, [photos]).unchanged == 6

    def test_a_reader_sees_commits_without_reopening(self, place: Path, photos: Path) -> None:
        with open_toy(place) as writer, open_toy(place) as reader:
            index_folder(writer, [photos / "0.png"])
            assert search(reader, "red").considered == 1
            index_folder(writer, [photos])
            assert search(reader, "red").considered == 6
            (photos / "3.png").unlink()
            index_folder(writer, [photos])
            result = search(reader, "red")
            assert (result.considered, len(result.hits)) == (5, 5)
            picture(photos / "3.png", (120, 135, 100))
            index_folder(writer, [photos])
            assert search(reader, "red").considered == 6

    def test_reading_while_another_thread_writes(self, place: Path, photos: Path) -> None:
        with open_toy(place) as writer, open_toy(place) as reader:
            index_folder(writer, [photos / "0.png"])
            thread = threading.Thread(
                target=lambda: index_folder(writer, [photos], batch_size=1), daemon=True
            )
            thread.start()
            while thread.is_alive():
                result = search(reader, "red")
                assert len(result.hits) == result.considered
            thread.join()
            assert search(reader, "red").considered == 6

    def test_a_lock_that_cannot_be_made(self, place: Path, photos: Path) -> None:
        with open_toy(place) as collection:
            (place / "lock").unlink(missing_ok=True)
            (place / "lock").mkdir()
            with pytest.raises(StorageError, match="cannot be used"):
                index_folder(collection, [photos])


class TestFullDisk:
    def test_while_vectors_are_written(
        self, place: Path, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with open_toy(place) as collection:
            index_folder(collection, [photos / "0.png"])

            def fail(_: int) -> None:
                raise OSError(errno.ENOSPC, "No space left on device")

            with monkeypatch.context() as patch:
                patch.setattr(os, "fsync", fail)
                with pytest.raises(StorageError, match="No space left on device"):
                    index_folder(collection, [photos])
            assert search(collection, "red").considered == 1
            assert index_folder(collection, [photos]).added == 5
        check_all_right(place, photos)

    def test_while_the_catalog_is_written(self, place: Path, photos: Path) -> None:
        with open_toy(place) as collection:
            index_folder(collection, [photos / "0.png"])
        for n in range(60):  # more rows than fit into the pages there are
            (photos / f"{n:04}-{'x' * 200}.txt").write_text(f"red {n}")
        with open_toy(place) as collection:

            def limit(connection: Any, _: Any) -> None:
                pages = connection.execute("PRAGMA page_count").fetchone()[0]
                connection.execute(f"PRAGMA max_page_count = {pages + 2}")

            event.listen(collection.catalog._engine, "connect", limit)
            collection.catalog._engine.dispose()
            with pytest.raises(StorageError, match="is full") as caught:
                index_folder(collection, [photos])
            assert caught.value.exit_code == 1
        with open_toy(place) as collection:
            assert search(collection, "red").considered >= 1
            index_folder(collection, [photos])
            assert collection.info().documents == 60
        check_all_right(place, photos)

    def test_in_a_process_of_its_own(self, place: Path, photos: Path) -> None:
        with open_toy(place) as collection:
            index_folder(collection, [photos / "0.png"])
        code = (
            "import resource, sys\n"
            "from retrieval.cli import main\n"
            "from retrieval.encoders import ENCODERS\n"
            "ENCODERS['toy'] = 'tests.toy:load'\n"
            "resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))\n"
            "main(['index', sys.argv[2], '-c', sys.argv[1]])\n"
        )
        done = run(code, place, photos)
        assert done.returncode == 1
        assert done.stdout == ""
        assert done.stderr.startswith("retrieval: ")
        assert "Traceback" not in done.stderr
        assert len(done.stderr.splitlines()) == 1
        with open_toy(place) as collection:
            assert search(collection, "red").considered == 1
            index_folder(collection, [photos])
        check_all_right(place, photos)


class TestTranslation:
    @pytest.mark.parametrize(
        ("detail", "kind"),
        [
            ("database or disk is full", StorageError),
            ("attempt to write a readonly database", StorageError),
            ("unable to open database file", StorageError),
            ("disk I/O error", StorageError),
            ("database is locked", LockedError),
            ("database disk image is malformed", CorruptError),
        ],
    )
    def test_of_what_sqlite_says(self, detail: str, kind: type[RetrievalError]) -> None:
        error = _translated(DatabaseError("SELECT", {}, Exception(detail)), Path("catalog.db"))
        assert type(error) is kind
        assert "catalog.db" in str(error)

    def test_no_batch_without_a_space(self, place: Path) -> None:
        from retrieval.storage.commits import Batch

        with Collection.open(place, create=True, spec=EncoderSpec("toy")) as collection:
            collection.catalog.commit(None, Batch(gone=[1]))
            assert collection.catalog.active_space() is None
