"""Questions in English that compare: what they begin and end with."""

from __future__ import annotations

from retrieval.answering.planning.frames import Block
from retrieval.answering.planning.words import frames

_MOST = frames(
    "compare",
    # "Which year did I take the most photos of dogs", "Which camera do I use most"
    "{which} (?:of (?:my|our|the) )?(?:{group}|{groups}) {auxiliary}(?:the )?{most}"
    "(?:{often}?(?= {adverbial}| for\\b|$)|{often}|(?: of)?(?: (?:my|our|the))? {photos})"
    "(?: {taken}(?= {adverbial}))?{body}",
    "{which} (?:{group}|{groups}) {did} {i} (?:photograph|visit|use|see|shoot|{take} {photos})"
    "{body} (?:the )?{most}{often}?",
    "{what} (?:my|our|the) (?:{most}[ -]{commonly}|(?P<most>favou?rite|main|usual)) {group}{body}",
    "{what} the {group} (?:with|that has|that had) (?:the )?{most} {photos}{body}",
    # "Which cities did I visit in 2019": all of them, with how many photos
    "{which} (?:different |other )?{groups} {did} {i} {seldom}(?:{visit}|photograph|use|used"
    "|have|had|make|made|see|(?:been|go|travel) to|{take} (?:photos|pictures)(?: (?:with|in|on)"
    "(?=$))?)?(?![\\w'’-]){body}",
    "{which} (?:different |other )?{groups} (?:are|were|was|am) (?:there|{i})?{body}",
    "{how_many} {photos} (?:{did} {i} {take}|are there|do {i} have|were {taken}){body}{and_per}"
    " {group}(?= {adverbial}|$){body}",
    "(?:{how_many}|(?:{what} |{give}(?: me)? |count )?(?:the )?(?:number|amount|count) of) {photos}"
    "{body}(?: (?:{did} {i} {take}|are there|do {i} have|were {taken}))?{and_per} {group}"
    "(?: (?:{did} {i} {take}|are there|do {i} have|were {taken}))?(?= {adverbial}|$){body}",
    "(?:{what} |{give}(?: me)? |count )?(?:the )?{photos}{body}{and_per} {group}",
)
_WHEN_MOST = frames(
    "compare",
    "when {did} {i} {seldom}(?:{take} (?:the )?{most}(?: of)? {photos}"
    "|{see} (?:the )?{most}{often}?(?= {adverbial}|$)){body}",
    group="year",
)
_WHERE_MOST = frames(
    "compare",
    "where {did} {i} {seldom}(?:{take} (?:the )?{most}(?: of)? {photos}"
    "|{see} (?:the )?{most}{often}?(?= {adverbial}|$)){body}",
    group="city",
)
#: Which year, city or camera has most photos.
COMPARED: tuple[Block, ...] = (
    Block(
        r".*\b(?:most|fewest|least|per|by|each|every|favou?rite|main|usual)\b"
        r"|(?:(?:in|on|at|with|by) )?(?:what|which) ",
        (*_MOST, *_WHEN_MOST, *_WHERE_MOST),
    ),
)
#: What compares things that it names; the body holds them.
ALTERNATIVES: tuple[Block, ...] = (
    Block(
        r"how many .*\band how many\b",
        frames(
            "compare",
            "(?P<compare>how many) {photos}{body}(?: (?:{did} {i} (?:have|{take})|are there))?",
        ),
    ),
    Block(
        r".*\b(?:more|fewer|less|compare)\b.*",
        frames(
            "compare",
            "(?:{did}|are|were|is|was) (?:{i}|there) {seldom}(?:(?:{take}|{see}|{visit}|{go}) )?"
            "{more}(?: {photos})?{body}",
            "(?:where|when|what|which(?: (?:{group}|one))?) (?:{did} {i} {seldom}(?:{take}|{see}"
            "|{visit})|has|have|had) {more}(?: {photos})?{body}",
            "{how_many} {more} {photos} {did} {i} {seldom}{take}{body}",
            "{how_many} {more} {photos}(?: (?:are|were)(?: there)?)?(?: {taken})?{body}",
            "(?:(?:were|are) )?{more} {photos}{body}",
            "(?:please )?(?P<compare>compare)(?: the (?:number|amount|count) of)?(?: {photos})?"
            "{body}",
            "{body}[:,;-] ?(?:where|when|which(?: one)?|what) (?:did|do|has|have|is|was) .*\\b"
            "{more}\\b.*",
        ),
    ),
)
