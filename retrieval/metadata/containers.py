"""Where EXIF, XMP and IPTC stand in a file of any format: found in pure Python, no pixel decoded.

No library that a made-up file could crash has a part in it. What leads out of the file is missing.
Layouts: JPEG (ITU T.81, EXIF 3.0), PNG 3rd edition, WebP's RIFF, TIFF 6.0, ISO 14496-12 and
23008-12 (HEIC, AVIF, Canon's CR3), JPEG 2000, PSD, Fuji's RAF.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from retrieval.metadata.iptc import EXIF, IPTC, XMP, resources
from retrieval.metadata.tags import is_tiff

MOST_BYTES = 16 << 20  # of one block
MOST_PARTS = 4000  # segments, chunks, boxes or items of a file that are looked at

_JPEG, _PNG = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n"
_EXIF_HEAD, _XMP_HEAD = b"Exif\0", b"http://ns.adobe.com/xap/1.0/\0"
_PHOTOSHOP_HEAD = b"Photoshop 3.0\0"
_XMP_UUID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_CR3_UUID = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_JP2_EXIF_UUID = b"JpgTiffExif->JP2"


@dataclass(slots=True)
class Blocks:
    """What was found: TIFFs with tags (the first that has one counts), an XMP packet, IPTC."""

    exif: list[bytes]
    xmp: bytes = b""
    iptc: bytes = b""


def find_blocks(data: bytes) -> Blocks:
    """The metadata blocks of a file; empty where it has none, or is no picture. Never raises."""
    blocks = Blocks([])
    with suppress(struct.error, IndexError, ValueError, zlib.error, OverflowError):
        _find(data, blocks)  # where it stumbles, what was found before counts
    return blocks


def _find(data: bytes, blocks: Blocks) -> None:
    if data.startswith(_JPEG):
        _in_jpeg(data, blocks)
    elif data.startswith(_PNG):
        _in_png(data, blocks)
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        _in_webp(data, blocks)
    elif is_tiff(data):
        blocks.exif.append(data)
    elif data[:4] == b"8BPS":
        _in_psd(data, blocks)
    elif data.startswith(b"FUJIFILMCCD-RAW"):
        place, size = struct.unpack_from(">II", data, 84)
        _find_in_jpeg(data[place : place + size], blocks)
    elif data[4:8] in (b"ftyp", b"jP  "):
        _in_boxes(data, blocks)


def _find_in_jpeg(data: bytes, blocks: Blocks) -> None:
    if data.startswith(_JPEG):
        _in_jpeg(data, blocks)


def _in_jpeg(data: bytes, blocks: Blocks) -> None:
    at = 2
    photoshop = []
    for _ in range(MOST_PARTS):
        while data[at] == 0xFF and data[at + 1] == 0xFF:  # padding
            at += 1
        if data[at] != 0xFF or data[at + 1] in (0xDA, 0xD9):  # pixels follow, or nothing
            break
        size = struct.unpack_from(">H", data, at + 2)[0]
        kind, body = data[at + 1], data[at + 4 : at + 2 + size]
        if kind == 0xE1 and body.startswith(_EXIF_HEAD):
            blocks.exif.append(body[6:])
        elif kind == 0xE1 and body.startswith(_XMP_HEAD):
            blocks.xmp = blocks.xmp or body[len(_XMP_HEAD) :]
        elif kind == 0xED and body.startswith(_PHOTOSHOP_HEAD):
            photoshop.append(body[len(_PHOTOSHOP_HEAD) :])
        at += 2 + max(size, 2)
    _in_resources(b"".join(photoshop), blocks)


def _in_resources(data: bytes, blocks: Blocks) -> None:
    for number, body in resources(data):
        if number == IPTC:
            blocks.iptc = blocks.iptc or body
        elif number == XMP:
            blocks.xmp = blocks.xmp or body
        elif number == EXIF:
            blocks.exif.append(body)


def _in_psd(data: bytes, blocks: Blocks) -> None:
    at = 26
    at += 4 + int(struct.unpack_from(">I", data, at)[0])
    size = struct.unpack_from(">I", data, at)[0]
    _in_resources(data[at + 4 : at + 4 + min(size, MOST_BYTES)], blocks)


def _in_png(data: bytes, blocks: Blocks) -> None:
    at = len(_PNG)
    for _ in range(MOST_PARTS):
        size, kind = struct.unpack_from(">I4s", data, at)
        if kind == b"IEND":
            return
        if kind == b"eXIf":
            blocks.exif.append(data[at + 8 : at + 8 + size].removeprefix(b"Exif\0\0"))
        elif kind == b"iTXt" and data.startswith(b"XML:com.adobe.xmp\0", at + 8):
            blocks.xmp = blocks.xmp or _international(data[at + 8 : at + 8 + size])
        at += 12 + size


def _international(body: bytes) -> bytes:
    """The text of an iTXt chunk: keyword, two flags, language, keyword again, text."""
    _, _, rest = body.partition(b"\0")
    compressed, rest = rest[:1] == b"\1", rest[2:]
    text = rest.split(b"\0", 2)[2] if rest.count(b"\0") >= 2 else b""
    return zlib.decompressobj().decompress(text, MOST_BYTES) if compressed else text


def _in_webp(data: bytes, blocks: Blocks) -> None:
    at = 12
    for _ in range(MOST_PARTS):
        kind, size = struct.unpack_from("<4sI", data, at)
        body = slice(at + 8, at + 8 + min(size, MOST_BYTES))
        if kind == b"EXIF":
            blocks.exif.append(data[body].removeprefix(b"Exif\0\0"))
        elif kind == b"XMP ":
            blocks.xmp = blocks.xmp or data[body]
        at += 8 + size + size % 2


# --- boxes: HEIC, AVIF, CR3, JPEG 2000 --------------------------------------------------------


def _boxes(data: bytes, begin: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Type, begin and end of the content of each box."""
    at = begin
    for _ in range(MOST_PARTS):
        if at + 8 > end:
            return
        size, kind = struct.unpack_from(">I4s", data, at)
        head = 8
        if size == 1:
            size, head = struct.unpack_from(">Q", data, at + 8)[0], 16
        stop = end if size == 0 else at + size
        if stop > end or stop < at + head:
            return
        yield kind, at + head, stop
        at = stop


