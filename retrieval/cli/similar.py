"""`retrieval similar PATH`"""

from __future__ import annotations

from typing import Any

import click

from retrieval.cli.options import (
    collection_option,
    encoder_options,
    open_settings,
    pictures_option,
)
from retrieval.cli.search import Output, show_search
from retrieval.config import load_settings
from retrieval.errors import UsageError
from retrieval.records import SearchOptions


@click.command("similar")
@click.argument("path", metavar="PATH")
@click.option("-k", default=10, show_default=True, help="How many hits.")
@click.option("--no-fold", is_flag=True, help="Show near-duplicates one by one.")
@collection_option
@encoder_options
@click.option("--paths", is_flag=True, help="Print paths only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--html", type=click.Path(dir_okay=False), help="Write a page with thumbnails.")
@pictures_option
def similar_command(
    path: str,
    k: int,
    no_fold: bool,
    paths: bool,
    as_json: bool,
    html: str | None,
    pictures: str | None,
    **flags: Any,
) -> None:
    """Find photos like the one in the file PATH, which need not be in the collection.

    The photo itself and its exact copies are left out.
    """
    if paths and as_json:
        raise UsageError("Choose one of --paths and --json.")
    settings = load_settings(**flags)
    from retrieval.searching.similar import photos_named, query_like

    with open_settings(settings, one_shot=True) as collection:
        query = query_like(collection.reader, path)
    options = SearchOptions(k=k, fold=not no_fold, apart_from=photos_named(query))
    output = Output(paths=paths, as_json=as_json, html=html, pictures=pictures)
    show_search(settings, query, options, output)
