"""Questions in English for a time or a place."""

from __future__ import annotations

from retrieval.answering.planning.frames import Frame
from retrieval.answering.planning.words import frames
from retrieval.records import Intent


def asking(word: str, intent: Intent, field: str) -> tuple[Frame, ...]:
    """Frames of "when" and of "where", which differ in nothing else."""
    seen = (
        # "When did I take the last photo of …", "When did I photograph …"
        "{did} {i} {seldom}{take} {photos}{body}{time}?",
        "{did} {i} {seldom}{see}{body}{time}?",
        "{be} {whose}(?P<pick>first|last) time (?:that |when )?{i} {seldom}{saw}{body}",
        # "Where was the photo of … taken?"; indirectly: "where the photo of … was taken"
        "{be} {photos}{body} {made}{time}?{at}?",
        "(?:was|were|am) {i}(?: in| at)? when {i} {seldom}(?:{took} {photos}|{saw}){body}",
        "{be}(?: (?:shown|depicted|seen|pictured|visible))? {in_photos}{shown}{body}",
        "{be} {seldom}{body} {seldom2}{taken}{time}?{at}?",
        "{be} {photos}(?:{shown}|$){body}(?: (?:from|located))?",
        "{photos}{body} (?:was|were|is|has been) {taken}{at}?",
        "(?!{did} |{be} ){i} {seldom}{took} {photos}{body}{time}?",
        "(?!{did} |{be} ){i} {seldom}{saw}{body}{time}?",
        "(?!{did} |{be} ){body} (?:was|were) {taken}",
    )
    gone = (
        "{did} {i} {seldom}(?:{visit}|{go}) (?P<pick>first|last|most recently)"
        "(?= (?:in|on|during|of|with)\\b|$){body}",
        "{did} {i} {seldom}(?:{arrive}|{leave})(?= ){body}",
        "{did} {i} {seldom}{visit}{body}{time}?",
        "{did} {i} {seldom}{go}(?: to|(?= (?:in|on|last|during)\\b)|$){body}{time}?",
        "{be} {whose}(?P<pick>first|last) time (?:that |when )?{i} (?:went to|visited|(?:was|were)"
        "(?= in )){body}",
        "(?:was|were|am|are|is) {i} {seldom}(?:to|in)(?! the\\b){body}{time}?",
        "{i} {seldom}(?:went|travelled|flew|drove|have been) (?:to|in){body}",
        "{i} {seldom}visited{body}",
        "{i} (?:was|were) {seldom}in(?! the\\b){body}",
    )
    other = (
        "(?:was|were|am|are|is) {i} {seldom}(?=(?:at|on|in|with|near|by) ){body}{time}?",
        "{did} {i} {seldom}{body}{time}?",
        "(?:{did}|{be}|do|am|can|could) {seldom}{rains}?{body}{time}?",
    )
    return (
        *frames(intent, *(f"{{{word}}} {t}" for t in seen), field=field),
        *frames(intent, *(f"{{{word}}} {t}" for t in gone), field=field, place=True),
        *frames(intent, *(f"{{{word}}} {t}" for t in other), field=field),
    )


#: "Was the photo of a dog taken in 2019 or 2020?", "… in Lisbon or in Berlin?"
OR_WHEN = frames(
    "when",
    "(?:was|were|is|are) {photos}{shown}{all} (?:{made}|from)(?: in| on)? (?:[A-Za-z]+ )?\\d{4} or"
    " .{1,30}",
    field="taken",
)
OR_WHERE = frames(
    "where",
    "(?:was|were|is|are) {photos}{shown}{all} (?:{made}|from)(?: in| at)? (?:[^ ]+ ){1,3}or"
    " .{1,30}",
    field="place",
)
#: The photo first, then the question.
BEFORE = (
    # "The photo of a dog on a beach: when was it taken?"
    *frames(
        "when",
        "(?:{photos}{shown})?{body}[:,;.?!] when (?:{did} {i} {take}|{did} {i} {see}|{be}) {it}"
        "(?: {taken})?",
        field="taken",
    ),
    *frames(
        "where",
        "(?:{photos}{shown})?{body}[:,;.?!] where (?:{did} {i} {take}|{did} {i} {see}|{be}) {it}"
        "(?: {taken})?",
        field="place",
    ),
)
