"""How many: photos are counted by the totals, all else that has a number stands in the evidence."""

from __future__ import annotations

import datetime
import math
import operator
import re
from collections.abc import Callable, Iterator
from contextlib import suppress

from retrieval.answerers.extractive.counting import UNKNOWN
from retrieval.answering.checking.dates import times_in
from retrieval.answering.checking.known import Known, squeezed
from retrieval.answering.checking.numbers import PHOTOS, Number, numbers_of
from retrieval.answering.checking.reading import Reading
from retrieval.answering.checking.rules.rule import Said
from retrieval.answering.checking.tables import COMMON, DOING
from retrieval.answering.checking.words import fold, stem, stems_of
from retrieval.errors import QueryError
from retrieval.records import Total

_DOING = frozenset(map(stem, DOING))
_UNSPACED = re.compile(r"[\u3400-\u9fff]")
_HAN_WORDS = re.compile(
    r"(?![只个条位名匹头座辆部件双对台张幅的了在是有和与上里中])[\u3400-\u9fff]"
)
#: What the cited photos differ in, by the stems of the nouns that are counted.
_KINDS = {
    "day": "day", "天": "day", "month": "month", "year": "year", "年": "year",
    "city": "city", "town": "city", "place": "city", "country": "country", "region": "region",
    "camera": "camera", "len": "lens", "lense": "lens", "相": "camera", "镜": "lens", "城": "city",
    "国": "country", "week": "week", "trip": "trip", "旅": "trip",
}  # fmt: skip
#: What is said of photos that a number alone stands for: "46 were taken in Berlin".
_OF_PHOTOS = ("were", "was", "are", "is", "show", "shows", "seem", "seems", "from", "in")
_BEFORE_PHOTOS = ("of", "the", "your", "my", "such", "more", "best")
_OF_ALL = re.compile(
    r"(?:\b(?:of|among|all|out of|searched|considered|in|from|the|your|these|my)\b"
    r"|共|在这?|从|全部|的)\s*"
    r"(?:your |the |all |my |our )*$",
    re.IGNORECASE,
)
_OF_MATCHES = re.compile(
    r"\b(?:match\w*|found|fit|fits|in all|altogether|total|search\w*|relevant)\b|共|匹配|找到",
    re.IGNORECASE,
)


def numbers(reading: Reading) -> Iterator[Said]:
    """Every number follows from a total, from the cited photos, or from what is said of them."""
    for number in numbers_of(reading.rest):
        typed = reading.text[number.start : number.end].strip()
        holds: bool | None = _follows(reading, number)
        if holds and not _is_exact(reading, number):
            holds = None
        reason = f"The number {typed} does not follow from the cited photos."
        if _counts_photos(number):
            reason = f"{typed} is not how many photos there are."
        yield Said(number.start, number.end, holds, reason)


_NOT_QUITE = re.compile(r"\b(?:nearly|almost|not quite|close to|not)\s+$|(?:不是|将近|接近)$", re.I)


def _is_exact(reading: Reading, number: Number) -> bool:
    """Whether a number is said as it is, and not only by a text that may be no description."""
    known = reading.known_at(number.start)
    if _NOT_QUITE.search(reading.text[: number.start]):
        return False
    only_told = number.value in known.numbers - known.firm.numbers
    return _comparison(reading.text[: number.start]) is operator.eq and not only_told


def _follows(reading: Reading, number: Number) -> bool:
    known = reading.known_at(number.start)
    if number.percent:
        if "of" in number.after[:2] and PHOTOS.intersection(map(stem, number.after[:5])):
            whole = reading.around.brief.considered or math.inf
            counts = counts_at(reading, number.start)
            return any(abs(100 * count / whole - number.value) <= 0.5 for count in counts)
        return _is_share(reading, known, number.value)
    if _numbers_a_photo(number):
        return number.value in reading.cites
    if _counts_the_rest(reading, number) or _counts_unknown(reading, number):
        return True
    if _counts_photos(number):
        return _is_count(reading, number)
    kind = next((_KINDS[w] for w in map(stem, number.after[:2]) if w in _KINDS), None)
    if kind and number.value in (*_differing(known, kind), _groups(reading, kind)):
        return True
    return _stands(reading, known, number)


