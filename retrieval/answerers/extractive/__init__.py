"""Answers without a model: templates over the evidence, in English and Chinese.

A sentence says nothing but what the facts, captions and writing of the photos that it cites say, or
what SQL counted. How sure it is stands in its words and in `Claim.confidence`, which is the
probability that it is right, or None where exact filters chose the photos:

    0.8 and more   "On 2023-02-15 … [1]."                    said plainly
    0.5 and more   "Most likely on 2023-02-15 … [1]."        很可能
    0.25 and more  "Perhaps on 2023-02-15 … [1]."            也许
    less           "With little certainty: on 2023-02-15 …"  不太确定

Below 0.6, from where on an answer is called grounded, others are named that may be right as well.
Where several photos may be meant, the probability of an answer is the sum over the photos that give
it (the same day, the same place). Where nothing matches, or nothing says it, the draft is `refused`
and its claims say why.
"""

from __future__ import annotations

from dataclasses import replace

from retrieval.answerers.extractive.chinese import CHINESE
from retrieval.answerers.extractive.counting import IN_TIME, compare, count
from retrieval.answerers.extractive.describing import describe
from retrieval.answerers.extractive.english import ENGLISH
from retrieval.answerers.extractive.finding import elsewhere, elsewhere_too, find, yes_or_no
from retrieval.answerers.extractive.quoting import coloured, what, written
from retrieval.answerers.extractive.refusing import refused, untold
from retrieval.answerers.extractive.saying import Voice
from retrieval.answerers.extractive.those import inside
from retrieval.answerers.extractive.valued import tell
from retrieval.answerers.extractive.wanted import field_of, only_absent, own_day
from retrieval.records import Brief, Claim, Draft, TextCallback, ignore_text


class ExtractiveAnswerer:
    """Says what the evidence says, by templates. See the module."""

    name = "extractive"

    def answer(self, brief: Brief, *, on_text: TextCallback = ignore_text) -> Draft:
        """Answer from the brief. Raises nothing of its own, whatever the evidence holds."""
        wording = CHINESE if brief.plan.language == "zh" else ENGLISH
        voice = Voice(wording, brief.plan)
        draft = compose(brief, voice)
        if not draft.refused:
            more = (*elsewhere_too(brief, voice), *untold(brief, voice))
            draft = replace(draft, claims=(*draft.claims, *more))
        for number, claim in enumerate(draft.claims):
            on_text(f"{wording.between if number else ''}{claim.text}")
        return draft


def compose(brief: Brief, voice: Voice) -> Draft:
    """The draft for the plan's intent."""
    if day := own_day(brief):
        return refused(Claim(voice.wording.own_day.format(day=day)))
    if only_absent(brief.plan):
        return refused(Claim(voice.wording.only_absent.format(box=voice.box)))
    if brief.elsewhere and (draft := elsewhere(brief, voice, brief.elsewhere)):
        return draft
    field = field_of(brief.plan)
    match brief.plan.intent:
        case "when":
            return tell(brief, voice, field if field in IN_TIME else "taken")
        case "where":
            places = ("place", "city", "region", "country", "latitude", "longitude", "altitude")
            return tell(brief, voice, field if field in places else "place")
        case "what":
            return _what(brief, voice, field)
        case "count":
            return count(brief, voice)
        case "compare":
            return compare(brief, voice)
        case "describe":
            return describe(brief, voice)
        case "yes-no":
            return yes_or_no(brief, voice)
        case "find":
            return _what(brief, voice, field) if field else find(brief, voice)


def _what(brief: Brief, voice: Voice, field: str) -> Draft:
    if field == "writing":
        return written(brief, voice)
    if field == "number":
        return inside(brief, voice)
    if field == "colour":
        return coloured(brief, voice)
    if field in ("", "people", "caption"):
        return what(brief, voice)
    return tell(brief, voice, field)
