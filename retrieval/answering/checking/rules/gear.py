"""With what: names of files, cameras and lenses, settings of the camera, and where it stood."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from retrieval.answering.checking.known import plain_path
from retrieval.answering.checking.numbers import small
from retrieval.answering.checking.reading import Reading
from retrieval.answering.checking.rules.rule import (
    Rule,
    Said,
    is_told,
    not_said,
    said_at,
    shortened,
)
from retrieval.records import Facts

_FILE = re.compile(
    r"(?:[\w~.@+-]+[/\\])*[\w@+-][\w.@+()-]*\.(?:jpe?g|png|gif|heic|heif|avif|webp|tiff?|bmp|dng|cr[23]|nef|arw"
    r"|orf|rw2|raf|txt|csv|md|pdf)\b",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\b(?:IMG|DSC|DSCF|DSCN|PXL|MVI|VID|P)_?\d{3,}(?:_\d+)*\b")


def files(reading: Reading) -> Iterator[Said]:
    """Names of files are those of the cited photos."""
    for match in (*_FILE.finditer(reading.rest), *_NUMBERED.finditer(reading.rest)):
        named = plain_path(match[0])
        paths = reading.known_at(match.start()).paths()
        known = (end for path in paths for end in (path, path.rpartition(".")[0]))
        holds = any(f"/{each}".endswith(f"/{named}") for each in known)
        reason = f"{shortened(match[0])} is not the file of a photo that is cited."
        yield said_at(match, holds, reason)


def cameras(reading: Reading) -> Iterator[Said]:
    """Names of cameras and lenses that the cited photos have: their digits are no counts."""
    for each in reading.known.evidence:
        for name in (each.camera, each.facts.lens, each.facts.camera):
            if not name or not re.search(r"[^\W\d]", name):
                continue
            written = rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])"
            for match in re.finditer(written, reading.rest, re.IGNORECASE):
                if each in reading.known_at(match.start()).evidence:
                    yield said_at(match, True)


def _setting(name: str, pattern: str) -> Rule:
    """A rule for one writing of a setting; the first group that matches is the number."""
    compiled = re.compile(pattern, re.IGNORECASE)

    def setting(reading: Reading) -> Iterator[Said]:
        for match in compiled.finditer(reading.rest):
            typed = next(group for group in match.groups() if group)
            evidence = reading.known_at(match.start()).evidence
            holds = any(_has(each.facts, name, typed) for each in evidence)
            holds = holds or is_told(reading, match.start(), match[0])
            yield said_at(match, holds, not_said(match[0]))

    return setting


#: Exposure, aperture, ISO, focal length, rating, altitude and position are the photos'.
SETTINGS = (
    _setting("shutter", r"\b1/(\d+(?:\.\d+)?)\s*(?:s|sec|seconds?|of a second|秒)?(?!\w)"),
    _setting("exposure", r"\b(\d+(?:\.\d+)?)\s*(?:s|sec)\b|曝光\D{0,6}(\d+(?:\.\d+)?)\s*秒"),
    _setting("aperture", r"\b[fƒ]\s?/?\s?(\d+(?:\.\d+)?)\b|\baperture\D{0,10}?(\d+(?:\.\d+)?)"),
    _setting("iso", r"\bISO\s?(?:of |speed |sensitivity |value |:|=|is |was )*(\d{2,7})\b"),
    _setting("focal", r"\b(\d+(?:\.\d+)?)\s?mm\b|(\d+(?:\.\d+)?)\s?毫米"),
    _setting(
        "rating",
        r"\b(\d|one|two|three|four|five)[ -]stars?\b|([0-5一二三四五])\s?(?:颗?星)"
        r"|\b(?:rating|rated)\D{0,10}?(\d)\b",
    ),
    _setting(
        "altitude",
        r"(-?\d+(?:\.\d+)?)\s?(?:m|metres?|meters?) (?:above|high|altitude)"
        r"|\b(?:altitude|elevation)\D{0,12}?(-?\d+(?:\.\d+)?)|海拔\D{0,4}(\d+(?:\.\d+)?)",
    ),
    _setting("position", r"(-?\d{1,3}\.\d{2,})\s?°?\s?[NSEW]?\b"),
)
#: The share by which a setting may be rounded.
_ROUNDED = {"exposure": 0.05, "aperture": 0.03, "focal": 0.03}


def _has(facts: Facts, name: str, typed: str) -> bool:
    han = "一二三四五".find(typed) + 1
    value = float(han or (small(typed) if typed.isalpha() else typed))
    if name == "shutter":
        return facts.exposure is not None and value > 0 and _close(1 / value, facts.exposure, 0.05)
    if name == "position":
        near = 0.6 * 10 ** -len(typed.partition(".")[2])
        both = (facts.latitude, facts.longitude)
        return any(x is not None and abs(abs(x) - abs(value)) <= near for x in both)
    if name == "altitude":
        return facts.altitude is not None and abs(facts.altitude - value) <= 1
    real = getattr(facts, name, None)
    return real is not None and _close(value, float(real), _ROUNDED.get(name, 0))


def _close(a: float, b: float, share: float) -> bool:
    return math.isclose(a, b, rel_tol=share, abs_tol=1e-9)
