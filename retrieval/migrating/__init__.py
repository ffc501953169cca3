"""Change the encoder of a collection without losing the library.

A second space grows beside the one that is searched, in the background and batch by batch; both can
be compared; then one transaction switches. Searches go on all the while, and the old space stays
for the way back unless it is dropped.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.coding import refresh
from retrieval.errors import UsageError
from retrieval.indexing.session import NOT_OPENED
from retrieval.journal import recorded
from retrieval.migrating.building import FEW, Builder, Work
from retrieval.migrating.comparing import Comparison
from retrieval.records import KINDS, ProgressCallback, Space, ignore_progress
from retrieval.records.moves import DropReport, MigrationReport
from retrieval.storage import audits, edits, spaces
from retrieval.storage.layout import space_folder, storage_errors
from retrieval.storage.leftovers import note_switch, remove_space

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from retrieval.collection import Collection
    from retrieval.encoders import EncoderSpec
    from retrieval.storage.catalog import Catalog

NAMED = 3  # examples in a sentence
LOST = "it could not be read when its embeddings were dropped; index its folder again"


def migrate(
    collection: Collection,
    spec: EncoderSpec,
    *,
    keep_old: bool = True,
    switch: bool = True,
    force: bool = False,
    queries: Sequence[str] = (),
    eval_folder: str | Path = "",
    batch_size: int = 0,
    threads: int = 0,
    fast: bool = False,
    on_progress: ProgressCallback = ignore_progress,
) -> MigrationReport:
    """Embed all that is in the collection with the encoder of `spec`, and search with that.

    The write lock is held for a batch at a time, and waited for while other processes write. A run
    that was interrupted goes on where it was, and so does one back to a space that was kept. Where
    files of photos cannot be read, searches stay with the old space unless by `force`; with it
    those photos are taken in by a later indexing run. `queries` and `eval_folder` (as
    `evaluate_folder` takes it) are for comparing both encoders, before the `switch` or without one.
    Raises NoCollectionError, UsageError, StorageError, and what loading an encoder raises.
    """
    begun, started_at = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    if not (keep_old or switch):
        raise UsageError("Old embeddings are only dropped with a switch. Leave out --no-switch.")
    comparison = Comparison(queries, eval_folder)
    builder = Builder(collection, spec, Work(batch_size, threads, fast, on_progress))
    old = builder.old
    builder.build(FEW if switch and not queries else 0)
    compared = comparison.run(builder, old)
    switched = dropped = False
    previous = old.encoder
    if switch:
        builder.export_for_queries()
        with builder.locked():
            switched = _switch(builder, keep_old=keep_old, force=force)
            dropped = switched and not keep_old
            if not (switched or keep_old):
                left = _drop_left(builder, force=force)
                dropped, previous = left is not None, left.encoder if left else previous
            seconds = time.monotonic() - begun
            with collection.catalog.writing() as connection:
                number = edits.begin_run(connection, "migrate", [], started_at)
                counts = {"embedded": builder.embedded, "unread": len(builder.unread)}
                edits.end_run(connection, number, seconds, "done", counts)
    new, found = builder.space, spaces.covered(collection.catalog)
    return MigrationReport(
        encoder=builder.encoder.name,
        fingerprint=builder.encoder.fingerprint,
        previous=previous,
        switched=switched,
        dropped=dropped,
        photos=found.get((new.id, "photos"), 0) if new else 0,
        documents=found.get((new.id, "documents"), 0) if new else 0,
        embedded=builder.embedded,
        unread=tuple(sorted(builder.unread.values(), key=lambda skipped: skipped.path)),
        seconds=time.monotonic() - begun,
        queries=compared.queries,
        evaluation=compared.evaluation,
    )


def _switch(builder: Builder, *, keep_old: bool, force: bool) -> bool:
    """Embed what was added last, and switch; False if searches use that encoder already.

    Needs the write lock. What is left to do when a process dies here, the next writer does.
    """
    collection, catalog = builder.collection, builder.collection.catalog
    new, old = builder.finish(), catalog.active_space()
    dropped = None if old is None or keep_old or old.id == new.id else old
    if dropped is not None and not force:
        reasons = {skipped.path: skipped.reason for skipped in builder.unread.values()}
        _refuse_losing(catalog, dropped, reasons)
    if builder.unread and not force:
        return False
    encode = builder.encoder.encode_texts
    refresh(collection.path, catalog, encode, builder.work.on_progress, space=new)
    if old is not None and old.id == new.id:
        return False
    with catalog.writing() as connection:
        spaces.switch_to(connection, new)
        if dropped is not None:
            _drop(connection, dropped)
    note_switch(collection.path, catalog)
    if dropped is not None:
        _remove_files(collection, dropped)
    return True


def _drop_left(builder: Builder, *, force: bool) -> Space | None:
    """Drop what a switch before this run kept; None where the new space is not searched, or alone.

    Needs the write lock. Raises UsageError where several spaces are left.
    """
    collection, catalog = builder.collection, builder.collection.catalog
    new, active = builder.space, catalog.active_space()
    left = [space for space in catalog.spaces() if active is None or space.id != active.id]
    if new is None or active is None or active.id != new.id or not left:
        return None
    if len(left) > 1:
        names = ", ".join(f"{space.encoder} ({space.fingerprint[:12]})" for space in left)
        raise UsageError(
            f"Searches use {active.encoder} already, and several others are kept: {names}. Drop "
            "one after the other with: retrieval spaces drop NAME"
        )
    if not force:
        _refuse_losing(catalog, left[0], {})
    with catalog.writing() as connection:
        _drop(connection, left[0])
    _remove_files(collection, left[0])
    return left[0]


# --- dropping one -----------------------------------------------------------------------------


def drop_space(collection: Collection, which: str, *, force: bool = False) -> DropReport:
    """Drop the space of an encoder, which is named or given as the beginning of its fingerprint.

    Raises UsageError for the one that searches use, one that is not there, an ambiguous name, and,
    unless by `force`, where photos have no other embedding; LockedError, StorageError.
    """
    with collection.writing():
        catalog = collection.catalog
        space = _named(catalog, which)
        if not force:
            _refuse_losing(catalog, space, {})
        with recorded(collection, "drop"):
            with catalog.writing() as connection:
                lost = _drop(connection, space)
            freed = _remove_files(collection, space)
    return DropReport(space.encoder, space.fingerprint, tuple(sorted(lost)), freed)


def _named(catalog: Catalog, which: str) -> Space:
    there = catalog.spaces()
    found = [s for s in there if which and which in (s.encoder, s.fingerprint)]
    found = found or [s for s in there if which and s.fingerprint.startswith(which)]
    names = ", ".join(f"{s.encoder} ({s.fingerprint[:12]})" for s in found or there)
    if len(found) != 1:
        problem = f"Several spaces are called {which!r}" if found else f"No space is {which!r}"
        raise UsageError(f"{problem}; there are: {names or 'none'}. Name one by its fingerprint.")
    active = catalog.active_space()
    if found[0] == active:
        raise UsageError(
            f"Searches use the space of {active.encoder}. Change to another encoder first: "
            "retrieval migrate --model MODEL"
        )
    return found[0]


def _refuse_losing(catalog: Catalog, space: Space, reasons: dict[str, str]) -> None:
    """Raise UsageError if something stands in a file and has no embedding but in this space."""
    with catalog.reading() as connection:
        only = {kind: spaces.only_in(connection, space, kind) for kind in KINDS}
    if not any(only.values()):
        return
    count = " and ".join(f"{len(ids):,} {kind}" for kind, ids in only.items() if ids)
    photos = catalog.photos_by_id(only["photos"][:NAMED]).values()
    documents = catalog.documents_by_id(only["documents"][:NAMED]).values()
    paths = [p.paths[0] for p in photos if p.paths] + [s.path for d in documents for s in d.sources]
    shown = "; ".join(
        f"{path}: {reasons[path]}" if path in reasons else path for path in paths[:NAMED]
    )
    raise UsageError(
        f"{count} would not be found any more without the embeddings of {space.encoder} ({shown}). "
        "Nothing was dropped and searches are as before. Make their files readable and run the "
        "command again, keep the embeddings, or lose them with --force."
    )


def _drop(connection: Connection, space: Space) -> list[str]:
    """Take a space out of the catalog; files of what nothing finds now are to be read again."""
    paths: list[str] = []
    for kind in KINDS:
        lost = spaces.only_in(connection, space, kind)
        paths += audits.mark_to_read_again(connection, kind, lost, LOST, NOT_OPENED)
    spaces.drop(connection, space)
    return paths


def _remove_files(collection: Collection, space: Space) -> int:
    folder = space_folder(collection.path, space.fingerprint)
    with storage_errors(folder):
        return remove_space(folder)
