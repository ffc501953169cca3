"""A worker that does what its picture says: python -m tests.decoders."""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import Any

from retrieval.pictures import images, worker

COMMAND = (sys.executable, "-P", "-m", "tests.decoders")
_decode = images.decode


def misbehave(data: bytes, least_side: int, claim: Any) -> images.Picture:
    """Crash, hang, grow, print or die where the content asks for it, else decode."""
    word = data[:16].split(b" ")[0]
    if word == b"crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if word == b"abort":
        os.abort()
    if word == b"killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if word == b"hang":
        time.sleep(600)
    if word == b"spin":
        while True:
            pass
    if word == b"grow":
        held = []
        while True:
            held.append(bytes(64 << 20))
    if word == b"print":
        os.write(1, b"a decoder speaks")
        os.write(2, b"a decoder complains")
        data = data[6:]
    if word == b"once":
        picture = _decode(data[5:], least_side, claim)
        images.decode = die_next
        return picture
    if word == b"claim":
        with claim(int(data.split()[1])):
            time.sleep(float(data.split()[2]))
        data = data[64:]
    return _decode(data, least_side, claim)


def die_next(*_: Any) -> images.Picture:
    """What was decoded before has spoilt this process."""
    os.kill(os.getpid(), signal.SIGSEGV)
    raise AssertionError


if __name__ == "__main__":
    images.decode = misbehave
    worker.main()
