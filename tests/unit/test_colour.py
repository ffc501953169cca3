"""ICC profiles are followed where they are usable, and never cost a picture."""

from __future__ import annotations

import io
import struct
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from retrieval.pictures import colour
from retrieval.pictures.colour import is_simple, to_srgb
from retrieval.pictures.images import decode
from tests.pictures import encoded, paint

#: Primaries as CIE x, y: red, green, blue. The white point is D65.
ADOBE = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
P3 = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))


def xyz_of(x: float, y: float) -> np.ndarray:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def matrix_to_d50(primaries: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Linear RGB -> XYZ relative to D50, as a profile holds it."""
    columns = np.stack([xyz_of(*primary) for primary in primaries], 1)
    d65, d50 = xyz_of(0.3127, 0.3290), np.array([0.9642, 1.0, 0.8249])
    matrix = columns * np.linalg.solve(columns, d65)
    bradford = np.array(
        [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
    )
    cone = (bradford @ d50) / (bradford @ d65)
    adapted: np.ndarray = np.linalg.inv(bradford) @ np.diag(cone) @ bradford @ matrix
    return adapted


def profile(primaries: tuple[tuple[float, float], ...], gamma: float, name: str) -> bytes:
    """A matrix profile as cameras and phones embed it."""

    def fixed(value: float) -> bytes:
        return struct.pack(">i", round(value * 65536))

    def xyz(values: np.ndarray) -> bytes:
        return b"XYZ \0\0\0\0" + b"".join(fixed(value) for value in values)

    words = name.encode() + b"\0"
    described = b"desc\0\0\0\0" + struct.pack(">I", len(words)) + words + bytes(78)
    matrix = matrix_to_d50(primaries)
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    tags = {b"desc": described, b"wtpt": xyz(np.array([0.9642, 1.0, 0.8249]))}
    tags |= {key: xyz(matrix[:, i]) for i, key in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body = struct.pack(">I", len(tags)), b""
    at = 132 + 12 * len(tags)
    for key, value in tags.items():
        padded = value + bytes(-len(value) % 4)
        table += key + struct.pack(">II", at + len(body), len(value))
        body += padded
    head = struct.pack(
        ">I4sI4s4s4s", at + len(body), b"none", 0x02100000, b"mntr", b"RGB ", b"XYZ "
    )
    head += bytes(12) + b"acsp" + bytes(28) + fixed(0.9642) + fixed(1) + fixed(0.8249)
    return head.ljust(128, b"\0") + table + body


def expected(
    pixel: tuple[int, ...], primaries: tuple[tuple[float, float], ...], gamma: float
) -> list[int]:
    """The same colour in sRGB, computed without any library for colours."""
    linear = (np.array(pixel) / 255) ** gamma
    wanted = np.linalg.solve(matrix_to_d50(SRGB), matrix_to_d50(primaries) @ linear).clip(0, 1)
    coded = np.where(wanted <= 0.0031308, 12.92 * wanted, 1.055 * wanted ** (1 / 2.4) - 0.055)
    return [round(value) for value in coded * 255]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize(
    ("primaries", "gamma", "name"),
    [(ADOBE, 563 / 256, "Adobe RGB (1998)"), (P3, 2.2, "Display P3")],
)
@pytest.mark.parametrize("pixel", [(200, 100, 60), (60, 180, 90), (128, 128, 128)])
def test_wide_gamuts_become_srgb(
    pixel: tuple[int, ...],
    primaries: tuple[tuple[float, float], ...],
    gamma: float,
    name: str,
    kind: str,
) -> None:
    icc = profile(primaries, gamma, name)
    found = decode(encoded(paint(pixel, (64, 48)), kind, icc_profile=icc, quality=100), 16).image
    wanted = expected(pixel, primaries, gamma)
    assert found.getpixel((8, 8)) == pytest.approx(wanted, abs=4)
    if pixel != (128, 128, 128):
        assert np.abs(np.array(wanted) - pixel).max() > 8  # else this would prove nothing


@pytest.mark.parametrize("name", ["sRGB IEC61966-2.1", "SRGB built-in"])
def test_what_is_srgb_already_is_left_alone(name: str) -> None:
    icc = profile(ADOBE, 2.2, name)  # by its name: its numbers would move the pixels
    assert decode(encoded(paint((200, 100, 60)), icc_profile=icc), 4).image.getpixel((0, 0)) == (
        200,
        100,
        60,
    )


def test_the_profile_of_every_srgb_picture_is_known() -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert colour._transform(icc, "RGB") is None


@pytest.mark.parametrize(
    "icc",
    [
        b"profile of nothing",
        profile(ADOBE, 2.2, "Adobe")[:200],
        profile(ADOBE, 2.2, "Adobe")[:16] + b"CMYK" + profile(ADOBE, 2.2, "Adobe")[20:],
        profile(ADOBE, 2.2, "Adobe").replace(b"acsp", b"psca"),
        bytes(5000),
    ],
    ids=["words", "cut", "of other pixels", "no profile", "zeros"],
)
def test_a_broken_profile_never_costs_the_picture(icc: bytes) -> None:
    found = decode(encoded(paint((200, 100, 60)), icc_profile=icc), 4).image
    assert found.getpixel((0, 0)) == (200, 100, 60)


def test_grey_with_a_profile_of_rgb() -> None:
    icc = profile(ADOBE, 1.0, "linear")
    found = decode(encoded(Image.new("L", (8, 8), 55), icc_profile=icc), 4).image
    assert found.getpixel((0, 0)) == pytest.approx(expected((55, 55, 55), ADOBE, 1.0), abs=3)


def test_grey_with_a_profile_of_grey() -> None:
    whole = profile(SRGB, 1.0, "grey")
    grey = whole.replace(b"RGB XYZ ", b"GRAYXYZ ").replace(b"rTRC", b"kTRC")
    found = decode(encoded(Image.new("L", (8, 8), 55), icc_profile=grey), 4).image
    assert found.getpixel((0, 0)) == pytest.approx((128, 128, 128), abs=4)  # 55 / 255 of the light


def test_transparency_lies_on_white_whatever_the_profile() -> None:
    icc = profile(P3, 2.2, "Display P3")
    image = Image.new("RGBA", (8, 8), (200, 100, 60, 0))
    found = decode(encoded(image, icc_profile=icc), 4).image
    assert found.getpixel((0, 0)) == pytest.approx((255, 255, 255), abs=1)


def test_many_threads_share_a_transform() -> None:
    icc = profile(ADOBE, 2.2, "Adobe RGB")
    colours = [(value, 255 - value, value // 2) for value in range(0, 256, 4)]

    def convert(pixel: tuple[int, int, int]) -> object:
        return to_srgb(paint(pixel, (200, 200)), icc).getpixel((100, 100))

    alone = [convert(pixel) for pixel in colours]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(convert, colours * 4)) == alone * 4


def test_cmyk_with_the_profile_of_a_press(shared: Path) -> None:
    name = "metadata-extractor--ebad222e9402d00e371c92ab5da86e6b.tif"
    data = (shared / "odd-files" / name).read_bytes()
    with Image.open(io.BytesIO(data)) as stored:
        icc, plain = stored.info["icc_profile"], stored.convert("RGB")
    assert icc[16:20] == b"CMYK"
    found = decode(data, 10_000).image
    assert found.size == plain.size
    apart = np.abs(np.asarray(found, float) - np.asarray(plain, float)).mean()
    assert 3 < apart < 60  # the inks of a press are duller than what a formula makes of them


class TestSimple:
    """Which profiles this process may touch; all others go to a worker."""

    def test_none_and_those_of_cameras(self) -> None:
        assert is_simple(None)
        assert is_simple(b"")
        assert is_simple(profile(P3, 2.2, "Display P3"))

    @pytest.mark.parametrize(
        "icc",
        [
            b"short",
            bytes(200),
            profile(P3, 2.2, "x").replace(b"RGB XYZ ", b"CMYKXYZ "),
            profile(P3, 2.2, "x").replace(b"gTRC", b"A2B0"),
            profile(P3, 2.2, "x") + bytes(colour.SIMPLE_PROFILE_BYTES),
            profile(P3, 2.2, "x")[:128] + b"\xff\xff\xff\xff" + profile(P3, 2.2, "x")[132:],
        ],
        ids=["short", "zeros", "cmyk", "tables", "large", "endless"],
    )
    def test_nothing_else(self, icc: bytes) -> None:
        assert not is_simple(icc)


def test_no_profile_reaches_a_thumbnail() -> None:
    from retrieval.pictures import thumbnail

    icc = profile(P3, 2.2, "Display P3")
    data = thumbnail(encoded(paint((200, 100, 60)), "JPEG", icc_profile=icc))
    assert "icc_profile" not in Image.open(io.BytesIO(data)).info
