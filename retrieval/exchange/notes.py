"""export.json, which stands beside exported embeddings: what made them, and what they were."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.errors import ExchangeError
from retrieval.records import Kind

NOTE = "export.json"
VERSION = 1
BLOCK = 1 << 22
MOST_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class Note:
    """What an export says of itself. `files` maps names below its folder to (bytes, CRC-32)."""

    kind: Kind
    encoder: str
    fingerprint: str
    dim: int
    items: int
    files: Mapping[str, tuple[int, int]]


def note_record(note: Note, made_by: str) -> dict[str, Any]:
    """The note as JSON keys."""
    return {
        "format": VERSION,
        "made_by": made_by,
        "kind": note.kind,
        "encoder": note.encoder,
        "fingerprint": note.fingerprint,
        "dim": note.dim,
        "items": note.items,
        "files": {name: {"bytes": n, "crc32": crc} for name, (n, crc) in note.files.items()},
    }


def read_note(folder: Path) -> Note | None:
    """The note in a folder, None if there is none of ours. Raises ExchangeError if it is damaged.

    It is not compared with the files yet.
    """
    path = folder / NOTE
    try:
        if not path.is_file():
            return None
        if path.stat().st_size > MOST_BYTES:
            raise ValueError("too long")
        value = json.loads(path.read_bytes())
        if not isinstance(value, dict) or "fingerprint" not in value:
            return None
        if value["format"] != VERSION:
            raise ExchangeError(
                f"{path} was written by another version of retrieval ({value['format']!r:.40}). "
                "Update retrieval to import it."
            )
        files = {name: (int(f["bytes"]), int(f["crc32"])) for name, f in value["files"].items()}
        kind: Kind = "documents" if value["kind"] == "documents" else "photos"
        return Note(
            kind,
            str(value["encoder"]),
            str(value["fingerprint"]),
            int(value["dim"]),
            int(value["items"]),
            files,
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as exc:
        raise ExchangeError(
            f"{path} cannot be read as the note of an export. Export the set again, or remove the "
            "note and import the set with --model and --trust."
        ) from exc


def changed_files(folder: Path, note: Note, files: Iterable[Path]) -> list[str]:
    """Names of those `files` that are not as they were exported. Reads them. Raises OSError."""
    names = [path.relative_to(folder).as_posix() for path in files]
    return [name for name in names if note.files.get(name) != _summed(folder / name)]


def _summed(path: Path) -> tuple[int, int]:
    size = crc32 = 0
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            size, crc32 = size + len(block), zlib.crc32(block, crc32)
    return size, crc32
