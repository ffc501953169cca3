"""Every format that people have, and files that are made to do harm: a picture or a sentence."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import threading
import time
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, features

from retrieval.errors import ImageError
from retrieval.pictures import decode, images, load_picture, raw, thumbnail_of_file
from retrieval.pictures.images import read_content
from scripts import torture_fuzz
from tests.conftest import LONGEST_S
from tests.pictures import CORNERS, corner_colours, corners, encoded, paint, picture
from tests.raws import dng

SIZE = (160, 96)


def ycck() -> bytes:
    """A JPEG of the kind that Adobe's programs write: CMYK inverted, its colours as YCC."""
    red, green, blue = (255 - np.asarray(band, float) for band in corners(SIZE).split())
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    planes = [luma, 128 + 0.564 * (blue - luma), 128 + 0.713 * (red - luma), luma * 0 + 255]
    bands = [Image.fromarray((255 - p).round().clip(0, 255).astype(np.uint8)) for p in planes]
    data = encoded(Image.merge("CMYK", bands), "JPEG", quality=95)
    at = data.index(b"Adobe\0") + 11  # the colour transform: 0 is none, 2 is YCCK
    return data[:at] + b"\2" + data[at + 1 :]


def psd() -> bytes:
    """Head, no layers, and the composite as plain planes."""
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, SIZE[1], SIZE[0], 8, 3)
    planes = b"".join(band.tobytes() for band in corners(SIZE).split())
    return head + bytes(12) + b"\0\0" + planes


def png16() -> bytes:
    """16 bits a colour, which Pillow cannot write."""
    values = np.asarray(corners(SIZE)).astype(">u2") * 257
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", *SIZE, 16, 2, 0, 0, 0))]
    chunks += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


FORMATS = {
    "JPEG": lambda: encoded(corners(SIZE), "JPEG", quality=95),
    "progressive": lambda: encoded(corners(SIZE), "JPEG", quality=95, progressive=True),
    "CMYK": lambda: encoded(corners(SIZE).convert("CMYK"), "JPEG", quality=95),
    "YCCK": ycck,
    "PNG": lambda: encoded(corners(SIZE), "PNG"),
    "PNG of 16 bits": png16,
    "GIF": lambda: encoded(corners(SIZE), "GIF"),
    "WEBP": lambda: encoded(corners(SIZE), "WEBP", quality=95),
    "TIFF": lambda: encoded(corners(SIZE), "TIFF", compression="tiff_lzw"),
    "CMYK TIFF": lambda: encoded(corners(SIZE).convert("CMYK"), "TIFF"),
    "BMP": lambda: encoded(corners(SIZE), "BMP"),
    "JPEG2000": lambda: encoded(corners(SIZE), "JPEG2000"),
    "PSD": psd,
    "AVIF": lambda: encoded(corners(SIZE), "AVIF", quality=95),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_by_its_content_not_its_name(kind: str, tmp_path: Path) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow cannot write AVIF")
    path = tmp_path / "photo.txt"
    path.write_bytes(FORMATS[kind]())
    found = load_picture(path, 48)
    assert (found.width, found.height, found.frames) == (*SIZE, 1)
    assert 48 <= min(found.image.size) < 96 or kind in ("JPEG", "progressive")
    assert corner_colours(found.image) == CORNERS


def test_heic(shared: Path) -> None:
    for name in ("pillow-heif--RGB_8_chroma444.heif", "pillow-heif--zPug_3.heic"):
        found = load_picture(shared / "odd-files" / name, 20)
        assert found.format == "HEIF"
        assert np.asarray(found.image).std() > 10


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "AVIF", "TIFF"])
def test_the_first_of_several_frames_stands_for_all(kind: str) -> None:
    if kind == "AVIF" and not features.check("avif"):
        pytest.skip("this Pillow cannot write AVIF")
    others = [paint("red", SIZE), paint("blue", SIZE)]
    data = encoded(corners(SIZE), kind, save_all=True, append_images=others)
    found = decode(data, 96)
    assert (found.frames, found.width, found.height) == (3, *SIZE)
    assert corner_colours(found.image) == CORNERS


def test_a_damaged_later_frame_does_not_cost_the_first() -> None:
    data = encoded(corners(SIZE), "GIF", save_all=True, append_images=[paint("red", SIZE)])
    assert corner_colours(decode(data[:-40], 96).image) == CORNERS


