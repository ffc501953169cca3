"""The form in which chats travel: bodies of requests, streams of events, replies."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from retrieval.models import Message

#: How a form of the reply can be asked for, from the strictest; "" asks in words alone.
FORMATS = ("json_schema", "json_object", "")
MOST_BYTES = 4 << 20  # of a reply: one that does not end is not read for ever
TOP = 20  # tokens whose probability is asked for; servers tell of no more
FEW = 5  # asked for where that is too many

_YES = frozenset(("yes", "yeah", "是", "是的", "有", "对", "對"))
_NO = frozenset(("no", "not", "否", "不", "不是", "没", "没有", "沒有", "不对"))
_LINE_END = re.compile(rb"\r\n|\n|\r(?!$)")  # one \r at the end may be half of \r\n


@dataclass
class Ways:
    """How a server wants to be asked, as far as it was found out by asking."""

    format: str = FORMATS[0]
    limit: str = "max_tokens"
    temperature: bool = True
    logprobs: bool = True
    top: int = TOP
    pictures: bool = True
    context: int = 0
    thinking: int = 0  # tokens that it thinks before it writes


def chat_body(
    name: str,
    messages: Sequence[Message],
    ways: Ways,
    most_tokens: int,
    schema: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The request that streams a reply of at most so many tokens."""
    body: dict[str, Any] = {"messages": [_message(message) for message in messages]}
    if name:
        body["model"] = name
    body |= {ways.limit: most_tokens + ways.thinking, "stream": True}
    if ways.temperature:
        body["temperature"] = 0
    if schema is not None and ways.format == "json_schema":
        named = {"name": "reply", "strict": True, "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": named}
    elif schema is not None and ways.format:
        body["response_format"] = {"type": ways.format}
    return body


def yes_body(name: str, messages: Sequence[Message], ways: Ways) -> dict[str, Any]:
    """The request for one token and the probabilities of those that could stand there."""
    body = chat_body(name, messages, ways, 1)
    return body | {ways.limit: 1, "stream": False, "logprobs": True, "top_logprobs": ways.top}


def encoded(body: Mapping[str, Any]) -> bytes:
    """A body as bytes. Half characters of file names that are no UTF-8 become "?"."""
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


def _message(message: Message) -> dict[str, Any]:
    if not message.pictures:
        return {"role": message.role, "content": message.text}
    parts: list[dict[str, Any]] = [
        {
            "type": "image_url",
            "image_url": {"url": f"data:image/jpeg;base64,{b64encode(picture.jpeg).decode()}"},
        }
        for picture in message.pictures
    ]
    return {"role": message.role, "content": [*parts, {"type": "text", "text": message.text}]}


# --- replies --------------------------------------------------------------------------------


def lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Whole lines of a stream of bytes, whatever ends them and wherever it was cut."""
    kept: list[bytes] = []  # of a line that has not ended; looked through once
    for piece in pieces:
        last = kept.pop() if kept else b""
        if last[-1:] == b"\r":  # which may be half of \r\n
            piece, last = b"\r" + piece, last[:-1]
        first, *more = _LINE_END.split(piece)
        kept += (last, first)
        for rest in more:
            yield b"".join(kept).decode("utf-8", "replace")
            kept = [rest]
    yield from (line.decode("utf-8", "replace") for line in b"".join(kept).splitlines())


def events(pieces: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """The JSON objects of a stream of server-sent events, until "[DONE]" or its end.

    Each `data:` line is an event, as all servers send them; comments, names of events and what is
    no JSON are passed over. "[DONE]" comes as {"done": True}. A server that does not stream, and
    sends one JSON object, gives that.
    """
    other: list[str] = []
    met = False
    for line in lines(pieces):
        name, colon, value = line.partition(":")
        if colon and name in ("data", "error"):  # llama.cpp has sent errors by that name
            if value.strip() == "[DONE]":
                yield {"done": True}
                return
            event = _object(value)
            if event is not None:
                met = True
                yield event if name == "data" or "error" in event else {"error": event}
        else:
            other.append(line)
    if not met and (whole := _object("\n".join(other))) is not None:
        yield whole


def _object(text: str) -> dict[str, Any] | None:
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


@dataclass(frozen=True, slots=True)
class Piece:
    """What one event adds: text, a refusal, why the reply ended, and whether the stream has."""

    text: str = ""
    refusal: str = ""
    thought: bool = False
    finish: str = ""
    tokens: int | None = None
    done: bool = False


def piece_of(event: Mapping[str, Any]) -> Piece | None:
    """An event as read; None where it is nothing of a chat."""
    if event.get("done") is True:
        return Piece(done=True)
    usage = event.get("usage")
    tokens = usage.get("completion_tokens") if isinstance(usage, dict) else None
    tokens = tokens if isinstance(tokens, int) else None
    choices = event.get("choices")
    if not isinstance(choices, list):
        return None
    choice = choices[0] if choices and isinstance(choices[0], dict) else {}
    said = choice.get("delta") or choice.get("message") or {}
    if not isinstance(said, dict):
        return None
    content = said.get("content")
    refused, finish = said.get("refusal"), choice.get("finish_reason")
    return Piece(
        text=_text(content if content is not None else choice.get("text")),
        refusal=_text(refused),
        thought=bool(said.get("reasoning_content") or said.get("reasoning")),
        finish=finish if isinstance(finish, str) else "",
        tokens=tokens,
    )


def _text(content: Any) -> str:
    if isinstance(content, str):
        return content
    if isinstance(content, list):  # parts, as Mistral sends them
        return "".join(
            part["text"]
            for part in content
            if isinstance(part, dict) and isinstance(part.get("text"), str)
        )
    return ""


# --- yes or no ------------------------------------------------------------------------------


def first_tokens(event: Mapping[str, Any]) -> list[tuple[str, float]] | None:
    """The tokens that could stand first, each with its log probability; None where untold."""
    try:
        told = event["choices"][0]["logprobs"]
        if isinstance(told.get("content"), list):
            pairs = [(t["token"], t["logprob"]) for t in told["content"][0]["top_logprobs"]]
        else:  # the older form
            pairs = list(told["top_logprobs"][0].items())
        return [(str(token), float(logprob)) for token, logprob in pairs] or None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError):
        return None


def _word(token: str) -> str:
    return token.strip(" \t\r\n▁Ġ\"'`*.,:;!。，！“”").casefold()
