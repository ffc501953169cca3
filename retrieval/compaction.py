"""Write the vectors anew without the rows of items that stand in no file, and without erased rows.

The new edition is durable before one catalog transaction switches to it, so a process that dies
leaves either the old or the new one in use; the other is removed. Readers that have the old one
mapped go on with it, and notice the switch when they describe their hits.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrieval.errors import CorruptError, RetrievalError, StorageError
from retrieval.journal import recorded
from retrieval.records import (
    KINDS,
    CompactReport,
    Kind,
    Progress,
    ProgressCallback,
    Space,
    ignore_progress,
)
from retrieval.storage import edits
from retrieval.storage.kept import keep, wipe
from retrieval.storage.layout import sizes_on_disk
from retrieval.storage.leftovers import remove_thumbnails
from retrieval.storage.vectors import VectorFile, checksums
from retrieval.storage.words import forget_deleted_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.collection import Collection

BLOCK_BYTES = 8 << 20  # of vectors that are copied at a time
LEAST_DEAD = 1_000  # rows; fewer are not worth an automatic compaction
DEAD_SHARE = 0.1


@dataclass(frozen=True, slots=True)
class _Move:
    """The rows of one vector file that go to its next edition."""

    space: Space
    kind: Kind
    kept: NDArray[np.int64]
    old: VectorFile
    new: VectorFile

    @property
    def edition(self) -> int:
        return self.space.editions[self.kind] + 1


def compact_if_worth(collection: Collection) -> None:
    """Compact when more than a tenth of the rows, and at least 1,000, are dead.

    Must run inside `collection.writing()`, outside of another journal entry. Raises CorruptError.
    """
    rows = sum(sum(space.rows.values()) for space in collection.catalog.spaces())
    dead = collection.catalog.dead_count()
    if dead < LEAST_DEAD or dead <= DEAD_SHARE * rows:
        return
    if collection.catalog.undescribed():
        return  # made anew by repair: the files of what seems dead are yet to be met
    # A disk too full for it is no failure of the run before; the journal tells.
    with suppress(StorageError):
        compact_now(collection)


def compact_now(
    collection: Collection, on_progress: ProgressCallback = ignore_progress
) -> CompactReport:
    """Drop dead and erased rows, and what the catalog kept of their items.

    Must run inside `collection.writing()`. Raises CorruptError for damaged rows, StorageError.
    """
    begun, before = time.monotonic(), sizes_on_disk(collection.path)["total"]
    with recorded(collection, "compact") as counts:
        rows_before = sum(sum(space.rows.values()) for space in collection.catalog.spaces())
        moves = _write_editions(collection, on_progress)
        wipe(collection.path)
        _switch(collection, moves)
        remove_thumbnails(collection.path, collection.catalog)
        collection.catalog.vacuum()
        keep(collection.path, collection.catalog)
        rows_after = sum(sum(space.rows.values()) for space in collection.catalog.spaces())
        freed = max(before - sizes_on_disk(collection.path)["total"], 0)
        counts.update(rows_before=rows_before, rows_after=rows_after, bytes_freed=freed)
    return CompactReport(rows_before, rows_after, freed, time.monotonic() - begun)


def _write_editions(collection: Collection, on_progress: ProgressCallback) -> list[_Move]:
    """Write new editions of all vector files that hold dead rows."""
    moves: list[_Move] = []
    try:
        for space in collection.catalog.spaces():
            for kind in KINDS:
                kept = _kept(collection, space, kind)
                if len(kept) < space.rows[kind]:
                    edition = space.editions[kind] + 1
                    old = collection.vector_file(space, kind)
                    new = collection.vector_file(space, kind, edition)
                    moves.append(_Move(space, kind, kept, old, new))
                    _copy(moves[-1], on_progress)
    except RetrievalError:
        with suppress(RetrievalError):  # the next writer removes them otherwise
            for move in moves:
                move.new.remove()
        raise
    return moves


def _kept(collection: Collection, space: Space, kind: Kind) -> NDArray[np.int64]:
    with collection.catalog.reading() as connection:
        if edits.known_rows(connection, space, kind) != space.rows[kind]:
            raise CorruptError(
                f"The catalog at {collection.path} does not account for all rows of its {kind}. "
                "Mend it with: retrieval repair"
            )
        return np.fromiter(edits.kept_rows(connection, space, kind), np.int64)


def _copy(move: _Move, on_progress: ProgressCallback) -> None:
    """Copy the kept rows block by block, each compared with its key: damage is not passed on."""
    count = move.space.rows[move.kind]
    rows, keys = move.old.rows(count), move.old.keys(count)
    block = max(BLOCK_BYTES // (2 * move.space.dim), 1)
    for start in range(0, len(move.kept), block):
        places = move.kept[start : start + block]
        some, names = rows[places], keys[places]
        damaged = int((checksums(some, names["hash"]) != names["crc32"]).sum())
        if damaged:
            raise CorruptError(
                f"{damaged:,} rows of {move.old.path} are damaged; nothing was compacted. "
                "Mend them with: retrieval repair"
            )
        move.new.extend(start, some, names)
        done = start + len(places)
        on_progress(Progress(f"compacting {move.kind}", done, len(move.kept)))


def _switch(collection: Collection, moves: list[_Move]) -> None:
    with collection.catalog.writing() as connection:
        edits.drop_items(connection)
        forget_deleted_words(connection)
        for move in moves:
            edits.switch_edition(connection, move.space, move.kind, move.edition, move.kept)
    for move in moves:
        move.old.remove()
