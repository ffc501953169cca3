"""When an exported tower is as good as its model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from retrieval.encoders.towers.agreement import MIN_PROBES, compare


def embeddings(count: int = 100, dim: int = 32, seed: int = 0) -> NDArray[np.float32]:
    """Unit rows with a large common part, as those of real models have."""
    generator = np.random.default_rng(seed)
    rows = generator.standard_normal((count, dim)) + 3.0
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def disturbed(rows: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """The same rows with noise of `share` of what tells them apart."""
    spread = np.linalg.norm(rows - rows.mean(0), axis=1).mean()
    noise = np.random.default_rng(1).standard_normal(rows.shape)
    noise *= share * spread / np.linalg.norm(noise, axis=1, keepdims=True)
    moved = rows + noise.astype(np.float32)
    unit: NDArray[np.float32] = moved / np.linalg.norm(moved, axis=1, keepdims=True)
    return unit


def test_the_same_rows_agree() -> None:
    found = compare(embeddings(), embeddings())
    assert found.enough
    assert (round(found.cosine, 5), found.overlap) == (1.0, 1.0)


def test_a_little_noise_agrees_and_more_does_not() -> None:
    rows = embeddings()
    assert compare(rows, disturbed(rows, 0.02)).enough
    assert not compare(rows, disturbed(rows, 0.1)).enough


def test_a_common_part_does_not_hide_a_difference() -> None:
    rows, others = embeddings(seed=0), embeddings(seed=1)
    assert (rows * others).sum(1).mean() > 0.8
    assert compare(rows, others).cosine < 0.5


def test_rows_in_another_order_do_not_agree() -> None:
    rows = embeddings()
    assert not compare(rows, rows[::-1]).enough


def test_a_few_probes_prove_nothing() -> None:
    assert not compare(embeddings(MIN_PROBES - 1), embeddings(MIN_PROBES - 1)).enough
