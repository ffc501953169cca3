"""`retrieval search WORDS`"""

from __future__ import annotations

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import (
    collection_option,
    encoder_options,
    open_settings,
    show_notice,
    spec_of,
)
from retrieval.cli.output import emit, hit_record, result_record, result_table, tell, to_json
from retrieval.config import Settings, load_settings
from retrieval.errors import RetrievalError, UsageError
from retrieval.records import KINDS, Kind, Query, SearchResult

if TYPE_CHECKING:
    from retrieval.collection import Collection

THREADS = "OPENBLAS_NUM_THREADS"


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
@click.option("--keep-warm", is_flag=True, help="Start the daemon, so that the next is faster.")
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
    keep_warm: bool,
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

    if html:
        from retrieval.cli.html import write_page

    query = make_query(phrases(words), images=images, minus=minus, minus_images=minus_images)
    settings = load_settings(**flags)
    result = _ask_daemon(settings, query, kind, k)
    if result is None or html:
        with _open(settings) as collection:
            if result is None:
                result = _search(collection, query, kind, k)
            if html:
                write_page(collection, [result], html)
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
    if keep_warm:
        _keep_warm(settings)


def _ask_daemon(settings: Settings, query: Query, kind: Kind, k: int) -> SearchResult | None:
    """What a running daemon answers; this path imports nothing heavy."""
    from retrieval.daemon import client
    from retrieval.storage.layout import collection_path

    place = collection_path(settings.collection, settings.home)
    answer = client.search(place, spec_of(settings), query, kind, k)
    if answer is None:
        return None
    result, notices = answer
    for notice in notices:
        show_notice(notice)
    return result


def _open(settings: Settings) -> Collection:
    """Open the collection for one search by this process, which then ends."""
    _import_numpy()
    return open_settings(settings, one_shot=True)


def _import_numpy() -> None:
    """Import numpy without the threads of its OpenBLAS: one search does not earn what they cost.

    Measured: 0.09 instead of 0.14 CPU seconds for the import alone.
    """
    if "numpy" in sys.modules or THREADS in os.environ:
        return
    os.environ[THREADS] = "1"  # numpy reads it once
    try:
        import_module("numpy")
    finally:
        del os.environ[THREADS]


def _search(collection: Collection, query: Query, kind: Kind, k: int) -> SearchResult:
    from retrieval.searching import search

    return search(collection, query, kind=kind, k=k)


def _keep_warm(settings: Settings) -> None:
    """Start a daemon; one that runs already stays. Without it nothing is lost but time."""
    from retrieval.daemon import client
    from retrieval.storage.layout import collection_path

    try:
        if client.status() is None:
            place = collection_path(settings.collection, settings.home)
            client.start_later(warm=(place, spec_of(settings)))
    except RetrievalError as exc:
        show_notice(str(exc))


def _summary(result: SearchResult) -> str:
    how = f", {result.method}" if result.method and not result.method.startswith("exact") else ""
    return (
        f"{len(result.hits)} of {result.considered:,} {result.kind} for “{result.query}”, "
        f"{result.elapsed_ms:.0f} ms, encoder {result.encoder}{how}"
    )