def _in_boxes(data: bytes, blocks: Blocks) -> None:
    for kind, begin, end in _boxes(data, 0, len(data)):
        if kind == b"meta":
            _in_items(data, begin + 4, end, blocks)
        elif kind == b"moov":
            for inner, inner_begin, inner_end in _boxes(data, begin, end):
                if inner == b"uuid" and data.startswith(_CR3_UUID, inner_begin):
                    _in_cr3(data, inner_begin + 16, inner_end, blocks)
        elif kind == b"uuid" and end - begin <= MOST_BYTES:
            name, body = data[begin : begin + 16], data[begin + 16 : end]
            if name == _XMP_UUID:
                blocks.xmp = blocks.xmp or body
            elif name == _JP2_EXIF_UUID:
                blocks.exif.append(body)


def _in_cr3(data: bytes, begin: int, end: int, blocks: Blocks) -> None:
    """Canon keeps each directory as a TIFF of its own: the main one, and that of EXIF."""
    for kind, inner, stop in _boxes(data, begin, end):
        if kind in (b"CMT1", b"CMT2"):
            blocks.exif.append(data[inner:stop])


def _in_items(data: bytes, begin: int, end: int, blocks: Blocks) -> None:
    """EXIF and XMP of HEIC and AVIF are items: `iinf` names them, `iloc` says where they lie."""
    names: dict[int, bytes] = {}
    places: dict[int, list[tuple[int, int]]] = {}
    stored = 0
    boxes = {kind: (inner, stop) for kind, inner, stop in _boxes(data, begin, end)}
    if b"iinf" in boxes:
        names = dict(_item_names(data, *boxes[b"iinf"]))
    if b"idat" in boxes:
        stored = boxes[b"idat"][0]
    if b"iloc" in boxes:
        places = dict(_item_places(data, boxes[b"iloc"][0], stored, set(names)))
    for item, name in names.items():
        body = b"".join(data[at : at + size] for at, size in places.get(item, ()))
        if name == b"Exif" and len(body) > 4:
            blocks.exif.append(body[4 + struct.unpack_from(">I", body)[0] :])
        elif name == b"mime":
            blocks.xmp = blocks.xmp or body


def _item_names(data: bytes, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Id and type of those items that are metadata; "mime" only where that is XMP."""
    count_bytes = 4 if data[begin] else 2
    for kind, at, stop in _boxes(data, begin + 4 + count_bytes, end):
        version = data[at]
        if kind != b"infe" or version not in (2, 3):
            continue
        wide = version == 3
        item = struct.unpack_from(">I" if wide else ">H", data, at + 4)[0]
        after = at + (10 if wide else 8)
        name = data[after : after + 4]
        is_xmp = name == b"mime" and b"application/rdf+xml" in data[after + 4 : stop]
        if name == b"Exif" or is_xmp:
            yield item, name


def _item_places(
    data: bytes, at: int, stored: int, wanted: set[int]
) -> Iterator[tuple[int, list[tuple[int, int]]]]:
    """Id and extents (offset, length) of the `wanted` items; `stored` is where `idat` begins."""
    version = data[at]
    sizes = struct.unpack_from(">H", data, at + 4)[0]
    offset_bytes, length_bytes, base_bytes = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_bytes = sizes & 15 if version in (1, 2) else 0
    id_bytes = 4 if version == 2 else 2
    at += 6

    def number(width: int) -> int:
        nonlocal at
        if at + width > len(data):
            raise IndexError
        at += width
        return int.from_bytes(data[at - width : at], "big")

    for _ in range(min(number(id_bytes), 100 * MOST_PARTS)):
        item = number(id_bytes)
        method = number(2) & 15 if version in (1, 2) else 0
        number(2)  # the file it lies in: this one
        base = number(base_bytes)
        extents = []
        for _ in range(number(2)):
            number(index_bytes)
            offset, length = base + number(offset_bytes), number(length_bytes)
            if method in (0, 1) and length <= MOST_BYTES:
                extents.append((offset + (stored if method else 0), length))
        if item in wanted:
            yield item, extents[:MOST_PARTS]
