"""Make a lost or damaged catalog anew from the keys of the vectors and the files on disk.

Each key names the photo or text that its row embeds, so nothing is embedded again: the new catalog
is filled from the keys, then the files that the old one knew of, and those in the folders once
indexed, are read and linked by their hash. It grows beside the old one, which is replaced at the
very end; until then, and at every moment of the switch, the old one or its absence is refused by
whoever opens the collection, and the next repair begins anew.
"""

from __future__ import annotations

import os
import shlex
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from retrieval.collection import Collection
from retrieval.corpora import Columns, is_corpus
from retrieval.encoders import EncoderSpec
from retrieval.errors import CorruptError
from retrieval.grouping.trips import refresh_trips
from retrieval.indexing import reindex_files
from retrieval.indexing.session import NOT_OPENED
from retrieval.records import (
    KINDS,
    FileStat,
    Kind,
    ProgressCallback,
    Space,
    ignore_notice,
)
from retrieval.scan import FORGOTTEN, stat_file, walk
from retrieval.storage import audits, disk, edits, kept
from retrieval.storage.catalog import Catalog
from retrieval.storage.checked import read_checked
from retrieval.storage.commits import Batch, FileEntry
from retrieval.storage.layout import read_roots, storage_errors
from retrieval.storage.salvaging import Salvage, restore_space, salvage
from retrieval.storage.seals import seal_path
from retrieval.storage.vectors import VectorFile, vector_file

OUT_OF_REACH = "could not be reached when the catalog was made anew; index its folder again"
NEW = "catalog.new.db"


def rebuild_catalog(
    path: Path, spec: EncoderSpec, on_progress: ProgressCallback
) -> tuple[list[str], int]:
    """Replace catalog.db of the collection at `path`, under its write lock.

    Returns what was done, in words, and how many items had to be embedded again. Raises
    StorageError, CorruptError, and EncoderError where that is needed and cannot be done.
    """
    salvaged = salvage(_old_catalog(path))
    done: list[str] = []
    with closing(_new_catalog(path)) as catalog:
        for number, space in enumerate(_spaces(path, salvaged)):
            count = _restore(path, catalog, space, active=number == 0)
            done.append(
                f"kept {count:,} embeddings of {space.encoder}" + ", not searched" * (number > 0)
            )
        with catalog.writing() as connection:
            edits.save_queries(connection, salvaged.saved)
        before = catalog.row_count()
        collection = Collection(path, catalog, spec, ignore_notice)
        reachable = _note_files(collection, salvaged)
        there = reindex_files(collection, reachable, on_progress)
        done.append(f"read {there:,} of the {len(salvaged.files):,} files of the old catalog")
        done += _look_around(collection, {*reachable, *salvaged.files}, on_progress)
        audits.refresh_live(catalog)
        refresh_trips(collection)
        done += kept.restore(path, catalog)
        embedded = catalog.row_count() - before
        catalog.seal()
    aside = _switch(path)
    old = f"; the old one is kept as {aside.name}" if aside else ""
    done.append(f"made the catalog anew{old}")
    return done, embedded


def _look_around(
    collection: Collection, known: set[str], on_progress: ProgressCallback
) -> list[str]:
    """Link what has an embedding in the folders once indexed; say what is still to be found."""
    roots: list[Path] = []
    with suppress(CorruptError):
        roots = [Path(root) for root in read_roots(collection.path)]
    met = [entry.path for entry in walk(roots) if isinstance(entry, FileStat)]
    reindex_files(collection, [p for p in met if p not in known], on_progress, known_only=True)
    said = []
    if unfound := len(collection.catalog.undescribed()):
        folders = " ".join(shlex.quote(str(root)) for root in roots) or "FOLDER"
        said.append(
            f"{unfound:,} embeddings wait for their files, which were deleted or cannot be "
            f"reached now; if they can be, run: retrieval index {folders}"
        )
    if not known:
        said.append(
            "which files were forgotten could not be read: those that are still there come back "
            "when they are indexed again"
        )
    return said


def _old_catalog(path: Path) -> Path:
    """The damaged catalog; the newest that was set aside where a repair died at the switch."""
    if (path / "catalog.db").exists():
        return path / "catalog.db"
    return max(path.glob("catalog.damaged-*.db"), default=path / "catalog.db")


def _new_catalog(path: Path) -> Catalog:
    """An empty catalog beside the old one. That of a repair that died may not fit any more."""
    _remove_database(path / NEW)
    catalog = Catalog(path / NEW)
    catalog.migrate()
    return catalog


