"""Names and contents of a claim: what nothing in the evidence or the question has is not believed.

Names are compared word by word. Contents (things, colours, what they do) are compared only as far
as words can: a claim of which less than SUPPORTED stands in its evidence is struck, unless the
answerer saw the pictures; one of which not all does is not proven.
"""

from __future__ import annotations

import re

from retrieval.answering.checking.facts import Unsupported
from retrieval.answering.checking.known import Known
from retrieval.answering.checking.languages import SMALL, is_foreign
from retrieval.answering.checking.reading import Reading
from retrieval.answering.checking.words import (
    COMMON,
    WORD,
    content_of,
    fold,
    han_of,
    stem,
    words_in,
)
from retrieval.queries.ordinary import words

_SMALL = frozenset(map(stem, SMALL))
#: The share of a claim's words of content that its evidence, or the question, has to have. Of
#: people's captions for the same photo, compared with four others, 10 % have less, and of captions
#: for another photo 95 % (scripts/measure_checking.py); at 0.5 it is 16 % and 97 %.
SUPPORTED = 0.4

_ANY_NAME = words("i i'm i've i'd exif gps iso ocr am pm utc gmt ad bc ok yes no sql id")
_SAYS = re.compile(
    r"\b(?:says?|reads?|writ\w+|sign|label|text|lettering|inscription|printed|words?|name[ds]?"
    r"|titled?|poster|banner|spells?)\b|写|字|牌",
    re.IGNORECASE,
)
_VERDICT = re.compile(
    r"^\W*(?:yes|yeah|no|correct|true|false|indeed|right|是的?|不是|有|没有|对|不对|否|会|可以)"
    r"(?![a-z])",
    re.IGNORECASE,
)
_GEAR = words(
    """
    canon nikon sony fujifilm fuji leica olympus panasonic pentax samsung iphone pixel huawei
    xiaomi gopro dji hasselblad ricoh kodak sigma tamron zeiss oneplus oppo vivo motorola nokia
    polaroid minolta casio lumix
    """
)


def check_names(reading: Reading) -> Reading:
    """Words written like names, and those made of letters and digits, are of the cited photos."""
    for match in WORD.finditer(reading.rest):
        word = match[0]
        if not _is_name(reading, match):
            continue
        known = reading.known_at(match.start())
        folded = fold(word).removesuffix("'s").removesuffix("s'")
        if not _has_name(reading, known, folded, match.start()):
            raise Unsupported(f"Nothing in the cited photos says “{word}”.")
    return reading


def _is_name(reading: Reading, match: re.Match[str]) -> bool:
    word, folded = match[0], fold(match[0])
    if folded in _ANY_NAME or folded in COMMON:
        return False
    if folded in SMALL and is_foreign(reading.text):
        return False
    if any(c.isdigit() for c in word):
        return any(c.isalpha() for c in word) and not re.fullmatch(
            r"\d+(?:st|nd|rd|th|s|x)", folded
        )
    if folded in _GEAR and folded not in ("pixel", "vivo", "sigma"):
        return True
    if not word[0].isupper():
        return False
    around = reading.around
    if _begins(reading.text, match.start()):
        return folded in _GEAR or around.is_place(word) or _is_subject(reading, match)
    return not around.seen or around.is_place(word) or folded in _GEAR or _is_long(reading, match)


def _begins(text: str, at: int) -> bool:
    """Whether a sentence, a quote or a list begins there, where every word is written so."""
    return bool(re.search(r"(?:^|[.!?:;。！？：“\"「(\]）\n•]|[-–—] )\W*$", text[:at]))


def _is_subject(reading: Reading, match: re.Match[str]) -> bool:
    """ "Maria is …": whoever begins a sentence, in a language with capitals, and is one."""
    behind = reading.rest[match.end() :]
    return not reading.around.seen and bool(
        re.match(r"(?:'s)?\s+(?:is|was|has|had|and [A-Z]|[A-Z]\w+ (?:is|was|and))\b", behind)
    )


def _is_long(reading: Reading, match: re.Match[str]) -> bool:
    """Whether another capital follows or precedes: "Maria Lopez"."""
    return bool(
        re.match(r"\s+[A-Z][a-z]", reading.rest[match.end() :])
        or re.search(r"(?:^|\s)[A-Z][a-z]+\s+$", reading.rest[: match.start()])
    )


def _has_name(reading: Reading, known: Known, folded: str, at: int) -> bool:
    if folded in known.words or stem(folded) in known.stems:
        return True
    if folded in known.spoken and _SAYS.search(reading.text):
        return True
    around = reading.around
    if folded in set(words_in(f"{around.question} {around.brief.plan.box}")):
        return reading.negated(at) or not _asks_for_place(reading, folded)
    return reading.is_counted(at, folded)


def _asks_for_place(reading: Reading, folded: str) -> bool:
    question = fold(reading.around.question)
    cued = re.search(
        rf"\b(?:in|at|near|from|to|around)\s+(?:\w+\s+)?{re.escape(folded)}\b", question
    )
    return bool(cued) or reading.around.is_place(folded)


