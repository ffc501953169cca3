"""The batch embedder: decode ahead in threads, encode in batches, halve them when memory ends."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from retrieval.errors import DeviceMemoryError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.encoders import Encoder

DEFAULT_BATCH = 32

T = TypeVar("T")
R = TypeVar("R")


def look_ahead(
    items: Iterable[T], work: Callable[[T], R], threads: int = 0, ahead: int = 3 * DEFAULT_BATCH
) -> Generator[R, None, None]:
    """Yield `work(item)` in order, computed by threads at most `ahead` items in advance.

    The bound keeps memory flat however long the run is. Threads go on while the caller is busy
    with a result, until `ahead` are waiting; `threads` 0 means one a processor. An error of `work`
    is raised here; threads still busy are waited for when the caller stops early.
    """
    count = threads or _processors()
    pending: deque[Future[R]] = deque()
    with ThreadPoolExecutor(count, thread_name_prefix="decode") as pool:
        try:
            for item in items:
                pending.append(pool.submit(work, item))
                if len(pending) >= ahead:
                    yield pending.popleft().result()
            while pending:
                yield pending.popleft().result()
        finally:
            for future in pending:
                future.cancel()


def _processors() -> int:
    """How many this process may use, which in a container is fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # pragma: no cover - macOS only


class BatchEmbedder:
    """Encodes any number of items in batches; a batch that does not fit is halved for good."""

    def __init__(self, encoder: Encoder, batch_size: int = 0) -> None:
        self.encoder = encoder
        self.batch_size = batch_size or DEFAULT_BATCH

    def embed_images(self, prepared: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """Encode n arrays of Encoder.prepare into float32 (n, dim)."""
        return self._in_batches(prepared, lambda part: self.encoder.encode_images(np.stack(part)))

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
                self.batch_size = max(len(part) // 2, 1)
                continue
            start += len(part)
        return np.concatenate(done)
