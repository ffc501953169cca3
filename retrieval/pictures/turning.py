"""Bring pictures upright, and tell which part of a reduced one is picture."""

from __future__ import annotations

from PIL import Image

from retrieval.records import Box

#: EXIF orientation -> what brings the picture upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = tuple(TURNS[orientation] for orientation in (5, 6, 7, 8))
#: Turns after which what was the first column is the last, and the first row.
_FROM_RIGHT = tuple(TURNS[orientation] for orientation in (2, 3, 6, 7))
_FROM_BOTTOM = tuple(TURNS[orientation] for orientation in (3, 4, 7, 8))


def orientation(source: Image.Image) -> int:
    """The EXIF orientation, 0 where it is not given or cannot be read: the pixels still can."""
    try:
        value = source.getexif().get(0x0112, 0)
    except Exception:  # Pillow's EXIF reader raises whatever it stumbles over
        return 0
    return value if isinstance(value, int) else 0


def turned(image: Image.Image, turn: Image.Transpose | None) -> Image.Image:
    """The image, turned if it has to be."""
    return image if turn is None else image.transpose(turn)


def turned_box(
    extent: tuple[float, float], size: tuple[int, int], turn: Image.Transpose | None
) -> Box:
    """Where the picture lies in an image of `size` once that is turned.

    Before, it begins at the top left and has `extent` (width, height): what reducing made of the
    sides that the file states, not rounded up.
    """
    (across, down), (width, height) = extent, size
    if turn in SIDEWAYS:
        across, down, width, height = down, across, height, width
    left, right = (width - across, float(width)) if turn in _FROM_RIGHT else (0.0, across)
    top, bottom = (height - down, float(height)) if turn in _FROM_BOTTOM else (0.0, down)
    return Box(left, top, right, bottom)
