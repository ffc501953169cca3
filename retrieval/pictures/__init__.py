"""The door to all pictures: no file can take the program down, nor its memory.

A plain JPEG or PNG is decoded in this process, everything else by a worker process that is watched:
one that crashes, hangs or wants too much memory is replaced, and costs one picture. All decodes
together, here and in workers, hold no more than one budget of memory; those that would, wait.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image

from retrieval.errors import ImageError
from retrieval.pictures import guards, images
from retrieval.pictures.colour import is_simple
from retrieval.pictures.images import Picture, read_content
from retrieval.pictures.pool import BUDGET, POOL

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "decode",
    "load_picture",
    "resized",
    "seconds_in_workers",
    "side_for",
    "thumbnail",
    "thumbnail_of_file",
]

_PLAIN = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_PLAIN_MODES = {"JPEG": ("L", "RGB"), "MPO": ("L", "RGB")}
MOST_SCANNED = 400_000_000  # pixels times scans of a JPEG of several scans: some seconds

_waited = threading.local()  # .seconds


def side_for(image_size: int) -> int:
    """The least side to decode at, in pixels, for an encoder that resizes to `image_size`.

    Twice as many: with fewer, more than one in a hundred of a photo's nearest neighbours change.
    """
    return 2 * image_size


def decode(data: bytes, least_side: int, draft_side: int = 0) -> Picture:
    """Decode a picture; its short side holds at least `least_side` pixels if the source does.

    A plain JPEG need hold only `draft_side` where that is not 0: coarser and faster. Raises
    ImageError with the reason, also where a decoder crashed, hung or ran out of memory.
    """
    if data.startswith(_PLAIN):
        with images.open_picture(data) as source:
            if _is_plain(source, data):
                return images.read_picture(
                    source, data, least_side, BUDGET.claim, draft_side=draft_side
                )
    begun = time.perf_counter()
    try:
        return POOL.decode(data, least_side)
    finally:
        _waited.seconds = seconds_in_workers() + time.perf_counter() - begun


def seconds_in_workers() -> float:
    """Wall time that this thread has waited for workers, which its own CPU time leaves out."""
    return float(getattr(_waited, "seconds", 0.0))


def _is_plain(source: Image.Image, data: bytes) -> bool:
    """Whether decoding is known to be safe and, for its size, quick; the head has been read."""
    if not is_simple(source.info.get("icc_profile")):
        return False
    if source.format == "PNG":
        return True
    if source.mode not in _PLAIN_MODES.get(source.format or "", ()):
        return False
    if not guards.coefficient_bytes(source, source.size, data):
        return True
    # A hostile one repeats scans that cost a pass over all pixels and no bytes.
    return source.width * source.height * data.count(b"\xff\xda") <= MOST_SCANNED


def load_picture(path: str | Path, least_side: int) -> Picture:
    """Read and decode one file. Raises ImageError, also where the file cannot be read."""
    return decode(_data_of(path), least_side)


def thumbnail(data: bytes, side: int = images.THUMBNAIL_SIDE) -> bytes:
    """Make a JPEG of at most `side` pixels each way, without any metadata. Raises ImageError."""
    return images.thumbnail_bytes(decode(data, side).image, side)


def thumbnail_of_file(path: str | Path, side: int = images.THUMBNAIL_SIDE) -> bytes:
    """Make the thumbnail of a picture file. Raises ImageError, also where it cannot be read."""
    return thumbnail(_data_of(path), side)


def resized(data: bytes, width: int, height: int) -> NDArray[np.uint8]:
    """The pixels (height, width, 3) of a small picture that is to be this large. ImageError."""
    import numpy as np

    image = decode(data, max(width, height)).image.convert("RGB")
    return np.asarray(image.resize((width, height), Image.Resampling.BOX))


def _data_of(path: str | Path) -> bytes:
    try:
        return read_content(str(path)).data
    except OSError as exc:
        raise ImageError(f"cannot be read: {exc.strerror or exc}") from exc
