"""`retrieval spaces`, `retrieval spaces drop ENCODER|FINGERPRINT`"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import collection_option, open_collection
from retrieval.cli.output import emit, human_bytes, printable, tell, to_json

if TYPE_CHECKING:
    from retrieval.records.moves import SpaceInfo

SHOWN = 20


@click.group("spaces", invoke_without_command=True)
@collection_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def spaces_command(context: click.Context, /, as_json: bool, **flags: Any) -> None:
    """List the embeddings that a collection holds, by encoder; drop some."""
    if context.invoked_subcommand is not None:
        context.obj = flags["collection"]
        return
    from retrieval.describing import describe_spaces

    collection, _ = open_collection(flags)
    with collection:
        told = describe_spaces(collection.path, collection.catalog)
    if as_json:
        emit(to_json([asdict(space) for space in told]))
        return
    for space in told:
        emit(space_line(space))
    if not told:
        tell("Nothing is embedded yet. Begin with: retrieval index FOLDER")


def space_line(space: SpaceInfo) -> str:
    """A space in one line: encoder, fingerprint, what it covers, its size, whether it is used."""
    parts = [
        f"{printable(space.encoder)} ({space.dim} dimensions, {space.fingerprint[:12]}):",
        f"{space.photos:,} of {space.of_photos:,} photos,",
        f"{space.documents:,} of {space.of_documents:,} documents," * bool(space.of_documents),
        human_bytes(space.size) + ", searched" * space.active,
    ]
    return " ".join(part for part in parts if part)


@spaces_command.command("drop")
@click.argument("space", metavar="ENCODER|FINGERPRINT")
@collection_option
@click.option("--force", is_flag=True, help="Also where photos have no other embedding.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_obj
def drop_command(
    outer: str | None, /, space: str, force: bool, as_json: bool, **flags: Any
) -> None:
    """Drop the embeddings of an encoder that searches do not use."""
    from retrieval.migrating import drop_space

    collection, _ = open_collection({**flags, "collection": flags["collection"] or outer})
    with collection:
        report = drop_space(collection, space, force=force)
    if as_json:
        emit(to_json(asdict(report)))
        return
    emit(f"{printable(report.encoder)} dropped, {human_bytes(report.bytes_freed)} freed")
    for path in report.lost[:SHOWN]:
        tell(f"  not found any more: {printable(path)}")
    if len(report.lost) > SHOWN:
        tell(f"  … and {len(report.lost) - SHOWN:,} more; --json lists all")
