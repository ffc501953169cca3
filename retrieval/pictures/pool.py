"""Workers that decode: started when needed, as many as threads ask at once up to a few; watched."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from io import BufferedReader, FileIO

from retrieval.errors import ImageError
from retrieval.pictures import protocol
from retrieval.pictures.budget import Budget
from retrieval.pictures.guards import MAX_DECODE_BYTES
from retrieval.pictures.images import Claim, Picture

TIME_LIMIT = 20.0  # seconds for one picture, not counting the wait for memory,
BYTES_A_SECOND = 20 << 20  # and more for a large one: other programs may keep the computer busy
PIPE_BYTES = 1 << 20  # what a process may ask for without being root
WORKER_BYTES = 24 << 20  # what a worker holds of its own, beside the picture
MOST_WORKERS = 4  # decoders of HEIC and AVIF use several threads each; more would cost memory

_COMMAND = (sys.executable, "-P", "-m", "retrieval.pictures.worker")
_LATE = "its decoder took longer than {seconds:g} seconds and was stopped; save it as JPEG or PNG"
_NO_WORKER = "cannot be read: the process that decodes it could not be started"


class _Dead(Exception):
    """The worker is gone; the message says what that means for its picture."""


class Worker:
    """One process, used by one thread at a time."""

    def __init__(self, command: Sequence[str]) -> None:
        self.served = 0
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env=_environment(),
        )
        self._ready = False
        self._late = False
        self._seconds = TIME_LIMIT
        # Not buffered: what is in a buffer would be written twice after a fork.
        assert isinstance(self.process.stdin, FileIO)
        assert isinstance(self.process.stdout, FileIO)
        self._requests = self.process.stdin
        self._answers = BufferedReader(self.process.stdout)
        _widen(self._requests)
        _widen(self.process.stdout)

    def ask(self, data: bytes, least_side: int, claim: Claim) -> Picture:
        """Have one picture decoded. Raises ImageError; _Dead where the process is no more."""
        try:
            with ExitStack() as held:
                with self._in_time(TIME_LIMIT):
                    if not self._ready:
                        self._ready = protocol.receive(self._answers)[0] == protocol.READY
                    protocol.send(self._requests, protocol.DECODE, data, number=least_side)
                    kind, _, body = protocol.receive(self._answers)
                while kind == protocol.NEED:
                    held.close()  # one thing after the other: what came before is done with
                    need = protocol.unpack_need(body)
                    held.enter_context(claim(need))
                    with self._in_time(TIME_LIMIT + need // BYTES_A_SECOND):
                        protocol.send(self._requests, protocol.GO)
                        kind, _, body = protocol.receive(self._answers)
                if kind == protocol.PICTURE:
                    return protocol.unpack_picture(body)
        except (OSError, EOFError, ValueError) as exc:
            raise _Dead(self._epitaph()) from exc
        if kind != protocol.REFUSED:
            raise _Dead(self._epitaph())
        raise ImageError(body.decode("utf-8", "replace"))

    @contextmanager
    def _in_time(self, seconds: float) -> Iterator[None]:
        """End the process when it takes too long: reading from it and writing to it end as well."""
        self._seconds = seconds
        timer = threading.Timer(seconds, self._stop_late)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def _stop_late(self) -> None:
        self._late = True
        self.process.kill()

    def _epitaph(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(1)  # its pipes close a moment before it is gone
        code = self.process.poll()
        self.close()
        if self._late or code == -signal.SIGALRM:
            return _LATE.format(seconds=self._seconds)
        if not self._ready:
            return _NO_WORKER
        if code == -signal.SIGKILL:  # not by us; it may be better next time
            return "cannot be read: its decoder was killed, perhaps because memory ran out"
        return "its decoder crashed; the file is damaged, or made to do harm"

    def close(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self._close_pipes()
        self.process.wait()

    def forget(self) -> None:
        """In a forked child: let go of the parent's process without touching it."""
        self._close_pipes()
        self.process.returncode = 0  # else its end would be waited for

    def _close_pipes(self) -> None:
        self._requests.close()
        self._answers.close()


class Pool:
    """Lends workers to threads."""

    def __init__(self, budget: Budget, command: Sequence[str] = _COMMAND) -> None:
        self._budget = budget
        self._command = tuple(command)
        self._lock = threading.Lock()
        self._turns = threading.Semaphore(MOST_WORKERS)
        self._workers: set[Worker] = set()
        self._idle: list[Worker] = []

    def decode(self, data: bytes, least_side: int) -> Picture:
        """Decode in a worker. Raises ImageError, also where the worker crashed or hung."""
        with self._turns:
            return self._decode(data, least_side)

    def _decode(self, data: bytes, least_side: int) -> Picture:
        worker = self._borrow()
        try:
            return self._ask(worker, data, least_side)
        except _Dead as exc:
            if worker.served == 0 or "took longer" in str(exc):
                raise ImageError(str(exc)) from None
        # What it decoded before may be to blame, or the system: only a fresh one is believed.
        try:
            return self._ask(self._start(), data, least_side)
        except _Dead as exc:
            raise ImageError(str(exc)) from None

    def _ask(self, worker: Worker, data: bytes, least_side: int) -> Picture:
        whole = False
        try:
            picture = worker.ask(data, least_side, self._claim)
            whole = True
            return picture
        except ImageError:
            whole = True
            raise
        finally:
            self._give_back(worker, whole)

    def _claim(self, need: int) -> AbstractContextManager[None]:
        if need > self._budget.total // 2:  # then what idle workers hold counts as well
            with self._lock:
                idle, self._idle = self._idle, []
                self._workers.difference_update(idle)
            for worker in idle:
                worker.close()
        return self._budget.claim(need + WORKER_BYTES)

    def _borrow(self) -> Worker:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._start()

    def _start(self) -> Worker:
        try:
            worker = Worker(self._command)
        except OSError as exc:
            raise ImageError(f"{_NO_WORKER} ({exc.strerror or exc})") from exc
        with self._lock:
            self._workers.add(worker)
        return worker

    def _give_back(self, worker: Worker, whole: bool) -> None:
        with self._lock:
            if whole:
                worker.served += 1
                self._idle.append(worker)
                return
            self._workers.discard(worker)
        worker.close()

    def close(self) -> None:
        """End all workers; new ones are started when they are asked for."""
        with self._lock:
            workers, self._workers, self._idle = self._workers, set(), []
        for worker in workers:
            worker.close()

    def forget(self) -> None:
        """In a forked child: workers belong to the parent, and locks may be held by nobody."""
        for worker in self._workers:
            worker.forget()
        self._lock, self._turns = threading.Lock(), threading.Semaphore(MOST_WORKERS)
        self._workers, self._idle = set(), []


def _widen(stream: FileIO) -> None:
    """Give a pipe a larger buffer, where that is known: large pictures pass in fewer turns."""
    import fcntl

    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):  # the user has used up the share; it works as it is
            fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)


def _environment() -> dict[str, str]:
    """Ours, with the modules that we see; decoders that are small and give memory back."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(os.path.abspath(entry) for entry in sys.path),
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "2",
        "MALLOC_MMAP_THRESHOLD_": str(4 << 20),
        "MALLOC_TRIM_THRESHOLD_": str(4 << 20),
    }


BUDGET = Budget(MAX_DECODE_BYTES)
POOL = Pool(BUDGET)
atexit.register(POOL.close)


def _after_fork() -> None:
    POOL.forget()
    BUDGET.forget()


os.register_at_fork(after_in_child=_after_fork)
