"""What a query says of the photo as a photo: "not blurry", "sharp photos".

Only where that is clearly meant: "a blurry dog" and "a dark forest" are what a photo shows. That a
photo is black and white is left to the encoder: that no colour covers much of it, which
`colour:"black and white"` asks for, holds for photos of snow and of many streets as well.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from retrieval.queries.shells import PHOTO_NOUNS
from retrieval.records import Filter

#: Bounds of `sharpness` and `brightness`; .5 separates visibly blurred photos from sharp ones.
SHARP, DARK, BRIGHT = 0.5, 0.25, 0.75

_NOUN = rf"(?:{'|'.join(sorted(PHOTO_NOUNS.split(), key=len, reverse=True))}|ones)"
_NO = r"(?:not|non|no|never|isn['’]?t|aren['’]?t|without)[\s-]+(?:too\s+|very\s+|any\s+|so\s+)?"
_BLURRY = r"(?:blurry|blurred|blur|out[\s-]of[\s-]focus|unsharp|fuzzy|shaky)"
_SHARP = r"(?:sharp|crisp|in[\s-]focus|well[\s-]focused)"
_DARK, _BRIGHT = r"(?:dark|underexposed)", r"(?:bright|overexposed)"


@dataclass(frozen=True, slots=True)
class Quality:
    """A phrase, and the filter that it means."""

    pattern: re.Pattern[str]
    filter: Filter
    label: str
    plain: str


def _quality(pattern: str, filtered: Filter, label: str, plain: str) -> Quality:
    return Quality(re.compile(rf"(?:{pattern})(?![\w'’-])", re.IGNORECASE), filtered, label, plain)


_IS_SHARP = Filter("sharpness", "between", (SHARP, None))
_IS_BLURRED = Filter("sharpness", "between", (None, SHARP))
_IS_DARK = Filter("brightness", "between", (None, DARK))
_IS_BRIGHT = Filter("brightness", "between", (BRIGHT, None))
_NOT_DARK = Filter("brightness", "between", (DARK, None))
_NOT_BRIGHT = Filter("brightness", "between", (None, BRIGHT))

_OF = r"(?:\s+of(?=\s))?"

#: Phrases that are clear wherever they stand, and those that must stand alone ("…, sharp, …").
ANYWHERE = (
    _quality(rf"{_NO}{_BLURRY}(?:\s+{_NOUN}{_OF})?", _IS_SHARP, "not blurry", "sharpness:>=0.5"),
    _quality(rf"{_SHARP}\s+{_NOUN}{_OF}", _IS_SHARP, "sharp", "sharpness:>=0.5"),
    _quality(rf"{_BLURRY}\s+{_NOUN}{_OF}", _IS_BLURRED, "blurry", "sharpness:<=0.5"),
    _quality(
        rf"{_NO}{_DARK}(?:\s+{_NOUN}{_OF}|(?=\s*(?:[,;.]|$)))",
        _NOT_DARK,
        "not dark",
        "brightness:>=0.25",
    ),
    _quality(
        rf"{_NO}{_BRIGHT}(?:\s+{_NOUN}{_OF}|(?=\s*(?:[,;.]|$)))",
        _NOT_BRIGHT,
        "not bright",
        "brightness:<=0.75",
    ),
    _quality(rf"{_DARK}\s+{_NOUN}{_OF}|underexposed", _IS_DARK, "dark", "brightness:<=0.25"),
    _quality(rf"{_BRIGHT}\s+{_NOUN}{_OF}|overexposed", _IS_BRIGHT, "bright", "brightness:>=0.75"),
    _quality(
        r"(?:portrait|vertical)[\s-](?:orientation|format|mode)",
        Filter("shape", "is", ("portrait",)),
        "portrait",
        "shape:portrait",
    ),
    _quality(
        r"(?:landscape|horizontal)[\s-](?:orientation|format|mode)",
        Filter("shape", "is", ("landscape",)),
        "landscape",
        "shape:landscape",
    ),
)
ALONE = (
    _quality(_SHARP, _IS_SHARP, "sharp", "sharpness:>=0.5"),
    _quality(_BLURRY, _IS_BLURRED, "blurry", "sharpness:<=0.5"),
)
