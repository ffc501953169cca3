"""`retrieval search WORDS`"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.options import (
    collection_option,
    encoder_options,
    open_settings,
    pictures_option,
    show_notice,
    spec_of,
)
from retrieval.cli.output import emit, tell, to_json
from retrieval.cli.results import hit_lines, likely, plan_line, result_record, result_table, summary
from retrieval.config import Settings, load_settings
from retrieval.errors import RetrievalError, UsageError
from retrieval.records import FUSIONS, KINDS, ORDERS, Query, SearchOptions, SearchResult

if TYPE_CHECKING:
    from retrieval.collection import Collection

THREADS = "OPENBLAS_NUM_THREADS"


#: What begins like an option and can only be a word to lead away from: "-people", "-camera:sony".
_LESS = re.compile(r"-[^\W\d_]{2,}.*|-[^\x00-\x7f].*", re.DOTALL)
_WORD = "\0"  # stands before such a word on its way through click; no argument can hold it


class _Search(click.Command):
    """Takes "-people" for a word, which click would take for options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, self._with_words_marked(args))
        except click.NoSuchOption as exc:
            raise UsageError(
                f"There is no option {exc.option_name}. To lead away from a word, put the whole "
                "query in quotes, and -- before one that begins with a minus: "
                "retrieval search -- '-people beach'."
            ) from exc

    def _with_words_marked(self, args: list[str]) -> list[str]:
        options = (each for each in self.params if isinstance(each, click.Option))
        valued = {name for each in options if not each.is_flag for name in each.opts}
        marked: list[str] = []
        for place, argument in enumerate(args):
            if argument == "--":
                return marked + args[place:]
            value = place > 0 and args[place - 1] in valued
            marked.append(_WORD + argument if not value and _LESS.fullmatch(argument) else argument)
        return marked


@click.command("search", cls=_Search)
@click.argument("words", nargs=-1, metavar="[WORDS]...")
@click.option("-i", "--image", "images", multiple=True, metavar="FILE", help="A picture to match.")
@click.option("--minus", multiple=True, metavar="WORDS", help="Words to lead away from.")
@click.option("--minus-image", "minus_images", multiple=True, metavar="FILE", help="Likewise.")
@click.option("--like", multiple=True, type=int, metavar="ID", help="A hit that was right.")
@click.option("--unlike", multiple=True, type=int, metavar="ID", help="A hit that was wrong.")
@click.option("--saved", metavar="NAME", help="A query that was kept with: retrieval saved add")
@click.option("--raw", is_flag=True, help="Take the words as they are: no dates, places, fields.")
@click.option("-k", default=10, show_default=True, help="How many hits.")
@click.option("--all", "everything", is_flag=True, help="Also what most likely does not match.")
@click.option(
    "--sort",
    "order",
    type=click.Choice(ORDERS),
    default="relevance",
    show_default=True,
    help="What comes first.",
)
@click.option("--after", default="", metavar="CURSOR", help="The page behind that of a cursor.")
@click.option(
    "--fusion",
    type=click.Choice(FUSIONS),
    default="hybrid",
    show_default=True,
    help="Who has a say: photos alone, or words and linked texts as well.",
)
@click.option("--no-fold", is_flag=True, help="Show near-duplicates one by one.")
@click.option("--kind", type=click.Choice(KINDS), default="photos", show_default=True)
@collection_option
@encoder_options
@click.option("--paths", is_flag=True, help="Print paths only.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--jsonl", is_flag=True, help="Print one JSON object a hit.")
@click.option("--html", type=click.Path(dir_okay=False), help="Write a page with thumbnails.")
@pictures_option
@click.option("--open", "opening", is_flag=True, help="Open the hits in a viewer.")
@click.option("--keep-warm", is_flag=True, help="Start the daemon, so that the next is faster.")
def search_command(
    words: tuple[str, ...],
    images: tuple[str, ...],
    minus: tuple[str, ...],
    minus_images: tuple[str, ...],
    like: tuple[int, ...],
    unlike: tuple[int, ...],
    saved: str | None,
    raw: bool,
    k: int,
    everything: bool,
    order: Any,
    after: str,
    fusion: Any,
    no_fold: bool,
    kind: Any,
    paths: bool,
    as_json: bool,
    jsonl: bool,
    html: str | None,
    pictures: str | None,
    opening: bool,
    keep_warm: bool,
    **flags: Any,
) -> None:
    """Find photos (or documents) by words, dates, places, cameras, names, pictures: in one box.

    \b
    retrieval search dogs in the snow in Kyoto, spring 2021, not blurry
    retrieval search '"IMG_2041" camera:sony iso:100..400 -people'
    retrieval search "2:a dog" "at night"      # parts; the first weighs twice as much
    retrieval search --image beach.jpg "at night"
    retrieval search a dog --like 17 --unlike 4
    retrieval search --image beach.jpg --kind documents

    Hits that most likely do not match are left out of tables and paths (--all shows them), and
    marked in JSON: only the first "relevant" of them match.
    """
    if paths + as_json + jsonl > 1:
        raise UsageError("Choose one of --paths, --json and --jsonl.")
    settings = load_settings(**flags)
    from retrieval.queries import make_query, phrases

    words = tuple(word.removeprefix(_WORD) for word in words)
    query = make_query(
        [*([_saved(settings, saved)] if saved is not None else []), *phrases(words)],
        images=images,
        minus=minus,
        minus_images=minus_images,
        raw=raw,
        empty=bool(like),
    )
    options = SearchOptions(
        kind, k, fusion, order, not no_fold, after, like, unlike, (), everything
    )
    output = Output(everything, paths, as_json, jsonl, html, pictures, opening)
    show_search(settings, query, options, output)
    if keep_warm:
        _keep_warm(settings)


