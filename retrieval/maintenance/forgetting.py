"""Remove photos and texts for good: vectors overwritten, thumbnails and catalog entries gone.

What must not happen is that a part stays behind unnoticed. Copies of the catalog go first, then one
transaction deletes the entries and says which rows of the vectors are to be overwritten; the rest
is done afterwards, by the next writer if this process dies.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.coding import learned, refresh
from retrieval.errors import UsageError
from retrieval.grouping.trips import refresh_trips
from retrieval.indexing import named_roots
from retrieval.indexing.sidecars import SIDECAR
from retrieval.journal import recorded
from retrieval.metadata.reading import sidecars_of
from retrieval.records import ForgetReport
from retrieval.scan import KnownFile
from retrieval.storage import edits
from retrieval.storage.edits import Doomed
from retrieval.storage.kept import keep, wipe
from retrieval.storage.layout import forget_roots
from retrieval.storage.leftovers import find_copies, finish_forgetting, remove_copies

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.storage.catalog import Catalog


def forget(
    collection: Collection,
    paths: str | Path | Iterable[str | Path],
    *,
    without_trace: bool = False,
    dry_run: bool = False,
) -> ForgetReport:
    """Forget the photos and texts in files and folders, which need not exist any more.

    A photo is forgotten with all its files, also copies elsewhere; a document that another text
    file holds as well stays. The paths stay listed as skipped, so that indexing does not take the
    files in again unless they are named; `without_trace` leaves out even that. `dry_run` changes
    nothing. Raises UsageError for a path that is not known, LockedError, StorageError.
    """
    begun = time.monotonic()
    roots = named_roots(paths)
    if dry_run:
        doomed = _find(collection, roots)
        copies = find_copies(collection.path)
        names = tuple(file.name for file in copies)
        return _report(doomed, names, without_trace, begun, dry_run=True)
    with collection.writing():
        doomed = _find(collection, roots)
        known = learned(collection.path, collection.catalog)
        with recorded(collection, "forget", [] if without_trace else roots) as counts:
            backups = remove_copies(collection.path)
            wipe(collection.path)
            with collection.catalog.writing() as connection:
                edits.forget(connection, doomed, trace=not without_trace)
                if without_trace:
                    gone = [*map(str, roots), *(file.path for file in doomed.files)]
                    edits.scrub_runs(connection, gone)
            if without_trace:
                forget_roots(collection.path, map(str, roots))
            refresh_trips(collection)
            wiped = finish_forgetting(collection.path, collection.catalog)
            keep(collection.path, collection.catalog)
            report = _report(doomed, backups, without_trace, begun, wiped=wiped)
            counts.update(photos=report.photos, files=len(report.files), documents=report.documents)
        refresh(collection.path, collection.catalog, known=known)
    return report


def _find(collection: Collection, roots: list[Path]) -> Doomed:
    catalog = collection.catalog
    with catalog.snapshot(), catalog.reading() as connection:
        found = {}
        for root in roots:
            there = catalog.known_files([str(root)])
            if not there:
                raise UsageError(
                    f"{root} is not in the collection; nothing was forgotten. Name a file or a "
                    "folder as results show it. Photos whose files left the collection before are "
                    "dropped by: retrieval compact"
                )
            found.update(there)
        doomed = edits.find_doomed(connection, found.values())
        beside = _sidecars(catalog, doomed)
        return edits.find_doomed(connection, [*found.values(), *beside]) if beside else doomed


def _sidecars(catalog: Catalog, doomed: Doomed) -> list[KnownFile]:
    """The sidecars that tell of what is doomed and of nothing else."""
    names = {n for f in doomed.files if f.photo_id is not None for n in sidecars_of(f.path)}
    names -= {file.path for file in doomed.files}
    known = [f for f in catalog.files_at(sorted(names)).values() if f.reader == SIDECAR]
    going = set(doomed.photos)
    return [
        file
        for file in known
        if going.issuperset(catalog.photo_ids(catalog.photos_beside([file.path])).values())
    ]


def _report(
    doomed: Doomed,
    backups: tuple[str, ...],
    without_trace: bool,
    begun: float,
    *,
    dry_run: bool = False,
    wiped: bool = True,
) -> ForgetReport:
    return ForgetReport(
        photos=len(doomed.photos),
        documents=len(doomed.documents),
        files=tuple(file.path for file in doomed.files),
        copies=doomed.copies,
        links=doomed.links,
        backups=backups,
        without_trace=without_trace,
        dry_run=dry_run,
        wiped=wiped,
        seconds=time.monotonic() - begun,
    )
