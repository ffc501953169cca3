"""Looking ahead in threads, and batches that shrink when memory ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.embedding import BatchEmbedder, look_ahead
from retrieval.errors import DeviceMemoryError
from tests.toy import COLOURS, ToyEncoder


class TestLookAhead:
    @given(st.lists(st.integers()), st.integers(1, 4), st.integers(1, 5))
    def test_keeps_the_order(self, items: list[int], threads: int, ahead: int) -> None:
        assert list(look_ahead(items, lambda n: n * 2, threads, ahead)) == [n * 2 for n in items]

    def test_the_order_does_not_depend_on_speed(self) -> None:
        second = threading.Event()

        def work(n: int) -> int:
            if n == 0:
                assert second.wait(5)  # the first is done only after the second
            second.set()
            return n

        assert list(look_ahead([0, 1, 2], work, threads=2)) == [0, 1, 2]

    def test_is_bounded(self) -> None:
        taken = 0

        def items() -> Iterator[int]:
            nonlocal taken
            for n in range(100):
                taken += 1
                yield n

        results = look_ahead(items(), lambda n: n, threads=2, ahead=5)
        for done in range(1, 50):
            next(results)
            assert taken <= done + 4
        results.close()
        assert taken < 60

    def test_threads_go_on_while_the_caller_is_busy(self) -> None:
        done = threading.Semaphore(0)

        def work(n: int) -> int:
            done.release()
            return n

        results = look_ahead(range(100), work, threads=2, ahead=8)
        assert next(results) == 0
        for _ in range(8):  # all that may run ahead does, although nobody asks for it
            assert done.acquire(timeout=5)
        assert not done.acquire(blocking=False)
        results.close()

    def test_an_error_of_the_work_is_raised_in_its_place(self) -> None:
        def work(n: int) -> float:
            return 1 / (n - 2)

        results = look_ahead(range(5), work, threads=2)
        assert next(results) == -0.5
        assert next(results) == -1
        with pytest.raises(ZeroDivisionError):
            next(results)

    def test_an_error_of_the_items_is_raised(self) -> None:
        def items() -> Iterator[int]:
            yield 1
            raise KeyError("source")

        with pytest.raises(KeyError, match="source"):
            list(look_ahead(items(), lambda n: n))

    def test_nothing_runs_on_after_an_early_stop(self) -> None:
        before = threading.active_count()
        results = look_ahead(range(1000), lambda n: n, threads=3, ahead=10)
        next(results)
        results.close()
        assert threading.active_count() == before


class TestBatchEmbedder:
    @given(st.integers(0, 25), st.integers(1, 9), st.integers(1, 9))
    def test_the_result_does_not_depend_on_batches(self, count: int, size: int, most: int) -> None:
        rng = np.random.default_rng(count)
        prepared = list(rng.integers(100, 255, (count, 1, 8, 8, 3)).astype(np.uint8))
        encoder = ToyEncoder(most=most)
        found = BatchEmbedder(encoder, size).embed_images(prepared)
        assert found.shape == (count, 3)
        assert found.dtype == np.float32
        assert encoder.images_seen == count
        for row, one in zip(found, prepared, strict=True):
            np.testing.assert_allclose(row, ToyEncoder().encode_images(one[None])[0], atol=1e-6)

    def test_a_batch_that_does_not_fit_is_halved_for_good(self) -> None:
        encoder = ToyEncoder(most=3)
        embedder = BatchEmbedder(encoder, 16)
        prepared = [np.full((1, 8, 8, 3), 200, np.uint8)] * 16
        embedder.embed_images(prepared)
        assert embedder.batch_size == 2
        assert BatchEmbedder(encoder).batch_size == 32

    def test_a_single_item_that_does_not_fit_is_an_error(self) -> None:
        embedder = BatchEmbedder(ToyEncoder(most=0), 4)
        with pytest.raises(DeviceMemoryError):
            embedder.embed_images([np.full((1, 8, 8, 3), 200, np.uint8)] * 4)

    def test_texts(self) -> None:
        texts = sorted(COLOURS) * 3
        found = BatchEmbedder(ToyEncoder(), 4).embed_texts(texts)
        np.testing.assert_allclose(found, ToyEncoder().encode_texts(texts))
