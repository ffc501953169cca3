"""What a claim quotes, compared word by word with the texts of the photos that it cites."""

from __future__ import annotations

import re
from collections.abc import Iterator

from retrieval.answering.checking.instructions import orders as is_order
from retrieval.answering.checking.known import squeezed
from retrieval.answering.checking.reading import Reading, quotes_in
from retrieval.answering.checking.rules.rule import Said, not_said
from retrieval.answering.checking.words import content_of

_SAYING = re.compile(
    r"\b(?:say|read|caption|writ|sign|text|label|title|name|called|file|folder|keyword|tag|print"
    r"|note|document|word|spell|letter|inscription|headline|quote|describ)\w*|写|文字|说明|标题|文件|标牌"
    r"|牌子|字样|标签|名",
    re.IGNORECASE,
)


def quotes(reading: Reading) -> Iterator[Said]:
    """Quotes stand word for word in the cited photos' texts, or in the question.

    What is written in a photo, and what looks like an instruction, is quoted only in a claim that
    says that it stands there.
    """
    asked = squeezed(f"{reading.around.question} {reading.around.brief.plan.box}")
    for start, end, inside in (*quotes_in(reading.rest), *_emphases(reading)):
        known = reading.known_at(start)
        pieces = [squeezed(piece) for piece in re.split(r"…|\.\.\.", inside)]
        attributed = _SAYING.search(reading.rest[:start] + " " + reading.rest[end:])
        texts = (*known.attributable, *known.quotable) if attributed else known.quotable
        found = all(any(piece in text for text in texts) for piece in pieces if piece)
        holds = found or all(piece in asked for piece in pieces)
        yield Said(start, end, holds, not_said(inside))


_EMPHASIS = re.compile(r"(?<![\w*_`])([*_]{1,3}|`+)(?=\S)([^*`\n]+?)(?<=\S)\1(?![\w*_`])")
_TELLS = re.compile(
    r"\b(?:says?|reads?|states?|spells?|written|caption\w*|titled?|sign|label\w*|quote\w*)\b", re.I
)


def _emphases(reading: Reading) -> Iterator[tuple[int, int, str]]:
    """What stands in signs of Markdown, where a claim says that something is written."""
    if _TELLS.search(_EMPHASIS.sub(" ", reading.rest)):
        for match in _EMPHASIS.finditer(reading.rest):
            yield *match.span(), match[2]


_SAID = re.compile(
    r"\b(?:captions?|titles?|signs?|texts?|labels?|keywords?|notes?|writing|descriptions?|banners?"
    r"|inscriptions?|posters?|headlines?|documents?)\b(?:\s+[\w’']+){0,6}?\s+"
    r"(?:says?|reads?|states?|spells?|tells?|mentions?)\b(?:\s+that\b)?\s*[:,–—-]?\s*"
    r"(?P<said>[^.;!?。]+)",
    re.IGNORECASE,
)


def sayings(reading: Reading) -> Iterator[Said]:
    """What a claim says that a caption or a sign says stands there, without quotation marks too."""
    if reading.around.composed:
        return
    for match in _SAID.finditer(reading.rest):
        said = set(content_of(match["said"]))
        if said and not reading.negated(match.start()):
            told = reading.known_at(match.start()).stems_told
            holds = any(said <= stems for stems in told)
            yield Said(*match.span("said"), holds, not_said(match["said"]))


def orders(reading: Reading) -> Iterator[Said]:
    """A claim says how things are; it tells nobody what to do."""
    if is_order(reading.rest):
        yield Said(0, 0, False, "It tells what to do instead of saying what the photos show.")
