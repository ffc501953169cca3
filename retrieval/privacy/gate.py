"""The gate: what stands before every request that could leave this machine."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from retrieval.errors import PrivacyError, StorageError
from retrieval.privacy.consents import Consents
from retrieval.privacy.endpoints import Endpoint, parse_endpoint, proxy_for, shown_proxy
from retrieval.privacy.keys import api_key
from retrieval.privacy.ledger import THROUGH, Ledger
from retrieval.privacy.screening import scrub
from retrieval.records import REDACTIONS, Redaction, SentPhoto

#: Is told what would be sent where; answers whether the user agrees.
ConsentCallback = Callable[[str], bool]

_WHAT = {"gps": "positions and place names", "faces": "faces that are found", "names": "names"}
#: As answerers and models have them, which lie above; a test compares.
MOST_PICTURES = 8
PICTURE_SIDE = 448
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
        chosen: bool = True,
    ) -> None:
        """`chosen` is False where a file named the endpoint, and not the user."""
        self.redact: tuple[Redaction, ...] = tuple(each for each in REDACTIONS if each in redact)
        self._offline = offline
        self._chosen = chosen
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
        """Surround a request, as Gate says; the ledger names scheme, host and port, no path.

        Where it goes through a proxy, that is named as well.
        """
        target = parse_endpoint(endpoint)
        proxy = shown_proxy(proxy_for(target))
        if not (target.is_loopback and self._chosen):
            with _recorded(target):
                self._admit(target, proxy)
        if target.is_loopback:
            yield
            return
        with _recorded(target):
            number = self._ledger.begin(
                f"{target}{THROUGH}{proxy}" if proxy else str(target),
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

    def _admit(self, target: Endpoint, proxy: str) -> None:
        if self._offline and not target.is_loopback:
            raise PrivacyError(
                f"Nothing was sent to {target}: offline is set, so nothing may leave this machine. "
                "Use a model on this machine, or set offline = false."
            )
        with self._asking:
            if target not in self._refused and self._agreed(target, proxy):
                return
            self._refused.add(target)
        raise PrivacyError(
            f"Nothing was sent to {target}: you have not agreed to that. Agree when you are asked, "
            "or beforehand with --consent."
        )

    def _agreed(self, target: Endpoint, proxy: str) -> bool:
        # Who names a server on the command line names it for the key; who stands in a folder with
        # somebody's retrieval.toml does not, and is asked unless it was agreed to with the key.
        key = api_key(str(target)) is not None
        needs = key and not self._chosen
        if self._consents.covers(str(target), self.redact, key=needs, proxy=proxy):
            return True
        if not self._on_consent(consent_text(target, self.redact, proxy, self._chosen)):
            return False
        self._consents.agree(str(target), self.redact, key=key, proxy=proxy)
        return True


@contextmanager
def _recorded(target: Endpoint) -> Iterator[None]:
    """Raises PrivacyError where what is about to leave, or the consent, cannot be written down."""
    try:
        yield
    except StorageError as exc:
        raise PrivacyError(
            f"Nothing was sent to {target}, because that cannot be recorded: {exc}"
        ) from exc


def consent_text(
    target: Endpoint, redact: Sequence[Redaction], proxy: str = "", chosen: bool = True
) -> str:
    """What the user agrees to: what is sent, to whom, what is taken out, that it is recorded.

    `proxy` is what it goes through; `chosen` is False where a file named the endpoint.
    """
    has_key = api_key(str(target)) is not None
    here = target.is_loopback
    removed = [_WHAT[each] for each in redact]
    others = [each for each in REDACTIONS if each not in redact]
    lines = [
        f"The language model that answers runs {'on this machine' if here else 'elsewhere'}, at "
        f"{target}. With each question it would get:",
        "- the question, what was said before in the conversation, and how many photos match;",
        "- of the photos found for it: names of file and folder, date, place, camera, captions, "
        "tags, and writing in them;",
        f"- if it takes pictures: small copies of up to {MOST_PICTURES} of them, at most "
        f"{PICTURE_SIDE} pixels wide or high. Your photo files stay here.",
        "(--rerank, --verify, describe, caption and story send the same of each photo that they "
        "look at.)",
        f"Taken out before, as far as they are recognised: {', '.join(removed)}."
        if removed
        else "Nothing is taken out before.",
        f"(--redact {','.join(others)} takes out more.)" if others else "",
        f"Whoever runs {target} can read and keep all of it.",
        "" if chosen else "It is named by the retrieval.toml in this folder.",
        f"Your key for it goes there too: agree only if you chose {target} yourself."
        if has_key
        else "",
        "The connection is not encrypted (http): everybody on the way can read it."
        if target.scheme == "http" and not here
        else "",
        f"All goes through the proxy {proxy}"
        f"{', which can read and keep it' if target.scheme == 'http' else ''}."
        if proxy
        else "",
        f"{'' if here else 'Each request is recorded, see: retrieval ledger. '}You are asked once "
        f"for this address; take it back with: retrieval ledger --revoke {target}",
    ]
    return "\n".join(filter(None, lines))


def _reason(exc: Exception) -> str:
    """An error as one short line, without keys."""
    text = f"{type(exc).__name__}: {exc}"
    for name in ("RETRIEVAL_LLM_KEY", "OPENAI_API_KEY"):
        text = scrub(text, os.environ.get(name, "").strip())
    return " ".join(text.split())[:_LONGEST_REASON]
