"""How rarely people say of photos what a text says: a prior for whether there is such a photo.

An encoder places "a submarine in the desert" somewhere among the photos it knows, as it does any
text; that hardly anyone photographs submarines it does not tell. `words.txt` does: in how many of
102,602 captions of everyday photos each word stands. The rarest word of a text counts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files

from retrieval.storage.lexical import STOP_WORDS

CAPTIONS = 102_602
FREQUENT = 5_000  # captions with a word, of which more do not make it more usual
USUAL = 7.0  # nats: a word in every 1,100th caption, from which on none counts as rare

_SHORTENED = re.compile(r"n?['’](?:t|s|re|ve|ll|d|m)\b")
_WORD = re.compile(r"[^\W\d_]+")


def rarity(text: str, is_known: Callable[[str], bool] = lambda word: False) -> float:
    """By how many nats the rarest word of a text is rarer than USUAL: 0 to 4.6.

    Words that the collection itself has (`is_known`) are not rare in it. A text of which more than
    two thirds of the words are rare is taken for one in another language, of which nothing is
    known: 0. ("in" is left out of account: too many languages have it.)
    """
    words = set(_WORD.findall(_SHORTENED.sub("", text.lower()))) - {"in"}
    rare = {word: excess for word in words if (excess := _excess(word))}
    if 3 * len(rare) > 2 * len(words):
        return 0.0
    for word in sorted(rare, key=lambda word: (-rare[word], word)):
        if not is_known(word):
            return rare[word]
    return 0.0


def surprise(word: str) -> float:
    """How much a word of small letters tells, in nats: 3 for the most usual ones, 11.5 at most."""
    return math.log(CAPTIONS / (1 + min(_count(word), FREQUENT)))


def _excess(word: str) -> float:
    if len(word) == 1 or word in STOP_WORDS:
        return 0.0
    return max(0.0, math.log(CAPTIONS / (1 + _count(word))) - USUAL)


def _count(word: str) -> int:
    counts = _counts()
    return max(counts.get(form, 0) for form in (word, word.removesuffix("s"), word + "s"))


@cache
def _counts() -> dict[str, int]:
    """Captions with each word; CAPTIONS for the first line of the list, which are common."""
    text = files("retrieval.calibration").joinpath("words.txt").read_text("utf-8")
    common, *rarer = (line for line in text.splitlines() if not line.startswith("#"))
    counts = dict.fromkeys(common.split(), CAPTIONS)
    for line in rarer:
        count, *words = line.split()
        counts |= dict.fromkeys(words, int(count))
    return counts
