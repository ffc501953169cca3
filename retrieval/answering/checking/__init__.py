"""Checked citations: every claim of a draft is compared, by code, with the evidence that it cites.

What does not follow from it is struck, with the reason. Dates, places, cameras, settings, counts,
quotes and names of files are compared exactly; names and contents by their words. Words that are
not understood are not believed: a claim that has one is not proven, so that the answer is at most
partly grounded. A model that sees may look again at what is left (`verify`).

A draft that code composed from the evidence is compared as exactly, but for its words: those are of
templates, and what it repeats of the question is no claim of its own.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from retrieval.answerers.citing import without_markers
from retrieval.answering.checking.cleaning import clean_text, has_link
from retrieval.answering.checking.content import check_content, check_names
from retrieval.answering.checking.counts import check_numbers
from retrieval.answering.checking.facts import (
    Unsupported,
    check_files,
    check_gear,
    check_settings,
    check_times,
)
from retrieval.answering.checking.instructions import instructs, orders
from retrieval.answering.checking.placing import check_places
from retrieval.answering.checking.quantities import check_quantities
from retrieval.answering.checking.quoting import check_quotes, check_sayings
from retrieval.answering.checking.reading import (
    IsPlace,
    Reading,
    Surroundings,
    read_claim,
    unquoted,
)
from retrieval.records import Brief, Claim, Draft, Evidence, Status, Struck

__all__ = ["Checked", "Judge", "check", "clean_text", "has_link", "instructs", "verify"]

GROUNDED = 0.8  # the confidence from which a claim is as good as sure
_SPARE = 3  # words of its own that a claim may have which quotes, or says that it does not know
_BELIEVED = 0.5  # what a judge has to say of one photo at least


@dataclass(frozen=True, slots=True)
class Checked:
    """What is left of a draft: claims that follow from their evidence, and those that were struck.

    `unproven` are the positions of claims that were not refuted, but say something that no
    description tells: it stands on what the answerer saw in the pictures, or on its word.
    """

    claims: tuple[Claim, ...]
    struck: tuple[Struck, ...]
    status: Status
    unproven: tuple[int, ...] = ()


class Judge(Protocol):
    """Looks at photos and says whether a claim is true of them."""

    def judge(self, claim: str, evidence: Sequence[Evidence]) -> list[float] | None:
        """The probability, per photo, that the claim is true of it; None where it cannot tell."""
        ...


def check(
    draft: Draft,
    brief: Brief,
    *,
    grounded: float = GROUNDED,
    seen: bool = False,
    composed: bool = False,
    is_place: IsPlace | None = None,
    today: datetime.date | None = None,
) -> Checked:
    """Strike what does not follow from the cited evidence; clean all that is left.

    `seen` says that the answerer was shown the pictures: what no text says of their contents is
    then unproven instead of struck, and the answer at most partly grounded until `verify` looked.
    `composed` says that templates made the draft, and no model.
    `is_place` tells names of places (`bool(places().named(name))`), so that one that begins a
    sentence is compared as well. A claim of at least `grounded` confidence is as good as sure.
    """
    around = Surroundings(
        brief=brief,
        seen=seen,
        is_place=is_place or (lambda name: False),
        today=today or datetime.date.today(),
        refused=draft.refused,
        composed=composed,
    )
    claims: list[Claim] = []
    struck: list[Struck] = []
    unproven: list[int] = []
    for claim in draft.claims:
        text = clean_text(claim.text)
        try:
            kept, proven = _stands(claim, text, around)
        except Unsupported as exc:
            struck.append(Struck(text, clean_text(str(exc))))
            continue
        if not proven:
            unproven.append(len(claims))
        claims.append(kept)
    checked = Checked(tuple(claims), tuple(struck), "refused", tuple(unproven))
    return replace(checked, status=_status(checked, draft.refused, grounded))


def _status(checked: Checked, refused: bool, grounded: float) -> Status:
    if refused or not any(claim.cites for claim in checked.claims):
        return "refused"
    sure = all(claim.confidence is None or claim.confidence >= grounded for claim in checked.claims)
    return "grounded" if sure and not checked.struck and not checked.unproven else "partly-grounded"


# --- one claim --------------------------------------------------------------------------------

#: Says that it is not known, or not there.
_KNOWS_NOTHING = re.compile(
    r"\b(?:do(?:es)? not|don['’]t|doesn['’]t|can(?:not|['’]t)|could not|couldn['’]t|unable to"
    r"|not) (?:\w+ ){0,2}?"
    r"(?:know|tell|say|sure|certain|determine|answer|find|found|see|shown?|clear"
    r"|enough|mention\w*|available|known|identif\w+|help|match\w*|contain\w*|possible"
    r"|provide\w*|include\w*)\b"
    r"|\bno (?:\w+ ){0,3}?(?:photo|picture|image|evidence|information|match|answer|date|place"
    r"|caption|one|result)\w*\b|\bnone of\b|\bnothing\b|\bunknown\b|\bunclear\b|\bsorry\b"
    r"|不知道|不清楚|无法|不能确定|没有|未找到|找不到|抱歉|不确定|未知",
    re.IGNORECASE,
)


def _stands(claim: Claim, text: str, around: Surroundings) -> tuple[Claim, bool]:
    """A claim as `_checked` has it; of a composed one, what it repeats need not stand anywhere."""
    if not re.search(r"\w", without_markers(text)):
        raise Unsupported("It says nothing.")
    reading = read_claim(text, claim.cites, around)
    try:
        return _checked(claim, reading)
    except Unsupported:
        unasked = reading.unasked()
        if unasked.rest == reading.rest:
            raise
        return _checked(replace(claim, text=around.unasked(claim.text)), unasked)


def _checked(claim: Claim, reading: Reading) -> tuple[Claim, bool]:
    """The claim with all its citations, and whether its contents are proven. Raises Unsupported."""
    around, text = reading.around, reading.text
    _check_citations(reading)
    spare = _SPARE if _says_nothing(reading) or any(reading.quotes()) else 0
    reading = check_sayings(check_quotes(reading))
    if has_link(unquoted(claim.text)):
        raise Unsupported("It holds a link, which answers do not have.")
    if orders(reading.rest):
        raise Unsupported("It tells what to do instead of saying what the photos show.")
    reading = check_times(check_gear(check_files(reading)))
    reading = check_numbers(check_quantities(check_settings(reading)))
    reading = check_places(reading)
    if around.refused and not around.brief.evidence:  # nothing that could have misled
        return Claim(text, (), claim.confidence), True
    reading = check_names(reading)
    proven = around.composed or check_content(reading, spare)
    confidence = claim.confidence
    if confidence is None:
        confidence = _confidence(reading)
    return Claim(text, reading.cites, confidence), proven


def _check_citations(reading: Reading) -> None:
    around = reading.around
    for number in reading.cites:
        if number not in around.numbers:
            raise Unsupported(f"[{number}] is not among the photos that were found.")
    untold = around.composed and around.brief.unknown and reading.negated(0)
    if not reading.cites and not (around.refused or untold or _says_nothing(reading)):
        raise Unsupported("It cites no photo.")


def _says_nothing(reading: Reading) -> bool:
    """Whether a claim without citations only says that something is not known."""
    return not reading.cites and bool(_KNOWS_NOTHING.search(reading.text))


def _confidence(reading: Reading) -> float | None:
    """Of an answer to when or where: how likely the photo that is meant says the same."""
    plan = reading.around.brief.plan
    if plan.intent not in ("when", "where"):
        return None
    said = {_answer(each, plan.intent) for each in reading.known.evidence} - {None}
    same = [e.probability for e in reading.around.brief.evidence if _answer(e, plan.intent) in said]
    known = [probability for probability in same if probability is not None]
    return min(1.0, sum(known)) if known else None


def _answer(each: Evidence, intent: str) -> str | None:
    return (each.facts.taken_at or "")[:10] or None if intent == "when" else each.place


# --- a second look ----------------------------------------------------------------------------


def verify(checked: Checked, judge: Judge, brief: Brief, *, grounded: float = GROUNDED) -> Checked:
    """Have a model that sees look at each claim and the photos that it cites.

    A claim that none of its photos shows is struck; of one that stands, the confidence is at most
    what the judge says of its best photo. What the judge cannot tell stays as it is.
    """
    evidence = {each.n: each for each in brief.evidence}
    claims: list[Claim] = []
    struck = list(checked.struck)
    unproven: list[int] = []
    for position, claim in enumerate(checked.claims):
        cited = [evidence[n] for n in claim.cites if n in evidence]
        shares = judge.judge(without_markers(claim.text), cited) if cited else None
        best = max((share for share in shares or () if not math.isnan(share)), default=None)
        if best is not None and best < _BELIEVED:
            struck.append(Struck(claim.text, "Looked at again, the cited photos do not show it."))
            continue
        if best is None and position in checked.unproven:
            unproven.append(len(claims))
        claims.append(claim if best is None else _at_most(claim, best))
    left = Checked(tuple(claims), tuple(struck), checked.status, tuple(unproven))
    return replace(left, status=_status(left, checked.status == "refused", grounded))


def _at_most(claim: Claim, share: float) -> Claim:
    if claim.confidence is None:
        return replace(claim, confidence=share)
    return replace(claim, confidence=min(claim.confidence, share))
