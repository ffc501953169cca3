"""A process that is killed while it writes costs at most the batch it was writing.

See `tests.kills`; the long version is `scripts/torture --only kills`.
"""

from __future__ import annotations

from tests.faults import run_apart


def test_kills_lose_nothing() -> None:
    figures = run_apart("tests.kills", "--kills", "12", "--photos", "40")
    assert figures["losses"] == []
    assert figures["kills"] >= 12
    assert figures["in the middle"] >= 4  # the others came when all was done
