"""How long something may still take: a limit that whoever waits keeps, however deep it is called.

`within` sets it for the block, and what is called in it sees the nearest end of all that surround
it. So a second look of ten seconds limits each request that a judge makes, and needs no parameter
through judges, models and servers.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_END: ContextVar[float | None] = ContextVar("end", default=None)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """In the block at most `seconds` are left, or fewer where fewer were left before."""
    end = time.monotonic() + max(seconds, 0.0)
    before = _END.get()
    token = _END.set(end if before is None else min(end, before))
    try:
        yield
    finally:
        _END.reset(token)


def seconds_left() -> float | None:
    """Seconds until the limit, 0 once it is reached; None without one."""
    end = _END.get()
    return None if end is None or end == math.inf else max(end - time.monotonic(), 0.0)
