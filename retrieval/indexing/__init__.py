"""Index folders: walk, compare with what is known, embed what is new, commit batch by batch.

Nothing that is unchanged is opened, nothing whose content is known is embedded again, and each
file met is counted in exactly one group of the report. `run` says what there is to do, `photos`
and `texts` do it, and `session` holds what they share.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.corpora import Columns
from retrieval.errors import UsageError
from retrieval.indexing.run import Run
from retrieval.indexing.session import Session
from retrieval.records import IndexReport, ProgressCallback, ignore_progress

if TYPE_CHECKING:
    from retrieval.collection import Collection


def index_folder(
    collection: Collection,
    folders: str | Path | Iterable[str | Path],
    *,
    columns: Columns = Columns(),  # noqa: B008 - frozen
    batch_size: int = 0,
    threads: int = 0,
    on_progress: ProgressCallback = ignore_progress,
) -> IndexReport:
    """Bring a collection up to date with folders (or single files); it keeps what else it has.

    Photos are found by their content and embedded once however many files hold them; .txt, .md,
    .csv, .tsv and .jsonl become documents. A broken file is reported and never stops the run; a
    run that is interrupted keeps all committed batches and goes on from there. Raises UsageError
    for a folder that does not exist, NoPhotosError if there is nothing to index, LockedError,
    StorageError, EncoderError.
    """
    roots = existing_roots(folders)
    with collection.writing():
        return Run(Session(collection, columns, batch_size, threads, on_progress), roots).report()


def existing_roots(folders: str | Path | Iterable[str | Path]) -> list[Path]:
    """Absolute paths of folders (or files) to index. Raises UsageError for one that is missing."""
    given = [folders] if isinstance(folders, (str, Path)) else list(folders)
    if not given or "" in given:
        raise UsageError("No folder was named. Name the folder that holds the photos.")
    roots = [Path(os.path.abspath(os.path.expanduser(folder))) for folder in given]
    for root in roots:
        if not os.path.exists(root):
            raise UsageError(f"There is no folder {root}. Check the path.")
    return roots
