"""Mend what verify found, and embed again only what must be.

A damaged catalog is made anew from the keys of the vectors (see `rebuilding`); rows of vectors that
do not fit their keys are given up and the files that hold their items read again; what is derived
is removed and made anew when it is needed. A file that cannot be reached now stays listed as
skipped until an indexing run finds it.
"""

from __future__ import annotations

import os
import time
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path

from retrieval.coding import refresh
from retrieval.collection import LOCK_TIMEOUT_S, Collection
from retrieval.encoders import EncoderSpec
from retrieval.errors import CorruptError
from retrieval.indexing import reindex_files
from retrieval.indexing.session import NOT_OPENED
from retrieval.maintenance.findings import Findings
from retrieval.maintenance.rebuilding import rebuild_catalog
from retrieval.maintenance.spaces import check_space
from retrieval.maintenance.verifying import Verification, find
from retrieval.records import (
    KINDS,
    NoticeCallback,
    ProgressCallback,
    RepairReport,
    Space,
    ignore_notice,
    ignore_progress,
)
from retrieval.storage import audits, disk, edits, kept
from retrieval.storage.catalog import Catalog
from retrieval.storage.layout import (
    FORMAT,
    ROOTS,
    read_manifest,
    space_folder,
    storage_errors,
    write_lock,
    write_manifest,
    write_space,
)
from retrieval.storage.readable import SCHEMA_VERSION
from retrieval.storage.upgrading import upgrade

LOST = "its embedding was damaged; index its folder again"


def repair(
    where: str | Path | Collection = "",
    *,
    home: str = "",
    spec: EncoderSpec | None = None,
    on_notice: NoticeCallback = ignore_notice,
    on_progress: ProgressCallback = ignore_progress,
) -> RepairReport:
    """Mend the collection `where` (a name, a path, or an open one) as far as it can be.

    Photo files are only read. Raises NoCollectionError, FormatError, LockedError, StorageError, and
    EncoderError where something must be embedded again and the encoder cannot be loaded.
    """
    path = find(where, home)
    with write_lock(path, LOCK_TIMEOUT_S):
        return _Repair(path, spec or EncoderSpec(), on_notice, on_progress).run()


