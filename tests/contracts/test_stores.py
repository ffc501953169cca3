"""Every vector store finds exactly what a slow and obvious search finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from retrieval.errors import DeviceMemoryError, MissingExtraError
from retrieval.stores import STORES, VectorStore, default_recipe, faiss_gpu, make_store
from retrieval.stores.faiss_gpu import FaissGpuStore

PACKAGES = {"exact-faiss": "faiss", "exact-torch": "torch"}
DIM = 4


@pytest.fixture(params=sorted(STORES))
def recipe(request: pytest.FixtureRequest) -> str:
    if package := PACKAGES.get(request.param):
        pytest.importorskip(package, reason=f"{request.param} needs {package}")
    return str(request.param)


def naive(
    held: dict[int, NDArray[np.float16]],
    queries: NDArray[np.float32],
    k: int,
    allowed: list[int] | None,
) -> tuple[list[list[float]], list[list[int]]]:
    """Score everything, sort everything."""
    scores, ids = [], []
    for query in queries:
        found = [
            (-float(np.dot(vector.astype(np.float32), query)), i)
            for i, vector in held.items()
            if allowed is None or i in allowed
        ]
        best = sorted(found)[:k] + [(np.inf, -1)] * max(0, k - len(found))
        scores.append([-score for score, _ in best])
        ids.append([i for _, i in best])
    return scores, ids


# Whole numbers, so that scores are exact and many of them tie.
small = st.integers(-2, 2)
rows = st.lists(st.lists(small, min_size=DIM, max_size=DIM), max_size=12)
steps = st.lists(st.tuples(rows, st.sets(st.integers(0, 40), max_size=6)), min_size=1, max_size=4)
queries = st.lists(st.lists(small, min_size=DIM, max_size=DIM), max_size=5)


def build(recipe: str, plan: list[Any]) -> tuple[VectorStore, dict[int, NDArray[np.float16]]]:
    """Carry out adds and removals on a store and on a dict."""
    store = make_store(recipe, DIM)
    held: dict[int, NDArray[np.float16]] = {}
    following = 0
    for add, remove in plan:
        vectors = np.array(add, np.float16).reshape(-1, DIM)
        ids = following + 2 * np.arange(len(vectors))  # with gaps: ids need not be places
        following += 2 * len(vectors)
        store.add(ids, vectors)
        held.update(zip(ids.tolist(), vectors, strict=True))
        store.remove(np.array(sorted(remove), np.int64))
        held = {i: v for i, v in held.items() if i not in remove}
    return store, held


class TestAgainstTheNaiveOne:
    @settings(max_examples=150)
    @given(
        plan=steps,
        asked=queries,
        k=st.integers(1, 40),
        allowed=st.none() | st.lists(st.integers(0, 60), unique=True),
    )
    def test_finds_the_same(
        self, recipe: str, plan: list[Any], asked: list[Any], k: int, allowed: list[int] | None
    ) -> None:
        store, held = build(recipe, plan)
        vectors = np.array(asked, np.float32).reshape(-1, DIM)
        chosen = None if allowed is None else np.array(allowed, np.int64)
        scores, ids = store.search(vectors, k, chosen)
        expected_scores, expected_ids = naive(held, vectors, k, allowed)
        assert len(store) == len(held)
        assert (scores.shape, ids.shape) == ((len(asked), k), (len(asked), k))
        assert (scores.dtype, ids.dtype) == (np.float32, np.int64)
        assert ids.tolist() == expected_ids
        assert scores.tolist() == expected_scores

    @pytest.mark.parametrize("k", [1, 10, 500, 3000])
    def test_like_the_exact_one_on_real_numbers(self, recipe: str, k: int) -> None:
        rng = np.random.default_rng(3)
        vectors = rng.standard_normal((2000, 32)).astype(np.float32)
        vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
        asked = rng.standard_normal((3, 32)).astype(np.float32)
        answers = []
        for name in ("exact-numpy", recipe):
            store = make_store(name, 32)
            store.add(np.arange(2000), vectors)
            store.remove(np.arange(0, 2000, 7))
            answers.append(store.search(asked, k))
        (oracle_scores, oracle_ids), (scores, ids) = answers
        np.testing.assert_allclose(scores, oracle_scores, atol=1e-4)
        assert (ids == oracle_ids).mean() > 0.99  # rounding may swap near neighbours
        assert (scores[:, :-1] >= scores[:, 1:]).all()


class TestEdges:
    def test_ties_go_to_the_lower_id_also_at_the_cut(self, recipe: str) -> None:
        store = make_store(recipe, DIM)
        store.add(np.arange(100), np.ones((100, DIM), np.float16))
        store.add(np.array([100]), np.full((1, DIM), 2, np.float16))
        _, ids = store.search(np.ones((2, DIM), np.float32), 5)
        assert ids.tolist() == [[100, 0, 1, 2, 3]] * 2

    def test_an_empty_store(self, recipe: str) -> None:
        store = make_store(recipe, DIM)
        scores, ids = store.search(np.ones((2, DIM), np.float32), 3)
        assert len(store) == 0
        assert ids.tolist() == [[-1] * 3] * 2
        assert np.isneginf(scores).all()

    def test_nothing_allowed(self, recipe: str) -> None:
        store, _ = build(recipe, [([[1, 0, 0, 0]], set())])
        _, ids = store.search(np.ones((1, DIM), np.float32), 2, np.empty(0, np.int64))
        assert ids.tolist() == [[-1, -1]]

    def test_everything_removed_and_added_again(self, recipe: str) -> None:
        store, _ = build(recipe, [([[1, 0, 0, 0]] * 3, {0, 2, 4})])
        assert len(store) == 0
        store.add(np.array([9]), np.ones((1, DIM), np.float16))
        assert store.search(np.ones((1, DIM), np.float32), 2)[1].tolist() == [[9, -1]]

    def test_a_memory_mapped_file(self, recipe: str, tmp_path: Any) -> None:
        np.eye(DIM, dtype=np.float16).tofile(tmp_path / "rows.f16")
        mapped = np.memmap(tmp_path / "rows.f16", np.float16, "r", shape=(DIM, DIM))
        store = make_store(recipe, DIM)
        store.add(np.arange(DIM), mapped)
        store.remove(np.array([1]))
        assert store.search(np.eye(DIM, dtype=np.float32)[2:3], 1)[1].tolist() == [[2]]


class TestChoice:
    def test_faiss_where_there_is_one(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("retrieval.stores.find_spec", lambda name: None)
        assert default_recipe() == "exact-numpy"
        monkeypatch.setattr("retrieval.stores.find_spec", lambda name: object())
        assert default_recipe() == "exact-faiss"

    def test_a_faiss_that_does_not_load(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(__import__("sys").modules, "faiss", None)
        with pytest.raises(MissingExtraError, match="Reinstall it, or uninstall it"):
            make_store("exact-faiss", DIM)

    def test_numpy_scans_in_blocks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("retrieval.stores.exact.BLOCK", 7)
        store = make_store("exact-numpy", 2)
        angles = np.linspace(0, 1, 50)
        store.add(np.arange(50), np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float16))
        assert store.search(np.array([[0, 1]], np.float32), 3)[1].tolist() == [[49, 48, 47]]


class FakeGpu:
    """A flat GPU index of float16, as FAISS documents it, in numpy.

    It rounds queries to float16, returns ties in no order, refuses more than MAX_K results,
    ignores filters, and cannot remove.
    """

    def __init__(self, _: Any, dim: int, config: Any) -> None:
        assert config.useFloat16
        self.d, self.rows, self.most_asked = dim, np.empty((0, dim), np.float32), 0

    def add(self, rows: NDArray[np.float32]) -> None:
        assert rows.dtype == np.float32
        self.rows = np.concatenate([self.rows, rows])

    def reset(self) -> None:
        self.rows = self.rows[:0]

    def search(self, asked: NDArray[np.float32], k: int) -> Any:
        assert k <= faiss_gpu.MAX_K
        self.most_asked = max(self.most_asked, k)
        scores = asked.astype(np.float16).astype(np.float32) @ self.rows.T
        order = np.argsort(-scores[:, ::-1], axis=1, kind="stable")[:, :k]
        order = len(self.rows) - 1 - order  # of those that tie the last come first
        return np.take_along_axis(scores, order, 1), order


class TestFaissOnAGpu:
    """What we make of what a GPU index gives and does not give; the index itself is played here.

    tests/gpu/ runs the same store on the real one.
    """

    @pytest.fixture
    def faiss(self, monkeypatch: pytest.MonkeyPatch) -> Any:
        faiss = pytest.importorskip("faiss", reason="exact-faiss needs faiss")
        resources = type("Resources", (), {"setTempMemory": lambda self, size: None})
        monkeypatch.setattr(faiss, "StandardGpuResources", resources, raising=False)
        monkeypatch.setattr(faiss, "get_num_gpus", lambda: 1, raising=False)
        config = type("Config", (), {"useFloat16": False})
        monkeypatch.setattr(faiss, "GpuIndexFlatConfig", config, raising=False)
        monkeypatch.setattr(faiss, "GpuIndexFlatIP", FakeGpu, raising=False)
        monkeypatch.setattr(faiss_gpu, "MAX_K", 64)
        monkeypatch.setattr(faiss_gpu, "ADD_ROWS", 7)
        monkeypatch.setattr(faiss_gpu, "RESCORE_BYTES", 1000)
        return faiss

    @pytest.mark.usefixtures("faiss")
    @settings(max_examples=100)
    @given(
        plan=steps,
        asked=queries,
        k=st.integers(1, 40),
        allowed=st.none() | st.lists(st.integers(0, 60), unique=True),
    )
    def test_finds_the_same(
        self, plan: list[Any], asked: list[Any], k: int, allowed: list[int] | None
    ) -> None:
        store, held = build("exact-faiss", plan)
        assert isinstance(store, FaissGpuStore)
        vectors = np.array(asked, np.float32).reshape(-1, DIM)
        chosen = None if allowed is None else np.array(allowed, np.int64)
        scores, ids = store.search(vectors, k, chosen)
        expected_scores, expected_ids = naive(held, vectors, k, allowed)
        assert len(store) == len(held)
        assert ids.tolist() == expected_ids
        assert scores.tolist() == expected_scores

    @pytest.mark.usefixtures("faiss")
    def test_rounding_changes_nothing(self) -> None:
        rng = np.random.default_rng(0)
        rows = rng.standard_normal((400, 32)).astype(np.float16)
        asked = rng.standard_normal((5, 32)).astype(np.float32)
        store, oracle = make_store("exact-faiss", 32), make_store("exact-numpy", 32)
        for each in (store, oracle):
            each.add(np.arange(400), rows)
        assert isinstance(store, FaissGpuStore)
        scores, ids = store.search(asked, 5)
        expected_scores, expected_ids = oracle.search(asked, 5)
        assert store._index.most_asked < 64  # its proposals sufficed
        assert ids.tolist() == expected_ids.tolist()
        np.testing.assert_allclose(scores, expected_scores, atol=1e-5)
        rough, _ = store._index.search(asked, 5)
        assert np.abs(rough - expected_scores).max() > 1e-3

    @pytest.mark.usefixtures("faiss")
    def test_it_is_not_asked_for_more_than_it_takes(self) -> None:
        store = make_store("exact-faiss", DIM)
        assert isinstance(store, FaissGpuStore)
        store.add(np.arange(500), np.ones((500, DIM), np.float16))  # all tie: no end is safe
        assert store.search(np.ones((1, DIM), np.float32), 5)[1].tolist() == [[0, 1, 2, 3, 4]]
        assert store._index.most_asked == 42

    def test_a_full_gpu_is_said_plainly(self, faiss: Any, monkeypatch: Any) -> None:
        def fail(*_: Any) -> None:
            raise RuntimeError("StandardGpuResources: alloc fail: cudaMalloc error out of memory")

        monkeypatch.setattr(FakeGpu, "add", fail)
        with pytest.raises(DeviceMemoryError, match="search them on the CPU"):
            make_store("exact-faiss", DIM).add(np.arange(9), np.ones((9, DIM), np.float16))
        monkeypatch.setattr(faiss, "get_num_gpus", lambda: 0)
        assert not isinstance(make_store("exact-faiss", DIM), FaissGpuStore)
