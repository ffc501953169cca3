"""Which words of a text are likely names of people: by rules, without a list of all names.

A word with a capital letter is one, unless it begins a sentence and is an ordinary word, or is
known to mean something else. Ordinary are the words of captions of photos in general. This finds
most names in prose and hides some words that are none; it does not see names in scripts without
capitals, nor names in small letters that stand nowhere else with a capital.
"""

from __future__ import annotations

import re
from functools import lru_cache

from retrieval.calibration.bank import bank_texts
from retrieval.queries.ordinary import ORDINARY, words

#: Words of questions and answers that captions of photos lack.
_SPOKEN = words(
    """
    a about after again all also am an and any anything are as at be because been before both but by
    can could did do does each ever every find first for from give had has have he her here his how
    i if in is it its just last least let list many may me might month more most much my name near
    never no none nor not of off often on one only or other our over photo photos photograph
    photographs picture pictures please question shot shots show shows should since so some
    somebody someone something taken tell than that the their them then there these they this those
    to took under until up us was we were what when where which while who whom whose why will with
    without would year yes you your image images album folder file camera lens city country place
    answer closest nothing matches collection considered
    """
)
#: Words that have a capital letter and are no names of people.
_CAPITAL = words(
    """
    i i'm i've i'd i'll ok tv dvd cd bbq atm suv usa us uk eu un dj diy id iso gps jpeg jpg raw
    january february march april may june july august september october november december
    jan feb mar apr jun jul aug sep sept oct nov dec
    monday tuesday wednesday thursday friday saturday sunday mon tue wed thu fri sat sun
    christmas easter halloween thanksgiving hanukkah ramadan diwali eid new year's eve valentine's
    english french german italian spanish portuguese dutch polish russian turkish greek chinese
    japanese korean indian thai american british european african asian mexican canadian
    christian muslim jewish buddhist hindu catholic
    frisbee jeep lego coca-cola pepsi iphone ipad android xbox wii nintendo
    north south east west god
    """
)
#: Ordinary words that are first names as well: names wherever they have a capital letter.
_FIRST_NAMES = words(
    """
    amber angel basil bill bob buddy candy carol cherry chuck clay cliff dale daisy dawn dean dick
    drew duke earl eve faith frank gene ginger glen grace grant harmony harry harvey hazel heather
    holly hope hunter iris ivy jack jade jasmine jay jean jersey joey joy kay ken kim lance laurel
    lily mark mason max melody mike miles nick olive pam parker pearl peg penny pepper pierce poppy
    ray reed rob robin rod rose ruby rusty sandy scarlet skip star stone sue summer sunny tan tom
    tony trip violet wade walker ward warren wayne will woody york
    adelaide alexandria austin carson charlotte chelsea chester clinton david diego dominica donald
    elizabeth florence graham hamilton harvey helena henderson israel jackson jasper jordan judith
    kent leon logan lucia madison martin mary mercedes monaco montana morgan nancy norman olivia
    oscar paris phillip phoenix sandra santiago sofia sophia stella sydney tyler victor victoria
    virginia warren washington winston
    """
) - {"will", "trip", "star", "summer", "stone", "tan"}  # which begin too many sentences

_PLURALS = ("ies", "es", "s", "ing", "ed", "er", "'s", "’s")


@lru_cache(maxsize=1)
def ordinary_words() -> frozenset[str]:
    """Words, in small letters, that captions of photos in general are made of."""
    found = re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", " ".join(bank_texts()))
    small = {word for word in found if word.islower()}
    return frozenset(small | ORDINARY | _SPOKEN)


def is_ordinary(word: str) -> bool:
    """Whether a word, or what it is formed of, is ordinary; first names are in small letters."""
    small = word.casefold()
    if small in _FIRST_NAMES and word[0].isupper():
        return False
    known = ordinary_words()
    stems = (small.removesuffix(end) for end in _PLURALS if len(small) - len(end) > 2)
    return small in known or any(
        stem in known or stem + "e" in known or stem + "y" in known for stem in stems
    )


def is_name(word: str, *, begins: bool = False, strict: bool = False) -> bool:
    """Whether a word is likely someone's name; `begins` where a sentence does.

    `strict` is for texts whose capitals tell nothing (headings, signs): whatever is not ordinary.
    """
    small = word.casefold()
    if len(word) < 2 or small in _CAPITAL or not any(map(str.isalpha, word)):
        return False
    if strict:
        return not is_ordinary(word)
    return word[0].isupper() and not (begins and is_ordinary(word))


def is_heading(text: str) -> bool:
    """Whether most words of a text have a capital letter, so that these tell nothing."""
    found = re.findall(r"[^\W\d_]{4,}", text)
    return len(found) > 2 and sum(word[0].isupper() for word in found) > 0.8 * len(found)
