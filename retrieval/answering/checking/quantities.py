"""How many without a number: "dozens of photos", "half of your photos", "none", "more photos".

What is said of photos so is compared with the totals; what none of them tells is not proven. Raises
Unsupported where they tell otherwise.
"""

from __future__ import annotations

import re

from retrieval.answering.checking.counts import counts_at, labelled
from retrieval.answering.checking.facts import Unsupported
from retrieval.answering.checking.reading import Reading
from retrieval.answering.checking.words import fold

_PHOTOS = r"(?:photos?|photographs?|pictures?|images?|shots?|snapshots?|pics?|matches|of\s+them)\b"
_I = re.IGNORECASE
#: Sums and products: what they come to is not counted.
_SUM = re.compile(
    rf"\d+\s*[+*]\s*\d+|(?:^|\s)[+*±]\s?\d+|\d+\s*×\s*\d+\s+(?:\w+\s+)?{_PHOTOS}"
    r"|\b(?:twice|double|triple|thrice)\s+(?:as|that|the|\d)",
    _I,
)
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
    rf"(?:\w+\s+){{0,2}}?{_PHOTOS}|\s*(?:[.,;!)\[]|$))|只有一张|仅(?:有)?一张",
    _I,
)
#: Words for about how many, and how many that may be.
_ABOUT = {
    "dozens": (24, 250), "scores": (40, 400), "hundreds": (200, 3000), "thousands": (2000, 30_000),
    "millions": (2_000_000, 1e9), "a handful": (3, 8), "a few": (3, 12), "several": (3, 40),
    "many": (8, 1e9), "lots": (8, 1e9), "loads": (8, 1e9), "tons": (8, 1e9), "plenty": (8, 1e9),
    "numerous": (8, 1e9), "countless": (50, 1e9), "few": (0, 12), "a lot": (8, 1e9),
    "几千": (2000, 10_000), "几百": (200, 1000), "几十": (20, 100), "上千": (1000, 10_000),
    "许多": (8, 1e9), "很多": (8, 1e9), "无数": (50, 1e9),
}  # fmt: skip
_HAN_ABOUT = "|".join(name for name in _ABOUT if not name.isascii())
_AROUND = re.compile(
    rf"\b(?P<w>{'|'.join(name.replace(' ', '[ ]') for name in _ABOUT if name.isascii())})\b"
    rf"(?=\s+(?:of\s+)?(?:\w+\s+){{0,3}}?{_PHOTOS}|\s*(?:[.,;!)\[]|$)|\s+of\s+(?:these|those|such)\b)"
    rf"|(?P<h>{_HAN_ABOUT})张?(?:照片|图片)?",
    _I,
)
#: Shares of all photos, from and to.
_SHARES = {"all": (1, 1), "every": (1, 1), "each": (1, 1), "most": (0.5, 1), "majority": (0.5, 1),
           "half": (0.45, 0.55), "third": (0.3, 0.37), "quarter": (0.22, 0.28)}  # fmt: skip
_SHARE = re.compile(
    rf"\b(?:the\s+)?(?:a\s+)?(?P<w>all|every|each|most|majority|half|third|quarter)\b"
    rf"(?!\s+(?:likely|probably|often))(?P<o>(?:\s+(?:one\s+)?of)?\s+(?:(?P<b>your|my|our)\s+|(?:the|these|those)\s+)?"
    rf"(?:\d[\d,]*\s+)?(?:\w+\s+){{0,2}}?(?:{_PHOTOS}|(?P<c>collection|album|library)\b)"
    r"(?:\s+(?:in|of|from)\s+(?:your|my|the)\s+(?P<c2>collection|album|library)\b)?)"
    r"|\bof\s+(?:all\s+)?(?P<b2>your|my|the)\s+(?:\d[\d,]*\s+)?(?:\w+\s+)?(?:photos|pictures|images),?\s+"
    r"(?P<w2>all|most|half|each|every\s+one)\b",
    _I,
)
_RANKED = re.compile(
    r"\b(?P<up>most|more)\b(?!\s+(?:likely|probably|than))|\b(?P<down>fewest|fewer|least\s+often|least)\b"
    r"(?!\s+(?:as|than))|(?P<hup>最多|更多|多的是)|(?P<hdown>最少|更少|少的是)",
    _I,
)


def check_quantities(reading: Reading) -> Reading:
    """Amounts of photos that are told without a number are those of the totals."""
    if reading.around.refused or reading.around.composed:
        return reading
    if match := _SUM.search(reading.rest):
        raise Unsupported(f"“{match[0].strip()}” is not counted.")
    reading = _ranked(reading)
    for pattern, count in ((_NONE, 0), (_ONE, 1)):
        for match in pattern.finditer(reading.rest):
            reading = _compared(reading, match, count, count)
    for match in _AROUND.finditer(reading.rest):
        low, high = _ABOUT[re.sub(r"\s+", " ", (match["w"] or match["h"]).casefold())]
        reading = _compared(reading, match, low, high).doubted()
    return _shares(reading)


def _compared(reading: Reading, match: re.Match[str], low: float, high: float) -> Reading:
    counts = counts_at(reading, match.start())
    if counts and not any(low <= count <= high for count in counts):
        raise Unsupported(f"“{match[0].strip()}” is not how many photos there are.")
    reading = reading.blanked([match.span()])
    return reading if counts else reading.doubted()


def _shares(reading: Reading) -> Reading:
    for match in _SHARE.finditer(reading.rest):
        low, high = _SHARES[(match["w"] or match["w2"]).casefold().split()[0]]
        whole = reading.around.brief.considered
        counts = counts_at(reading, match.start())
        if not (match["b"] or match["b2"] or match["c"] or match["c2"]) or not whole or not counts:
            reading = reading.blanked([match.span("w" if match["w"] else "w2")]).doubted()
            continue
        if not any(low <= count / whole <= high for count in counts):
            raise Unsupported(f"“{match[0].strip()}” is not how many photos there are.")
        reading = reading.blanked([match.span("w" if match["w"] else "w2")])
    return reading


def _ranked(reading: Reading) -> Reading:
    """ "More photos were taken in Lisbon": the label that comes next has the most of all totals."""
    totals = [total for total in reading.around.brief.totals if total.label]
    if len(totals) < 2:
        return reading
    for match in _RANKED.finditer(reading.rest):
        best = max if match["up"] or match["hup"] else min
        named = labelled(reading, match.end())
        first = min(
            named, key=lambda total: _place(reading, total.label, match.end()), default=None
        )
        if first is None:
            return reading.doubted()
        if first.count != best(total.count for total in totals):
            raise Unsupported(f"Other totals than that of {first.label} are {match[0]}.")
        reading = reading.blanked([match.span()])
    return reading


def _place(reading: Reading, label: str, at: int) -> int:
    found = fold(reading.text).find(fold(label.partition(",")[0]), at)
    return found if found >= 0 else len(reading.text)