def _counts_photos(number: Number) -> bool:
    """Whether photos are counted: a noun of photos follows, or nothing that could be counted."""
    after = [word for word in number.after if word not in _BEFORE_PHOTOS]
    if not after or stem(after[0]) in PHOTOS or after[0] in (*_OF_PHOTOS, "张", "幅"):
        return True
    return len(after) > 1 and stem(after[1]) in PHOTOS and after[0] not in COMMON


def _numbers_a_photo(number: Number) -> bool:
    """ "photo 3": it names one, by its number."""
    last = number.before[-1:] and stem(number.before[-1])
    return last in PHOTOS and not (number.after and stem(number.after[0]) in PHOTOS)


# --- counts of photos -------------------------------------------------------------------------


def _is_count(reading: Reading, number: Number) -> bool:
    brief = reading.around.brief
    whole = {brief.considered, len(brief.evidence), len(brief.plan.among)} - {0}
    if number.value in whole and _OF_ALL.search(reading.text[: number.start]):
        return True
    numbers = reading.numbers_at(number.start)
    fits = _comparison(reading.text[: number.start])
    if fits is operator.eq and numbers and number.value in (len(numbers), len(reading.cites)):
        return _is_all(reading, numbers)
    named = labelled(reading, number.start)
    if named:
        return any(fits(number.value, total.count) for total in named)
    plain = [total.count for total in brief.totals if not total.label]
    if not plain and _OF_MATCHES.search(reading.sentence(number.start)):
        plain = [count for count in (brief.matched, brief.relevant) if count is not None]
    return any(fits(number.value, count) for count in plain) or (
        fits is operator.eq and _is_folded(reading, number.value)
    )


#: What may stand before a count, and whether the count that is said fits the real one then.
_COMPARED: tuple[tuple[re.Pattern[str], Callable[[float, float], bool]], ...] = tuple(
    (re.compile(rf"(?:{pattern})\s*$", re.IGNORECASE), fits)
    for pattern, fits in (
        (r"\b(?:at most|up to|(?:no|not) more than)|至多|最多", operator.ge),
        (r"\b(?:at least|(?:no|not) (?:fewer|less) than)|至少", operator.le),
        (r"\b(?:more than|over|above|in excess of)|超过|多于", operator.lt),
        (r"\b(?:fewer than|less than|under|below|short of)|少于|不到|不足", operator.gt),
    )
)


def _comparison(before: str) -> Callable[[float, float], bool]:
    return next((fits for pattern, fits in _COMPARED if pattern.search(before)), operator.eq)


def counts_at(reading: Reading, at: int) -> tuple[int, ...]:
    """How many photos the words at `at` may be said of: the totals that are named there, or all."""
    brief = reading.around.brief
    named = [total.count for total in labelled(reading, at)]
    plain = [total.count for total in brief.totals if not total.label]
    if not named and not plain and brief.relevant is not None:
        plain = [brief.relevant]
    return tuple(named or plain)


def _counts_unknown(reading: Reading, number: Number) -> bool:
    """ "49 of your 500 photos have no place": of so many it is not known."""
    unknown = [each.count for each in reading.around.brief.unknown]
    return number.value in unknown and reading.negated(number.start)


def _counts_the_rest(reading: Reading, number: Number) -> bool:
    """ "and 5 more": what a composed list leaves out, which is less than all."""
    brief = reading.around.brief
    rest = number.after[:1] == ("more",) or number.before[-2:] == ("另", "外")
    most = max(len(brief.totals), len(brief.evidence))
    return rest and reading.around.composed and 0 < number.value < most


def _is_all(reading: Reading, numbers: tuple[int, ...]) -> bool:
    """Whether the count of what is cited may stand: not where a total says there are others."""
    if reading.around.brief.plan.intent != "count":
        return True
    totals = [total.count for total in reading.around.brief.totals]
    return not totals or len(numbers) in totals


def labelled(reading: Reading, at: int) -> tuple[Total, ...]:
    """The totals whose labels stand in the clause at `at`; else in its sentence."""
    totals = [total for total in reading.around.brief.totals if total.label]
    for part in map(reading.around.labelling, (reading.clause(at), reading.sentence(at))):
        named = [total for total in totals if _names(part, total.label, reading)]
        if named:
            return tuple(named)
    return ()


