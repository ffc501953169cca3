"""A fault at any step that changes the disk loses nothing, serves nothing wrong, and is made good.

See `tests.faults`: every step of every scenario, each with every mode. The long version is
`scripts/torture --only faults`.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.faults import MODES, run_apart
from tests.sabotage import WAYS
from tests.scenarios import SCENARIOS


@pytest.fixture(scope="module")
def figures() -> dict[str, Any]:
    return run_apart("tests.faults")


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_nothing_is_lost(figures: dict[str, Any], scenario: str) -> None:
    found = figures[scenario]
    assert found["losses"] == []
    assert found["faults"] >= found["steps"] * len([m for m in MODES if "cut" not in m])


@pytest.mark.parametrize(
    ("way", "mode"),
    [
        ("append without sync", "power"),
        ("commit before append", "die before"),
        ("rename without sync", "power, names stay"),
        ("name without sync", "power"),
    ],
)
def test_a_broken_order_is_noticed(way: str, mode: str) -> None:
    assert way in WAYS
    options = ("--scenarios", "add", "--modes", mode, "--sabotage", way)
    found = run_apart("tests.faults", *options)["add"]
    assert any(f", {mode}: " in loss for loss in found["losses"])
