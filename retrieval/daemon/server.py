"""The daemon itself: listens, answers, and ends when nobody has asked for a while.

A lock file, held for as long as the process lives, lets only one listen. No text of a query is
written anywhere.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.daemon import place, protocol
from retrieval.errors import RetrievalError

if TYPE_CHECKING:
    from retrieval.daemon.held import Holdings, Wanted

REQUEST_S = 10.0  # for a client to send its request, or to take the answer
ENDING_S = 10.0  # for searches that are going on when the daemon is to end
MOST_CLIENTS = 32
WAKE_S = 1.0
OTHER_PROGRAM = {"refused": f"this is {protocol.PROGRAM}"}


class Server:
    """Serves requests on the socket in `folder` until it is stopped or idle for `idle_s`."""

    def __init__(self, folder: Path, idle_s: float) -> None:
        self.folder = folder
        self.idle_s = idle_s
        self.served = 0
        self.started_at = time.time()
        self._holdings: Holdings | None = None
        self._ending = threading.Event()
        self._clients: set[threading.Thread] = set()
        self._last = time.monotonic()
        self._lock = threading.Lock()

    def run(self, warm: dict[str, Any] | None = None) -> None:
        """Serve, and load the collection `warm` meanwhile, if any, named as in a request.

        Raises LockedError if another process serves, OSError.
        """
        with place.only_one(self.folder):
            if warm:
                self.warm(warm)
            self._serve()

    def stop(self) -> None:
        """End soon; from any thread or signal handler."""
        self._ending.set()
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as knock:
            knock.setblocking(False)
            knock.connect(os.fspath(self.folder / place.SOCKET))  # wakes it up

    def warm(self, wanted: dict[str, Any]) -> None:
        """Load a collection in the background, as a request would name it."""

        def load() -> None:
            try:
                self._open_holdings().warm(_wanted(wanted))
            except Exception as exc:
                log(f"loading a collection failed with {type(exc).__name__}")

        self._in_background(load)

    # --- listening --------------------------------------------------------------------------

    def _serve(self) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            path = place.bind(listener, self.folder)
            mine = place.stamp(path)
            listener.listen(MOST_CLIENTS)
            listener.settimeout(min(WAKE_S, max(self.idle_s, 0.05)))
            threading.Thread(target=self._tidy, daemon=True).start()
            log(f"listening, process {os.getpid()}, {protocol.PROGRAM}")
            try:
                while not self._ending.is_set() and not self._is_idle():
                    self._accept(listener)
                    if place.stamp(path) != mine:
                        log("the socket was taken away; ending")
                        break
            finally:
                place.unbind(path, mine)
        self._end()
        log(f"ended, {self.served} requests served")

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            return
        except OSError:
            if self._ending.is_set():
                return
            time.sleep(WAKE_S)  # such as too many open files
            return
        with self._lock:
            busy = len(self._clients) >= MOST_CLIENTS
        if self._ending.is_set() or busy or protocol.peer_user(connection) != os.getuid():
            connection.close()
            return
        self._in_background(lambda: self._converse(connection))

    def _in_background(self, work: Any) -> None:
        def run() -> None:
            try:
                work()
            finally:
                with self._lock:
                    self._last = time.monotonic()
                    self._clients.discard(threading.current_thread())

        thread = threading.Thread(target=run, daemon=True)
        with self._lock:
            self._clients.add(thread)
        thread.start()

    def _tidy(self) -> None:
        """Look at what is held again and again: in a thread, as a disk may not answer."""
        while not self._ending.wait(WAKE_S):
            if self._holdings is not None:
                self._holdings.tidy()

    def _is_idle(self) -> bool:
        with self._lock:
            return not self._clients and time.monotonic() - self._last >= self.idle_s

    def _end(self) -> None:
        self._ending.set()
        until = time.monotonic() + ENDING_S
        with self._lock:
            waiting = list(self._clients)
        for thread in waiting:
            thread.join(max(until - time.monotonic(), 0))
        if self._holdings is not None and not any(thread.is_alive() for thread in waiting):
            self._holdings.close()

    # --- answering --------------------------------------------------------------------------

    def _converse(self, connection: socket.socket) -> None:
        # A client may leave at any time.
        with connection, connection.makefile("rb") as incoming, suppress(OSError):
            connection.settimeout(REQUEST_S)
            try:
                request = protocol.receive(incoming, protocol.MOST_BYTES)
            except protocol.ProtocolError as exc:
                protocol.send(connection, {"refused": str(exc)})
                return
            if request.get("protocol") == protocol.PROTOCOL:
                protocol.send(connection, protocol.RECEIVED)
            answer = self._answer(request)
            protocol.send(connection, answer)
            if request.get("ask") == "stop" or answer == OTHER_PROGRAM:
                self.stop()

    def _answer(self, request: dict[str, Any]) -> dict[str, Any]:
        ask = request.get("ask")
        if ask == "status":
            return {"result": self._status()}
        if ask == "stop":
            return {"result": {"process": os.getpid()}}
        if not _is_same_program(request):
            log("asked by another version of the program; ending")
            return OTHER_PROGRAM
        if ask not in ("search", "look", "warm"):
            return {"refused": "an unknown request"}
        try:
            if ask == "search":
                return self._search(request)
            if ask == "look":
                return self._look(request)
            self.warm(request["wanted"])
            return {"result": {}}
        except RetrievalError as exc:
            return {"error": [type(exc).__name__, str(exc)]}
        except Exception as exc:
            log(f"a request failed with {type(exc).__name__}")  # its text may tell the query
            return {"refused": f"it failed with {type(exc).__name__}"}

    def _search(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = _wanted(request["wanted"])
        query = protocol.query_from_json(request["query"])
        options = protocol.options_from_json(request["options"])
        result, notices = self._open_holdings().search(wanted, query, options)
        self._count()
        return {"result": protocol.plain(result), "notices": notices}

    def _look(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted, question = _wanted(request["wanted"]), str(request["question"])
        look, notices = self._open_holdings().look(wanted, question, int(request["k"]))
        self._count()
        return {"result": protocol.plain(look), "notices": notices}

    def _count(self) -> None:
        with self._lock:
            self.served += 1

    def _open_holdings(self) -> Holdings:
        from retrieval.daemon.held import Holdings  # numpy: not before the socket is there

        with self._lock:
            if self._holdings is None:
                self._holdings = Holdings()
            return self._holdings

    def _status(self) -> dict[str, Any]:
        return {
            "process": os.getpid(),
            "program": protocol.PROGRAM,
            "started_at": self.started_at,
            "idle_s": self.idle_s,
            "served": self.served,
            "memory_bytes": memory_bytes(),
            "socket": str(self.folder / place.SOCKET),
            "collections": self._holdings.describe() if self._holdings else [],
        }


def _wanted(values: dict[str, Any]) -> Wanted:
    from retrieval.daemon.held import Wanted
    from retrieval.encoders import EncoderSpec

    (model, device, precision, cache), (disk, inode) = values["spec"], values["catalog"]
    spec = EncoderSpec(model, device, precision, cache=cache)
    return Wanted(str(values["place"]), spec, (disk, inode))


def _is_same_program(request: dict[str, Any]) -> bool:
    return (request.get("protocol"), request.get("program")) == (
        protocol.PROTOCOL,
        protocol.PROGRAM,
    )


def memory_bytes() -> int:
    """Memory that this process holds now; where the system does not tell, the most it ever did."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        import resource

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


def log(text: str) -> None:
    """Write a line to stderr, which is the log of a daemon."""
    with suppress(OSError, ValueError):
        sys.stderr.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
        sys.stderr.flush()
