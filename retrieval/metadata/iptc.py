"""IPTC-IIM: captions and keywords as press programs have written them since 1991.

The layout is that of the Information Interchange Model 4.2: datasets of a marker, a record, a
number, a length; in JPEG and PSD they stand in a Photoshop resource.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

#: Datasets of record 2 that are read.
_NAMES = {
    5: "ObjectName",
    25: "Keywords",
    55: "DateCreated",
    60: "TimeCreated",
    90: "City",
    95: "Province-State",
    100: "Country-PrimaryLocationCode",
    101: "Country-PrimaryLocationName",
    120: "Caption-Abstract",
}
_MARKER, _CHARSET = 0x1C, (1, 90)
_UTF8 = b"\x1b%G"
MOST_DATASETS = 4000

IPTC, EXIF, XMP = 0x0404, 0x0422, 0x0424  # Photoshop's numbers of its resources

#: Values by the name of their dataset.
Datasets = dict[str, tuple[str, ...]]


def resources(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and content of each Photoshop image resource; ends where they are damaged."""
    at = 0
    while data[at : at + 4] == b"8BIM" and at + 12 <= len(data):
        number = struct.unpack_from(">H", data, at + 4)[0]
        name = data[at + 6] + 1
        begin = at + 6 + name + name % 2
        if begin + 4 > len(data):
            return
        size = struct.unpack_from(">I", data, begin)[0]
        yield number, data[begin + 4 : begin + 4 + size]
        at = begin + 4 + size + size % 2


def read_iptc(data: bytes) -> Datasets:
    """The datasets of an IPTC block, by name. Never raises."""
    raw: dict[str, list[bytes]] = {}
    is_utf8 = False
    for record, number, value in _datasets(data):
        if (record, number) == _CHARSET:
            is_utf8 = value.startswith(_UTF8)
        elif record == 2 and number in _NAMES:
            raw.setdefault(_NAMES[number], []).append(value)
    return {name: tuple(_text(v, is_utf8) for v in values) for name, values in raw.items()}


def _datasets(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    at = 0
    for _ in range(MOST_DATASETS):
        if at + 5 > len(data) or data[at] != _MARKER:
            return
        record, number, size = struct.unpack_from(">BBH", data, at + 1)
        at += 5
        if size & 0x8000:  # then it says how many bytes the length has
            width = size & 0x7FFF
            if not 0 < width <= 4 or at + width > len(data):
                return
            size = int.from_bytes(data[at : at + width], "big")
            at += width
        yield record, number, data[at : at + size]
        at += size


def _text(value: bytes, is_utf8: bool) -> str:
    """Without a charset it may be anything: UTF-8 if it can be that, else Windows' Latin."""
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("utf-8" if is_utf8 else "cp1252", "replace")
