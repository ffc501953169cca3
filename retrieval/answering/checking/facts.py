"""What a claim says of when, where and with what photos were taken, compared with what they say.

Each function takes a reading and gives it back with what it understood blanked. Raises Unsupported.
"""

from __future__ import annotations

import math
import re

from retrieval.answering.checking.known import plain_path, squeezed
from retrieval.answering.checking.reading import Reading
from retrieval.answering.checking.stated import Stated, day_of
from retrieval.answering.checking.times import times_in
from retrieval.errors import QueryError
from retrieval.records import Evidence, Facts


class Unsupported(Exception):
    """A claim says what its evidence does not; the text is the reason in plain words."""


# --- names of gear and of files ---------------------------------------------------------------


def check_gear(reading: Reading) -> Reading:
    """Names of cameras and lenses that the cited photos have: their digits are no counts."""
    spans = []
    for each in reading.known.evidence:
        for name in (each.camera, each.facts.lens, each.facts.camera):
            if not name or not re.search(r"[^\W\d]", name):
                continue
            for match in re.finditer(
                rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", reading.rest, re.IGNORECASE
            ):
                if each in reading.known_at(match.start()).evidence:
                    spans.append(match.span())
    return reading.blanked(spans)


_FILE = re.compile(
    r"(?:[\w~.@+-]+[/\\])*[\w@+-][\w.@+()-]*\.(?:jpe?g|png|gif|heic|heif|avif|webp|tiff?|bmp|dng|cr[23]|nef|arw"
    r"|orf|rw2|raf|txt|csv|md|pdf)\b",
    re.IGNORECASE,
)
_NUMBERED = re.compile(r"\b(?:IMG|DSC|DSCF|DSCN|PXL|MVI|VID|P)_?\d{3,}(?:_\d+)*\b")


def check_files(reading: Reading) -> Reading:
    """Names of files are those of the cited photos."""
    spans = []
    for match in (*_FILE.finditer(reading.rest), *_NUMBERED.finditer(reading.rest)):
        named = plain_path(match[0])
        if not any(_is_named(path, named) for path in reading.known_at(match.start()).paths()):
            raise Unsupported(f"{shortened(match[0])} is not the file of a photo that is cited.")
        spans.append(match.span())
    return reading.blanked(spans)


def _is_named(path: str, named: str) -> bool:
    whole = path == named or path.endswith("/" + named)
    return whole or path.rpartition("/")[2].rpartition(".")[0] == named


# --- when -------------------------------------------------------------------------------------


def check_times(reading: Reading) -> Reading:
    """Dates and times are those of the cited photos, and each of those has one that is stated.

    Where a part of the claim gives several dates, the photos lie between the first and the last.
    """
    try:
        stated, _ = times_in(reading.rest, reading.around.today)
    except QueryError as exc:
        raise Unsupported(str(exc).partition(". ")[0] + ".") from exc
    stated = [each for each in stated if not _counts(reading, each)]
    groups: dict[tuple[int, ...], list[Stated]] = {}
    doubted = False
    for each in stated:
        if _known_otherwise(reading, each):
            continue
        if _DENIED.search(reading.text[: each.start]):
            _check_denied(reading, each)
            doubted = True
            continue
        asked = squeezed(reading.text[each.start : each.end]) in squeezed(reading.around.question)
        open_ended = each.vague and (not each.first or len(reading.numbers_at(each.start)) == 1)
        doubted = doubted or (open_ended and not asked)
        groups.setdefault(reading.numbers_at(each.start), []).append(each)
    for several in groups.values():
        _check_group(reading, several)
    reading = reading.blanked((each.start, each.end) for each in stated)
    return reading.doubted() if doubted else reading


#: What follows a number of photos.
_PHOTOS = re.compile(
    r"\s*(?:[张幅]|(?:of (?:your|my|the|all) )?(?:\d+ )?(?:photo|picture|image)s?\b"
    r"|ha(?:ve|s) no\b)",
    re.IGNORECASE,
)


def _counts(reading: Reading, stated: Stated) -> bool:
    """Whether what reads like a year counts photos: "2019 photos", "in Cusco (2010)"."""
    text, number = reading.text, reading.text[stated.start : stated.end]
    if not re.fullmatch(r"\d{4}", number):
        return False
    inside = text[: stated.start].endswith("(") and text[stated.end :].startswith(")")
    totals = [total.count for total in reading.around.brief.totals]
    return bool(_PHOTOS.match(text, stated.end)) or (inside and int(number) in totals)


#: That something was not then: what stands before a date.
_DENIED = re.compile(
    r"(?:\b(?:not|never)|n['’]t)\s+(?:\w+\s+){0,4}$|不是\s*(?:在)?$", re.IGNORECASE
)


def _check_denied(reading: Reading, stated: Stated) -> None:
    known = reading.known_at(stated.start)
    if any(each.facts.taken_at and stated.fits(each.facts) for each in known.evidence):
        words = reading.text[stated.start : stated.end].strip()
        raise Unsupported(f"A cited photo was taken “{words}”.")


