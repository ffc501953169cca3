"""Small JSON files that carry a checksum of themselves, so that a flipped bit is noticed."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

from retrieval.errors import CorruptError
from retrieval.storage import disk

CHECK = "crc32"  # the name of the checksum among the values


def write_checked(path: Path, values: dict[str, Any]) -> None:
    """Write `values` as JSON, atomically and durably. Raises OSError."""
    text = json.dumps({**values, CHECK: _checksum(values)}, indent=2) + "\n"
    disk.write_atomically(path, text.encode())


def read_checked(path: Path) -> dict[str, Any]:
    """Read what `write_checked` wrote. Raises CorruptError if it is damaged; OSError."""
    data = path.read_bytes()
    try:
        values = json.loads(data)
        if values.pop(CHECK) != _checksum(values):
            raise ValueError("its checksum is another one")
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise CorruptError(f"{path} is damaged ({exc}). Mend it with: retrieval repair") from exc
    return dict(values)


def _checksum(values: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(values, sort_keys=True).encode())
