"""Ask the daemon, start it and stop it.

A process that finds no daemon has lost two system calls; one that finds it needs neither numpy nor
a database to show what it answers.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval import errors
from retrieval.daemon import place as where
from retrieval.daemon import protocol
from retrieval.errors import DaemonError, RetrievalError, StorageError
from retrieval.records import Query, SearchOptions, SearchResult

if TYPE_CHECKING:
    from socket import socket
    from subprocess import Popen

CONNECT_S = 1.0
RECEIVED_S = 1.0  # one that was stopped or hangs accepts connections, and no more
ANSWER_S = 60.0  # the first search of a collection loads its vectors and the encoder
ENDING_S = 20.0
UNANSWERED_S = 1.0
START_S = 20.0
STARTS = 12  # each but the last ended because another daemon was still ending
POLL_S = 0.02
IDLE_S = 900.0
COMMAND = (sys.executable, "-P", "-m", "retrieval.daemon")
#: What depends on the process, its environment or its working directory, is tried in this one.
_NOT_TAKEN_OVER = (
    *(errors.EncoderError, errors.UnknownModelError, errors.ImageError),
    *(errors.MissingExtraError, StorageError),
)


# --- searching ------------------------------------------------------------------------------


def search(
    place: Path, spec: Sequence[str], query: Query, options: SearchOptions
) -> tuple[SearchResult, list[str]] | None:
    """The daemon's result for the collection at `place`, and notices to tell.

    None if there is no daemon, or if it is better done in this process. `spec` are model, device
    and precision. Raises what the same search in this process would raise.
    """
    asked = {"ask": "search", "query": protocol.plain(query), "options": protocol.plain(options)}
    answer = _answer(place, spec, asked)
    if answer is None:
        return None
    try:
        return protocol.result_from_json(answer.get("result")), _notices(answer)
    except protocol.ProtocolError:
        return None


def look(
    place: Path, spec: Sequence[str], question: str, k: int
) -> tuple[Query, SearchOptions, SearchResult, list[str]] | None:
    """What the answer to a question begins with: the search, its first page, notices to tell.

    The daemon plans the question, so that its hits are shown before this process has loaded what
    answering needs. None and errors as with `search`.
    """
    answer = _answer(place, spec, {"ask": "look", "question": question, "k": k})
    if answer is None:
        return None
    try:
        query, options, result = answer["result"]
        return (
            protocol.query_from_json(query),
            protocol.options_from_json(options),
            protocol.result_from_json(result),
            _notices(answer),
        )
    except (protocol.ProtocolError, KeyError, TypeError, ValueError):
        return None


def _answer(place: Path, spec: Sequence[str], asked: dict[str, Any]) -> dict[str, Any] | None:
    """What the daemon says about a collection; None where this process is to do it."""
    if where.socket_path() is None or (wanted := _wanted(place, spec)) is None:
        return None
    answer = _ask({"wanted": wanted, **asked}, ANSWER_S)
    if answer is None or "error" not in answer:
        return answer
    error = _error(answer["error"])
    if error is None or isinstance(error, _NOT_TAKEN_OVER):
        return None
    raise error


def _notices(answer: dict[str, Any]) -> list[str]:
    return [str(notice) for notice in answer.get("notices", [])]


def _wanted(place: Path, spec: Sequence[str]) -> dict[str, Any] | None:
    """How a collection is named to the daemon; None where only this process can know it."""
    model = spec[0]
    if not os.path.isabs(model) and os.path.exists(model):
        return None  # a checkpoint below the working directory
    try:
        status = os.stat(place / "catalog.db")
    except OSError:
        return None
    return {
        "place": os.fspath(place),
        "catalog": [status.st_dev, status.st_ino],
        "spec": list(spec),
    }


def _error(named: Any) -> RetrievalError | None:
    try:
        name, message = named
        kind = getattr(errors, name)
        return kind(message) if issubclass(kind, RetrievalError) else None
    except (AttributeError, TypeError, ValueError):
        return None


# --- asking ---------------------------------------------------------------------------------


def _connect() -> socket | None:
    path = where.socket_path()
    if path is None:
        return None
    import socket

    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(CONNECT_S)
    try:
        connection.connect(os.fspath(path))
        if protocol.peer_user(connection) == os.getuid():
            return connection
    except OSError:
        pass  # one that was killed, or just ends
    connection.close()
    return None


def _ask(request: dict[str, Any], answer_s: float | None = None) -> dict[str, Any] | None:
    """The answer, which may take `answer_s` or else RECEIVED_S.

    None if there is no daemon, or it hangs or refuses.
    """
    if (connection := _connect()) is None:
        return None
    head = {"protocol": protocol.PROTOCOL, "program": protocol.PROGRAM}
    with connection, connection.makefile("rb") as incoming:
        try:
            connection.settimeout(RECEIVED_S)
            protocol.send(connection, {**head, **request})
            answer = protocol.receive(incoming)
            if answer == protocol.RECEIVED:
                connection.settimeout(answer_s or RECEIVED_S)
                answer = protocol.receive(incoming)
        except (protocol.ProtocolError, OSError):
            return None
    return None if "refused" in answer else answer


# --- starting and stopping ------------------------------------------------------------------


def status() -> dict[str, Any] | None:
    """What the daemon says of itself; None if there is none."""
    answer = _ask({"ask": "status"})
    found = None if answer is None else answer.get("result")
    return found if isinstance(found, dict) else None


def start(
    *, idle_s: float = IDLE_S, warm: tuple[Path, Sequence[str]] | None = None
) -> dict[str, Any]:
    """Start the daemon unless it runs, and return its status when it answers.

    `warm` is a collection to load at once, and its encoder's spec; one that runs loads it as well.
    `idle_s` is that of a new one. Raises DaemonError, StorageError.
    """
    running = status()
    if running is not None and running.get("program") == protocol.PROGRAM:
        if warm is not None and (wanted := _wanted(*warm)) is not None:
            _ask({"ask": "warm", "wanted": wanted})
        return running
    if running is not None:
        stop()
    until = time.monotonic() + START_S
    for _ in range(STARTS):
        socket = where.socket_stamp()
        process = _spawn(idle_s, warm)
        try:
            if (running := _when_it_answers(process, until)) is not None:
                return running
            code = process.poll()
        finally:
            _let_go(process)
        if code != 0:
            break
        holder = where.holder()
        if holder is not None and socket is not None and socket == where.socket_stamp():
            raise _hangs(holder)  # one that is ending has taken its socket away
    log = where.runtime_folder() / where.LOG
    raise DaemonError(f"The daemon did not start. See {log} for the reason.")


def _when_it_answers(process: Popen[bytes], until: float) -> dict[str, Any] | None:
    """What a daemon says of itself, this one or another; None if this one ended, or too late."""
    while (running := status()) is None:
        if process.poll() is not None or time.monotonic() > until:
            return None
        time.sleep(POLL_S)
    if running["process"] != process.pid:  # another was faster, so this one ends soon
        process.wait(START_S)
    return running


def start_later(*, idle_s: float = IDLE_S, warm: tuple[Path, Sequence[str]] | None = None) -> None:
    """The same without waiting for it. Raises DaemonError, StorageError."""
    _let_go(_spawn(idle_s, warm))


def _let_go(process: Popen[bytes]) -> None:
    process.returncode = 0  # nobody waits for its end: it lives on, and Python need not warn


def _spawn(idle_s: float, warm: tuple[Path, Sequence[str]] | None) -> Popen[bytes]:
    """A daemon that belongs to no terminal; one that finds another listening ends at once."""
    import json
    import subprocess

    folder = where.make_runtime_folder()
    options = {"idle_s": idle_s, "warm": _wanted(*warm) if warm else None}
    try:
        with where.open_log(folder) as log:
            return subprocess.Popen(
                [*COMMAND, json.dumps(options)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                # The same modules, wherever this process found them.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(_import_path())},
            )
    except OSError as exc:
        raise DaemonError(
            f"The daemon cannot be started: {exc.strerror or exc}. Look at {folder}."
        ) from exc


def _import_path() -> list[str]:
    return [os.path.abspath(folder) for folder in sys.path]


def stop() -> bool:
    """End the daemon and wait until it has; False if there is none. Raises DaemonError."""
    begun, asked = time.monotonic(), False
    while (holder := where.holder()) is not None:
        # Again and again: another one may have been about to start.
        asked = _ask({"ask": "stop"}) is not None or asked
        if time.monotonic() - begun > (ENDING_S if asked else UNANSWERED_S):
            raise _hangs(holder)
        time.sleep(POLL_S)
    return asked


def _hangs(holder: str) -> DaemonError:
    return DaemonError(
        f"The daemon, process {holder}, does not answer. End it with: kill -9 {holder}"
    )
