"""The last plan, changed: another place, the year before, fewer photos."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from retrieval.answerers.citing import cited_numbers
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
    r"|\s*(?:(?:no|nope|sorry|oops|wait|actually|well)\b[\s,.!]*)*(?:i\s+(?:mean|meant)|make\s+(?:it|that))\b"
    r"[\s,:]*(?P<right>.+)"
    r"|\s*(?P<instead>.+?)\s+instead\s*"
    r"|\s*(?:(?:不是?|不对|错了|抱歉)[，,。 ]*)?(?:我是说|我的意思是|我指的是|应该是)"
    r"\s*(?P<zhright>.+?)\s*"
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
#: "and how many with a dog?": no noun says that a new count begins.
_ELLIPTIC = re.compile(
    r"(?:and|but|then)?[\s,]*how\s+many\s+(?P<rest>(?:with|without|in|at|on|from|since|before|after|during"
    r"|show(?:ing)?|of(?!\s+(?:them|those|these|my|our|the)\b))\s+.+)",
    re.IGNORECASE | re.DOTALL,
)
#: What may stand around "the year before" and says nothing more.
_NOTHING = re.compile(
    r"(?:(?:and|but|so|ok|okay|then|now|what|how|about|the|in|on|during|for|from|of|also|only|just|ones"
    r"|photos?|pictures?|show|me|there|were|was|did|do|i|we|have|take|any|many)\b|[的那呢么有就只看张在]"
    r"|照片|怎么样|多少|\W)*",
    re.IGNORECASE,
)
MOST_COMPARED = 8  # boxes that one plan compares
_MARKS = " \t\n?？!！.。,，;；:：…"
_UNITS = {"year": 4, "年": 4, "month": 7, "个月": 7, "day": 10, "天": 10}


def check_dated(plan: QuestionPlan, last: Turn, understand: Understand) -> None:
    """Raise QueryError where "and the year before?" follows what has no date that can move."""
    found = _RELATIVE.search(plan.question)
    if found is None or not _is_moved(plan, found) or _moved(found, last, understand):
        return
    if not _dates(plan.box, understand):  # "next year" may be a date by itself
        raise QueryError(
            f"The question before has no one date that {found[0].strip()!r} could mean. Name the "
            "date."
        )


def shifted(plan: QuestionPlan, last: Turn, understand: Understand) -> QuestionPlan | None:
    """ "and the year before?": the date of the last plan, moved."""
    found = _RELATIVE.search(plan.question)
    moved = _moved(found, last, understand) if found and _is_moved(plan, found) else ""
    if not moved:
        return None
    box = without_fields(last.plan.box, {"taken"}, understand)
    moved = f"{moved}年" if plan.language == "zh" and len(moved) == 4 else f"in {moved}"
    return like_last(plan, last, f"{box} {moved}".strip())


def _is_moved(plan: QuestionPlan, found: re.Match[str]) -> bool:
    """Whether "the year before" is all that a question says, and not "the day before Christmas"."""
    text = plan.question
    return bool(_NOTHING.fullmatch(text[: found.start()] + " " + text[found.end() :]))


def _moved(found: re.Match[str], last: Turn, understand: Understand) -> str:
    """The date of the last plan, a year, month or day on or back; "" where there is none."""
    dates = _dates(last.plan.box, understand)
    unit = next(u for u in (found[name] for name in _UNIT_GROUPS) if u)
    step = -1 if any(found[name] for name in ("back", "back2", "back3")) else 1
    return moved_period(dates[0], _UNITS[unit.casefold()], step) if len(dates) == 1 else ""


def _dates(box: str, understand: Understand) -> list[Filter]:
    return [f for f in understand(box).filters if f.field == "taken"] if box.strip() else []


def beside(plan: QuestionPlan, last: Turn, word: str, understand: Understand) -> QuestionPlan:
    """ "and before that?": before the period of the last plan. QueryError where it has none."""
    dates = [f for f in _dates(last.plan.box, understand) if not f.negated]
    values = {str(value) for each in dates for value in each.values}
    period = values.pop() if len(values) == 1 else ""
    if not re.fullmatch(r"\d{4}(?:-\d\d){0,2}", period) or last.plan.alternatives:
        raise QueryError(
            f"The question before has no one date that {word.lower()!r} could mean. Name the date."
        )
    box = without_fields(last.plan.box, {"taken"}, understand)
    return like_last(plan, last, f"{box} {word.lower()} {period}".strip(), last.plan.among)


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


def narrowed(plan: QuestionPlan, last: Turn, understand: Understand) -> QuestionPlan | None:
    """ "only the ones at night": the last plan with more words."""
    found = _ONLY.fullmatch(plan.question.strip(_MARKS))
    if not found:
        return None
    words = next(text for text in found.groups() if text).strip(_MARKS)
    if last.plan.alternatives:
        boxes = tuple(_with_exchanged(box, words, understand) for box in last.plan.alternatives)
        box = last.plan.box if last.plan.intent == "compare" else " or ".join(boxes)
        return replace(like_last(plan, last, box), alternatives=boxes)
    words = _within(last.plan.box, words, understand(words), understand)
    fields = {each.field for each in understand(words).filters if not each.negated} - {"text"}
    box = without_fields(last.plan.box, fields, understand)
    return like_last(plan, last, f"{box} {words}".strip(), last.plan.among)


def _within(box: str, words: str, added: Query, understand: Understand) -> str:
    """ "June" within 2019 is June 2019, and so is "in summer", which no year has alone."""
    years = [f for f in understand(box).filters if f.field == "taken"] if box.strip() else []
    year = {str(value)[:4] for each in years for value in each.values if value is not None}
    if len(years) != 1 or years[0].negated or len(year) != 1 or not min(year).isdigit():
        return words
    months = [f for f in added.filters if f.field == "taken" and not f.negated]
    if months and not all(str(value).startswith("*-") for f in months for value in f.values):
        return words
    han = re.search(r"[\u3400-\u9fff]", words)
    dated = f"{min(year)}年{words}" if han else f"{words} {min(year)}"
    read = understand(dated)
    alone = [each.field for each in read.filters] == ["taken"] and not read.parts
    return dated if alone else words


def exchanged(
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
    if last.plan.alternatives:
        return _compared_on(plan, last, words, understand)
    among = last.plan.among if last.plan.box else ()
    return like_last(plan, last, _with_exchanged(last.plan.box, words, understand), among)


def _with_exchanged(box: str, words: str, understand: Understand) -> str:
    """A box with these words in place of those of the same kind: "in Berlin", "of cats"."""
    words = _within(box, words, understand(words), understand)
    new = understand(words)
    means = any(part.kind == "text" for part in new.parts)
    fields = {each.field for each in new.filters}
    box = without_fields(box, fields, understand, meaning=means)
    return f"{words} {box}".strip() if means else f"{box} {words}".strip()


def _compared_on(
    plan: QuestionPlan, last: Turn, words: str, understand: Understand
) -> QuestionPlan | None:
    """ "and in Kyoto?" after a comparison: one more that is compared, or said of all of them."""
    boxes = last.plan.alternatives
    if last.plan.intent != "compare":  # they were all counted together
        return like_last(plan, last, words)
    if _kinds(words, understand) & {kind for box in boxes for kind in _kinds(box, understand)}:
        box = _with_exchanged(boxes[-1], words, understand)
        made = tuple(dict.fromkeys((*boxes, box)))[-MOST_COMPARED:]
    else:
        made = tuple(_with_exchanged(box, words, understand) for box in boxes)
    return replace(like_last(plan, last, last.plan.box), alternatives=made)


def _kinds(box: str, understand: Understand) -> set[str]:
    """The fields that a box filters by, and "meaning" where it has words."""
    if not box.strip():
        return set()
    query = understand(box)
    fields = {each.field for each in query.filters}
    return fields | {"meaning"} if any(p.kind == "text" for p in query.parts) else fields


def counted_on(
    plan: QuestionPlan, last: Turn, understand: Understand, plan_of: Plan
) -> QuestionPlan | None:
    """ "and how many with a dog?": of the last photos, or in place of what was counted."""
    found = _ELLIPTIC.fullmatch(bare(plan.question))
    if not found or last.plan.alternatives:
        return None
    words = re.sub(r"^(?:of|show(?:ing)?)\s+", "", found["rest"].strip(), flags=re.IGNORECASE)
    new = understand(words)
    both = "meaning" in _kinds(last.plan.box, understand) if last.plan.box else False
    if both and any(part.kind == "text" for part in new.parts) and last.photos:
        box, among = words, meant(last)  # "dogs in Berlin", "how many with a cat?"
    else:
        box, among = _with_exchanged(last.plan.box, words, understand), last.plan.among
    made = like_last(plan, last, box, among)
    return replace(made, intent="count", field="", most="", group="", pick="")


def meant(last: Turn) -> tuple[int, ...]:
    """The photos that "they" are after a turn: what it was asked of, where it chose none of them.

    An answer that found nothing may name the closest photo, and its evidence has more of them.
    """
    if last.plan.among and (last.status == "refused" or last.plan.intent == "yes-no"):
        return last.plan.among
    if last.status == "refused":
        cited = cited_numbers(last.answer)
        return tuple(last.photos[n - 1] for n in cited if 0 < n <= len(last.photos))
    return last.photos


def like_last(
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


def without_fields(
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


def bare(question: str) -> str:
    return question.strip(_MARKS)
