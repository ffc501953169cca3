"""`retrieval show`"""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import collection_option, open_collection
from retrieval.cli.output import emit, human_bytes, printable, tell, to_json
from retrieval.config import load_settings
from retrieval.errors import NoCollectionError

if TYPE_CHECKING:
    from retrieval.showing import PhotoDetails

WIDTH = 14  # of labels


@click.command("show")
@click.argument("path")
@collection_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_command(path: str, as_json: bool, **flags: Any) -> None:
    """Show all that is known of the photo at PATH, also of one that was not indexed."""
    from retrieval.showing import show_photo

    cache = load_settings(**flags).cache
    try:
        collection = open_collection(flags)[0]
    except NoCollectionError:
        collection = None
    with collection or nullcontext():
        details = show_photo(collection, path, cache)
    if as_json:
        emit(to_json(_record(details)))
    else:
        _show(details)


def _record(details: PhotoDetails) -> dict[str, Any]:
    record = asdict(details)
    photo = record.pop("photo")
    record["id"] = photo["id"] or None
    record["content_hash"] = details.photo.content_hash.hex()
    record["files"] = list(details.photo.paths)
    record["frames"] = photo["frames"]
    record["fields"] = {field.name: field.value for field in details.fields}
    return record


def _show(details: PhotoDetails) -> None:
    if not details.indexed:
        why = f" ({details.skipped})" if details.skipped else ""
        tell(f"Not in the collection{why}: this is what its file says.")
    elif details.looks is None:
        tell("What its file says was not read yet. Index its folder again.")
    for field in details.fields:
        _line(field.label, field.text)
    if details.bytes is not None:
        _line("size", human_bytes(details.bytes))
    if details.photo.frames > 1:
        _line("frames", f"{details.photo.frames:,} (the first is searched)")
    for index, other in enumerate(details.photo.paths[1:]):
        _line("" if index else "same content", other)
    if details.sidecar:
        _line("sidecar", details.sidecar)
    for document in details.documents:
        source = document.sources[0]
        guessed = all(place.guessed for place in document.sources)
        _line("guess" if guessed else "document", f"{document.text}  [{source.path}:{source.line}]")
    if details.writing:
        _line("writing", details.writing)
    if details.thumbnail_bytes is not None:
        _line("thumbnail", human_bytes(details.thumbnail_bytes))
    if details.indexed:
        _line("id", str(details.photo.id))


def _line(label: str, text: str) -> None:
    emit(f"{label:<{WIDTH - 1}} {printable(text)}")  # a longer label stays apart