#: Words that turn what a sentence says: they are understood, or nothing is proven.
_TURNING = words(
    """
    no not none nothing neither nor never without cannot all every each both most many few several
    least less more only always often again half majority before after since until till during
    between among except unless instead other another but any first second third last latest
    earliest newest oldest next past previous
    """
)
_SEXES = (
    frozenset(map(stem, words("man men guy gentleman male boy boys son sons father guys"))),
    frozenset(map(stem, words("woman women lady ladies female girl girls daughter mother"))),
)
_HEDGES = re.compile(
    r"\b(?:most|more|less|very|at least as) (?:likely|probably)\b|\bno doubt\b|\bor else\b"
    r"|\bat least as\b|\bJust as many\b|^\W*No\b(?=[,:.])",
    re.IGNORECASE,
)
_CLEARED = re.compile(r"\bno (\w+)(?: \w+)? (?:is|are|was|were) known\b", re.IGNORECASE)
_FACTS = {"date": "taken_at", "day": "taken_at", "time": "taken_at", "place": "city"}


def check_content(reading: Reading, spare: int = 0) -> bool:
    """Whether every word of a claim stands in its evidence, so that it is proven.

    A claim of which less than SUPPORTED does is struck, unless its answerer saw the picture; so
    many words as `spare` may be its own. Raises Unsupported.
    """
    known, around = reading.known, reading.around
    _check_planted(reading)
    said = content_of(reading.rest)
    if is_foreign(reading.rest):
        said = [word for word in said if word not in _SMALL]
    pairs = han_of(reading.rest)
    supports = _supports(reading, known)
    if not said and not pairs and _VERDICT.match(reading.text) and not _is_relevant(known):
        said, supports = content_of(around.question), set(known.stems)
    missing = len(set(said) - supports) + len(pairs) // 2
    fits = _share(said, supports) >= SUPPORTED and _han_fits(reading, known, pairs)
    if missing > spare and not fits:
        if around.seen or _other_script(known, said, pairs):
            return False
        raise Unsupported("Nothing that is known of the cited photos says so.")
    return reading.proven and _is_proven(reading, said, pairs)


def _supports(reading: Reading, known: Known) -> set[str]:
    """The stems that a claim may use."""
    around = reading.around
    found = set(known.stems) | {stem(word) for word in known.words}
    if _SAYS.search(reading.text):
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
    for kind in _SEXES:  # "children" are not yet boys
        supports -= set() if kind & told else kind
    if set(said) - supports:
        return False
    if pairs and not _han_fits(reading, firm, pairs):
        return False
    return not _turns(reading, firm) and not _has_digits(reading, firm)


def _turns(reading: Reading, firm: Known) -> bool:
    """Whether a word is left that turns the sense, and neither evidence nor question has it."""
    rest = _HEDGES.sub(" ", reading.rest)
    if any(_lacks(reading, match[1]) for match in _CLEARED.finditer(rest)):
        rest = _CLEARED.sub(" ", rest)
    turning = (set(words_in(rest)) & _TURNING) | {w for w in words_in(rest) if w.endswith("n't")}
    return bool(turning - firm.words - set(words_in(reading.around.question)))


def _lacks(reading: Reading, noun: str) -> bool:
    name = _FACTS.get(noun.casefold(), noun.casefold())
    return not any(getattr(each.facts, name, None) for each in reading.known.evidence)


def _has_digits(reading: Reading, firm: Known) -> bool:
    """Whether a number is left that nothing has read."""
    left = re.findall(r"[^\W_]*\d[^\W_]*", fold(reading.rest))
    return any(word not in firm.words for word in left)


def _check_planted(reading: Reading) -> None:
    """Nothing may come from a text that looks like an instruction alone, whoever saw it."""
    around = reading.around
    planted = around.everything.planted
    if not planted:
        return
    told = {stem(word) for text in planted for word in words_in(text)}
    told -= around.everything.stems | around.asked
    said = [each for each in content_of(reading.rest) if each in told]
    pairs = {pair for text in planted for pair in han_of(text)}
    pairs -= around.everything.han | set(han_of(around.question))
    if said or len(pairs.intersection(han_of(reading.rest))) > 1:
        raise Unsupported("It repeats a text in a photo that tells what to say.")


def _may_ask(reading: Reading) -> bool:
    """Whether the question's own words count as supported: where search found that they match."""
    known = reading.known
    return not known.evidence or _is_relevant(known) or reading.negated(0)


def _is_relevant(known: Known) -> bool:
    return any(each.relevant or each.relevance is None for each in known.evidence)


def _share(said: list[str], supports: set[str]) -> float:
    return sum(word in supports for word in said) / len(said) if said else 1.0


def _han_fits(reading: Reading, known: Known, pairs: list[str]) -> bool:
    if not pairs:
        return True
    supports = set(known.han)
    if _may_ask(reading):
        supports |= set(han_of(reading.around.question))
    return _share(pairs, supports) >= SUPPORTED


def _other_script(known: Known, said: list[str], pairs: list[str]) -> bool:
    """Whether claim and evidence are written in different scripts, so that words tell nothing."""
    latin = any(content_of(text) for each in known.evidence for text in each.captions)
    return bool(pairs and latin and not known.han) or bool(said and known.han and not latin)
