"""The process that decodes what may be hostile: python -m retrieval.pictures.worker.

It reads requests from its standard input until that ends, which it also does when the parent dies.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from typing import BinaryIO

from retrieval.errors import ImageError
from retrieval.pictures import guards, images, protocol

TIME_LIMIT = 120  # seconds a picture, a second line behind the parent's: the parent may be gone
SLACK_BYTES = 320 << 20  # address space that is taken but not used: stacks, arenas, libraries


def main() -> None:
    """Answer requests until standard input ends."""
    requests, answers = _private_streams()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # meant for the parent, whose end is ours
    _limit_resources()
    protocol.send(answers, protocol.READY)
    with suppress(EOFError, OSError):  # the parent is gone, or wants no more
        while True:
            kind, least_side, data = protocol.receive(requests)
            if kind != protocol.DECODE:
                return
            _answer(requests, answers, least_side, data)


def _private_streams() -> tuple[BinaryIO, BinaryIO]:
    """Standard input and output for us alone: a decoder that prints must not be an answer."""
    requests, answers = os.fdopen(os.dup(0), "rb"), FileIO(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    return requests, answers


def _limit_resources() -> None:
    """Bound memory, and leave no core file behind. Where a limit is not known, there is none."""
    import resource

    most = guards.MAX_DECODE_BYTES + SLACK_BYTES
    with suppress(OSError, ValueError):
        with open("/proc/self/statm", "rb") as file:
            most += int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _answer(requests: BinaryIO, answers: BinaryIO, least_side: int, data: bytes) -> None:
    @contextmanager
    def claim(need: int) -> Iterator[None]:
        signal.alarm(0)
        protocol.send(answers, protocol.NEED, protocol.pack_need(need))
        if protocol.receive(requests)[0] != protocol.GO:
            raise EOFError
        signal.alarm(TIME_LIMIT)
        yield

    signal.alarm(TIME_LIMIT)
    try:
        parts = protocol.pack_picture(images.decode(data, least_side, claim))
        kind = protocol.PICTURE
    except ImageError as exc:
        kind, parts = protocol.REFUSED, (str(exc).encode("utf-8", "replace"), b"")
    except MemoryError:
        kind, parts = protocol.REFUSED, (b"does not fit into memory; save a smaller copy", b"")
    finally:
        signal.alarm(0)
    protocol.send(answers, kind, *parts)


if __name__ == "__main__":
    main()