class _Repair:
    def __init__(
        self,
        path: Path,
        spec: EncoderSpec,
        on_notice: NoticeCallback,
        on_progress: ProgressCallback,
    ) -> None:
        self.path = path
        self.spec = spec
        self.on_notice = on_notice
        self.on_progress = on_progress
        self.begun = time.monotonic()
        self.started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self.done: list[str] = []
        self.embedded = 0
        self.rebuilt = False

    def run(self) -> RepairReport:
        self._mend_manifest()
        found = self._verify()
        if found.catalog_damaged:
            done, self.embedded = rebuild_catalog(self.path, self.spec, self.on_progress)
            self.done += done
            found = self._verify()
            self.rebuilt = True
        for thumbnail in found.damaged_thumbnails:
            with storage_errors(thumbnail):
                disk.remove(thumbnail)
        if found.damaged_thumbnails:
            self.done.append(f"removed {len(found.damaged_thumbnails):,} damaged thumbnails")
        if found.roots_lost:
            with storage_errors(self.path):
                disk.remove(self.path / ROOTS)
            self.done.append("removed the damaged list of indexed folders")
        if not found.catalog_damaged:
            self._mend_vectors(found)
        left = self._verify()
        return RepairReport(
            str(self.path),
            tuple(self.done),
            tuple(left.problems),
            self.embedded,
            time.monotonic() - self.begun,
        )

    def _verify(self) -> Findings:
        verification = Verification(self.path, self.spec)
        verification.run(encoder=False)
        return verification.found

    def _mend_manifest(self) -> None:
        try:
            read_manifest(self.path)
        except CorruptError:
            with storage_errors(self.path):
                write_manifest(self.path, "unknown", "unknown")
            self.done.append("wrote manifest.json anew")
        if not (self.path / "catalog.db").is_file():
            return
        with closing(Catalog(self.path / "catalog.db")) as catalog, suppress(CorruptError):
            # Where it is damaged verify says so, and it is made anew.
            manifest = read_manifest(self.path)
            version = catalog.version()
            if version == 0:
                return  # emptied, for a collection is never without tables
            catalog.check_seal(needed=False)
            if version < SCHEMA_VERSION or manifest["format"] != FORMAT:
                upgrade(self.path, catalog, manifest)
                self.done.append("upgraded the collection")

    def _mend_vectors(self, found: Findings) -> None:
        with closing(Catalog(self.path / "catalog.db")) as catalog:
            collection = Collection(self.path, catalog, self.spec, self.on_notice)
            for space in catalog.spaces():
                self._mend_space(space, active=space == catalog.active_space())
            if found.seal_lost:
                self.done.append("sealed the catalog anew")
            paths = self._give_up_rows(collection, found)
            before = catalog.row_count()
            if paths:
                there = reindex_files(collection, paths, self.on_progress)
                audits.refresh_live(catalog)
                self.done.append(
                    f"read {there:,} of {len(paths):,} files again whose embeddings were lost"
                )
            self.embedded += catalog.row_count() - before
            self._mend_codes(collection, found)
            if self.rebuilt:
                kept.keep(self.path, catalog)  # some of what they hold may not have come back
            elif found.damaged_kept:
                kept.keep(self.path, catalog, *found.damaged_kept)
                self.done.append(f"wrote {' and '.join(found.damaged_kept)} anew")
            if found.words_wrong:
                self.done.append(f"indexed the words of {audits.rebuild_words(catalog):,} photos")
            if self.done:
                self._note_run(catalog)
                catalog.seal()

    def _mend_codes(self, collection: Collection, found: Findings) -> None:
        for file in found.damaged_codes:
            file.remove()
        if found.damaged_codes or found.damaged_rows or found.filled_rows:
            refresh(self.path, collection.catalog, collection.encode_texts, self.on_progress)
        if found.damaged_codes:
            self.done.append("removed damaged codes of vectors; made anew where they are of use")

    def _note_run(self, catalog: Catalog) -> None:
        seconds = time.monotonic() - self.begun
        with catalog.writing() as connection:
            number = edits.begin_run(connection, "repair", [], self.started_at)
            edits.end_run(connection, number, seconds, "done", {"embedded": self.embedded})

    def _mend_space(self, space: Space, *, active: bool) -> None:
        try:
            check_space(self.path, space)
        except CorruptError:
            folder = space_folder(self.path, space.fingerprint)
            with storage_errors(folder):
                disk.make_folders(folder)
                write_space(folder, space.fingerprint, space.encoder, space.dim, active=active)
            self.done.append("wrote space.json anew")

    def _give_up_rows(self, collection: Collection, found: Findings) -> list[str]:
        catalog = collection.catalog
        paths: list[str] = []
        active = catalog.active_space()
        for space in catalog.spaces():
            mark = space == active
            lost = found.damaged_rows.get(space.fingerprint, {})
            filled = found.filled_rows.get(space.fingerprint, {})
            if lost or filled or (mark and found.unembedded):
                paths += audits.give_up(catalog, space, lost, filled, LOST, NOT_OPENED, mark=mark)
            kept = "" if mark else f" of {space.encoder}, which is not searched"
            for kind, rows in lost.items():
                self.done.append(f"gave up {len(rows):,} damaged rows of {kind}{kept}")
            for kind, rows in filled.items():
                self.done.append(f"overwrote {len(rows):,} forgotten rows of {kind} once more")
            for kind in KINDS:
                collection.finish_erasing(space, kind)
        # Of a repair that died, or of files that could not be reached then.
        waiting = audits.paths_with_reason(catalog, LOST)
        return sorted({*paths, *(path for path in waiting if os.path.exists(path))})
