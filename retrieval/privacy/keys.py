"""Keys of endpoints: from the environment or the keyring, never from a file, never shown."""

from __future__ import annotations

import os

from retrieval.errors import ConfigError
from retrieval.privacy.endpoints import parse_endpoint

SERVICE = "retrieval"  # in the keyring; the user there is the endpoint, "https://host:port"
_OPENAI = "https://api.openai.com"


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
