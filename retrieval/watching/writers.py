"""Whether another program is still writing to a file."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress


def is_being_written(path: str) -> bool:
    """Whether a program has the file open to write; False where the system does not tell.

    Linux gives out a lease for reading only while nobody can write (fcntl(2), F_SETLEASE); it is
    let go at once. Leases are for the owner of a file; others learn nothing.
    """
    if sys.platform != "linux":
        return False
    import fcntl

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        # Whoever opens the file to write meanwhile waits until we let go, and we get this signal,
        # which does nothing; the one that comes otherwise would end the process.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except BlockingIOError:
        return True
    except OSError:
        return False
    else:
        with suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
        return False
    finally:
        os.close(descriptor)
