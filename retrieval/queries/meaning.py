"""What is left of a query when dates, names and filters are taken out of it.

"Dogs in the snow, taken in Kyoto" leaves "Dogs in the snow": words that lost their sense beside a
cut ("in", "photos") go, those inside stay in their order.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from retrieval.queries import shells
from retrieval.queries.lexing import Token, gaps
from retrieval.queries.ordinary import words
from retrieval.queries.pieces import Span

VERBS = words("taken shot made photographed captured snapped")
NOT = words("not except excluding without")
ARTICLES = words("the my a an our")
_NOUNS = frozenset(shells.PHOTO_NOUNS.split())
_PLURAL = {noun for noun in _NOUNS if noun.endswith("s")}  # not "a framed picture"
#: Words that lose their sense at the end of what is left, and at its beginning behind a cut.
_DANGLING = VERBS | words(
    "in on at from of during and with the a an by near since to or around for between was were is"
    " using not except but my"
)
_LEADING = VERBS | words("of and or that which were was is but i we took")
EMPTY = _DANGLING | _LEADING | _NOUNS | words("all any some me")
#: Behind these, photos are something that is shown: "a wall of pictures".
_DETERMINERS = _DANGLING | words("some these those this that two three many her his their")
#: What a photo is, and not what it shows: "black and white photos".
_STYLES = words("white b&w bw w monochrome grayscale greyscale sepia infrared panoramic")

_AROUND = " \t\n\r,;.，；。、|&"


def trimmed(
    text: str, tokens: Sequence[Token], first: int, last: int, bounds: tuple[Span, Span]
) -> Span | None:
    """The part of text[first:last] that means something; None if nothing does.

    `bounds` are the whole text, and that of it which is not the frame of a question. Words are cut
    only beside something that was taken out.
    """
    (begin, end), (_, stop) = bounds
    after_cut, before_cut = first > begin, last < stop
    kept = [t for t in tokens if first <= t.start and t.end <= last and t.kind == "word"]
    if (after_cut or last < end) and all(t.folded in EMPTY for t in kept):
        spans = [(word.start, word.end) for word in kept]
        rest = "".join(text[a:b] for a, b in gaps(text, spans, first, last))
        if not re.search(r"[^\x00-\u2fff]", rest):  # an emoji means something
            return None
    left, right = 0, len(kept)
    while after_cut and left < right and kept[left].folded in _LEADING:
        left += 1
    while right > left and before_cut and kept[right - 1].folded in _DANGLING:
        right -= 1
    if _named_twice(text, kept[left:right], last):
        right -= 1
    if left == right:  # all of its words are empty; the emoji beside them is not
        left, right = 0, len(kept)
    start = kept[left].start if left else first
    until = kept[right - 1].end if right < len(kept) else last
    part = text[start:until]
    if (first, last) == (begin, end) and not part.strip(_AROUND + ":()"):
        return (first, last) if part.strip() else None  # signs alone can be meant too
    start += len(part) - len(part.lstrip(_AROUND + ":)"))
    until -= len(part) - len(part.rstrip(_AROUND + ":("))
    if after_cut and start + 1 < until and text[start] in "在的":
        start += 1
    return (start, until) if start < until else None


def _named_twice(text: str, kept: Sequence[Token], last: int) -> bool:
    """Whether the last word only says that photos are looked for: "dog photos"."""
    if len(kept) < 2 or kept[-1].folded not in _PLURAL or kept[-2].folded in _DETERMINERS:
        return False
    if kept[-2].folded in _STYLES:
        return False
    space = text[kept[-2].end : kept[-1].start]
    return space.isspace() and not text[kept[-1].end : last].strip(_AROUND + "?!")
