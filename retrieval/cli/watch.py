"""`retrieval watch FOLDER...`"""

from __future__ import annotations

import signal
import time
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

if TYPE_CHECKING:
    from retrieval.records import IndexReport, WatchReport

COUNTS = ("added", "changed", "moved", "duplicates", "removed")
SHOWN_SKIPPED = 3


@click.command("watch")
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...")
@collection_option
@encoder_options
@work_options
@click.option("--fast", is_flag=True, default=None, help="Decode JPEGs more coarsely.")
@click.option(
    "--settle",
    type=click.FloatRange(0.05, 3600),
    default=2.0,
    show_default=True,
    help="Seconds without changes before files are taken.",
)
@click.option("--poll", is_flag=True, help="Look for changes; for disks of other machines.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a run.")
def watch_command(
    folders: tuple[str, ...], settle: float, poll: bool, as_json: bool, **flags: Any
) -> None:
    """Index folders, and go on as photos come, change, move and go. Ctrl-C ends it.

    One line for each run that changed something. Photos of a folder that is gone (a disk that was
    taken out) stay until it is back.
    """
    from retrieval.indexing import existing_roots
    from retrieval.watching import Ways, watch

    roots = existing_roots(folders)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    collection, settings = open_collection(flags, create=True)
    with collection, progress_display() as on_progress:
        first = True

        def on_run(report: IndexReport) -> None:
            nonlocal first
            emit(to_json(_record(report), indent=None) if as_json else _line(report, first))
            for skipped in [] if as_json else report.skipped[:SHOWN_SKIPPED]:
                tell(f"  skipped {printable(skipped.path)}: {skipped.reason}")
            if first:
                collection.prepare_queries()
                tell(
                    f"watching {', '.join(printable(str(root)) for root in roots)}; Ctrl-C ends it"
                )
            first = False

        report = watch(
            collection,
            roots,
            ways=Ways(batch_size=settings.batch_size, threads=settings.threads, fast=settings.fast),
            settle_s=settle,
            poll=poll,
            on_run=on_run,
            on_progress=on_progress,
        )
    if as_json:
        emit(to_json(asdict(report), indent=None))
    else:
        emit(_sum(report))


def _record(report: IndexReport) -> dict[str, Any]:
    return {"time": time.strftime("%Y-%m-%dT%H:%M:%S")} | asdict(report)


def _line(report: IndexReport, first: bool) -> str:
    parts = [f"{getattr(report, name):,} {name}" for name in COUNTS if getattr(report, name)]
    if report.skipped and first:
        parts.append(f"{len(report.skipped):,} skipped")
    what = ", ".join(parts) or "nothing new"
    return f"{time.strftime('%H:%M:%S')} {what}; {report.photos:,} photos, {report.seconds:.1f} s"


def _sum(report: WatchReport) -> str:
    parts = [
        f"{getattr(report, name):,} {name}"
        for name in ("added", "changed", "moved", "removed")
        if getattr(report, name)
    ]
    runs = "1 run" if report.runs == 1 else f"{report.runs:,} runs"
    return f"ended after {runs} that changed something" + ": " * bool(parts) + ", ".join(parts)
