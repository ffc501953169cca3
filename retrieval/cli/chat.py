"""`retrieval chat`"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from retrieval.cli.answers import Reader, answer_record, why_lines
from retrieval.cli.ask import searcher
from retrieval.cli.options import (
    ask_options,
    collection_option,
    encoder_options,
    judge_of,
    judging_options,
    model_options,
    open_settings,
    show_notice,
    usable_model,
)
from retrieval.cli.output import emit, printable, tell, to_json
from retrieval.cli.results import likely, result_table
from retrieval.config import load_settings
from retrieval.errors import RetrievalError, UsageError

if TYPE_CHECKING:
    from retrieval.answering.history import Conversation
    from retrieval.answering.looking import Searcher
    from retrieval.collection import Collection
    from retrieval.models import LanguageModel
    from retrieval.records import Answer, AskOptions
    from retrieval.reranking import Judge

HELP = """\
Ask, and ask on: "and in Berlin?", "the year before?", "only the ones at night", "the second one:
where was it taken?"
  /photos        the photos of the last answer (/photos open shows them in a viewer)
  /more          more photos like those
  /similar 2     photos like the second one
  /why           how the question was understood, and what the answer stands on
  /new           begin a new conversation
  /forget        forget this conversation
  /quit          leave (so do Ctrl-D, and Ctrl-C at the prompt)"""
PROMPT = "? "
#: What people say instead of a command.
_SPOKEN = {
    **dict.fromkeys(("why", "how do you know", "how do you know that", "为什么"), "/why"),
    **dict.fromkeys(("help", "hi", "hello", "what can you do", "what can i ask"), "/help"),
    **dict.fromkeys(("帮助", "你好", "你能做什么", "你会什么"), "/help"),
    **dict.fromkeys(("quit", "exit", "bye", "再见", "退出"), "/quit"),
}


@click.command("chat")
@click.option("--name", metavar="NAME", help="Begin, or go on with, a conversation of this name.")
@click.option("--continue", "going_on", is_flag=True, help="Go on with the last conversation.")
@click.option("--list", "listing", is_flag=True, help="List the conversations that are kept.")
@click.option("--forget-all", is_flag=True, help="Forget all conversations, for good.")
@click.option("-k", default=10, show_default=True, help="How many photos are shown.")
@collection_option
@encoder_options
@model_options
@judging_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object an answer.")
def chat_command(
    name: str | None,
    going_on: bool,
    listing: bool,
    forget_all: bool,
    k: int,
    rerank: bool,
    verify: bool,
    refine: bool,
    consent: bool,
    as_json: bool,
    **flags: Any,
) -> None:
    """Ask one question after the other; what was said before is understood.

    Questions come from the terminal, or one a line from a pipe. Conversations are kept in the
    collection; /help names the commands inside.
    """
    if name is not None and going_on:
        raise UsageError("Choose one of --name and --continue.")
    settings = load_settings(**flags)
    with open_settings(settings) as collection:
        from retrieval.answering import history

        if listing or forget_all:
            _list(collection, as_json) if listing else _forget_all(collection)
            return
        kept = history.conversations(collection)
        if going_on and not kept:
            raise UsageError("No conversation is kept yet. Begin one with: retrieval chat")
        if name is None:
            name = kept[0][0] if going_on else history.new_name(collection)
        session = Session(
            collection,
            history.Conversation(collection, name),
            usable_model(settings, consent),
            judge_of(settings),
            ask_options(settings, k=k, rerank=rerank, verify=verify, refine=refine),
            searcher(settings, collection),
            as_json,
        )
        session.run(_lines())


def _list(collection: Collection, as_json: bool) -> None:
    from retrieval.answering.history import conversations

    kept = conversations(collection)
    if as_json:
        keys = ("name", "begun_at", "turns")
        emit(to_json([dict(zip(keys, row, strict=True)) for row in kept]))
        return
    for name, begun, turns in kept:
        emit(f"{begun}  {turns:>4} turns  {printable(name)}")
    if not kept:
        tell("No conversation is kept.")


def _forget_all(collection: Collection) -> None:
    from retrieval.answering.history import forget_conversations

    count = forget_conversations(collection)
    tell(f"Forgot {count:,} {'turn' if count == 1 else 'turns'}.")


def _lines() -> Iterator[str]:
    """What is typed, line by line: with editing on a terminal, and from a pipe without a prompt."""
    if not sys.stdin.isatty():
        yield from sys.stdin
        return
    import readline  # noqa: F401  it gives input() its editing

    while True:
        try:
            yield input(PROMPT)
        except (EOFError, KeyboardInterrupt):
            tell("")
            return


class Session:
    """A conversation with somebody at a terminal, or a program at a pipe."""

    def __init__(
        self,
        collection: Collection,
        conversation: Conversation,
        model: LanguageModel | None,
        judge: Judge | None,
        options: AskOptions,
        search: Searcher,
        as_json: bool,
    ) -> None:
        """Nothing is asked yet."""
        self.collection = collection
        self.conversation = conversation
        self.model = model
        self.judge = judge
        self.options = options
        self.search = search
        self.as_json = as_json
        self.reader = Reader()
        self.last: Answer | None = None
        self.after = ""
        self.told_unkept = False

    def run(self, lines: Iterator[str]) -> None:
        """Answer line by line, until there are no more or one says /quit."""
        if sys.stdin.isatty():
            turns = len(self.conversation.turns)
            tell(f"{printable(self.conversation.name)}{f', {turns} turns so far' if turns else ''}")
            tell("Ask about your photos. /help says what else there is.")
        for line in lines:
            text = line.strip()
            text = _SPOKEN.get(text.casefold().rstrip("?!.？！。 "), text)
            if text == "/quit":
                return
            if not text:
                continue
            try:
                self.command(text) if text.startswith("/") else self.ask(text)
            except RetrievalError as exc:
                tell(f"retrieval: {printable(str(exc))}")
            except KeyboardInterrupt:
                tell("\nStopped. Ask again, or leave with /quit.")

    def ask(self, question: str) -> None:
        """Answer one question, and keep it."""
        from retrieval.answering import Hearer, ask
        from retrieval.answering.references import likeness

        if self.last is not None and (number := likeness(question)) is not None:
            self.similar(number)
            return
        reader = self.reader
        hearer = Hearer(reader.show_result, reader.show_text, show_notice)
        answer = ask(
            self.collection,
            question,
            options=self.options,
            model=self.model,
            judge=self.judge,
            history=self.conversation.turns,
            search=self.search,
            hearer=Hearer(on_notice=show_notice) if self.as_json else hearer,
        )
        self.last, self.after = answer, answer.result.next
        if self.as_json:
            emit(to_json(answer_record(answer), indent=None))
        else:
            reader.show_answer(answer)
        self._keep(answer)

    def _keep(self, answer: Answer) -> None:
        """A conversation goes on where it cannot be kept: others write, the disk is read-only."""
        try:
            self.conversation.add(answer)
        except RetrievalError as exc:
            if not self.told_unkept:
                show_notice(f"This conversation is not kept: {exc}")
            self.told_unkept = True

    def command(self, text: str) -> None:
        """Carry out what begins with a slash. Raises UsageError for what is unknown."""
        known: dict[str, Callable[[], None]] = {
            "/help": lambda: tell(HELP),
            "/photos": self.photos,
            "/photos open": self.open,
            "/more": self.more,
            "/why": self.why,
            "/new": self.new,
            "/forget": self.forget,
        }
        words = text.split()
        if words[0] == "/similar" and len(words) == 2 and words[1].isdecimal():
            self.similar(int(words[1]))
            return
        action = known.get(" ".join(words))
        if action is None:
            raise UsageError(f"There is no command {text:.40}. /help lists them.")
        action()

    def _answer(self) -> Answer:
        if self.last is None:
            raise UsageError("Nothing was asked yet. Ask something first.")
        return self.last

    def photos(self) -> None:
        """The photos of the last answer."""
        answer = self._answer()
        for piece in answer.evidence[: self.options.k]:
            known = [(piece.facts.taken_at or "")[:10], piece.place, piece.camera]
            about = ", ".join(printable(text) for text in known if text)
            emit(f"[{piece.n}] {printable(piece.path)}{f'  ({about})' if about else ''}")
        if not answer.evidence:
            tell("The last answer stands on no photos.")

    def open(self) -> None:
        """Show the photos of the last answer in a viewer."""
        from retrieval.cli.opening import open_hits

        open_hits(self._answer().result.hits)

    def more(self) -> None:
        """The next page of what was found."""
        from retrieval.answering.looking import first_search
        from retrieval.searching import run

        answer = self._answer()
        if not self.after:
            tell("There are no more.")
            return
        options = replace(first_search(answer.plan, self.options.k)[1], after=self.after)
        result = run(self.collection, answer.result.query, options, answer.plan.among or None)
        self.after = result.next
        shown = likely(result)
        emit(result_table(shown)) if shown.hits else tell("There are no more that match.")

    def similar(self, number: int) -> None:
        """Photos like one of the last answer, by its number; -1 is the last."""
        from retrieval.searching.similar import similar

        pieces = self._answer().evidence
        named = [piece for piece in pieces if piece.n == number] if number > 0 else pieces[-1:]
        if not named:
            raise UsageError(f"The last answer has no photo {abs(number)}. /photos lists them.")
        result = similar(self.collection, named[0].path, self.options.k)
        tell(f"Like [{named[0].n}] {printable(named[0].path)}:")
        emit(result_table(result))

    def why(self) -> None:
        """How the last question was understood."""
        for line in why_lines(self._answer()):
            emit(line)

    def new(self) -> None:
        """Begin a new conversation."""
        from retrieval.answering.history import Conversation, new_name

        self.conversation = Conversation(self.collection, new_name(self.collection))
        self.last, self.after = None, ""
        tell(printable(self.conversation.name))

    def forget(self) -> None:
        """Forget this conversation."""
        count = self.conversation.forget()
        self.last, self.after = None, ""
        tell(f"Forgot {count:,} {'turn' if count == 1 else 'turns'}.")
