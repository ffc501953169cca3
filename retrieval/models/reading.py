"""Replies of servers, read while they come."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from retrieval.errors import ModelReplyError
from retrieval.models import Reply
from retrieval.models.endpoint import Endpoint, Trouble
from retrieval.models.refusals import Refusal, refusal
from retrieval.models.wire import encoded, events, first_tokens, piece_of
from retrieval.privacy.screening import Screen
from retrieval.records import TextCallback


@dataclass
class Shown:
    """Hands the pieces of a reply on; those of a repeated one from where the first one stopped."""

    on_text: TextCallback
    _shown: list[str] = field(default_factory=list, init=False)
    _again: str = field(default="", init=False)  # what is left to be repeated
    _same: bool = field(default=True, init=False)

    def begin(self) -> None:
        """A reply begins, perhaps once more."""
        self._again, self._same = "".join(self._shown), True

    def add(self, text: str) -> None:
        """The next piece of it. What repeats something else than what was shown stays silent."""
        known, self._again = self._again[: len(text)], self._again[len(text) :]
        self._same = self._same and text.startswith(known)
        fresh = text[len(known) :]
        if self._same and fresh:
            self._shown.append(fresh)
            self.on_text(fresh)


class OnlyThought(ModelReplyError):
    """A model thought until it reached its limit of tokens; with a higher one it may answer."""


def read_reply(pieces: Iterator[bytes], shown: Shown, endpoint: Endpoint, name: str) -> Reply:
    """The reply in a stream, or in one body.

    Raises Trouble where it stops before its end, Refusal for an error inside, OnlyThought for
    thoughts without a reply, ModelReplyError for what is no chat and for a reply without a word.
    """
    text, refused, finish = "", "", ""
    screen = Screen(endpoint.key)
    thought = met = False
    tokens: int | None = None
    shown.begin()
    for event in events(pieces):
        piece = piece_of(event)
        if "error" in event:
            raise _error_inside(event, endpoint)
        if piece is None:
            continue
        met = True
        clean = screen.feed(piece.text)
        text += clean
        refused += piece.refusal
        thought = thought or piece.thought
        finish = piece.finish or finish or ("stop" if piece.done else "")
        tokens = piece.tokens if piece.tokens is not None else tokens
        shown.add(clean)
    shown.add(rest := screen.end())
    text += rest
    if not met:
        raise endpoint.not_chat()
    if not finish:
        raise Trouble(
            f"{endpoint.where} stopped in the middle of its reply. Try again, or look at its log.",
            tries=2,
        )
    unfinished = text.lstrip().startswith("<think>") and "</think>" not in text
    if finish == "length" and (unfinished or (thought and not text.strip())):
        raise OnlyThought(
            f"{name} only thought, up to its limit of tokens. Ask less, or use another model."
        )
    if not (text or refused).strip():
        raise ModelReplyError(f"{name} wrote nothing. Ask differently, or use another model.")
    if not text:
        text = screen.feed(refused) + screen.end()
    return Reply(text, complete=finish != "length", tokens=tokens)


def read_first_tokens(
    pieces: Iterator[bytes], endpoint: Endpoint
) -> list[tuple[str, float]] | None:
    """The likeliest first tokens with their log probabilities; None where they are not told.

    Raises Refusal for an error, ModelReplyError for what is no chat.
    """
    event = next(events(pieces), {})
    if "error" in event:
        raise _error_inside(event, endpoint)
    if piece_of(event) is None:
        raise endpoint.not_chat()
    return first_tokens(event)


def _error_inside(event: Mapping[str, Any], endpoint: Endpoint) -> Refusal:
    """The error that came with status 200, where a reply was already on its way."""
    error = event["error"]
    code = error.get("code") if isinstance(error, dict) else None
    status = code if isinstance(code, int) and 400 <= code < 600 else 500
    return refusal(status, encoded({"error": error}), {}, endpoint.where, endpoint.key)
