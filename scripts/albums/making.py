"""Make an album: copies of photos with a date, a place and a camera written into their EXIF."""

from __future__ import annotations

import csv
import datetime
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

#: Stays: city, latitude, longitude, first day, make and model of the camera.
STAYS = (
    ("Porto", 41.1496, -8.6110, "2018-05-03", "Apple", "iPhone 8"),
    ("Vienna", 48.2082, 16.3738, "2018-12-20", "Apple", "iPhone 8"),
    ("Marrakesh", 31.6295, -7.9811, "2019-03-11", "FUJIFILM", "X-T3"),
    ("Oslo", 59.9139, 10.7522, "2020-02-08", "FUJIFILM", "X-T3"),
    ("Melbourne", -37.8136, 144.9631, "2020-11-15", "NIKON CORPORATION", "NIKON Z 6"),
    ("Vancouver", 49.2827, -123.1207, "2021-07-02", "NIKON CORPORATION", "NIKON Z 6"),
    ("Porto", 41.1496, -8.6110, "2022-04-14", "samsung", "SM-G991B"),
    ("Nairobi", -1.2864, 36.8172, "2022-10-05", "samsung", "SM-G991B"),
    ("Hanoi", 21.0285, 105.8542, "2024-01-19", "Google", "Pixel 8"),
)
DAYS = 12  # that a stay lasts
WITHOUT_PLACE = 0.1  # share of photos whose camera did not know where it was
EXIF_IFD, GPS_IFD = 0x8769, 0x8825


@dataclass(frozen=True)
class Shot:
    """A photo of an album and what is true of it; `file` is its name below the album's folder.

    `taken_at` is a camera's clock, "2021-07-02T10:00:00"; `city` None where the file has no place.
    """

    file: str
    captions: tuple[str, ...]
    taken_at: str
    city: str | None
    camera: str


def make_album(
    folder: Path, photos: Sequence[tuple[Path, Sequence[str]]], seed: int = 0
) -> list[Shot]:
    """Write copies of `photos` (JPEG files with their captions) into `folder`, by month."""
    random = np.random.default_rng(seed)
    shares = random.dirichlet(np.full(len(STAYS), 6.0))
    stays = np.sort(random.choice(len(STAYS), len(photos), p=shares))
    moments = random.integers(8 * 3600, 20 * 3600, len(photos)) + 86_400 * random.integers(
        0, DAYS, len(photos)
    )
    shots = []
    for number, at in enumerate(np.lexsort((moments, stays)).tolist()):
        city, latitude, longitude, first, make, model = STAYS[stays[at]]
        taken = datetime.datetime.fromisoformat(first) + datetime.timedelta(
            seconds=int(moments[at])
        )
        placed = random.random() >= WITHOUT_PLACE
        near = (latitude + random.normal(0, 0.005), longitude + random.normal(0, 0.005))
        source, captions = photos[at]
        file = f"{taken:%Y}/{taken:%Y-%m}/DSC_{number + 1:04}.jpg"
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        data = with_exif(source.read_bytes(), taken, make, model, near if placed else None)
        (folder / file).write_bytes(data)
        shots.append(
            Shot(file, tuple(captions), taken.isoformat(), city if placed else None, model)
        )
    return shots


def with_exif(
    jpeg: bytes,
    taken: datetime.datetime,
    make: str,
    model: str,
    position: tuple[float, float] | None,
) -> bytes:
    """The same JPEG with these EXIF facts; its pixels are not touched."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110] = make, model
    exif.get_ifd(EXIF_IFD)[0x9003] = f"{taken:%Y:%m:%d %H:%M:%S}"
    if position is not None:
        latitude, longitude = position
        gps = exif.get_ifd(GPS_IFD)
        gps[1], gps[2] = "NS"[latitude < 0], _degrees(abs(latitude))
        gps[3], gps[4] = "EW"[longitude < 0], _degrees(abs(longitude))
    with Image.open(io.BytesIO(jpeg)) as image:
        if image.format != "JPEG":
            raise ValueError(f"a photo of an album must be a JPEG, not {image.format}")
    told = exif.tobytes()
    return jpeg[:2] + b"\xff\xe1" + (len(told) + 2).to_bytes(2, "big") + told + jpeg[2:]


def _degrees(value: float) -> tuple[IFDRational, IFDRational, IFDRational]:
    minutes = value % 1 * 60
    seconds = round(minutes % 1 * 60 * 10_000)
    return IFDRational(int(value)), IFDRational(int(minutes)), IFDRational(seconds, 10_000)


def write_captions(path: Path, shots: Sequence[Shot], quoted: set[str], share: float = 1.0) -> None:
    """A table of the captions of a share of the photos, those that questions quote left out."""
    random = np.random.default_rng(1)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("image", "caption"))
        for shot in shots:
            if random.random() < share:
                table.writerows((shot.file, text) for text in shot.captions if text not in quoted)
