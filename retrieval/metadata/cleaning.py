"""Values as they stand in files, brought to what `Facts` promises; None where they say nothing."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable
from typing import Any

from retrieval.metadata.guesses import text_hash

MOST_LETTERS = 20_000  # of a caption,
MOST_SHORT = 500  # and of all else
MOST_KEYWORDS = 1000
Values = tuple[Any, ...]

#: What cameras write where a caption belongs.
_NO_CAPTION = re.compile(
    r"(?:olympus|minolta|konica|kodak|samsung|sony|digital|casio|pentax|vivitar|[\s_]|dsc|dcim|"
    r"camera|still|exif_jpeg_\d+|\\.*|default|untitled|screenshot)+",
    re.IGNORECASE,
)
_NO_LENS = re.compile(r"[-\s]*|unknown.*|n/a|none|.*\b0\.0 ?mm.*", re.IGNORECASE)
#: Legal forms and what else makers write behind their names.
_COMPANY = re.compile(
    r"[\s,]+(?:corporation|corp|company|co|ltd|limited|inc|gmbh|ag|electronics|electric|imaging|"
    r"camera|optical|techwin|digital|technologies|mobile|communications)\b\.?",
    re.IGNORECASE,
)
_MAKERS = {
    "eastman kodak": "Kodak",
    "hewlett-packard": "HP",
    "research in motion": "BlackBerry",
    "fujifilm": "Fujifilm",
    "fuji photo film": "Fujifilm",
    "dji": "DJI",
    "htc": "HTC",
    "asahi": "Pentax",
    "lge": "LG",
    "hp": "HP",
    "zte": "ZTE",
    "oneplus": "OnePlus",
    "asus": "ASUS",
    "tcl": "TCL",
    "oppo": "OPPO",
    "lg": "LG",
    "sony ericsson": "Sony Ericsson",
}


def short_text(values: Values) -> str | None:
    """The first text that is not empty."""
    return next((cleaned for value in values if (cleaned := _cleaned(value, MOST_SHORT))), None)


def caption(values: Values, guesses: tuple[str, ...] = ()) -> str | None:
    """The same, longer, without what cameras write of themselves, and guesses by their hashes."""
    texts = (value for value in values if not (guesses and is_guess(value, guesses)))
    found = next((c for value in texts if (c := _cleaned(value, MOST_LETTERS))), None)
    return None if found is None or _NO_CAPTION.fullmatch(found) else found


def guess(values: Values, guesses: tuple[str, ...]) -> str | None:
    """The first caption that a model guessed."""
    return caption(tuple(value for value in values if is_guess(value, guesses)))


def is_guess(value: Any, guesses: tuple[str, ...]) -> bool:
    """Whether a caption has one of these hashes."""
    as_read = value if isinstance(value, str) else ""
    return not {text_hash(as_read), text_hash(_cleaned(value, MOST_LETTERS))}.isdisjoint(guesses)


def keywords(values: Values) -> tuple[str, ...]:
    """Keywords in their order, each once in any case."""
    found: dict[str, str] = {}
    for value in values:
        if word := _cleaned(value, MOST_SHORT):
            found.setdefault(word.casefold(), word)
    return tuple(found.values())[:MOST_KEYWORDS]


def branches(values: Values) -> tuple[str, ...]:
    """Keywords of a tree, "Places|Japan|Kyoto" or with slashes: all that stands on the way."""
    return keywords(tuple(p for v in values if isinstance(v, str) for p in re.split(r"[|/]", v)))


def lens(values: Values) -> str | None:
    """The name of a lens; None for the dashes of one that the camera does not know."""
    found = short_text(values)
    return None if found is None or _NO_LENS.fullmatch(found) else found


def maker(values: Values) -> str | None:
    """The maker as people call it: "Nikon" for "NIKON CORPORATION"."""
    found = short_text(values)
    if found is None:
        return None
    short = _COMPANY.sub("", found).strip(" ,.") or found
    if known := _MAKERS.get(short.casefold()):
        return known
    plain = short.isupper() or short.islower()
    return short.title() if plain and len(short) > 2 else short


def number(values: Values) -> float | None:
    """The first value as a number, also from "1/200"; None where it is none, or not finite."""
    value = values[0] if values else None
    try:
        if isinstance(value, str):
            top, _, bottom = value.partition("/")
            value = float(top) / float(bottom or 1)
        if isinstance(value, bytes) or value is None:
            return None
        found = float(value)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    return found if math.isfinite(found) else None


def between(low: float, high: float) -> Callable[[Values], float | None]:
    """Reads a number that lies above `low` and not above `high`."""

    def read(values: Values) -> float | None:
        found = number(values)
        return found if found is not None and low < found <= high else None

    return read


def whole(low: int, high: int) -> Callable[[Values], int | None]:
    """Reads a whole number, from `low` to `high`."""

    def read(values: Values) -> int | None:
        found = number(values)
        return int(found) if found is not None and low <= found <= high else None

    return read


def sensitivity(values: Values) -> int | None:
    """ISO; 65,535 only says that the tag has no room for it."""
    found = whole(1, 10_000_000)(values)
    return None if found == 65535 else found


def _cleaned(value: Any, most: int) -> str:
    """Text without control characters and what is no Unicode."""
    if isinstance(value, bytes):
        value = _decoded(value)
    if not isinstance(value, str):
        return ""
    value = unicodedata.normalize("NFC", value.replace("\r\n", "\n").replace("\r", "\n"))
    kept = "".join(c for c in value if c in "\n\t" or unicodedata.category(c) not in _NO_TEXT)
    return kept.strip()[:most].strip()


_NO_TEXT = ("Cc", "Cs", "Cn", "Co")


def _decoded(value: bytes) -> str:
    """EXIF's text is ASCII by its letter, UTF-8 in fact, and Windows' Latin in old files."""
    value = value.split(b"\0", 1)[0]
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("cp1252", "replace")
