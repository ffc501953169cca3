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
#: Words that lose their sense at the end of what is left, and at its beginning behind a cut.
_DANGLING = VERBS | words(
    "in on at from of during and with the a an by near since to or around for between was were is"
    " using not except but my"
)
_LEADING = VERBS | words("of and or that which were was is but i we took")
EMPTY = _DANGLING | _LEADING | _NOUNS | words("all any some me")
#: Behind these, photos are something that is shown: "a wall of pictures".
_DETERMINERS = _DANGLING | words("some these those this that two three many her his their")


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
    while right > left and _falls(kept, left, right, before_cut):
        right -= 1
    start = kept[left].start if left else first
    until = kept[right - 1].end if right < len(kept) else last
    part = text[start:until]
    start += len(part) - len(part.lstrip(_AROUND + ":)"))
    until -= len(part) - len(part.rstrip(_AROUND + ":("))
    if after_cut and start + 1 < until and text[start] in "在的":
        start += 1
    return (start, until) if start < until else None


def _falls(kept: list[Token], left: int, right: int, before_cut: bool) -> bool:
    """Whether the last word says nothing any more."""
    word = kept[right - 1].folded
    if before_cut and word in _DANGLING:
        return True
    if word not in _NOUNS or not word.endswith("s"):  # "dog photos", not "a framed picture"
        return False
    return right - left > 1 and kept[right - 2].folded not in _DETERMINERS
