"""How many without a number: "dozens of photos", "half of your photos", "none", "more photos".

What is said of photos so is compared with the totals; what none of them tells is not proven. What
templates say, they say in numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from retrieval.answering.checking.reading import Reading
from retrieval.answering.checking.rules.counts import counts_at, labelled
from retrieval.answering.checking.rules.rule import Said, said_at
from retrieval.answering.checking.tables import ABOUT
from retrieval.answering.checking.words import fold

_PHOTOS = r"(?:photos?|photographs?|pictures?|images?|shots?|snapshots?|pics?|matches|of\s+them)\b"
_ENDS = r"\s*(?:[.,;!)\[]|$)"
_I = re.IGNORECASE
_SUM = re.compile(
    rf"\d+\s*[+*]\s*\d+|(?:^|\s)[+*±]\s?\d+|\d+\s*×\s*\d+\s+(?:\w+\s+)?{_PHOTOS}"
    r"|\b(?:twice|double|triple|thrice)\s+(?:as|that|the|\d)",
    _I,
)


def _is_told(reading: Reading) -> bool:
    return not (reading.around.refused or reading.around.composed)


def sums(reading: Reading) -> Iterator[Said]:
    """What a sum or a product comes to is not counted."""
    for match in _SUM.finditer(reading.rest if _is_told(reading) else ""):
        yield said_at(match, False, f"“{match[0].strip()}” is not counted.")


_RANKED = re.compile(
    r"\b(?P<up>most|more)\b(?!\s+(?:likely|probably|than))|\b(?P<down>fewest|fewer|least\s+often|least)\b"
    r"(?!\s+(?:as|than))|(?P<hup>最多|更多|多的是)|(?P<hdown>最少|更少|少的是)",
    _I,
)


def ranks(reading: Reading) -> Iterator[Said]:
    """ "More photos were taken in Lisbon": the label that comes next has the most of all totals."""
    totals = [total for total in reading.around.brief.totals if total.label]
    if len(totals) < 2 or not _is_told(reading):
        return
    text = fold(reading.text)
    for match in _RANKED.finditer(reading.rest):
        named = {
            text.find(fold(total.label.partition(",")[0]), match.end()) % (len(text) + 1): total
            for total in reversed(labelled(reading, match.end()))
        }
        if not named:
            yield Said(0, 0, None)
            return
        first, best = named[min(named)], max if match["up"] or match["hup"] else min
        holds = first.count == best(total.count for total in totals)
        yield said_at(match, holds, f"Other totals than that of {first.label} are {match[0]}.")


_NONE = re.compile(
    rf"\b(?:no|zero|not\s+(?:a\s+single|any|one)|none\s+of\s+(?:your|my|the|these))\s+"
    rf"(?:\w+\s+){{0,2}}?{_PHOTOS}|\b(?:took|have|has|are|were|there\s+(?:is|are))\s+none\b"
    r"|^\W*none\b(?!\s+of)"
    r"|\b(?:did|do|have)\s*n[o'’]t\s+(?:take|taken|photograph)\w*\b"
    r"|没有(?:拍|任何|找到)?.{0,6}(?:照片|图片)|一张(?:照片)?(?:也|都)(?:没|不)",
    _I,
)
_ONE = re.compile(
    rf"\b(?:a\s+single|(?:just|only|exactly)\s+(?:one|a(?:\s+single)?)|the\s+only)(?=\s+"
    rf"(?:\w+\s+){{0,2}}?{_PHOTOS}|{_ENDS})|只有一张|仅(?:有)?一张",
    _I,
)


def none_or_one(reading: Reading) -> Iterator[Said]:
    """ "No photos", "a single photo"."""
    for pattern, count in ((_NONE, 0), (_ONE, 1)):
        for match in pattern.finditer(reading.rest if _is_told(reading) else ""):
            counts = counts_at(reading, match.start())
            yield said_at(match, count in counts if counts else None, _wrong(match))


_ABOUT = re.compile(
    r"\b(?P<w>{})\b(?=\s+(?:of\s+)?(?:\w+\s+){{0,3}}?{}|{}|\s+of\s+(?:these|those|such)\b)"
    r"|(?P<h>{})张?(?:照片|图片)?".format(
        "|".join(name.replace(" ", "[ ]") for name in ABOUT if name.isascii()),
        *(_PHOTOS, _ENDS, "|".join(name for name in ABOUT if not name.isascii())),
    ),
    _I,
)


def about(reading: Reading) -> Iterator[Said]:
    """ "Dozens of photos": it may be so, and is not proven."""
    for match in _ABOUT.finditer(reading.rest if _is_told(reading) else ""):
        low, high = ABOUT[(match["w"] or match["h"]).casefold()]
        counts = counts_at(reading, match.start())
        wrong = counts and not any(low <= count <= high for count in counts)
        yield said_at(match, False if wrong else None, _wrong(match))


#: Shares of all photos, from and to.
_SHARES = {"all": (1, 1), "every": (1, 1), "each": (1, 1), "most": (0.5, 1), "majority": (0.5, 1),
           "half": (0.45, 0.55), "third": (0.3, 0.37), "quarter": (0.22, 0.28)}  # fmt: skip
_SHARE = re.compile(
    rf"\b(?:the\s+)?(?:a\s+)?(?P<w>{'|'.join(_SHARES)})\b(?!\s+(?:likely|probably|often))"
    r"(?:\s+(?:one\s+)?of)?\s+(?:(?P<b>your|my|our)\s+|(?:the|these|those)\s+)?"
    rf"(?:\d[\d,]*\s+)?(?:\w+\s+){{0,2}}?(?:{_PHOTOS}|(?P<c>collection|album|library)\b)"
    r"(?:\s+(?:in|of|from)\s+(?:your|my|the)\s+(?P<c2>collection|album|library)\b)?"
    r"|\bof\s+(?:all\s+)?(?P<b2>your|my|the)\s+(?:\d[\d,]*\s+)?(?:\w+\s+)?(?:photos|pictures|images),?\s+"
    r"(?P<w2>all|most|half|each|every\s+one)\b",
    _I,
)


def shares(reading: Reading) -> Iterator[Said]:
    """ "Half of your photos", of all that were searched; of others it is not known."""
    for match in _SHARE.finditer(reading.rest if _is_told(reading) else ""):
        name = "w" if match["w"] else "w2"
        low, high = _SHARES[match[name].casefold().split()[0]]
        whole, counts = reading.around.brief.considered, counts_at(reading, match.start())
        of_all = match["b"] or match["b2"] or match["c"] or match["c2"]
        holds = (
            any(low <= n / whole <= high for n in counts) if of_all and whole and counts else None
        )
        yield Said(*match.span(name), holds, _wrong(match))


def _wrong(match: re.Match[str]) -> str:
    return f"“{match[0].strip()}” is not how many photos there are."
