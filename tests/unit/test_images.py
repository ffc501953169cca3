"""Decoding: any safe format, upright, RGB, bounded; and thumbnails that tell nothing."""

from __future__ import annotations

import io
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

from retrieval.errors import ImageError
from retrieval.pictures import guards, heif, images, load_picture, thumbnail_of_file
from retrieval.pictures.colour import to_rgb
from retrieval.pictures.images import decode, read_content
from tests.pictures import CORNERS, corner_colours, corners, encoded, paint, picture

# What stands in a file of orientation n when its upright picture is `corners`.
STORED = {
    1: lambda i: i,
    2: lambda i: i.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    3: lambda i: i.transpose(Image.Transpose.ROTATE_180),
    4: lambda i: i.transpose(Image.Transpose.FLIP_TOP_BOTTOM),
    5: lambda i: i.transpose(Image.Transpose.TRANSPOSE),
    6: lambda i: i.transpose(Image.Transpose.ROTATE_90),
    7: lambda i: i.transpose(Image.Transpose.TRANSVERSE),
    8: lambda i: i.transpose(Image.Transpose.ROTATE_270),
}


def oriented(orientation: int, kind: str, size: tuple[int, int] = (64, 32)) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(STORED[orientation](corners(size)), kind, exif=exif)


class TestOrientation:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_comes_upright(self, orientation: int, kind: str) -> None:
        found = decode(oriented(orientation, kind), 1000)
        assert (found.width, found.height, found.format) == (64, 32, kind)
        assert found.image.size == (64, 32)
        assert corner_colours(found.image) == CORNERS

    @pytest.mark.skipif(not features.check("avif"), reason="this Pillow cannot write AVIF")
    @pytest.mark.parametrize("orientation", [1, 6, 7])
    def test_avif_comes_upright(self, orientation: int) -> None:
        found = decode(oriented(orientation, "AVIF"), 1000)
        assert (found.width, found.height) == (64, 32)
        assert corner_colours(found.image) == CORNERS

    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_nearly_square_at_reduced_scale(self, orientation: int) -> None:
        # 802 x 806 reduced to an eighth is 101 x 101: the sides cannot be told from the result
        found = decode(oriented(orientation, "JPEG", (802, 806)), 100)
        assert found.image.size == (101, 101)
        assert (found.width, found.height) == (802, 806)
        assert corner_colours(found.image) == CORNERS

    @pytest.mark.parametrize("value", [0, 9, 65535])
    def test_a_meaningless_value_is_upright(self, value: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = value
        found = decode(encoded(corners(), "JPEG", exif=exif), 1000)
        assert corner_colours(found.image) == CORNERS

    @pytest.mark.filterwarnings("ignore:Corrupt EXIF", "ignore:Truncated File")
    @pytest.mark.parametrize(
        "exif",
        [
            b"Exif\0\0",
            b"Exif\0\0XX",
            b"Exif\0\0II*\0\x08\0\0\0\xff\xff garbage",
            # turned, and with a pointer that leads out of the file
            b"Exif\0\0MM\0*\0\0\0\x08\0\x02\x01\x12\0\x03\0\0\0\x01\0\x06\0\0"
            b"\x87\x69\0\x09\0\0\0\x01\xff\xff\xff\xff\0\0\0\0",
        ],
    )
    def test_damaged_metadata_never_costs_the_picture(self, exif: bytes) -> None:
        found = decode(encoded(paint("red", (40, 30)), "JPEG", exif=exif), 10)
        assert sorted((found.width, found.height)) == [30, 40]

    def test_unreadable_metadata_never_costs_the_picture(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(_: Image.Image) -> Any:
            raise SyntaxError("not a TIFF file")

        data = encoded(corners(), "JPEG")
        monkeypatch.setattr(Image.Image, "getexif", fail)
        assert corner_colours(decode(data, 1000).image) == CORNERS

    def test_real_photos(self, shared: Path) -> None:
        upright = np.asarray(load_picture(shared / "exif-orientation/Landscape_1.jpg", 64).image)
        for number in (3, 6, 8):
            path = shared / f"exif-orientation/Landscape_{number}.jpg"
            turned = np.asarray(load_picture(path, 64).image.resize(upright.shape[1::-1]))
            assert np.abs(turned.astype(float) - upright).mean() < 12


def value_of(image: Image.Image, kind: str = "PNG", **save: Any) -> Any:
    found = decode(encoded(image, kind, **save), 4).image
    assert found.mode == "RGB"
    return found.getpixel((0, 0))


class TestModes:
    def test_16_bit_png_is_scaled_not_cut(self) -> None:
        values = np.array([[0, 32768], [65535, 65535]], np.uint16)
        found = np.asarray(decode(encoded(Image.fromarray(values)), 2).image)[..., 0]
        assert found.tolist() == [[0, 128], [255, 255]]

    def test_dark_16_bit_counts_as_8_bit(self) -> None:
        assert value_of(Image.fromarray(np.full((2, 2), 200, np.uint16))) == (200,) * 3

    def test_float_tiff_spans_its_own_range(self) -> None:
        values = np.array([[-1.0, 0.0], [1.0, np.nan]], np.float32)
        found = np.asarray(decode(encoded(Image.fromarray(values), "TIFF"), 2).image)[..., 0]
        assert found.tolist() == [[0, 128], [255, 128]]

    def test_infinite_values_take_the_ends_of_the_range(self) -> None:
        values = np.array([[np.inf, -np.inf], [0.0, 1.0]], np.float32)
        found = np.asarray(decode(encoded(Image.fromarray(values), "TIFF"), 2).image)[..., 0]
        assert found.tolist() == [[255, 0], [0, 255]]

    def test_a_float_picture_without_any_number(self) -> None:
        values = np.full((2, 2), np.nan, np.float32)
        assert value_of(Image.fromarray(values), "TIFF") == (0, 0, 0)

    def test_32_bit_integers(self) -> None:
        values = np.array([[0, 100_000], [200_000, 200_000]], np.int32)
        found = np.asarray(to_rgb(Image.fromarray(values, mode=None)))[..., 0]
        assert found.tolist() == [[0, 128], [255, 255]]

    def test_cmyk(self) -> None:
        red = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
        pixel = value_of(red, "TIFF")
        assert pixel[0] > 200
        assert max(pixel[1:]) < 60

    @pytest.mark.parametrize(
        ("image", "save"),
        [
            (Image.new("RGBA", (4, 4), (255, 0, 0, 0)), {}),
            (Image.new("LA", (4, 4), (0, 0)), {}),
            (Image.new("P", (4, 4), 0), {"transparency": 0}),
            (Image.new("RGB", (4, 4), (255, 0, 0)), {"transparency": (255, 0, 0)}),
            (Image.new("L", (4, 4), 7), {"transparency": 7}),
        ],
    )
    def test_transparency_lies_on_white(self, image: Image.Image, save: dict[str, Any]) -> None:
        assert value_of(image, **save) == (255, 255, 255)

    def test_half_transparency(self) -> None:
        assert value_of(Image.new("RGBA", (4, 4), (255, 0, 0, 128))) == (255, 127, 127)

    @pytest.mark.parametrize("mode", ["1", "L", "P"])
    def test_grey_and_palette(self, mode: str) -> None:
        white = Image.new("L", (4, 4), 255).convert(mode)
        assert value_of(white) == (255, 255, 255)


class TestScale:
    @pytest.mark.parametrize(("least", "side"), [(20, 25), (50, 50), (51, 100), (401, 800)])
    def test_jpeg_is_decoded_no_larger_than_needed(self, least: int, side: int) -> None:
        found = decode(
            encoded(paint("red", (1600, 800) if least > 400 else (800, 400)), "JPEG"), least
        )
        assert min(found.image.size) >= least
        assert min(found.image.size) == side
        assert found.width == 2 * found.height

    def test_a_small_picture_is_not_enlarged(self) -> None:
        assert decode(encoded(paint("red", (5, 3)), "JPEG"), 100).image.size == (5, 3)


class TestReduction:
    """What draft is to JPEG, reducing by a whole factor is to all other formats."""

    @pytest.mark.parametrize(
        ("least", "size"), [(100, (150, 100)), (101, (300, 200)), (99, (150, 100)), (50, (75, 50))]
    )
    def test_by_the_largest_factor_that_holds_the_side(
        self, least: int, size: tuple[int, int]
    ) -> None:
        found = decode(encoded(corners((300, 200))), least)
        assert found.image.size == size
        assert (found.width, found.height) == (300, 200)
        assert corner_colours(found.image) == CORNERS

    @pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGBA", "I;16", "F", "CMYK"])
    def test_every_mode(self, mode: str) -> None:
        grey = Image.linear_gradient("L").resize((512, 512))
        image = grey.convert("F" if mode == "F" else "L" if mode == "I;16" else mode)
        if mode == "I;16":
            image = Image.fromarray(np.asarray(image).astype(np.uint16) * 257)
        found = decode(encoded(image, "TIFF" if mode in ("F", "CMYK") else "PNG"), 100).image
        assert found.size == (103, 103)  # 512 / 5, rounded up
        wanted = np.asarray(grey.resize(found.size, Image.Resampling.BOX), float)
        assert np.abs(np.asarray(found.convert("L"), float) - wanted).mean() < (
            7 if mode == "1" else 3
        )

    def test_what_is_transparent_leaves_no_trace_in_what_is_not(self) -> None:
        image = Image.new("RGBA", (64, 64), (0, 255, 0, 0))  # green that nobody sees
        image.paste((255, 0, 0, 255), (0, 0, 31, 64))
        red, green, _ = decode(encoded(image), 8).image.getpixel((3, 4))  # type: ignore[misc]
        assert red > 240  # red and white
        assert green < 160

    def test_it_costs_no_quality_at_the_side_asked_for(self) -> None:
        rng = np.random.default_rng(0)
        noise = Image.fromarray(rng.integers(0, 256, (60, 90, 3), np.uint8))
        image = noise.resize((2700, 1800), Image.Resampling.BICUBIC)
        side = (336, 224)
        whole = np.asarray(image.resize(side, Image.Resampling.BICUBIC), float)
        reduced = decode(encoded(image, compress_level=1), 448).image
        assert reduced.size == (675, 450)
        found = np.asarray(reduced.resize(side, Image.Resampling.BICUBIC), float)
        error = float(((whole - found) ** 2).mean())
        assert 10 * np.log10(255**2 / error) > 40


def png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = (
        struct.pack(">I", 9)
        + b"IDAT"
        + bytes(9)
        + struct.pack(">I", zlib.crc32(b"IDAT" + bytes(9)))
    )
    return b"\x89PNG\r\n\x1a\n\0\0\0\r" + body + struct.pack(">I", zlib.crc32(body)) + data


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (b"just some words in a file named .jpg", "not a picture that can be read"),
            (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
            (encoded(corners((640, 640)), "JPEG")[:-900], "damaged JPEG: image file is truncated"),
            (encoded(corners((64, 64)), "PNG")[:80], "damaged PNG"),
            (png_header(100_000, 100_000), "claims more than 300 million pixels"),
        ],
        ids=["text", "eps", "half a jpeg", "half a png", "bomb"],
    )
    def test_reasons(self, data: bytes, reason: str) -> None:
        with pytest.raises(ImageError, match=reason) as caught:
            decode(data, 10)
        assert "\n" not in str(caught.value)

    def test_too_many_pixels(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(guards, "MAX_PIXELS", 999)
        with pytest.raises(ImageError, match="40 x 25 pixels, more than"):
            decode(encoded(paint("red", (40, 25))), 10)

    @pytest.mark.parametrize("progressive", [False, True])
    def test_only_a_jpeg_of_several_scans_must_be_held_whole(self, progressive: bool) -> None:
        data = encoded(paint("red", (800, 600)), "JPEG", progressive=progressive)
        with images.open_picture(data) as source:
            held = guards.coefficient_bytes(source, source.size, data)
        assert held == (800 * 600 * 3 if progressive else 0)  # chroma is a half of the luma

    @pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF"])
    def test_more_memory_than_a_picture_may_need(
        self, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(guards, "MAX_DECODE_BYTES", 1_000_000)
        data = encoded(paint("red", (1000, 900)), kind, progressive=True)
        reason = r"^1,000 x 900 pixels need about 0\.0 GB to decode, more than .*; save a smaller"
        with pytest.raises(ImageError, match=reason):
            decode(data, 10)

    def test_memory_is_claimed_before_pixels_are_decoded(self) -> None:
        claimed: list[int] = []

        def claim(need: int) -> Any:
            claimed.append(need)
            raise ImageError("not now")

        with pytest.raises(ImageError, match="not now"):
            decode(encoded(paint("red", (400, 300))), 10, claim)
        assert len(claimed) == 1
        assert claimed[0] >= 400 * 300 * 3

    def test_no_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: Any) -> Image.Image:
            raise MemoryError

        monkeypatch.setattr(images, "to_rgb", fail)
        with pytest.raises(ImageError, match="16 x 12 pixels do not fit into memory"):
            decode(encoded(paint("red")), 10)

    def test_a_failing_plugin_is_a_reason(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(*_: Any, **__: Any) -> None:
            raise struct.error("unpack\n requires   a buffer")

        monkeypatch.setattr(Image, "open", fail)
        with pytest.raises(ImageError, match=r"^damaged picture: unpack requires a buffer$"):
            decode(b"x", 1)

    def test_empty_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").touch()
        with pytest.raises(ImageError, match=r"empty file \(0 bytes\)"):
            read_content(str(tmp_path / "a.jpg"))

    def test_a_huge_file(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = picture(tmp_path / "a.png")
        monkeypatch.setattr(images, "MAX_FILE_BYTES", 10)
        with pytest.raises(ImageError, match="larger than"):
            read_content(str(path))

    def test_a_large_file_must_look_like_a_picture(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(images, "SNIFF_BYTES", 10)
        path = picture(tmp_path / "a.png")
        assert read_content(str(path)).data == path.read_bytes()
        (tmp_path / "b.png").write_bytes(b"x" * 20)
        with pytest.raises(ImageError, match="not a picture"):
            read_content(str(tmp_path / "b.png"))

    @pytest.mark.parametrize(("name", "reason"), [("none.jpg", "No such file"), (".", "directory")])
    def test_files_that_cannot_be_read(self, name: str, reason: str) -> None:
        with pytest.raises(ImageError, match=f"^cannot be read: .*{reason}"):
            load_picture(name, 10)

    def test_the_name_does_not_matter(self, tmp_path: Path) -> None:
        path = tmp_path / "photo.txt"
        path.write_bytes(encoded(paint("green"), "WEBP"))
        assert load_picture(path, 10).format == "WEBP"


class TestThumbnail:
    def test_tells_nothing_but_the_picture(self, tmp_path: Path) -> None:
        exif = Image.Exif()
        exif[0x0112], exif[0x010F] = 6, "Secret Camera"
        path = tmp_path / "a.jpg"
        stored = STORED[6](corners((900, 600)))
        stored.save(path, exif=exif, icc_profile=b"profile of a secret place", comment=b"secret")
        data = thumbnail_of_file(path)
        with Image.open(io.BytesIO(data)) as small:
            assert small.format == "JPEG"
            assert small.size == (320, 213)
            assert corner_colours(small.convert("RGB")) == CORNERS
            assert not dict(small.getexif())
            assert not {"exif", "icc_profile", "comment"} & set(small.info)
        assert b"ecret" not in data

    @pytest.mark.parametrize("size", [(1, 1), (3000, 1), (1, 3000)])
    def test_extreme_shapes(self, tmp_path: Path, size: tuple[int, int]) -> None:
        small = Image.open(io.BytesIO(thumbnail_of_file(picture(tmp_path / "a.png", "red", size))))
        assert max(small.size) == min(320, max(size))

    def test_of_a_broken_file(self, tmp_path: Path) -> None:
        (tmp_path / "a.jpg").write_bytes(b"no")
        with pytest.raises(ImageError):
            thumbnail_of_file(tmp_path / "a.jpg")


def test_heic_is_optional(monkeypatch: pytest.MonkeyPatch) -> None:
    assert images.READER.startswith("pillow ")
    monkeypatch.setitem(sys.modules, "pi_heif", None)
    assert heif.register() == ""


def test_a_format_that_turns_by_itself_reports_its_upright_size(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20), "red").save(tmp_path / "a.tif", exif=exif)
    shot = load_picture(tmp_path / "a.tif", 20)
    assert (shot.width, shot.height) == shot.image.size == (20, 30)
