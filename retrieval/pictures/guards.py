"""What decoding a picture would cost, told from its head, and what is refused for it."""

from __future__ import annotations

from PIL import Image

from retrieval.errors import ImageError

MAX_PIXELS = 300_000_000  # the largest picture that is decoded, where memory allows it
MAX_DECODE_BYTES = 896 << 20  # what decoding one picture may need

DRAFTED = ("JPEG", "MPO")  # what draft() may load at a smaller size than the file's own

#: What decoders hold beside the finished picture, in bytes a pixel. Measured, rounded up.
_BESIDE = {"WEBP": 12.5, "AVIF": 8, "JPEG2000": 16, "GIF": 2, "ICNS": 16, "ICO": 8}
_HEIF_BYTES = 4.6  # a pixel of 8 bits with halved chroma: its planes, and RGB made of them
_HEIF_DEEP_BYTES = 10.0


def check_pixels(width: int, height: int) -> None:
    """Refuse what is too large for any computer. Raises ImageError."""
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"{width:,} x {height:,} pixels, more than {MAX_PIXELS // 10**6} million; "
            "save a smaller copy"
        )


def check_bytes(width: int, height: int, need: int) -> None:
    """Refuse what needs too much memory. Raises ImageError."""
    if need > MAX_DECODE_BYTES:
        raise ImageError(
            f"{width:,} x {height:,} pixels need about {need / 1e9:.1f} GB to decode, more than "
            f"{MAX_DECODE_BYTES / 1e9:.1f} GB; save a smaller copy as JPEG"
        )


def check_webp(data: bytes) -> None:
    """Refuse a WebP for which even opening would take too much memory. Raises ImageError."""
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP" or len(data) < 30:
        return
    kind = data[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(data[at : at + 3], "little") + 1 for at in (24, 27))
    elif kind == b"VP8L":
        packed = int.from_bytes(data[21:25], "little")
        width, height = (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    else:
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (26, 28))
    check_bytes(width, height, int(width * height * (4 + _BESIDE["WEBP"])) + len(data))


def bytes_needed(source: Image.Image, full: tuple[int, int], data: bytes) -> int:
    """Estimate what decoding holds at its peak, from the head alone; `draft` has been called."""
    pixels = source.width * source.height
    name = source.format or "?"
    if name == "HEIF":
        plain = source.info.get("bit_depth") == 8 and source.info.get("chroma") == 420
        plain = plain and source.mode in ("RGB", "L")
        return int(pixels * (_HEIF_BYTES if plain else _HEIF_DEEP_BYTES)) + len(data)
    one = 1 if source.mode in ("1", "L", "P") else 2 if source.mode.startswith("I;16") else 4
    if name == "TIFF":  # turned, or with one strip that is all of it
        return 2 * pixels * one + len(data)
    if name not in DRAFTED:
        return int(pixels * (one + _BESIDE.get(name, 0))) + len(data)
    return pixels * 3 * one + coefficient_bytes(source, full, data)


def coefficient_bytes(source: Image.Image, full: tuple[int, int], data: bytes) -> int:
    """What a JPEG decoder buffers where it cannot stream: a JPEG of several scans, else 0."""
    layers = getattr(source, "layer", [])
    file = getattr(source, "fp", None)
    end = file.tell() if file is not None else 0  # just behind the head of a scan
    begin = end - 8 - 2 * len(layers)
    streams = data[begin : begin + 2] == b"\xff\xda" and data[begin + 4] == len(layers)
    if streams and "progressive" not in source.info:
        return 0
    shares = [across * down for _, across, down, _ in layers]
    largest = max((across for _, across, _, _ in layers), default=1) * max(
        (down for _, _, down, _ in layers), default=1
    )
    return int(2 * full[0] * full[1] * (sum(shares) or 3) / max(largest, 1))
