"""Where the daemon's socket, lock and log lie. Nothing there outlives the user's session.

The folder is private: whoever can open the socket may search the user's photos.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from retrieval.errors import LockedError, StorageError

if TYPE_CHECKING:
    from socket import socket

LONGEST = 100  # bytes of a socket's path; systems take 104 or 108
SOCKET, LOCK, LOG = "socket", "lock", "daemon.log"
MOST_LOG = 1 << 20  # bytes
LOCK_S = 1.0  # whoever asks who holds the lock holds it for a moment
POLL_S = 0.02


def runtime_folder() -> Path:
    """The user's folder for what lives as long as a session."""
    given = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.path.isabs(given):
        return Path(given) / "retrieval"
    return Path(os.environ.get("TMPDIR") or "/tmp") / f"retrieval-{os.getuid()}"


def is_private(folder: Path) -> bool:
    """Whether a folder is there, is the user's own, and lets nobody else in."""
    try:
        status = os.lstat(folder)
    except OSError:
        return False
    mine = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
    return mine and not status.st_mode & 0o077


def make_runtime_folder() -> Path:
    """The runtime folder, made if it is not there. Raises StorageError if it is not private."""
    folder = runtime_folder()
    if len(os.fsencode(folder / SOCKET)) > LONGEST:
        raise StorageError(
            f"{folder} is too long a name for a socket. Set XDG_RUNTIME_DIR to a shorter one."
        )
    try:
        os.makedirs(folder.parent, 0o700, exist_ok=True)
        if not os.path.lexists(folder):
            os.mkdir(folder, 0o700)
    except FileExistsError:
        pass  # another process made it just now
    except OSError as exc:
        raise StorageError(
            f"{folder} cannot be made: {exc.strerror}. Set XDG_RUNTIME_DIR to a folder of yours."
        ) from exc
    for each in (folder.parent, folder):
        if not os.path.isdir(each):
            raise StorageError(
                f"{each} is a file. Remove it, or set XDG_RUNTIME_DIR to a folder of yours."
            )
    if not is_private(folder):
        raise StorageError(
            f"{folder} is open to others or not yours. Remove it, or set XDG_RUNTIME_DIR to a "
            "folder of yours."
        )
    return folder


def socket_path() -> Path | None:
    """The socket, if there is one in a private folder; whether anybody listens is not known."""
    folder = runtime_folder()
    path = folder / SOCKET
    return path if os.path.lexists(path) and is_private(folder) else None


def socket_stamp() -> tuple[int, int] | None:
    """Which file the socket is; None if there is none."""
    path = socket_path()
    return None if path is None else stamp(path)


def bind(listener: socket, folder: Path) -> Path:
    """Bind a socket in `folder`, whose lock must be held. Raises OSError."""
    path = folder / SOCKET
    path.unlink(missing_ok=True)  # of a daemon that was killed
    listener.bind(os.fspath(path))
    path.chmod(0o600)
    return path


def stamp(path: Path) -> tuple[int, int] | None:
    """Which file is there; None if there is none, such as after the user's session ended."""
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def unbind(path: Path, mine: tuple[int, int] | None) -> None:
    """Remove the socket, unless it is another one by now."""
    if mine is not None and stamp(path) == mine:
        path.unlink(missing_ok=True)


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the lock that one daemon holds while it lives.

    Raises LockedError if another does, and goes on doing so for LOCK_S.
    """
    lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        until = time.monotonic() + LOCK_S
        while not _try_lock(lock):
            if time.monotonic() > until:
                raise LockedError("Another daemon is listening already.")
            time.sleep(POLL_S)
        os.ftruncate(lock, 0)
        os.write(lock, b"%d\n" % os.getpid())
        yield
    finally:
        os.close(lock)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def holder() -> str | None:
    """The process that holds the lock; None if nobody does."""
    try:
        descriptor = os.open(runtime_folder() / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return os.read(descriptor, 20).decode("ascii", "replace").strip() or "unknown"
    finally:
        os.close(descriptor)
    return None


def open_log(folder: Path) -> BinaryIO:
    """The log, to write behind what is there; a long one begins anew. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    log = open(os.open(folder / LOG, flags, 0o600), "ab")  # noqa: SIM115
    if log.tell() > MOST_LOG:
        log.truncate(0)
    return log
