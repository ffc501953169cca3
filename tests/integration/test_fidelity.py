"""The quick routes from a file to pixels give what the plain one gives, within stated bounds.

The plain one decodes at full size, turns, resizes and crops. PSNR in dB of 224 pixels; the bounds
are below the worst that was measured, and far above what an error of half a pixel leaves (30 dB).
"""

from __future__ import annotations

import io
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps, features

from retrieval.encoders import mini
from retrieval.encoders._pixels import Pixels
from retrieval.pictures import decode, side_for
from retrieval.pictures.turning import TURNS, turned_box
from retrieval.records import Box
from scripts.bench.decode import psnr
from scripts.bench.photos import enlarged, made_up
from tests.pictures import encoded

PIXELS = Pixels((224, 224), (0.5,) * 3, (0.5,) * 3)
STORED_AS = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}  # what turns an upright one into orientation


def stored(image: Image.Image, orientation: int = 1) -> bytes:
    """A JPEG of an upright image that a viewer has to turn."""
    exif = Image.Exif()
    if orientation > 1:
        exif[0x0112] = orientation
        image = image.transpose(TURNS[STORED_AS[orientation]])
    return encoded(image, "JPEG", quality=92, exif=exif)


def plainly(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data)) as image:
        return ImageOps.exif_transpose(image).convert("RGB")


@pytest.fixture(scope="module")
def large() -> Image.Image:
    """No side is a multiple of 2: at a reduced scale the last row and column are a part."""
    return enlarged(made_up(1), (1999, 1501), 1)


class TestJpeg:
    @pytest.mark.parametrize(("fast", "least"), [(False, 45), (True, 36)])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_as_a_full_decode(
        self, large: Image.Image, orientation: int, fast: bool, least: float
    ) -> None:
        data = stored(large, orientation)
        found = decode(data, side_for(224), 224 if fast else 0)
        assert min(found.image.size) == (376 if fast else 751)
        assert psnr(PIXELS(found.image), PIXELS(plainly(data))) > least
        assert (found.width, found.height) == large.size

    def test_for_mini(self, large: Image.Image) -> None:
        data = stored(large)
        found = mini.prepare(decode(data, side_for(mini.WIDE_PX)).image)
        expected = mini.prepare(plainly(data))
        assert psnr(found[0], expected[0]) > 45
        assert psnr(found[1], expected[1]) > 45

    @pytest.mark.parametrize("size", [(96, 96), (64, 112)])
    @pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
    def test_in_every_mode(self, large: Image.Image, mode: str, size: tuple[int, int]) -> None:
        pixels = Pixels(size, (0.5,) * 3, (0.5,) * 3, resize_mode=mode)
        data = stored(large, 6)
        found = decode(data, side_for(max(size))).image
        assert min(found.size) == 376  # a quarter of the short side
        assert psnr(pixels(found), pixels(plainly(data))) > 40

    def test_real_photos(self, shared: Path) -> None:
        """As they are, they are too small to be reduced for 224; for 64 they are."""
        pixels = Pixels((64, 64), (0.5,) * 3, (0.5,) * 3)
        paths = sorted((shared / "flickr8k-700/images").glob("*.jpg"))[:40]
        assert paths
        for path in paths:
            data = path.read_bytes()
            assert psnr(PIXELS(decode(data, side_for(224)).image), PIXELS(plainly(data))) > 50
            assert psnr(pixels(decode(data, side_for(64)).image), pixels(plainly(data))) > 36

    def test_real_orientation(self, shared: Path) -> None:
        for path in sorted((shared / "exif-orientation").glob("*.jpg")):
            data = path.read_bytes()
            found = PIXELS(decode(data, side_for(224)).image)
            assert psnr(found, PIXELS(plainly(data))) > 45, path.name


class TestOthers:
    def test_a_reduced_png(self, large: Image.Image) -> None:
        data = encoded(large, "PNG", compress_level=1)
        found = decode(data, side_for(224))
        assert found.image.size == (667, 501)
        assert psnr(PIXELS(found.image), PIXELS(plainly(data))) > 40

    @pytest.mark.skipif(not features.check("webp"), reason="this Pillow cannot write WebP")
    def test_what_a_worker_decodes(self, large: Image.Image) -> None:
        data = encoded(large, "WEBP", quality=90)
        found = decode(data, side_for(224))
        assert found.image.info["box"] == Box(0, 0, 1999 / 3, 1501 / 3)
        assert psnr(PIXELS(found.image), PIXELS(plainly(data))) > 40


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size", [(30, 20), (31, 17), (17, 31)])
def test_a_box_is_turned_like_its_picture(orientation: int, size: tuple[int, int]) -> None:
    across, down = size
    turn = TURNS.get(orientation)
    whole = (math.ceil(across / 4), math.ceil(down / 4))
    # What is picture is white; a row or column of which 1/4 is picture is so bright.
    coverage = np.outer(
        np.minimum(np.arange(1, whole[1] + 1) * 4, down) - np.arange(whole[1]) * 4,
        np.minimum(np.arange(1, whole[0] + 1) * 4, across) - np.arange(whole[0]) * 4,
    )
    image = Image.fromarray((coverage * 15).astype(np.uint8))
    image = image if turn is None else image.transpose(turn)
    box = turned_box((across / 4, down / 4), whole, turn)
    columns, rows = (np.asarray(image).max(axis).astype(float) / 240 for axis in (0, 1))
    assert (columns[0], columns[-1]) == (1 - box.left, box.right - (image.width - 1))
    assert (rows[0], rows[-1]) == (1 - box.top, box.bottom - (image.height - 1))
