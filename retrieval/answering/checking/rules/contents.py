"""What the photos show: contents (things, colours, what they do) are compared as far as words can.

A claim of which less than SUPPORTED stands in its evidence is struck, unless the answerer saw the
pictures; one of which not all does is not proven.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator

from retrieval.answering.checking.known import Known
from retrieval.answering.checking.reading import Reading, clauses_of
from retrieval.answering.checking.rules.rule import Said
from retrieval.answering.checking.tables import SMALL, TURNING, rows
from retrieval.answering.checking.words import (
    content_of,
    fold,
    han_of,
    is_foreign,
    reads,
    stem,
    words_in,
)

_SMALL = frozenset(map(stem, SMALL))
_SEXES = tuple(frozenset(map(stem, line)) for line in rows("sexes"))
#: The share of a claim's words of content that its evidence, or the question, has to have. Of
#: people's captions for the same photo, compared with four others, 10 % have less, and of captions
#: for another photo 95 % (scripts/measure_checking.py); at 0.5 it is 16 % and 97 %.
SUPPORTED = 0.4

_VERDICT = re.compile(
    r"^\W*(?:yes|yeah|no|correct|true|false|indeed|right|是的?|不是|有|没有|对|不对|否|会|可以)"
    r"(?![a-z])",
    re.IGNORECASE,
)
_HEDGES = re.compile(
    r"\b(?:most|more|less|very|at least as) (?:likely|probably)\b|\bno doubt\b|\bor else\b"
    r"|\bat least as\b|\bJust as many\b|^\W*No\b(?=[,:.])",
    re.IGNORECASE,
)
_CLEARED = re.compile(r"\bno (\w+)(?: \w+)? (?:is|are|was|were) known\b", re.IGNORECASE)
_FACTS = {"date": "taken_at", "day": "taken_at", "time": "taken_at", "place": "city"}


def planted(reading: Reading) -> Iterator[Said]:
    """Nothing may come from a text that looks like an instruction alone, whoever saw it."""
    around = reading.around
    texts = () if around.composed else around.everything.planted
    told = {stem(word) for text in texts for word in words_in(text)}
    told -= around.everything.stems | around.asked if told else frozenset()
    pairs = {pair for text in texts for pair in han_of(text)}
    pairs -= around.everything.han | set(han_of(around.question))
    if told.intersection(content_of(reading.rest)) or len(pairs & set(han_of(reading.rest))) > 1:
        yield Said(0, 0, False, "It repeats a text in a photo that tells what to say.")


def contents(reading: Reading) -> Iterator[Said]:
    """Every word of a claim stands in its evidence; `reading.spare` of them may be its own."""
    if reading.around.composed:
        return
    known = reading.known
    said, pairs = content_of(reading.rest), han_of(reading.rest)
    if is_foreign(reading.rest):
        said = [word for word in said if word not in _SMALL]
    supports = _supports(reading, known)
    if not (said or pairs or known.relevant) and _VERDICT.match(reading.text):
        said, supports = content_of(reading.around.question), set(known.stems)
    missing = len(set(said) - supports) + len(pairs) // 2
    if missing <= reading.spare or (_fits(said, supports) and _han_fits(reading, known, pairs)):
        yield Said(0, 0, _is_proven(reading, said, pairs) or None)
    elif reading.around.seen or _other_script(known, said, pairs):
        yield Said(0, 0, None)
    else:
        yield Said(0, 0, False, "Nothing that is known of the cited photos says so.")


def _supports(reading: Reading, known: Known) -> set[str]:
    """The stems that a claim may use."""
    around = reading.around
    found = set(known.stems) | {stem(word) for word in known.words}
    if reading.attributes:
        found |= {stem(word) for word in known.spoken}
    found |= {s for total in around.brief.totals for s in content_of(total.label)}
    return found | around.asked if _may_ask(reading) else found


def _is_proven(reading: Reading, said: list[str], pairs: list[str]) -> bool:
    """Whether all words stand in texts that describe, and none that turns the sense is left."""
    if not reading.cites:
        return True
    firm = reading.known.firm
    supports = _supports(reading, firm)
    told = {stem(word) for word in firm.words} | reading.around.asked
    for kind in _SEXES:
        supports -= set() if kind & told else kind
    known = not set(said) - supports and _han_fits(reading, firm, pairs)
    left = _turns(reading, firm) or _has_digits(reading, firm)
    return known and not left and _in_order(reading, firm)


def _in_order(reading: Reading, firm: Known) -> bool:
    """Whether no two words of a clause stand in the captions in the other order alone.

    With the same words a man bites a dog, or a dog a man.
    """
    for clause in clauses_of(reading.rest):
        for pair in itertools.combinations(content_of(clause), 2):
            found = {reads(pair, caption) for caption in firm.captions}
            if False in found and True not in found:
                return False
    return True


def _turns(reading: Reading, firm: Known) -> bool:
    """Whether a word is left that turns the sense, and neither evidence nor question has it."""
    rest = _HEDGES.sub(" ", reading.rest)
    if any(_lacks(reading, match[1]) for match in _CLEARED.finditer(rest)):
        rest = _CLEARED.sub(" ", rest)
    turning = {word for word in words_in(rest) if word in TURNING or word.endswith("n't")}
    return bool(turning - firm.words - set(words_in(reading.around.question)))


def _lacks(reading: Reading, noun: str) -> bool:
    name = _FACTS.get(noun.casefold(), noun.casefold())
    return not any(getattr(each.facts, name, None) for each in reading.known.evidence)


def _has_digits(reading: Reading, firm: Known) -> bool:
    """Whether a number is left that nothing has read."""
    left = re.findall(r"[^\W_]*\d[^\W_]*", fold(reading.rest))
    return any(word not in firm.words for word in left)


def _may_ask(reading: Reading) -> bool:
    """Whether the question's own words count as supported: where search found that they match."""
    return not reading.known.evidence or reading.known.relevant or reading.negated(0)


def _fits(said: list[str], supports: set[str]) -> bool:
    return not said or sum(word in supports for word in said) / len(said) >= SUPPORTED


def _han_fits(reading: Reading, known: Known, pairs: list[str]) -> bool:
    asked = han_of(reading.around.question) if _may_ask(reading) else ()
    return _fits(pairs, set(known.han).union(asked))


def _other_script(known: Known, said: list[str], pairs: list[str]) -> bool:
    """Whether claim and evidence are written in different scripts, so that words tell nothing."""
    latin = any(content_of(text) for each in known.evidence for text in each.captions)
    return bool(pairs and latin and not known.han) or bool(said and known.han and not latin)
