"""`retrieval ask QUESTION`"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.answers import Reader, answer_record
from retrieval.cli.options import (
    ask_options,
    collection_option,
    encoder_options,
    judge_of,
    judging_options,
    model_options,
    open_settings,
    show_notice,
    spec_of,
    usable_model,
)
from retrieval.cli.output import emit, to_json
from retrieval.cli.search import ask_daemon
from retrieval.config import Settings, load_settings
from retrieval.errors import RetrievalError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from retrieval.answering.looking import Searcher
    from retrieval.collection import Collection
    from retrieval.records import Query, SearchOptions, SearchResult


@click.command("ask")
@click.argument("question", nargs=-1, required=True)
@click.option("-k", default=10, show_default=True, help="How many photos are shown.")
@collection_option
@encoder_options
@model_options
@judging_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--html", type=click.Path(dir_okay=False), help="Write a page with the photos.")
def ask_command(
    question: tuple[str, ...],
    k: int,
    rerank: bool,
    verify: bool,
    refine: bool,
    consent: bool,
    as_json: bool,
    html: str | None,
    **flags: Any,
) -> None:
    """Answer a question from your photos, and cite them.

    \b
    retrieval ask "When did I photograph a dog on the beach?"
    retrieval ask "How many photos did I take in Lisbon in 2019?"
    retrieval ask "Where was the photo of the yellow flowers taken?"
    retrieval ask 我哪一年拍的照片最多？

    The photos come first, then the answer: from what is known of them (dates, places, cameras,
    captions, writing), without any model unless one is named. It says so when they do not tell.
    """
    settings, asked, reader = load_settings(**flags), " ".join(question), Reader()
    first = None if as_json or refine else FirstPage(settings, asked, k, reader)
    from retrieval.answering import Hearer, ask

    quiet = Hearer(on_notice=show_notice)
    hearer = quiet if as_json else Hearer(reader.show_result, reader.show_text, show_notice)
    with open_settings(settings, one_shot=True) as collection:
        answer = ask(
            collection,
            asked,
            options=ask_options(settings, k=k, rerank=rerank, verify=verify, refine=refine),
            model=usable_model(settings, consent),
            judge=judge_of(settings),
            search=searcher(settings, collection, first),
            hearer=hearer,
        )
        if html:
            from retrieval.cli.answerpage import write_answer

            write_answer(collection, answer, html)
    if as_json:
        emit(to_json(answer_record(answer)))
    else:
        reader.show_answer(answer)


class FirstPage:
    """The first photos for a question, by the daemon where one runs; they are shown at once.

    So they are there before this process has loaded what the rest of the answer needs.
    """

    def __init__(self, settings: Settings, question: str, k: int, reader: Reader) -> None:
        """Ask the daemon, and show what it found. What fails is tried again, and tells then."""
        from retrieval.daemon import client
        from retrieval.storage.layout import collection_path

        place = collection_path(settings.collection, settings.home)
        self.found: tuple[Query, SearchOptions, SearchResult] | None = None
        with suppress(RetrievalError):
            if look := client.look(place, spec_of(settings), question, k):
                self.found = look[:3]
                for notice in look[3]:
                    show_notice(notice)
                reader.show_result(look[2])

    def of(self, query: Query, options: SearchOptions) -> SearchResult | None:
        """What was found already, if it was this search."""
        if self.found is not None and self.found[:2] == (query, options):
            return self.found[2]
        return None


def searcher(
    settings: Settings, collection: Collection, first: FirstPage | None = None
) -> Searcher:
    """Searches by the daemon where one runs, else here."""

    def search(query: Query, options: SearchOptions, among: Sequence[int] | None) -> SearchResult:
        result = first.of(query, options) if first and not among else None
        if result is None and not among:
            result = ask_daemon(settings, query, options)
        if result is not None:
            return result
        from retrieval.searching import run

        return run(collection, query, options, among)

    return search
