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
    from collections.abc import Sequence

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

        Loopback endpoints pass unrecorded. How the block ends (as it should, by an error, by an
        interruption) becomes the outcome in the ledger. Each attempt of a request that is repeated
        is one of its own. Raises PrivacyError before anything is sent, where `offline` is set or
        the user has not agreed to this endpoint; StorageError where the ledger cannot be written.
        """
        ...
