"""`retrieval index FOLDER...`"""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import (
    collection_option,
    encoder_options,
    open_collection,
    work_options,
)
from retrieval.cli.output import emit, printable, progress_display, tell, to_json
from retrieval.errors import NoCollectionError, NoPhotosError

if TYPE_CHECKING:
    from retrieval.records import IndexReport

SHOWN_SKIPPED = 10


@click.command("index")
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...")
@collection_option
@encoder_options
@work_options
@click.option("--text-column", default="", help="Column of a table that holds the text.")
@click.option("--image-column", default="", help="Column that names the text's photo.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def index_command(
    folders: tuple[str, ...], text_column: str, image_column: str, as_json: bool, **flags: Any
) -> None:
    """Index folders of photos (and texts: .txt .md .csv .jsonl), or bring them up to date."""
    from retrieval.corpora import Columns
    from retrieval.indexing import existing_roots, index_folder, named_roots

    roots = named_roots(folders)
    missing = not all(os.path.exists(root) for root in roots)  # deleted, if a collection knows it
    try:
        collection, settings = open_collection(flags, create=not missing)
    except NoCollectionError:
        existing_roots(roots)  # no collection is made for nothing: name the missing folder
        raise
    with collection, progress_display() as on_progress:
        try:
            report = index_folder(
                collection,
                roots,
                columns=Columns(text_column, image_column),
                batch_size=settings.batch_size,
                threads=settings.threads,
                on_progress=on_progress,
            )
        except NoPhotosError as exc:
            if as_json:
                emit(to_json(asdict(exc.report)))
            raise
        if report.photos:
            collection.prepare_queries()
    if as_json:
        emit(to_json(asdict(report)))
    else:
        _show(report, f" -c {flags['collection']}" if flags["collection"] else "")


def _show(report: IndexReport, where: str) -> None:
    parts = [
        f"{getattr(report, name):,} {name}"
        for name in ("added", "changed", "moved", "duplicates", "unchanged", "removed")
        if getattr(report, name)
    ]
    if report.skipped:
        parts.append(f"{len(report.skipped):,} skipped")
    emit(", ".join(parts))
    documents = f" and {report.documents:,} documents" if report.documents else ""
    emit(
        f"{report.photos:,} photos{documents} in the collection, "
        f"{report.seconds:.1f} s, encoder {report.encoder}"
    )
    for skipped in report.skipped[:SHOWN_SKIPPED]:
        tell(f"  skipped {printable(skipped.path)}: {skipped.reason}")
    if len(report.skipped) > SHOWN_SKIPPED:
        tell(f"  … all of them: retrieval info --skipped{where}")
