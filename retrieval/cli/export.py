"""`retrieval export TARGET`"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import collection_option, encoder_options, open_collection
from retrieval.cli.output import emit, human_bytes, printable, progress_display, tell, to_json
from retrieval.errors import UsageError
from retrieval.records import FORMS, KINDS

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.records import ExportReport, Kind

MOST_HITS = 100
SHOWN_LEFT_OUT = 10
#: What the suffix of a target stands for.
SUFFIXES = {".parquet": "parquet", ".csv": "csv", ".json": "json", ".jsonl": "jsonl"}


@click.command("export")
@click.argument("target", metavar="TARGET")
@click.option(
    "--form", type=click.Choice(FORMS), help="What to write.  [default: as TARGET ends, or npy]"
)
@click.option("--query", metavar="TEXT", help="Only the hits of this search, best first.")
@click.option("-k", type=click.IntRange(1), help="How many hits.  [default: 100, if relevant]")
@click.option("--kind", type=click.Choice(KINDS), default="photos", show_default=True)
@click.option("--float32", is_flag=True, help="Embeddings in 32 bits instead of 16 (npy).")
@click.option("--tree", is_flag=True, help="Copies or links in folders as the photos lie.")
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@collection_option
@encoder_options
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def export_command(
    target: str,
    form: Any,
    query: str | None,
    k: int | None,
    kind: Any,
    float32: bool,
    tree: bool,
    force: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Write what a collection knows, its embeddings, or the photos themselves.

    \b
    retrieval export photos.csv
    retrieval export embeddings --form npy          for clip-retrieval, embedding-reader
    retrieval export dogs --form copies --query "dogs in the snow"
    """
    if k is not None and query is None:
        raise UsageError("-k says how many hits of --query. Add --query TEXT, or leave out -k.")
    from retrieval.exchange.exporting import export_collection

    collection, _ = open_collection(flags)
    with collection, progress_display() as on_progress:
        scores = None if query is None else _hits(collection, query, kind, k)
        report = export_collection(
            collection,
            target,
            form=form or _form_of(target),
            kind=kind,
            among=None if scores is None else list(scores),
            scores={item: score for item, score in (scores or {}).items() if score is not None},
            dtype="float32" if float32 else "float16",
            tree=tree,
            replace=force,
            on_progress=on_progress,
        )
    if as_json:
        emit(to_json(asdict(report)))
    else:
        _show(report)


def _form_of(target: str) -> Any:
    name = target.lower()
    return next((form for suffix, form in SUFFIXES.items() if name.endswith(suffix)), "npy")


def _hits(collection: Collection, query: str, kind: Kind, k: int | None) -> dict[int, float | None]:
    """Scores of hits by id, best first; those below the cut only if `k` was asked for."""
    from retrieval.queries import make_query, phrases
    from retrieval.searching import search

    result = search(collection, make_query(phrases([query])), kind=kind, k=k or MOST_HITS)
    hits = (
        result.hits if k is not None or result.relevant is None else result.hits[: result.relevant]
    )
    return {hit.id: hit.score for hit in hits}


def _show(report: ExportReport) -> None:
    size = f", {human_bytes(report.bytes)}" if report.bytes else ""
    emit(
        f"{report.items:,} {report.kind} to {printable(report.path)} ({report.form}{size}), "
        f"{report.seconds:.1f} s"
    )
    for note in report.notes:
        tell(f"note: {note}")
    if report.left_out:
        tell(f"{len(report.left_out):,} left out:")
    for skipped in report.left_out[:SHOWN_LEFT_OUT]:
        tell(f"  {printable(skipped.path)}: {skipped.reason}")
    if len(report.left_out) > SHOWN_LEFT_OUT:
        tell("  … all of them: --json")
