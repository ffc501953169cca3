"""A checked draft as an answer: one text with its citations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from retrieval.answerers.citing import cited_numbers, marker
from retrieval.records import Answer, Citation

if TYPE_CHECKING:
    from retrieval.answering.checking import Checked
    from retrieval.records import Brief, Claim, Language, SearchResult

#: What is said where nothing else is left.
NOTHING: Mapping[Language, str] = {
    "en": "Nothing that was found supports an answer.",
    "zh": "找到的内容不能支持任何回答。",
}
_ENDINGS = (".", "!", "?", "。", "！", "？")


def written(
    question: str,
    brief: Brief,
    checked: Checked,
    result: SearchResult,
    answerer: str,
    seconds: Mapping[str, float],
) -> Answer:
    """The answer that a checked draft makes: its claims one after the other, or that none is."""
    known = {piece.n: piece for piece in brief.evidence}
    gap = "" if brief.plan.language == "zh" else " "
    citations = tuple(
        Citation(n, known[n].path, claim.text, known[n].photo_id)
        for claim in checked.claims
        for n in claim.cites
        if n in known
    )
    return Answer(
        question=question,
        text=gap.join(filter(None, map(with_marker, checked.claims)))
        or NOTHING[brief.plan.language],
        status=checked.status,
        plan=brief.plan,
        result=result,
        citations=citations,
        struck=checked.struck,
        evidence=brief.evidence,
        totals=brief.totals,
        considered=brief.considered,
        answerer=answerer,
        seconds=dict(seconds),
    )


def with_marker(claim: Claim) -> str:
    """The text of a claim with its citations, which go before the mark at its end."""
    text = claim.text.strip()
    missing = set(claim.cites) - set(cited_numbers(text))
    if not missing:
        return text
    body, ending = (text[:-1], text[-1]) if text.endswith(_ENDINGS) else (text, "")
    return f"{body} {marker(missing)}{ending}".strip()
