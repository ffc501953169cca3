"""The folder of a collection: where it lies, its manifest, and crash-proof writing of files."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

from retrieval.errors import (
    CorruptError,
    FormatError,
    LockedError,
    StorageError,
    UsageError,
)
from retrieval.storage import disk
from retrieval.storage.checked import CHECK, read_checked, write_checked

FORMAT = 2
OLDER_FORMATS = (1,)  # that `retrieval.storage.upgrading` brings up to date
LOCK = "lock"  # the file's name
HOLDER = "lock.json"  # who holds it
ROOTS = "roots.json"
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


def cache_folder(cache: str = "") -> Path:
    """The folder of what this program can make again."""
    chosen = cache or os.environ.get("RETRIEVAL_CACHE", "")
    if chosen:
        return Path(os.path.abspath(os.path.expanduser(chosen)))
    import platformdirs

    return Path(platformdirs.user_cache_dir("retrieval", appauthor=False))


@contextmanager
def write_lock(path: Path, timeout: float) -> Iterator[None]:
    """Hold the lock of the collection at `path`. Raises LockedError if another process does.

    The system lets go of the lock of a process that died, however it did.
    """
    import socket

    import filelock

    lock = filelock.FileLock(path / LOCK, timeout=timeout, mode=disk.FILE_MODE)
    with storage_errors(path):
        try:
            lock.acquire()
        except filelock.Timeout as exc:
            raise LockedError(
                f"{_holder(path)} is writing to {path}. Wait until it is done, then run "
                "the command again; searching works meanwhile."
            ) from exc
    try:
        with suppress(OSError):
            _sweep(path)
        with suppress(OSError):  # only a help for whoever has to wait
            mine = {"process": os.getpid(), "host": socket.gethostname(), "since": now()}
            disk.leave_note(path / HOLDER, json.dumps(mine))
        yield
    finally:
        with suppress(OSError):
            disk.take_note_away(path / HOLDER)
        lock.release()


def _sweep(path: Path) -> None:
    """Remove half-written files of a process that died; only who holds the lock writes there."""
    for folder in (path, *(path / "spaces").glob("*")):
        for left in folder.glob("*.tmp"):
            disk.remove(left)


def is_being_written(path: Path) -> bool:
    """Whether a process holds the lock of the collection at `path`. Nothing is written."""
    import fcntl

    try:
        descriptor = os.open(path / LOCK, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False  # nobody ever wrote, or nobody here can
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)  # lets go of it as well
    return False


def _holder(path: Path) -> str:
    try:
        held = json.loads((path / HOLDER).read_text())
        return f"Another process ({held['process']} on {held['host']}, since {held['since']})"
    except (OSError, ValueError, KeyError, TypeError):
        return "Another process"


def now() -> str:
    """The time in UTC, to the second (ISO 8601)."""
    from datetime import UTC, datetime

    return datetime.now(UTC).isoformat(timespec="seconds")


def write_manifest(path: Path, created_by: str, created_at: str) -> None:
    """Write manifest.json: from now on the folder is a collection of this format."""
    write_checked(
        path / "manifest.json",
        {"format": FORMAT, "created_by": created_by, "created_at": created_at},
    )


def read_manifest(path: Path) -> dict[str, Any]:
    """Read manifest.json of the collection at `path`. Raises FormatError for a newer format."""
    file = path / "manifest.json"
    try:
        manifest = json.loads(file.read_bytes())
        found = manifest["format"]
    except PermissionError as exc:
        raise StorageError(f"{file} cannot be read. Check its permissions.") from exc
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise CorruptError(f"{file} is damaged. Mend it with: retrieval repair") from exc
    if CHECK in manifest:
        manifest = read_checked(file)  # format 1 had no checksum
    elif found == FORMAT:
        raise CorruptError(f"{file} has lost its checksum. Mend it with: retrieval repair")
    if found != FORMAT and found not in OLDER_FORMATS:
        raise FormatError(
            f"{path} has collection format {found}; this program reads format {FORMAT}. "
            "Update retrieval, or index again into a new collection with --collection NAME."
        )
    return cast("dict[str, Any]", manifest)


def space_folder(path: Path, fingerprint: str) -> Path:
    """The folder of the vectors of one encoder."""
    return path / "spaces" / fingerprint[:32]


SPACE = "space.json"  # the file's name


def write_space(
    folder: Path, fingerprint: str, encoder: str, dim: int, *, active: bool = True
) -> None:
    """Say in a folder of vectors what made them, for the day when the catalog is lost.

    `active` says that searches use them; the catalog is right where it says otherwise.
    """
    values = {"fingerprint": fingerprint, "encoder": encoder, "dim": dim, "active": active}
    write_checked(folder / SPACE, values)


def note_active(path: Path, fingerprints: Mapping[str, bool]) -> None:
    """Bring what the folders of spaces say of being active up to the catalog. Raises OSError.

    A folder that says nothing is of the only space there was. One that is damaged is for `verify`.
    """
    for fingerprint, active in sorted(fingerprints.items(), key=lambda item: not item[1]):
        folder = space_folder(path, fingerprint)
        try:
            told = read_checked(folder / SPACE)
            names = (told["fingerprint"], told["encoder"], told["dim"])
        except (CorruptError, KeyError, FileNotFoundError):
            continue
        if told.get("active", True) != active:
            write_space(folder, *names, active=active)


def read_roots(path: Path) -> list[str]:
    """The folders that were ever indexed into the collection at `path`. Raises CorruptError."""
    with storage_errors(path):
        try:
            return [str(root) for root in read_checked(path / ROOTS)["roots"]]
        except FileNotFoundError:
            return []
        except (KeyError, TypeError) as exc:
            raise CorruptError(f"{path / ROOTS} is damaged.") from exc


def remember_roots(path: Path, roots: Iterable[Path]) -> None:
    """Note the folders that are indexed: whoever must make the catalog anew will ask for them."""
    known: list[str] = []
    with suppress(CorruptError):
        known = read_roots(path)
    new = [str(root) for root in roots if not _is_within(root, known)]
    if new:
        with storage_errors(path):
            write_checked(path / ROOTS, {"roots": [*known, *new]})


def forget_roots(path: Path, gone: Iterable[str]) -> None:
    """Take folders, and those below them, out of the list of indexed folders."""
    known: list[str] = []
    with suppress(CorruptError):
        known = read_roots(path)
    left = [root for root in known if not _is_within(Path(root), list(gone))]
    if left != known:
        with storage_errors(path):
            write_checked(path / ROOTS, {"roots": left})


def _is_within(path: Path, folders: list[str]) -> bool:
    return any(str(folder) in folders for folder in (path, *path.parents))


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
