"""Where the time of an indexing run goes: clocks around each stage, added up as the run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from typing import TypeVar

from retrieval.pictures import seconds_in_workers
from retrieval.records import StageTimes

T = TypeVar("T")


class Stages:
    """Adds up seconds by stage. Only the thread that runs the work may use it."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self.clock = clock
        self._seconds: dict[str, float] = {}

    def add(self, stage: str, seconds: float) -> None:
        """Add to a stage, named as a field of StageTimes."""
        self._seconds[stage] = self._seconds.get(stage, 0.0) + seconds

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the wall time of what is done inside."""
        begun = self.clock()
        try:
            yield
        finally:
            self.add(stage, self.clock() - begun)

    def waiting_for(self, results: Generator[T, None, None]) -> Iterator[T]:
        """Hand on what `results` yields, and count the time until each is there as `waiting`."""
        try:
            while True:
                with self.timed("waiting"):
                    result = next(results, None)
                if result is None:
                    return
                yield result
        finally:
            results.close()

    def note_file(self, spent: Stopwatch) -> None:
        """Add what a thread spent on a file."""
        self.add("read", spent.seconds["read"])
        self.add("decode", spent.seconds["decode"])
        # All threads wait for the same encoder, and so does the one that runs the work.
        self._seconds["load"] = max(self._seconds.get("load", 0.0), spent.seconds["load"])

    def times(self) -> StageTimes:
        """What was counted so far."""
        times = StageTimes(**self._seconds)
        return replace(times, waiting=max(times.waiting - times.load, 0.0))


class Stopwatch:
    """What one thread spends on one file: reading and loading on the wall, decoding of its CPU.

    Decoding in a worker process is another's CPU time, so waiting for it counts instead.
    """

    def __init__(self) -> None:
        self.seconds = {"read": 0.0, "load": 0.0, "decode": 0.0}

    def reading(self) -> AbstractContextManager[None]:
        """Count what is done inside as reading."""
        return self._measured("read", time.perf_counter)

    def loading(self) -> AbstractContextManager[None]:
        """Count what is done inside as waiting for the encoder."""
        return self._measured("load", time.perf_counter)

    def decoding(self) -> AbstractContextManager[None]:
        """Count what is done inside as decoding."""
        return self._measured("decode", lambda: time.thread_time() + seconds_in_workers())

    @contextmanager
    def _measured(self, stage: str, clock: Callable[[], float]) -> Iterator[None]:
        begun = clock()
        try:
            yield
        finally:
            self.seconds[stage] += clock() - begun
