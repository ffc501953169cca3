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
_NOT_OF = r"(?!\s+(?:of|with|where|that|in|at|on|from)\b)"


def _numbered(begin: str, after: str) -> re.Pattern[str]:
    """What names a photo by its number, where `begin` comes before and `after` follows."""
    return re.compile(
        rf"{begin}(?:\b(?:the\s+)?(?:(?P<word>{'|'.join(_ORDINALS)})"
        rf"|(?P<digits>\d{{1,4}})(?:st|nd|rd|th))\s+{_NOUN}\b{after}"
        rf"|(?:\b{_NOUN}\s+|\b(?:number|no\.?|nr\.?)\s*|#)(?P<number>\d{{1,4}})\b"
        r"|\[(?P<marker>\d{1,4})\]"
        rf"|(?P<last>\bthe\s+last\s+{_NOUN}\b{after})"
        r"|第(?P<zh>[一二三四五六七八九十]|\d{1,4})(?:张|个|幅|条)|(?P<zhlast>最后(?:一)?(?:张|个|幅)))",
        re.IGNORECASE,
    )


_IS = r"(?:is|was|are|were|isn['’]t|wasn['’]t|aren['’]t|weren['’]t)"
_NUMBERED = _numbered("", _NOT_OF)
#: "Is the last one in Berlin?": what follows is asked, and describes no photo.
_IS_NUMBERED = _numbered(rf"^\s*{_IS}\s+", r"(?=\s+(?:in|at|on|from)\b)")
_OTHER = re.compile(rf"\b(?:the\s+)?other\s+{_NOUN}\b|另(?:外)?一(?:张|个|幅)", re.IGNORECASE)
#: "This year" is a date, and no photo.
_NO_DATE = (
    r"(?!\s+(?:year|month|week|weekend|day|morning|afternoon|evening|night|decade|century|spring"
    r"|summer|autumn|fall|winter|time|january|february|march|april|may|june|july|august|september"
    r"|october|november|december|christmas|easter|monday|tuesday|wednesday|thursday|friday"
    r"|saturday|sunday)\b)"
)
_ONE = re.compile(
    rf"\b(?:it|(?:that|this){_NO_DATE}(?:\s+{_NOUN})?)\b(?!\s+\w+ing\b)|\bthe\s+{_NOUN}\b"
    r"(?!\s+(?:of|with|where|that|in|at|on|from|showing)\b)"
    r"|(?!那在[^哪何什拍]+呢)(?:它|那|这)(?:张|幅|个)?(?:照片|相片|图片)?(?=是|在|里|上|中|什么|拍|的|用)",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r"(?<!\bdid )(?<!\bdo )(?<!\bhave )(?<!\bhad )"  # those are people
    r"\b(?:them|they|those|these)\b(?:\s+(?:photos|pictures|images|shots|ones))?"
    r"|\b(?:which|the)\s+ones\b"
    r"|(?:它们|这些|那些|其中)(?:照片|相片|图片)?(?:里面|里|中)?",
    re.IGNORECASE,
)
#: A pronoun that a question is about, however much it goes on to ask: "is it …", "were they taken
#: with …", "do these show …".
_SUBJECT = re.compile(
    r"\s*(?:and\s+|but\s+|so\s+)?(?:(?P<any2>any)(?=\s+(?:with|in|at|from|taken)\b)"
    rf"|{_IS}\s+(?:(?P<it>it|(?:this|that){_NO_DATE}|he|she)"
    rf"(?:\s+{_NOUN})?(?!\s+(?:rain|snow|storm)ing\b)"
    rf"|(?P<they>they|these|those)(?:\s+(?:{_NOUN}s))?"
    r"|(?P<any>any|all|both|some|most|none)(?=\s+(?:taken|shot|made|in|at|on|from|with)\b))"
    r"|(?:does|do|did)\s+(?:(?P<does>it|this|that)|(?P<do>they|these|those|any|all|some))"
    r"(?=\s+(?:show|have|contain|depict|include|look)\b))(?![\w'’-])",
    re.IGNORECASE,
)
#: "How many of them …", "which ones …", "is the dog in it black?", "照片里有几个人？"
_POINTING = re.compile(
    r"\bof\s+(?P<them>them|those|these)(?=\s*[?.!]*$|\s+(?:is|are|was|were|has|have|shows?|do|does|did"
    r"|in|at|on|from|with|taken)\b)"
    r"|\b(?P<ones>which\s+ones)\b|^\s*(?:show|give|find|list)(?:\s+(?:me|us))?\s+(?P<the>the\s+ones)\b"
    r"|^\s*(?P<inside>(?:照片|图片|图)?(?:里面|里|上面|上))(?=有)",
    re.IGNORECASE,
)
_IN_IT = re.compile(
    r"\b(?:in|on)\s+(?:(?P<it>it|this|that)|(?P<them>them|these|those))\s*$"
    r"|\bin\s+(?P<it2>it)(?:\s+\w+){1,2}\s*$",
    re.IGNORECASE,
)
#: "more like the second one", "photos similar to that".
_LIKENESS = re.compile(
    r"(?:(?:find|show|get|give)(?:\s+(?:me|us))?\s+)?(?:(?:some|any)\s+)?(?:more|others?|similar|photos?"
    r"|pictures?|images?)(?:\s+(?:photos?|ones?|pictures?|images?))?(?:\s+similar)?\s+(?:like|to)\s+"
    rf"(?:it|this|that|them|these|those|(?P<which>.{{1,30}}))(?:\s+{_NOUN})?"
    r"|(?:找|看|给我看)?(?:更多|(?:更多)?(?:类似|相似))的?(?:照片|图片)?|(?:找|看)?(?:更多)?(?:像|和)(?P<han>.{1,12}?)"
    r"(?:一样|类似|相似|差不多)的(?:照片|图片)?",
    re.IGNORECASE,
)
_PLURAL = re.compile(r"they|do|them|any2?|ones|the")
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
#: What has a photo, or somebody who took it, of its own: "a photo of a dog with a ball in it".
_STANDS_ALONE = re.compile(rf"\b(?:{_NOUN}s?|i|we|my|our|with)\b", re.IGNORECASE)
_SEES = re.compile(r"\b(?:can|could|do)\s+(?:you|i|we)\s+see\b", re.IGNORECASE)
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
    if asked := _in_full(bare):
        return Reference(asked)
    if found := _NUMBERED.search(text):
        return Reference(_asked(text, found.span()), _number(found))
    if found := _IS_NUMBERED.search(text):
        verb = text[: found.end()].split()[0]
        return Reference(f"{verb} the photo{text[found.end() :]}", _number(found))
    if (found := _OTHER.search(text)) and len(_without(text, found).split()) <= MOST_WORDS:
        return Reference(_asked(text, found.span()), other=True)
    if (found := _SUBJECT.match(text)) or (found := _POINTING.search(text)):
        return _of(text, found)
    for pattern, plural in ((_SEVERAL, True), (_ONE, False)):
        if (found := pattern.search(text)) and _says_little(plan, text, found):
            return Reference(_asked(text, found.span(), plural=plural), plural=plural)
    if (found := _IN_IT.search(bare)) and (_SEES.search(text) or not _STANDS_ALONE.search(text)):
        return _of(text, found)
    return None


