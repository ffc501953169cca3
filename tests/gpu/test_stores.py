"""Stores on a GPU keep the contract; the contract tests beside run there too where they can."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from retrieval.errors import DeviceMemoryError
from retrieval.stores import VectorStore, make_store
from retrieval.stores.exact import ExactStore
from retrieval.stores.torch_store import TorchStore, gpu_recipe_available, score


@pytest.fixture(params=["exact-torch", "exact-faiss"])
def recipe(request: pytest.FixtureRequest) -> str:
    if request.param == "exact-faiss":
        faiss = pytest.importorskip("faiss", reason="exact-faiss needs faiss")
        if not hasattr(faiss, "StandardGpuResources"):
            pytest.skip("this FAISS is built for the CPU")
    return str(request.param)


def pair(recipe: str, rows: np.ndarray, dead: Any = ()) -> tuple[VectorStore, ExactStore]:
    stores = make_store(recipe, rows.shape[1]), ExactStore(rows.shape[1])
    for store in stores:
        store.add(np.arange(len(rows)), rows.astype(np.float16))
        store.remove(np.array(dead, np.int64))
    return stores


def test_they_are_on_the_gpu(recipe: str) -> None:
    store = make_store(recipe, 8)
    assert gpu_recipe_available(1000, 8)
    if isinstance(store, TorchStore):
        assert store.device.type == "cuda"
    else:
        assert type(store).__name__ == "FaissGpuStore"


@pytest.mark.parametrize("k", [1, 10, 3000])
@pytest.mark.parametrize("share", [None, 0.01, 0.5])
def test_real_numbers(recipe: str, k: int, share: float | None) -> None:
    rng = np.random.default_rng(1)
    rows = rng.standard_normal((20_000, 512)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    store, oracle = pair(recipe, rows, range(0, 20_000, 7))
    asked = rng.standard_normal((3, 512)).astype(np.float32)
    asked /= np.linalg.norm(asked, axis=1, keepdims=True)
    allowed = None if share is None else np.flatnonzero(rng.random(20_000) < share)
    scores, ids = store.search(asked, k, allowed)
    expected_scores, expected_ids = oracle.search(asked, k, allowed)
    np.testing.assert_allclose(scores, expected_scores, atol=2e-6)
    assert (ids == expected_ids).mean() > 0.99  # rounding may swap near neighbours


@pytest.mark.parametrize("k", [1, 5, 40])
def test_ties(recipe: str, k: int) -> None:
    rng = np.random.default_rng(2)
    rows = rng.integers(-2, 3, (5000, 4)).astype(np.float32)
    store, oracle = pair(recipe, rows, [1, 2, 3])
    asked = rng.integers(-2, 3, (4, 4)).astype(np.float32)
    for allowed in (None, np.arange(0, 5000, 2), np.arange(100)):
        scores, ids = store.search(asked, k, allowed)
        expected_scores, expected_ids = oracle.search(asked, k, allowed)
        assert ids.tolist() == expected_ids.tolist()
        assert scores.tolist() == expected_scores.tolist()


def test_products_are_summed_in_float32() -> None:
    torch.manual_seed(0)
    queries = torch.nn.functional.normalize(torch.randn(5, 512, device="cuda"), dim=1)
    rows = torch.nn.functional.normalize(torch.randn(4096, 512, device="cuda"), dim=1).half()
    exact = queries.double() @ rows.double().T
    assert (score(queries, rows).double() - exact).abs().max() < 2e-6


def test_rows_that_do_not_fit_leave_the_store_as_it_was() -> None:
    store = TorchStore(512)
    store.add(np.arange(2), np.eye(2, 512, dtype=np.float16))
    free, _ = torch.cuda.mem_get_info()
    count = free // 512  # twice what fits
    with pytest.raises(DeviceMemoryError, match="search them on the CPU"):
        store.add(np.arange(2, 2 + count), torch.zeros((1, 512)).expand(count, 512))
    assert store.search(np.eye(1, 512, dtype=np.float32), 3)[1].tolist() == [[0, 1, -1]]
