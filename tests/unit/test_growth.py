"""Fitted cost curves find known ones again."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scripts.bench import growth

SIZES = st.lists(st.integers(1, 10**8), min_size=2, max_size=8, unique=True)
POSITIVE = st.floats(1e-6, 1e6)


@given(SIZES, POSITIVE, POSITIVE)
def test_a_line_is_found_again(sizes: list[int], fixed: float, each: float) -> None:
    assume(max(sizes) > 1.5 * min(sizes))
    times = {n: fixed + each * n for n in sizes}
    found = growth.fit(times)
    assert found.worst < 1e-6
    for n in sizes:
        assert math.isclose(found.at(n), times[n], rel_tol=1e-6)


@given(SIZES, POSITIVE, st.floats(-1, 3))
def test_a_power_is_found_again(sizes: list[int], factor: float, exponent: float) -> None:
    found = growth.fit({n: factor * n**exponent for n in sizes})
    assert math.isclose(found.exponent, exponent, abs_tol=1e-6)


def test_parts_of_a_line() -> None:
    found = growth.fit({10_000: 1.1, 100_000: 2.0, 1_000_000: 11.0})
    assert found.fixed == pytest.approx(1.0)
    assert found.each == pytest.approx(1e-5)


def test_a_line_that_is_none_shows() -> None:
    square = growth.fit({n: float(n * n) for n in (10, 100, 1000)})
    assert square.worst > 0.5
    assert square.exponent == pytest.approx(2)


@pytest.mark.parametrize("times", [{}, {5: 1.0}, {5: 1.0, 6: 0.0}, {5: 1.0, 6: math.nan}])
def test_what_is_no_curve(times: dict[int, float]) -> None:
    with pytest.raises(ValueError, match=r"sizes|positive"):
        growth.fit(times)


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("10k", 10_000),
        ("1M", 1_000_000),
        (5000, 5000),
        ("12mp", None),
        ("k", None),
        ("0", None),
        ("1 k", None),
    ],
)
def test_sizes(name: object, size: int | None) -> None:
    assert growth.size_of(name) == size


def test_curves_in_a_tree() -> None:
    figure = {"median": 3.0, "min": 2.0, "max": 4.0, "runs": 3, "unit": "ms"}
    tree = {
        "index": {
            "10k": {"exact": {"query_ms": 1.0, "recall": 0.9}, "pq": figure},
            "100k": {"exact": {"query_ms": 10.0, "recall": 0.8}, "pq": figure},
            "1M": {"exact": {"query_ms": 100.0}},
            "photos": 3,
        }
    }
    found = growth.curves(tree)
    assert set(found) == {"index/exact/query_ms", "index/pq"}
    assert found["index/exact/query_ms"].exponent == pytest.approx(1)
    assert found["index/pq"].exponent == pytest.approx(0)
