"""The words by which a photo is found: what the table `words` (FTS5) is asked.

FTS5 has a syntax of its own; what users type is data, so it is taken apart into tokens here and
never reaches FTS5 as it is.
"""

from __future__ import annotations

import re
import unicodedata

#: Scripts that write no spaces between words: each character is a token, a word a phrase of them.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")


def tokens(text: str) -> list[str]:
    """The words of a text as FTS5's unicode61 sees them; ["IMG", "2041"] for "IMG_2041"."""
    return _TOKEN.findall(unicodedata.normalize("NFC", text))


def searchable(text: str) -> str:
    """The text as it is stored in `words`: characters of unspaced scripts stand apart."""
    return " ".join(tokens(text))


def match_of(text: str, *, prefix: bool = False) -> str:
    """The FTS5 expression that finds the words of `text` side by side; "" if there are none.

    With `prefix` the last word may go on: "IMG_20" finds "IMG_2041".
    """
    words = tokens(text)
    if not words:
        return ""
    phrase = " ".join(words)
    return f'"{phrase}" *' if prefix else f'"{phrase}"'
