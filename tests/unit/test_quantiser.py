"""The map into the space that codes are made in keeps products, and bits go where they count."""

from __future__ import annotations

from itertools import product

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrieval.captions import made_up
from retrieval.stores.quantiser import AXES, LEFT, allocate, fit

variances = st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=7).map(sorted)


def error(sizes: list[int], descending: list[float]) -> float:
    """What the doc of `allocate` says the error is."""
    total, at = 0.0, 0
    for size in sizes:
        if size:
            mean = float(np.exp(np.mean(np.log(descending[at : at + size]))))
            total += size * LEFT[size - 1] * mean
            at += size
    return total + sum(descending[at:])


@given(variances, st.integers(1, 3))
def test_no_other_allocation_is_better(ascending: list[float], parts: int) -> None:
    descending = ascending[::-1]
    sizes = allocate(np.array(descending), parts)
    choices = product(range(AXES + 1), repeat=parts)
    best = min(error(list(c), descending) for c in choices if sum(c) <= len(descending))
    assert len(sizes) == parts
    assert error(sizes, descending) <= best * (1 + 1e-9)


def test_products_are_kept_where_no_axis_is_left_out() -> None:
    lots = np.random.default_rng(0)
    rows = lots.standard_normal((300, 8)).astype(np.float32)
    queries = (lots.standard_normal((50, 8)) * np.geomspace(1, 0.05, 8)).astype(np.float32)
    row_map, query_map = fit(rows, queries, 8)
    assert row_map.shape == query_map.shape == (8 * AXES, 8)
    kept = (rows @ row_map.T) @ (queries @ query_map.T).T
    np.testing.assert_allclose(kept, rows @ queries.T, atol=1e-4)


def test_what_queries_never_ask_for_gets_no_bits() -> None:
    lots = np.random.default_rng(0)
    rows = lots.standard_normal((2000, 8)).astype(np.float32)
    rows[:, 4:] *= 0.3
    queries = lots.standard_normal((500, 8)).astype(np.float32)
    queries[:, 4:] = 0
    row_map, query_map = fit(rows, queries, 2)
    asked = (row_map[:, :4] ** 2).sum() / (row_map**2).sum()
    assert asked > 0.95
    assert np.isfinite(query_map).all()


def test_made_up_captions_differ() -> None:
    captions = made_up(2000)
    assert len(set(captions)) == 2000
    assert captions[:50] == made_up(50)
