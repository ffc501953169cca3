"""Index folders: walk, compare with what is known, embed what is new, commit batch by batch.

Nothing that is unchanged is opened, nothing whose content is known is embedded again, and each
file met is counted in exactly one group of the report. `run` says what there is to do, `photos`
and `texts` do it, and `session` holds what they share.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.coding import refresh
from retrieval.compaction import compact_if_worth
from retrieval.corpora import Columns, is_corpus
from retrieval.errors import UsageError
from retrieval.grouping.trips import refresh_trips
from retrieval.indexing.photos import PhotoIndexer
from retrieval.indexing.rereading import reread
from retrieval.indexing.run import Run
from retrieval.indexing.session import Session
from retrieval.indexing.sidecars import SidecarIndexer
from retrieval.indexing.texts import TextIndexer
from retrieval.journal import recorded
from retrieval.metadata.reading import is_sidecar
from retrieval.records import FileStat, IndexReport, ProgressCallback, ignore_progress
from retrieval.scan import stat_file
from retrieval.storage.layout import remember_roots

if TYPE_CHECKING:
    from retrieval.collection import Collection


def index_folder(
    collection: Collection,
    folders: str | Path | Iterable[str | Path],
    *,
    columns: Columns = Columns(),
    batch_size: int = 0,
    threads: int = 0,
    fast: bool = False,
    is_busy: Callable[[str], bool] | None = None,
    on_progress: ProgressCallback = ignore_progress,
) -> IndexReport:
    """Bring a collection up to date with folders (or single files); it keeps what else it has.

    Photos are found by their content and embedded once however many files hold them; .txt, .md,
    .csv, .tsv and .jsonl become documents. A broken file is reported and never stops the run; a
    run that is interrupted keeps all committed batches and goes on from there. Files of a folder
    that was deleted are removed. `fast` decodes JPEGs more coarsely, as `Settings` says. New and
    changed files that `is_busy` says are being written are left for another run. Raises
    UsageError for a folder that was never there, NoPhotosError if there is nothing to index,
    LockedError, StorageError, EncoderError.
    """
    begun = time.monotonic()
    roots = named_roots(folders)
    gone = [root for root in roots if not os.path.exists(root)]
    for root in gone:
        _check_deleted(root, known=bool(collection.catalog.known_files([str(root)])))
    with collection.writing():
        remember_roots(collection.path, roots)
        with recorded(collection, "index", roots) as counts:
            session = Session(collection, columns, batch_size, threads, on_progress, fast=fast)
            if is_busy is not None:
                session.is_busy = is_busy
            before = collection.catalog.generation()
            report = Run(session, roots, gone).report()
            if collection.catalog.generation() != before:
                collection.catalog.relink()
                refresh_trips(collection)
            counts.update(_numbers(report))
            collection.catalog.fill_words()  # what was indexed before there were any
        if not report.removed:  # what is gone today may be back with its disk tomorrow
            compact_if_worth(collection)
        refresh(collection.path, collection.catalog, collection.encode_texts, on_progress)
    return replace(report, seconds=time.monotonic() - begun)


def _numbers(report: IndexReport) -> dict[str, int]:
    """What the journal keeps of a report."""
    names = ("added", "changed", "moved", "duplicates", "unchanged", "removed", "embedded")
    numbers = {name: getattr(report, name) for name in names} | {"skipped": len(report.skipped)}
    if report.fast:
        numbers["embedded_fast"] = report.embedded
    stages = asdict(report.stages)
    return numbers | {f"{name}_ms": round(1000 * value) for name, value in stages.items() if value}


def reindex_files(
    collection: Collection,
    paths: Iterable[str],
    on_progress: ProgressCallback = ignore_progress,
    *,
    known_only: bool = False,
) -> int:
    """Read these files again whatever is known of them; returns how many are there.

    Nothing else is looked at and nothing is removed; `known_only` leaves out files whose content
    would have to be embedded. Must run inside `collection.writing`.
    """
    session = Session(collection, Columns(), 0, 0, on_progress, known_only)
    stats = [entry for path in paths if isinstance(entry := stat_file(path), FileStat)]
    session.before = collection.catalog.files_at([stat.path for stat in stats])
    session.sidecars = {stat.path for stat in stats if is_sidecar(stat.path)}
    texts = [stat for stat in stats if is_corpus(stat.path)]
    others = [stat for stat in stats if not is_corpus(stat.path) and not is_sidecar(stat.path)]
    misnamed = SidecarIndexer(session).index(
        [stat for stat in stats if stat.path in session.sidecars]
    )
    photos = PhotoIndexer(session)
    photos.index([*others, *misnamed])
    photos.index(TextIndexer(session).index(texts))
    reread(session, {stat.path for stat in stats})
    return len(stats)


def named_roots(folders: str | Path | Iterable[str | Path]) -> list[Path]:
    """Absolute paths of folders (or files) to index. Raises UsageError if none is named."""
    given = [folders] if isinstance(folders, (str, Path)) else list(folders)
    if not given or "" in given:
        raise UsageError("No folder was named. Name the folder that holds the photos.")
    return [Path(os.path.abspath(os.path.expanduser(folder))) for folder in given]


def existing_roots(folders: str | Path | Iterable[str | Path]) -> list[Path]:
    """The same; raises UsageError for one that is missing."""
    roots = named_roots(folders)
    for root in roots:
        if not os.path.exists(root):
            _check_deleted(root, known=False)
    return roots


def _check_deleted(root: Path, *, known: bool) -> None:
    """Raise UsageError unless the missing `root` is `known` and was surely deleted.

    The folder it lay in tells, where a link led to it the one behind the link: if that cannot be
    listed, a disk is perhaps not connected.
    """
    if not known:
        raise UsageError(f"There is no folder or file {root}. Check the path.")
    try:
        real = Path(os.path.realpath(root))
        left = real.name in os.listdir(real.parent)
    except OSError:
        left = True
    if left:
        raise UsageError(
            f"{root} is in the collection and cannot be reached; nothing was removed. Connect its "
            "disk, or index a folder above it."
        )
