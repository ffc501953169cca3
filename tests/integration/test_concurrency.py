"""Searching goes on while another process writes, and only one process writes at a time.

See `tests.readers`; the long version is `scripts/torture --only readers`.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from retrieval import index_folder, search
from retrieval.errors import LockedError
from tests.conftest import ROOT, open_toy
from tests.faults import run_apart
from tests.pictures import picture
from tests.toy import ToyEncoder

HOLD = """
import sys, time
from pathlib import Path
from retrieval import Collection
with Collection.open(Path(sys.argv[1])) as collection, collection.writing():
    print("holding", flush=True)
    time.sleep(60)
"""


def test_eight_readers_while_a_thousand_photos_are_indexed() -> None:
    figures = run_apart("tests.readers", "--readers", "8", "--photos", "1000", "--seconds", "0")
    assert figures["losses"] == []
    assert (figures["added"], figures["photos"]) == (990, 1000)
    assert figures["rows compared"] > 100


def test_readers_while_photos_are_deleted_forgotten_and_compacted() -> None:
    options = ("--writer", "cycles", "--readers", "4", "--photos", "200", "--seconds", "3")
    figures = run_apart("tests.readers", *options)
    assert figures["losses"] == []
    assert figures["cycles"] >= 2
    assert figures["forgotten"] >= 20
    assert figures["rows compared"] > 100


def test_readers_while_the_encoder_is_changed_to_and_fro() -> None:
    """No search fails, and none compares a query of one encoder with vectors of the other."""
    options = ("--writer", "migrate", "--readers", "4", "--photos", "300", "--seconds", "3")
    figures = run_apart("tests.readers", *options)
    assert figures["losses"] == []
    assert figures["switches"] >= 4
    assert figures["dropped"] >= 1
    assert figures["searches"] > 20
    assert figures["rows compared"] > 100


class TestTheLock:
    @pytest.fixture
    def photos(self, tmp_path: Path) -> Path:
        return picture(tmp_path / "photos/red.png").parent

    @pytest.fixture
    def place(self, tmp_path: Path, photos: Path, toy: list[ToyEncoder]) -> Path:
        with open_toy(tmp_path / "collection") as collection:
            index_folder(collection, [photos])
        return tmp_path / "collection"

    def test_who_waits_is_told_for_whom_and_a_killed_one_waits_for_nobody(
        self, place: Path, photos: Path
    ) -> None:
        picture(photos / "blue.png", "blue")
        command = [sys.executable, "-c", HOLD, str(place)]
        with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as holder:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "holding\n"
            with open_toy(place) as collection:
                collection.patience = 0.01
                with pytest.raises(LockedError) as caught:
                    index_folder(collection, [photos])
                year = time.strftime("%Y", time.gmtime())
                who = f"process ({holder.pid} on {socket.gethostname()}, since {year}-"
                assert who in str(caught.value)
                assert len(search(collection, "red").hits) == 1
                os.kill(holder.pid, signal.SIGKILL)
                holder.wait()
                assert index_folder(collection, [photos]).added == 1
        assert not (place / "lock.json").exists()
