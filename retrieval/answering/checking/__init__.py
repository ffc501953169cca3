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
from retrieval.answering.checking.instructions import instructs
from retrieval.answering.checking.reading import (
    IsPlace,
    Reading,
    Surroundings,
    read_claim,
    unquoted,
)
from retrieval.answering.checking.rules import FACTS, WORDS, Unsupported, apply
from retrieval.records import Brief, Claim, Draft, Evidence, Status, Struck

__all__ = ["Checked", "Judge", "check", "clean_text", "has_link", "instructs", "verify"]

GROUNDED = 0.8  # the confidence from which a claim is as good as sure
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
    """The claim with all its citations, and whether it is proven. Raises Unsupported."""
    _check_citations(reading)
    if has_link(unquoted(claim.text)):
        raise Unsupported("It holds a link, which answers do not have.")
    left = apply(FACTS, reading)
    if reading.around.refused and not reading.around.brief.evidence:  # nothing could mislead
        return Claim(reading.text, (), claim.confidence), True
    left = apply(WORDS, left)
    confidence = _confidence(reading) if claim.confidence is None else claim.confidence
    return Claim(reading.text, reading.cites, confidence), left.proven or left.around.composed


def _check_citations(reading: Reading) -> None:
    around = reading.around
    for number in reading.cites:
        if number not in around.numbers:
            raise Unsupported(f"[{number}] is not among the photos that were found.")
    untold = around.composed and around.brief.unknown and reading.negated(0)
    if not (reading.cites or around.refused or untold or reading.says_nothing):
        raise Unsupported("It cites no photo.")


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
