"""Bring a collection of an older format up to date, after a backup of its catalog.

Format 1 had no keys beside its vectors, no seal and no checksum in its manifest. Every step can be
repeated: a process that dies on the way leaves a collection that the next one upgrades.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import text

from retrieval.errors import CorruptError
from retrieval.records import KINDS, Kind, NoticeCallback
from retrieval.storage import disk
from retrieval.storage.catalog import Catalog
from retrieval.storage.layout import (
    FORMAT,
    read_manifest,
    space_folder,
    storage_errors,
    write_lock,
    write_manifest,
    write_space,
)
from retrieval.storage.reading import is_current
from retrieval.storage.vectors import UNIT_TOLERANCE, VectorFile, make_keys

#: In the words of schema version 1, which the Table objects no longer describe.
_PHOTO_HASHES = """
    SELECT row, content_hash FROM embeddings JOIN photos ON photos.id = item_id
    WHERE space_id = :space AND kind = 'photos'
"""
_DOCUMENT_HASHES = """
    SELECT row, content_hash FROM embeddings JOIN documents ON documents.id = item_id
    WHERE space_id = :space AND kind = 'documents'
"""


def bring_up_to_date(path: Path, patience: float, on_notice: NoticeCallback) -> None:
    """Check the catalog of an older collection and upgrade it, unless another process has.

    Waits `patience` seconds for another process that writes. Raises FormatError, CorruptError,
    LockedError, StorageError.
    """
    current = is_current(path)
    with closing(Catalog(path / "catalog.db")) as catalog:
        catalog.check_seal(needed=current)
        # A lock only where there is something to write: the place may be read-only.
        if catalog.is_old() or not current:
            with write_lock(path, patience):
                backup = upgrade(path, catalog, read_manifest(path))
            if backup is not None:
                on_notice(f"the collection was upgraded; its old catalog is kept as {backup}")


def upgrade(path: Path, catalog: Catalog, manifest: dict[str, Any]) -> Path | None:
    """Upgrade the collection at `path` under its write lock; returns the backup of the catalog.

    None if there was nothing to back up. Raises CorruptError, StorageError.
    """
    backup = None
    version = catalog.version()
    if version > 0 and catalog.is_old():
        problems = catalog.integrity_problems()
        if problems:
            raise CorruptError(
                f"{catalog.path} is damaged and was not upgraded: {problems[0]}. "
                "Restore it from a backup, or index again into a new collection."
            )
        backup = path / f"catalog.v{version}.backup.db"
        catalog.back_up(backup)
    if version == 1:
        _make_keys(path, catalog)
    catalog.migrate()
    if manifest["format"] != FORMAT:
        with storage_errors(path):
            made = (str(manifest.get(name, "unknown")) for name in ("created_by", "created_at"))
            write_manifest(path, *made)
    return backup


def _make_keys(path: Path, catalog: Catalog) -> None:
    with catalog.reading() as connection:
        spaces = connection.execute(text("SELECT * FROM spaces")).all()
    for space in spaces:
        folder = space_folder(path, space.fingerprint)
        with storage_errors(folder):
            disk.make_folders(folder)
            write_space(folder, space.fingerprint, space.encoder, space.dim)
        counts: dict[Kind, int]
        counts = {"photos": space.photos_rows, "documents": space.documents_rows}
        for kind in KINDS:
            file = VectorFile(folder / f"{kind}.f16", space.dim)
            _write_keys(file, counts[kind], _hashes(catalog, space.id, kind))


def _hashes(catalog: Catalog, space_id: int, kind: Kind) -> dict[int, bytes]:
    query = _PHOTO_HASHES if kind == "photos" else _DOCUMENT_HASHES
    with catalog.reading() as connection:
        rows = connection.execute(text(query), {"space": space_id})
        return {row.row: row.content_hash for row in rows}


def _write_keys(file: VectorFile, count: int, hashes: dict[int, bytes]) -> None:
    """Keys for the rows there are; one that cannot be right gets none, so that it is mended."""
    count = min(count, file.row_count())  # those that were cut off are given up by repair
    if count == 0:
        return
    rows = file.rows(count)
    lengths = np.linalg.norm(rows.astype(np.float32), axis=1)
    keys = make_keys(np.asarray(rows), [hashes.get(row, bytes(32)) for row in range(count)])
    keys[~(np.abs(lengths - 1) < UNIT_TOLERANCE)] = 0
    with storage_errors(file.keys_path):
        disk.write_atomically(file.keys_path, keys.tobytes())
