"""The seal of a catalog: what its file was like when it was last known to be whole.

SQLite notices a damaged structure but not a changed value, so a flipped bit in a path or a row
number would be served. `catalog.seal` holds the length and the CRC-32 of the database file as of
one generation, and the newest generation that was committed. A reader compares: the same generation
with other bytes is damage, and a generation older than the newest means that commits were lost.

While a run commits, the seal may lag behind (sealing reads the whole file); such a catalog is
checked by SQLite's own integrity check before anything is written to it again.
"""

from __future__ import annotations

import os
import threading
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from retrieval.errors import CorruptError, StorageError
from retrieval.storage.checked import read_checked, write_checked

PIECE = 1 << 20  # bytes read at a time


@dataclass(frozen=True, slots=True)
class Seal:
    """`generation` is the newest committed; the bytes are those of generation `sealed`."""

    generation: int
    sealed: int = -1
    bytes: int = 0
    checksum: int = 0

    def fits(self, size: int, checksum: int) -> bool:
        """Whether a file of this size and checksum is the one that was sealed."""
        return (self.bytes, self.checksum) == (size, checksum)


def seal_path(catalog: Path) -> Path:
    """Where the seal of a catalog file lies."""
    return catalog.with_suffix(".seal")


def read_seal(catalog: Path) -> Seal | None:
    """The seal of a catalog file; None if it has none. Raises CorruptError if it is damaged."""
    path = seal_path(catalog)
    try:
        return Seal(**read_checked(path))
    except FileNotFoundError:
        return None
    except TypeError as exc:
        raise CorruptError(f"{path} is damaged. Mend it with: retrieval repair") from exc
    except OSError as exc:
        raise StorageError(f"{path} cannot be read. Check its permissions.") from exc


def write_seal(catalog: Path, seal: Seal) -> None:
    """Write the seal of a catalog file. Raises OSError."""
    write_checked(seal_path(catalog), asdict(seal))


class CatalogFile:
    """Reads the bytes of a catalog that SQLite has open in this process.

    Closing any descriptor of a file lets go of all locks that the process holds on it, SQLite's too
    (POSIX), so one descriptor is shared and closed only when the last user in this process is done.
    """

    _lock = threading.Lock()
    #: (device, inode) -> descriptor, users
    _shared: ClassVar[dict[tuple[int, int], tuple[int, int]]] = {}

    def __init__(self, path: Path) -> None:
        status = os.stat(path)
        #: Device and inode.
        self.identity = (status.st_dev, status.st_ino)
        with self._lock:
            descriptor, users = self._shared.get(self.identity, (-1, 0))
            if users == 0:
                descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            self._shared[self.identity] = (descriptor, users + 1)
        self._descriptor = descriptor

    def checksum(self) -> tuple[int, int]:
        """Length in bytes and CRC-32. Raises OSError."""
        size = crc32 = 0
        while piece := os.pread(self._descriptor, PIECE, size):
            size, crc32 = size + len(piece), zlib.crc32(piece, crc32)
        return size, crc32

    def close(self) -> None:
        """Give the descriptor back; needs that SQLite has let go of the file before."""
        if self._descriptor < 0:
            return
        with self._lock:
            descriptor, users = self._shared.pop(self.identity)
            if users > 1:
                self._shared[self.identity] = (descriptor, users - 1)
            else:
                os.close(descriptor)
        self._descriptor = -1
