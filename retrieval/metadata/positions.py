"""Where a photo was taken: positions as EXIF and XMP write them. What is no place is missing."""

from __future__ import annotations

import math
import re
from typing import Any, NamedTuple

from retrieval.metadata.cleaning import number
from retrieval.metadata.tags import Tags
from retrieval.metadata.xmp import Properties

LOWEST, HIGHEST = -11_000.0, 50_000.0  # metres: the deepest sea, the highest balloon
DIGITS = 7  # behind the point: a centimetre

_WRITTEN = re.compile(
    r"\s*(\d{1,3}(?:\.\d+)?)(?:,(\d{1,2}(?:\.\d+)?))?(?:,(\d{1,2}(?:\.\d+)?))?\s*([NSEW])\s*",
    re.ASCII | re.IGNORECASE,
)


class Position(NamedTuple):
    """Degrees north and east, metres above the sea."""

    latitude: float
    longitude: float
    altitude: float | None = None


def position_in_exif(tags: Tags) -> Position | None:
    """The position that EXIF states; None without its hemispheres: those are not guessed."""
    north = _degrees(tags.get("GPSLatitude", ()), _letter(tags.get("GPSLatitudeRef")), "NS")
    east = _degrees(tags.get("GPSLongitude", ()), _letter(tags.get("GPSLongitudeRef")), "EW")
    below = tags.get("GPSAltitudeRef", (0,))[0] in (1, b"\1")
    return _position(north, east, number(tags.get("GPSAltitude", ())), below)


def position_in_xmp(found: Properties) -> Position | None:
    """The position that XMP states, in the form of "35,0.49N" or "35,0,29N"."""
    north = _parsed(found.get("exif:GPSLatitude"), "NS")
    east = _parsed(found.get("exif:GPSLongitude"), "EW")
    below = found.get("exif:GPSAltitudeRef", ("0",))[0] == "1"
    return _position(north, east, number(found.get("exif:GPSAltitude", ())), below)


def _position(
    north: float | None, east: float | None, altitude: float | None, below: bool
) -> Position | None:
    """None for what cannot be, and for 0, 0: what receivers write that found no satellite."""
    if north is None or east is None or abs(north) > 90 or abs(east) > 180:
        return None
    if abs(north) < 1e-6 and abs(east) < 1e-6:
        return None
    if altitude is not None:
        altitude = round(-abs(altitude) if below else altitude, 2)
        altitude = altitude if LOWEST <= altitude <= HIGHEST else None
    return Position(round(north, DIGITS), round(east, DIGITS), altitude)


def _letter(values: tuple[Any, ...] | None) -> str:
    value = values[0] if values else b""
    return value[:1].decode("ascii", "replace").upper() if isinstance(value, bytes) else ""


def _parsed(values: tuple[str, ...] | None, letters: str) -> float | None:
    found = _WRITTEN.fullmatch(values[0]) if values else None
    if found is None:
        return None
    parts = tuple(float(part) for part in found.groups()[:3] if part)
    return _degrees(parts, found.group(4).upper(), letters)


def _degrees(parts: tuple[Any, ...], letter: str, letters: str) -> float | None:
    """Degrees, minutes and seconds, as many as there are, to the north or east."""
    if not letter or letter not in letters or not 1 <= len(parts) <= 3:
        return None
    if not all(isinstance(p, (int, float)) and math.isfinite(p) and p >= 0 for p in parts):
        return _without_seconds(parts, letter, letters)
    if any(part >= 60.0001 for part in parts[1:]):
        return None
    degrees = math.fsum(float(part) / 60.0**place for place, part in enumerate(parts))
    return -degrees if letter == letters[1] else degrees


def _without_seconds(parts: tuple[Any, ...], letter: str, letters: str) -> float | None:
    """Some write 0/0 for the seconds they do not have."""
    last = parts[-1]
    if len(parts) == 3 and isinstance(last, float) and math.isnan(last):
        return _degrees(parts[:2], letter, letters)
    return None
