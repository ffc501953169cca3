"""Read pictures in this process: formats, size and memory guards, scaled decode, thumbnails.

The content of a file decides what it is, never its name. A picture comes back upright, in sRGB and
at a reduced scale that still holds the pixels asked for. `retrieval.pictures` is the door to this:
it keeps what a decoder may do wrong out of this process.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
import stat
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from PIL import Image, ImageFile, UnidentifiedImageError

from retrieval.errors import ImageError
from retrieval.pictures import guards, heif, raw
from retrieval.pictures.colour import to_rgb
from retrieval.pictures.turning import SIDEWAYS, TURNS, orientation, turned, turned_box

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_FILE_BYTES = 1 << 30  # the file is held in memory while it is hashed and decoded
SNIFF_BYTES = 64 << 20  # larger files must look like a picture before they are read whole
THUMBNAIL_SIDE = 320

_MOVING = ("GIF", "PNG", "WEBP", "AVIF")  # whose frames are those of an animation
_MOST_PAGES = 1000  # of a TIFF, that are looked at
_SUBFILE_TYPE = 254

#: Decoders that are safe on unknown input. EPS, for one, would start an outside program.
_SAFE = (
    *("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "HEIF", "JPEG2000", "PSD"),
    *("ICO", "ICNS", "PPM", "TGA", "DDS", "SGI", "PCX", "QOI", "DIB", "XBM", "XPM", "MSP", "SUN"),
)

#: Called with the bytes that decoding needs, before it begins; held while it goes on.
Claim = Callable[[int], AbstractContextManager[object]]


HEIF_READER = heif.register()
Image.init()  # all plugins at once: doing it lazily from several threads is a race
FORMATS = tuple(name for name in _SAFE if name in Image.OPEN)

# Pillow refuses beyond twice this; below that our own check speaks, with a plainer sentence.
Image.MAX_IMAGE_PIXELS = guards.MAX_PIXELS
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # of odd metadata


#: Names the decoders; a file that one set of decoders refused is tried again by another.
READER = ", ".join(filter(None, [f"pillow {version('pillow')}", HEIF_READER, raw.reader()]))


@dataclass(frozen=True, slots=True)
class FileContent:
    """The bytes of a file and their SHA-256."""

    data: bytes
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class Picture:
    """An upright sRGB image, perhaps of reduced scale, with the full upright size in pixels.

    Where the image was reduced, its `info["box"]` says which part of it is picture, as a Box.
    `frames` counts the frames of an animation, or the pages of a TIFF, of which this is the first.
    Layers, reduced copies, and the other pictures of an MPO or HEIC are not counted.
    """

    image: Image.Image
    width: int
    height: int
    format: str
    frames: int = 1


def read_content(path: str) -> FileContent:
    """Read and hash a file. Raises ImageError with the reason; OSError if it cannot be read.

    Pipes and devices are never waited for, and what changed while it was read is not content.
    """
    _check_regular(os.stat(path))  # before opening: opening alone may wake a device
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK  # it may have become a pipe since
    with open(os.open(path, flags), "rb", buffering=0) as file:
        before = os.fstat(file.fileno())
        _check_regular(before)
        size = before.st_size
        if size == 0:
            raise ImageError("empty file (0 bytes)")
        if size > MAX_FILE_BYTES:
            raise ImageError(f"larger than {MAX_FILE_BYTES >> 20} MiB")
        if size > SNIFF_BYTES:
            _check_looks_like_a_picture(file.read(64))
            file.seek(0)
        data = _read_exactly(file, size)
        after, named = os.fstat(file.fileno()), os.stat(path)
    if len(data) != size or not (_version_of(before) == _version_of(after) == _version_of(named)):
        raise OSError(errno.EAGAIN, "it changed while it was being read", path)
    return FileContent(data, hashlib.sha256(data).digest())


def _check_regular(found: os.stat_result) -> None:
    if stat.S_ISDIR(found.st_mode):
        raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is a pipe or a device, not a file")


def _version_of(found: os.stat_result) -> tuple[int, ...]:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _read_exactly(file: io.FileIO, size: int) -> bytes:
    """`size` bytes, or as many as there are; a byte more where the file has grown."""
    parts = []
    wanted = size + 1
    while wanted > 0 and (part := file.read(wanted)):
        parts.append(part)
        wanted -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _check_looks_like_a_picture(head: bytes) -> None:
    """By its first bytes only: reading more could mean reading all of a very large file."""
    accepts = (Image.OPEN[name][1] for name in FORMATS)
    looks = any(accept is not None and accept(head) is True for accept in accepts)
    if not looks and not raw.has_raw_signature(head):
        raise ImageError("not a picture that can be read (unknown format or damaged head)")


def decode(data: bytes, least_side: int, claim: Claim = nullcontext) -> Picture:
    """Decode any picture in this process. Raises ImageError.

    The short side holds at least `least_side` pixels if the source does, and less than twice that:
    JPEG is decoded at a smaller DCT scale (`Image.draft`), all else is reduced by a whole factor.
    """
    if raw.is_raw(data):
        return _read_raw(data, least_side, claim)
    with open_picture(data) as source:
        return read_picture(source, data, least_side, claim)


def open_picture(data: bytes) -> Image.Image:
    """Read the head of a picture, not its pixels. Raises ImageError."""
    guards.check_webp(data)
    try:
        return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as exc:
        raise ImageError("not a picture that can be read (unknown format or damaged head)") from exc
    except MemoryError as exc:
        raise ImageError("its head asks for more memory than there is") from exc
    except Exception as exc:
        raise ImageError(_reason(exc, "picture")) from exc


def read_picture(
    source: Image.Image,
    data: bytes,
    least_side: int,
    claim: Claim,
    otherwise: int = 1,
    draft_side: int = 0,
) -> Picture:
    """Decode what `open_picture` opened; `otherwise` is the orientation where EXIF gives none.

    `draft_side`, where not 0, is the least side of a JPEG instead of `least_side`.
    """
    name = source.format or "?"
    width, height = source.size
    try:
        frames = _go_to_first(source)
        width, height = source.size
        guards.check_pixels(width, height)
        drafted = source.draft(None, (draft_side or least_side,) * 2)
        if drafted and isinstance(source, ImageFile.ImageFile):
            source.decodermaxblock = len(data)  # in one piece: it is all in memory anyway
        need = guards.bytes_needed(source, (width, height), data)
        guards.check_bytes(width, height, need)
        with claim(need):
            image = _pixels(source, data, least_side)
            turn = TURNS.get(orientation(source) or otherwise)
            factor = _factor(source, least_side)
            across, down = drafted[1][2:] if drafted else source.size
            box = turned_box((across / factor, down / factor), image.size, turn)
            image = turned(image, turn)
            image.info["box"] = box
    except ImageError:
        raise
    except MemoryError as exc:
        raise ImageError(f"{width:,} x {height:,} pixels do not fit into memory") from exc
    except Exception as exc:  # Pillow's decoders raise whatever they stumble over
        raise ImageError(_reason(exc, name)) from exc
    if name not in guards.DRAFTED:
        width, height = source.size  # some formats turn by themselves, and then say so
    if turn in SIDEWAYS:
        width, height = height, width
    return Picture(image, width, height, name, frames)


def _pixels(source: Image.Image, data: bytes, least_side: int) -> Image.Image:
    """Load, reduce and convert to sRGB; not turned."""
    if source.format == "HEIF" and source.mode in heif.MODES:
        return heif.read(source, data, least_side)
    source.load()
    return to_rgb(source, _factor(source, least_side))


def _factor(source: Image.Image, least_side: int) -> int:
    return max(min(source.size) // least_side, 1)


def _go_to_first(source: Image.Image) -> int:
    """Go to the frame that stands for the picture; return how many frames or pages there are."""
    try:
        if source.format in _MOVING:
            return max(int(getattr(source, "n_frames", 1)), 1)
        if source.format == "TIFF" and (count := int(getattr(source, "n_frames", 1))) > 1:
            pages = [page for page in range(min(count, _MOST_PAGES)) if _is_full(source, page)]
            source.seek(pages[0] if pages else 0)
            return max(len(pages), 1)
    except Exception:  # a damaged later frame must not cost the first
        source.seek(0)
    return 1


def _is_full(source: Image.Image, page: int) -> bool:
    """Whether a TIFF's page is no reduced copy of another."""
    source.seek(page)
    kind = getattr(source, "tag_v2", {}).get(_SUBFILE_TYPE, 0)
    return not (isinstance(kind, int) and kind & 1)


