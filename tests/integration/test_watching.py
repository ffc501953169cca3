"""Watching folders: real files in real folders, and a collection that follows them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import watchfiles

from retrieval import Collection, IndexReport, search
from retrieval.errors import EncoderMismatchError, UsageError
from retrieval.records import WatchReport
from retrieval.storage.layout import write_lock
from retrieval.watching import Watcher, Ways, watch
from retrieval.watching.writers import is_being_written
from tests.conftest import LONGEST_S, ROOT, open_toy, until
from tests.pictures import picture
from tests.toy import ToyEncoder

SETTLE_S = 0.3


class Watched:
    """A watch in a thread; `report` is there when it has ended."""

    def __init__(self, place: Path, *folders: Path, **options: Any) -> None:
        self.runs: list[IndexReport] = []
        self.notices: list[str] = []
        self.report: WatchReport | None = None
        self.error: BaseException | None = None
        self._stop = threading.Event()
        self._place, self._folders, self._options = place, folders, options
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            with open_toy(self._place, on_notice=self.notices.append) as collection:
                collection.patience = 0.1
                self.report = watch(
                    collection,
                    self._folders,
                    settle_s=SETTLE_S,
                    stop=self._stop,
                    on_run=self.runs.append,
                    **self._options,
                )
        except BaseException as exc:
            self.error = exc

    def until(self, condition: Callable[[], object]) -> None:
        assert until(lambda: condition() or self.error, LONGEST_S), (self.runs, self.notices)
        assert self.error is None, self.error

    def photos(self) -> int:
        return self.runs[-1].photos if self.runs else 0

    def end(self) -> WatchReport:
        self._stop.set()
        self._thread.join(LONGEST_S)
        assert not self._thread.is_alive()
        assert self.error is None, self.error
        assert self.report is not None
        return self.report


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrieval.watching.RETRY_S", 0.2)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    picture(tmp_path / "photos/red.png", "red")
    return tmp_path / "photos"


@pytest.fixture
def watched(toy: list[ToyEncoder], tmp_path: Path, photos: Path) -> Iterator[Watched]:
    found = Watched(tmp_path / "collection", photos)
    try:
        found.until(lambda: found.runs)
        yield found
    finally:
        found.end()


def paths_in(place: Path) -> set[str]:
    with Collection.open(place) as collection:
        files = collection.catalog.known_files(["/"]).values()
        return {file.path for file in files if file.photo_id is not None}


def test_photos_that_come_change_move_and_go(
    watched: Watched, toy: list[ToyEncoder], photos: Path, tmp_path: Path
) -> None:
    assert watched.photos() == 1
    picture(photos / "deep/green.png", "green")
    watched.until(lambda: watched.photos() == 2)
    picture(photos / "red.png", "blue")
    watched.until(lambda: watched.runs[-1].changed == 1)
    (photos / "deep").rename(photos / "renamed")
    watched.until(lambda: watched.runs[-1].moved == 1)
    (photos / "renamed/green.png").unlink()
    watched.until(lambda: watched.photos() == 1)
    assert paths_in(tmp_path / "collection") == {str(photos / "red.png")}
    report = watched.end()
    assert (report.added, report.changed, report.moved, report.removed) == (2, 1, 1, 1)
    assert report.runs == len(watched.runs) == 5
    assert report.failures == 0
    assert len(toy) == 1  # the encoder was loaded once


def test_only_what_changed_is_looked_at(watched: Watched, photos: Path) -> None:
    for number in range(5):
        picture(photos / f"{number}.png", (40 * number, 90, 10))
    watched.until(lambda: watched.photos() == 6)
    picture(photos / "new.png", "green")
    watched.until(lambda: watched.photos() == 7)
    assert watched.runs[-1].unchanged == 0


def test_a_burst_is_one_run(watched: Watched, photos: Path) -> None:
    pauses, last = 0, time.monotonic()
    for number in range(300):
        picture(photos / f"{number % 7}/{number}.png", (number % 256, number // 2, 10))
        now = time.monotonic()
        pauses, last = pauses + (now - last > SETTLE_S / 2), now  # of a machine that is busy
    watched.until(lambda: watched.photos() == 301)
    assert len(watched.runs) <= 3 + pauses  # that of the beginning, and one or two
    assert sum(run.added for run in watched.runs) == 301


def test_a_copy_in_progress_is_not_taken_half(watched: Watched, photos: Path) -> None:
    whole = picture(photos.parent / "whole.png", "blue", (300, 200)).read_bytes()
    with (photos / "copy.png").open("wb") as file:
        file.write(whole[:100])
        file.flush()
        if not is_being_written(str(photos / "copy.png")):
            pytest.skip("this system does not tell who writes to a file")
        picture(photos / "other.png", "green")
        watched.until(lambda: watched.photos() == 2)
        time.sleep(4 * SETTLE_S)
        assert watched.photos() == 2
        file.write(whole[100:])
    watched.until(lambda: watched.photos() == 3)
    assert all("writing to it" in skipped.reason for run in watched.runs for skipped in run.skipped)


def test_hidden_files_and_the_collection_itself_start_no_run(
    toy: list[ToyEncoder], photos: Path
) -> None:
    place = photos / "indexes/mine"
    watched = Watched(place, photos)
    try:
        watched.until(lambda: watched.runs)
        picture(photos / ".hidden.png", "green")
        with Collection.open(place) as collection:
            before = len(collection.catalog.runs(100))
            time.sleep(6 * SETTLE_S)
            assert len(collection.catalog.runs(100)) == before == 1
    finally:
        watched.end()
    assert len(watched.runs) == 1


def test_a_root_that_is_gone_and_comes_back(watched: Watched, photos: Path) -> None:
    away = photos.with_name("away")
    photos.rename(away)
    watched.until(lambda: watched.notices)
    assert f"{photos} is gone; its photos stay" in watched.notices[0]
    photos.mkdir()  # as the place of a disk that was taken out
    time.sleep(3 * SETTLE_S)
    assert watched.photos() == 1
    assert len(watched.runs) == 1
    photos.rmdir()
    picture(away / "green.png", "green")
    away.rename(photos)
    watched.until(lambda: watched.photos() == 2)
    assert len(watched.notices) == 1


def test_another_process_that_writes_is_waited_for(
    watched: Watched, photos: Path, tmp_path: Path
) -> None:
    with write_lock(tmp_path / "collection", LONGEST_S):
        picture(photos / "green.png", "green")
        watched.until(lambda: watched.notices)
        assert "is writing to" in watched.notices[0]
        assert watched.notices[0].endswith("Trying again.")
    watched.until(lambda: watched.photos() == 2)
    assert len(watched.notices) == 1
    assert watched.end().failures >= 1


@pytest.mark.parametrize("poll", [True, False])
def test_where_the_system_cannot_watch_folders_are_looked_through(
    toy: list[ToyEncoder],
    tmp_path: Path,
    photos: Path,
    poll: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real: Any = watchfiles.watch

    def refuse(*paths: str, force_polling: bool | None, **rest: Any) -> Any:
        if not force_polling:
            raise OSError("OS file watch limit reached")
        yield from real(*paths, force_polling=True, **rest)

    monkeypatch.setattr(watchfiles, "watch", refuse)
    watched = Watched(tmp_path / "collection", photos, poll=poll)
    try:
        watched.until(lambda: watched.runs)
        picture(photos / "green.png", "green")
        watched.until(lambda: watched.photos() == 2)
    finally:
        watched.end()
    assert len(watched.notices) == (not poll)
    assert poll or "file watch limit reached" in watched.notices[0]


def test_names_that_are_not_utf8(watched: Watched, photos: Path) -> None:
    shutil.copy(photos / "red.png", os.fsencode(photos) + b"/b\xff.png")
    picture(photos / "green.png", "green")
    watched.until(lambda: sum(run.added + run.duplicates for run in watched.runs) == 3)


def test_what_cannot_be_watched_at_all(toy: list[ToyEncoder], tmp_path: Path) -> None:
    with (
        open_toy(tmp_path / "collection") as collection,
        pytest.raises(UsageError, match="no fold"),
    ):
        watch(collection, tmp_path / "nowhere")


def test_another_encoder_ends_it(toy: list[ToyEncoder], tmp_path: Path, photos: Path) -> None:
    with open_toy(tmp_path / "collection") as collection:
        Watcher(collection, [str(photos)], Ways(), 0.1, False, threading.Event())._index(
            [str(photos)]
        )
        assert search(collection, "red", k=1).hits
    with (
        open_toy(tmp_path / "collection", "toy2") as collection,
        pytest.raises(EncoderMismatchError),
    ):
        watch(collection, photos, stop=threading.Event())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_ends_cleanly(tmp_path: Path, photos: Path, number: signal.Signals) -> None:
    code = (
        "from retrieval.encoders import ENCODERS\nfrom retrieval.cli import main\n"
        "ENCODERS['toy'] = 'tests.toy:load'\nmain()"
    )
    words = ["watch", str(photos), "-c", str(tmp_path / "c"), "-m", "toy", "--settle", "0.1"]
    with subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            assert "1 added; 1 photos" in process.stdout.readline()
            assert any(line.startswith("watching ") for line in process.stderr)
            picture(photos / "green.png", "green")
            assert "1 added; 2 photos" in process.stdout.readline()
            process.send_signal(number)
            out, err = process.communicate(timeout=LONGEST_S)
        finally:
            process.kill()
    assert out == "ended after 2 runs that changed something: 2 added\n"
    assert "Traceback" not in err
    assert process.returncode == 0
    with Collection.open(tmp_path / "c") as collection:
        assert {run.outcome for run in collection.catalog.runs(10)} == {"done"}
