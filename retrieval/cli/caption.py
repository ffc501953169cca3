"""`retrieval caption FOLDER`"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.describe import language_option, opened
from retrieval.cli.options import (
    collection_option,
    encoder_options,
    model_of,
    model_options,
    redactions_of,
    show_notice,
)
from retrieval.cli.output import emit, printable, progress_display, tell, to_json
from retrieval.config import load_settings
from retrieval.errors import UsageError

if TYPE_CHECKING:
    from retrieval.captioning.folders import CaptionReport

WHAT = "Without a model that sees, captions are guesses of tags with date and place, and say so."


@click.command("caption")
@click.argument("folder")
@click.option("--write-xmp", is_flag=True, help="Write a sidecar NAME.jpg.xmp beside each photo.")
@click.option("--csv", "table", metavar="FILE", help="Write a table: image, caption and more.")
@click.option("--replace", is_flag=True, help="Also replace what people or other models wrote.")
@click.option("--dry-run", is_flag=True, help="Only say which photos would get a caption.")
@language_option
@collection_option
@encoder_options
@model_options
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def caption_command(
    folder: str,
    write_xmp: bool,
    table: str | None,
    replace: bool,
    dry_run: bool,
    language: str,
    consent: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Write a caption for every photo below FOLDER, beside it or into a table.

    \b
    retrieval caption ~/photos --csv captions.csv --llm http://localhost:8080 --llm-model qwen3-vl
    retrieval caption ~/photos --write-xmp --llm model.gguf --mmproj mmproj.gguf
    retrieval index captions.csv --text-column caption --image-column image

    Photos are never changed, and a caption that a person wrote stays unless you say --replace. It
    may be interrupted and goes on from there; a photo that changed since gets a new caption.
    """
    if write_xmp == bool(table):
        raise UsageError("Choose where captions go: --write-xmp, or --csv FILE.")
    settings = load_settings(**flags)
    from retrieval.captioning.folders import caption_folder

    model = model_of(settings, consent)
    if model is None:
        show_notice(WHAT)
    collection = opened(settings)
    with collection or nullcontext(), progress_display() as on_progress:
        report = caption_folder(
            *(folder, model),
            form="xmp" if write_xmp else "csv",
            out=table,
            collection=collection,
            language="zh" if language == "zh" else "en",
            redact=redactions_of(settings),
            replace=replace,
            dry_run=dry_run,
            cache=settings.cache,
            on_progress=on_progress,
            on_notice=show_notice,
        )
    if as_json:
        emit(to_json(asdict(report)))
    else:
        _show(report)


def _show(report: CaptionReport) -> None:
    if report.dry_run:
        for path in report.captioned:
            emit(printable(path))
    would = "would be captioned" if report.dry_run else "captioned"
    emit(
        f"{len(report.captioned):,} photos {would} (by {printable(report.made_by)}), "
        f"{report.unchanged:,} had a caption already, {report.kept:,} keep one that a person "
        f"wrote, {report.seconds:.1f} s"
    )
    for skipped in report.skipped:
        tell(f"skipped {printable(skipped.path)}: {printable(skipped.reason)}")
    if report.form == "csv" and not report.dry_run:
        tell(f"note: the captions stand in {printable(report.path)}")
