"""A disk that is full: the message says what to do, nothing committed is lost, it goes on later.

See `tests.disks`, which tries many sizes; here some at which different steps fail.
"""

from __future__ import annotations

import pytest

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
