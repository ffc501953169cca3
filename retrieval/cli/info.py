"""`retrieval info`"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import collection_option, open_collection
from retrieval.cli.output import emit, human_bytes, printable, to_json

if TYPE_CHECKING:
    from retrieval.records import CollectionInfo


@click.command("info")
@collection_option
@click.option("--skipped", "list_skipped", is_flag=True, help="List skipped files with reasons.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info_command(list_skipped: bool, as_json: bool, **flags: Any) -> None:
    """Show what is in a collection."""
    collection, _ = open_collection(flags)
    with collection:
        info = collection.info()
        skipped = collection.catalog.skipped() if list_skipped else []
    if as_json:
        record = asdict(info)
        if list_skipped:
            record["skipped_files"] = [asdict(entry) for entry in skipped]
        emit(to_json(record))
        return
    _show(info)
    for entry in skipped:
        emit(f"skipped     {printable(entry.path)}: {entry.reason}")


def _show(info: CollectionInfo) -> None:
    sizes = ", ".join(f"{name} {human_bytes(size)}" for name, size in info.sizes.items())
    rows = {
        "collection": info.path,
        "photos": f"{info.photos:,}",
        "files": f"{info.files:,}",
        "documents": f"{info.documents:,}",
        "skipped": f"{info.skipped:,}",
        "encoder": f"{info.encoder} ({info.dim} dimensions, {info.fingerprint[:12]})",
        "recipe": info.recipe,
        "sizes": sizes,
        "format": f"{info.format}, made by {info.created_by}",
    }
    for name, value in rows.items():
        emit(f"{name:<12}{value}")
