"""The exact search in torch: pieces, filters by gathering and by masking, split queries."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval import machine
from retrieval.errors import DeviceMemoryError
from retrieval.stores import torch_store
from retrieval.stores.exact import ExactStore
from retrieval.stores.torch_store import (
    LOW_SCALE,
    TorchStore,
    best_of,
    gpu_recipe_available,
    join,
    piece_rows,
    score,
    split,
)

DIM = 3


def both(rows: np.ndarray, dead: list[int], step: int = 3) -> tuple[TorchStore, ExactStore]:
    """The store and its oracle with the same rows, added in two steps, without the dead ones.

    Ids start at `step` and are that far from each other.
    """
    stores = TorchStore(DIM, "cpu"), ExactStore(DIM)
    half = len(rows) // 2
    ids = step * np.arange(1, len(rows) + 1)
    for store in stores:
        store.add(ids[:half], rows[:half])
        store.add(ids[half:], rows[half:])
        store.remove(np.array(dead, np.int64))
    return stores


@settings(max_examples=60)
@given(
    seed=st.integers(0, 99),
    count=st.integers(0, 5000),
    step=st.sampled_from([1, 3]),
    dead=st.lists(st.integers(0, 15_000), max_size=50),
    share=st.none() | st.floats(0, 1),
    k=st.integers(1, 40),
)
def test_many_pieces_find_what_the_oracle_finds(
    seed: int, count: int, step: int, dead: list[int], share: float | None, k: int
) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.integers(-2, 3, (count, DIM)).astype(np.float16)  # few values: ties everywhere
    ours, oracle = both(rows, dead, step)
    allowed = None if share is None else np.flatnonzero(rng.random(4 * count) < share)
    asked = rng.integers(-2, 3, (3, DIM)).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch_store, "CPU_SCAN_BYTES", 0)  # the smallest pieces: 1024 rows
        patch.setattr(torch_store, "MOST_QUERIES", 2)
        scores, ids = ours.search(asked, k, allowed)
    expected_scores, expected_ids = oracle.search(asked, k, allowed)
    assert len(ours) == len(oracle)
    assert ids.tolist() == expected_ids.tolist()
    assert scores.tolist() == expected_scores.tolist()


def test_room_and_tensors() -> None:
    rows = np.random.default_rng(0).standard_normal((50, DIM)).astype(np.float16)
    ours, oracle = both(rows, [])
    other = TorchStore(DIM, "cpu")
    other.reserve(60)
    block = other._rows
    other.add(3 * np.arange(1, 26), torch.from_numpy(rows[:25]))
    other.add(3 * np.arange(26, 51), torch.from_numpy(rows[25:]))
    assert other._rows is block
    asked = np.eye(DIM, dtype=np.float32)
    for store in (ours, other):
        np.testing.assert_array_equal(store.search(asked, 9)[1], oracle.search(asked, 9)[1])


def test_unknown_and_repeated_removals_count_once() -> None:
    ours, _ = both(np.ones((10, DIM), np.float16), [3])
    ours.remove(np.array([3, 3, 4, 999]))
    assert len(ours) == 9
    ours.remove(np.array([3, 6]))
    assert len(ours) == 8


@given(st.integers(0, 50))
def test_split_queries_score_like_float32(seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((30, 512))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    queries = torch.from_numpy(vectors[:10].astype(np.float32))
    rows = torch.from_numpy(vectors.astype(np.float16))
    parts = split(queries)
    assert parts.dtype == torch.float16
    whole = parts[:10].double() + parts[10:].double() / LOW_SCALE
    torch.testing.assert_close(whole, queries.double(), rtol=2**-21, atol=2**-34)
    # What the product with float32 sums gives on CUDA, here from widened parts.
    found = join(parts.float() @ rows.float().T)
    exact = queries.double() @ rows.double().T
    assert (found.double() - exact).abs().max() < 1e-6
    assert (score(queries, rows).double() - exact).abs().max() < 1e-6


def test_plain_float16_would_not_do() -> None:
    """Why queries are split: rounded ones are off by more than neighbours differ."""
    torch.manual_seed(0)
    vectors = torch.nn.functional.normalize(torch.randn(200, 512), dim=1)
    rows = vectors.half()
    exact = vectors[:50].double() @ rows.double().T
    rounded = vectors[:50].half().double() @ rows.double().T
    split_ = join(split(vectors[:50]).double() @ rows.double().T)
    assert (rounded - exact).abs().max() > 100 * (split_ - exact).abs().max()


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=60), st.integers(1, 70))
def test_ties_at_the_cut_go_to_the_lower_place(values: list[int], k: int) -> None:
    scores = torch.tensor([values, values[::-1]], dtype=torch.float32)
    found, places = best_of(scores, k)
    for row, where, best in zip(scores.tolist(), places.tolist(), found.tolist(), strict=True):
        order = sorted(range(len(row)), key=lambda place: (-row[place], place))[:k]
        assert where == order
        assert best == [row[place] for place in order]


def test_pieces_keep_to_the_budget() -> None:
    assert piece_rows(1, 0, 1 << 30) > 80_000_000  # ten million rows are one piece
    for queries, copied in [(1, 1024), (1024, 0), (100, 2048)]:
        rows = piece_rows(queries, copied, 1 << 30)
        assert rows % 1024 == 0
        assert rows * (12 * queries + copied) <= 1 << 30
    assert piece_rows(10_000, 10_000, 1) == 1024


def test_a_lack_of_memory_is_said_plainly(monkeypatch: pytest.MonkeyPatch) -> None:
    store = TorchStore(DIM, "cpu")
    store.add(np.arange(2), np.ones((2, DIM), np.float16))

    def fail(*_: Any) -> None:
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(store, "reserve", fail)
    with pytest.raises(DeviceMemoryError, match=r"1,002 vectors .* search them on the CPU"):
        store.add(np.arange(2, 1002), np.ones((1000, DIM), np.float16))
    assert len(store) == 2
    assert store.search(np.ones((1, DIM), np.float32), 3)[1].tolist() == [[0, 1, -1]]


class TestWhetherThereIsAGpu:
    def test_without_a_driver_torch_is_not_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch_store, "has_nvidia_driver", lambda: False)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: 1 / 0)
        assert not gpu_recipe_available()

    def test_memory_decides(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch_store, "has_nvidia_driver", lambda: True)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (20 << 30, 80 << 30))
        assert gpu_recipe_available()
        assert gpu_recipe_available(10_000_000, 512)
        assert not gpu_recipe_available(20_000_000, 512)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        assert not gpu_recipe_available()

    def test_a_hidden_gpu(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(machine, "DRIVER_SIGNS", ("/",))
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        assert machine.has_nvidia_driver()
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
        assert not machine.has_nvidia_driver()
