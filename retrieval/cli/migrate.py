"""`retrieval migrate --model NEW`"""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import (
    collection_option,
    encoder_options,
    encoder_spec,
    open_settings,
    work_options,
)
from retrieval.cli.output import emit, printable, progress_display, tell, to_json
from retrieval.config import load_settings
from retrieval.errors import UsageError

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.records.moves import Change, MigrationReport, QueryComparison

SHOWN_UNREAD = 10
SHOWN_MOVES = 3


@click.command("migrate")
@collection_option
@encoder_options
@work_options
@click.option("--keep-old/--drop-old", default=True, help="Keep the old embeddings (default).")
@click.option("--switch/--no-switch", default=True, help="Search with the new ones (default).")
@click.option("--compare", metavar="FILE|saved", help="Compare both on these queries, one a line.")
@click.option("--eval", "folder", metavar="DIR", default="", help="Measure both, as eval does.")
@click.option("--force", is_flag=True, help="Switch, or drop, though photos cannot be found then.")
@click.option("--fast", is_flag=True, default=None, help="Decode JPEGs more coarsely.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def migrate_command(
    keep_old: bool,
    switch: bool,
    compare: str | None,
    folder: str,
    force: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Change the model of a collection: embed everything anew beside the old embeddings.

    Searches go on meanwhile, and change to the new model at the end. An interrupted run goes on
    when the command is run again.
    """
    settings = load_settings(**flags)
    if settings.model == "auto" and flags["model"] is None:
        raise UsageError("No model was named. Name the one to change to with --model MODEL.")
    from retrieval.migrating import migrate

    spec = encoder_spec(settings)
    with (
        open_settings(replace(settings, model="auto")) as collection,
        progress_display() as on_progress,
    ):
        report = migrate(
            collection,
            spec,
            keep_old=keep_old,
            switch=switch,
            force=force,
            queries=_queries(collection, compare),
            eval_folder=folder,
            batch_size=settings.batch_size,
            threads=settings.threads,
            fast=settings.fast,
            on_progress=on_progress,
        )
    if as_json:
        emit(to_json(record(report)))
    else:
        _show(report)


def _queries(collection: Collection, given: str | None) -> list[str]:
    if given is None:
        return []
    if given != "saved":
        from retrieval.migrating.comparing import read_queries

        found = read_queries(given)
    else:
        from retrieval.saving import saved_queries

        found = list(dict.fromkeys(saved_queries(collection).values()))
    if not found:
        raise UsageError(
            f"There is no query in {given}. Write one a line into a file, or keep some with: "
            "retrieval saved add NAME 'QUERY'"
        )
    return found


def record(report: MigrationReport) -> dict[str, Any]:
    """A report as JSON keys."""
    values = asdict(report)
    evaluation = report.evaluation
    if evaluation is not None:
        for name in ("text_to_image", "image_to_text"):
            changes: dict[str, Change] = getattr(evaluation, name)
            values["evaluation"][name] = {
                metric: {
                    "old": change.old,
                    "new": change.new,
                    "difference": change.difference,
                    "interval_95": list(change.interval),
                }
                for metric, change in changes.items()
            }
    return values


def _show(report: MigrationReport) -> None:
    _show_comparison(report)
    texts = f" and {report.documents:,} documents" if report.documents else ""
    emit(
        f"{report.photos:,} photos{texts} embedded with {report.encoder}, {report.embedded:,} of "
        f"them now, {report.seconds:.1f} s"
    )
    for skipped in report.unread[:SHOWN_UNREAD]:
        tell(f"  not read: {printable(skipped.path)}: {skipped.reason}")
    if len(report.unread) > SHOWN_UNREAD:
        tell(f"  … {len(report.unread) - SHOWN_UNREAD:,} more; --json lists all")
    again = f"retrieval migrate --model {report.encoder}"
    if report.switched:
        old = "were dropped" if report.dropped else "are kept"
        emit(f"Searches use {report.encoder} now; the embeddings of {report.previous} {old}.")
        if report.unread:
            tell("  what was not read comes in when its folder is indexed and it can be read")
    elif report.dropped:
        emit(f"Searches use {report.encoder} already; those of {report.previous} were dropped.")
    elif report.previous == report.encoder:
        emit(f"Searches use {report.encoder} already.")
    elif report.unread:
        emit(
            f"Searches use {report.previous} as before, as {len(report.unread):,} photos could not "
            f"be read and would not be found. Connect their disk or index their folders, and run "
            f"it again; {again} --force changes all the same"
        )
    else:
        emit(f"Searches use {report.previous} as before. Change to {report.encoder} with: {again}")


def _show_comparison(report: MigrationReport) -> None:
    if report.queries:
        mean = sum(compared.overlap for compared in report.queries) / len(report.queries)
        emit(f"{mean:.0%} of the first hits are the same with both ({len(report.queries)} queries)")
        for compared in report.queries:
            _show_query(compared)
    if report.evaluation is not None:
        emit(f"{report.evaluation.images:,} images, {report.evaluation.texts:,} texts")
        for name, changes in (
            ("text to image", report.evaluation.text_to_image),
            ("image to text", report.evaluation.image_to_text),
        ):
            emit(f"{name:<15}old    new    new - old   95 % interval")
            for metric, change in changes.items():
                low, high = change.interval
                emit(
                    f"  {metric:<11}{change.old:6.3f} {change.new:6.3f}  {change.difference:+9.3f}"
                    f"   {low:+.3f} to {high:+.3f}"
                )


def _show_query(compared: QueryComparison) -> None:
    emit(f"  {compared.overlap * compared.of:2.0f} of {compared.of}  {printable(compared.query)}")
    for moved in compared.moved[:SHOWN_MOVES]:
        old, new = (str(rank) if rank else "-" for rank in (moved.old, moved.new))
        emit(f"           {old:>3} → {new:<3}  {printable(moved.path)}")
    if len(compared.moved) > SHOWN_MOVES:
        emit(f"           … {len(compared.moved) - SHOWN_MOVES} more moved")
