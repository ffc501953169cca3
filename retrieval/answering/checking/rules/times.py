"""When: dates and times are those of the cited photos, and each of those has one that is stated."""

from __future__ import annotations

import re
from collections.abc import Iterator

from retrieval.answering.checking.dates import Stated, moment_of, times_in
from retrieval.answering.checking.known import squeezed
from retrieval.answering.checking.reading import Reading
from retrieval.answering.checking.rules.rule import Said, is_told
from retrieval.errors import QueryError
from retrieval.records import Evidence

#: That something was not then: what stands before a date.
_DENIED = re.compile(
    r"(?:\b(?:not|never)|n['’]t)\s+(?:\w+\s+){0,4}$|不是\s*(?:在)?$", re.IGNORECASE
)


def times(reading: Reading) -> Iterator[Said]:
    """Where a part of the claim gives several dates, photos lie between the first and the last."""
    try:
        found = times_in(reading.rest, reading.around.today)
    except QueryError as exc:
        yield Said(0, 0, False, str(exc).partition(". ")[0] + ".")
        return
    groups: dict[tuple[int, ...], list[Stated]] = {}
    for stated in found:
        if _counts(reading, stated):
            continue
        if _known_otherwise(reading, stated):
            yield Said(stated.start, stated.end)
        elif _DENIED.search(reading.text[: stated.start]):
            taken = any(stated.fits(e.facts) for e in reading.known_at(stated.start).evidence)
            reason = f"A cited photo was taken “{_words(reading, stated)}”."
            yield Said(stated.start, stated.end, False if taken else None, reason)
        else:
            groups.setdefault(reading.numbers_at(stated.start), []).append(stated)
    for several in groups.values():
        yield from _compared(reading, several)


def _words(reading: Reading, stated: Stated) -> str:
    return reading.text[stated.start : stated.end].strip()


#: What follows a number of photos.
_PHOTOS = re.compile(
    r"\s*(?:[张幅]|(?:of (?:your|my|the|all) )?(?:\d+ )?(?:photo|picture|image)s?\b"
    r"|ha(?:ve|s) no\b)",
    re.IGNORECASE,
)


def _counts(reading: Reading, stated: Stated) -> bool:
    """Whether what reads like a year counts photos: "2019 photos", "in Cusco (2010)"."""
    text, number = reading.text, reading.text[stated.start : stated.end]
    if not re.fullmatch(r"\d{4}", number):
        return False
    inside = text[: stated.start].endswith("(") and text[stated.end :].startswith(")")
    totals = [total.count for total in reading.around.brief.totals]
    return bool(_PHOTOS.match(text, stated.end)) or (inside and int(number) in totals)


def _known_otherwise(reading: Reading, stated: Stated) -> bool:
    """Whether a caption says it, or a question about what is not there, or a total."""
    words = _words(reading, stated)
    if (stated.soft or not stated.first) and is_told(reading, stated.start, words):
        return True
    asked = squeezed(words) in squeezed(reading.around.question)
    if asked and (stated.soft or reading.negated(stated.start)):
        return True
    return any(
        squeezed(words) == squeezed(total.label) or stated.first == stated.last == total.label
        for total in reading.around.brief.totals
        if total.label and not (reading.cites and reading.known_at(stated.start).evidence)
    )


def _compared(reading: Reading, several: list[Stated]) -> Iterator[Said]:
    """Dates that the same photos are cited for."""
    evidence = reading.known_at(several[0].start).evidence
    dated = [each for each in evidence if moment_of(each.facts)]
    one = len(reading.numbers_at(several[0].start)) == 1
    for stated in several:
        words = _words(reading, stated)
        reason = f"The cited photos were not taken “{words}”."
        if not dated:
            reason = f"No date is known of the cited photos, so not “{words}”."
        holds: bool | None = any(stated.fits(each.facts) for each in dated)
        wide = stated.vague and (one or not stated.first)
        if holds and wide and squeezed(words) not in squeezed(reading.around.question):
            holds = None
        yield Said(stated.start, stated.end, holds, reason)
    for each in dated:
        day = (each.facts.taken_at or "")[:10]
        yield Said(0, 0, _is_stated(each, several), f"[{each.n}] was taken {day}, not then.")


def _is_stated(each: Evidence, several: list[Stated]) -> bool:
    hard = [stated for stated in several if not stated.soft]
    if not hard or any(stated.fits(each.facts) for stated in hard):
        return True
    bounds = [(s.first, s.last) for s in hard if s.first and s.last]
    if len(bounds) < 2:
        return False
    first = min(first for first, _ in bounds)
    last = max(last for _, last in bounds)
    taken = each.facts.taken_at or ""
    return first <= taken[: len(first)] and taken[: len(last)] <= last