def test_reduced_copies_in_a_tiff_are_no_pages() -> None:
    small = paint("black", (20, 12))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    data = encoded(corners(SIZE), "TIFF", save_all=True, append_images=[small])
    found = decode(data, 96)
    assert (found.frames, found.width) == (1, SIZE[0])


def as_cameras_write_it(image: Image.Image, exif: Image.Exif) -> bytes:
    """A JPEG whose EXIF comes first; before any other, LibRaw would put one of its own."""
    data = encoded(image, "JPEG", quality=95, exif=exif)
    assert data[6:10] == b"JFIF"
    return data[:2] + data[20:]


class TestRaw:
    def test_sensor_values_are_developed(self) -> None:
        pytest.importorskip("rawpy")
        found = decode(dng((128, 96)), 24)
        assert (found.width, found.height, found.format, found.frames) == (128, 96, "RAW", 1)
        assert found.image.size == (32, 24)
        values = np.asarray(found.image.convert("L"), float)
        assert values[:, -4:].mean() > values[:, :4].mean() + 50  # brighter to the right

    @pytest.mark.parametrize(("orientation", "sideways"), [(1, 0), (3, 0), (6, 1), (8, 1)])
    def test_it_comes_upright(self, orientation: int, sideways: int) -> None:
        pytest.importorskip("rawpy")
        found = decode(dng((128, 96), orientation=orientation), 24)
        assert (found.width, found.height) == ((96, 128) if sideways else (128, 96))
        values = np.asarray(found.image.convert("L"), float)
        ends = {
            1: values[:, -1] - values[:, 0],
            3: values[:, 0] - values[:, -1],
            6: values[-1] - values[0],  # its right side is the bottom
            8: values[0] - values[-1],
        }
        assert ends[orientation].min() > 50

    @pytest.mark.parametrize("tagged", [False, True])  # LibRaw gives an EXIF to those without one
    @pytest.mark.parametrize("orientation", [1, 3, 6, 8])
    def test_the_embedded_preview_is_enough(self, orientation: int, tagged: bool) -> None:
        pytest.importorskip("rawpy")
        exif = Image.Exif()
        exif[0x010F] = "Toy"  # but no orientation
        picture = corners((320, 240))
        preview = encoded(picture, "JPEG", quality=95)
        if tagged:
            preview = as_cameras_write_it(picture, exif)
        data = dng((640, 480), orientation=orientation, preview=preview, preview_size=(320, 240))
        found = decode(data, 100)
        sideways = orientation in (6, 8)
        assert (found.width, found.height) == ((480, 640) if sideways else (640, 480))
        turned = {
            1: (0, 1, 2, 3),
            3: (3, 2, 1, 0),
            6: (2, 0, 3, 1),
            8: (1, 3, 0, 2),
        }[orientation]
        assert corner_colours(found.image) == tuple(CORNERS[i] for i in turned)

    def test_a_preview_that_knows_its_orientation_is_not_turned_twice(self) -> None:
        pytest.importorskip("rawpy")
        exif = Image.Exif()
        exif[0x0112] = 6
        stored = corners((240, 320)).transpose(Image.Transpose.ROTATE_90)
        preview = as_cameras_write_it(stored, exif)
        for orientation in (6, 8):  # the preview knows best
            data = dng(
                (640, 480), orientation=orientation, preview=preview, preview_size=(320, 240)
            )
            assert corner_colours(decode(data, 100).image) == CORNERS

    @pytest.mark.parametrize("preview", [b"no JPEG at all" * 9, b"small"])
    def test_a_preview_that_is_of_no_use(self, preview: bytes) -> None:
        pytest.importorskip("rawpy")
        if preview == b"small":
            preview = encoded(paint("red", (32, 24)), "JPEG")
        data = dng((640, 480), preview=preview, preview_size=(32, 24))
        found = decode(data, 200).image
        assert found.size == (320, 240)  # a half of the sensor
        left, right = found.getpixel((5, 100)), found.getpixel((315, 100))
        assert min(right) > max(left)  # type: ignore[arg-type,type-var]

    def test_without_the_library(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "rawpy", None)
        with pytest.raises(ImageError, match=r"^camera raw file; install rawpy to read it$"):
            images.decode(dng(), 10)

    def test_a_damaged_one(self) -> None:
        pytest.importorskip("rawpy")
        with pytest.raises(ImageError, match=r"^damaged or unknown camera raw file: "):
            decode(b"FUJIFILMCCD-RAW " + bytes(500), 10)

    def test_a_tiff_is_none(self) -> None:
        assert not raw.is_raw(encoded(corners(), "TIFF"))
        assert not raw.is_raw(b"II*\0\xff\xff\xff\xff")
        assert not raw.is_raw(b"II*\0\x08\0\0\0\xff\xff")
        assert not raw.is_raw(b"II*\0" + struct.pack("<IHI", 8, 0, 8))  # leads back to itself


