"""Which endpoints the user has agreed to: asked once for each, kept, and revocable."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.errors import CorruptError, StorageError
from retrieval.privacy.ledger import ledger_folder, utc_now
from retrieval.records import REDACTIONS, Redaction
from retrieval.storage import disk
from retrieval.storage.checked import read_checked, write_checked
from retrieval.storage.layout import storage_errors

FILE_NAME = "consents.json"
_PATIENCE_S = 10.0  # for another process, which holds the lock for milliseconds


@dataclass(frozen=True, slots=True)
class Consent:
    """The user agreed at `at` (UTC) that `endpoint` gets what is left without `redacted`.

    `key` says whether its key was told to go there as well, `proxy` what it was told to go through.
    """

    endpoint: str
    at: str
    redacted: tuple[Redaction, ...] = ()
    key: bool = False
    proxy: str = ""


class Consents:
    """The consents in a folder. What is damaged counts as not given, so that it is asked again."""

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (folder or ledger_folder()) / FILE_NAME

    def all(self) -> list[Consent]:
        """Every consent, by endpoint. Raises StorageError where the file cannot be read."""
        with storage_errors(self.path):
            try:
                kept = read_checked(self.path).get("endpoints")
            except (FileNotFoundError, CorruptError):
                return []
        kept = kept if isinstance(kept, dict) else {}
        return [_consent(endpoint, kept[endpoint]) for endpoint in sorted(kept)]

    def covers(
        self, endpoint: str, redacted: Sequence[Redaction], *, key: bool = False, proxy: str = ""
    ) -> bool:
        """Whether the user agreed to this endpoint, with no more redacted than now.

        Who agreed to pictures without faces is asked again before faces are sent; who agreed to no
        `key`, or to another `proxy`, before that gets something.
        """
        return any(
            consent.endpoint == endpoint
            and set(consent.redacted) <= set(redacted)
            and (consent.key or not key)
            and proxy in ("", consent.proxy)
            for consent in self.all()
        )

    def agree(
        self, endpoint: str, redacted: Sequence[Redaction], *, key: bool = False, proxy: str = ""
    ) -> None:
        """Keep a consent, in place of an older one to that endpoint. Raises StorageError."""
        self._change(endpoint, Consent(endpoint, utc_now(), tuple(redacted), key, proxy))

    def revoke(self, endpoint: str) -> bool:
        """Take a consent back; False if there was none. Raises StorageError."""
        if not self.path.exists():
            return False
        return self._change(endpoint, None)

    def _change(self, endpoint: str, consent: Consent | None) -> bool:
        with storage_errors(self.path):
            disk.make_folders(self.path.parent)
        with _alone(self.path), storage_errors(self.path):
            before = self.all()
            after = [each for each in before if each.endpoint != endpoint]
            revoked = len(after) < len(before)
            if consent is not None:
                after.append(consent)
            write_checked(self.path, {"endpoints": {c.endpoint: _values(c) for c in after}})
        return revoked


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Change the file alone, so that nothing that was revoked comes back."""
    import filelock

    lock = filelock.FileLock(f"{path}.lock", timeout=_PATIENCE_S, mode=disk.FILE_MODE)
    try:
        with storage_errors(path):
            lock.acquire()
    except filelock.Timeout as exc:
        raise StorageError(
            f"Another process holds {path}.lock. Wait until it is done, then run the command again."
        ) from exc
    try:
        yield
    finally:
        lock.release()


def _values(consent: Consent) -> dict[str, Any]:
    return {
        "at": consent.at,
        "redacted": list(consent.redacted),
        "key": consent.key,
        "proxy": consent.proxy,
    }


def _consent(endpoint: str, values: Any) -> Consent:
    values = values if isinstance(values, dict) else {}
    redacted = values.get("redacted")
    kept = redacted if isinstance(redacted, list) else []
    return Consent(
        endpoint,
        str(values.get("at", "")),
        tuple(each for each in REDACTIONS if each in kept),
        values.get("key") is True,
        str(values.get("proxy", "")),
    )
