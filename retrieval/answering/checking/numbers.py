"""Numbers in claims and captions: digits, words ("three", "a dozen") and Chinese ("三张")."""

from __future__ import annotations

import re
from dataclasses import dataclass

from retrieval.answering.checking.words import fold, stem
from retrieval.queries.ordinary import words

_WORDS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7,
    "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20,
    "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80,
    "ninety": 90, "hundred": 100, "thousand": 1000, "million": 1_000_000, "dozen": 12,
}  # fmt: skip
_PAIRS = {"couple": 2, "pair": 2, "both": 2, "trio": 3, "triple": 3, "single": 1, "twin": 2}
_SCALES = ("hundred", "thousand", "million", "dozen")
_NAMES = "|".join(_WORDS)
_ENGLISH = re.compile(
    rf"\b(?:a\s+)?(?:{_NAMES})(?:(?:\s+and\s+|[\s-]+)(?:{_NAMES}))*\b", re.IGNORECASE
)
_DIGITS = re.compile(
    r"(?<![A-Za-z0-9_.,/:-])[-−]?(\d{1,3}(?:[,，\u00a0\u202f ]\d{3})+(?!\d)|\d+)(\.\d+)?"
    r"(?![A-Za-z0-9_/]|[.,:]\d)"
    r"|(?<![\d.])(\d+)(?=[张幅只个条位名人次匹头年月天座辆部棵本件双对岁台架艘把])"
)
_HAN = re.compile(
    r"(?<![第一二三四五六七八九十百千])(?:[一二两三四五六七八九]?[十百千零〇一二两三四五六七八九]{2,}|十)"
    r"(?=$|[^\u3400-\u9fff])"
    r"|(?<![第一二三四五六七八九十百千])[一二两三四五六七八九十百千零〇]+"
    r"(?=[张幅只个条位名匹头座辆部件双对台架艘把]|天(?!气|空))"
)
_HAN_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_HAN_SCALES = {"十": 10, "百": 100, "千": 1000}

#: What a count of photos is followed by, in stems.
PHOTOS = frozenset(
    map(stem, words("photo photograph picture image shot snapshot pic match result hit file"))
)


@dataclass(frozen=True, slots=True)
class Number:
    """A number at [start, end) of a text, and the folded words that follow and precede it."""

    start: int
    end: int
    value: float
    after: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    percent: bool = False


def numbers_of(text: str) -> list[Number]:
    """The numbers of a text in their order. "one" alone counts only before a noun of photos.

    Numbers inside words ("80D", "IMG_1002") are names, not numbers.
    """
    found = [*_digits(text), *_english(text), *_chinese(text)]
    return sorted(found, key=lambda number: number.start)


def _digits(text: str) -> list[Number]:
    found = []
    for match in _DIGITS.finditer(text):
        digits = re.sub(r"[^\d]", "", match[1] or match[3])
        if len(digits) > 15:  # no count, and float would round it
            digits = digits[:15]
        value = float(digits + (match[2] or ""))
        found.append(_made(text, match.start(), match.end(), value))
    return found


def _english(text: str) -> list[Number]:
    found = []
    for match in _ENGLISH.finditer(text):
        spoken = re.findall(r"[a-z]+", match[0].casefold())
        value = _spoken([word for word in spoken if word in _WORDS])
        number = _made(text, match.start(), match.end(), value)
        if value == 1 and not (number.after and stem(number.after[0]) in PHOTOS):
            continue  # "one of them", "the other one"
        found.append(number)
    for match in re.finditer(r"\b(?:couple|pair|both|trio|twin)\b", text, re.IGNORECASE):
        if re.match(r"\s+of\s+(?:photo|picture|image|shot)", text[match.end() :], re.IGNORECASE):
            value = float(_PAIRS[match[0].casefold()])
            found.append(_made(text, match.start(), match.end(), value))
    return found


def _spoken(spoken: list[str]) -> float:
    """ "three hundred and five" -> 305."""
    total = current = 0
    for word in spoken:
        value = _WORDS[word]
        if word in _SCALES:
            current = (current or 1) * value
            if value >= 1000:
                total, current = total + current, 0
        else:
            current += value
    return float(total + current)


def _chinese(text: str) -> list[Number]:
    found = []
    for match in _HAN.finditer(text):
        value = _han_value(match[0])
        if value == 1 and match[0] == "一":
            continue  # 一张照片: a photo
        found.append(_made(text, match.start(), match.end(), value))
    return found


def _han_value(text: str) -> float:
    total = current = 0
    for character in text:
        if character in _HAN_SCALES:
            total, current = total + (current or 1) * _HAN_SCALES[character], 0
        else:
            current = current * 10 + _HAN_DIGITS[character]
    return float(total + current)


def _made(text: str, start: int, end: int, value: float) -> Number:
    behind = re.match(r"[^.;:!?()\[\]。；！？（），,]*", text[end:])
    after = _near_words(behind[0] if behind else "")[:8]
    ahead = re.search(r"[^.;:!?()\[\]。；！？（）]*$", text[:start])
    before = _near_words(ahead[0] if ahead else "")[-3:]
    percent = bool(re.match(r"\s*(?:%|％|percent\b|per cent\b)", text[end:], re.IGNORECASE))
    return Number(start, end, value, tuple(after), tuple(before), percent)


def _near_words(text: str) -> list[str]:
    return [fold(word) for word in re.findall(r"[^\W\d_\u3400-\u9fff]+|[\u3400-\u9fff]", text)]
