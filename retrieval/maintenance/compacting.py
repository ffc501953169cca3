"""Compact a collection when its owner asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.compaction import compact_now
from retrieval.records import CompactReport, ProgressCallback, ignore_progress

if TYPE_CHECKING:
    from retrieval.collection import Collection


def compact(
    collection: Collection, *, on_progress: ProgressCallback = ignore_progress
) -> CompactReport:
    """Drop photos and documents that stand in no file any more, and free the space they took.

    Searching goes on meanwhile. Raises LockedError, StorageError, and CorruptError where vectors
    are damaged: these are to be mended first.
    """
    with collection.writing():
        return compact_now(collection, on_progress)
