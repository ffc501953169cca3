"""llama.cpp in a process of its own, as the parent sees it: started when it is needed, watched.

A damaged model, or memory that ends, takes that process down and no other. So does whoever is
interrupted while it does not listen: the next request starts it anew.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Generator, Mapping
from contextlib import suppress
from typing import Any

from retrieval.models.limits import seconds_left

STOP_S = 3.0  # for a request to end that is no longer wanted; then the process is ended
_READ = 1 << 16  # bytes read at a time
#: Its modules are ours, from where ours are; set when it runs, lest a folder hide Python's own.
_START = "import sys; sys.path[:] = sys.argv[1:]; from retrieval.models.worker import main; main()"


class Late(Exception):
    """The time of `limits.within` is over; what was begun goes on."""


class Dead(Exception):
    """The process ended; the message says why, as the end of a sentence."""


class Unloadable(Exception):
    """The model was not loaded; the message is llama.cpp's. `version` is that of xllamacpp."""

    def __init__(self, message: str, version: str) -> None:
        super().__init__(message)
        self.version = version


class Engine:
    """One process, used by one thread at a time.

    `settings` are those of `worker`. `address` is that of its port once the model is loaded.
    """

    def __init__(self, settings: Mapping[str, Any]) -> None:
        """Start it, and the loading. Raises OSError where no process can be started."""
        self.address = ""
        self._kept = b""
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-c", _START, *map(os.path.abspath, sys.path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,  # by whose end it notices ours
            bufsize=0,
            env={**os.environ, "GGML_NO_BACKTRACE": "1"},  # by a debugger, which takes long
        )
        self._end = weakref.finalize(self, _end, self._process)
        with suppress(Dead):  # which is told by whoever waits for it
            self._send({"load": dict(settings)})

    @property
    def alive(self) -> bool:
        """Whether it may answer."""
        return self._end.alive and self._process.poll() is None

    def close(self) -> None:
        """End the process, whatever it does."""
        self._end()

    def wait_until_loaded(self) -> None:
        """Raises Late, and may be called again then; Dead, Unloadable, ImportError."""
        if self.address:
            return
        try:
            message = self._receive()
        except Late:
            raise
        except BaseException:
            self.close()
            raise
        if address := message.get("loaded"):
            self.address = str(address)
            return
        self.close()
        if "missing" in message:
            raise ImportError(message["missing"])
        raise Unloadable(str(message.get("failed")), str(message.get("version")))

    def chunks(self, request: Mapping[str, Any]) -> Generator[dict[str, Any]]:
        """The pieces of a streamed reply. Closing it ends the request.

        Raises Late, Dead, and RuntimeError with what llama.cpp says.
        """
        self.wait_until_loaded()
        over = False
        try:
            self._send({"ask": dict(request)})
            while "piece" in (message := self._receive()):
                yield message["piece"]
            over = True
            if "failed" in message:
                raise RuntimeError(message["failed"])
        finally:
            if not over:
                self._stop()

    def _stop(self) -> None:
        """Have a request ended that is no longer wanted, or the process."""
        stopped = False
        until = time.monotonic() + STOP_S
        try:
            with suppress(Dead, Late):
                self._send({"stop": True})
                while not stopped:
                    message = self._receive(until)
                    stopped = "end" in message or "failed" in message
        finally:
            if not stopped:
                self.close()

    def _send(self, message: Mapping[str, Any]) -> None:
        assert self._process.stdin is not None
        left = memoryview(json.dumps(message).encode("ascii") + b"\n")
        try:
            while left:
                left = left[self._process.stdin.write(left) :]
        except (OSError, ValueError) as exc:
            raise Dead(self._epitaph()) from exc

    def _receive(self, until: float | None = None) -> dict[str, Any]:
        """The next message, before `until` or the limit of `within`. Raises Late, Dead."""
        assert self._process.stdout is not None
        while b"\n" not in self._kept:
            left = seconds_left() if until is None else max(until - time.monotonic(), 0.0)
            try:
                file = self._process.stdout.fileno()
                if not select.select([file], [], [], left)[0]:
                    raise Late
                piece = os.read(file, _READ)
            except (OSError, ValueError) as exc:
                raise Dead(self._epitaph()) from exc
            if not piece:
                raise Dead(self._epitaph())
            self._kept += piece
        line, _, self._kept = self._kept.partition(b"\n")
        try:
            message = json.loads(line)
        except ValueError:  # a piece that an interruption lost
            message = {}
        return message if isinstance(message, dict) else {}

    def _epitaph(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(1)  # its pipes close a moment before it is gone
        code = self._process.poll()
        self.close()
        if code == -signal.SIGKILL:  # not by us
            return "was killed, perhaps because memory ran out"
        return "crashed"


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    process.wait()
