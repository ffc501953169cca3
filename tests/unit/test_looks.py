"""What pixels say: near-duplicates, sharpness, light, colours."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from retrieval.pictures import load_picture
from retrieval.pictures.looks import LEAST_SIDE, measure_looks
from retrieval.records import Box, Looks
from tests.pictures import paint


@pytest.fixture(scope="module")
def scene() -> Image.Image:
    """Something with edges, of any size: discs and stripes."""
    y, x = np.mgrid[0:480, 0:640]
    disc = ((x - 200) ** 2 + (y - 240) ** 2 < 120**2) * 120
    stripes = ((x // 20) % 2) * (y > 240) * 80
    values = np.stack([disc + 40, stripes + 30, 255 - disc // 2 - 60 * (x > 400)], axis=2)
    return Image.fromarray(values.clip(0, 255).astype(np.uint8))


def apart(one: Looks, other: Looks) -> int:
    """How many bits of two hashes differ."""
    return ((one.phash ^ other.phash) & (1 << 64) - 1).bit_count()


def test_a_hash_survives_what_copies_go_through(scene: Image.Image) -> None:
    first = measure_looks(scene)
    small = io.BytesIO()
    scene.resize((320, 240)).save(small, "JPEG", quality=50)
    lighter = scene.point(lambda value: min(value + 25, 255))
    for copy in (Image.open(small).convert("RGB"), lighter):
        assert apart(first, measure_looks(copy)) <= 8
    turned = measure_looks(scene.transpose(Image.Transpose.ROTATE_90))
    assert apart(first, turned) > 16
    assert -(1 << 63) <= first.phash < 1 << 63


def test_blurred_copies_are_less_sharp(scene: Image.Image) -> None:
    blurred = [scene.filter(ImageFilter.GaussianBlur(radius)) for radius in (0, 2, 4, 8)]
    found = [measure_looks(image).sharpness for image in blurred]
    assert found[:3] == sorted(found[:3], reverse=True)
    assert found[0] > 0.5 > max(found[1:])


def test_light() -> None:
    found = [measure_looks(paint((v, v, v), (300, 300))).brightness for v in (0, 128, 255)]
    assert found == pytest.approx([0, 128 / 255, 1], abs=1e-3)


@pytest.mark.parametrize(
    ("name", "colour"),
    [
        *(("black", (10, 10, 12)), ("grey", (128, 128, 128)), ("white", (250, 250, 250))),
        *(("red", (220, 20, 20)), ("orange", (250, 140, 10)), ("brown", (110, 65, 30))),
        *(("yellow", (250, 230, 30)), ("green", (30, 140, 40)), ("green", (20, 60, 20))),
        *(("blue", (30, 60, 200)), ("blue", (120, 180, 235)), ("blue", (10, 20, 70))),
        *(("purple", (120, 40, 170)), ("pink", (250, 150, 180)), ("red", (110, 10, 20))),
    ],
)
def test_colours(name: str, colour: tuple[int, int, int]) -> None:
    assert measure_looks(paint(colour, (64, 64))).colours == (name,)


def test_colours_by_how_much_they_cover() -> None:
    image = paint((30, 60, 200), (400, 300))
    image.paste((250, 230, 30), (0, 0, 400, 100))
    image.paste((220, 20, 20), (0, 0, 40, 40))  # too little to be named
    assert measure_looks(image).colours == ("blue", "yellow")


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (7, 7), (3, 300), (5000, 8)])
def test_any_size(size: tuple[int, int]) -> None:
    looks = measure_looks(paint("red", size))
    assert 0 <= looks.sharpness <= 1
    assert looks.colours == ("red",)


def test_only_what_is_picture_counts() -> None:
    image = paint("red", (300, 301))
    image.paste((0, 0, 255), (0, 300, 300, 301))
    image.info["box"] = Box(0, 0, 300, 300)
    assert apart(measure_looks(image), measure_looks(paint("red", (300, 300)))) <= 32
    assert measure_looks(image).colours == ("red",)


def test_real_photos_and_blurred_copies(shared: Path) -> None:
    """Sharp and visibly blurred photos lie on both sides of 0.5."""
    paths = sorted((shared / "coco-470/images").iterdir())[:60]
    sharp, blurred, shaken = [], [], []
    for path in paths:
        image = load_picture(path, LEAST_SIDE).image
        radius = min(image.size) / 150
        sharp.append(measure_looks(image).sharpness)
        blurred.append(measure_looks(image.filter(ImageFilter.GaussianBlur(radius))).sharpness)
        pixels = np.asarray(image, np.float32)
        moved = np.mean([np.roll(pixels, shift, 1) for shift in range(8)], axis=0)
        shaken.append(measure_looks(Image.fromarray(moved.astype(np.uint8))).sharpness)
    assert np.mean(np.array(sharp) > 0.5) >= 0.95
    assert np.mean(np.array(blurred) < 0.5) >= 0.95
    assert np.mean(np.array(shaken) < 0.5) >= 0.95
