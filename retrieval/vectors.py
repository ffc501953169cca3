"""A vector file: rows of float16 that are only appended. How many count, the catalog says."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval.errors import CorruptError
from retrieval.layout import fsync_folder, storage_errors

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read_rows(path: Path, rows: int, dim: int) -> NDArray[np.float16]:
    """The committed rows (n, dim), memory-mapped. Raises CorruptError if cut short, StorageError.

    `rows` and `dim` come from the catalog, which may be damaged itself.
    """
    if not (isinstance(rows, int) and isinstance(dim, int) and rows >= 0 and dim > 0):
        raise CorruptError(
            f"The catalog states {rows!r} rows of {dim!r} numbers for {path}, which cannot be. "
            "Restore the collection from a backup, or index again into a new one."
        )
    if rows == 0:
        return np.empty((0, dim), np.float16)
    with storage_errors(path):
        try:
            have = path.stat().st_size
        except FileNotFoundError:
            have = 0
        if have < rows * dim * 2:
            raise CorruptError(
                f"{path} holds {have:,} bytes where {rows * dim * 2:,} were committed. "
                "Restore it from a backup, or index again into a new collection."
            )
        return np.memmap(path, np.float16, "r", shape=(rows, dim))


def append_rows(path: Path, committed: int, rows: NDArray[np.float32]) -> None:
    """Write rows (n, dim) behind the `committed` ones and make them durable.

    Raises StorageError, and CorruptError for a file that is shorter than committed.
    """
    if not np.isfinite(rows).all():
        raise CorruptError("The encoder returned numbers that are not finite; nothing is stored.")
    dim = rows.shape[1]
    read_rows(path, committed, dim)  # refuses a file that was cut short, before it is made worse
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        new = not path.exists()
        with open(path, "ab") as file:
            file.truncate(committed * dim * 2)  # rows of a batch that was never committed
            file.seek(committed * dim * 2)
            file.write(np.ascontiguousarray(rows, dtype=np.float16).tobytes())
            file.flush()
            os.fsync(file.fileno())
        if new:
            fsync_folder(path.parent)