def bmp(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IIIIiiHHIIIIII", 58, 0, 54, 40, width, height, 1, 24, *[0] * 6)


def tiff(width: int, height: int) -> bytes:
    tags = [(256, width), (257, height), (258, 8), (259, 1), (262, 1), (273, 8), (277, 1)]
    tags += [(278, height), (279, 100)]
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4)


def png(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    head = b"\x89PNG\r\n\x1a\n\0\0\0\r" + body + struct.pack(">I", zlib.crc32(body))
    return head + b"\0\0\0\0IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))


def gif(width: int, height: int) -> bytes:
    return (
        b"GIF89a"
        + struct.pack("<HHBBB", width, height, 0, 0, 0)
        + b",\0\0\0\0"
        + struct.pack("<HHB", width, height, 0)
        + b"\2\2L\1\0;"
    )


def psd_head(width: int, height: int) -> bytes:
    return struct.pack(">4sH6xHIIHH", b"8BPS", 1, 4, height, width, 8, 3) + bytes(14)


class TestAbsurdHeads:
    @pytest.mark.parametrize("head", [bmp, tiff, png, psd_head])
    def test_are_refused_at_once(self, head: Any) -> None:
        begun = time.monotonic()
        with pytest.raises(ImageError) as caught:
            decode(head(3_000_000, 2_000_000), 448)
        assert "save a smaller copy" in str(caught.value)
        assert time.monotonic() - begun < 60

    @pytest.mark.parametrize(
        ("head", "size"),
        [(bmp, 17_000), (tiff, 17_000), (png, 17_000), (psd_head, 17_000), (gif, 17_000)],
    )
    def test_large_and_empty(self, head: Any, size: int) -> None:
        with pytest.raises(ImageError, match=r"17,000 x 17,000 pixels need about 1\.\d GB|damaged"):
            decode(head(size, size), 448)

    @pytest.mark.parametrize("options", [{}, {"lossless": True}, {"exif": b"Exif\0\0"}])
    def test_a_webp_whose_opening_takes_the_memory(self, options: dict[str, Any]) -> None:
        data = bytearray(encoded(paint("red", (64, 64)), "WEBP", **options))
        packed = struct.pack("<I", 16_382 | 16_382 << 14)
        claims = {b"VP8 ": (26, b"\xff\x3f\xff\x3f"), b"VP8L": (21, packed)}
        at, claim = claims.get(bytes(data[12:16]), (24, b"\xfe\x3f\0\xfe\x3f\0"))
        data[at : at + len(claim)] = claim
        with pytest.raises(ImageError, match=r"^16,383 x 16,383 pixels need about 4\.4 GB"):
            decode(bytes(data), 448)

    def test_what_a_jpeg_of_one_scan_streams_a_progressive_one_must_hold(self) -> None:
        def claimed(progressive: bool) -> bytes:
            data = bytearray(
                encoded(paint("red", (64, 64)), "JPEG", subsampling=0, progressive=progressive)
            )
            at = data.index(b"\xff\xc2" if progressive else b"\xff\xc0") + 5
            data[at : at + 4] = struct.pack(">HH", 17_000, 17_000)
            return bytes(data)

        with pytest.raises(
            ImageError, match=r"17,000 x 17,000 pixels need about 1\.8 GB to decode"
        ):
            decode(claimed(True), 448)
        found = decode(claimed(False), 448)  # what is missing is grey
        assert (found.width, found.height) == (17_000, 17_000)


class TestFilesThatAreNone:
    def test_a_pipe_is_never_opened(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        os.mkfifo(tmp_path / "a.jpg")
        monkeypatch.setattr(os, "open", None)
        with pytest.raises(ImageError, match=r"^cannot be read: it is a pipe or a device"):
            load_picture(tmp_path / "a.jpg", 10)

    def test_a_device(self) -> None:
        with pytest.raises(ImageError, match=r"^cannot be read: it is a pipe or a device"):
            load_picture("/dev/zero", 10)

    def test_one_that_becomes_a_pipe_after_the_look(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, looked = picture(tmp_path / "a.png"), os.stat

        def look(name: Any, *rest: Any, **more: Any) -> os.stat_result:
            found = looked(name, *rest, **more)
            if str(name) == str(path) and found.st_size:
                path.unlink()
                os.mkfifo(path)
            return found

        monkeypatch.setattr(os, "stat", look)
        outcome: list[BaseException] = []

        def read() -> None:
            try:
                read_content(str(path))
            except OSError as exc:
                outcome.append(exc)

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        reader.join(LONGEST_S)
        assert not reader.is_alive()  # it does not wait for somebody to write
        assert "pipe" in str(outcome[0])

    @pytest.mark.parametrize("change", ["grow", "shrink", "touch", "replace", "remove"])
    def test_one_that_changes_while_it_is_read(
        self, change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path, read = picture(tmp_path / "a.png", size=(200, 200)), images._read_exactly

        def slowly(file: io.FileIO, size: int) -> bytes:
            if change == "shrink":
                os.truncate(path, 20)
            data = read(file, size)
            if change == "grow":
                path.write_bytes(path.read_bytes() + b"more")
            if change == "touch":
                os.utime(path, ns=(1, 1))
            if change == "replace":
                other = picture(tmp_path / "b.png", size=(200, 200))
                os.replace(other, path)
            if change == "remove":
                path.unlink()
            return data

        monkeypatch.setattr(images, "_read_exactly", slowly)
        reason = "No such file" if change == "remove" else "it changed while it was being read"
        with pytest.raises(OSError, match=reason) as caught:
            read_content(str(path))
        assert caught.value.strerror.startswith(reason)
        monkeypatch.undo()
        if change in ("grow", "touch", "replace"):
            assert read_content(str(path)).data == path.read_bytes()


class TestNames:
    @pytest.mark.parametrize("name", [b"caf\xe9.jpg", b"x" * 251 + b".jpg", b"a\nb\x1b[2J.jpg"])
    def test_any_name(self, tmp_path: Path, name: bytes) -> None:
        path = os.path.join(os.fsencode(tmp_path), name)
        with open(path, "wb") as file:
            file.write(FORMATS["GIF"]())
        assert load_picture(os.fsdecode(path), 10).format == "GIF"
        assert thumbnail_of_file(os.fsdecode(path)).startswith(b"\xff\xd8")

    def test_a_very_long_path(self, tmp_path: Path) -> None:
        folder = tmp_path
        while len(str(folder)) < 3700:
            folder = folder / ("d" * 200)
        folder.mkdir(parents=True)
        assert load_picture(picture(folder / "a.webp"), 10).format == "WEBP"
        with pytest.raises(ImageError, match=r"^cannot be read: File name too long"):
            load_picture(folder / ("d" * 200) / ("d" * 200) / "a.webp", 10)


def test_all_odd_files(shared: Path) -> None:
    """In a process of its own: nothing may be said on its standard streams."""
    code = """
import os, sys
from retrieval.pictures import load_picture
from retrieval.errors import ImageError
counts = [0, 0]
for name in sorted(os.listdir(sys.argv[1])):
    try:
        picture = load_picture(os.path.join(sys.argv[1], name), 448)
        assert picture.image.mode == "RGB" and picture.frames > 0, name
        assert min(picture.image.size) >= min(448, picture.width, picture.height) - 1, name
        counts[0] += 1
    except ImageError as exc:
        assert str(exc) and len(str(exc)) < 200 and chr(10) not in str(exc), name
        counts[1] += 1
print(*counts)
"""
    folder = str(shared / "odd-files")
    done = subprocess.run(
        [sys.executable, "-c", code, folder],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.stderr == ""
    read, refused = map(int, done.stdout.split())
    assert read > 150
    assert read + refused == len(os.listdir(folder))


def test_fuzz(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = torture_fuzz.run(300, seed=7, keep=tmp_path / "harm")
    assert found["escaped_exceptions"] == 0
    assert found["decoded"] > 30  # else the seeds are broken
    assert found["refused"] > 100
    assert found["worker_timeouts"] == 0
    assert capfd.readouterr() == ("", "")
