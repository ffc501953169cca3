"""A language model for tests: it replies what it is told to, and remembers what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from retrieval.models import MOST_TOKENS, Message, Reply
from retrieval.records import TextCallback, ignore_text


class Captioner:
    """Sees, unless told otherwise; `reply` is what it says, or makes it of the chat, or raises."""

    context = 0

    def __init__(
        self,
        reply: str | Exception | Callable[[int], str] = "A caption.",
        name: str = "seer",
        sees: bool = True,
    ) -> None:
        self.reply, self.name, self.sees = reply, name, sees
        self.asked: list[Sequence[Message]] = []

    def complete(
        self,
        messages: Sequence[Message],
        *,
        purpose: str,
        schema: Mapping[str, Any] | None = None,
        most_tokens: int = MOST_TOKENS,
        on_text: TextCallback = ignore_text,
    ) -> Reply:
        self.asked.append(messages)
        if isinstance(self.reply, Exception):
            raise self.reply
        text = self.reply if isinstance(self.reply, str) else self.reply(len(self.asked))
        on_text(text)
        return Reply(text)

    def yes(self, messages: Sequence[Message], *, purpose: str) -> float | None:
        return None
