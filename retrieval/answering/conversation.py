"""Follow-ups: questions that only mean something after others.

Deterministic, English and Chinese. What a question leaves out is taken from the turn before:

- "and in Berlin?", "what about 2021?", "and the year before?", "那前一年呢？": the last plan, whose
  pieces of the same kind are replaced
- "no, I meant puppies", "不，我是说小狗": the same, put right
- "only the ones at night", "只要晚上的": the last plan with more words
- "how many?", "show me": the last plan, counted or shown
- "when was that?", "the second one: what is written on it?", "第二张在哪里拍的": a question about
  photos of the last answer
- "is it a cat?", "how many of them show a cat?", "were they taken with a Canon?": the same, where
  what is asked is searched among those photos

Anything else begins anew. What points at photos that the last answer does not have is refused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from retrieval.answering.last_answer import about_photos
from retrieval.answering.last_plan import (
    bare,
    beside,
    check_dated,
    counted_on,
    exchanged,
    like_last,
    meant,
    narrowed,
    shifted,
)
from retrieval.answering.references import likeness, reference_in
from retrieval.errors import QueryError

if TYPE_CHECKING:
    from retrieval.answering.last_plan import Plan, Understand
    from retrieval.records import QuestionPlan, Turn

#: The last plan, counted or shown: "how many?", "show me".
_COUNTED = re.compile(
    r"(?:and\s+)?how\s+many(?:\s+(?:are|were)\s+(?:there|they|those)|\s+(?:is|was)\s+(?:that|it))?"
    r"|(?:一共|总共)?(?:有)?(?:多少|几)张?",
    re.IGNORECASE,
)
_SHOWN = re.compile(
    r"(?:please\s+)?(?:show|list|display|let\s+me\s+see|can\s+i\s+see)(?:\s+(?:me|us))?"
    r"(?:\s+(?:them|these|those|the\s+photos|all|all\s+of\s+them|them\s+all))?"
    r"|which(?:\s+(?:ones?|of\s+(?:them|those|these)))?|(?:是)?哪(?:些|几张)"
    r"|(?:给我)?(?:看看|显示|看一下|展示)(?:吧|它们|照片|这些照片)?",
    re.IGNORECASE,
)
_NEAR = re.compile(r"(?:and\s+)?(?P<word>before|after|since)\s+(?:that|then)", re.IGNORECASE)
_UNSAID = re.compile(
    r"when\s+(?:did|do|have|had)\s+(?:i|we|they|he|she)\s+"
    r"(?:(?:come|came|go|get|got|went|fly|drive)(?:\s+(?:back|home|there|away))?|return|leave|arrive)",
    re.IGNORECASE,
)


def follow_up(
    plan: QuestionPlan, history: Sequence[Turn], understand: Understand, plan_of: Plan
) -> QuestionPlan:
    """What a question means after the turns before it; `plan` is what it means alone.

    `understand` compiles a box, `plan_of` plans a question. What cannot be understood begins anew.
    Raises QueryError for what points at a photo, or a date, that the last answer does not have.
    """
    if not history:
        return plan
    last = history[-1]
    if likeness(plan.question) is not None:
        raise QueryError(
            'What is like a photo is not told in words. Use "retrieval similar PATH", or /similar '
            "and a number in a chat."
        )
    check_dated(plan, last, understand)
    if near := _NEAR.fullmatch(bare(plan.question)):
        return beside(plan, last, near["word"], understand)
    try:
        found = (
            _again(plan, last)
            or shifted(plan, last, understand)
            or narrowed(plan, last, understand)
            or counted_on(plan, last, understand, plan_of)
            or about_photos(plan, history, understand, plan_of)
            or exchanged(plan, last, understand, plan_of)
        )
    except QueryError:
        return plan
    if found is None:
        _check_said(plan)
    return found or plan


def _check_said(plan: QuestionPlan) -> None:
    """Raise QueryError for a question that means nothing without an answer that has photos."""
    if reference_in(plan.question, plan) is not None:
        raise QueryError(
            "The question points at a photo that the last answer does not have. Say which photos "
            "you mean."
        )
    if _UNSAID.fullmatch(bare(plan.question)):
        raise QueryError("The question does not say what it is about. Name a place or a date.")


def _again(plan: QuestionPlan, last: Turn) -> QuestionPlan | None:
    """ "how many?", "show me": what the last plan found."""
    counts = _COUNTED.fullmatch(bare(plan.question))
    if not counts and not _SHOWN.fullmatch(bare(plan.question)):
        return None
    several = bool(last.plan.alternatives)
    if several and not last.photos:
        return None
    return replace(
        like_last(plan, last, last.plan.box, meant(last) if several else last.plan.among),
        intent="count" if counts else "find",
        field="",
        most="",
        group="",
        pick="" if counts else last.plan.pick,
    )
