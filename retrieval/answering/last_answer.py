"""Questions about photos of the last answer, and what of them is searched among those photos."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from retrieval.answerers.citing import MOST_CITED, cited_numbers
from retrieval.answering.last_plan import meant, without_fields
from retrieval.answering.references import Reference, reference_in

if TYPE_CHECKING:
    from retrieval.answering.last_plan import Plan, Understand
    from retrieval.records import QuestionPlan, Turn

#: What a question says of given photos beside what it asks of them.
_OF_PHOTOS = (
    r"^(?:any|all|both|some|most|none)?\s*(?:of\s+)?the\s+photos?\b\s*",
    r"\s*\b(?:(?:is|are|was|were)\s+)?(?:in|on)\s+(?:any\s+of\s+)?the\s+photos?\b",
    r"^(?:can|could|do)\s+(?:you|i|we)\s+see\s+",
    r"^(?:all|both|any|also|really)\b\s*(?=\S)",
    r"^(?:shows?|has|have|contains?|depicts?|includes?|is|are|was|were)\s+",
    r"^(?:there\s+)?(?:taken|shot|made)\s+(?!with\b|by\b|using\b)(?=\S)",
    r"^(?:其中|[这那]张?)?(?:照片|相片|图片)?(?:里面|里|上面|上|中)?(?:都)?(?:有没有|是不是|有|是)?"
    r"(?=[\u3400-\u9fff]| in )",
)
_THINGS = re.compile(r"有?(?:多少|几)(?:个|位|只|条|匹|头|辆|名)(?P<thing>[^张?？呢啊]{1,8})")
_ALL = re.compile(
    r"(?:\b(?:all|both|most|each|every(?:\s+one)?|any|some|none)(?:\s+of)?\s+)?the photos"
    r"(?:\s+(?:all|both))?\b",
    re.IGNORECASE,
)
_ALL_ZH = re.compile(r"^(?:全)?都(?=[是在有])")
_SEES = re.compile(r"(?:can|could|do)\s+(?:you|i|we)\s+see\b", re.IGNORECASE)


def about_photos(
    plan: QuestionPlan, history: Sequence[Turn], understand: Understand, plan_of: Plan
) -> QuestionPlan | None:
    found = reference_in(plan.question, plan)
    if found is None:
        return None
    last = history[-1]
    if found.number or found.other:  # of the last answer that is a list, not of one about a photo
        last = next((turn for turn in reversed(history) if len(turn.photos) > 1), last)
    ids = _referred(found, last)
    if not ids:
        return None
    if found.asked:
        asked = _asked_of(plan_of(_of_each(found.asked)), found.plural, understand)
    else:
        asked = replace(plan, intent="find", field="", pick="", box="")
    if found.plural and asked.box and len(ids) >= MOST_CITED:
        return _within_last(plan, asked, last, understand)
    return replace(asked, question=plan.question, among=ids, pick="", language=plan.language)


def _of_each(question: str) -> str:
    """A question without "all": how many of given photos are so is said in any case."""
    return (
        _ALL.sub("the photos", question) if "the photos" in question else _ALL_ZH.sub("", question)
    )


def _asked_of(asked: QuestionPlan, plural: bool, understand: Understand) -> QuestionPlan:
    """What is asked of given photos; its box is what they are searched for."""
    things = _THINGS.search(asked.box or asked.question) if asked.language == "zh" else None
    if things and not plural:
        return replace(asked, intent="what", field="number", box=things["thing"])
    box = predicate(asked.box)
    if asked.intent == "find" and _SEES.match(asked.box):
        asked = replace(asked, intent="yes-no")
    if asked.intent == "count" and box and not plural:
        return replace(asked, intent="what", field="number", box=box)
    if asked.intent == "yes-no" and not box:
        return replace(asked, intent="find", box="")  # nothing is asked of them
    if asked.intent in ("yes-no", "count"):
        return replace(asked, box=box)
    if not plural:
        return replace(asked, box="")  # of one photo it says where to look: "on the sign"
    keeps = asked.intent in ("find", "when", "where")
    return replace(asked, box=box if keeps else _filters_only(box, understand))


def predicate(box: str) -> str:
    """What a question asks of given photos: "the photo taken in Paris" is "in Paris"."""
    for pattern in _OF_PHOTOS:
        box = " ".join(re.sub(pattern, " ", box, flags=re.IGNORECASE).split())
    return box


def _within_last(
    plan: QuestionPlan, asked: QuestionPlan, last: Turn, understand: Understand
) -> QuestionPlan:
    """The same of more photos than an answer has numbers for: the last box with what is asked."""
    fields = {each.field for each in understand(asked.box).filters if not each.negated} - {"text"}
    box = without_fields(last.plan.box, fields, understand)
    return replace(
        asked,
        question=plan.question,
        box=f"{asked.box} {box}".strip(),
        among=last.plan.among,
        pick="",
        language=plan.language,
    )


def _referred(found: Reference, last: Turn) -> tuple[int, ...]:
    """The ids of the photos that are meant: by number, or those that the last answer cites."""
    photos = last.photos
    if found.plural:
        return meant(last)
    if found.number:
        place = found.number - 1 if found.number > 0 else len(photos) + found.number
        return photos[place : place + 1] if 0 <= place < len(photos) else ()
    cited = [n for n in cited_numbers(last.answer) if 0 < n <= len(photos)]
    first = 1 if 1 in cited or not cited else cited[0]  # the best match, wherever it is named
    if found.other:
        others = [n for n in range(1, len(photos) + 1) if n != first]
        return (photos[others[0] - 1],) if others else ()
    return photos[first - 1 : first]


def _filters_only(box: str, understand: Understand) -> str:
    """What a box filters by; the words beside it stand for the photos themselves."""
    query = understand(box) if box.strip() else None
    if query is None:
        return ""
    return " ".join(chip.text for chip in query.chips if chip.filter is not None)
