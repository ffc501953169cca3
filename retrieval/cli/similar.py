"""`retrieval similar PATH`"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import (
    collection_option,
    encoder_options,
    open_settings,
    show_notice,
    spec_of,
)
from retrieval.cli.output import emit, result_record, result_table, tell, to_json
from retrieval.config import load_settings
from retrieval.errors import UsageError

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.config import Settings
    from retrieval.records import Query, SearchResult


@click.command("similar")
@click.argument("path", metavar="PATH")
@click.option("-k", default=10, show_default=True, help="How many hits.")
@collection_option
@encoder_options
@click.option("--paths", is_flag=True, help="Print paths only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--html", type=click.Path(dir_okay=False), help="Write a page with thumbnails.")
def similar_command(
    path: str, k: int, paths: bool, as_json: bool, html: str | None, **flags: Any
) -> None:
    """Find photos like the one in the file PATH, which need not be in the collection.

    The photo itself and its exact copies are left out.
    """
    if paths and as_json:
        raise UsageError("Choose one of --paths and --json.")
    settings = load_settings(**flags)
    from retrieval.searching.similar import similar

    with open_settings(settings, one_shot=True) as collection:
        result = similar(collection, path, k, ask=_asking(collection, settings))
        if html:
            from retrieval.cli.html import write_page

            write_page(collection, [result], html)
    if as_json:
        shown = to_json(result_record(result))
    elif paths:
        shown = "\n".join(hit.path for hit in result.hits)
    else:
        shown = result_table(result)
        tell(f"{len(result.hits)} of {result.considered:,} photos like {path}")
    if shown:
        emit(shown)


def _asking(collection: Collection, settings: Settings) -> Callable[[Query, int], SearchResult]:
    """What searches: the daemon where one runs, else this process."""

    def ask(query: Query, k: int) -> SearchResult:
        from retrieval.daemon import client
        from retrieval.searching import search

        answer = client.search(collection.path, spec_of(settings), query, "photos", k)
        if answer is None:
            return search(collection, query, k=k)
        result, notices = answer
        for notice in notices:
            show_notice(notice)
        return result

    return ask