def _read_raw(data: bytes, least_side: int, claim: Claim) -> Picture:
    """The embedded preview where it is large enough, else what the sensor's values make."""
    with raw.opened(data) as shot:
        width, height = shot.size
        guards.check_pixels(width, height)
        image = _read_preview(shot.preview(), least_side, claim, shot.orientation)
        if image is None or min(image.size) < min(least_side, min(shot.size) // 2):
            try:
                image = _develop(shot, len(data), least_side, claim)
            except ImageError:
                if image is None:
                    raise
    return Picture(image, width, height, "RAW")


def _develop(shot: raw.RawFile, file_bytes: int, least_side: int, claim: Claim) -> Image.Image:
    need = raw.BYTES_A_PIXEL * shot.sensor_pixels + file_bytes
    guards.check_bytes(*shot.size, need)
    with claim(need):
        developed = Image.fromarray(shot.develop())
        return to_rgb(developed, max(min(developed.size) // least_side, 1))


def _read_preview(
    preview: bytes | NDArray[np.uint8] | None, least_side: int, claim: Claim, otherwise: int
) -> Image.Image | None:
    """The preview of a raw file upright, None where there is none that can be read."""
    if preview is None:
        return None
    try:
        if not isinstance(preview, bytes):
            return turned(to_rgb(Image.fromarray(preview)), TURNS.get(otherwise))
        with open_picture(preview) as source:
            return read_picture(source, preview, least_side, claim, otherwise).image
    except (ImageError, ValueError, TypeError):  # damaged: the sensor's values may not be
        return None


def _reason(exc: Exception, name: str) -> str:
    if isinstance(exc, Image.DecompressionBombError):
        return f"claims more than {guards.MAX_PIXELS // 10**6} million pixels; save a smaller copy"
    detail = " ".join(str(exc).split())[:120] or type(exc).__name__
    if detail.startswith("decoder error"):  # and a number that says nothing
        detail = "its pixels cannot be decoded"
    return f"damaged {name}: {detail}"


def thumbnail_bytes(image: Image.Image, side: int = THUMBNAIL_SIDE) -> bytes:
    """Make a JPEG of at most `side` pixels each way, without any metadata."""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.BICUBIC)
    small.info.clear()
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=82)
    return buffer.getvalue()
