"""Words that point at photos of the last answer: "the second one", "that", "第三张", "它们"."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from retrieval.records import QuestionPlan

_ORDINALS = (
    *("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth"),
    *("ninth", "tenth"),
)
_CHINESE = "一二三四五六七八九十"
_NOUN = r"(?:one|photo|photograph|picture|image|shot|hit|result)"
_NUMBERED = re.compile(
    rf"\b(?:the\s+)?(?:(?P<word>{'|'.join(_ORDINALS)})|(?P<digits>\d{{1,4}})(?:st|nd|rd|th))"
    rf"\s+{_NOUN}\b(?!\s+(?:of|with|where|that|in|at|on|from)\b)"
    rf"|(?:\b{_NOUN}\s+|\b(?:number|no\.?|nr\.?)\s*|#)(?P<number>\d{{1,4}})\b"
    r"|\[(?P<marker>\d{1,4})\]"
    rf"|(?P<last>\bthe\s+last\s+{_NOUN}\b(?!\s+(?:of|with|where|that|in|at|on|from)\b))"
    r"|第(?P<zh>[一二三四五六七八九十]|\d{1,4})(?:张|个|幅|条)|(?P<zhlast>最后(?:一)?(?:张|个|幅))",
    re.IGNORECASE,
)
_OTHER = re.compile(rf"\b(?:the\s+)?other\s+{_NOUN}\b|另(?:外)?一(?:张|个|幅)", re.IGNORECASE)
_ONE = re.compile(
    rf"\b(?:it|(?:that|this)(?:\s+{_NOUN})?)\b(?!\s+\w+ing\b)|\bthe\s+{_NOUN}\b"
    r"(?!\s+(?:of|with|where|that|in|at|on|from|showing)\b)"
    r"|(?:它|那|这)(?:张|幅|个)?(?:照片|相片|图片)?(?=是|在|里|上|中|什么|拍|的|用)",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r"\b(?:them|they|those|these)\b(?:\s+(?:photos|pictures|images|shots|ones))?"
    r"|(?:它们|这些|那些|其中)(?:照片|相片|图片)?(?:里面|里|中)?",
    re.IGNORECASE,
)
#: Questions that say nothing of what they are about.
_BARE = re.compile(
    r"\s*(?:and\s+)?(?:when|where|who|how|why|which\s+(?:camera|lens|place|city|country|day|year|month)"
    r"|what\s+(?:camera|lens|place|city|country|day|year|month|time|iso)"
    r"|with\s+(?:which|what)\s+(?:camera|lens))(?:\s+exactly)?\s*"
    r"|\s*(?:什么时候|何时|在?哪里|在?哪儿|哪一?天|哪一?年|用什么相机|什么相机|谁)(?:拍的|的)?\s*",
    re.IGNORECASE,
)
_MARKS = " \t\n?？!！.。,，;；:：…"
#: With more words besides, a pronoun belongs to what is looked for ("a dog with its ball").
MOST_WORDS = 7


@dataclass(frozen=True, slots=True)
class Reference:
    """Which photos of the last answer are meant, and the question without the words that say so.

    `number` counts from 1, -1 is the last; `other` is the one that was not named; `plural`: all.
    """

    rest: str
    number: int = 0
    plural: bool = False
    other: bool = False


def reference_in(question: str, plan: QuestionPlan) -> Reference | None:
    """What a question points at; None where it stands for itself. `plan` is what it means alone."""
    text = question.strip()
    if found := _NUMBERED.search(text):
        return Reference(_without(text, found), _number(found))
    if found := _OTHER.search(text):
        return Reference(_without(text, found), other=True)
    if _BARE.fullmatch(text.strip(_MARKS)):
        return Reference(text)
    for pattern, plural in ((_SEVERAL, True), (_ONE, False)):
        found = pattern.search(text)
        if found and _says_little(plan, text, found):
            return Reference(_without(text, found), plural=plural)
    return None


def _says_little(plan: QuestionPlan, text: str, found: re.Match[str]) -> bool:
    """Whether a pronoun stands for what is asked about, and not inside a description of it."""
    if plan.intent == "find":
        return len(_without(text, found).split()) <= 2 and not re.search(r"[\u4e00-\u9fff]", text)
    rest = _without(plan.box, found) if found[0] in plan.box else plan.box
    return len(rest.split()) <= MOST_WORDS


def _number(found: re.Match[str]) -> int:
    if found["last"] or found["zhlast"]:
        return -1
    if found["word"]:
        return _ORDINALS.index(found["word"].casefold()) + 1
    if found["zh"] and found["zh"] in _CHINESE:
        return _CHINESE.index(found["zh"]) + 1
    return int(found["digits"] or found["number"] or found["marker"] or found["zh"])


def _without(text: str, found: re.Match[str]) -> str:
    start, end = found.span()
    joined = f"{text[:start].rstrip(_MARKS)} {text[end:].lstrip(_MARKS)}"
    return re.sub(r"\b(?:of|about|in|on|for|from)\s*$", "", joined.strip(_MARKS)).strip()
