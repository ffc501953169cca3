"""What servers say when they do not answer, told apart and put into sentences.

There is no common form: what is known here is what llama.cpp, vLLM, Ollama, LM Studio, OpenAI and
those that imitate it were seen to write (tests/unit/test_refusals.py keeps a list).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from retrieval.errors import ModelError
from retrieval.privacy.screening import key_spans

MOST_WORDS = 300  # characters of what a server says that are repeated
MOST_TOLD = 4_000  # that are looked through
BUSY = (429, 500, 502, 503, 504)
TRIES = 4  # in all, of a server that is busy

_PICTURE = re.compile(r"image|picture|vision|multi-?modal|mmproj", re.I)
_NOT = re.compile(
    r"not support|n['o]t (a |an )?(accept|support|multi-?modal|vision)|unsupported|only supported"
    r"|not allowed|no endpoints|mmproj|missing data|expected .{0,20}(text|string)"
    r"|must be (a )?(string|text)|does(n't| not)|cannot|unable to (process|handle)"
    r"|not (enabled|capable|available)|text.only",
    re.I,
)
_FEWER_PICTURES = re.compile(r"at most \d+ (image|picture)", re.I)
_BROKEN_PICTURE = re.compile(r"(decode|load|read|corrupt|download|too (large|big))", re.I)
_FORMAT = re.compile(
    r"response.?format|json.?schema|json.?object|json mode|grammar|guided|structured", re.I
)
_TOO_LONG = re.compile(
    r"exceed_context|context.?(length|size|window)|maximum context|too many tokens"
    r"|(prompt|input|request) is too long|exceeds? the (available )?context|num_ctx",
    re.I,
)
_TOLD_CONTEXT = (
    re.compile(r"n_ctx\D{1,4}(\d{3,8})"),
    re.compile(r"(?:maximum |max )?context (?:length|size|window)\D{1,20}?(\d{3,8})", re.I),
)
_NO_MODEL = re.compile(
    r"model.{0,80}?(not.?found|not exist|unknown|invalid|not available|try pulling)"
    r"|(unknown|no such|invalid|unsupported) model",
    re.I | re.S,
)
_PURSE = re.compile(r"insufficient_quota|billing|credit", re.I)


class Refusal(ModelError):
    """An answer with another status than 200, or an error inside a stream.

    `told` is what the server wrote, to be looked through and never shown; `tries` says how often
    asking is worth while, and `wait` how many seconds the server asks to wait before.
    """

    def __init__(self, message: str, status: int, told: str, wait: float | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.told = told
        self.wait = wait

    @property
    def tries(self) -> int:
        for_good = self.no_pictures or self.too_long or self.formats or _PURSE.search(self.told)
        return TRIES if self.status in BUSY and not for_good else 1

    @property
    def no_pictures(self) -> bool:
        """Whether pictures are what it does not take."""
        not_taken = _PICTURE.search(self.told) and _NOT.search(self.told)
        return bool(not_taken) and not _BROKEN_PICTURE.search(self.told)

    @property
    def fewer_pictures(self) -> bool:
        """Whether it takes pictures, but not so many."""
        return bool(_FEWER_PICTURES.search(self.told))

    @property
    def formats(self) -> bool:
        """Whether it is the form of the reply that it does not know."""
        return bool(_FORMAT.search(self.told))

    @property
    def too_long(self) -> bool:
        """Whether the chat is more than the model reads, or the server takes."""
        return self.status == 413 or bool(_TOO_LONG.search(self.told))

    @property
    def context(self) -> int:
        """How many tokens it says that it reads; 0 where it does not."""
        found = next(filter(None, (p.search(self.told) for p in _TOLD_CONTEXT)), None)
        return int(found[1]) if found else 0

    @property
    def unknown_model(self) -> bool:
        """Whether it knows no model of the name that was given."""
        return self.status in (400, 404) and bool(_NO_MODEL.search(self.told))

    def about(self, name: str) -> bool:
        """Whether it is about the parameter of this name."""
        return self.status in (400, 422) and re.search(rf"\b{name}\b", self.told) is not None


def refusal(
    status: int, body: bytes, headers: Mapping[str, str], where: str, key: str | None
) -> Refusal:
    """The error of an answer that is none. `where` is the server as the user named it."""
    told = body.decode("utf-8", "replace")[:MOST_TOLD]
    says = scrubbed(_words(told), key)
    wait = retry_after(headers.get("retry-after"))
    return Refusal(_sentence(status, says, told, where, key is not None), status, told, wait)


def _words(text: str) -> str:
    """The message in an error of any of the usual shapes."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return re.sub(r"<(script|style|head).*?</\1>|<[^>]*>", " ", text, flags=re.I | re.S)
    for _ in range(4):
        if isinstance(parsed, list) and parsed:
            parsed = parsed[0]
        elif isinstance(parsed, dict):
            names = ("error", "message", "detail", "msg")
            parsed = next((parsed[name] for name in names if parsed.get(name)), "")
    return parsed if isinstance(parsed, str) else ""


def scrubbed(text: str, key: str | None) -> str:
    """One line of a server's text without what a terminal obeys; "" where it repeats the key."""
    if key and (key in text or key_spans(text, key)):
        return ""
    text = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(text.split())[:MOST_WORDS]


def _sentence(status: int, said: str, told: str, where: str, keyed: bool) -> str:
    says = f" It says: {said.rstrip('.')}." if said else ""
    if status == 401 or (status == 403 and not keyed):
        if keyed:  # what it says is left out: some repeat the key, masked
            return f"{where} does not accept the key. Correct RETRIEVAL_LLM_KEY."
        return f"{where} wants a key. Put it into RETRIEVAL_LLM_KEY, or into the keyring."
    if status == 403:
        return f"{where} does not allow this with that key.{says} Use another key or model."
    if status == 429:
        if _PURSE.search(told):
            return f"{where} answers no more for this key.{says} Look at its account."
        return f"{where} gets too many requests.{says} Try again later."
    if 300 <= status < 400:
        return (
            f"{where} sends requests on to another address, which is not followed. "
            "Name the address where the model is."
        )
    if status in (404, 405):
        return (
            f"{where} has no such model or no chat.{says} "
            "Correct --llm (it usually ends in /v1) or --llm-model."
        )
    if status >= 500:
        return f"{where} failed ({status}).{says} Try again, or look at its log."
    return f"{where} refuses the request ({status}).{says} Try another model or server."


def retry_after(header: str | None) -> float | None:
    """Seconds to wait by the header Retry-After, which holds seconds or a date."""
    if not header:
        return None
    if re.fullmatch(r"\s*[0-9]{1,9}(\.[0-9]+)?\s*", header):
        return float(header)
    try:
        at = parsedate_to_datetime(header)
    except (TypeError, ValueError):
        return None
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max((at - datetime.now(UTC)).total_seconds(), 0.0)
