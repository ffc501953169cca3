"""`retrieval search WORDS`"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import collection_option, encoder_options, open_collection
from retrieval.cli.output import emit, hit_record, result_record, result_table, tell, to_json
from retrieval.errors import StorageError, UsageError
from retrieval.records import KINDS
from retrieval.storage.disk import write_atomically

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.records import SearchResult


@click.command("search")
@click.argument("words", nargs=-1, metavar="[WORDS]...")
@click.option("-i", "--image", "images", multiple=True, metavar="FILE", help="A picture to match.")
@click.option("--minus", multiple=True, metavar="WORDS", help="Words to lead away from.")
@click.option("--minus-image", "minus_images", multiple=True, metavar="FILE", help="Likewise.")
@click.option("-k", default=10, show_default=True, help="How many hits.")
@click.option("--kind", type=click.Choice(KINDS), default="photos", show_default=True)
@collection_option
@encoder_options
@click.option("--paths", is_flag=True, help="Print paths only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--jsonl", is_flag=True, help="Print one JSON object a hit.")
@click.option("--html", type=click.Path(dir_okay=False), help="Write a page with thumbnails.")
def search_command(
    words: tuple[str, ...],
    images: tuple[str, ...],
    minus: tuple[str, ...],
    minus_images: tuple[str, ...],
    k: int,
    kind: Any,
    paths: bool,
    as_json: bool,
    jsonl: bool,
    html: str | None,
    **flags: Any,
) -> None:
    """Find photos (or documents) by words, by a picture, or by both.

    Quoted phrases are parts that are added; "2:a dog" weighs twice as much.

    \b
    retrieval search a dog in the snow
    retrieval search "2:a dog" "at night" --minus people
    retrieval search --image beach.jpg "at night"
    retrieval search --image beach.jpg --kind documents
    """
    if paths + as_json + jsonl > 1:
        raise UsageError("Choose one of --paths, --json and --jsonl.")
    from retrieval.queries import make_query, phrases

    query = make_query(phrases(words), images=images, minus=minus, minus_images=minus_images)
    collection, _ = open_collection(flags)
    from retrieval.searching import search

    with collection:
        collection.once = True
        result = search(collection, query, kind=kind, k=k)
        if html:
            _write_page(collection, result, html)
    if paths:
        shown = "\n".join(hit.path for hit in result.hits)
    elif as_json:
        shown = to_json(result_record(result))
    elif jsonl:
        shown = "\n".join(to_json(hit_record(hit), indent=None) for hit in result.hits)
    else:
        shown = result_table(result)
        tell(_summary(result))
    if shown:
        emit(shown)


def _summary(result: SearchResult) -> str:
    how = f", {result.plan}" if result.plan and not result.plan.startswith("exact") else ""
    return (
        f"{len(result.hits)} of {result.considered:,} {result.kind} for “{result.query}”, "
        f"{result.elapsed_ms:.0f} ms, encoder {result.encoder}{how}"
    )


def _write_page(collection: Collection, result: SearchResult, path: str) -> None:
    from retrieval.cli.html import render_page

    page = render_page(collection, [result])
    try:
        data, target = page.encode("utf-8", "surrogateescape"), Path(path)
        if target.exists() and not target.is_file():
            target.write_bytes(data)  # a pipe or /dev/stdout
        else:
            write_atomically(target, data, mode=0o666)  # a page of the user: as umask says
    except OSError as exc:
        raise StorageError(f"{path} cannot be written: {exc.strerror}. Choose another.") from exc
    tell(f"wrote {path}")
