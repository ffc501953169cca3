"""A vector file: rows of float16, and beside it a key for each. How many count, the catalog says.

    photos.f16    (n, dim) float16; rows are only appended, except that repair and forget
                  overwrite one in place
    photos.keys   (n,) of KEY: the SHA-256 of the item that the row embeds, and the CRC-32 of that
                  hash and the row together

A key tells a flipped bit from a good row, names the item even if the catalog is lost, and lets a
hit be checked: the catalog must map the row to the item that the key names. Compaction writes a new
edition (`photos-1.f16`) and the catalog switches to it in one transaction.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.errors import CorruptError
from retrieval.records import Kind, Space
from retrieval.storage import disk
from retrieval.storage.layout import space_folder, storage_errors

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEY = np.dtype([("hash", "u1", 32), ("crc32", "<u4")])
UNIT_TOLERANCE = 0.01  # of a row's length; rounding to float16 moves it by less than 0.001


@dataclass(frozen=True, slots=True)
class VectorFile:
    """The two files of one kind in one space."""

    path: Path
    dim: int

    @property
    def keys_path(self) -> Path:
        return self.path.with_suffix(".keys")

    def rows(self, count: int) -> NDArray[np.float16]:
        """The first `count` rows (count, dim), memory-mapped.

        Raises CorruptError where there are fewer, FileNotFoundError if all are gone, StorageError.
        `count` and `dim` come from the catalog, which may be damaged itself.
        """
        if not (isinstance(count, int) and isinstance(self.dim, int)) or count < 0 or self.dim < 1:
            raise CorruptError(
                f"The catalog states {count!r} rows of {self.dim!r} numbers for {self.path}, which "
                "cannot be. Mend it with: retrieval repair"
            )
        if count == 0:
            return np.empty((0, self.dim), np.float16)
        self._check_length(self.path, count * self.dim * 2)
        with storage_errors(self.path):
            return np.memmap(self.path, np.float16, "r", shape=(count, self.dim))

    def keys(self, count: int) -> NDArray[Any]:
        """The first `count` keys (count,) of KEY, memory-mapped; raises as `rows` does."""
        if count == 0:
            return np.empty(0, KEY)
        self._check_length(self.keys_path, count * KEY.itemsize)
        with storage_errors(self.keys_path):
            return np.memmap(self.keys_path, KEY, "r", shape=(count,))

    def length(self) -> int:
        """How many rows both files hold, committed or not. Raises StorageError."""
        return min(self.row_count(), _length(self.keys_path) // KEY.itemsize)

    def row_count(self) -> int:
        """How many rows there are, with or without keys. Raises StorageError."""
        return _length(self.path) // (self.dim * 2)

    def _check_length(self, path: Path, needed: int) -> None:
        have = _length(path)
        if have < needed:
            raise CorruptError(
                f"{path} holds {have:,} bytes where {needed:,} were committed. "
                "Mend it with: retrieval repair"
            )

    def append(self, committed: int, rows: NDArray[np.float32], hashes: Sequence[bytes]) -> None:
        """Write rows (n, dim) and their keys behind the `committed` ones and make them durable.

        Raises StorageError, and CorruptError for files that are shorter than committed.
        """
        if not np.isfinite(rows).all():
            raise CorruptError(
                "The encoder returned numbers that are not finite; nothing is stored."
            )
        # Refuse a file that was cut short, before it is made worse.
        self.rows(committed)
        self.keys(committed)
        stored = np.ascontiguousarray(rows, dtype=np.float16)
        self.extend(committed, stored, make_keys(stored, hashes))

    def extend(self, committed: int, rows: NDArray[np.float16], keys: NDArray[Any]) -> None:
        """The same with rows and keys as they are stored. Raises StorageError."""
        with storage_errors(self.path):
            disk.append(self.path, committed * self.dim * 2, rows.tobytes())
            disk.append(self.keys_path, committed * KEY.itemsize, keys.tobytes())

    def damaged(
        self, count: int, ignored: Collection[int] = (), *, quick: bool = False
    ) -> NDArray[np.int64]:
        """Which of the first `count` rows do not fit their keys, are not finite or not of length 1.

        `ignored` rows are not looked at; `quick` leaves out finiteness and length, which the key
        implies for rows that this package wrote. Rows beyond the end of a file that was cut short
        are damaged. Raises StorageError.
        """
        whole = min(count, self.length())
        rows, keys = self.rows(whole), self.keys(whole)
        bad = np.ones(count, bool)
        bad[:whole] = checksums(rows, keys["hash"]) != keys["crc32"]
        for start in range(0, 0 if quick else whole, 65_536):
            lengths = np.linalg.norm(rows[start : start + 65_536].astype(np.float32), axis=1)
            bad[start : start + len(lengths)] |= ~(np.abs(lengths - 1) < UNIT_TOLERANCE)
        bad[[row for row in ignored if row < count]] = False
        return np.flatnonzero(bad)

    def not_empty(self, places: Sequence[int]) -> list[int]:
        """Which of these rows are not zeros, vector and key, as erased ones are."""
        whole = self.length()
        rows, keys = self.rows(whole), self.keys(whole)
        return [
            at
            for at in places
            if at < whole and (rows[at].tobytes().strip(b"\0") or keys[at].tobytes().strip(b"\0"))
        ]

    def replace(
        self, places: Sequence[int], rows: NDArray[np.float32], hashes: Sequence[bytes]
    ) -> None:
        """Overwrite rows in place with rows (n, dim) and their keys. Raises StorageError."""
        stored = np.ascontiguousarray(rows, dtype=np.float16)
        self._overwrite(places, stored, make_keys(stored, hashes))

    def erase(self, places: Sequence[int]) -> None:
        """Overwrite rows and their keys with zeros. Raises StorageError."""
        empty = np.zeros((len(places), self.dim), np.float16)
        self._overwrite(places, empty, np.zeros(len(places), KEY))

    def cut(self, committed: int) -> None:
        """Cut off what was appended and never counted. Raises StorageError."""
        with storage_errors(self.path):
            for path, width in ((self.path, self.dim * 2), (self.keys_path, KEY.itemsize)):
                if _length(path) > committed * width:
                    disk.append(path, committed * width, b"")

    def _overwrite(
        self, places: Sequence[int], rows: NDArray[np.float16], keys: NDArray[Any]
    ) -> None:
        pairs = list(enumerate(places))
        width, key = self.dim * 2, KEY.itemsize
        with storage_errors(self.path):
            disk.overwrite(self.path, ((at * width, rows[i].tobytes()) for i, at in pairs))
            disk.overwrite(self.keys_path, ((at * key, keys[i].tobytes()) for i, at in pairs))

    def remove(self) -> None:
        """Remove both files. Raises StorageError."""
        with storage_errors(self.path):
            disk.remove(self.path)
            disk.remove(self.keys_path)


def vector_file(place: Path, space: Space, kind: Kind, edition: int | None = None) -> VectorFile:
    """The vectors of a kind in the collection at `place`: those that count, or another edition."""
    number = space.editions[kind] if edition is None else edition
    name = f"{kind}-{number}.f16" if number else f"{kind}.f16"
    return VectorFile(space_folder(place, space.fingerprint) / name, space.dim)


def make_keys(rows: NDArray[np.float16], hashes: Sequence[bytes]) -> NDArray[Any]:
    """Keys (n,) of KEY for rows (n, dim) that embed the items with these SHA-256 hashes."""
    keys = np.zeros(len(hashes), KEY)
    keys["hash"] = np.frombuffer(b"".join(hashes), np.uint8).reshape(-1, 32)
    keys["crc32"] = checksums(rows, keys["hash"])
    return keys


def checksums(rows: NDArray[np.float16], hashes: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """CRC-32 (n,) of each hash (n, 32) followed by its row (n, dim)."""
    if len(rows) == 0:
        return np.empty(0, np.uint32)  # a memoryview of nothing cannot be cast
    data, width = np.ascontiguousarray(rows).data.cast("B"), rows.shape[1] * 2
    names = np.ascontiguousarray(hashes).data.cast("B")
    crc32 = zlib.crc32
    return np.fromiter(
        (
            crc32(data[at * width : (at + 1) * width], crc32(names[at * 32 : (at + 1) * 32]))
            for at in range(len(rows))
        ),
        np.uint32,
        len(rows),
    )


def _length(path: Path) -> int:
    with storage_errors(path):
        try:
            return path.stat().st_size
        except FileNotFoundError:
            return 0
