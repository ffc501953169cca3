"""What parent and worker say to each other: a kind, a number, a length, and so many bytes.

The parent asks with DECODE, the least side and the file's content. The worker says what memory that
will NEED and waits for GO, then answers PICTURE or REFUSED. When it has started it says READY.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

from PIL import Image

from retrieval.pictures.guards import MAX_DECODE_BYTES
from retrieval.pictures.images import Picture
from retrieval.records import Box

DECODE, GO = b"D", b"G"  # from the parent
READY, NEED, PICTURE, REFUSED = b"r", b"n", b"p", b"x"  # from the worker

_HEAD = struct.Struct("<cIQ")
_NEED = struct.Struct("<Q")
#: Full width, height; width, height of the pixels; frames; their Box; length of the name.
_SIZES = struct.Struct("<IIIII4dB")
_MOST_BYTES = (2 << 30) - 1


def send(stream: BinaryIO, kind: bytes, *parts: bytes, number: int = 0) -> None:
    """Write one message: kind, number, bytes. Raises OSError where nobody reads any more."""
    for part in (_HEAD.pack(kind, number, sum(len(part) for part in parts)), *parts):
        left = memoryview(part)
        while left:
            left = left[stream.write(left) :]


def receive(stream: BinaryIO) -> tuple[bytes, int, bytes]:
    """Read one message. Raises EOFError where nobody writes any more."""
    kind, number, length = _HEAD.unpack(_exactly(stream, _HEAD.size))
    if length > _MOST_BYTES:
        raise EOFError("this is no message")
    return kind, number, _exactly(stream, length)


def _exactly(stream: BinaryIO, length: int) -> bytes:
    data = stream.read(length)
    if len(data) < length:
        raise EOFError
    return data


def pack_need(need: int) -> bytes:
    """The body of NEED."""
    return _NEED.pack(need)


def unpack_need(body: bytes) -> int:
    """The bytes that NEED asks for. Raises EOFError for what is none."""
    if len(body) != _NEED.size:
        raise EOFError("this is no message")
    return int(_NEED.unpack(body)[0])


def pack_picture(picture: Picture) -> tuple[bytes, bytes]:
    """The two parts of PICTURE: head, and pixels as RGB."""
    image, name = picture.image, picture.format.encode("ascii")
    box = image.info.get("box") or Box(0, 0, *image.size)
    sizes = (picture.width, picture.height, *image.size, picture.frames, *box)
    return _SIZES.pack(*sizes, len(name)) + name, image.tobytes()


def unpack_picture(body: bytes) -> Picture:
    """The picture that PICTURE holds. Raises EOFError for what cannot be one."""
    if len(body) < _SIZES.size:
        raise EOFError("this is no picture")
    width, height, across, down, frames, *box, length = _SIZES.unpack_from(body)
    begin = _SIZES.size + length
    pixels = body[begin:]
    left, top, right, bottom = box
    inside = 0 <= left < right <= across and 0 <= top < bottom <= down
    if not (inside and 0 < len(pixels) == 3 * across * down <= MAX_DECODE_BYTES):
        raise EOFError("this is no picture")
    name = body[_SIZES.size : begin].decode("ascii", "replace")
    image = Image.frombuffer("RGB", (across, down), pixels, "raw", "RGB", 0, 1)
    image.info["box"] = Box(*box)
    return Picture(image, width, height, name, frames)
