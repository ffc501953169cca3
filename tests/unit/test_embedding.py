"""Looking ahead in threads, and batches that shrink when memory ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval import embedding
from retrieval.embedding import IN_FLIGHT, MOST_BATCH, BatchEmbedder, BatchSearch, look_ahead
from retrieval.encoders import StreamingEncoder
from retrieval.errors import DeviceMemoryError
from tests.conftest import LONGEST_S
from tests.toy import COLOURS, StreamingToy, ToyEncoder


class TestLookAhead:
    @given(st.lists(st.integers()), st.integers(1, 4), st.integers(1, 5))
    def test_keeps_the_order(self, items: list[int], threads: int, ahead: int) -> None:
        assert list(look_ahead(items, lambda n: n * 2, threads, ahead)) == [n * 2 for n in items]

    def test_the_order_does_not_depend_on_speed(self) -> None:
        second = threading.Event()

        def work(n: int) -> int:
            if n == 0:
                assert second.wait(LONGEST_S)  # the first is done only after the second
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

    def test_the_bound_may_grow_on_the_way(self) -> None:
        bound, taken = 2, 0

        def items() -> Iterator[int]:
            nonlocal taken
            for number in range(1, 101):
                taken = number
                yield number

        results = look_ahead(items(), lambda n: n, threads=2, ahead=lambda: bound)
        assert next(results) == 1
        assert taken == 2
        bound = 10
        assert next(results) == 2
        assert taken == 11
        bound = 3
        assert list(results) == list(range(3, 101))

    def test_threads_go_on_while_the_caller_is_busy(self) -> None:
        done = threading.Semaphore(0)

        def work(n: int) -> int:
            done.release()
            return n

        results = look_ahead(range(100), work, threads=2, ahead=8)
        assert next(results) == 0
        for _ in range(8):  # all that may run ahead does, although nobody asks for it
            assert done.acquire(timeout=LONGEST_S)
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


class TestBatchSearch:
    @given(st.integers(0, 9), st.integers(1, 64))
    def test_stops_where_doubling_no_longer_pays(self, knee: int, first: int) -> None:
        """Up to 2^knee photos take as long as one; from there each costs its share."""
        search = BatchSearch(first)
        while not search.done:
            for number in range(embedding.TRIES):
                seconds = max(search.size, 2**knee) + (100 if number == 0 else 0)  # warming up
                search.record(search.size, seconds)
        best = max(first / max(first, 2**knee), search.rate)
        assert search.rate == best
        assert search.size / max(search.size, 2**knee) == best
        assert search.size <= max(MOST_BATCH, first)
        assert search.size == first or search.size // 2 < 2**knee  # no larger than it must be

    def test_parts_of_a_batch_tell_nothing(self) -> None:
        search = BatchSearch(8)
        for _ in range(9):
            search.record(7, 1.0)
        assert (search.size, search.done) == (8, False)

    def test_what_does_not_fit_ends_the_search(self) -> None:
        search = BatchSearch(8)
        for _ in range(embedding.TRIES):
            search.record(8, 1.0)
        assert search.size == 16
        search.too_large(16)
        assert (search.size, search.done) == (8, True)
        search.record(8, 0.001)
        assert search.size == 8

    def test_a_fixed_size_stays(self) -> None:
        search = BatchSearch(8, fixed=True)
        for seconds in (9.0, 2.0, 4.0):
            search.record(8, seconds)
        assert (search.size, search.done, search.rate) == (8, True, 4.0)


def photos(count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(count)
    return list(rng.integers(100, 255, (count, 1, 8, 8, 3)).astype(np.uint8))


class TestStreaming:
    def test_who_can(self) -> None:
        assert isinstance(StreamingToy(), StreamingEncoder)
        assert not isinstance(ToyEncoder(), StreamingEncoder)

    @given(st.lists(st.integers(0, 90), max_size=4), st.integers(0, 9), st.integers(1, 40))
    def test_the_result_is_the_same(self, counts: list[int], size: int, most: int) -> None:
        encoder = StreamingToy(most)
        embedder = BatchEmbedder(encoder, size)
        for count in counts:
            prepared = photos(count)
            found = embedder.embed_images(prepared)
            assert found.shape == (count, 3)
            assert found.dtype == np.float32
            for row, one in zip(found, prepared, strict=True):
                np.testing.assert_allclose(row, ToyEncoder().encode_images(one[None])[0], atol=1e-6)
        assert encoder.images_seen == sum(counts)
        assert encoder.flying == 0

    def test_batches_are_in_flight_once_the_size_is_known(self) -> None:
        encoder = StreamingToy()
        embedder = BatchEmbedder(encoder, 5)
        assert embedder.worth_gathering == 5 * IN_FLIGHT
        embedder.embed_images(photos(5 * embedding.TRIES))
        assert encoder.most_flying == 1  # each is timed on its own
        embedder.embed_images(photos(23))
        assert encoder.most_flying == IN_FLIGHT
        assert encoder.sizes[-5:] == [5, 5, 5, 5, 3]

    def test_the_size_is_found_and_kept(self) -> None:
        encoder = StreamingToy(most=20)
        embedder = BatchEmbedder(encoder)
        assert embedder.batch_size == 4
        embedder._search.record = lambda count, seconds: BatchSearch.record(  # type: ignore[method-assign]
            embedder._search, count, 1.0
        )  # as if every batch took a second, however large
        embedder.embed_images(photos(300))
        assert embedder.batch_size == 16  # 32 did not fit
        assert encoder.sizes[-2:] == [16, 300 - sum(encoder.sizes[:-1])]

    def test_a_single_photo_that_does_not_fit_is_an_error(self) -> None:
        with pytest.raises(DeviceMemoryError):
            BatchEmbedder(StreamingToy(most=0)).embed_images(photos(3))

    def test_the_size_that_the_user_chose_is_kept(self) -> None:
        embedder = BatchEmbedder(StreamingToy(), 3)
        embedder.embed_images(photos(50))
        assert embedder.batch_size == 3


class TestCompiling:
    @pytest.fixture
    def known(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """As if each photo took a second, and decoding no time."""
        monkeypatch.setattr(
            BatchEmbedder, "_stream", lambda self, encoder, prepared: np.zeros((len(prepared), 3))
        )
        monkeypatch.setattr(embedding, "COMPILE_SHARE", 0.0)

    @pytest.mark.usefixtures("known")
    @pytest.mark.parametrize(("to_come", "compiled"), [(0, []), (299, []), (301, [7])])
    def test_only_for_many_photos_and_once(self, to_come: int, compiled: list[int]) -> None:
        encoder = StreamingToy()
        embedder = BatchEmbedder(encoder, 7)
        embedder.embed_images(photos(7), 1_000_000)
        assert encoder.compiled == []  # the size is not known to be right yet
        embedder._search.rate, embedder._search.done = 1.0, True
        for _ in range(3):
            embedder.embed_images(photos(7), to_come)
        assert encoder.compiled == compiled

    @pytest.mark.usefixtures("known")
    def test_not_where_decoding_takes_longer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(embedding, "COMPILE_SHARE", 1.1)
        encoder = StreamingToy()
        embedder = BatchEmbedder(encoder, 7)
        embedder._search.rate, embedder._search.done = 1.0, True
        embedder.embed_images(photos(7), 1_000_000)
        assert encoder.compiled == []

    @pytest.mark.usefixtures("known")
    def test_a_failure_is_told(self) -> None:
        told: list[str] = []
        embedder = BatchEmbedder(StreamingToy(fails="It could not."), 7, told.append)
        embedder._search.rate, embedder._search.done = 1.0, True
        embedder.embed_images(photos(7), 1_000_000)
        assert told == ["It could not."]
