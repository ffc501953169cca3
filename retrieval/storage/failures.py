"""What SQLite's messages mean to a user, and how a database in a read-only place is opened."""

from __future__ import annotations

import os
from pathlib import Path

from retrieval.errors import CorruptError, LockedError, RetrievalError, StorageError

NEARLY_FULL = 1 << 20  # bytes that are left on a disk


def translated(exc: BaseException, path: Path) -> RetrievalError:
    """The error to raise for what SQLite says of the database at `path`."""
    detail = str(exc)
    if "disk is full" in detail or ("disk I/O" in detail and _is_full(path.parent)):
        return StorageError(
            f"The disk that holds {path} is full. Free some space and run the command again; "
            "what was committed before is kept."
        )
    if "readonly" in detail or "unable to open" in detail or "disk I/O" in detail:
        return StorageError(
            f"{path} cannot be read or written ({detail}). Check its permissions and the free "
            "space, then run the command again; what was committed before is kept."
        )
    if "locked" in detail:
        return LockedError(f"{path} is busy: another program holds it. Try again in a moment.")
    return CorruptError(f"{path} is damaged ({detail}). Mend it with: retrieval repair")


def _is_full(folder: Path) -> bool:
    """Whether the disk is: SQLite does not say so where its shared memory finds no room."""
    import shutil

    try:
        return shutil.disk_usage(folder).free < NEARLY_FULL
    except OSError:
        return False


def is_read_only(path: Path) -> bool:
    """Whether a database cannot be written. SQLite keeps its log beside it: the folder counts."""
    return not (os.access(path, os.W_OK) and os.access(path.parent, os.W_OK))


def reading_options(path: Path) -> dict[str, str]:
    """Options of the URI of a database in a read-only place: without a log nobody changes it."""
    options = {"mode": "ro"}
    if not path.with_name(f"{path.name}-wal").exists():
        options["immutable"] = "1"
    return options
