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
    disk.write_atomically(path, _written(values))


def read_checked(path: Path) -> dict[str, Any]:
    """Read what `write_checked` wrote. Raises CorruptError if it is damaged; OSError."""
    data = path.read_bytes()
    try:
        values = json.loads(data)
        if values.pop(CHECK) != _checksum(values):
            raise ValueError("its checksum is another one")
        if data != _written(values):  # one white space for another leaves the values as they are
            raise ValueError("it is not in the form that it was written in")
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise CorruptError(f"{path} is damaged ({exc}). Mend it with: retrieval repair") from exc
    return dict(values)


def _written(values: dict[str, Any]) -> bytes:
    return (json.dumps({**values, CHECK: _checksum(values)}, indent=2) + "\n").encode()


def _checksum(values: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps(values, sort_keys=True).encode())
