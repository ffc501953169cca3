"""A number of bytes that threads share: who wants more than is left, waits for its turn."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Budget:
    """Claims are met in the order in which they are made, so that a large one is met as well."""

    def __init__(self, total: int) -> None:
        self.total = total
        self._used = 0
        self._queue: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def claim(self, need: int) -> Iterator[None]:
        """Hold `need` bytes, or all there are where that is less; wait until they are free."""
        need = max(min(need, self.total), 0)
        ticket = object()
        with self._changed:
            self._queue.append(ticket)
            try:
                while self._queue[0] is not ticket or self._used + need > self.total:
                    self._changed.wait()
                self._used += need
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._used -= need
                self._changed.notify_all()

    def forget(self) -> None:
        """In a forked child: what other threads of the parent hold is not held here."""
        self._used = 0
        self._queue.clear()
        self._changed = threading.Condition()
