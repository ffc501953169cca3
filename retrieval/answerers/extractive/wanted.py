"""What a question wants to know, where its own words say so and its plan has no name for it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from retrieval.records import Brief, QuestionPlan

#: A field that a question asks for, by how its words begin; the first that fits counts.
_ASKED: Mapping[str, re.Pattern[str]] = {
    field: re.compile(pattern, re.IGNORECASE)
    for field, pattern in {
        "file": r"\b(?:what|which)\b.{0,12}\b(?:file ?names?|file)\b|\bname of (?:the|this|that)"
        r"(?: \w+)? file\b|\bfile ?name of\b|文件名|哪个文件",
        "width": r"\bhow (?:big|large|wide|high|tall|many (?:mega)?pixels)\b.{0,9}\b(?:photo"
        r"|picture|image|file)\b|\bhow (?:big|large|high|tall|wide) (?:is|was|are) "
        r".*\b(?:photo|picture|image)\W*$"
        r"|\b(?:what|which)\b.{0,12}\b(?:resolution|dimensions|size in pixels"
        r"|size of (?:the|this|that|my) (?:[\w-]+ ){0,3}(?:photo|picture|image))\b"
        r"|\bhow many (?:mega)?pixels\b|分辨率|多少像素",
        "taken": r"\b(?:what|which) (?:days? of the week|weekdays?)\b|\bwhat day was it\b"
        r"|星期几|周几",
        "latitude": r"\b(?:what|which)\b.{0,12}\b(?:latitude|longitude|coordinates"
        r"|gps position)\b|经度|纬度|坐标",
        "altitude": r"\b(?:what|which)\b.{0,12}\b(?:altitude|elevation|height above sea level)\b"
        r"|\bhow high (?:up )?(?:was|were|am|is) (?:i|we)\b|海拔",
        **{
            field: rf"\b(?:what|which)(?:['’]s| is| was| are| were)? (?:the )?(?:{words})"
            r" (?:of|for|in|did|was|is|are|has|does|do)\b"
            for field, words in {
                "iso": "iso(?: value| speed| setting)?",
                "aperture": "aperture|f-?stop|f-number",
                "exposure": "shutter speed|exposure(?: time)?",
                "focal": "focal length",
                "lens": "lens",
                "camera": "camera|phone",
                "title": "title",
                "rating": "rating",
                "keyword": "keywords?|tags?",
                "folder": "folder|directory",
                "format": "(?:file )?format",
            }.items()
        },
        "trip": r"\b(?:what|which)(?: \w+)? (?:trips?|holidays?|vacations?|journeys?)\b|哪次旅行",
    }.items()
}
_UNIT: Mapping[str, re.Pattern[str]] = {
    "year": re.compile(r"\b(?:what|which) years?\b|哪一?年|哪几年|何年", re.IGNORECASE),
    "month": re.compile(r"\b(?:what|which) months?\b|哪一?个?月|几月(?!几)", re.IGNORECASE),
}
#: Days of people's lives, of which no file says when they are.
_OWN_DAY = re.compile(
    r"\b(?:my|our|his|her|their|\w+['’]s)\s+(?:\w+\s+)?(?P<day>birthday|anniversary)\b"
    r"|(?:我|我们|他|她)的?(?P<zh>生日|结婚纪念日)",
    re.IGNORECASE,
)

#: "…taken in Berlin or in Lisbon?": what is to be chosen from, one or two words or a year.
_CHOICE = re.compile(
    r"\b(?:in|on|at|from)\s+(?P<one>(?:[^\W\d_][\w'’-]*\s+){0,2}[\w'’-]+),?\s+or\s+"
    r"(?:(?:in|on|at|from)\s+)?(?P<other>(?:[^\W\d_][\w'’-]*\s+){0,2}[\w'’-]+)\W*$"
    r"|在?(?P<eins>[^\s，在]{1,8})还是在?(?P<zwei>[^\s，在拍]{1,8}?)(?:拍(?:摄)?的?)?[吗呢]?\W*$",
    re.IGNORECASE,
)
_HOW_MANY = re.compile(
    r"\W*how many (?P<thing>(?:[\w'’-]+ ){1,3}?)(?:are|were|is|was|can|do|does|did|appear)\b"
    r"|.*(?:里|中|上)(?:一共)?有(?:几|多少)[个位只条匹头辆名]?(?P<zh>[^？?吗呢的]{1,6})",
    re.IGNORECASE,
)
#: A place or a date beside that, which says nothing of what is seen either: "in Kyoto".
_NAME = r"(?-i:[A-Z0-9])[\w'’-]*"
_THERE = rf"(?:in|from|on|at|during|since|before|after) {_NAME}(?: {_NAME})*"
_ONLY_ABSENT = re.compile(
    rf"(?:{_THERE} )?(?:(?:photos|pictures|images|ones) )?"
    r"(?:(?:with|showing|have|has|that (?:have|show)) )?"
    r"(?:no|without(?: any| an?)?) (?!date|place|location|gps|longer\b)"
    rf"(?:(?!(?:in|from|on|at|during|since|before|after)\b)[\w'’-]+ ?){{1,2}}(?:{_THERE})?",
    re.IGNORECASE,
)
_TAKER = re.compile(
    r"\bwho(?:se)? (?:took|takes|made|shot|snapped|photographed|captured)\b|谁(?:拍|照)",
    re.IGNORECASE,
)


def thing_counted(plan: QuestionPlan) -> str:
    """The things of which a question asks how many are in a photo; "" if it is another."""
    found = _HOW_MANY.match(plan.question) if plan.intent == "what" else None
    return (found["thing"] or found["zh"]).strip() if found else ""


def choices_of(plan: QuestionPlan) -> tuple[str, ...]:
    """The two places or times that a question for where or when has to choose from; () for none."""
    if plan.intent not in ("when", "where"):
        return ()
    found = _CHOICE.search(plan.question)
    return tuple(each for each in found.groups() if each) if found else ()


def asks_weekday(plan: QuestionPlan) -> bool:
    """Whether a question asks which day of the week it was."""
    return bool(_ASKED["taken"].search(plan.question))


def asks_who_took(plan: QuestionPlan) -> bool:
    """Whether a question asks who held the camera."""
    return bool(_TAKER.search(plan.question))


def field_of(plan: QuestionPlan) -> str:
    """The field that a question asks for: its plan's, or what its words name; "" for none.

    Years and months are fields of their own, where they are asked for instead of a day.
    """
    if plan.field == "taken" or plan.intent == "when":
        unit = (name for name, asks in _UNIT.items() if asks.search(plan.question))
        return next(unit, "taken")
    if plan.field or plan.intent not in ("what", "find", "where"):
        return plan.field
    return next((name for name, asks in _ASKED.items() if asks.search(plan.question)), "")


def only_absent(plan: QuestionPlan) -> bool:
    """Whether a question says only what is not to be seen: "photos with no people"."""
    return bool(_ONLY_ABSENT.fullmatch(plan.box)) and not plan.among


def own_day(brief: Brief) -> str:
    """The birthday or the like that a question goes by, of which no file says when it is; or ""."""
    if brief.plan.intent not in ("when", "where", "what", "yes-no", "describe", "count"):
        return ""
    found = _OWN_DAY.search(brief.plan.question)
    if not found or not _OWN_DAY.search(brief.plan.box):
        return ""
    day = found["day"] or found["zh"]
    said = (
        text
        for each in brief.evidence
        for text in (each.facts.title, *each.facts.keywords, each.trip, *each.path.split("/")[:-1])
    )
    return "" if any(text and day.casefold() in text.casefold() for text in said) else day
