"""`retrieval ocr`"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from retrieval.cli.options import collection_option, open_collection
from retrieval.cli.output import emit, progress_display, to_json


@click.command("ocr")
@collection_option
@click.option("--limit", type=click.IntRange(0), default=0, help="At most so many photos (0: all).")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def ocr_command(limit: int, as_json: bool, **flags: Any) -> None:
    """Recognise the writing in photos, so that searches find them by it (extra: ocr).

    Takes a second or so a photo, at low priority; it may be interrupted and goes on from there.
    """
    collection, _ = open_collection(flags)
    from retrieval.writing import read_writing

    with collection, progress_display() as on_progress:
        report = read_writing(collection, limit=limit, on_progress=on_progress)
    if as_json:
        emit(to_json(asdict(report)))
        return
    emit(
        f"{report.photos:,} photos read, {report.with_writing:,} of them hold writing, "
        f"{report.seconds:.1f} s"
    )
    if report.unreadable:
        emit(f"  {report.unreadable:,} could not be opened now and are tried again")
    if report.left:
        emit(f"  {report.left:,} are left; run it again to go on")