@dataclass(frozen=True, slots=True)
class Output:
    """How a result is to be shown; `pictures` is None, "auto" or a protocol of cli.pictures."""

    everything: bool = False
    paths: bool = False
    as_json: bool = False
    jsonl: bool = False
    html: str | None = None
    pictures: str | None = None
    opening: bool = False

    @property
    def is_table(self) -> bool:
        """Whether people read it."""
        return not (self.paths or self.as_json or self.jsonl)


def show_search(
    settings: Settings, query: Query, options: SearchOptions, output: Output
) -> SearchResult:
    """Search by the daemon or in this process, and show the result."""
    result = ask_daemon(settings, query, options)
    pictures = ""
    if result is None or output.html or output.pictures:
        with _open(settings) as collection:
            if result is None:
                result = _search(collection, query, options)
            if output.html:
                _write_page(collection, result, output.html)
            if output.pictures:
                shown = likely(result, everything=output.everything)
                pictures = _pictures(collection, shown, output.pictures)
    shown = likely(result, everything=output.everything)
    if text := _text(result, shown, output):
        emit(f"{pictures}\n{text}" if pictures else text)
    if output.is_table:
        tell(summary(result, shown))
    if output.opening:
        from retrieval.cli.opening import open_hits

        open_hits(shown.hits)
    return result


def _text(result: SearchResult, shown: SearchResult, output: Output) -> str:
    if output.as_json:
        return to_json(result_record(result))
    if output.jsonl:
        return hit_lines(result)
    if output.paths:
        return "\n".join(hit.path for hit in shown.hits)
    if plan := plan_line(result):
        tell(plan)
    return result_table(shown) if shown.hits else ""


def _write_page(collection: Collection, result: SearchResult, path: str) -> None:
    from retrieval.cli.html import write_page

    write_page(collection, [result], path)


def _pictures(collection: Collection, shown: SearchResult, asked: str) -> str:
    from retrieval.cli.pictures import pictures_of, wants_pictures

    protocol = wants_pictures(asked)
    return pictures_of(collection, shown.hits, protocol) if protocol else ""


def _saved(settings: Settings, name: str) -> str:
    """The query that was kept under this name."""
    from retrieval.saving import saved_query

    with _open(settings) as collection:
        return saved_query(collection, name)


def ask_daemon(settings: Settings, query: Query, options: SearchOptions) -> SearchResult | None:
    """What a running daemon answers; this path imports nothing heavy."""
    from retrieval.daemon import client
    from retrieval.storage.layout import collection_path

    place = collection_path(settings.collection, settings.home)
    answer = client.search(place, spec_of(settings), query, options)
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


def _search(collection: Collection, query: Query, options: SearchOptions) -> SearchResult:
    from retrieval.searching import run

    return run(collection, query, options)


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
