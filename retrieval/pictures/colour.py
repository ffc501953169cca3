"""Bring pixels of any mode and colour space to sRGB, reduced in scale on the way.

Transparency is laid on white, deep values are scaled to 8 bits, ICC profiles are followed. A
profile that is broken, or that belongs to other pixels than these, is ignored: never an error.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from PIL.ImageCms import ImageCmsTransform

SIMPLE_PROFILE_BYTES = 16 << 10  # those of cameras and phones have some hundred
BAND_ROWS = 64  # a picture is converted so many rows at a time: what is held twice stays small
_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")
#: What a profile's header calls its pixels -> the mode that it applies to.
_PROFILE_MODES = {b"RGB ": "RGB", b"GRAY": "L", b"CMYK": "CMYK"}
_TABLES = (b"A2B", b"B2A", b"D2B", b"B2D", b"gam", b"ncl")


def to_rgb(image: Image.Image, factor: int = 1) -> Image.Image:
    """Convert any mode to sRGB; each pixel is the mean of `factor` x `factor` pixels before."""
    profile = image.info.get("icc_profile")
    if factor == 1 and image.mode == "RGB" and "transparency" not in image.info:
        image.load()
        return to_srgb(image, profile)
    rows = max(BAND_ROWS // factor, 1) * factor
    tops = range(0, image.height, rows)
    boxes = [(0, top, image.width, min(top + rows, image.height)) for top in tops]
    flatten = _flat
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        low, high = _bounds(image.crop(box) for box in boxes)
        flatten = partial(_shallow, low=low, high=high, floating=image.mode == "F")
    bands = (image.crop(box) for box in boxes)
    return to_srgb(reduce_bands(bands, image.size, factor, flatten), profile)


def reduce_bands(
    bands: Iterator[Image.Image],
    size: tuple[int, int],
    factor: int,
    flatten: Callable[[Image.Image], Image.Image] | None = None,
) -> Image.Image:
    """Put bands, from top to bottom, of a picture of `size` together at one `factor`-th of it.

    All but the last have a multiple of `factor` rows. The result's mode is L, RGB or CMYK.
    """
    width, height = (-(-side // factor) for side in size)
    whole: Image.Image | None = None
    top = 0
    for band in bands:
        flat = (flatten or _flat)(band)
        part = flat.reduce(factor) if factor > 1 else flat
        if whole is None:
            whole = Image.new(part.mode, (width, height))
        whole.paste(part, (0, top))
        top += part.height
    assert whole is not None  # a picture has at least one row
    return whole


def _flat(image: Image.Image) -> Image.Image:
    """The same pixels as L, RGB or CMYK, with transparency laid on white."""
    if image.mode in _ALPHA or "transparency" in image.info:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba).convert("RGB")
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _bounds(bands: Iterator[Image.Image]) -> tuple[float, float]:
    """The least and greatest number that is finite; 0, 0 where there is none."""
    import numpy as np  # not above: a worker that never meets such values is smaller without

    low, high = np.inf, -np.inf
    for band in bands:
        values = np.asarray(band)
        finite = values[np.isfinite(values)] if values.dtype.kind == "f" else values
        if finite.size:
            low, high = min(low, float(finite.min())), max(high, float(finite.max()))
    return (low, high) if low <= high else (0.0, 0.0)


def _shallow(band: Image.Image, low: float, high: float, floating: bool) -> Image.Image:
    """Scale 16-bit, 32-bit and float values to 8 bits; `low` and `high` bound the picture's."""
    import numpy as np

    values = np.nan_to_num(np.asarray(band, dtype=np.float64), posinf=high, neginf=low)
    if not floating and low >= 0 and high <= 65535:  # else no fixed range: use the picture's
        low, high = 0.0, 65535.0 if high > 255 else 255.0
    scaled = (values.clip(low, high) - low) * (255.0 / max(high - low, 1e-9))
    return Image.fromarray(scaled.round().astype(np.uint8))


def to_srgb(image: Image.Image, profile: object) -> Image.Image:
    """Convert L, RGB or CMYK as the ICC profile says, to RGB; without a usable one, plainly."""
    if isinstance(profile, bytes):
        mode = _PROFILE_MODES.get(profile[16:20])
        if mode == "RGB" and image.mode == "L":
            image = image.convert("RGB")
        transform = _transform(profile, mode) if mode == image.mode else None
        if transform is not None:
            return transform.apply(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def is_simple(profile: object) -> bool:
    """Whether this is no profile at all, or a small one of curves and a matrix.

    Profiles with tables of any size are what a library may stumble over when they are made up.
    """
    if not isinstance(profile, bytes) or not profile:
        return True
    if len(profile) > SIMPLE_PROFILE_BYTES or profile[16:20] not in (b"RGB ", b"GRAY"):
        return False
    names = [profile[at : at + 3] for at in range(132, min(132 + 12 * 100, len(profile)), 12)]
    count = struct.unpack(">I", profile[128:132])[0] if len(profile) >= 132 else 0
    return count <= 100 and not any(name in _TABLES for name in names[:count])


@lru_cache(maxsize=16)
def _transform(profile: bytes, mode: str) -> ImageCmsTransform | None:
    """What brings `mode` to sRGB, for any number of threads; None where nothing is to be done."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if "srgb" in ImageCms.getProfileDescription(source).lower():
            return None
        return ImageCms.buildTransform(
            source,
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            flags=ImageCms.Flags.NOCACHE,  # the cache of one pixel is not for several threads
        )
    except Exception:  # the library raises whatever a damaged profile makes it stumble over
        return None
