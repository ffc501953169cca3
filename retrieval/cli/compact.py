"""`retrieval compact`"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import click

from retrieval.cli.options import collection_option, open_collection
from retrieval.cli.output import emit, human_bytes, progress_display, to_json


@click.command("compact")
@collection_option
@click.option("--unfound", is_flag=True, help="Also what repair kept and found no file for.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def compact_command(unfound: bool, as_json: bool, **flags: Any) -> None:
    """Drop what stands in no file any more, and free the space it took."""
    collection, _ = open_collection(flags)
    from retrieval.maintenance.compacting import compact

    with collection, progress_display() as on_progress:
        report = compact(collection, unfound=unfound, on_progress=on_progress)
    if as_json:
        emit(to_json(asdict(report)))
        return
    emit(
        f"{report.rows_before - report.rows_after:,} of {report.rows_before:,} rows dropped, "
        f"{human_bytes(report.bytes_freed)} freed, {report.seconds:.1f} s"
    )
