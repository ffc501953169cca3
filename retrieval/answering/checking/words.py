"""The words of claims and of evidence, so that they can be compared.

Words are compared by their stems and by small groups of words that captions use for one another
("man", "guy", "person"). That is rough on purpose: it decides only whether a claim has anything to
do with its evidence; numbers, names, dates and quotes are compared exactly.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from retrieval.answering.checking.tables import COMMON, ENGLISH, SMALL, rows

UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[^\W_{UNSPACED}]+(?:['’][^\W\d_]+)?")
_HAN = re.compile(rf"[{UNSPACED}]+")
_ENDINGS = (
    *(("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"), ("ing", "")),
    *(("edly", ""), ("ed", ""), ("es", ""), ("ly", ""), ("s", ""), ("'s", ""), ("e", "")),
)


def fold(text: str) -> str:
    """A text without case, accents and full-width forms, by which words are compared."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return "".join(c for c in plain if not unicodedata.combining(c))


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A folded English word without its ending; other words as they are."""
    if not word.isascii() or len(word) < 4 or any(c.isdigit() for c in word):
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)] + instead
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def _near() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for line in rows("alike"):
        stems = frozenset(map(stem, line))
        found |= {each: stems | found.get(each, frozenset()) for each in stems}
    return found


_NEAR = _near()


def words_in(text: str) -> list[str]:
    """The folded words of a text that is written with blanks."""
    return [fold(match[0]) for match in WORD.finditer(text)]


def content_of(text: str) -> list[str]:
    """The stems of those words that say what is in a photo, each once, in their order."""
    return list(dict.fromkeys(_sequence(text)))


def content_words(text: str) -> list[str]:
    """Those words as they are, folded."""
    words = (word.removesuffix("'s") for word in words_in(text))
    return [w for w in words if len(w) > 1 and w not in COMMON and not w.isdigit()]


@lru_cache(maxsize=1024)  # captions come again for each pair of words
def _sequence(text: str) -> tuple[str, ...]:
    return tuple(map(stem, content_words(text)))


def stems_of(texts: Iterable[str]) -> frozenset[str]:
    """All stems of texts, with the stems of words that are used for them."""
    stems = {stem(word.removesuffix("'s")) for text in texts for word in words_in(text)}
    return frozenset(stems | {near for each in stems for near in _NEAR.get(each, ())})


def reads(wanted: Iterable[str], text: str) -> bool | None:
    """Whether a text has these stems in this order; for those it lacks, words used for them.

    None where it does not have all of them, False where it has them in another order.
    """
    words = _sequence(text)
    meant = [{each} if each in words else _NEAR.get(each, frozenset()) for each in wanted]
    if not all(each.intersection(words) for each in meant):
        return None
    left = iter(words)
    return all(any(word in each for word in left) for each in meant)


#: What Chinese answers are built with.
_HAN_COMMON = re.compile(
    "拍摄于|拍摄的|拍摄|照片中|照片里|这张|这些|那张|照片|图片|图中|显示|可以看到|看到|看起来|可能|大约|最可能|也可能"
    "|似乎|一共|总共|共有|没有|不知道|无法|确定|日期|时间|地点|相机|镜头|星期[一二三四五六日天]|周[一二三四五六日]"
    "|其中|以及|城市|国家|年份|月份|旅行|关键词|颜色|图库|标题"
    "|还有|分别|是在|位于|写着|上面|文字|说明|标签|文件|最早|最晚|第一|最后|一张|[的了着在是有和与或这那也很被把地得们个张]"
)


def han_of(text: str) -> list[str]:
    """The pairs of characters of a Chinese text that say what is in a photo, each once."""
    runs = _HAN.findall(_HAN_COMMON.sub(" ", text))
    return list(dict.fromkeys(run[i : i + 2] for run in runs for i in range(len(run) - 1)))


_OTHER_LETTERS = re.compile(
    r"[\u0370-\u058f\u0590-\u08ff\u0900-\u10ff\u1100-\u11ff\u1200-\u1aff\u3040-\u30ff\uac00-\ud7af]"
)


@lru_cache(maxsize=8192)
def is_foreign(text: str) -> bool:
    """Whether a text is neither English nor Chinese, as far as its letters and small words tell.

    Such a text can be quoted and its dates can be read; what else it says is not understood. A name
    ("Las Vegas") is of no language.
    """
    if _OTHER_LETTERS.search(text):
        return True
    found = [word.casefold() for word in re.findall(r"[^\W\d_]+", text)]
    foreign = sum(word in SMALL for word in found)
    return foreign > sum(word in ENGLISH for word in found) and (foreign > 1 or len(found) > 3)
