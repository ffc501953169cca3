"""What a process that died left half done is finished or taken away by the next one that writes.

Everything here runs under the write lock, may be repeated, and is what the commands do themselves
when nothing goes wrong.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from retrieval.errors import CorruptError
from retrieval.records import KINDS, Kind, Space
from retrieval.storage import disk
from retrieval.storage.catalog import Catalog
from retrieval.storage.checked import read_checked
from retrieval.storage.codefile import code_file
from retrieval.storage.kept import KEPT, keep_missing
from retrieval.storage.layout import SPACE, note_active, space_folder, storage_errors
from retrieval.storage.vectors import vector_file
from retrieval.storage.words import forget_deleted_words

THUMBNAILS = "thumbs"  # the folder's name
OF_SPACES = (".f16", ".keys", ".codes", ".codes.json")  # how the names of their files end
OWN = ("catalog.db", "catalog.seal")  # how the names of the catalog's own files begin


def tidy(place: Path, catalog: Catalog) -> None:
    """Check a catalog that was left unsealed, and finish what was begun.

    Raises CorruptError, StorageError.
    """
    if not catalog.is_sealed():
        problems = catalog.integrity_problems()
        if problems:
            raise CorruptError(
                f"{catalog.path} is damaged: {problems[0]}. Mend it with: retrieval repair"
            )
    spaces = catalog.spaces()
    if any(catalog.erased_rows(s, kind, done=False) for s in spaces for kind in KINDS):
        finish_forgetting(place, catalog)
    for space in spaces:
        _remove_other_editions(place, space)
    _remove_dropped_spaces(place, spaces)
    note_switch(place, catalog)
    keep_missing(place, catalog)


def note_switch(place: Path, catalog: Catalog) -> None:
    """Say in the folders of the spaces which one is searched. Raises StorageError."""
    active = catalog.active_space()
    with storage_errors(place / "spaces"):
        note_active(place, {space.fingerprint: space == active for space in catalog.spaces()})


def remove_space(folder: Path) -> int:
    """Remove the files of a space that was dropped; returns their size in bytes. Raises OSError.

    What says what they are goes first, so that nobody takes a part of them for a space.
    """
    size = 0
    files = [folder / SPACE, *(f for f in sorted(folder.glob("*")) if f.name.endswith(OF_SPACES))]
    for file in files:
        with suppress(FileNotFoundError):
            size += file.stat().st_size
        disk.remove(file)
    with suppress(OSError):  # something else lies in it
        disk.system.remove_folder(folder)
        disk.sync_folder(folder.parent)
    return size


def _remove_dropped_spaces(place: Path, spaces: list[Space]) -> None:
    """Remove folders of spaces that the catalog does not know, unless one cannot be read."""
    known = {space_folder(place, space.fingerprint) for space in spaces}
    with storage_errors(place / "spaces"):
        for folder in sorted((place / "spaces").glob("*")):
            if folder in known or not folder.is_dir():
                continue
            with suppress(CorruptError):
                with suppress(FileNotFoundError):
                    read_checked(folder / SPACE)
                remove_space(folder)


def finish_forgetting(place: Path, catalog: Catalog) -> bool:
    """Overwrite what the catalog says is forgotten: thumbnails, vectors, the catalog's own pages.

    False if a program that reads the catalog kept its log from being emptied. Raises StorageError.
    """
    remove_thumbnails(place, catalog)
    pending = [
        (space, kind)
        for space in catalog.spaces()
        for kind in KINDS
        if erase(place, catalog, space, kind)
    ]
    with catalog.writing() as connection:
        forget_deleted_words(connection)
    emptied = catalog.vacuum()
    for space, kind in pending:  # last, so that all of it is repeated if the process dies
        catalog.note_erased(space, kind)
    return emptied


def erase(place: Path, catalog: Catalog, space: Space, kind: Kind) -> bool:
    """Overwrite the rows that are to be erased; whether there were any. Raises StorageError.

    Their codes go with those of all rows.
    """
    rows, file = catalog.erased_rows(space, kind, done=False), vector_file(place, space, kind)
    if rows:
        code_file(place, space, kind).remove()
        file.erase(rows)
        file.cut(space.rows[kind])
    return bool(rows)


def remove_thumbnails(place: Path, catalog: Catalog) -> int:
    """Remove thumbnails, also half-written ones, of photos that are unknown; returns how many."""
    removed = 0
    with storage_errors(place / THUMBNAILS):
        for folder in sorted((place / THUMBNAILS).glob("*")):
            files = {file: _content_hash(file) for file in folder.glob("*")}
            known = catalog.photo_ids([name for name in files.values() if name])
            for file, name in files.items():
                if name and name not in known:
                    disk.remove(file)
                    removed += 1
    return removed


def _content_hash(thumbnail: Path) -> bytes:
    try:
        return bytes.fromhex(thumbnail.name.partition(".")[0])
    except ValueError:
        return b""


def remove_copies(place: Path) -> tuple[str, ...]:
    """Overwrite and remove what `find_copies` finds; the names. Raises StorageError."""
    copies = find_copies(place)
    with storage_errors(place):
        for file in copies:
            disk.wipe(file)
    return tuple(file.name for file in copies)


def find_copies(place: Path) -> list[Path]:
    """Older and set-aside catalogs, which hold what this one does, and set-aside kept files."""
    catalogs = [file for file in place.glob("catalog.*") if not file.name.startswith(OWN)]
    damaged = [f for name in KEPT for f in place.glob(f"{Path(name).stem}.damaged-*.json")]
    return sorted([*catalogs, *damaged])


def _remove_other_editions(place: Path, space: Space) -> None:
    current = {vector_file(place, space, kind).path.stem for kind in KINDS}
    with storage_errors(place):
        for file in space_folder(place, space.fingerprint).glob("*"):
            ours = file.name.endswith(OF_SPACES)
            if ours and file.name.partition(".")[0] not in current:
                disk.remove(file)
