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
#: What a user can do about a stage that holds the run up.
ADVICE = {
    "reading": "put the photos on a faster disk, or read more at a time with --threads",
    "decoding": "use --fast, or more --threads where processors are idle",
    "encoding": "use a GPU or a smaller --model",
    "writing": "put the collection on a faster disk, or raise --batch-size",
}


@click.command("index")
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...")
@collection_option
@encoder_options
@work_options
@click.option("--text-column", default="", help="Column of a table that holds the text.")
@click.option("--image-column", default="", help="Column that names the text's photo.")
@click.option("--fast", is_flag=True, default=None, help="Decode JPEGs more coarsely.")
@click.option("--profile", is_flag=True, help="Tell where the time went.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def index_command(
    folders: tuple[str, ...],
    text_column: str,
    image_column: str,
    profile: bool,
    as_json: bool,
    **flags: Any,
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
                fast=settings.fast,
                on_progress=on_progress,
            )
        except NoPhotosError as exc:
            if as_json:
                emit(to_json(_record(exc.report)))
            raise
        if as_json:
            emit(to_json(_record(report)))
        else:
            _show(report, f" -c {flags['collection']}" if flags["collection"] else "")
            if profile:
                emit("\n".join(profile_lines(report)))
        collection.prepare_queries()


def _record(report: IndexReport) -> dict[str, Any]:
    return asdict(report) | {"bottleneck": report.stages.bottleneck}


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
        f"{report.seconds:.1f} s, encoder {report.encoder}" + ", --fast" * report.fast
    )
    for skipped in report.skipped[:SHOWN_SKIPPED]:
        tell(f"  skipped {printable(skipped.path)}: {skipped.reason}")
    if len(report.skipped) > SHOWN_SKIPPED:
        tell(f"  … all of them: retrieval info --skipped{where}")


def profile_lines(report: IndexReport) -> list[str]:
    """A table of the stages that photos went through, and the sentence that follows from it."""
    stages = report.stages
    names = ("read", "decode", "encode", "write")
    seconds = {name: getattr(stages, name) for name in names}
    total = sum(seconds.values()) or 1.0
    lines = ["stage    seconds   share   photos/s"]
    for name, spent in seconds.items():
        rate = f"{report.embedded / spent:10,.1f}" if spent and report.embedded else f"{'–':>10}"
        lines.append(f"{name:<8}{spent:8.2f}{spent / total:8.0%} {rate}")
    lines += [
        "read and decode are added up over threads; decode is their CPU time, all else wall time",
        f"{stages.waiting:.2f} s waiting for photos, {stages.scan:.2f} s looking for files, "
        f"{stages.load:.2f} s loading the encoder, {stages.texts:.2f} s of texts",
    ]
    if not stages.bottleneck:
        return [*lines, "No photo was encoded, so there is no bottleneck."]
    verdict = f"The bottleneck is {stages.bottleneck}: {ADVICE[stages.bottleneck]}."
    return [*lines, verdict]
