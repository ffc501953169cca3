"""Small coloured pictures, for whose colours the toy encoder can be asked."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.toy import COLOURS

#: One colour a corner of the upright picture: top left, top right, bottom left, bottom right.
CORNERS = ("red", "green", "blue", "yellow")


def picture(path: Path, colour: Any = "red", size: tuple[int, int] = (16, 12), **save: Any) -> Path:
    """Write a picture of one colour; the suffix of `path` decides on the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    paint(colour, size).save(path, **save)
    return path


def paint(colour: Any, size: tuple[int, int] = (16, 12)) -> Image.Image:
    """A picture of one colour, by name or as (red, green, blue)."""
    return Image.new("RGB", size, COLOURS.get(colour, colour))


def encoded(image: Image.Image, kind: str = "PNG", **save: Any) -> bytes:
    """The bytes of a picture file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **save)
    return buffer.getvalue()


def corners(size: tuple[int, int] = (64, 32)) -> Image.Image:
    """A picture whose four corners tell how it was turned."""
    width, height = size
    image = Image.new("RGB", size)
    for index, name in enumerate(CORNERS):
        left, top = (index % 2) * width // 2, (index // 2) * height // 2
        image.paste(COLOURS[name], (left, top, left + width // 2, top + height // 2))
    return image


def corner_colours(image: Image.Image) -> tuple[str, ...]:
    """The nearest colour names in the four corners, in the order of CORNERS."""
    width, height = image.size
    spots = [(x, y) for y in (height // 8, height - 1 - height // 8) for x in (width // 8, -1)]
    found = []
    for x, y in spots:
        pixel = np.array(image.getpixel((x if x >= 0 else width - 1 - width // 8, y)), float)
        found.append(min(CORNERS, key=lambda name: float(np.abs(pixel - COLOURS[name]).sum())))
    return tuple(found)


def touch(path: Path, later_ns: int = 5_000_000_000) -> None:
    """Move a file's modification time, so that it looks changed."""
    stamp = path.stat().st_mtime_ns + later_ns
    os.utime(path, ns=(stamp, stamp))


def sidecar(*keywords: str, rating: int | None = None, title: str = "", more: str = "") -> bytes:
    """The content of an XMP file, as Lightroom writes it; `more` are further attributes."""
    stars = "" if rating is None else f' xmp:Rating="{rating}"'
    items = "".join(f"<rdf:li>{word}</rdf:li>" for word in keywords)
    subject = f"<dc:subject><rdf:Bag>{items}</rdf:Bag></dc:subject>" if keywords else ""
    alternatives = f'<rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt>'
    named = f"<dc:title>{alternatives}</dc:title>" if title else ""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        ' xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:exif="http://ns.adobe.com/exif/1.0/"'
        f' xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"{stars} {more}>'
        f"{subject}{named}</rdf:Description></rdf:RDF></x:xmpmeta>"
    ).encode()
