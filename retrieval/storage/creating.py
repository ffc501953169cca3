"""The folder of a new collection: where one may be made, and what goes when its run fails.

A folder is new if it is empty or absent, or holds what a creation that died left there: files of
its names whose content is its own. Whatever else lies there belongs to somebody.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from retrieval._version import __version__
from retrieval.errors import CollectionError, CorruptError
from retrieval.storage import disk
from retrieval.storage.layout import (
    HOLDER,
    LOCK,
    ROOTS,
    now,
    storage_errors,
    write_lock,
    write_manifest,
)

#: What a creation writes before its manifest, and what SQLite has beside the catalog.
_HALF = re.compile(
    r"lock|lock\.json|catalog\.db(-wal|-shm|-journal)?|catalog\.seal"
    r"|(catalog\.seal|manifest\.json)\.[0-9a-f]{16}\.tmp"
)
_TABLES = {"photos", "documents", "files", "sources", "spaces", "embeddings"}  # since version 1


@dataclass(frozen=True, slots=True)
class Made:
    """A collection that this process made: whether its folder and which files were there before."""

    path: Path
    folder: bool
    before: frozenset[str]


def create_folder(path: Path, migrate: Callable[[Path], None], timeout: float) -> Made | None:
    """Make the folder of a new collection; `migrate` makes its catalog. The manifest comes last.

    None if another process made it meanwhile. Raises CollectionError, LockedError, StorageError.
    """
    with storage_errors(path):
        if path.exists() and not path.is_dir():
            raise CollectionError(f"{path} is a file. Name a folder for the collection.")
        folder = path.is_dir()
        before = frozenset(entry.name for entry in path.iterdir()) if folder else frozenset()
        if "manifest.json" not in before and not all(_is_own(path / name) for name in before):
            raise CollectionError(
                f"{path} is a folder with other things in it. Name a new or an empty folder."
            )
        disk.make_folders(path)
    with write_lock(path, timeout), storage_errors(path):
        if (path / "manifest.json").is_file():
            return None
        migrate(path / "catalog.db")
        write_manifest(path, f"retrieval {__version__}", now())
    return Made(path, folder, before)


def remove_made(made: Made) -> None:
    """Remove a collection that holds nothing; what was there before its run stays.

    It stays whole where the run left more (a folder of vectors that was just made): without its
    manifest and its catalog the next run would take the folder for somebody else's.
    """
    catalog = ("catalog.db-wal", "catalog.db-shm", "catalog.db", "catalog.seal")
    own = ("manifest.json", ROOTS, *catalog, HOLDER, LOCK)
    with suppress(OSError):
        if {entry.name for entry in made.path.iterdir()} - made.before - set(own):
            return
        for name in own:
            if name not in made.before:
                disk.remove(made.path / name)
        if not made.folder:
            disk.system.remove_folder(made.path)


def refuse_half(path: Path) -> None:
    """Raise CorruptError for a collection without its manifest: no new one is made over it."""
    with storage_errors(path):
        held = path.is_dir() and any(path.glob("spaces/*/*.f16"))
    if held:
        raise CorruptError(
            f"The collection at {path} has lost its manifest.json. Mend it with: retrieval repair"
        )


def is_own_catalog(file: Path) -> bool:
    """Whether a file is a catalog of this program, or one that it had just begun to write."""
    if file.is_symlink() or not file.is_file():
        return False
    if file.stat().st_size == 0:
        return True
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            found = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
            names = {name for (name,) in found}
            (version,) = database.execute("PRAGMA user_version").fetchone()
    except sqlite3.Error:
        return False
    return names >= _TABLES if version else not names


def _is_own(file: Path) -> bool:
    if not _HALF.fullmatch(file.name) or file.is_symlink() or not file.is_file():
        return False
    if file.name == LOCK:
        return file.stat().st_size == 0  # it is only held
    return file.name != "catalog.db" or is_own_catalog(file)
