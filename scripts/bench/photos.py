"""Large JPEGs to measure with: photos scaled up, with the grain that makes a file as large as real.

Photos of 12 megapixels are not part of this repository. An upscaled one is smooth, so it would
decode too fast: grain of GRAIN grey levels brings it to 2.3-3.1 MB at quality 92, as cameras write.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

SIZES = {"12 MP": (4000, 3000), "2 MP": (1600, 1200)}
GRAIN = 3.0  # standard deviation of brightness, in grey levels
QUALITY = 92
SHARED = Path(__file__).parents[2].parent / "shared" / "data" / "coco-470" / "images"


def sources(count: int, folder: Path | None = None) -> list[Image.Image]:
    """Photos to start from: of `folder`, of ../shared, or made-up ones where there is neither."""
    found = sorted((folder or SHARED).glob("*.jpg"))[:count]
    if len(found) == count:
        return [Image.open(path).convert("RGB") for path in found]
    return [made_up(seed) for seed in range(count)]


def made_up(seed: int) -> Image.Image:
    """Blotches of several sizes, 480 x 360."""
    rng = np.random.default_rng(seed)
    whole = np.zeros((360, 480, 3))
    for side in (3, 12, 48, 192):
        coarse = rng.integers(0, 256, (side * 3 // 4, side, 3), dtype=np.uint8)
        scaled = Image.fromarray(coarse).resize((480, 360), Image.Resampling.BICUBIC)
        whole += np.asarray(scaled, float) / 4
    return Image.fromarray(whole.astype(np.uint8))


def enlarged(photo: Image.Image, size: tuple[int, int], seed: int) -> Image.Image:
    """Scale a photo to `size` (width, height; swapped for an upright one) and add grain."""
    width, height = size if photo.width >= photo.height else size[::-1]
    scaled = photo.resize((width, height), Image.Resampling.BICUBIC)
    grain = np.random.default_rng(seed).normal(0, GRAIN, (height, width, 1))
    pixels = np.asarray(scaled, np.float32) + grain.astype(np.float32)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def make(folder: Path, count: int, size: tuple[int, int], orientation: int = 1) -> list[Path]:
    """Write `count` JPEGs of `size` into `folder`, with an EXIF orientation if it is not 1."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, photo in enumerate(sources(count)):
        exif = Image.Exif()
        if orientation != 1:
            exif[0x0112] = orientation
        path = folder / f"{number:04}.jpg"
        enlarged(photo, size, number).save(path, quality=QUALITY, exif=exif)
        paths.append(path)
    return paths
