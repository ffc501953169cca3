"""Export a collection: as a table, as embeddings beside tables, or the photos themselves."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from retrieval.errors import CorruptError, ExchangeError, NoCollectionError, UsageError
from retrieval.exchange.arrays import write_arrays
from retrieval.exchange.copying import Copier
from retrieval.exchange.entries import Listing, columns_of
from retrieval.exchange.places import whole_file, whole_folder
from retrieval.exchange.tables import (
    CsvTable,
    JsonTable,
    ParquetTable,
    Table,
    has_arrow,
    load_arrow,
)
from retrieval.records import (
    FORMS,
    KINDS,
    ExportReport,
    Form,
    Kind,
    Progress,
    ProgressCallback,
    Skipped,
    ignore_progress,
)
from retrieval.storage.layout import read_roots

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.exchange.places import Written

DTYPES = ("float16", "float32")


def export_collection(
    collection: Collection,
    target: str | Path,
    *,
    form: Form,
    kind: Kind = "photos",
    among: Sequence[int] | None = None,
    scores: Mapping[int, float] | None = None,
    dtype: Literal["float16", "float32"] = "float16",
    tree: bool = False,
    replace: bool = False,
    on_progress: ProgressCallback = ignore_progress,
) -> ExportReport:
    """Export all items of a kind, or those of the ids in `among`, in that order.

    "parquet", "csv", "json" and "jsonl" write a table into a file (`replace` an older one); "npy"
    a folder of embeddings in `dtype` that clip-retrieval and embedding-reader read; "copies" and
    "links" put the photos into a folder, with `tree` in folders as they lie, and replace nothing.
    `scores` by id fill a column. A table or a set of embeddings belongs to one moment, and all
    stands there whole or not at all. Raises UsageError, ExchangeError, MissingExtraError,
    NoCollectionError, LockedError, CorruptError, StorageError.
    """
    begun = time.monotonic()
    _check(form, kind, dtype)
    place = _place(target, collection.path)
    reader = collection.catalog
    if reader.files_at([str(place)]):
        raise ExchangeError(
            f"{place} is a file of the collection; nothing was written. Name another place."
        )
    with reader.snapshot():
        space = reader.active_space()
        if space is None or not space.rows[kind]:
            raise NoCollectionError(
                f"The collection at {collection.path} holds no {kind} yet. "
                "Add some with: retrieval index FOLDER"
            )
        items = Listing(reader, space, kind, among, scores or {})
        unknown = [
            Skipped(f"id {item}", f"no such item among the {kind}") for item in items.unknown
        ]
        if form == "npy":
            with whole_folder(place) as folder:
                count, size = write_arrays(
                    folder, collection, space, kind, items, dtype, on_progress
                )
        elif form == "copies" or form == "links":
            items.fix()
        else:
            count, size = _write_table(place, form, kind, items, replace, on_progress)
    missed: list[Skipped] = []
    if form == "copies" or form == "links":
        count, size, missed = _copy(collection, place, form, items, tree, on_progress)
    notes = ("Without pyarrow the records stand in metadata_csv only.",)
    return ExportReport(
        path=str(place),
        form=form,
        kind=kind,
        items=count,
        bytes=size,
        left_out=(*unknown, *missed),
        notes=notes if form == "npy" and not has_arrow() else (),
        encoder=space.encoder,
        seconds=time.monotonic() - begun,
    )


def _check(form: str, kind: str, dtype: str) -> None:
    for name, value, known in (
        ("form", form, FORMS),
        ("kind", kind, KINDS),
        ("dtype", dtype, DTYPES),
    ):
        if value not in known:
            raise UsageError(f"{name} must be one of {', '.join(known)}, not {value!r:.60}.")
    if form in ("copies", "links") and kind != "photos":
        raise UsageError(f"Only photos can be exported as {form}. Choose another form for texts.")
    if form == "parquet":
        load_arrow()


def _place(target: str | Path, collection: Path) -> Path:
    """The absolute place of an export. Raises UsageError, ExchangeError."""
    if not str(target) or "\0" in str(target):
        raise UsageError("No place to export to was named. Name a file or a folder.")
    place = Path(os.path.realpath(os.path.expanduser(target)))
    if Path(os.path.realpath(collection)) in (place, *place.parents):
        raise ExchangeError(f"{place} lies in the collection itself. Name a place outside of it.")
    if place.exists() and not (place.is_file() or place.is_dir()):
        raise ExchangeError(f"{place} is a pipe or a device, not a file. Name another place.")
    if not place.parent.is_dir():
        raise ExchangeError(f"There is no folder {place.parent}. Make it first, or name another.")
    return place


def _write_table(
    place: Path,
    form: Form,
    kind: Kind,
    items: Listing,
    replace: bool,
    on_progress: ProgressCallback,
) -> tuple[int, int]:
    """Write one file; returns how many records and bytes it has."""
    count, done = len(items), 0
    with whole_file(place, replace=replace) as file:
        table = _table(form, file, kind)
        try:
            for entries in items.pieces():
                table.write([entry.record for entry in entries])
                done += len(entries)
                on_progress(Progress("exporting", done, count))
            table.end()
        finally:
            table.abandon()
        file.flush()
        size = file.size
    return done, size


def _table(form: Form, file: Written, kind: Kind) -> Table:
    columns = columns_of(kind)
    if form == "csv":
        return CsvTable(file, columns)
    if form == "parquet":
        return ParquetTable(file, columns)
    return JsonTable(file, columns, lines=form == "jsonl")


def _copy(
    collection: Collection,
    place: Path,
    form: Literal["copies", "links"],
    items: Listing,
    tree: bool,
    on_progress: ProgressCallback,
) -> tuple[int, int, list[Skipped]]:
    roots: list[str] = []
    with suppress(CorruptError):
        roots = read_roots(collection.path)
    with whole_folder(place, into_existing=True) as folder:
        copier = Copier(folder, place, form, roots, tree)
        copier.run(items, on_progress)
    return copier.items, copier.size, copier.left_out
