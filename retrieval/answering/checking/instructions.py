"""Texts that speak to the one who reads them instead of saying something of a photo.

No list of phrases finds all of them, and none has to: evidence is data whatever it says. What looks
like an instruction supports no claim unless it is quoted as what stands there; everything else that
it may have brought about (numbers, names, links) has to stand in other evidence anyway.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from functools import lru_cache

from retrieval.answering.checking.cleaning import clean_text
from retrieval.answering.checking.tables import phrases

_SPEAKS = phrases("speaking")
_STEERS = phrases("steering", "elsewhere", "of_answers")
_ADDRESSES = phrases("addressing")
#: Digits for letters: "1gn0re".
_LEET = str.maketrans("0134578@$", "oieastbas")
_MIXED = re.compile(r"\b(?=\w*[a-z])(?=\w*\d)[\w@$]+\b")
#: Characters that turn the direction or are not shown, words spelt out, letters of two scripts.
_HIDING = re.compile(
    "[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]|\\w[\u200b\u2060\ufeff]+\\w"
    r"|(?:\b[A-Za-z] ){6}|[A-Za-z][\u0370-\u052f]|[\u0370-\u052f][A-Za-z]"
)
#: Letters of Cyrillic and Greek that look like Latin ones.
_ALIKE = str.maketrans("аеорсухкмтвніјѕαορυντ", "aeopcyxkmtbhijsaopuvt")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
#: What an order to the user begins with; answers say how things are.
_ORDER = re.compile(
    r"^\W*(?:(?:please|kindly|urgent|warning|click|visit|call|send|transfer|pay|enter|download"
    r"|install|run|execute|delete|remove|type|reply|respond|say|tell|ignore|disregard|forget"
    r"|repeat|print|output|log in|sign in)\b|请|立即|马上|点击|访问|转账|拨打|下载|删除)",
    re.IGNORECASE,
)


@lru_cache(maxsize=8192)  # places, cameras and tags come again and again
def instructs(text: str) -> bool:
    """Whether a text looks like an instruction to a model, also spaced out or in base64.

    One that hides something (characters that turn its direction, or that are not shown) does.
    """
    if _HIDING.search(text):
        return True
    plain = plain_text(text)
    spread = re.sub(r"\b(\w) (?=\w\b)", r"\1", plain)
    unmasked = _MIXED.sub(lambda match: match[0].translate(_LEET), plain)
    seen = {plain, spread, unmasked, text.casefold(), *_decoded(text)}
    return any(pattern.search(each) for pattern in (_SPEAKS, _STEERS) for each in seen)


@lru_cache(maxsize=8192)
def addresses(text: str) -> bool:
    """Whether a text may speak to its reader, or claim what no picture shows.

    Many innocent captions do ("wish you were here"): such a text can be quoted, and no more.
    """
    return bool(_ADDRESSES.search(plain_text(text)))


def words_of_instruction(text: str) -> list[str]:
    """What a reader that obeys could take from such a text: also turned round, and decoded."""
    plain = plain_text(text)
    texts = [plain, re.sub(r"\b(\w) (?=\w\b)", r"\1", plain), *_decoded(text)]
    texts += [unicodedata.normalize("NFKC", text).casefold(), _revealed(text)]
    turned = [each[::-1] for each in texts] if _HIDING.search(text) else []
    return [*texts, *turned, *(each.translate(_ALIKE) for each in texts)]


def _revealed(text: str) -> str:
    """The letters that stand in characters of tags, which are not shown."""
    return "".join(chr(ord(c) - 0xE0000) for c in text if 0xE0020 <= ord(c) <= 0xE007E)


def orders(text: str) -> bool:
    """Whether a claim tells its reader to do something, or speaks as a model that was told."""
    return bool(_ORDER.search(text) or _SPEAKS.search(plain_text(text)))


def plain_text(text: str) -> str:
    """A text as it is compared: cleaned, one form of each character, signs for blanks as blanks."""
    folded = unicodedata.normalize("NFKC", clean_text(text)).casefold()
    return re.sub(r"[\s_]+|(?<=\w)[-+.](?=\w)", " ", folded)


def _decoded(text: str) -> list[str]:
    found = []
    for match in _BASE64.finditer(text):
        digits = match[0].rstrip("=").replace("-", "+").replace("_", "/")
        try:
            raw = base64.b64decode(digits + "=" * (-len(digits) % 4))
            found.append(raw.decode("utf-8"))
        except (binascii.Error, UnicodeDecodeError, ValueError):
            continue
    return found
