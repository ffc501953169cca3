"""Keys of endpoints: from the environment or the keyring, never from a file, never shown."""

from __future__ import annotations

import os
import re
from urllib.parse import quote

from retrieval.errors import ConfigError
from retrieval.privacy.endpoints import parse_endpoint

SERVICE = "retrieval"  # in the keyring; the user there is the endpoint, "https://host:port"
HIDDEN = "[key]"
_OPENAI = "https://api.openai.com"
PART = 8  # characters in a row of a key that a reply must not repeat
_MOST_WAITING = 65_536  # characters that are looked through at a time
_SHORTEST = 4  # a shorter "key" would hide ordinary words


def api_key(endpoint: str) -> str | None:
    """The key that goes to an endpoint (a URL); None where there is none.

    RETRIEVAL_LLM_KEY, else the keyring of the system (service "retrieval", user the endpoint as
    `retrieval ledger --endpoints` shows it, without a port that is the usual one), else
    OPENAI_API_KEY, but that only for https://api.openai.com. Raises PrivacyError for an address
    that cannot be trusted, ConfigError for a key that cannot be a key.
    """
    origin = str(parse_endpoint(endpoint))
    key = os.environ.get("RETRIEVAL_LLM_KEY", "").strip() or _from_keyring(origin)
    if not key and origin == _OPENAI:
        key = os.environ.get("OPENAI_API_KEY", "").strip()
    if not key:
        return None
    if not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigError(
            f"The key for {origin} holds spaces or characters that no key has. Set it anew, in "
            "RETRIEVAL_LLM_KEY or in the keyring."
        )
    return key


def _from_keyring(origin: str) -> str:
    """What the keyring holds; "" without the package, without a keyring, and where it is locked."""
    try:
        import keyring

        return (keyring.get_password(SERVICE, origin) or "").strip()
    except Exception:  # each back end raises kinds of its own; without a key one can still ask
        return ""


class Screen:
    """Takes a key, and longer parts of it, out of a text that comes in pieces.

    A server gets the key with each request, and may write it into its reply: by mistake, or because
    a model was told to. A key of fewer than PART characters is an ordinary word, and no secret.
    """

    def __init__(self, key: str | None) -> None:
        self._key = key or ""
        starts = range(len(self._key) - PART + 1)
        self._parts = {self._key[at : at + PART] for at in starts}
        self._waiting = ""

    def feed(self, piece: str) -> str:
        """What can be shown now: all but an end that may be the beginning of the key."""
        self._waiting += piece
        if not self._parts or len(self._waiting) > _MOST_WAITING:
            return self.end()
        spans = self._spans()
        cut = self._begins()
        cut = next((begin for begin, end in spans if begin <= cut <= end), cut)
        shown = _without(self._waiting[:cut], [span for span in spans if span[1] <= cut])
        self._waiting = self._waiting[cut:]
        return shown

    def end(self) -> str:
        """The rest."""
        rest = _without(self._waiting, self._spans())
        self._waiting = ""
        return rest

    def _spans(self) -> list[tuple[int, int]]:
        """Where parts of the key stand, those that overlap as one."""
        spans: list[tuple[int, int]] = []
        for at in range(len(self._waiting) - PART + 1) if self._parts else ():
            if self._waiting[at : at + PART] not in self._parts:
                continue
            if spans and at < spans[-1][1]:
                spans[-1] = (spans[-1][0], at + PART)
            else:
                spans.append((at, at + PART))
        return spans

    def _begins(self) -> int:
        """Where a part of the key may have begun that the next piece goes on with."""
        length = len(self._waiting)
        ends = range(max(length - PART + 1, 0), length)
        return next((at for at in ends if self._waiting[at:] in self._key), length)


def _without(text: str, spans: list[tuple[int, int]]) -> str:
    pieces, at = [], 0
    for begin, end in spans:
        pieces += [text[at:begin], HIDDEN]
        at = end
    return "".join(pieces) + text[at:]


def scrub(text: str, key: str | None) -> str:
    """The text without the key, in whatever form a server or a library echoes it."""
    text = re.sub(r"(?i)\b(bearer|basic)\s+[^\s'\"<>,;]+", rf"\1 {HIDDEN}", text)
    if not key or len(key) < _SHORTEST:
        return text
    for form in sorted({key, quote(key), quote(key, safe=""), repr(key)[1:-1]}, key=len)[::-1]:
        text = text.replace(form, HIDDEN)
    return text
