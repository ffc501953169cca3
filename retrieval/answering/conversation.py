"""Follow-ups: questions that only mean something after others.

Deterministic, English and Chinese. What a question leaves out is taken from the turn before:

- "and in Berlin?", "what about 2021?", "and the year before?", "那前一年呢？": the last plan, whose
  pieces of the same kind are replaced
- "only the ones at night", "只要晚上的": the last plan with more words
- "when was that?", "the second one: what is written on it?", "第二张在哪里拍的": a question about
  photos of the last answer

Anything else begins anew.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from retrieval.answerers.citing import cited_numbers
from retrieval.answering.references import Reference, reference_in
from retrieval.errors import QueryError

if TYPE_CHECKING:
    from retrieval.records import Filter, Query, QuestionPlan, Turn

    #: What the search box makes of a text: parts, filters and chips.
    Understand = Callable[[str], Query]
    #: What a question alone means.
    Plan = Callable[[str], QuestionPlan]

_AND = re.compile(
    r"\s*(?:and|so|ok|okay|but|then|now)?[\s,]*(?:what|how)\s+about\b[\s,]*(?P<rest>.+)"
    r"|\s*(?:and|but|then)\b[\s,]+(?P<and>.+)"
    r"|\s*(?:那么?|换成|还有)\s*(?P<zh>.+?)\s*(?:呢|的话|怎么样)?\s*"
    r"|\s*(?P<ne>.+?)\s*呢\s*",
    re.IGNORECASE | re.DOTALL,
)
_ONLY = re.compile(
    r"\s*(?:and\s+|but\s+|now\s+|then\s+)?(?:(?:show|give)\s+(?:me\s+)?)?(?:only|just)\b\s*"
    r"(?:(?:the|those|these)\s+)?(?:(?:ones?|photos?|pictures?|images?|shots?|those|these)\b\s*)?"
    r"(?:(?:that|which)\s+(?:are|were|have|show)\s+|taken\s+|of\s+(?=\S))?(?P<rest>.+)"
    r"|\s*(?P<not>(?:not|without|but\s+not)\s+.+)"
    r"|\s*(?:(?P<with>with\s+(?!which\b|what\b).+))"
    r"|\s*(?:只要|只看|仅要|仅限|只有|就要)\s*(?P<zh>.+?)(?:的)?(?:照片|相片|图片|那些)?\s*",
    re.IGNORECASE | re.DOTALL,
)
_RELATIVE = re.compile(
    r"(?:the\s+)?(?:(?P<back>previous|prior|preceding)|(?P<on>next|following))\s+"
    r"(?P<unit>year|month|day)"
    r"|(?:the\s+)?(?P<unit2>year|month|day)\s+(?:(?P<back2>before)|(?P<on2>after))(?:\s+that)?"
    r"|(?P<back3>前|上)(?:面|)一(?P<unit3>年|个月|天)|(?P<on3>后|下|再下)(?:面|)一(?P<unit4>年|个月|天)",
    re.IGNORECASE,
)
_MARKS = " \t\n?？!！.。,，;；:：…"
_UNITS = {"year": 4, "年": 4, "month": 7, "个月": 7, "day": 10, "天": 10}


def follow_up(
    plan: QuestionPlan, history: Sequence[Turn], understand: Understand, plan_of: Plan
) -> QuestionPlan:
    """What a question means after the turns before it; `plan` is what it means alone.

    `understand` compiles a box, `plan_of` plans a question. Nothing is raised for what cannot be
    understood: it begins anew.
    """
    if not history:
        return plan
    last = history[-1]
    try:
        return (
            _shifted(plan, last, understand)
            or _narrowed(plan, last, understand)
            or _about_photos(plan, history, understand, plan_of)
            or _exchanged(plan, last, understand, plan_of)
            or plan
        )
    except QueryError:
        return plan


# --- questions about photos of the last answer -----------------------------------------------


def _about_photos(
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
        asked = plan_of(found.asked)
        box = _filters_only(asked.box, understand) if found.plural else ""
    else:
        asked, box = replace(plan, intent="find", field="", pick=""), ""
    return replace(
        asked, question=plan.question, box=box, among=ids, pick="", language=plan.language
    )


def _referred(found: Reference, last: Turn) -> tuple[int, ...]:
    """The ids of the photos that are meant: by number, or those that the last answer cites."""
    photos = last.photos
    if found.number:
        place = found.number - 1 if found.number > 0 else len(photos) + found.number
        return photos[place : place + 1] if 0 <= place < len(photos) else ()
    if found.plural:
        return photos
    cited = [n for n in cited_numbers(last.answer) if 0 < n <= len(photos)]
    first = cited[0] if cited else 1
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


# --- the last plan, changed ------------------------------------------------------------------


def _shifted(plan: QuestionPlan, last: Turn, understand: Understand) -> QuestionPlan | None:
    """ "and the year before?": the date of the last plan, moved."""
    found = _RELATIVE.search(plan.question)
    if not found or len(_bare(plan.question)) > len(found[0]) + 12:
        return None
    dates = [f for f in understand(last.plan.box).filters if f.field == "taken"]
    unit = next(u for u in (found[name] for name in _UNIT_GROUPS) if u)
    step = -1 if any(found[name] for name in ("back", "back2", "back3")) else 1
    moved = moved_period(dates[0], _UNITS[unit.casefold()], step) if len(dates) == 1 else ""
    if not moved:
        return None
    box = _without_fields(last.plan.box, {"taken"}, understand)
    moved = f"{moved}年" if plan.language == "zh" and len(moved) == 4 else f"in {moved}"
    return _like_last(plan, last, f"{box} {moved}".strip())


_UNIT_GROUPS = ("unit", "unit2", "unit3", "unit4")


def moved_period(date: Filter, digits: int, step: int) -> str:
    """A filter's period of one year, month or day (`digits` 4, 7, 10), moved: "2020", "2020-12".

    "" where the filter is no such period.
    """
    import datetime

    values = [str(value) for value in date.values if value is not None]
    if date.negated or not values or len({value[:4] for value in values}) != 1:
        return ""
    first = values[0]
    if first.startswith("*"):
        return ""
    if digits == 4:
        return str(int(first[:4]) + step)
    if digits == 7 and len(first) >= 7:
        months = int(first[:4]) * 12 + int(first[5:7]) - 1 + step
        return f"{months // 12:04d}-{months % 12 + 1:02d}"
    if digits == 10 and len(first) >= 10:
        day = datetime.date.fromisoformat(first[:10]) + datetime.timedelta(days=step)
        return day.isoformat()
    return ""


def _narrowed(plan: QuestionPlan, last: Turn, understand: Understand) -> QuestionPlan | None:
    """ "only the ones at night": the last plan with more words."""
    found = _ONLY.fullmatch(plan.question.strip(_MARKS))
    if not found:
        return None
    words = next(text for text in found.groups() if text).strip(_MARKS)
    added = understand(words)
    fields = {each.field for each in added.filters if not each.negated} - {"text"}
    box = _without_fields(last.plan.box, fields, understand)
    words = _within(last.plan.box, words, added, understand)
    return _like_last(plan, last, f"{box} {words}".strip(), last.plan.among)


def _within(box: str, words: str, added: Query, understand: Understand) -> str:
    """ "June" within 2019 is June 2019."""
    months = [f for f in added.filters if f.field == "taken" and not f.negated]
    years = [f for f in understand(box).filters if f.field == "taken"] if box.strip() else []
    if len(months) != 1 or len(years) != 1 or len(added.chips) != 1:
        return words
    values = months[0].values
    year = {str(value)[:4] for value in years[0].values if value is not None}
    if len(values) == 1 and str(values[0]).startswith("*-") and len(year) == 1:
        return f"{year.pop()}{str(values[0])[1:]}"
    return words


def _exchanged(
    plan: QuestionPlan, last: Turn, understand: Understand, plan_of: Plan
) -> QuestionPlan | None:
    """ "and in Berlin?": the last plan, pieces of the same kind replaced."""
    found = _AND.fullmatch(plan.question.strip(_MARKS))
    if not found:
        return None
    words = next(text for text in found.groups() if text).strip(_MARKS)
    alone = plan_of(words)
    if alone.intent != "find" and not found["ne"]:
        return None  # a question of its own: "and how many photos did I take in Rome?"
    words = alone.box if alone.intent == "find" and alone.box else words
    words = re.sub(r"^(?:of|showing)\s+", "", words, flags=re.IGNORECASE)
    new = understand(words)
    fields = {each.field for each in new.filters}
    means = any(part.kind == "text" for part in new.parts)
    box = _without_fields(last.plan.box, fields, understand, meaning=means)
    return _like_last(plan, last, f"{words} {box}".strip() if means else f"{box} {words}".strip())


def _like_last(
    plan: QuestionPlan, last: Turn, box: str, among: tuple[int, ...] = ()
) -> QuestionPlan:
    """The last plan for another box, in the language of the new question."""
    return replace(
        last.plan,
        question=plan.question,
        box=box,
        alternatives=(),
        among=among,
        language=plan.language,
        source="rules",
    )


def _without_fields(
    box: str, fields: set[str], understand: Understand, *, meaning: bool = False
) -> str:
    """A box without its filters of these fields, and without its words if `meaning`."""
    for _ in range(50):
        if not box.strip():
            return ""
        for chip in understand(box).chips:
            name = chip.filter.field if chip.filter is not None else ""
            if name in fields or (meaning and chip.kind == "meaning"):
                box = chip.without
                break
        else:
            return box
    return box


def _bare(question: str) -> str:
    return question.strip(_MARKS)
