"""The rules, in their order: what one has understood, the next ones do not see.

To check another thing, write a function of a reading (`rule.Rule`) and name it here.
"""

from __future__ import annotations

from retrieval.answering.checking.rules import (
    amounts,
    contents,
    counts,
    gear,
    names,
    places,
    quotes,
    times,
)
from retrieval.answering.checking.rules.rule import Rule, Unsupported, apply

__all__ = ["FACTS", "WORDS", "Rule", "Unsupported", "apply"]

#: What is compared exactly.
FACTS: tuple[Rule, ...] = (
    *(quotes.quotes, quotes.sayings, quotes.orders),
    *(gear.files, gear.cameras),
    times.times,
    *gear.SETTINGS,
    *(amounts.sums, amounts.ranks, amounts.none_or_one, amounts.about, amounts.shares),
    counts.numbers,
    places.places,
)
#: What is left of a claim about photos.
WORDS: tuple[Rule, ...] = (names.names, contents.planted, contents.contents)
