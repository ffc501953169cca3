"""What there is: files on disk, photos and documents, and what is known of a photo."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Kind = Literal["photos", "documents"]
KINDS: tuple[Kind, ...] = ("photos", "documents")


# --- what happened on disk ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FileStat:
    """A regular file as the walk met it. Size in bytes, modification time in nanoseconds."""

    path: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Skipped:
    """A file (or an unreadable folder) that was left out, and why."""

    path: str
    reason: str


class Box(NamedTuple):
    """Which part of an image of reduced scale is picture, in its pixels, as Image.resize takes it.

    Reducing rounds sides up, so the last column or row may stand for less than a whole pixel.
    Stands as `info["box"]` of an image, where it is not all of it.
    """

    left: float
    top: float
    right: float
    bottom: float


# --- what a collection holds ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Photo:
    """One image content. Width and height in pixels, upright (after EXIF orientation).

    Of an animation (`frames` > 1) the first frame is what is embedded and shown.
    """

    id: int
    content_hash: bytes
    width: int
    height: int
    format: str
    frames: int = 1
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """One text content and the places it stands: (file, line, path of the linked photo)."""

    id: int
    text: str
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """Where a document stands: a file and its line, and the photo that the line names.

    `guessed` where a model wrote it (`retrieval caption`).
    """

    path: str
    line: int
    photo_path: str | None = None
    guessed: bool = False


@dataclass(frozen=True, slots=True)
class Space:
    """The embeddings of one encoder. `rows` counts the committed rows of each vector file.

    `generation` grows with every commit that touches the vectors; `editions` says which vector
    files hold them.
    """

    id: int
    fingerprint: str
    encoder: str
    dim: int
    generation: int = 0
    rows: dict[Kind, int] = field(default_factory=dict)
    editions: dict[Kind, int] = field(default_factory=dict)


# --- what is known of a photo ---------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Facts:
    """What a photo's file (or the sidecar beside it) says. None is unknown: nothing is invented.

    `taken_at` is the clock of the camera, "2021-04-03T17:20:05" with a fraction where known, or
    the day alone, "2021-04-03", where no more is; `taken_from` names where that stood ("exif",
    "xmp", "iptc", "sidecar", "file name"); `utc_offset` in minutes.
    Latitude and longitude in degrees, altitude in metres. `city`, `region`, `country` (English
    names) and `country_code` (ISO 3166, two letters) are the nearest place of that position, or
    without one what someone wrote.
    `exposure` in seconds, `aperture` the f-number, `focal` in millimetres, `orientation` the EXIF
    number 1 to 8, `rating` 0 to 5 (-1: rejected). `caption` is what a person wrote, `guess` what
    a model did (`retrieval caption`).
    """

    taken_at: str | None = None
    taken_from: str | None = None
    utc_offset: int | None = None
    latitude: float | None = None
    longitude: float | None = None
    altitude: float | None = None
    city: str | None = None
    region: str | None = None
    country: str | None = None
    country_code: str | None = None
    make: str | None = None
    camera: str | None = None
    lens: str | None = None
    exposure: float | None = None
    aperture: float | None = None
    iso: int | None = None
    focal: float | None = None
    orientation: int | None = None
    rating: int | None = None
    title: str | None = None
    caption: str | None = None
    keywords: tuple[str, ...] = ()
    guess: str | None = None


@dataclass(frozen=True, slots=True)
class Looks:
    """What a photo's pixels say, whatever the encoder.

    `phash` is a perceptual hash of 64 bits as a signed number, of which near-duplicates share all
    but a few bits, 0 for a plain picture; `sharpness` and `brightness` lie in [0, 1]; `colours` are
    the names of those that cover most of it, the largest first.
    """

    phash: int
    sharpness: float
    brightness: float
    colours: tuple[str, ...] = ()
