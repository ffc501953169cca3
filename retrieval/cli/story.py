"""`retrieval story PHOTO...`"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.describe import language_option
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
from retrieval.config import load_settings

if TYPE_CHECKING:
    from retrieval.captioning.story import Story


@click.command("story")
@click.argument("photos", metavar="PHOTO...", nargs=-1, required=True)
@language_option
@collection_option
@encoder_options
@model_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def story_command(
    photos: tuple[str, ...], language: str, consent: bool, as_json: bool, **flags: Any
) -> None:
    """Tell what some photos show, in order of time, with every claim cited.

    \b
    retrieval story 2019-04/*.jpg

    It is made of what is known of them; a language model, where one is named, may tell it instead,
    and what the photos do not say is struck from its text.
    """
    settings = load_settings(**flags)
    from retrieval.captioning.story import tell_story

    with open_settings(settings) as collection:
        story = tell_story(
            collection,
            photos,
            model=model_of(settings, consent),
            language="zh" if language == "zh" else "en",
            redact=redactions_of(settings),
            on_notice=show_notice,
        )
    if as_json:
        emit(to_json(_record(story)))
    else:
        _show(story)


def _record(story: Story) -> dict[str, Any]:
    return {
        "text": story.text,
        "status": story.status,
        "teller": story.teller,
        "language": story.language,
        "citations": [{"n": c.n, "path": c.path, "claim": c.claim} for c in story.citations],
        "struck": [asdict(struck) for struck in story.struck],
        "photos": [{"n": piece.n, "path": piece.path} for piece in story.evidence],
    }


def _show(story: Story) -> None:
    emit(printable(story.text))
    emit("")
    for piece in story.evidence:
        emit(f"[{piece.n}] {printable(piece.path)}")
    for struck in story.struck:
        tell(f"struck: {printable(struck.claim)} ({printable(struck.reason)})")
