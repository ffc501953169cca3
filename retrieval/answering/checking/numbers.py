"""Numbers in claims and captions: digits, words ("three", "a dozen") and Chinese ("三张")."""

from __future__ import annotations

import re
from dataclasses import dataclass

from retrieval.answering.checking.words import fold, stem
from retrieval.queries.ordinary import words

_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen"),
    "nineteen",
)
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "dozen": 12}
_WORDS = {name: n for n, name in enumerate(_UNITS)}
_WORDS |= {name: 10 * n for n, name in enumerate(_TENS, 2)} | _SCALES
_NAMES = "|".join(_WORDS)
_ENGLISH = re.compile(
    rf"\b(?:a\s+)?(?:{_NAMES})(?:(?:\s+and\s+|[\s-]+)(?:{_NAMES}))*\b", re.IGNORECASE
)
_PAIRS = {"couple": 2, "pair": 2, "both": 2, "trio": 3, "twin": 2}
_PAIR = re.compile(
    rf"\b(?P<p>{'|'.join(_PAIRS)})\b(?=\s+of\s+(?:photo|picture|image|shot))", re.IGNORECASE
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
#: Names of small numbers, which dates are told with.
SMALL = _UNITS[1:13]
_FIRST = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth"),
    *("tenth", "eleventh", "twelfth", *(f"{name}th" for name in _UNITS[13:])),
)
_ORDINALS = {name: n for n, name in enumerate(_FIRST, 1)} | {"twentieth": 20, "thirtieth": 30}
_ORDINALS |= {f"twenty {name}": 20 + n for n, name in enumerate(_FIRST[:9], 1)}
_ORDINALS |= {"thirty first": 31}
#: An expression for "4th", "fourth", "twenty-first".
ORDINAL = "(?:{}|{})".format(
    r"\d{1,2}(?:st|nd|rd|th)",
    "|".join(sorted((n.replace(" ", "[ -]") for n in _ORDINALS), key=len, reverse=True)),
)


def small(typed: str) -> int:
    """A number in digits, or one of SMALL; an article is one."""
    return int(typed) if typed.isdigit() else _WORDS.get(typed.casefold(), 1)


def ordinal(typed: str) -> int:
    """What ORDINAL matched."""
    digits = re.match(r"\d+", typed)
    return int(digits[0]) if digits else _ORDINALS[re.sub(r"[\s-]+", " ", typed.casefold())]


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
    found = []
    for match in _DIGITS.finditer(text):
        digits = re.sub(r"\D", "", match[1] or match[3])[:15]  # float would round more
        found.append(_made(text, match, float(digits + (match[2] or ""))))
    for match in _ENGLISH.finditer(text):
        number = _made(text, match, _spoken(re.findall(r"[a-z]+", match[0].casefold())))
        if number.value != 1 or (number.after and stem(number.after[0]) in PHOTOS):
            found.append(number)  # not "one of them", "the other one"
    found += [_made(text, m, _PAIRS[m["p"].casefold()]) for m in _PAIR.finditer(text)]
    # 一张照片: a photo
    found += [_made(text, m, _han(m[0])) for m in _HAN.finditer(text) if m[0] != "一"]
    return sorted(found, key=lambda number: number.start)


def _spoken(names: list[str]) -> float:
    """ "three hundred and five" -> 305."""
    total = current = 0
    for name in names:
        if scale := _SCALES.get(name):
            current = (current or 1) * scale
            if scale >= 1000:
                total, current = total + current, 0
        else:
            current += _WORDS.get(name, 0)
    return float(total + current)


def _han(text: str) -> float:
    total = current = 0
    for character in text:
        if scale := _HAN_SCALES.get(character):
            total, current = total + (current or 1) * scale, 0
        else:
            current = current * 10 + _HAN_DIGITS[character]
    return float(total + current)


def _made(text: str, match: re.Match[str], value: float) -> Number:
    start, end = match.span()
    behind = re.match(r"[^.;:!?()\[\]。；！？（），,]*", text[end:])
    ahead = re.search(r"[^.;:!?()\[\]。；！？（）]*$", text[:start])
    after, before = (_near_words(found[0] if found else "") for found in (behind, ahead))
    percent = bool(re.match(r"\s*(?:%|％|percent\b|per cent\b)", text[end:], re.IGNORECASE))
    return Number(start, end, value, after[:8], before[-3:], percent)


def _near_words(text: str) -> tuple[str, ...]:
    found = re.findall(r"[^\W\d_\u3400-\u9fff]+|[\u3400-\u9fff]", text)
    return tuple(fold(word) for word in found)
