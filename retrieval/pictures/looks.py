"""What a photo's pixels say, whatever the encoder: a perceptual hash, sharpness, light, colours.

Measured on the reduced picture that is decoded for the encoder anyway.
"""

from __future__ import annotations

import math
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from retrieval.metadata import LOOKS_VERSION
from retrieval.records import Looks

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["LEAST_SIDE", "LOOKS_VERSION", "measure_looks"]

LEAST_SIDE = 224  # pixels of the short side that sharpness is measured at, where there are as many
_HASH_SIDE, _HASH_BITS = 32, 8
_COLOUR_SIDE = 48
LEAST_SHARE = 0.12  # of the pixels, for a colour to be named
MOST_COLOURS = 4

#: Measured on 400 photos of 500 pixels and blurred copies: of the sharp ones 1 % lie below -2.7; of
#: those blurred by 2 pixels 5 % above -3.6, of those shaken by 8 pixels 5 % above -3.2.
_SHARP_MIDDLE, _SHARP_SLOPE = -2.85, 1.6

COLOURS = (
    *("black", "grey", "white", "red", "orange", "brown", "yellow", "green", "blue", "purple"),
    "pink",
)
#: From which hue (degrees) on which name holds; the last one goes on to where the first begins.
_HUES = (
    *((15, "orange"), (42, "yellow"), (68, "green"), (172, "blue"), (258, "purple"), (292, "pink")),
    (340, "red"),
)
_PLAIN = 1.0  # of 255: standard deviation of grey values below which nothing is to be seen


def measure_looks(image: Image.Image) -> Looks:
    """Measure an upright RGB image of at least LEAST_SIDE pixels a side, if the photo has them."""
    box = image.info.get("box")
    grey = image.convert("L")
    return Looks(
        phash=_phash(_pixels(grey, (_HASH_SIDE, _HASH_SIDE), box)),
        sharpness=_sharpness(_pixels(grey, _reduced(grey.size), box)),
        brightness=round(float(np.asarray(grey).mean()) / 255, 4),
        colours=_colours(image.resize((_COLOUR_SIDE, _COLOUR_SIDE), Image.Resampling.BOX, box)),
    )


def _reduced(size: tuple[int, int]) -> tuple[int, int]:
    factor = min(LEAST_SIDE / min(size), 1.0)
    width, height = (max(round(side * factor), 1) for side in size)
    return width, height


def _pixels(
    grey: Image.Image, size: tuple[int, int], box: tuple[float, float, float, float] | None
) -> NDArray[np.float32]:
    """Grey values (H, W) from 0 to 255 at another size."""
    if size != grey.size:
        grey = grey.resize(size, Image.Resampling.BILINEAR, box)
    return np.asarray(grey, np.float32)


def _phash(grey: NDArray[np.float32]) -> int:
    """64 bits of the lowest frequencies (32, 32) -> signed: is each above their median?

    As Zauner's pHash (2010), with the constant part, which is brightness, left out of the median.
    0 for a plain picture, in which rounding errors would decide.
    """
    if float(grey.std()) < _PLAIN:
        return 0
    basis = _cosines()
    low = (basis @ grey @ basis.T).ravel()  # (64,)
    bits = low > np.median(low[1:])
    return int.from_bytes(np.packbits(bits).tobytes(), "big", signed=True)


@cache
def _cosines() -> NDArray[np.float32]:
    """The first eight rows of the discrete cosine transform of 32 values: (8, 32)."""
    rows = np.arange(_HASH_BITS)[:, None]
    places = (2 * np.arange(_HASH_SIDE)[None] + 1) * math.pi / (2 * _HASH_SIDE)
    return np.cos(rows * places).astype(np.float32)


def _sharpness(grey: NDArray[np.float32]) -> float:
    """How much of the contrast over five pixels is left between neighbours; 0.5 is just blurry.

    The lesser of both directions, since a shaken photo is blurred in one. Second differences, of
    which the Laplacian consists, over wide ones, so that a calm subject does not count as blurry.
    """
    if min(grey.shape) < 8:
        return 0.5  # nothing can be told
    least = min(_fineness(grey), _fineness(np.ascontiguousarray(grey.T)))
    return round(1 / (1 + math.exp(-_SHARP_SLOPE * (math.log(least) - _SHARP_MIDDLE))), 4)


def _fineness(grey: NDArray[np.float32]) -> float:
    """Mean square of second differences along rows, over that of differences across five pixels.

    The constants are noise that no eye sees: without it a clear sky would be anything.
    """
    near, wide = grey[:, 1:] - grey[:, :-1], grey[:, 5:] - grey[:, :-5]
    fine = near[:, 1:] - near[:, :-1]
    return (_mean_square(fine) + 1) / (_mean_square(wide) + 20)


def _mean_square(values: NDArray[np.float32]) -> float:
    return float(np.vdot(values, values)) / values.size


def _colours(image: Image.Image) -> tuple[str, ...]:
    """The names of colours that cover a good share of an RGB image, the largest first."""
    hue, saturation, value = np.moveaxis(np.asarray(image.convert("HSV"), np.float32), 2, 0)
    names = _named(hue.ravel() * (360 / 255), saturation.ravel() / 255, value.ravel() / 255)
    shares = np.bincount(names, minlength=len(COLOURS)) / names.size
    order = np.argsort(-shares, kind="stable")[:MOST_COLOURS]
    return tuple(COLOURS[i] for i in order if shares[i] >= LEAST_SHARE)


def _named(
    hue: NDArray[np.float32], saturation: NDArray[np.float32], value: NDArray[np.float32]
) -> NDArray[np.int64]:
    """The place in COLOURS of each pixel, by its hue in degrees, saturation and value in [0, 1]."""
    place = {name: index for index, name in enumerate(COLOURS)}
    starts = np.array([start for start, _ in _HUES])
    by_hue = np.array([place["red"], *(place[name] for _, name in _HUES)])
    names = by_hue[np.searchsorted(starts, hue, side="right")]
    is_red, is_orange = names == place["red"], names == place["orange"]
    names[is_orange & ((saturation < 0.5) | (value < 0.62))] = place["brown"]
    names[is_red & (hue > 8) & (hue < 50) & (value < 0.5)] = place["brown"]
    names[is_red & (saturation < 0.55) & (value > 0.7)] = place["pink"]
    pale = (saturation < 0.25) & (value > 0.84)
    colourless = (saturation < 0.14) | (saturation * value < 0.08) | (value < 0.14) | pale
    light = np.array([place["black"], place["grey"], place["white"]])
    return np.where(colourless, light[np.searchsorted([0.2, 0.84], value)], names)
