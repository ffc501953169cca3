"""How open_clip cleans a text before it is cut into tokens, without torch.

Plain ASCII takes the standard library alone: importing ftfy costs more than encoding a query.
"""

from __future__ import annotations

import html
import re
import string

#: What the steps below leave as it is but for white space: printable ASCII without an entity.
_PLAIN = re.compile(r"[ -%'-~]*")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)
HOWS = ("whitespace", "lower", "canonicalize")


def cleaned(text: str, how: str = "whitespace") -> str:
    """Repair, unescape and trim a text; `how` is one of HOWS, as open_clip names them."""
    if not is_plain(text):
        import ftfy

        text = html.unescape(html.unescape(ftfy.fix_text(_encodable(text))))
        text = _encodable(text)  # an entity may name what cannot be encoded
    if how == "canonicalize":
        text = text.replace("_", " ").translate(_NO_PUNCTUATION)
    text = text if how == "whitespace" else text.lower()
    return " ".join(text.split())


def is_plain(text: str) -> bool:
    """Whether a text is printable ASCII that needs no repair."""
    return _PLAIN.fullmatch(text) is not None


def _encodable(text: str) -> str:
    """A lone surrogate cannot cross into a tokenizer as UTF-8; it becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")
