"""Addresses of endpoints: made whole, and told apart by where they lead."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from retrieval.errors import ConfigError

_CHAT = "/chat/completions"
_VERSION = re.compile(r"v[0-9]+[a-z0-9]*")
_PLAIN = re.compile(r"[^\s\\\x00-\x1f\x7f]+")


def base_url(llm: str) -> str:
    """The address below which `/chat/completions` and `/models` lie, without a slash at the end.

    "/v1" is added where the address names no version ("http://127.0.0.1:8080"). Raises ConfigError
    for one that cannot be an address, or that carries a password, a query or a fragment: a key
    belongs into the environment or the keyring, where no list of processes shows it.
    """
    llm = llm.strip()
    try:
        parts = urlsplit(llm)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or parts.scheme not in ("http", "https") or not _PLAIN.fullmatch(llm) or port == 0:
        raise ConfigError(
            f"{llm[:200]!r} is no address of a language model. Write it as http://HOST:PORT/v1."
        )
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigError(
            "The address of a language model is given without a password, a query or a fragment: "
            "write it as http://HOST:PORT/v1, and put the key into RETRIEVAL_LLM_KEY."
        )
    path = parts.path.rstrip("/").removesuffix(_CHAT)
    if not any(_VERSION.fullmatch(piece) for piece in path.split("/")):
        path += "/v1"
    return f"{parts.scheme}://{parts.netloc.lower()}{path}"
