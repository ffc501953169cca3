"""`retrieval saved`, `retrieval saved add NAME QUERY`, `retrieval saved rm NAME`"""

from __future__ import annotations

from typing import Any

import click

from retrieval.cli.options import collection_option, open_collection
from retrieval.cli.output import emit, printable, tell, to_json


@click.group("saved", invoke_without_command=True)
@collection_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def saved_command(context: click.Context, /, as_json: bool, **flags: Any) -> None:
    """List the queries that you keep in a collection; add and remove some."""
    if context.invoked_subcommand is not None:
        context.obj = flags["collection"]
        return
    from retrieval.saving import saved_queries

    collection, _ = open_collection(flags)
    with collection:
        kept = saved_queries(collection)
    if as_json:
        emit(to_json([{"name": name, "query": query} for name, query in kept.items()]))
    elif not kept:
        tell("No query is kept yet. Keep one with: retrieval saved add NAME 'QUERY'")
    else:
        width = max(map(len, kept))
        for name, query in kept.items():
            emit(f"{printable(name):<{width}}  {printable(query)}")


@saved_command.command("add")
@click.argument("name")
@click.argument("query", nargs=-1, required=True)
@collection_option
@click.option("--replace", is_flag=True, help="Replace the query that has this name.")
@click.pass_obj
def add_command(outer: str | None, /, name: str, query: tuple[str, ...], **flags: Any) -> None:
    """Keep QUERY under NAME."""
    replace = flags.pop("replace")
    from retrieval.saving import save_query

    collection, _ = open_collection(_with(flags, outer))
    with collection:
        save_query(collection, name, " ".join(query), replace=replace)


@saved_command.command("rm")
@click.argument("name")
@collection_option
@click.pass_obj
def remove_command(outer: str | None, /, name: str, **flags: Any) -> None:
    """Remove the query that is kept under NAME."""
    from retrieval.saving import remove_query

    collection, _ = open_collection(_with(flags, outer))
    with collection:
        remove_query(collection, name)


def _with(flags: dict[str, Any], outer: str | None) -> dict[str, Any]:
    """The flags, with the collection that was named before the subcommand."""
    return {**flags, "collection": flags["collection"] or outer}
