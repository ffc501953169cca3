"""The gate: what stands before every request that could leave this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from retrieval.errors import PrivacyError, StorageError
from retrieval.privacy.consents import Consents
from retrieval.privacy.endpoints import Endpoint, parse_endpoint
from retrieval.privacy.keys import api_key, scrub
from retrieval.privacy.ledger import Ledger
from retrieval.records import REDACTIONS, Redaction, SentPhoto

#: Is told what would be sent where; answers whether the user agrees.
ConsentCallback = Callable[[str], bool]

_WHAT = {"gps": "positions and place names", "faces": "faces that are found", "names": "names"}
_LONGEST_REASON = 200  # characters of an error in the ledger


def agree_to_nothing(text: str) -> bool:
    """Consent to no endpoint: what a program uses that cannot ask."""
    return False


class LedgerGate:
    """A Gate that asks, and keeps a ledger and the consents in a folder. For several threads."""

    def __init__(
        self,
        *,
        offline: bool = False,
        redact: Sequence[Redaction] = (),
        on_consent: ConsentCallback = agree_to_nothing,
        folder: Path | None = None,
    ) -> None:
        self.redact: tuple[Redaction, ...] = tuple(each for each in REDACTIONS if each in redact)
        self._offline = offline
        self._on_consent = on_consent
        self._ledger = Ledger(folder)
        self._consents = Consents(folder)
        self._refused: set[Endpoint] = set()
        self._asking = threading.Lock()

    @contextmanager
    def sending(
        self,
        endpoint: str,
        *,
        model: str,
        purpose: str,
        size: int,
        photos: Sequence[SentPhoto] = (),
    ) -> Iterator[None]:
        """Surround a request, as Gate says; the ledger names scheme, host and port, no path."""
        target = parse_endpoint(endpoint)
        if target.is_loopback:
            yield
            return
        self._admit(target)
        number = self._ledger.begin(
            str(target),
            model=model,
            purpose=purpose,
            size=size,
            photos=photos,
            redacted=self.redact,
        )
        outcome = "cancelled"
        try:
            yield
            outcome = "answered"
        except Exception as exc:
            outcome = f"failed: {_reason(exc)}"
            raise
        finally:
            # That it left is on disk already; an answer that came is not thrown away for this.
            with suppress(StorageError):
                self._ledger.end(number, outcome)

    def _admit(self, target: Endpoint) -> None:
        if self._offline:
            raise PrivacyError(
                f"Nothing was sent to {target}: offline is set, so nothing may leave this machine. "
                "Use a model on this machine, or set offline = false."
            )
        with self._asking:
            if target not in self._refused and self._agreed(target):
                return
            self._refused.add(target)
        raise PrivacyError(
            f"Nothing was sent to {target}: you have not agreed to that. Agree when you are asked, "
            "or beforehand with --consent."
        )

    def _agreed(self, target: Endpoint) -> bool:
        if self._consents.covers(str(target), self.redact):
            return True
        if not self._on_consent(consent_text(target, self.redact)):
            return False
        self._consents.agree(str(target), self.redact)
        return True


def consent_text(target: Endpoint, redact: Sequence[Redaction]) -> str:
    """What the user agrees to: what is sent, to whom, what is taken out, that it is recorded."""
    has_key = api_key(str(target)) is not None
    removed = [_WHAT[each] for each in redact]
    others = [each for each in REDACTIONS if each not in redact]
    lines = [
        f"Questions, and facts, texts and small pictures of your photos, would leave this machine "
        f"and go to {target}. Whoever runs it can keep them.",
        f"Your key for it goes there too: agree only if you chose {target} yourself."
        if has_key
        else "",
        "The connection is not encrypted (http): everybody on the way can read it."
        if target.scheme == "http"
        else "",
        f"Taken out before, as far as they are recognised: {', '.join(removed)}."
        if removed
        else "Nothing is taken out before.",
        f"(--redact {','.join(others)} takes out more.)" if others else "",
        "Each request is recorded, see: retrieval ledger. You are asked once for this endpoint; "
        f"take it back with: retrieval ledger --revoke {target}",
    ]
    return "\n".join(filter(None, lines))


def _reason(exc: Exception) -> str:
    """An error as one short line, without keys."""
    text = f"{type(exc).__name__}: {exc}"
    for name in ("RETRIEVAL_LLM_KEY", "OPENAI_API_KEY"):
        text = scrub(text, os.environ.get(name, "").strip())
    return " ".join(text.split())[:_LONGEST_REASON]
