"""Every vector store finds exactly what a slow and obvious search finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from retrieval.errors import DeviceMemoryError, MissingExtraError
from retrieval.stores import (
    STORES,
    VectorStore,
    choose_recipe,
    default_recipe,
    faiss_gpu,
    make_store,
)
from retrieval.stores.coded_store import CodedStore
from retrieval.stores.codes import LEAST_SAMPLE, Codes
from retrieval.stores.exact import inner_products
from retrieval.stores.faiss_gpu import FaissGpuStore
from retrieval.stores.planning import Plan, choose_plan
from retrieval.stores.tuning import tune
from scripts.bench.vectors import ClipLike

PACKAGES = {"exact-faiss": "faiss", "exact-torch": "torch", "pq-fastscan": "faiss"}
DIM = 4


@pytest.fixture(params=sorted(STORES))
def recipe(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr("retrieval.stores.coded_store.choose_plan", by_codes)
    if package := PACKAGES.get(request.param):
        pytest.importorskip(package, reason=f"{request.param} needs {package}")
    return str(request.param)


def by_codes(held: int, kept: int | None, depth: int) -> Plan:
    """As the planner, but the codes are used however few rows there are."""
    return Plan("shortlist" if kept is None else "over-fetch", depth)


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
    everything = [np.array(add, np.float16).reshape(-1, DIM) for add, _ in plan]
    look_at_all(store, np.concatenate(everything))
    return store, held


def look_at_all(store: VectorStore, rows: NDArray[np.float16]) -> None:
    """Give a CodedStore codes of two thirds of its rows, and have all of them on its shortlist."""
    if isinstance(store, CodedStore) and len(rows) > 1:
        ones = np.ones((1, rows.shape[1]), np.float32)
        codes = Codes.learn(np.resize(rows, (max(len(rows), LEAST_SAMPLE), rows.shape[1])), ones)
        codes.add(rows[: 1 + len(rows) * 2 // 3])
        store.cover(codes, len(rows))


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


class TestFilters:
    """Whatever share a filter keeps, the hits are those of comparing everything it keeps."""

    @settings(max_examples=40)
    @given(power=st.floats(-4, 0), seed=st.integers(0, 99), dead=st.booleans())
    def test_as_by_brute_force(self, recipe: str, power: float, seed: int, dead: bool) -> None:
        rows = np.random.default_rng(4).integers(-6, 7, (10_000, 16)).astype(np.float16)
        store = make_store(recipe, 16)
        store.add(np.arange(len(rows)), rows)
        look_at_all(store, rows)
        lots = np.random.default_rng(seed)
        gone = lots.choice(len(rows), 1000 * dead, replace=False)
        store.remove(gone)
        allowed = lots.choice(len(rows), max(int(len(rows) * 10**power), 1), replace=False)
        asked = lots.integers(-6, 7, (2, 16)).astype(np.float32)
        scores, ids = store.search(asked, 10, allowed)
        live = np.setdiff1d(allowed, gone)
        everything = asked @ rows[live].astype(np.float32).T
        for line, found, products in zip(scores, ids, everything, strict=True):
            order = np.lexsort((live, -products))[:10]
            assert found[: len(order)].tolist() == live[order].tolist()
            assert line[: len(order)].tolist() == products[order].tolist()
            assert (found[len(order) :] == -1).all()

    def test_plans(self, recipe: str) -> None:
        store = make_store(recipe, DIM)
        store.add(np.arange(30), np.ones((30, DIM), np.float16))
        if not isinstance(store, CodedStore):
            assert str(store.plan(10)) == "exact over 30 rows"
            assert str(store.plan(10, 7)) == "exact over 7 allowed rows"


class TestPlanner:
    def test_in_words(self) -> None:
        assert str(choose_plan(100_000, None, 700)).startswith("shortlist of 700 rows")
        assert str(choose_plan(100_000, 1_204, 700)) == "exact over 1,204 allowed rows"
        assert str(choose_plan(100_000, 50_000, 700)).startswith("over-fetch of 1,680 rows")
        assert str(choose_plan(500, None, 700)) == "exact over 500 rows"

    @given(st.integers(1, 10**7), st.integers(0, 10**7), st.integers(1, 10**4))
    def test_never_longer_than_there_are_rows(self, held: int, kept: int, depth: int) -> None:
        kept = min(kept, held)
        plan = choose_plan(held, kept, depth)
        assert plan.count <= held
        if plan.way == "over-fetch":  # on average it leaves what an unfiltered search rescores
            assert plan.count * kept / held >= depth


class TestCoded:
    """What the codes are for: texts find their photos through a short list."""

    @pytest.fixture(scope="class")
    @classmethod
    def source(cls) -> ClipLike:
        return ClipLike(128)

    @pytest.fixture(scope="class")
    @classmethod
    def coded(cls, source: ClipLike) -> tuple[CodedStore, NDArray[np.float16], int]:
        pytest.importorskip("faiss", reason="codes need faiss")
        rows = source.images(24_000).astype(np.float16)
        codes = Codes.learn(rows[::3], source.texts(600, seed=5))
        codes.add(rows[:9_000])
        codes.add(rows[9_000:])
        tuned = tune(codes, rows, source.texts(200, seed=6))
        assert tuned.recall >= 0.98
        store = CodedStore(128)
        store.add(np.arange(len(rows)), rows)
        store.cover(codes, tuned.depth)
        return store, rows, tuned.depth

    @pytest.mark.parametrize("kind", ["texts", "images"])
    @pytest.mark.parametrize("kept", [None, 0.6, 0.2])
    def test_recall(self, coded: Any, source: ClipLike, kind: str, kept: float | None) -> None:
        store, rows, depth = coded
        assert depth < len(rows) / 20
        asked = getattr(source, kind)(150, seed=7)
        lots = np.random.default_rng(0)
        allowed = None
        if kept is not None:
            allowed = lots.choice(len(rows), int(kept * len(rows)), replace=False)
            assert store.plan(10, len(allowed)).way == "over-fetch"
        oracle = make_store("exact-numpy", 128)
        oracle.add(np.arange(len(rows)), rows)
        scores, ids = store.search(asked, 10, allowed)
        best, truth = oracle.search(asked, 10, allowed)
        hits = [len(np.intersect1d(*pair)) for pair in zip(ids, truth, strict=True)]
        assert np.mean(hits) / 10 >= 0.95
        same = ids == truth
        np.testing.assert_allclose(scores[same], best[same], atol=1e-5)

    def test_a_shortlist_that_the_filter_empties_grows(self, coded: Any, source: ClipLike) -> None:
        """The rows that are left are those farthest from the query."""
        store, rows, _ = coded
        asked = source.texts(1, seed=8)
        allowed = np.argsort((asked @ rows.astype(np.float32).T)[0])[:3_000]
        assert store.plan(10, len(allowed)).way == "over-fetch"
        _, ids = store.search(asked, 10, allowed)
        assert (ids >= 0).all()
        assert np.isin(ids, allowed).all()

    def test_written_and_read(self, coded: Any, source: ClipLike, tmp_path: Any) -> None:
        rows, asked = source.images(500).astype(np.float16), source.texts(20)
        codes = Codes.learn(rows, asked)
        codes.add(rows[:300])
        (tmp_path / "codes").write_bytes(codes.to_bytes())
        again = Codes.from_file(tmp_path / "codes", 128)
        codes.add(rows[300:])
        again.add(rows[300:])
        assert len(again) == 500
        assert codes.to_bytes() == again.to_bytes()
        again.clear()
        assert len(again) == 0


class TestConversion:
    def test_each_float16_is_widened_exactly(self) -> None:
        every = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
        finite = every[np.isfinite(every)].reshape(-1, 1)
        products = inner_products(np.ones((1, 1), np.float32), finite)
        assert products[0].tolist() == finite[:, 0].astype(np.float32).tolist()

    @pytest.mark.parametrize("dim", [32, 24])  # a width that FAISS scans quickly, and another
    def test_faiss_holds_the_bytes_of_the_file(self, dim: int) -> None:
        faiss = pytest.importorskip("faiss", reason="exact-faiss needs faiss")
        rows = np.random.default_rng(0).standard_normal((50, dim)).astype(np.float16)
        store = make_store("exact-faiss", dim)
        store.add(np.arange(20), rows[:20])
        store.add(np.arange(20, 50), rows[20:])
        converted = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16)
        converted.add(rows.astype(np.float32))
        held = store._rows()  # type: ignore[attr-defined]
        assert held[:, :dim].tobytes() == faiss.vector_to_array(converted.codes).tobytes()
        assert held[:, :dim].tobytes() == rows.tobytes()
        assert held.shape[1] % 16 == 0
        assert not held[:, dim:].any()

    @pytest.mark.parametrize("asked", [1, 9, 10, 40])
    def test_batches_like_single_queries(self, recipe: str, asked: int) -> None:
        rows = np.random.default_rng(0).integers(-3, 4, (200, DIM)).astype(np.float16)
        store = make_store(recipe, DIM)
        store.add(np.arange(200), rows)
        vectors = np.random.default_rng(1).integers(-3, 4, (asked, DIM)).astype(np.float32)
        scores, ids = store.search(vectors, 7)
        single = [store.search(vector[None], 7) for vector in vectors]
        assert ids.tolist() == [one[0].tolist() for _, one in single]
        assert scores.tolist() == [one[0].tolist() for one, _ in single]


class TestChoice:
    def test_by_size(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("retrieval.stores.find_spec", lambda name: object())
        monkeypatch.setattr("sys.platform", "linux")
        assert choose_recipe(49_999, 512) == "exact-faiss"
        assert choose_recipe(1_000_000, 512) == "pq-fastscan"
        assert choose_recipe(60_000, 512, latency_ms=100) == "exact-faiss"
        assert choose_recipe(60_000, 512, latency_ms=100, memory_bytes=1 << 20) == "pq-fastscan"
        assert choose_recipe(10, 512, once=True) == "exact-numpy"
        monkeypatch.setattr("retrieval.stores.find_spec", lambda name: None)
        assert choose_recipe(1_000_000, 512) == "exact-numpy"

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
