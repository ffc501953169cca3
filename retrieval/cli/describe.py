"""`retrieval describe PATH...`"""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import (
    collection_option,
    encoder_options,
    model_of,
    model_options,
    open_settings,
    redactions_of,
    show_notice,
)
from retrieval.cli.output import emit, printable, tell, to_json
from retrieval.config import Settings, load_settings
from retrieval.errors import ImageError, NoCollectionError, UsageError

if TYPE_CHECKING:
    from retrieval.captioning.describing import Description
    from retrieval.collection import Collection

language_option = click.option(
    "--language",
    type=click.Choice(["en", "zh"]),
    default="en",
    show_default=True,
    help="What it is written in.",
)


@click.command("describe")
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@language_option
@collection_option
@encoder_options
@model_options
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
def describe_command(
    paths: tuple[str, ...], language: str, consent: bool, as_json: bool, **flags: Any
) -> None:
    """Say what photos show, also of ones that were not indexed.

    \b
    retrieval describe IMG_1002.jpg
    retrieval describe IMG_1002.jpg --llm http://localhost:8080 --llm-model qwen3-vl

    A language model that sees is asked for a caption. Without one it is told what is known: texts
    about the photo, words that fit it and how often such words are right, the nearest text about
    another photo, writing, date and place. Each line says where it comes from.
    """
    settings = load_settings(**flags)
    from retrieval.captioning.describing import Describer

    described, problems = [], []
    collection = opened(settings)
    with collection or nullcontext():
        describer = Describer(
            *(collection, model_of(settings, consent), "zh" if language == "zh" else "en"),
            redact=redactions_of(settings),
            cache=settings.cache,
            on_notice=show_notice,
        )
        for number, path in enumerate(paths):
            try:
                described.append(describer.describe(path))
            except (ImageError, UsageError) as exc:
                if len(paths) == 1:
                    raise
                problems.append(str(exc))
                continue
            if not as_json:
                _show(described[-1], titled=len(paths) > 1, after=number > 0)
    if as_json:
        emit(to_json([_record(description) for description in described]))
    for problem in problems:
        tell(printable(problem))
    if problems and not described:
        raise ImageError("None of these files could be described. Name pictures.")


def opened(settings: Settings) -> Collection | None:
    """The collection that the settings name; None where there is none."""
    try:
        return open_settings(settings)
    except NoCollectionError:
        return None


def _record(description: Description) -> dict[str, Any]:
    return {**asdict(description), "text": description.text}


def _show(description: Description, *, titled: bool, after: bool) -> None:
    if titled:
        emit(f"{chr(10) * after}{printable(os.path.relpath(description.path))}")
    for statement in description.statements:
        sure = (
            "" if statement.sure is None else f", right at least {statement.sure:.0%} of the time"
        )
        emit(f"{printable(statement.text)}  [{statement.origin}{sure}]")
    for note in description.notes:
        tell(f"note: {note}")
