"""`retrieval info`"""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import collection_option, open_collection
from retrieval.cli.output import emit, human_bytes, printable, to_json
from retrieval.cli.spaces import space_line

if TYPE_CHECKING:
    from retrieval.records import CollectionInfo, RunRecord

SHOWN_REASONS = 12
GROUPS = ("added", "changed", "moved", "duplicates", "unchanged", "skipped")


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
        "duplicates": f"{info.duplicates:,}",
        "animated": f"{info.animated:,} (first frame is searched)" if info.animated else "",
        "documents": f"{info.documents:,}",
        "unused": _unused(info.not_live),
        "encoder": f"{info.encoder} ({info.dim} dimensions, {info.fingerprint[:12]})",
        "texts": info.towers.get("text", ""),
        "pictures": info.towers.get("image", ""),
        "recipe": info.recipe,
        "sizes": sizes,
        "format": f"{info.format}, made by {info.created_by}",
        "skipped": f"{info.skipped:,}",
    }
    for name, value in rows.items():
        if value:
            emit(f"{name:<12}{printable(value)}")
    for index, space in enumerate(info.spaces if len(info.spaces) > 1 else ()):
        emit(f"{'' if index else 'spaces':<12}{space_line(space)}")
    for reason, count in islice(info.reasons.items(), SHOWN_REASONS):
        emit(f"  {count:>8,}  {printable(reason)}")
    if len(info.reasons) > SHOWN_REASONS:
        emit(f"            … {len(info.reasons) - SHOWN_REASONS:,} more reasons")
    for index, run in enumerate(info.runs):
        emit(f"{'' if index else 'runs':<12}{printable(_line(run))}")


def _unused(count: int) -> str:
    return f"{count:,} embeddings are not searched; drop them with: retrieval compact" * bool(count)


def _line(run: RunRecord) -> str:
    """A run in one line: when, what, how it ended, how long it took, what it did and how fast."""
    parts = [f"{run.started_at[:16].replace('T', ' ')} UTC  {run.command:<8}{run.outcome}"]
    if run.seconds is not None:
        parts.append(f"{run.seconds:.1f} s")
    parts += [
        f"{count:,} {name.replace('_', ' ')}"
        for name, count in run.counts.items()
        if count and not name.endswith("_ms")  # times of stages: for `info --json`
    ]
    return ", ".join([*parts, *_rate(run)])


def _rate(run: RunRecord) -> list[str]:
    """How fast an indexing run was: by what it embedded, or else by the files it looked at."""
    embedded, met = run.counts.get("embedded", 0), sum(run.counts.get(n, 0) for n in GROUPS)
    if run.command != "index" or not run.seconds or not met:
        return []
    return [
        f"{embedded / run.seconds:,.1f} embedded/s"
        if embedded
        else f"{met / run.seconds:,.0f} files/s"
    ]
