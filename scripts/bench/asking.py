"""Questions from a terminal: when the first photos are on screen, the first word, the answer.

The command runs as a whole process on a terminal of its own, with the daemon running. The model is
a server of this process that answers at once, so what is measured is what comes on top of a model.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from scripts.bench.making import COMMAND, environment, make_collection, named, run, spread

MEANT = "Where did I photograph a dog on the beach?"
COUNTED = "How many photos did I take in 2005?"
#: The head of the table, or the sentence that says that nothing matches.
FIRST = re.compile(rb"rank +match|photos match")
WORD = b"Zanzibar"  # in no question and in no photo
REPLY = '{"known": true, "answer": [{"claim": "' + WORD.decode() + ' it is.", "cites": [1]}]}'


def measure(photos: int = 20_000, runs: int = 20, *, model: str = "mini") -> dict[str, Any]:
    """Milliseconds from the start of the process, over a collection of `photos` vectors.

    `first_ms` until the first photos are shown, `word_ms` until the first word of the model,
    `after_model_ms` from when the model said it until it is shown, `whole_ms` to the end.
    """
    with tempfile.TemporaryDirectory(prefix="ask-", dir="/tmp") as folder:
        place = Path(folder)
        env = environment(
            XDG_RUNTIME_DIR=folder,
            PYTHONPYCACHEPREFIX=f"{folder}/bytecode",
            RETRIEVAL_CACHE=f"{folder}/cache",
            RETRIEVAL_LEDGER=f"{folder}/ledger",
        )
        make_collection(place / "collection", photos, named(model, place), f"{folder}/cache")
        here = ("--collection", str(place / "collection"))
        run([*COMMAND, "daemon", "start", *here], env, place)
        try:
            return {
                "photos": photos,
                "model": model,
                "extractive": _repeat([*COMMAND, "ask", MEANT, *here], env, runs),
                "with_model": _with_model([*COMMAND, "ask", COUNTED, *here], env, runs),
            }
        finally:
            run([*COMMAND, "daemon", "stop"], env, place)


def _with_model(command: Sequence[str], env: Mapping[str, str], runs: int) -> dict[str, Any]:
    said: list[float] = []
    with _model(said) as url:
        return _repeat([*command, "--llm", url, "--llm-model", "scripted"], env, runs, said)


def _repeat(
    command: Sequence[str], env: Mapping[str, str], runs: int, said: list[float] | None = None
) -> dict[str, Any]:
    """The spread of each time over so many runs, after one that only warms up."""
    _times(command, env, said)
    measured = [_times(command, env, said) for _ in range(runs)]
    return {name: spread([1000 * times[name] for times in measured]) for name in measured[0]}


def _times(
    command: Sequence[str], env: Mapping[str, str], said: list[float] | None
) -> dict[str, float]:
    """Seconds of one run. Raises RuntimeError where the terminal does not show what it should."""
    ours, theirs = os.openpty()
    begun = time.perf_counter()
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=dict(env))
    os.close(theirs)
    shown, first, word = b"", 0.0, 0.0
    while piece := _read(ours):
        now = time.perf_counter()
        shown += piece
        first = first or now * bool(FIRST.search(shown))
        word = word or now * (WORD in shown)
    os.close(ours)
    if process.wait() or not first or (said is not None and not word):
        raise RuntimeError(f"the answer was not shown: {shown.decode(errors='replace')[-500:]}")
    times = {"first_ms": first - begun, "whole_ms": time.perf_counter() - begun}
    if said is not None:
        times |= {"word_ms": word - begun, "after_model_ms": word - said[-1]}
    return times


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # how Linux says that the other side is closed
        return b""


@contextmanager
def _model(said: list[float]) -> Iterator[str]:
    """A server of chats on 127.0.0.1 that says REPLY at once; `said` gets when it did."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None:
            pass

        def do_GET(self) -> None:
            self.send_error(404)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            said.append(time.perf_counter())
            for text, finish in ((REPLY, None), ("", "stop")):
                choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
                self.wfile.write(f"data: {json.dumps({'choices': [choice]})}\n\n".encode())
            self.wfile.write(b"data: [DONE]\n\n")

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    print(json.dumps(measure(*(int(argument) for argument in sys.argv[1:])), indent=2))
