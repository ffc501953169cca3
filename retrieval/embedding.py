"""The batch embedder: decode ahead in threads, encode in batches of a size found by trying.

On a GPU one batch is computed while the next is on its way (`StreamingEncoder`).
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from retrieval.encoders import StreamingEncoder
from retrieval.errors import DeviceMemoryError
from retrieval.machine import available_cpus
from retrieval.records import NoticeCallback, ignore_notice

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.encoders import Encoder, Pending

DEFAULT_BATCH = 32
MOST_BATCH = 512  # photos of six such batches wait for the encoder: 0.5 GB at 224 pixels
IN_FLIGHT = 2  # batches on a GPU: one computed, one on its way
TRIES = 3  # of each batch size; the first pays for warming up
GROWTH = 1.03  # in photos a second, for a batch twice as large to be worth its memory
COMPILE_FROM_S = 300.0  # of encoding to come: compiling saves about a sixth and takes up to 60 s
COMPILE_SHARE = 0.5  # of the time that goes into encoding; below, decoding is what takes long

T = TypeVar("T")
R = TypeVar("R")


def look_ahead(
    items: Iterable[T],
    work: Callable[[T], R],
    threads: int = 0,
    ahead: int | Callable[[], int] = 3 * DEFAULT_BATCH,
) -> Generator[R, None, None]:
    """Yield `work(item)` in order, computed by threads at most `ahead` items in advance.

    The bound keeps memory flat however long the run is; it may grow while it lasts, with the
    batches that the items are gathered into. Threads go on while the caller is busy with a result,
    until `ahead` are waiting; `threads` 0 means one a processor. An error of `work` is raised here;
    threads still busy are waited for when the caller stops early.
    """
    count = threads or available_cpus()
    pending: deque[Future[R]] = deque()
    with ThreadPoolExecutor(count, thread_name_prefix="decode") as pool:
        try:
            for item in items:
                pending.append(pool.submit(work, item))
                while len(pending) >= (ahead() if callable(ahead) else ahead):
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


class BatchSearch:
    """Finds the batch size at which doubling stops to pay, and how many photos a second it makes.

    `fixed` keeps the first size and finds out the rate only.
    """

    def __init__(self, size: int, *, fixed: bool = False) -> None:
        self.size = size
        self.rate = 0.0  # photos a second at `size`, once known
        self.done = False
        self._fixed = fixed
        self._tried: list[float] = []

    def record(self, count: int, seconds: float) -> None:
        """Learn how long `count` photos took that were encoded on their own."""
        if self.done or count != self.size:
            return
        self._tried.append(count / max(seconds, 1e-9))
        if len(self._tried) < TRIES:
            return
        rate, self._tried = max(self._tried[1:]), []
        if rate < GROWTH * self.rate:
            self.size //= 2  # the smaller one was as good
            self.done = True
            return
        self.rate = rate
        self.done = self._fixed or 2 * self.size > MOST_BATCH
        if not self.done:
            self.size *= 2

    def too_large(self, count: int) -> None:
        """Learn that `count` photos do not fit: half as many are tried from now on, never more."""
        self.size = max(count // 2, 1)
        self.done = True


class BatchEmbedder:
    """Encodes any number of items in batches; a batch that does not fit is halved for good.

    `batch_size` 0 means 32, and on a GPU a size that is found by trying. It may change with every
    call, so a caller that gathers photos asks again what is `worth_gathering`.
    """

    def __init__(
        self, encoder: Encoder, batch_size: int = 0, on_notice: NoticeCallback = ignore_notice
    ) -> None:
        self.encoder = encoder
        self._streaming = encoder if isinstance(encoder, StreamingEncoder) else None
        self._on_notice = on_notice
        first = self._streaming.first_batch() if self._streaming else DEFAULT_BATCH
        fixed = batch_size > 0 or self._streaming is None
        self._search = BatchSearch(batch_size or first, fixed=fixed)
        self._begun = time.perf_counter()
        self._busy = 0.0  # seconds spent in embed_images
        self._may_compile = True

    @property
    def batch_size(self) -> int:
        """How many photos make a full batch now."""
        return self._search.size

    @property
    def worth_gathering(self) -> int:
        """How many photos one call of embed_images should get: all batches in flight at once."""
        return self.batch_size * (IN_FLIGHT if self._streaming else 1)

    def decode_ahead(self) -> int:
        """How many photos to decode in advance, so that threads stay busy during a call."""
        return max(3 * DEFAULT_BATCH, min(2 * self.worth_gathering, 4 * MOST_BATCH))

    def embed_images(
        self, prepared: Sequence[NDArray[np.uint8]], to_come: int = 0
    ) -> NDArray[np.float32]:
        """Encode n arrays of Encoder.prepare into float32 (n, dim).

        `to_come` is about how many photos will follow: many are worth some preparation.
        """
        encoder = self._streaming
        if encoder is None:
            return self._in_batches(
                prepared, lambda part: self.encoder.encode_images(np.stack(part))
            )
        begun = time.perf_counter()
        rows = self._stream(encoder, prepared)
        now = time.perf_counter()
        self._busy += now - begun
        if self._is_worth_compiling(to_come, now):
            self._may_compile = False
            if sentence := encoder.compile_images(self.batch_size):
                self._on_notice(sentence)
        return rows

    def _is_worth_compiling(self, to_come: int, now: float) -> bool:
        """Whether encoding will take long, and the run waits for it rather than for decoding."""
        search = self._search
        return (
            self._may_compile
            and search.done
            and to_come > COMPILE_FROM_S * search.rate > 0
            and self._busy > COMPILE_SHARE * (now - self._begun)
        )

    def _stream(
        self, encoder: StreamingEncoder, prepared: Sequence[NDArray[np.uint8]]
    ) -> NDArray[np.float32]:
        """Keep batches in flight; one at a time while their size is still being looked for."""
        rows = np.empty((len(prepared), encoder.dim), np.float32)
        flying: deque[tuple[slice, float, Pending]] = deque()
        start = 0
        while start < len(prepared) or flying:
            most = IN_FLIGHT if self._search.done else 1
            if start < len(prepared) and len(flying) < most:
                part = slice(start, min(start + self.batch_size, len(prepared)))
                begun = time.perf_counter()
                try:
                    flying.append((part, begun, encoder.submit_images(prepared[part])))
                except DeviceMemoryError:
                    if part.stop - part.start == 1:
                        raise
                    self._search.too_large(part.stop - part.start)
                    continue
                start = part.stop
            else:
                part, begun, pending = flying.popleft()
                rows[part] = pending.result()
                self._search.record(part.stop - part.start, time.perf_counter() - begun)
        return rows

    def embed_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode n texts into float32 (n, dim)."""
        return self._in_batches(texts, self.encoder.encode_texts)

    def _in_batches(
        self, items: Sequence[T], encode: Callable[[Sequence[T]], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        done: list[NDArray[np.float32]] = [np.empty((0, self.encoder.dim), np.float32)]
        start = 0
        while start < len(items):
            part = items[start : start + self.batch_size]
            try:
                done.append(encode(part))
            except DeviceMemoryError:
                if len(part) == 1:
                    raise
                self._search.too_large(len(part))
                continue
            start += len(part)
        return np.concatenate(done)
