"""What leaves this machine: nothing unless allowed, nothing unrecorded.

A `Gate` stands before every request to an endpoint that is not loopback. It refuses where
`offline` is set, asks once for each endpoint, and writes the request into the ledger, synced to
disk, before its first byte leaves. What is named in `redact` is taken out by whoever makes the
request, with `redaction`.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from retrieval.records import Redaction, SentPhoto


class Gate(Protocol):
    """Lets requests leave, or not. `redact` names what is taken out before."""

    redact: tuple[Redaction, ...]

    def sending(
        self,
        endpoint: str,
        *,
        model: str,
        purpose: str,
        size: int,
        photos: Sequence[SentPhoto] = (),
    ) -> AbstractContextManager[None]:
        """Surround a request of `size` bytes to the URL `endpoint`, pictures included.

        Loopback endpoints pass unrecorded, and unasked where the user chose them. How the block
        ends (as it should, by an error, by an interruption) becomes the outcome in the ledger. Each
        attempt of a request that is repeated is one of its own. Raises PrivacyError before anything
        is sent, where `offline` is set, the user has not agreed to this endpoint, or the ledger
        cannot be written.
        """
        ...


def open_gate(
    *,
    offline: bool = False,
    redact: Sequence[Redaction] = (),
    on_consent: Callable[[str], bool] = lambda text: False,
    folder: Path | None = None,
    chosen: bool = True,
) -> Gate:
    """The gate of this user, with the ledger and the consents in `folder`, else in
    $RETRIEVAL_LEDGER, else in the platform's folder of state.

    `on_consent` is told what would be sent where, and answers whether the user agrees; asked once
    for each endpoint, and again where less is redacted than was agreed to. `chosen` is False where
    not the user named the endpoint but a file in some folder (`Settings.from_file`): then they are
    asked as well before anything goes to this machine's own ports, and before a key goes anywhere.
    """
    from retrieval.privacy.gate import LedgerGate

    return LedgerGate(
        offline=offline, redact=redact, on_consent=on_consent, folder=folder, chosen=chosen
    )