def _spaces(path: Path, salvaged: Salvage) -> list[Space]:
    """The spaces whose folders say what they are; first the one that was searched.

    Which that was its folder says; else it is the one the old catalog knew, or the newest.
    """
    files = sorted(path.glob("spaces/*/space.json"), key=lambda file: -file.stat().st_mtime_ns)
    told = []
    for file in files:
        with suppress(CorruptError, OSError):
            told.append(read_checked(file))
    told.sort(
        key=lambda values: (
            not values.get("active", True),
            values["fingerprint"] not in salvaged.editions,
        )
    )
    return [_space(path, names, salvaged) for names in told]


def _space(path: Path, names: dict[str, Any], salvaged: Salvage) -> Space:
    chosen: dict[Kind, int] = {}
    space = Space(0, names["fingerprint"], names["encoder"], names["dim"], 0, {}, chosen)
    editions = salvaged.editions.get(space.fingerprint)
    for index, kind in enumerate(KINDS):
        chosen[kind] = _edition(path, space, kind, editions[index] if editions else None)
    return space


def _edition(path: Path, space: Space, kind: Kind, claimed: int | None) -> int:
    """The edition that the old catalog claims if it is there, else the one with most good rows."""
    if claimed is not None and vector_file(path, space, kind, claimed).path.exists():
        return claimed
    folder = vector_file(path, space, kind, 0).path.parent
    numbers = [
        int(file.stem.partition("-")[2] or 0)
        for file in folder.glob(f"{kind}*.f16")
        if (file.stem.partition("-")[2] or "0").isdecimal()
    ]
    return max(numbers, key=lambda n: _good(vector_file(path, space, kind, n)), default=0)


def _good(file: VectorFile) -> int:
    return file.length() - len(file.damaged(file.length()))


def _restore(path: Path, catalog: Catalog, space: Space, *, active: bool) -> int:
    """Fill the new catalog from the keys; returns how many embeddings can be used."""
    names = (space.fingerprint, space.encoder, space.dim)
    files = {kind: vector_file(path, space, kind) for kind in KINDS}
    hashes = {kind: _usable(file) for kind, file in files.items()}
    restore_space(catalog, names, space.editions, hashes, active=active)
    return sum(_good(file) for file in files.values())


def _usable(file: VectorFile) -> Iterator[bytes | None]:
    """The hash that each row's key names; None for a row that does not fit its key."""
    count = file.length()
    bad, keys = set(file.damaged(count).tolist()), file.keys(count)
    for row in range(count):
        yield None if row in bad else keys[row]["hash"].tobytes()


def _note_files(collection: Collection, salvaged: Salvage) -> list[str]:
    """Record the files that cannot be read now; returns those that can."""
    entries: list[FileEntry] = []
    reachable: list[str] = []
    for name, (reason, reader) in salvaged.files.items():
        now = stat_file(name)
        if isinstance(now, FileStat) and reason is None:
            reachable.append(name)
            columns = Columns.from_signature(reader) if is_corpus(name) else Columns()
            if columns.chosen:  # to be read by the columns that the user once named
                entries.append(FileEntry(FileStat(name, -1, -1), reader=columns.signature))
        elif isinstance(now, FileStat) or reader == FORGOTTEN or _is_out_of_reach(name):
            stat = FileStat(name, 0, 0)
            entries.append(
                FileEntry(stat, reason=reason or OUT_OF_REACH, reader=reader or NOT_OPENED)
            )
    if entries:
        collection.catalog.commit(collection.catalog.active_space(), Batch(entries=entries))
    return reachable


def _is_out_of_reach(name: str) -> bool:
    """Whether a file that cannot be found may be there all the same.

    Its folder cannot be seen, or is empty, as a place is where a disk is not connected.
    """
    try:
        return not os.listdir(os.path.dirname(name))
    except OSError:
        return True


def _switch(path: Path) -> Path | None:
    """Put the new catalog in the place of the old one, which is kept under the name returned.

    None if there was no old one.

    At no moment does a seal fit that should not: the old one stays until the new one replaces it.
    """
    old, aside = path / "catalog.db", path / f"catalog.damaged-{time.time_ns()}.db"
    with storage_errors(path):
        # Its log must not be taken for that of the new one. What it held is lost or salvaged.
        for end in ("-wal", "-shm"):
            disk.remove(path / f"catalog.db{end}")
        there = old.exists()
        if there:
            disk.rename(old, aside)
        disk.rename(path / NEW, old)
        disk.rename(seal_path(path / NEW), seal_path(old))
    return aside if there else None


def _remove_database(file: Path) -> None:
    with storage_errors(file):
        for name in (file, Path(f"{file}-wal"), Path(f"{file}-shm"), seal_path(file)):
            disk.remove(name)
