"""Who and what by name: words written like names are of the cited photos."""

from __future__ import annotations

import re
from collections.abc import Iterator

from retrieval.answering.checking.reading import Reading
from retrieval.answering.checking.rules.rule import Said, said_at
from retrieval.answering.checking.tables import COMMON, GEAR, SMALL
from retrieval.answering.checking.words import WORD, fold, is_foreign, stem, words_in
from retrieval.queries.ordinary import words

_ANY_NAME = words("i i'm i've i'd exif gps iso ocr am pm utc gmt ad bc ok yes no sql id")
#: Makers whose names are words as well.
_DOUBTFUL_GEAR = ("pixel", "vivo", "sigma")


def names(reading: Reading) -> Iterator[Said]:
    """Words written like names, and those made of letters and digits.

    They stay in the claim: their contents are compared as well.
    """
    for match in WORD.finditer(reading.rest):
        folded = fold(match[0]).removesuffix("'s").removesuffix("s'")
        if _is_name(reading, match) and not _is_known(reading, folded, match.start()):
            yield said_at(match, False, f"Nothing in the cited photos says “{match[0]}”.")


def _is_name(reading: Reading, match: re.Match[str]) -> bool:
    word, folded, around = match[0], fold(match[0]), reading.around
    if folded in _ANY_NAME or folded in COMMON:
        return False
    if folded in SMALL and is_foreign(reading.text):
        return False
    if any(c.isdigit() for c in word):
        nth = re.fullmatch(r"\d+(?:st|nd|rd|th|s|x)", folded)
        return any(c.isalpha() for c in word) and not nth
    if folded in GEAR and folded not in _DOUBTFUL_GEAR:
        return True
    if not word[0].isupper():
        return False
    if folded in GEAR or around.is_place(word):
        return True
    if _begins(reading.text, match.start()):
        return not around.seen and _is_subject(reading.rest[match.end() :])
    return not around.seen or _is_long(reading.rest, match)


def _begins(text: str, at: int) -> bool:
    """Whether a sentence, a quote or a list begins there, where every word is written so."""
    return bool(re.search(r"(?:^|[.!?:;。！？：“\"「(\]）\n•]|[-–—] )\W*$", text[:at]))


def _is_subject(behind: str) -> bool:
    """ "Maria is …": whoever begins a sentence, in a language with capitals, and is one."""
    return bool(
        re.match(r"(?:'s)?\s+(?:is|was|has|had|and [A-Z]|[A-Z]\w+ (?:is|was|and))\b", behind)
    )


def _is_long(text: str, match: re.Match[str]) -> bool:
    """Whether another capital follows or precedes: "Maria Lopez"."""
    behind = re.match(r"\s+[A-Z][a-z]", text[match.end() :])
    return bool(behind or re.search(r"(?:^|\s)[A-Z][a-z]+\s+$", text[: match.start()]))


def _is_known(reading: Reading, name: str, at: int) -> bool:
    known, around = reading.known_at(at), reading.around
    if name in known.words or stem(name) in known.stems:
        return True
    if name in known.spoken and reading.attributes:
        return True
    if name in words_in(f"{around.question} {around.brief.plan.box}"):
        return reading.negated(at) or not _asks_for_place(reading, name)
    return reading.is_counted(at, name)


def _asks_for_place(reading: Reading, name: str) -> bool:
    cued = rf"\b(?:in|at|near|from|to|around)\s+(?:\w+\s+)?{re.escape(name)}\b"
    asked = re.search(cued, fold(reading.around.question))
    return bool(asked) or reading.around.is_place(name)
