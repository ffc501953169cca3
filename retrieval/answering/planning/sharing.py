"""Questions whether all photos are so: "Are all my photos from Kyoto?", "照片都是在京都拍的吗？".

That there are some says nothing of all. Such a question is planned as a comparison of all that it
is about, which is the first alternative and the plan's box, with those of them that are so. What
is said of all things in photos ("Are all dogs black?") can only be counted.
"""

from __future__ import annotations

import datetime
import re

from retrieval.answering.planning.boxes import finished, only_filters
from retrieval.answering.planning.comparing import cued, pieces
from retrieval.answering.planning.frames import joined
from retrieval.answering.planning.words import GROUPS, PARTS, group_of
from retrieval.queries import shells
from retrieval.records import Language, QuestionPlan
from retrieval.storage.vocabulary import Vocabulary

_ALL = r"(?:all|every|each|most|none|both|half)(?:\s+(?:single|last)\b)?(?:\s+one)?(?:\s+of)?"
_OURS = r"(?:\s+(?:the|my|our|your|these|those|them)\b)?"
_BE = r"(?:are|is|was|were|do|does|did|have|has|had)(?:n['’]t)?"
_I = rf"(?:did|do|have|had)\s+{PARTS['i']}"
_TAKE = r"(?:take|taken|took|make|made|shoot|shot|snap|snapped|capture|captured)"
_PHOTOS = rf"{_ALL}{_OURS}\s+(?:\d+\s+)?{shells.NOUN}\b"
_ALWAYS = r"(?:always|only|just|exclusively|mostly|never)"

#: Of photos: what is behind them holds which ones, and how they are said to be.
_OF_PHOTOS = re.compile(
    rf"{_BE}\s+{_PHOTOS}(?P<rest>.*)|{_I}\s+(?:ever\s+)?{_TAKE}\s+{_PHOTOS}(?P<mine>.*)"
    rf"|{_I}\s+{_ALWAYS}\s+(?:{_TAKE}\s+(?:{shells.photos()}|(?=with\b))|(?P<use>use)\b)(?P<always>.*)"
    rf"|(?:are|were|did)\s+(?:my|our|the)\s+{shells.NOUN}\s+(?:all|both|always|mostly|only)\b(?P<so>.*)",
    re.IGNORECASE | re.DOTALL,
)
#: Of anything else.
_OF_THINGS = re.compile(
    rf"(?:{_BE}\s+|{_I}\s+(?:ever\s+)?(?:photograph(?:ed)?|see|seen|visit(?:ed)?|been\s+to|go\s+to)"
    rf"\s+)(?:{_ALL}{_OURS}\s+|(?=every(?:one|body|thing|where)\b))(?P<rest>\w.*)",
    re.IGNORECASE | re.DOTALL,
)
_MADE = r"(?:being\s+)?(?:taken|shot|made|captured|snapped|photographed)"
_SPLIT = re.compile(
    rf"(?P<base>.*?)\s*\b(?:{_MADE}\s+(?=\S)|(?:show|shows|showing|contain|contains|depict|depicts"
    r"|have|has|include|includes)\s+)(?P<so>.+)",
    re.IGNORECASE | re.DOTALL,
)
_LEADING = re.compile(r"(?:of|showing|that\s+show|which\s+show)\s+", re.IGNORECASE)
_CHINESE = re.compile(
    r"(?:我们|我)?(?:拍)?的?(?P<all>所有|全部|每一?张|大部分|大多数|大多)?的?(?P<base>.*?)的?(?:照片|相片|图片)"
    r"(?:是不是|是否)?(?:(?P<each>全?都)(?:是|有)?|是|有)(?P<so>(?:(?!哪|什么|谁|几|多少|怎|啥|何).)+?)的?(?P<ask>[吗么])?"
)
_SHOT = re.compile(r"(?:拍摄|拍|照)(?:的|了)?$")


def plan(text: str, vocabulary: Vocabulary, today: datetime.date) -> QuestionPlan | None:
    """The plan of a question in English whether all are so; None for any other."""
    if found := _OF_PHOTOS.fullmatch(text):
        if found["use"]:
            used, *others = pieces(f"with {found['always'].strip()}", vocabulary, today)
            return _shared(joined(map(cued, others)), cued(used), "en", vocabulary)
        rest = next(filter(None, (found[n] for n in ("rest", "mine", "always", "so"))), "")
        rest = re.sub(r"^(?:come|came|be|been)\s+", "", rest.strip(), flags=re.IGNORECASE)
        return _split(rest, vocabulary, today)
    if found := _OF_THINGS.fullmatch(text):
        rest = found["rest"]
        word, _, behind = rest.partition(" ")
        if group := group_of(word.casefold()) if word.casefold() in GROUPS else "":
            box = finished(behind, vocabulary, place=True)
            return QuestionPlan("", "count", box, group=group)
        return QuestionPlan("", "count", finished(rest, vocabulary, place=False))
    return None


def in_chinese(text: str, vocabulary: Vocabulary) -> QuestionPlan | None:
    """The same for Chinese in simplified characters; the boxes are in them too."""
    found = _CHINESE.fullmatch(text)
    if found is None or not (found["each"] or (found["all"] and found["ask"])):
        return None
    base, so = finished(found["base"], vocabulary, place=False), found["so"]
    return _shared(base, finished(_SHOT.sub("", so), vocabulary, place=False), "zh", vocabulary)


def _split(rest: str, vocabulary: Vocabulary, today: datetime.date) -> QuestionPlan | None:
    """The plan, where what is said of which photos can be told from which they are."""
    if found := _SPLIT.fullmatch(rest):
        base, so = found["base"], found["so"]
    else:
        read = pieces(rest, vocabulary, today)
        if len(read) < 2 and _LEADING.match(rest):
            return QuestionPlan("", "count", _bare(rest, vocabulary))
        base, so = joined(map(cued, read[:-1])), cued(read[-1]) if read else ""
    base = joined(map(cued, pieces(_bare(base, vocabulary), vocabulary, today))) if base else ""
    return _shared(base, finished(so, vocabulary, place=False), "en", vocabulary)


def _bare(text: str, vocabulary: Vocabulary) -> str:
    return finished(_LEADING.sub("", text.strip(), count=1), vocabulary, place=False)


def _shared(base: str, so: str, language: Language, vocabulary: Vocabulary) -> QuestionPlan | None:
    if not so:
        return None
    both = joined(
        (so, base) if so.startswith("taken ") and only_filters(base, vocabulary) else (base, so)
    )
    return QuestionPlan("", "compare", base, language, alternatives=(base, both))
