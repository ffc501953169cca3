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
    r"|(?!那在[^哪何什拍]+呢)(?:它|那|这)(?:张|幅|个)?(?:照片|相片|图片)?(?=是|在|里|上|中|什么|拍|的|用)",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r"\b(?:them|they|those|these)\b(?:\s+(?:photos|pictures|images|shots|ones))?"
    r"|(?:它们|这些|那些|其中)(?:照片|相片|图片)?(?:里面|里|中)?",
    re.IGNORECASE,
)
#: Questions that say nothing of what they are about, and the same about a photo.
_BARE = (
    (r"when(?:\s+exactly)?|(?:on\s+)?(?:which|what)\s+(?:day|date)", "When was the photo taken?"),
    (r"(?:in\s+)?(?:which|what)\s+year", "Which year was the photo taken in?"),
    (r"where(?:\s+exactly)?|(?:in\s+)?(?:which|what)\s+(?:place|city|country)",
     "Where was the photo taken?"),
    (r"(?:with\s+)?(?:which|what)\s+camera(?:\s+took\s+(?:it|that))?",
     "Which camera took the photo?"),
    (r"(?:with\s+)?(?:which|what)\s+lens", "Which lens took the photo?"),
    (r"(?:什么时候|何时|哪一?天)(?:拍)?(?:的)?", "这张照片是什么时候拍的？"),
    (r"(?:在)?(?:哪里|哪儿|什么地方)(?:拍)?(?:的)?", "这张照片是在哪里拍的？"),
    (r"用?(?:什么|哪个|哪台)相机(?:拍)?(?:的)?", "这张照片是用什么相机拍的？"),
)  # fmt: skip
_MARKS = " \t\n?？!！.。,，;；:：…"
#: With more words besides, a pronoun belongs to what is looked for ("a dog with its ball").
MOST_WORDS = 3


@dataclass(frozen=True, slots=True)
class Reference:
    """Which photos of the last answer are meant, and what is asked of them ("": to see them).

    `number` counts from 1, -1 is the last; `other` is the one that was not named; `plural`: all.
    """

    asked: str
    number: int = 0
    plural: bool = False
    other: bool = False


def reference_in(question: str, plan: QuestionPlan) -> Reference | None:
    """What a question points at; None where it stands for itself. `plan` is what it means alone."""
    text = question.strip()
    bare = text.strip(_MARKS)
    for words, asked in _BARE:
        if re.fullmatch(rf"(?:and\s+)?(?:{words})", bare, re.IGNORECASE):
            return Reference(asked)
    if found := _NUMBERED.search(text):
        return Reference(_asked(text, found), _number(found))
    if (found := _OTHER.search(text)) and len(_without(text, found).split()) <= MOST_WORDS:
        return Reference(_asked(text, found), other=True)
    for pattern, plural in ((_SEVERAL, True), (_ONE, False)):
        if (found := pattern.search(text)) and _says_little(plan, text, found):
            return Reference(_asked(text, found), plural=plural)
    return None


def _says_little(plan: QuestionPlan, text: str, found: re.Match[str]) -> bool:
    """Whether a pronoun stands for what is asked about, and not inside a description of it."""
    if plan.intent == "find":
        return len(_without(text, found).split()) <= MOST_WORDS
    rest = plan.box.replace(found[0], "")
    return len(rest.split()) <= MOST_WORDS


def _asked(text: str, found: re.Match[str]) -> str:
    """The question with "the photo" for the words that point; "" where there is none."""
    start, end = found.span()
    rest = _without(text, found)
    if not re.search(r"\w", rest) or re.fullmatch(r"(?i)(?:no|yes|and|show(?:\s+me)?|不是?)", rest):
        return ""
    if re.match(r"\s*[:：,，]\s*\S", text[end:]) and not text[:start].strip(_MARKS):
        asked = text[end:].strip(_MARKS) + "?"  # "the second one: when was that?"
        return _ONE.sub(_the_photo(asked), asked, count=1)
    return f"{text[:start]}{_the_photo(text)}{text[end:]}"


def _the_photo(text: str) -> str:
    return "这张照片" if re.search(r"[\u4e00-\u9fff]", text) else "the photo"


def _number(found: re.Match[str]) -> int:
    if found["last"] or found["zhlast"]:
        return -1
    if found["word"]:
        return _ORDINALS.index(found["word"].casefold()) + 1
    if found["zh"] and found["zh"] in _CHINESE:
        return _CHINESE.index(found["zh"]) + 1
    return int(found["digits"] or found["number"] or found["marker"] or found["zh"])


def _without(text: str, found: re.Match[str]) -> str:
    return f"{text[: found.start()].strip(_MARKS)} {text[found.end() :].strip(_MARKS)}".strip()