def _in_full(bare: str) -> str:
    """The question about a photo that few words stand for: "when", "which camera"; or ""."""
    for words, asked in _BARE:
        if re.fullmatch(rf"(?:and\s+)?(?:{words})", bare, re.IGNORECASE):
            return asked
    return ""


def likeness(question: str) -> int | None:
    """The number of the photo that others like it are wanted of: "more like the second one" is 2.

    "It" and "that" are the first of the last answer; None for any other question.
    """
    found = _LIKENESS.fullmatch(question.strip(_MARKS))
    if found is None:
        return None
    which = found["which"] or found["han"]
    if which is None:
        return 1
    named = _NUMBERED.fullmatch(which) or _NUMBERED.fullmatch(f"{which} one")
    if named is None:
        return 1 if re.fullmatch(r"[它那这]张?(?:照片)?", which) else None
    return _number(named)


def _of(text: str, found: re.Match[str]) -> Reference:
    """The reference of a pronoun, which is the group that matched."""
    name = next(name for name, word in found.groupdict().items() if word)
    plural = bool(_PLURAL.fullmatch(name))
    return Reference(_asked(text, found.span(name), plural=plural), plural=plural)


def _says_little(plan: QuestionPlan, text: str, found: re.Match[str]) -> bool:
    """Whether a pronoun stands for what is asked about, and not inside a description of it."""
    if plan.intent == "find":
        return len(_without(text, found).split()) <= MOST_WORDS
    rest = plan.box.replace(found[0], "")
    return len(rest.split()) <= MOST_WORDS


def _asked(text: str, span: tuple[int, int], *, plural: bool = False) -> str:
    """The question with "the photo" for the words that point; "" where there is none."""
    start, end = span
    rest = _around(text, span)
    if not re.search(r"\w", rest) or re.fullmatch(r"(?i)(?:no|yes|and|show(?:\s+me)?|不是?)", rest):
        return ""
    if re.match(r"\s*[:：,，]\s*\S", text[end:]) and not text[:start].strip(_MARKS):
        asked = text[end:].strip(_MARKS)  # "the second one: when was that?"
        if full := _in_full(asked) or _in_full(f"which {asked}"):  # "…: camera?"
            return full
        asked += "?"
        return _ONE.sub(_the_photo(asked), asked, count=1)
    return f"{text[:start]}{_the_photo(text, plural=plural)}{text[end:]}"


def _the_photo(text: str, *, plural: bool = False) -> str:
    if re.search(r"[\u4e00-\u9fff]", text):
        return "" if plural else "这张照片"
    return "the photos" if plural else "the photo"


def _number(found: re.Match[str]) -> int:
    if found["last"] or found["zhlast"]:
        return -1
    if found["word"]:
        return _ORDINALS.index(found["word"].casefold()) + 1
    if found["zh"] and found["zh"] in _CHINESE:
        return _CHINESE.index(found["zh"]) + 1
    return int(found["digits"] or found["number"] or found["marker"] or found["zh"])


def _without(text: str, found: re.Match[str]) -> str:
    return _around(text, found.span())


def _around(text: str, span: tuple[int, int]) -> str:
    return f"{text[: span[0]].strip(_MARKS)} {text[span[1] :].strip(_MARKS)}".strip()
