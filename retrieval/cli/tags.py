"""`retrieval tags [PATH]`"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import collection_option, encoder_options, open_collection
from retrieval.cli.output import emit, printable, to_json

if TYPE_CHECKING:
    from retrieval.grouping.tags import Tag

SHOWN_EXAMPLES = 2
WORDS_OF_PHOTO = 10


@click.command("tags")
@click.argument("path", required=False, type=click.Path(), metavar="[PATH]")
@click.option("-k", type=click.IntRange(1, 1024), help="Clusters, at most.  [default: by size]")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@collection_option
@encoder_options
def tags_command(path: str | None, k: int | None, as_json: bool, **flags: Any) -> None:
    """Show what a collection is about: clusters of its photos, each with words for it.

    With PATH the words that fit one photo best. Their shares compare words with each other; they
    are no probability that a word is right.
    """
    collection, _ = open_collection(flags)
    from retrieval.grouping.tags import find_tags, tag_photo

    with collection:
        if path is not None:
            words = tag_photo(collection, path, WORDS_OF_PHOTO)
            if as_json:
                emit(to_json([asdict(word) for word in words]))
                return
            for word in words:
                emit(f"{word.share:>6.1%}  {word.word} ({word.chinese})")
            return
        tags = find_tags(collection, k or 0)
    if as_json:
        emit(to_json([_record(tag) for tag in tags]))
        return
    for tag in tags:
        words_shown = ", ".join(word.word for word in tag.words)
        emit(f"{len(tag.photos):>7,}  {words_shown}")
        for example in tag.examples[:SHOWN_EXAMPLES]:
            emit(f"         {printable(example)}")


def _record(tag: Tag) -> dict[str, Any]:
    return asdict(tag) | {"size": len(tag.photos)}