def _check_group(reading: Reading, several: list[Stated]) -> None:
    known = reading.known_at(several[0].start)
    dated = [each for each in known.evidence if day_of(each.facts)]
    for stated in several:
        words = reading.text[stated.start : stated.end].strip()
        if not dated:
            raise Unsupported(f"No date is known of the cited photos, so not “{words}”.")
        if not any(stated.fits(each.facts) for each in dated):
            raise Unsupported(f"The cited photos were not taken “{words}”.")
    for each in dated:
        if not _is_stated(each, several):
            raise Unsupported(f"[{each.n}] was taken {(each.facts.taken_at or '')[:10]}, not then.")


def _is_stated(each: Evidence, several: list[Stated]) -> bool:
    hard = [stated for stated in several if not stated.soft]
    if not hard or any(stated.fits(each.facts) for stated in hard):
        return True
    bounds = [(s.first, s.last) for s in hard if s.first and s.last]
    if len(bounds) < 2:
        return False
    first = min(first for first, _ in bounds)
    last = max(last for _, last in bounds)
    taken = each.facts.taken_at or ""
    return first <= taken[: len(first)] and taken[: len(last)] <= last


def _known_otherwise(reading: Reading, stated: Stated) -> bool:
    """Whether a caption says it, or a question about what is not there, or a total."""
    words = squeezed(reading.text[stated.start : stated.end])
    known = reading.known_at(stated.start)
    if any(words in text for text in known.quotable) and (stated.soft or not stated.first):
        return True
    if reading.negated(stated.start) and words in squeezed(reading.around.question):
        return True
    if stated.soft and words in squeezed(reading.around.question):
        return True
    return any(
        words == squeezed(total.label) or _labels(stated, total.label)
        for total in reading.around.brief.totals
        if total.label and (not known.evidence or not reading.cites)
    )


def _labels(stated: Stated, label: str) -> bool:
    return stated.first is not None and stated.first == stated.last == label


# --- with what --------------------------------------------------------------------------------

#: How settings are written, and the fact that each is of; the first group is the number.
_SETTINGS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), name)
    for pattern, name in (
        (r"\b1/(\d+(?:\.\d+)?)\s*(?:s|sec|seconds?|of a second|秒)?(?!\w)", "shutter"),
        (r"\b(\d+(?:\.\d+)?)\s*(?:s|sec)\b|曝光\D{0,6}(\d+(?:\.\d+)?)\s*秒", "exposure"),
        (r"\b[fƒ]\s?/?\s?(\d+(?:\.\d+)?)\b|\baperture\D{0,10}?(\d+(?:\.\d+)?)", "aperture"),
        (r"\bISO\s?(?:of |speed |sensitivity |value |:|=|is |was )*(\d{2,7})\b", "iso"),
        (r"\b(\d+(?:\.\d+)?)\s?mm\b|(\d+(?:\.\d+)?)\s?毫米", "focal"),
        (r"\b(\d|one|two|three|four|five)[ -]stars?\b|([0-5一二三四五])\s?(?:颗?星)", "rating"),
        (r"\b(?:rating|rated)\D{0,10}?(\d)\b", "rating"),
        (r"(-?\d+(?:\.\d+)?)\s?(?:m|metres?|meters?) (?:above|high|altitude)", "altitude"),
        (r"\b(?:altitude|elevation)\D{0,12}?(-?\d+(?:\.\d+)?)", "altitude"),
        (r"海拔\D{0,4}(\d+(?:\.\d+)?)", "altitude"),
        (r"(-?\d{1,3}\.\d{2,})\s?°?\s?[NSEW]?\b", "position"),
    )
)  # fmt: skip
_SMALL = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_SMALL |= {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5}


def check_settings(reading: Reading) -> Reading:
    """Exposure, aperture, ISO, focal length, rating, altitude and position are the photos'."""
    for pattern, name in _SETTINGS:
        spans = []
        for match in pattern.finditer(reading.rest):
            typed = next(group for group in match.groups() if group)
            known = reading.known_at(match.start())
            fits = any(_has(each.facts, name, typed) for each in known.evidence)
            if not fits and not _said(reading, match.start(), match[0]):
                raise Unsupported(f"The cited photos do not say “{match[0].strip()}”.")
            spans.append(match.span())
        reading = reading.blanked(spans)
    return reading


def _said(reading: Reading, at: int, words: str) -> bool:
    plain = squeezed(words)
    return any(plain in text for text in reading.known_at(at).quotable)


def _has(facts: Facts, name: str, typed: str) -> bool:
    value = float(_SMALL.get(typed.casefold(), 0) or typed)
    if name == "shutter":
        return facts.exposure is not None and value > 0 and _close(1 / value, facts.exposure, 0.05)
    if name == "position":
        places = len(typed.partition(".")[2])
        both = (facts.latitude, facts.longitude)
        return any(x is not None and abs(abs(x) - abs(value)) <= 0.6 * 10**-places for x in both)
    if name == "altitude":
        return facts.altitude is not None and abs(facts.altitude - value) <= 1
    real = getattr(facts, name, None)
    if real is None:
        return False
    return _close(
        value, float(real), {"exposure": 0.05, "aperture": 0.03, "focal": 0.03}.get(name, 0)
    )


def _close(a: float, b: float, share: float) -> bool:
    return math.isclose(a, b, rel_tol=share, abs_tol=1e-9)


def shortened(text: str) -> str:
    """At most 80 characters of a text."""
    return text if len(text) <= 80 else text[:79] + "…"
