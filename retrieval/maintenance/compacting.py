"""Compact a collection when its owner asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.coding import refresh
from retrieval.compaction import compact_now
from retrieval.errors import UsageError
from retrieval.records import CompactReport, ProgressCallback, ignore_progress

if TYPE_CHECKING:
    from retrieval.collection import Collection


def compact(
    collection: Collection,
    *,
    unfound: bool = False,
    on_progress: ProgressCallback = ignore_progress,
) -> CompactReport:
    """Drop photos and documents that stand in no file any more, and free the space they took.

    Searching goes on meanwhile. After the catalog was made anew by repair, embeddings whose files
    were not found yet are only dropped if `unfound`; else that is a UsageError. Raises LockedError,
    StorageError, and CorruptError where vectors are damaged: these are to be mended first.
    """
    with collection.writing():
        waiting = len(collection.catalog.undescribed())
        if waiting and not unfound:
            raise UsageError(
                f"{waiting:,} embeddings wait for their files since the catalog was made anew. "
                "Index the folders that hold them first, or drop them as well with --unfound."
            )
        report = compact_now(collection, on_progress)
        refresh(collection.path, collection.catalog, on_progress=on_progress)
    return report
