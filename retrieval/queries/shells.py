"""What surrounds what is looked for: "Find the photo of …", "When did I photograph …?"."""

from __future__ import annotations

import re

from retrieval.queries import chinese

PHOTO_NOUNS = (
    "photo photos photograph photographs picture pictures image images pic pics shot shots snapshot"
    " snapshots snap snaps"
)
NOUN = rf"(?:{'|'.join(sorted(PHOTO_NOUNS.split(), key=len, reverse=True))})"
WHICH = r"(?:(?:all|every|any|some|only|just|both|each)(?:\s+of)?\s+)*"
WHOSE = r"(?:(?:the|a|an|my|our|your|those|these|that|one|other)\s+)?"
#: So many are wanted: "five photos of dogs".
_SOME = (
    r"(?:(?:\d{1,3}|two|three|four|five|six|seven|eight|nine|ten|a\s+dozen|a\s+few|a\s+couple\s+of"
    r"|several|some\s+more|more)\s+)?"
)
_OF = (
    r"(?:\s+(?:of|showing|(?:that|which)\s+shows?|depicting|containing|(?:that|which)\s+contains?"
    r"|where\s+(?:there\s+(?:is|are)\s+)?|in\s+which\s+(?:there\s+(?:is|are)\s+)?))?"
)
_TOOK = r"(?:\s+(?:that\s+|which\s+)?(?:i|we)(?:'ve|\s+have|’ve)?\s+(?:took|taken|made|shot|have))?"
_WITH = r"(?!\s+(?:with|using|by|on)\b)"  # "taken with" says that a camera follows
_WERE = (
    r"(?:\s+(?:that|which)?\s*(?:were|was|are|is)?\s*"
    rf"(?:taken|shot|made|captured){_WITH})?"
)


def photos(adjective: str = "") -> str:
    """An expression for photos that are spoken of: "all my pictures that I took of"."""
    return rf"{WHICH}{WHOSE}{_SOME}{adjective}{NOUN}{_TOOK}{_WERE}{_OF}"


_PHOTOS = photos()
SEEK = (
    r"(?:(?:please|kindly|can\s+you|could\s+you|(?:can|could|may)\s+(?:i|we)|would\s+you|i\s+want\s+to|i(?:'d|’d)\s+like\s+to"
    r"|i(?:'m|’m|\s+am)|we(?:'re|’re|\s+are)|i\s+want|i\s+need|let\s+me|let(?:'|’)?s)\s+)*"
    r"(?:find|show|search(?:\s+for)?|look(?:ing)?\s+for|get|give|display|list|fetch|see|bring\s+up)"
)
_BE = r"(?:was|were|is|are)"
_DO = r"(?:did|do|have|had)"
_MADE = (
    r"(?:take|taken|took|make|made|have|shoot|shot|capture|captured|photograph|photographed|snap"
    r"|snapped|get|got|see|saw|seen|picture)"
)


def _compiled(*patterns: str) -> tuple[re.Pattern[str], ...]:
    return tuple(re.compile(rf"\s*(?:{p})(?![\w'’-])\s*", re.IGNORECASE) for p in patterns)


#: What may stand at the beginning; the first that fits counts.
_HEADS = _compiled(
    # "How many photos did I take (of)", "how many photos are there (of)"
    rf"how\s+many\s+(?:of\s+)?(?:the\s+|my\s+)?{NOUN}(?:\s+{_BE}(?:\s+there)?|\s+{_DO}\s+(?:i|we|you))?"
    rf"(?:\s+{_MADE})?{_OF}",
    # "When did I photograph", "where did we take the photo of"
    rf"(?:when|where)\s+{_DO}\s+(?:i|we)\s+(?:last\s+)?{_MADE}(?:\s+{_PHOTOS})?",
    # "Where was the photo of … taken?"; "when was … photographed?" (the end is cut below)
    rf"(?:when|where)\s+{_BE}\s+{_PHOTOS}",
    rf"(?:when|where)\s+{_BE}(?=.*\b(?:taken|photographed|shot|captured)\s*\?*\s*$)",
    rf"(?:which|what)\s+(?:of\s+)?(?:the\s+|my\s+|our\s+)?{NOUN}"
    rf"(?:\s+(?:shows?|have|has|contains?|depicts?|{_BE}(?:\s+there)?(?:\s+(?:taken|shot|made))?"
    rf"|{_DO}\s+(?:i|we)\s+{_MADE})){_OF}",
    rf"(?:what|which)\s+colou?rs?\s+(?:{_BE}|(?:do|does|did)|has|have|had)",
    rf"(?:{_BE}\s+there|{_DO}\s+(?:i|we|you)\s+have)\s+(?:{_PHOTOS})",
    rf"{SEEK}\s+(?:me\s+|us\s+)?(?:again\s+)?{_PHOTOS}",
    rf"{SEEK}\s+(?:me|us)(?:\s+{WHICH[:-1]})?",
    rf"(?:i|we)(?:\s+would|'d|’d)?\s+(?:need|want|like)\s+{_PHOTOS}",
    r"(?:please\s+)?(?:find|search\s+for|look(?:ing)?\s+for)(?!\s+(?:me|us)\b)(?=\s+\w)",
    rf"{WHICH}{WHOSE}{NOUN}\s+(?:of|showing|(?:that|which)\s+shows?|depicting|containing)",
    rf"{WHICH}{WHOSE}{NOUN}{_TOOK}(?:\s+(?:that|which)?\s*(?:were|was)?\s*(?:taken|shot){_WITH})?"
    r"(?=\s+(?:taken|shot|in|from|at|with|near|during|before|after|since|between|by|on|not)\b)",
)
_SPEAKS = re.compile(
    r"\s*(?:did|do|was|were|is|are)\s+(?:i|we)\s+(?:take|photograph|make|shoot)\b", re.IGNORECASE
)
_TAIL = re.compile(
    r"\s*(?:(?:being\s+)?(?:taken|photographed|shot|captured)|(?:did|do)\s+(?:i|we)\s+(?:take|have))"
    r"\s*(?=\?*\s*$)",
    re.IGNORECASE,
)
_MARKS = re.compile(r"[\s?？!！.。]*$")


def strip(text: str) -> tuple[int, int]:
    """Where in `text` that which is looked for begins and ends."""
    for shell in chinese.SHELLS:
        if re.search(r"[\u4e00-\u9fff]", text) and (match := shell.match(text)):
            return match.start("body"), match.end("body")
    begin, end = 0, len(text)
    for head in _HEADS:
        if match := head.match(text):
            begin = match.end()
            break
    if begin:
        question = re.match(r"\s*(?:when|where|which|what|how)\b", text, re.IGNORECASE)
        if question and (tail := _TAIL.search(text, begin)):
            end = tail.start()
        else:
            end = max(begin, _end(text))
    return begin, end


def _end(text: str) -> int:
    match = _MARKS.search(text)
    return match.start() if match else len(text)
