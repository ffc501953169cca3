"""The folder of a collection: where it lies, its manifest, and crash-proof writing of files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from retrieval._version import __version__
from retrieval.errors import (
    CollectionError,
    CorruptError,
    FormatError,
    LockedError,
    StorageError,
    UsageError,
)

FORMAT = 1
LOCK = "lock"  # the file's name
_NAME = re.compile(r"\w[\w .-]*")


def collection_path(where: str = "", home: str = "") -> Path:
    """Find the folder of a collection, named or given as a path.

    A bare name lies in `home` or $RETRIEVAL_HOME; without these in ./indexes where the working
    directory has that folder, else in the user's data folder. An empty name means "default".
    Raises UsageError.
    """
    if where.startswith(("~", ".")) or os.sep in where or "/" in where:
        return Path(os.path.abspath(os.path.expanduser(where)))
    name = where or "default"
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a collection. Use letters and digits, or a path."
        )
    home = home or os.environ.get("RETRIEVAL_HOME", "")
    if home:
        return Path(os.path.abspath(os.path.expanduser(home))) / name
    if Path("indexes").is_dir():
        return Path("indexes").absolute() / name
    import platformdirs

    return Path(platformdirs.user_data_dir("retrieval", appauthor=False)) / "indexes" / name


def create_folder(path: Path, migrate: Callable[[Path], None], timeout: float) -> bool:
    """Make the folder of a new collection; `migrate` makes its catalog. The manifest comes last.

    False if another process made it meanwhile. Raises CollectionError, LockedError, StorageError.
    """
    with storage_errors(path):
        if path.exists() and not path.is_dir():
            raise CollectionError(f"{path} is a file. Name a folder for the collection.")
        names = {entry.name for entry in path.iterdir()} if path.is_dir() else set()
        if names - {LOCK} and not names & {"catalog.db", "manifest.json"}:
            raise CollectionError(
                f"{path} is a folder with other things in it. Name a new or an empty folder."
            )
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    with write_lock(path, timeout), storage_errors(path):
        if (path / "manifest.json").is_file():
            return False
        migrate(path / "catalog.db")
        manifest = {
            "format": FORMAT,
            "created_by": f"retrieval {__version__}",
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        text = json.dumps(manifest, indent=2) + "\n"
        write_atomically(path / "manifest.json", text.encode())
    return True


def remove_folder(path: Path) -> None:
    """Remove a collection that holds nothing; what else lies in its folder stays."""
    for name in ("manifest.json", "catalog.db-wal", "catalog.db-shm", "catalog.db", LOCK):
        with suppress(OSError):
            (path / name).unlink()
    with suppress(OSError):
        path.rmdir()


@contextmanager
def write_lock(path: Path, timeout: float) -> Iterator[None]:
    """Hold the lock of the collection at `path`. Raises LockedError if another process does."""
    import filelock

    lock = filelock.FileLock(path / LOCK, timeout=timeout)
    with storage_errors(path):
        try:
            lock.acquire()
        except filelock.Timeout as exc:
            raise LockedError(
                f"Another process is writing to {path}. Wait until it is done, then run "
                "the command again; searching works meanwhile."
            ) from exc
    try:
        yield
    finally:
        lock.release()


def read_manifest(path: Path) -> dict[str, Any]:
    """Read manifest.json of the collection at `path`. Raises FormatError for another format."""
    file = path / "manifest.json"
    try:
        manifest = json.loads(file.read_text("utf-8"))
        found = manifest["format"]
    except PermissionError as exc:
        raise StorageError(f"{file} cannot be read. Check its permissions.") from exc
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise CorruptError(
            f'{file} is damaged. Write {{"format": {FORMAT}}} into it if the collection is of '
            "this version, or index again into a new one."
        ) from exc
    if found != FORMAT:
        raise FormatError(
            f"{path} has collection format {found}; this program reads format {FORMAT}. "
            "Update retrieval, or index again into a new collection with --collection NAME."
        )
    return cast("dict[str, Any]", manifest)


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn an OSError into a StorageError that names `path` and what to do."""
    try:
        yield
    except OSError as exc:
        raise StorageError(
            f"{path} cannot be used: {exc.strerror or exc}. Check its permissions and the free "
            "space, then run the command again; what was committed before is kept."
        ) from exc


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a crash leaves the old one or the new one, never a part."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise
    fsync_folder(path.parent)


def fsync_folder(path: Path) -> None:
    """Make names that were created in a folder durable."""
    if os.name == "posix":  # a folder cannot be opened elsewhere
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sizes_on_disk(path: Path) -> dict[str, int]:
    """Bytes of the catalog, the vectors, the thumbnails, and all together."""
    sizes = {"catalog": 0, "vectors": 0, "thumbnails": 0, "total": 0}
    parts = {"spaces": "vectors", "thumbs": "thumbnails"}
    for folder, _, names in os.walk(path):
        for name in names:
            with suppress(OSError):
                size = os.path.getsize(os.path.join(folder, name))
                top = Path(folder).relative_to(path).parts[:1]
                part = parts.get(top[0]) if top else "catalog" if "catalog" in name else None
                sizes["total"] += size
                if part:
                    sizes[part] += size
    return sizes
