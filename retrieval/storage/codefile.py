"""The file of codes beside a vector file, and the note that says what it holds.

    photos.codes        codes of the first rows of photos.f16, from which a vector could be guessed
    photos.codes.json   how many rows, what they were learned from, and the codes' checksum

Both are derived: whatever is lost, stale or damaged is left aside and made anew. The note is
written last and removed first, so a reader that finds the same one before and after has read whole
codes.
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from retrieval.errors import CorruptError
from retrieval.records import Kind, Space
from retrieval.storage import disk
from retrieval.storage.checked import read_checked, write_checked
from retrieval.storage.layout import storage_errors
from retrieval.storage.vectors import vector_file

SUFFIX = ".codes"
BLOCK = 1 << 20  # bytes that are read or wiped at a time


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of codes.

    `depth` candidates had `recall` at 10 on `tested` queries of the sort `queries`; it is 0 where
    too few were found, and there are no codes then. `learned` rows there were when they were
    learned. `size` in bytes; `checksum` is the CRC-32 of the codes.
    """

    rows: int
    learned: int
    depth: int
    recall: float
    tested: int
    queries: str
    size: int = 0
    checksum: int = 0


@dataclass(frozen=True, slots=True)
class CodeFile:
    """The codes of one vector file."""

    path: Path

    @property
    def note_path(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")

    def note(self) -> Note | None:
        """What the note says; None if there is none that can be read."""
        with suppress(OSError, CorruptError, TypeError):
            return Note(**read_checked(self.note_path))
        return None

    def usable_note(self, count: int) -> Note | None:
        """The same, if it speaks of at most `count` rows and the codes have the size it states."""
        note = self.note()
        with suppress(OSError, TypeError):
            if note and note.rows <= count and (not note.depth or self._size() == note.size):
                return note
        return None

    def _size(self) -> int:
        return self.path.stat().st_size

    def write(self, note: Note, data: bytes) -> None:
        """Replace the codes and their note, durably. Raises StorageError."""
        with storage_errors(self.path):
            disk.remove(self.note_path)
            disk.write_atomically(self.path, data)
            values = asdict(note) | {"size": len(data), "checksum": zlib.crc32(data)}
            write_checked(self.note_path, values)

    def refuse(self, note: Note) -> None:
        """Note that codes are of no use here, and keep none. Raises StorageError."""
        self.remove()
        with storage_errors(self.path):
            write_checked(self.note_path, asdict(note))

    def remove(self) -> None:
        """Remove both; the codes are overwritten first. Raises StorageError."""
        with storage_errors(self.path):
            disk.remove(self.note_path)
            with suppress(FileNotFoundError):
                size = self._size()
                zeros = ((at, bytes(min(BLOCK, size - at))) for at in range(0, size, BLOCK))
                disk.overwrite(self.path, zeros)
            disk.remove(self.path)

    def problem(self, count: int) -> str:
        """What is wrong with codes of at most `count` rows, in words; empty if nothing."""
        if not self.note_path.exists():
            return "the note of what they hold is lost" if self.path.exists() else ""
        note = self.usable_note(count)
        if note is None:
            return "they are not what their note says, or it is damaged"
        return "" if not note.depth or self._checksum() == note.checksum else "they are damaged"

    def _checksum(self) -> int:
        found = 0
        with storage_errors(self.path), self.path.open("rb") as file:
            while data := file.read(BLOCK):
                found = zlib.crc32(data, found)
        return found


def code_file(place: Path, space: Space, kind: Kind) -> CodeFile:
    """The codes of the vectors that count."""
    return CodeFile(vector_file(place, space, kind).path.with_suffix(SUFFIX))
