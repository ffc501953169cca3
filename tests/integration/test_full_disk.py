"""A disk that is full: the message says what to do, nothing committed is lost, it goes on later.

See `tests.disks`, which tries many sizes; here some at which different steps fail.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy.exc import DatabaseError

from retrieval.storage.database import _translated
from tests.disks import can_mount
from tests.faults import run_apart

SIZES = ("0", "4096", "16384", "40960", "65536", "114688", "131072", "229376", "311296", "345000")


def test_files_that_may_not_grow() -> None:
    figures = run_apart("tests.disks", "--way", "limit", "--sizes", *SIZES)
    assert figures["losses"] == []
    assert figures["full"] >= 5


def test_a_small_disk() -> None:
    if not can_mount():
        pytest.skip("needs the right to mount a file system in memory")
    figures = run_apart("tests.disks", "--way", "mount", "--sizes", *SIZES)
    assert figures["losses"] == []
    assert figures["full"] >= 5
    assert all("is full" in text or "No space left" in text for text in figures["messages"])


@pytest.mark.parametrize(("free", "words"), [(8192, "is full"), (1 << 30, "permissions")])
def test_what_sqlite_does_not_say(
    free: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    error = DatabaseError("INSERT", {}, Exception("disk I/O error"))
    assert words in str(_translated(error, tmp_path / "catalog.db"))
