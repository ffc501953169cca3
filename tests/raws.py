"""Camera raw files made by hand: little-endian DNG with a Bayer pattern."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

_CODES = {1: "B", 2: "s", 3: "H", 4: "I", 5: "I", 10: "i"}  # TIFF's types
_AT = 4096  # where the second directory begins, and the values after it


def dng(
    size: tuple[int, int] = (64, 48),
    *,
    orientation: int = 1,
    preview: bytes = b"",
    preview_size: tuple[int, int] = (0, 0),
) -> bytes:
    """A raw file whose picture grows brighter from left to right, perhaps with a JPEG inside."""
    width, height = size
    values = np.tile(np.linspace(1000, 30000, width).astype("<u2"), (height, 1)).tobytes()
    begin = 2 * _AT if preview else _AT
    sensor = [
        *((254, 4, (0,)), (256, 4, (width,)), (257, 4, (height,)), (258, 3, (16,))),
        *((259, 3, (1,)), (262, 3, (32803,)), (273, 4, (begin,)), (277, 3, (1,))),
        *((278, 4, (height,)), (279, 4, (len(values),)), (33421, 3, (2, 2))),
        *((33422, 1, (0, 1, 1, 2)), (50714, 3, (0,)), (50717, 3, (65535,))),
    ]
    matrix = (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)
    camera: list[tuple[int, int, Any]] = [
        *((271, 2, b"Toy\0"), (272, 2, b"Cam\0"), (274, 3, (orientation,))),
        *((50706, 1, (1, 4, 0, 0)), (50707, 1, (1, 1, 0, 0)), (50708, 2, b"Toy Cam\0")),
        *((50721, 10, matrix), (50728, 5, (1,) * 6), (50778, 3, (21,))),
    ]
    head = b"II*\0" + struct.pack("<I", 8)
    if not preview:
        return (head + _directory(sensor + camera, 8)).ljust(_AT, b"\0") + values
    width, height = preview_size
    first = [
        *((254, 4, (1,)), (256, 4, (width,)), (257, 4, (height,)), (258, 3, (8, 8, 8))),
        *((259, 3, (7,)), (262, 3, (6,)), (273, 4, (begin + len(values),)), (277, 3, (3,))),
        *((278, 4, (height,)), (279, 4, (len(preview),)), (330, 4, (_AT,))),
    ]
    both = (head + _directory(first + camera, 8)).ljust(_AT, b"\0") + _directory(sensor, _AT)
    return both.ljust(begin, b"\0") + values + preview


def _directory(entries: Sequence[tuple[int, int, Any]], at: int) -> bytes:
    table, more = struct.pack("<H", len(entries)), b""
    behind = at + 2 + 12 * len(entries) + 4
    for tag, kind, values in sorted(entries):
        code = _CODES[kind]
        packed = values if kind == 2 else struct.pack(f"<{len(values)}{code}", *values)
        count = len(values) // 2 if kind in (5, 10) else len(values)
        table += struct.pack("<HHI", tag, kind, count)
        if len(packed) <= 4:
            table += packed.ljust(4, b"\0")
        else:
            table += struct.pack("<I", behind + len(more))
            more += packed + bytes(len(packed) % 2)
    return table + bytes(4) + more
