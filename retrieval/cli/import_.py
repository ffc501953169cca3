"""`retrieval import SOURCE`"""

from __future__ import annotations

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
from retrieval.errors import UsageError

if TYPE_CHECKING:
    from retrieval.records import ImportReport

SHOWN_LEFT_OUT = 10


@click.command("import")
@click.argument("source", metavar="SOURCE")
@click.option("--root", metavar="DIR", help="Where the photos lie.  [default: working directory]")
@click.option("--trust", is_flag=True, help="Take a set that does not say what made it.")
@collection_option
@encoder_options
@work_options
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def import_command(source: str, root: str | None, trust: bool, as_json: bool, **flags: Any) -> None:
    """Take photos with embeddings that were made elsewhere, without embedding them again.

    SOURCE is a folder that `retrieval export --form npy` wrote, or one of clip-retrieval. For the
    latter name the encoder with --model and add --trust: 32 of its photos are embedded again and
    compared.

    \b
    retrieval import embeddings --root /mnt/photos
    retrieval import clip-output --model ViT-B-32/openai --trust
    """
    from retrieval.exchange.importing import import_set
    from retrieval.exchange.sets import read_set

    found = read_set(source)  # no collection is made for a set that cannot be read
    if found.note is None and not (trust and flags["model"]):
        raise UsageError(
            f"{found.folder} does not say what made its embeddings. Name the encoder with --model "
            "and add --trust: some of its photos are then embedded again to compare."
        )
    if found.note is not None and not flags["model"]:
        flags["model"] = found.note.encoder
    collection, settings = open_collection(flags, create=True)
    with collection, progress_display() as on_progress:
        report = import_set(
            collection,
            source,
            root=root,
            trust=trust,
            threads=settings.threads,
            on_progress=on_progress,
        )
        if as_json:
            emit(to_json(asdict(report)))
        else:
            _show(report)
        collection.prepare_queries()


def _show(report: ImportReport) -> None:
    parts = [
        f"{getattr(report, name):,} {name}"
        for name in ("imported", "linked", "unchanged")
        if getattr(report, name)
    ]
    if report.left_out:
        parts.append(f"{len(report.left_out):,} left out")
    emit(", ".join(parts) or "nothing imported")
    if report.least is not None:
        emit(f"{report.checked} embedded again to compare, least cosine {report.least:.4f}")
    emit(
        f"{report.photos:,} photos in the collection, {report.seconds:.1f} s, "
        f"encoder {report.encoder}"
    )
    for skipped in report.left_out[:SHOWN_LEFT_OUT]:
        tell(f"  left out {printable(skipped.path)}: {skipped.reason}")
    if len(report.left_out) > SHOWN_LEFT_OUT:
        tell("  … all of them: --json")
