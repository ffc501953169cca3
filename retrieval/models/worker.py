"""The process that llama.cpp runs in, started by `engine`.

What llama.cpp asserts ends its process, and no Python code can catch that: here it ends only this
one. It reads lines of JSON from its standard input until that ends, which it also does when the
parent dies: first {"load": settings}, then {"ask": request} and {"stop": true} in turn. It answers
in lines: {"loaded": address} or {"missing": why} or {"failed": why}; then for each request
{"piece": chunk}, as often as the model writes, and {"end": true} or {"failed": why}. Its standard
error is a pipe that carries nothing: on Linux its end kills this process, whatever it does.
"""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import select
import signal
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from io import FileIO
from typing import Any, BinaryIO


def main() -> None:
    """Answer requests until standard input ends."""
    _end_with_parent()
    requests, answers = _private_streams()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the parent, which will say so
    _leave_no_core()
    told = _Answers(answers)
    engine = _load(json.loads(requests.readline())["load"], told)
    stop = threading.Event()
    for line in requests if engine else ():
        message = json.loads(line)
        if "ask" in message:
            stop.clear()
            work = (engine, message["ask"], told, stop)
            threading.Thread(target=_answer, args=work, daemon=True).start()
        else:
            stop.set()
    os._exit(0)  # whatever llama.cpp is doing


class _Answers:
    """Writes lines, one at a time; ends the process where nobody reads them any more."""

    def __init__(self, stream: FileIO) -> None:
        self._stream = stream

    def say(self, message: Mapping[str, Any]) -> None:
        left = memoryview(json.dumps(message).encode("ascii") + b"\n")
        try:
            while left:
                left = left[self._stream.write(left) :]
        except OSError:
            os._exit(0)


def _private_streams() -> tuple[BinaryIO, FileIO]:
    """Standard input and output for us alone: what llama.cpp prints must not be an answer."""
    requests, answers = os.fdopen(os.dup(0), "rb"), FileIO(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    return requests, answers


def _end_with_parent() -> None:
    """Have the kernel kill this process once nobody holds the other end of standard error.

    No Python code runs while llama.cpp loads a model or reads a prompt. A signal at the parent's
    death (PR_SET_PDEATHSIG) would come when the thread ends that started this process.
    """
    if sys.platform != "linux":
        return  # the end of standard input is seen a little later
    pipe = os.dup(2)
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETSIG, signal.SIGKILL)
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)
    state = select.poll()
    state.register(pipe, 0)
    if state.poll(0):  # it ended before
        os._exit(0)


def _leave_no_core() -> None:
    import resource

    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _load(settings: Mapping[str, Any], told: _Answers) -> Any:
    """The engine; None where it cannot be had, which was told.

    It opens a port on 127.0.0.1 whether that is wanted or not: it gets a random key that nobody is
    told.
    """
    try:
        import xllamacpp
    except ImportError as exc:
        told.say({"missing": str(exc)})
        return None
    params = xllamacpp.CommonParams()
    params.verbosity = -1  # nothing to stderr
    params.model.path = settings["model"]
    if settings["mmproj"]:
        params.mmproj.path = settings["mmproj"]
    else:  # a picture is read in one piece, which may be larger
        params.n_batch = params.n_ubatch = settings["batch"]
    params.n_ctx = settings["context"]
    params.n_parallel = 1
    params.cpuparams_batch.n_threads = settings["reading_threads"]
    params.cpuparams.n_threads = settings["writing_threads"]
    params.warmup = False
    params.cache_ram_mib = 0  # of prompts that were put aside; it would take up to 8 GB
    params.enable_reasoning = 0
    params.api_keys = [secrets.token_hex(32)]
    params.ui = False
    params.endpoint_slots = False
    try:
        engine = xllamacpp.Server(params)
    except Exception as exc:
        told.say({"failed": str(exc), "version": xllamacpp.__version__})
        return None
    told.say({"loaded": engine.listening_address})
    return engine


def _answer(engine: Any, request: Mapping[str, Any], told: _Answers, stop: threading.Event) -> None:
    """Hand on the pieces of a reply; the wish to stop is seen at the next one."""

    def take(chunk: dict[str, Any]) -> bool:
        told.say({"piece": chunk})
        return stop.is_set()

    try:
        engine.handle_chat_completions(request, take)
    except Exception as exc:
        told.say({"failed": str(exc)})
    else:
        told.say({"end": True})
