"""EXIF: the tags of a TIFF, read without any library, so that no file can harm the process.

The layout is that of TIFF 6.0 and of EXIF 3.0: directories of entries of twelve bytes, values of
more than four bytes elsewhere. Of what is damaged the rest is read.
"""

from __future__ import annotations

import struct
from typing import Any

#: Tags that are read, by number. Directories of positions count from 0 again.
_MAIN_TAGS = """
    010E:ImageDescription 010F:Make 0110:Model 0112:Orientation 0132:DateTime 02BC:XMP 4746:Rating
    829A:ExposureTime 829D:FNumber 83BB:IPTC 8769:ExifIFD 8825:GPSIFD 8827:ISOSpeedRatings
    8831:StandardOutputSensitivity 8832:RecommendedExposureIndex 9003:DateTimeOriginal
    9004:DateTimeDigitized 9010:OffsetTime 9011:OffsetTimeOriginal 9012:OffsetTimeDigitized
    9290:SubsecTime 9291:SubsecTimeOriginal 9292:SubsecTimeDigitized 920A:FocalLength
    9C9B:XPTitle 9C9C:XPComment 9C9E:XPKeywords A434:LensModel
"""
_GPS_TAGS = """
    0001:GPSLatitudeRef 0002:GPSLatitude 0003:GPSLongitudeRef 0004:GPSLongitude
    0005:GPSAltitudeRef 0006:GPSAltitude
"""
_MAIN, _GPS = (
    {int(number, 16): name for number, _, name in (pair.partition(":") for pair in listed.split())}
    for listed in (_MAIN_TAGS, _GPS_TAGS)
)
#: Type of a value -> (bytes each, code of `struct`); text and bytes are read apart.
_KINDS = {
    1: (1, "B"),
    3: (2, "H"),
    4: (4, "I"),
    5: (8, "II"),
    6: (1, "b"),
    8: (2, "h"),
    9: (4, "i"),
    10: (8, "ii"),
    11: (4, "f"),
    12: (8, "d"),
    13: (4, "I"),
}
_TEXT, _BYTES, _UTF8 = 2, 7, 129
_RATIONAL = (5, 10)
#: TIFF itself, and the raw files of Olympus and Panasonic that differ from it in this number.
_MAGIC = (42, 0x4F52, 0x5352, 0x55)
MOST_ENTRIES = 512  # of a directory
MOST_NUMBERS = 64
MOST_BYTES = 1 << 20  # of a value

#: Values by the name of their tag: numbers (a fraction as float), texts and others as bytes.
Tags = dict[str, tuple[Any, ...]]


def is_tiff(data: bytes) -> bool:
    """Whether these bytes begin as a TIFF, or a raw file that is nearly one."""
    order = _order(data)
    return bool(order) and len(data) >= 8 and struct.unpack_from(order + "H", data, 2)[0] in _MAGIC


def read_tags(data: bytes) -> Tags:
    """The tags of a TIFF, or of the EXIF of any picture, which is one. Never raises."""
    if not is_tiff(data):
        return {}
    order = _order(data)
    first = struct.unpack_from(order + "I", data, 4)[0]
    tags = _directory(data, order, first, _MAIN)
    for name, known in (("ExifIFD", _MAIN), ("GPSIFD", _GPS)):
        place = (tags.pop(name, ()) or (0,))[0]
        if isinstance(place, int):
            tags = {**_directory(data, order, place, known), **tags}
    return {name: tags[name] for name in tags if name not in ("ExifIFD", "GPSIFD")}


def _order(data: bytes) -> str:
    return {b"II": "<", b"MM": ">"}.get(data[:2], "")


def _directory(data: bytes, order: str, place: int, known: dict[int, str]) -> Tags:
    tags: Tags = {}
    if not 8 <= place <= len(data) - 2:
        return tags
    count = min(struct.unpack_from(order + "H", data, place)[0], MOST_ENTRIES)
    entries = data[place + 2 : place + 2 + 12 * count]
    whole = len(entries) // 12 * 12
    for number, kind, length, value in struct.iter_unpack(order + "HHI4s", entries[:whole]):
        if number in known and (read := _value(data, order, kind, length, value)):
            name = known[number]
            tags.setdefault(name, _of_windows(name, read) if name.startswith("XP") else read)
    return tags


def _of_windows(name: str, values: tuple[Any, ...]) -> tuple[str, ...]:
    """Windows writes UTF-16, and keywords in a row."""
    raw = values[0] if isinstance(values[0], bytes) else bytes(values)
    text = raw.decode("utf-16-le", "replace").split("\0", 1)[0]
    return tuple(text.split(";")) if name == "XPKeywords" else (text,)


def _value(data: bytes, order: str, kind: int, length: int, inline: bytes) -> tuple[Any, ...]:
    """The values of one entry; () where they are damaged, or of a kind that is not known."""
    size, code = _KINDS.get(kind, (1, ""))
    if kind not in _KINDS and kind not in (_TEXT, _BYTES, _UTF8):
        return ()
    if code and kind != 1:
        length = min(length, MOST_NUMBERS)
    extent = size * length
    if not 0 < extent <= MOST_BYTES:
        return ()
    if extent <= 4:
        raw = inline[:extent]
    else:
        place = struct.unpack(order + "I", inline)[0]
        raw = data[place : place + extent]
    if len(raw) < extent:
        return ()
    if kind in (_TEXT, _UTF8):
        return (raw,)
    if kind == _BYTES or (kind == 1 and length > 4):
        return (raw,)
    numbers = struct.unpack(order + code * length, raw)
    if kind not in _RATIONAL:
        return numbers
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return tuple(top / bottom if bottom else float("nan") for top, bottom in pairs)
