"""The ledger: a line before each request leaves, another when it is over; only ever appended.

`ledger.jsonl` lies in $RETRIEVAL_LEDGER, or in the platform's folder of state, for the owner alone.
Any number of processes append at once: a line is one write at the end of the file. A line that was
torn, because the disk was full or the power went, is told and costs only itself.
"""

from __future__ import annotations

import errno
import json
import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from retrieval.records import REDACTIONS, LedgerEntry, Redaction, SentPhoto
from retrieval.storage import disk
from retrieval.storage.layout import storage_errors

FILE_NAME = "ledger.jsonl"
VARIABLE = "RETRIEVAL_LEDGER"
THROUGH = " through "  # between an endpoint and the proxy that requests to it went through


def ledger_folder() -> Path:
    """Where the ledger and the consents lie: $RETRIEVAL_LEDGER, or the platform's folder."""
    chosen = os.environ.get(VARIABLE, "")
    if chosen:
        return Path(os.path.abspath(os.path.expanduser(chosen)))
    import platformdirs

    return platformdirs.user_state_path("retrieval", appauthor=False)


@dataclass(frozen=True, slots=True)
class LedgerReading:
    """What a ledger holds, the oldest entry first; `damaged` lines could not be read."""

    entries: tuple[LedgerEntry, ...] = ()
    damaged: int = 0


class Ledger:
    """The ledger in a folder, which is made by the first entry."""

    def __init__(self, folder: Path | None = None) -> None:
        self.path = (folder or ledger_folder()) / FILE_NAME

    def begin(
        self,
        endpoint: str,
        *,
        model: str,
        purpose: str,
        size: int,
        photos: Sequence[SentPhoto] = (),
        redacted: Sequence[Redaction] = (),
    ) -> str:
        """Write that a request is about to leave, durably; its id. Raises StorageError."""
        entry = LedgerEntry(
            id=secrets.token_hex(8),
            at=utc_now(),
            endpoint=endpoint,
            model=model,
            purpose=purpose,
            bytes=size,
            photos=tuple(photos),
            redacted=tuple(redacted),
        )
        self._append(asdict(entry))
        return entry.id

    def end(self, id: str, outcome: str) -> None:
        """Write how a request ended. Raises StorageError."""
        self._append({"id": id, "at": utc_now(), "outcome": outcome})

    def read(self) -> LedgerReading:
        """Every request, with its outcome. Raises StorageError."""
        entries: dict[str, LedgerEntry] = {}
        damaged = 0
        with storage_errors(self.path):
            if not self.path.exists():
                return LedgerReading()
            if not self.path.is_file():  # reading a pipe would never end
                raise OSError(errno.EINVAL, "it is not a file")
            with self.path.open("rb") as lines:
                for line in lines:
                    damaged += bool(line.strip()) and not _take(line, entries)
        return LedgerReading(tuple(entries.values()), damaged)

    def _append(self, values: Mapping[str, Any]) -> None:
        line = json.dumps(values, separators=(",", ":")) + "\n"  # ASCII: any file name fits
        with storage_errors(self.path):
            disk.append_line(self.path, line.encode("ascii"))


def entries(
    folder: Path | None = None,
    *,
    since: datetime | None = None,
    endpoint: str = "",
    photo: str = "",
) -> list[LedgerEntry]:
    """The requests since a time (with its zone), to one endpoint, with one photo; oldest first.

    Raises StorageError where the ledger cannot be read.
    """
    return selected(Ledger(folder).read().entries, since=since, endpoint=endpoint, photo=photo)


def selected(
    found: Sequence[LedgerEntry],
    *,
    since: datetime | None = None,
    endpoint: str = "",
    photo: str = "",
) -> list[LedgerEntry]:
    """Those of some entries that `entries` would give."""
    begin = _stamp(since) if since else ""
    return [
        entry
        for entry in found
        if entry.at >= begin
        and endpoint in ("", entry.endpoint.partition(THROUGH)[0])
        and (not photo or any(sent.path == photo for sent in entry.photos))
    ]


def utc_now() -> str:
    """Now, as the ledger writes times."""
    return _stamp(datetime.now(UTC))


def _stamp(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _take(line: bytes, entries: dict[str, LedgerEntry]) -> bool:
    """Put what a line says to the others; False where it cannot be read."""
    try:
        values = json.loads(line)
        if "endpoint" in values:
            entry = _entry(values)
            entries[entry.id] = entry
        else:
            outcome = _text(values["outcome"])
            entries[values["id"]] = replace(entries[values["id"]], outcome=outcome)
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
    return True


def _entry(values: Mapping[str, Any]) -> LedgerEntry:
    photos = tuple(
        SentPhoto(_text(photo["path"]), int(photo["bytes"]), _text(photo["sha256"]))
        for photo in values["photos"]
    )
    return LedgerEntry(
        id=_text(values["id"]),
        at=_text(values["at"]),
        endpoint=_text(values["endpoint"]),
        model=_text(values["model"]),
        purpose=_text(values["purpose"]),
        bytes=int(values["bytes"]),
        photos=photos,
        redacted=tuple(each for each in REDACTIONS if each in values["redacted"]),
        outcome=_text(values["outcome"]),
    )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value