def _names(part: str, label: str, reading: Reading) -> bool:
    if reading.around.repeats(label, part):
        return True
    if label == UNKNOWN:
        return bool(
            re.search(r"unknown|no (?:date|place|camera)|without|不明|未知|没有", part, re.I)
        )
    plain, wanted = f" {_spaced(part)} ", _spaced(label)
    if f" {wanted} " in plain or (not wanted.isascii() and wanted in plain):
        return True
    if f" {_spaced(label.partition(',')[0])} " in plain:
        return True
    with suppress(QueryError):
        stated = times_in(part, reading.around.today)
        return any(each.first == each.last == label for each in stated)
    return False


def _spaced(text: str) -> str:
    return " ".join(re.findall(r"[^\W\u3400-\u9fff]+|[\u3400-\u9fff]+", fold(text)))


def _is_folded(reading: Reading, value: float) -> bool:
    """Near-duplicates behind the photos that are cited may be counted with them."""
    evidence = reading.known.evidence
    return bool(evidence) and value == sum(1 + len(each.folded) for each in evidence)


# --- other numbers ----------------------------------------------------------------------------


def _is_share(reading: Reading, known: Known, value: float) -> bool:
    shares = [share for each in known.evidence for _, share in each.tags]
    for each in known.evidence:
        shares += [x for x in (each.relevance, each.probability) if x is not None]
    together = sum(each.probability or 0 for each in known.evidence)
    shares += [together] if together <= 1 else []
    said = any(f"{value:g}" in text for text in known.quotable)
    return said or any(abs(100 * share - value) <= 1 for share in shares)


def _groups(reading: Reading, kind: str) -> int | None:
    """How many groups of that kind SQL counted, where the plan asked for them."""
    brief = reading.around.brief
    if brief.plan.group != kind:
        return None
    return sum(total.label not in ("", UNKNOWN) for total in brief.totals)


def _differing(known: Known, kind: str) -> tuple[int, ...]:
    """How many days, cities, … the photos have; days also from the first to the last."""
    if kind == "trip":
        return ()
    facts = [each.facts for each in known.evidence]
    if kind in ("day", "month", "year", "week"):
        length = {"day": 10, "month": 7, "year": 4, "week": 10}[kind]
        taken = sorted({f.taken_at[:length] for f in facts if f.taken_at})
        if kind not in ("day", "week") or len(taken) < 2:
            return (len(taken),)
        span = _days_between(taken[0], taken[-1])
        return (len(taken), span, span + 1) if kind == "day" else (span // 7, -(-(span + 1) // 7))
    return (len({value for f in facts if (value := getattr(f, kind))}),)


def _days_between(first: str, last: str) -> int:
    with suppress(ValueError):
        return (datetime.date.fromisoformat(last) - datetime.date.fromisoformat(first)).days
    return 0


def _stands(reading: Reading, known: Known, number: Number) -> bool:
    """Whether a text of the photos has the number, before the thing that the claim counts."""
    if number.value in known.spoken_numbers and _attributed(reading):
        return True
    if number.value not in known.numbers:
        asked = {each.value for each in numbers_of(reading.around.question)}
        relevant = any(each.relevant for each in known.evidence)
        return number.value in asked and (relevant or reading.negated(number.start))
    wanted = _things(number)
    if not wanted:
        return True
    others = (other for text in known.texts for other in numbers_of(text))
    return any(
        stems_of(_things(other)) & stems_of(wanted)
        or set(_HAN_WORDS.findall("".join(other.after))) & set(wanted)
        for other in others
        if other.value == number.value
    )


def _things(number: Number) -> list[str]:
    """What a number counts: the next two words that are no doing ("black dogs", "dogs")."""
    after = [word for word in number.after if word not in COMMON and stem(word) not in _DOING]
    han = [word for word in after if _HAN_WORDS.fullmatch(word)]
    return han or [word for word in after if not _UNSPACED.match(word)][:2]


def _attributed(reading: Reading) -> bool:
    return bool(
        re.search(
            r"\b(?:says?|reads?|writ\w+|sign|label|text|shows?|number\w*)\b|写|号",
            reading.text,
            re.I,
        )
    ) and not re.search(r"\banswer\b|答案", squeezed(reading.text))
