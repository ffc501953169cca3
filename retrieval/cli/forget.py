"""`retrieval forget PATH...`"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import collection_option, open_collection
from retrieval.cli.output import emit, printable, to_json

if TYPE_CHECKING:
    from retrieval.records import ForgetReport

SHOWN_COPIES = 20


@click.command("forget")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@collection_option
@click.option("--dry-run", is_flag=True, help="Only show what would be forgotten.")
@click.option(
    "--without-trace",
    is_flag=True,
    help="Keep not even the paths; files that are still there come back when they are indexed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def forget_command(
    paths: tuple[str, ...], dry_run: bool, without_trace: bool, as_json: bool, **flags: Any
) -> None:
    """Remove photos and texts from a collection for good; their files stay as they are.

    Photos go with all their copies: embeddings are overwritten, thumbnails and older copies of the
    catalog removed.
    """
    collection, _ = open_collection(flags)
    from retrieval.maintenance.forgetting import forget

    with collection:
        report = forget(collection, paths, without_trace=without_trace, dry_run=dry_run)
    if as_json:
        emit(to_json(asdict(report)))
    else:
        _show(report)


def _show(report: ForgetReport) -> None:
    verb = "would be forgotten" if report.dry_run else "forgotten"
    emit(
        f"{report.photos:,} photos and {report.documents:,} documents in "
        f"{len(report.files):,} files {verb}"
    )
    for path in report.copies[:SHOWN_COPIES]:
        emit(f"  a copy as well: {printable(path)}")
    if len(report.copies) > SHOWN_COPIES:
        emit(f"  … and {len(report.copies) - SHOWN_COPIES:,} more copies; --json lists all")
    for name in report.backups:
        emit(f"  older catalog, which held them too: {name}")
    if report.links:
        emit(f"  {report.links:,} lines of other texts name them; the texts stay, without the link")
    if report.without_trace:
        emit("  nothing is kept of them: what is still on disk comes back when it is indexed")
    else:
        emit("  only the paths are kept, so that indexing leaves them out; name a file to index it")
    if not report.wiped:
        emit(
            "  another program was reading: the catalog's log is emptied when it ends; run "
            "retrieval compact afterwards to be sure"
        )
