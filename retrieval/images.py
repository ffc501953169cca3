"""Read pictures safely: formats, size guards, scaled decode, orientation, thumbnails.

The content of a file decides what it is, never its name. A picture comes back upright, RGB and,
where its format allows, decoded at a reduced scale that still holds twice the pixels asked for.
"""

from __future__ import annotations

import hashlib
import io
import os
import warnings
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from retrieval.errors import ImageError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_PIXELS = 300_000_000  # 900 MB as RGB: the largest picture that is decoded
MAX_FILE_BYTES = 1 << 30  # the file is held in memory while it is hashed and decoded
SNIFF_BYTES = 64 << 20  # larger files must look like a picture before they are read whole
THUMBNAIL_SIDE = 320

#: EXIF orientation -> what brings the picture upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = tuple(_TURNS[orientation] for orientation in (5, 6, 7, 8))

_DRAFTED = ("JPEG", "MPO")  # what draft() may load at a smaller size than the file's own

#: Decoders that are safe on unknown input. EPS, for one, would start an outside program.
_SAFE = (
    *("JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "AVIF", "HEIF", "JPEG2000", "PSD"),
    *("ICO", "ICNS", "PPM", "TGA", "DDS", "SGI", "PCX", "QOI", "DIB", "XBM", "XPM", "MSP", "SUN"),
)


def _register_heif() -> str:
    """Teach Pillow HEIC if pi-heif is there; return what to remember of it."""
    try:
        import pi_heif

        pi_heif.register_heif_opener()
        return f", pi-heif {version('pi-heif')}"
    except (ImportError, PackageNotFoundError):
        return ""


HEIF_READER = _register_heif()
Image.init()  # all plugins at once: doing it lazily from several threads is a race
FORMATS = tuple(name for name in _SAFE if name in Image.OPEN)

# Pillow refuses beyond twice this; below that our own check speaks, with a plainer sentence.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")  # of odd metadata


#: Names the decoders; a file that one set of decoders refused is tried again by another.
READER = f"pillow {version('pillow')}{HEIF_READER}"


@dataclass(frozen=True, slots=True)
class FileContent:
    """The bytes of a file and their SHA-256."""

    data: bytes
    content_hash: bytes


@dataclass(frozen=True, slots=True)
class Picture:
    """An upright RGB image, perhaps of reduced scale, with the full upright size in pixels."""

    image: Image.Image
    width: int
    height: int
    format: str


def read_content(path: str) -> FileContent:
    """Read and hash a file. Raises ImageError with the reason; OSError if it cannot be read."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise ImageError("empty file (0 bytes)")
        if size > MAX_FILE_BYTES:
            raise ImageError(f"larger than {MAX_FILE_BYTES >> 20} MiB")
        if size > SNIFF_BYTES:
            _open(file)  # not closed: that would close the file as well
            file.seek(0)
        data = file.read(MAX_FILE_BYTES + 1)
    return FileContent(data, hashlib.sha256(data).digest())


def decode(data: bytes, least_side: int) -> Picture:
    """Decode a picture whose short side holds at least `least_side` pixels if the source does.

    JPEG is decoded at the smallest DCT scale that does (`Image.draft`). Raises ImageError.
    """
    with _open(io.BytesIO(data)) as source:
        width, height = source.size
        if width * height > MAX_PIXELS:
            raise ImageError(f"{width} x {height} pixels, more than {MAX_PIXELS // 10**6} million")
        name = source.format or "?"
        try:
            source.draft(None, (least_side, least_side))
            source.load()  # some formats turn by themselves here, and then say so
            if name not in _DRAFTED:
                width, height = source.size
            turn = _TURNS.get(_orientation(source))
            image = to_rgb(source if turn is None else source.transpose(turn))
        except MemoryError as exc:
            raise ImageError(f"{width} x {height} pixels do not fit into memory") from exc
        except Exception as exc:  # Pillow's decoders raise whatever they stumble over
            raise ImageError(_reason(exc, name)) from exc
    if turn in _SIDEWAYS:
        width, height = height, width
    return Picture(image, width, height, name)


def _orientation(source: Image.Image) -> int:
    """The EXIF orientation, 1 where it is not given or cannot be read: the pixels still can."""
    try:
        value = source.getexif().get(0x0112, 1)
    except Exception:  # Pillow's EXIF reader raises whatever it stumbles over
        return 1
    return value if isinstance(value, int) else 1


def _open(file: io.BytesIO | io.BufferedReader) -> Image.Image:
    try:
        return Image.open(file, formats=FORMATS)
    except UnidentifiedImageError as exc:
        raise ImageError("not a picture that can be read (unknown format or damaged head)") from exc
    except Image.DecompressionBombError as exc:
        raise ImageError(f"claims more than {2 * MAX_PIXELS // 10**6} million pixels") from exc
    except Exception as exc:
        raise ImageError(_reason(exc, "picture")) from exc


def _reason(exc: Exception, name: str) -> str:
    detail = " ".join(str(exc).split())[:120] or type(exc).__name__
    return f"damaged {name}: {detail}"


def to_rgb(image: Image.Image) -> Image.Image:
    """Convert any mode to RGB: transparency over white, 16-bit and float scaled to 8 bits."""
    if image.mode == "RGB" and "transparency" not in image.info:
        image.load()
        return image
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _deep_to_rgb(image)
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    return image.convert("RGB")


def _deep_to_rgb(image: Image.Image) -> Image.Image:
    values: NDArray[np.float32] = np.asarray(image, dtype=np.float32)  # (H, W)
    usable = values[np.isfinite(values)]
    top = float(usable.max()) if usable.size else 0.0
    finite = np.nan_to_num(values, posinf=top, neginf=float(usable.min()) if usable.size else 0.0)
    if image.mode == "F" or finite.max() > 65535 or finite.min() < 0:
        low, high = float(finite.min()), float(finite.max())  # no fixed range: use the picture's
    else:
        low, high = 0.0, 65535.0 if finite.max() > 255 else 255.0
    scaled = (finite.astype(np.float64) - low) * (255.0 / max(high - low, 1e-9))
    return Image.fromarray(scaled.round().astype(np.uint8)).convert("RGB")


def load_picture(path: str | Path, least_side: int) -> Picture:
    """Read and decode one file. Raises ImageError, also where the file cannot be read."""
    try:
        return decode(read_content(str(path)).data, least_side)
    except OSError as exc:
        raise ImageError(f"cannot be read: {exc.strerror or exc}") from exc


def thumbnail(data: bytes, side: int = THUMBNAIL_SIDE) -> bytes:
    """Make a JPEG of at most `side` pixels each way, without any metadata. Raises ImageError."""
    image = decode(data, side).image
    image.thumbnail((side, side), Image.Resampling.BICUBIC)
    image.info.clear()
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=82)
    return buffer.getvalue()


def thumbnail_of_file(path: str | Path) -> bytes:
    """Make the thumbnail of a picture file. Raises ImageError, also where it cannot be read."""
    try:
        return thumbnail(read_content(str(path)).data)
    except OSError as exc:
        raise ImageError(f"cannot be read: {exc.strerror or exc}") from exc
