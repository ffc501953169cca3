"""open_clip's evaluation transform in Pillow and numpy, without a tensor per image.

Follows `open_clip.transform.image_transform` (is_train=False) step by step up to the 8-bit
pixels; scaling to floats and normalising happen per batch on the device.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from retrieval.records import Box

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

RESIZE_MODES = ("shortest", "longest", "squash")
INTERPOLATIONS = ("bicubic", "bilinear", "random")


@dataclass(frozen=True)
class Pixels:
    """How a model wants its pictures; `size` is (height, width), mean and std are per channel."""

    size: tuple[int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    interpolation: str = "bicubic"
    resize_mode: str = "shortest"
    fill_color: int | tuple[int, ...] = 0

    def __post_init__(self) -> None:
        """Refuse what open_clip would refuse, with ValueError."""
        if len(self.mean) != 3 or len(self.std) != 3 or not all(self.std):
            raise ValueError("mean and std need three numbers, and no std may be 0")
        colors = [self.fill_color] if isinstance(self.fill_color, int) else self.fill_color
        if len(colors) not in (1, 3) or not all(isinstance(each, int) for each in colors):
            raise ValueError("fill_color needs one whole number or three")
        if self.interpolation not in INTERPOLATIONS:
            raise ValueError(f"interpolation {self.interpolation!r} is unknown")
        if self.resize_mode not in RESIZE_MODES:
            raise ValueError(f"resize_mode {self.resize_mode!r} is unknown")

    def describe(self) -> dict[str, Any]:
        """Return all that changes the pixels, in plain JSON types, for the fingerprint."""
        fill = self.fill_color if isinstance(self.fill_color, int) else list(self.fill_color)
        return {
            "size": list(self.size),
            "mean": list(self.mean),
            "std": list(self.std),
            "interpolation": "bilinear" if self.interpolation == "bilinear" else "bicubic",
            "resize_mode": self.resize_mode,
            "fill_color": fill,
        }

    def __call__(self, image: Image.Image) -> NDArray[np.uint8]:
        """Turn an RGB image into uint8 (1, height, width, 3)."""
        import numpy as np

        if image.mode != "RGB":
            image = image.convert("RGB")
        box = picture_box(image)
        if self.resize_mode == "squash":
            image = self._resize(image, self.size, box)
        elif self.resize_mode == "longest":
            image = self._crop_or_pad(self._resize(image, self._kept_ratio(box, max), box))
        else:
            image = self._shortest(image, box)
        return np.array(image)[None]  # a copy: torch wants memory it may write to

    def _shortest(self, image: Image.Image, box: Box) -> Image.Image:
        size = self._shortest_size(box)
        if size[0] < self.size[0] or size[1] < self.size[1]:
            return self._crop_or_pad(self._resize(image, size, box))
        return self._resize_middle(image, size, box)

    def _shortest_size(self, box: Box) -> tuple[int, int]:
        """Size (height, width) that covers the wanted one, as torchvision and timm round it."""
        height, width = self.size
        if height != width:
            return self._kept_ratio(box, min)
        across, down = _sides(box)
        short, long = sorted((across, down))
        scaled = int(height * long / short)  # torchvision cuts here, timm rounds
        return (scaled, height) if across <= down else (height, scaled)

    def _kept_ratio(self, box: Box, choose: Any) -> tuple[int, int]:
        across, down = _sides(box)
        ratio = choose(down / self.size[0], across / self.size[1])
        # A line of pixels can round to nothing, where open_clip fails; one row is kept.
        return max(1, round(down / ratio)), max(1, round(across / ratio))

    def _filter(self) -> Image.Resampling:
        from PIL import Image

        # open_clip forgets to hand the interpolation on for a target that is not square.
        forgotten = self.resize_mode == "shortest" and self.size[0] != self.size[1]
        bilinear = self.interpolation == "bilinear" and not forgotten
        return Image.Resampling.BILINEAR if bilinear else Image.Resampling.BICUBIC

    def _resize(self, image: Image.Image, size: tuple[int, int], box: Box) -> Image.Image:
        height, width = size
        if image.size == (width, height) and box == Box(0, 0, width, height):
            return image
        return image.resize((width, height), self._filter(), box)

    def _resize_middle(self, image: Image.Image, size: tuple[int, int], box: Box) -> Image.Image:
        """Resize `box` to `size` (height, width) and crop, without making what is cut off.

        One grey level in some 10,000 differs from doing so in two steps, by 1.
        """
        top, left = self._corner(size)
        across, down = (side / new for side, new in zip(_sides(box), size[::-1], strict=True))
        x, y = box.left + left * across, box.top + top * down
        middle = Box(x, y, x + self.size[1] * across, y + self.size[0] * down)
        # Pillow begins with the rows where an image is much taller than what becomes of it, and
        # then rounds otherwise than it would for the whole: it gets no more rows than it needs.
        margin = math.ceil(2 * max(down, 1)) + 1  # what the filter reaches beyond
        first = max(int(middle.top) - margin, 0)
        last = min(math.ceil(middle.bottom) + margin, image.height)
        image = image.crop((0, first, image.width, last))
        return self._resize(
            image, self.size, middle._replace(top=middle.top - first, bottom=middle.bottom - first)
        )

    def _corner(self, size: tuple[int, int]) -> tuple[int, int]:
        """Top and left of the middle cut; half pixels round to even, as torchvision does."""
        return round((size[0] - self.size[0]) / 2.0), round((size[1] - self.size[1]) / 2.0)

    def _crop_or_pad(self, image: Image.Image) -> Image.Image:
        from PIL import Image

        height, width = self.size
        wide, high = max(width, image.width), max(height, image.height)
        if (wide, high) != image.size:
            fill = self.fill_color
            color = (fill,) * 3 if isinstance(fill, int) else tuple(fill)
            padded = Image.new("RGB", (wide, high), color)
            padded.paste(image, ((wide - image.width) // 2, (high - image.height) // 2))
            image = padded
        top, left = self._corner((image.height, image.width))
        return image.crop((left, top, left + width, top + height))


def picture_box(image: Image.Image) -> Box:
    """Which part of an image is picture: what its loader says, or else all of it."""
    box = image.info.get("box")
    return box if isinstance(box, Box) else Box(0, 0, *image.size)


def _sides(box: Box) -> tuple[float, float]:
    return box.right - box.left, box.bottom - box.top
