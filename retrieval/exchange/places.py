"""Where exports go: files and folders outside of collections, written whole or not at all.

All is written under a temporary name beside its place and takes its name when it is complete. What
was there before is never replaced unasked. Each step goes through `storage.disk.system`.
"""

from __future__ import annotations

import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from retrieval.errors import ExchangeError, StorageError
from retrieval.storage import disk

# What is exported is the user's own, so its mode is as the umask says.
FILE_MODE = 0o666
FOLDER_MODE = 0o777
BUFFER_BYTES = 1 << 20
MOST_NAME_BYTES = 255


class _Output(io.RawIOBase):
    """A file that is written from its beginning to its end; counts and sums up what goes in."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self.size = 0
        self.crc32 = 0

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        disk.system.write(self._descriptor, part, self.size)
        self.size += len(part)
        self.crc32 = zlib.crc32(part, self.crc32)
        return len(part)

    def tell(self) -> int:
        return self.size


class Written(io.BufferedWriter):
    """A file on its way: `size` in bytes and `crc32` of all that was flushed."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self._output = _Output(descriptor)
        super().__init__(self._output, BUFFER_BYTES)

    @property
    def size(self) -> int:
        return self._output.size

    @property
    def crc32(self) -> int:
        return self._output.crc32


@contextmanager
def new_file(path: Path) -> Iterator[Written]:
    """A file at `path`, where none may be, made durable at the end. Raises OSError.

    It is not atomic by itself: it stands in a folder of `new_folder`, or is renamed by its caller.
    """
    descriptor = disk.system.create(path, FILE_MODE, True)
    try:
        with Written(descriptor) as file:
            yield file
            file.flush()
            disk.system.sync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def whole_file(target: Path, *, replace: bool) -> Iterator[Written]:
    """A file that stands at `target` once it is complete.

    Raises ExchangeError if something is there that is not to be replaced, StorageError.
    """
    if target.is_dir() or (os.path.lexists(target) and not replace):
        raise ExchangeError(
            f"{target} is there already and stays as it is. Name another place, or add --force "
            "to replace a file."
        )
    temporary = target.with_name(disk.temporary_name(f".{target.name}"))
    with _telling(target):
        try:
            with new_file(temporary) as file:
                yield file
            if replace:
                disk.rename(temporary, target)
            else:
                _move(temporary, target)
        except BaseException:
            with suppress(OSError):
                disk.remove(temporary)
            raise


@contextmanager
def whole_folder(target: Path, *, into_existing: bool = False) -> Iterator[Path]:
    """A folder to fill, whose content stands in `target` when all is done, or nothing of it.

    `target` must be missing or empty, or a folder to which `into_existing` adds; nothing in it is
    replaced. Raises ExchangeError, StorageError.
    """
    with _telling(target):
        there = os.path.lexists(target)
        if there and not target.is_dir():
            raise ExchangeError(f"{target} is a file. Name a folder that is new or empty.")
        if there and not into_existing and any(target.iterdir()):
            raise ExchangeError(f"{target} is not empty. Name a folder that is new or empty.")
        # In the folder itself where it is there: it may be a disk of its own.
        name = disk.temporary_name(f".{target.name}")
        temporary = target / name if there else target.with_name(name)
        try:
            disk.system.make_folder(temporary, FOLDER_MODE)
            yield temporary
            if there:
                _merge(temporary, target)
            else:
                disk.sync_folder(temporary)
                disk.rename(temporary, target)
        except BaseException:
            with suppress(OSError):
                remove_tree(temporary)
            raise


def make_folders(path: Path) -> None:
    """Make a folder of an export and those above it. Raises OSError."""
    if not path.is_dir():
        make_folders(path.parent)
        disk.system.make_folder(path, FOLDER_MODE)


def _merge(source: Path, target: Path) -> None:
    """Move all files below `source` to the same places below `target`, where nothing may be."""
    for folder, _, names in os.walk(source):
        place = target / os.path.relpath(folder, source)
        make_folders(place)
        for name in names:
            _move(Path(folder, name), place / name)
        disk.sync_folder(place)
    remove_tree(source)


def _move(source: Path, target: Path) -> None:
    """Rename to a name that nothing has. Raises FileExistsError otherwise."""
    # A rename replaces whatever is there, so the name is taken first, which only one can.
    disk.system.take_name(target, FILE_MODE)
    try:
        disk.rename(source, target)
    except BaseException:
        with suppress(OSError):
            disk.remove(target)
        raise


def remove_tree(path: Path) -> None:
    """Remove a temporary folder of ours with all in it; a link is removed, never followed."""
    if not os.path.isdir(path):
        return
    for folder, folders, names in os.walk(path, topdown=False):
        for name in names:
            disk.system.remove(Path(folder, name))
        for name in folders:
            inside = Path(folder, name)
            if inside.is_symlink():
                disk.system.remove(inside)
            else:
                disk.system.remove_folder(inside)
    disk.system.remove_folder(path)


def free_name(folders: tuple[Path, ...], name: str, after: int = 1) -> tuple[str, int]:
    """`name`, or "name (2)" and so on: one that is free in all `folders`, and its number.

    Numbers up to `after` are known to be taken. The suffix stays, and the name short enough.
    """
    stem, suffix = os.path.splitext(name)
    number, tried = after, name if after < 2 else _numbered(stem, suffix, after)
    while any(os.path.lexists(folder / tried) for folder in folders):
        number += 1
        tried = _numbered(stem, suffix, number)
    return tried, number


def _numbered(stem: str, suffix: str, number: int) -> str:
    tail = f" ({number}){suffix}"
    while stem and len(os.fsencode(stem + tail)) > MOST_NAME_BYTES:
        stem = stem[:-1]
    return stem + tail


@contextmanager
def _telling(target: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError as exc:
        raise ExchangeError(
            f"{exc.filename or target} came into being meanwhile and stays as it is; not all was "
            "exported. Name a folder that nothing else writes to."
        ) from exc
    except OSError as exc:
        raise StorageError(
            f"{exc.filename or target} cannot be written: {exc.strerror or exc}; nothing was "
            "exported. Free some space, or choose another place."
        ) from exc
