"""The only module that changes files: each write, sync, rename and removal goes through `system`.

One seam, so that tests can let every single step fail, stop half-way, or be the last thing that the
process does. What is made here belongs to its owner alone: files 0600, folders 0700.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FILE_MODE = 0o600
FOLDER_MODE = 0o700
MOST_BYTES = 255  # of a name
WIPED_AT_ONCE = 1 << 20  # bytes


class System:
    """The steps that change a disk. Each raises OSError."""

    def create(self, path: Path, mode: int = FILE_MODE, new: bool = False) -> int:
        """Open a file to write, made if it is not there, and return the descriptor.

        With `new` nothing may be there, no link either. Raises FileExistsError.
        """
        alone = os.O_EXCL | os.O_NOFOLLOW if new else 0
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | alone, mode)

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        """Write all of `data` at `offset`."""
        view = memoryview(data)
        while view:
            written = os.pwrite(descriptor, view, offset)
            view, offset = view[written:], offset + written

    def add(self, path: Path, data: bytes, mode: int = FILE_MODE) -> None:
        """Write `data` behind whatever is in a file, in one go, durably; the file is made."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(path, flags, mode)
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def truncate(self, descriptor: int, length: int) -> None:
        os.ftruncate(descriptor, length)

    def sync(self, descriptor: int) -> None:
        """Make what was written through `descriptor` durable; for a folder, its names."""
        os.fsync(descriptor)

    def rename(self, source: Path, target: Path) -> None:
        os.replace(source, target)

    def remove(self, path: Path) -> None:
        os.unlink(path)

    def make_folder(self, path: Path, mode: int = FOLDER_MODE) -> None:
        os.mkdir(path, mode)

    def take_name(self, path: Path, mode: int = FILE_MODE) -> None:
        """Make an empty file; of all that try, one succeeds. Raises FileExistsError."""
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode))

    def make_link(self, path: Path, target: str) -> None:
        """Make a symbolic link at `path`, where nothing may be."""
        os.symlink(target, path)

    def set_time(self, descriptor: int, mtime_ns: int) -> None:
        """Set when a file was last changed."""
        os.utime(descriptor, ns=(mtime_ns, mtime_ns))

    def remove_folder(self, path: Path) -> None:
        os.rmdir(path)


system = System()


def make_folders(path: Path) -> None:
    """Make a folder and those above it, durably; one that is there stays as it is."""
    if path.is_dir():
        return
    if path.parent != path:
        make_folders(path.parent)
    with suppress(FileExistsError):
        system.make_folder(path)
    sync_folder(path.parent)


def temporary_name(name: str) -> str:
    """The name of a file that is to become `name`: nobody can foresee it and put a link there."""
    end = f".{os.urandom(8).hex()}.tmp"
    while len(os.fsencode(name + end)) > MOST_BYTES:
        name = name[:-1]
    return name + end


def write_atomically(
    path: Path,
    data: bytes,
    mode: int = FILE_MODE,
    last_look: Callable[[], None] = lambda: None,
) -> None:
    """Write a file so that a crash leaves the old one or the new one, never a part.

    `last_look` is called when all is ready; where it raises, the old one stays.
    """
    temporary = path.with_name(temporary_name(path.name))
    descriptor = system.create(temporary, mode, True)
    try:
        try:
            system.write(descriptor, data, 0)
            system.sync(descriptor)
        finally:
            os.close(descriptor)
        last_look()
        system.rename(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(path.parent)


def append(path: Path, committed: int, data: bytes) -> None:
    """Write behind the first `committed` bytes, durably; what was there beyond them is cut off."""
    new = not path.exists()
    if new:
        make_folders(path.parent)
    with _opened(path) as descriptor:
        if os.fstat(descriptor).st_size != committed:
            system.truncate(descriptor, committed)
        system.write(descriptor, data, committed)
        system.sync(descriptor)
    if new:
        sync_folder(path.parent)


def append_line(path: Path, line: bytes) -> None:
    """Write a line at the end of a file, durably; any number of processes may do so at once.

    A line is written in one go, so lines do not mix. One that was torn before is ended first.
    """
    new = not path.exists()
    if new:
        make_folders(path.parent)
    elif not path.is_file():
        raise OSError(errno.EINVAL, "it is not a file")
    elif _is_torn(path):
        line = b"\n" + line
    system.add(path, line)
    if new:
        sync_folder(path.parent)


def _is_torn(path: Path) -> bool:
    """Whether the last line of a file has no end."""
    with path.open("rb") as file:
        length = file.seek(0, os.SEEK_END)
        file.seek(max(length - 1, 0))
        return file.read() not in (b"", b"\n")


def overwrite(path: Path, pieces: Iterator[tuple[int, bytes]]) -> None:
    """Write pieces (offset, bytes) into a file that is there, durably."""
    with _opened(path) as descriptor:
        for offset, data in pieces:
            system.write(descriptor, data, offset)
        system.sync(descriptor)


def create_empty(path: Path) -> None:
    """Make an empty file for the owner alone, unless it is there."""
    if not path.exists():
        with _opened(path):
            pass
        sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Make durable what another library wrote into a file."""
    with _opened(path) as descriptor:
        system.sync(descriptor)


def rename(source: Path, target: Path) -> None:
    """Rename durably; `target` is replaced."""
    system.rename(source, target)
    sync_folder(target.parent)


def remove(path: Path) -> None:
    """Remove a file durably; one that is not there is no error."""
    with suppress(FileNotFoundError):
        system.remove(path)
        sync_folder(path.parent)


def wipe(path: Path) -> None:
    """Overwrite a file and remove it, durably; one that is not there is no error.

    Of a link, and of a file with other names, only the name goes: the bytes are somebody's.
    """
    with suppress(FileNotFoundError):
        status = os.lstat(path)
        if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
            _fill(path)
    remove(path)


def _fill(path: Path) -> None:
    """Write zeros over all of a file, unless it has become a link. Raises OSError."""
    descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        size = os.fstat(descriptor).st_size
        for at in range(0, size, WIPED_AT_ONCE):
            system.write(descriptor, bytes(min(WIPED_AT_ONCE, size - at)), at)
        system.sync(descriptor)
    finally:
        os.close(descriptor)


def leave_note(path: Path, text: str) -> None:
    """Write what nothing depends on; it need not survive a crash."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, FILE_MODE)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text)


def take_note_away(path: Path) -> None:
    path.unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """Make names that were created, renamed or removed in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        system.sync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _opened(path: Path, mode: int = FILE_MODE) -> Iterator[int]:
    descriptor = system.create(path, mode)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
