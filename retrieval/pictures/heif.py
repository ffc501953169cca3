"""HEIC and HEIF, through pi-heif where it is installed."""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

from PIL import Image

from retrieval.pictures.colour import BAND_ROWS, reduce_bands, to_srgb

MODES = ("RGB", "RGBA", "L", "LA")  # that `read` knows


def register() -> str:
    """Teach Pillow HEIC; return name and version of the library, "" where it is not installed."""
    try:
        import pi_heif

        pi_heif.register_heif_opener()
        return f"pi-heif {version('pi-heif')}"
    except (ImportError, PackageNotFoundError):
        return ""


def read(source: Image.Image, data: bytes, least_side: int) -> Image.Image:
    """Decode, reduce and convert to sRGB what Pillow opened; its size becomes the true one.

    Without the copy of the whole picture that Pillow would make: half of the memory less.
    """
    import pi_heif

    found = pi_heif.open_heif(io.BytesIO(data), convert_hdr_to_8bit=True)
    frame = found[found.primary_index]
    pixels = memoryview(frame.data)  # decodes; the head may have claimed another size
    size, mode, stride = frame.size, frame.mode, frame.stride
    source._size = size
    factor = max(min(size) // least_side, 1)
    rows = max(BAND_ROWS // factor, 1) * factor

    def bands() -> Iterator[Image.Image]:
        for top in range(0, size[1], rows):
            count = min(rows, size[1] - top)
            part = bytes(pixels[top * stride : (top + count) * stride])
            yield Image.frombuffer(mode, (size[0], count), part, "raw", mode, stride, 1)

    return to_srgb(reduce_bands(bands(), size, factor), source.info.get("icc_profile"))
