"""Questions in English: what they begin and end with, the more special ones first."""

from __future__ import annotations

from retrieval.answering.planning.english_when import BEFORE, OR_WHEN, OR_WHERE, asking
from retrieval.answering.planning.frames import Block
from retrieval.answering.planning.words import PARTS, frames
from retrieval.queries import shells

_AGE = frames("what", "how old (?:is|are|was) {photos}{shown}{body}", field="taken")
_SETTINGS = (
    # "Which camera took the photo of …", "With which lens did I photograph …"
    "{which} (?:{gear}|{setting})(?: settings?)? {used}{photos}{body}",
    "{which} (?:{gear}|{setting}) {photographed}{body}",
    "{which} (?:{gear}|{setting}) {be} {photos}{body} {made}{with}?",
    "{which} (?:{gear}|{setting}) {be} {photos}{body}",
    "{which} (?:{gear}|{setting}) {be} {body} {taken}{with}?",
    "{which} (?:{gear}|{setting}) {did} {photos}{body}(?: (?:have|use))?",
    # "What is the ISO of the photo of …"
    "{what} the {field} (?:of|for|on|in|at which|with which|when|used (?:for|in)) {photos}{body}",
    "(?:{give}(?: me)? )?(?:the )?{field} of {photos}{body}",
    "{which} (?:{gear}|{setting}) (?:was|is) {it}(?: {taken}{with}?)?",
    "{which} {field} {did} {photos}{body} have",
    "{which} {gear} {did} {i} {seldom}(?:use|used|have|had|carry|shoot with)(?= {adverbial}|$)"
    "{body}",
    "{which} {field} is {photos}{body}(?: (?:in|from))?",
)
_WRITING = frames(
    "what",
    "what (?:is|was|does|do|did) .*?(?:{written}|say|read)\\b.*? {in_photos}{shown}{body}",
    # "What is written on the sign", "What does the sign say"
    "what(?:['’]s| is| was| are| were|) (?:it (?:is )?)?{written}{on}?(?: {photos}{shown})?{body}",
    "what (?:exactly )?(?:is|was|are|were|do|does|did) {body} (?:say|says|read|reads|written)",
    "what (?:does|did|do) (?:it|they) (?:say|read){on}?{body}",
    "(?:what|which) {text} (?:is|are|was|were|does|do|can {i} (?:read|see)|stands?|appears?)"
    "(?: there)?(?: (?:written|printed|painted))?{on}?{body}(?: (?:have|show|say))?",
    "{what} the (?!number of ){text}{on}{body}",
    "(?:read|transcribe)(?: me)?(?: the {text})?{on}?{body}",
    field="writing",
)
_CLOCK = frames(
    "what",
    "what time (?:does|do|did) {body} (?:show|say|read|display)",
    "what time (?:is|was) (?:it|shown|displayed|to be read) on{body}",
    field="writing",
)
_COLOUR = frames(
    "what",
    "(?:what|which) {colour} .*? {in_photos}{shown}{body}",
    "(?:what|which) {colour} (?:was|were|is|are|has|have|had|do|does|did) "
    "(?:{photos}{shown} )?{body}(?: (?:have|painted|wearing|wear))?",
    "{what} the {colour} of{body}",
    "(?:in|of) (?:what|which) {colour} (?:was|were|is|are){body}",
    field="colour",
)
_WHO = frames(
    "what",
    "who (?:took|takes|made|shot|(?:is|was|appears|stands|sits) in) {photos}{body}",
    "who(?:['’]s| is| are| was| were| can {i} see| do {i} see)(?: (?:that|shown|seen))? "
    "{in_photos}{body}",
    "who (?:did|do|have|had) {i} {seldom}(?:take {photos}|{see})?{body}",
    "who(?:se|m)?(?:['’]s| is| are| was| were| has| had| did| does)?{body}",
    field="people",
)
_INSIDE = frames(
    "what",
    # "How many people are in the photo of …": of things inside one photo
    "how many (?:\\w+ ){1,3}?(?:are|were|is|can {i} see|do {i} see|appear)(?: there)?"
    "(?: (?:shown|visible|standing|sitting))? {in_photos}{shown}{body}",
    "how many (?:\\w+ ){1,3}?{did} {photos}{shown}{body} (?:show|have|contain)",
)
_TRIP = frames(
    "describe",
    "{describe} {whose}(?P<group>trip|trips|holiday|holidays|vacation|journey)"
    "(?: (?:to|in|around|through))?{body}",
    place=True,
)
_DESCRIBE = frames(
    "describe",
    "(?:what (?:did {i} {seldom}(?:do|experience|{see})|(?:was|were) {i} doing|happened))"
    "(?= {adverbial}|$){body}",
    "{describe}(?: (?:me|us))?(?: what (?:is|you see|you can see|happens) {in_photos}"
    "| what(?:['’]s) {in_photos}| {photos}){body}",
    "(?:describe|summari[sz]e){body}",
    "(?:please )?tell (?:me|us) (?:more |something |all |everything )?about(?: {whose}{noun} "
    "of)?{body}",
    "what (?:do|can) you (?:know|tell me|say) about(?: {photos})?{body}",
    "what(?:['’]s| is| are| was| were| do {i} see| can (?:{i}|be) (?:see|seen)| happens| happened)"
    "(?: (?:there|shown|visible|depicted|happening|going on|to be seen|to see|seen|pictured))? "
    "{in_photos}{body}",
    "what (?:does|do|did) {photos}{body} (?:show|depict|contain|look like|have in it)",
    "(?:write|give|make|generate)(?: me)? an? (?:description|caption|summary)"
    " (?:of|for|about)(?: {photos})?{body}",
    "caption {photos}{body}",
)
_COUNT = (
    *frames(
        "count",
        "{how_many} {photo}(?: (?:are|were|do {i} have|did {i} take)(?: there)?)? (?:that |which )?"
        "{shows}{body}",
        # "How many photos of dogs did I take in Lisbon"
        "{how_many} {photos}{body} {did} {i} {seldom}{take}(?! {noun}){body}",
        "{how_many} {photo} did (?!{i} ){body} (?:take|make|shoot|capture)",
        "{how_many} {photos}{body} (?:do|did) {i} (?:have|own|got){body}",
        "{how_many} {photo} (?:are|were)(?: of)?(?! there\\b| (?:in|of) {collection}){body}",
        "{how_many} {photos}{body} are(?: there| (?:in|of) {collection}|(?= from\\b))"
        "(?= {adverbial}|$){body}",
        "{how_many} {photos}{all} (?:were|are|was|have been) {made}(?= {adverbial}){body}",
        "{how_many} {photos}{body}",
        "(?:the )?total {photos}{body}",
        "(?:{what} |{give}(?: me)? |count )?(?:the )?(?:total )?(?:number|amount|count) of {photos}"
        "{body}",
        "(?:please )?count(?: up)? {photos}{body}",
    ),
    *frames(
        "count",
        "{how_many} {different}{groups} {did} {i} {seldom}(?:(?:{visit}|photograph|photographed"
        "|(?:been|go|went|travel) to|use|used|have|take|make|own|see|shoot|spend|spent)"
        "(?: (?:photos|pictures))?(?: (?:(?:with|in|on)(?=$)|of|to))?(?![\\w'’-]))?{body}",
        "{how_many} {different}{groups} (?:was|were|am|are) {i} {seldom}{body}",
        "{how_many} {different}{groups} (?:are|were)(?: there)?(?: {taken})?"
        "(?: (?:in|of) {collection})?{body}",
    ),
    *frames(
        "count",
        "how long {did} {i} {seldom}(?:{visit}|{go}(?: to|(?= in\\b))|spend)(?= ){body}",
        "how long (?:was|were) {i} {seldom}(?:to|in)(?! the\\b){body}",
        "how long (?:was|were) (?:my|our|the) (?:trip|stay|visit|holiday|vacation) (?:to|in){body}",
        group="day",
        place=True,
    ),
    *frames(
        "count",
        "how (?:many times|often) {did} {i} {seldom}(?:{visit}|{go} (?:to|in)){body}",
        "how (?:many times|often) (?:was|were|have|had) {i} (?:been )?{seldom}(?:to|in)"
        "(?! the\\b){body}",
        group="trip",
        place=True,
    ),
    *frames(
        "count",
        "how (?:many times|often) {did} {i} {seldom}(?:{take} {photos}|{see}){body}",
        "how (?:many times|often) (?:{did}|{be}) {seldom}{body}",
        "{how_many}{body} are there(?: (?:in|on) {collection})?(?= {adverbial}|$){body}",
        # "How many dogs did I photograph", "… are running": photos of them are what can be counted
        "{how_many}{body} {did} {i} {seldom}(?:{see}|{take} {photos})(?! {noun}){body}",
        "{how_many}{body} are(?: there)?(?: (?:in|on) {collection})(?!\\s+of\\b){body}",
        "{how_many}{body} (?:are|is|were|was)(?= \\w+ing\\b){body}",
        "{how_many}{body}",
    ),
)
_YES_NO = (
    *frames(
        "yes-no",
        "{did} {i} {seldom}(?:{visit}|{go} to){body}",
        "(?:was|were|am|are) {i} {seldom}(?:to|in)(?! the\\b){body}",
        place=True,
    ),
    *frames(
        "yes-no",
        # "Was it 2019 when I went to Kyoto", "Was it in Lisbon that I photographed a bus"
        "(?:is|was) it{body} (?:when|that) {i} {seldom}(?:(?:went|travelled|flew|drove)"
        "(?: to)?|(?:was|were)(?= (?:in|at|on) )|visited|{took} {photos}|{saw}){body}",
        # "Was the photo of … taken in Berlin?"
        "(?:was|were|is|are) {photos}{shown}{all} {made}(?= {adverbial}){body}",
        "(?:was|were|is|are) {photos}{shown}{body} from{body}",
        "(?:is|are|was|were)(?:n['’]t)? there (?:even )?(?:{photos}|any(?:thing| )|some )?{body}"
        "(?: (?:in|among|on) {collection})?",
        "{did} {i} {seldom}{take} {photos}{body}(?: (?:in|among|on) {collection})?",
        "{did} {i} {seldom}{use}{body}",
        "{did} {i} {seldom}{see}(?: any)?{body}(?: (?:in|among|on) {collection})?",
        "(?:do|does) {collection} (?:show|contain|have|include)(?: {photos}| any)?{body}",
        "(?:do|does|is|are) (?:any|some|one) (?:of )?{photos} (?:show|have|contain|depict)?{body}",
        "(?:got )?any {photos}{body}",
        "(?:is|are|was|were|does|do|did|has|have) (?!{i} )(?:{photos}{shown})?{body}"
        "(?: (?:in|among|on) {collection})",
    ),
)
_OPEN = (
    *frames("yes-no", "(?:was|were|am|are|is|{did}) {i} {seldom}{body}"),
    *frames(
        "yes-no",
        "(?:is|are|was|were|does|do|did|has|have|had|(?:can|could)(?! (?:you|i|we)\\b)) {body}",
    ),
    *frames("what", "(?:what|which)(?:['’]s)? {body}", "how (?!about\\b){body}"),
)
_WHAT_ELSE = (
    *frames("what", "what (?:is|are|was|were) (?!{i} ){body} doing{body}"),
    *frames(
        "find",
        "(?:what|which) (?:of )?(?:{whose})?{noun} (?:{did} {i} {seldom}{take}(?: of)?|{shows}|{be}"
        "(?: there)?(?: of)?){body}",
        "(?:in|on) (?:what|which) (?:of )?(?:{whose})?{noun} (?:can {i} see|do {i} see|(?:is|are"
        "|does|do)(?: there)?){body}",
    ),
    *frames(
        "what",
        "(?:what|which) (?!{noun} ).*? {in_photos}{shown}{body}",
        "(?:what|which) (?:kind|type|sort|breed|brand|species|make|model)s? of {body} (?:is|are|was"
        "|were|do|does|did|can)(?: {i} {see})?{body}",
        "(?:what|which) {body} (?:did|have|had) {i} {seldom}{see}(?= {adverbial}|$){body}",
        "(?:what|which) (?:(?:kind|kinds|type|types|sort|sorts|breed|brand|species|make|model) of "
        ")?(?:\\w+ ){0,2}?(?:is|are|was|were|do|does|did|has|have|had)(?! {i} ){body}",
        "what did {i} {seldom}{body}",
    ),
)

_FIND = frames(
    "find",
    "(?:(?:{seek}(?: me| us)?|{what}|which(?: one)? (?:is|was)) )?{whose}(?P<pick>{pick}) {photos}"
    "{body}",
    "which(?: one)?(?: of (?:them|these|those))? (?:is|are|was) {photos}{shown}{body}",
)
_WHICH = r"(?:(?:on|in|at|during|with|by|using|for|from|of|near) )?(?:what|which)\b"

#: The sentence alone does not show that it asks: these need a question mark.
OPEN: tuple[Block, ...] = (Block("", _OPEN),)
#: All that show by themselves what they ask; the first that fits counts.
FRAMES: tuple[Block, ...] = (
    Block(rf"{_WHICH}|the |{PARTS['give']}\b|{PARTS['field']} of ", frames("what", *_SETTINGS)),
    Block("how old", _AGE),
    Block("what time", _CLOCK),
    Block(rf"{PARTS['when']}\b", asking("when", "when", "taken")),
    Block(rf"{PARTS['where']}\b", asking("where", "where", "place")),
    Block(rf"{_WHICH}|read|transcribe", _WRITING),
    Block(_WHICH, _COLOUR),
    Block("who", _WHO),
    Block("how many", _INSIDE),
    Block("describe|explain|summar|tell", _TRIP),
    Block("describe|explain|summar|please|tell|what|write|give|make|gen|caption", _DESCRIBE),
    Block(
        "(?:(?:on|in|with|during) )?how|what|give|show|tell|list|state|count|please|the "
        "|total|number|amount",
        _COUNT,
    ),
    Block("was|were|is|are", (*OR_WHEN, *OR_WHERE)),
    Block("is|are|was|were|am|did|do|does|have|has|had|got|any", _YES_NO),
    Block(rf"{shells.SEEK}|the |my |our |first|last|latest|newest|earliest|oldest|wh", _FIND),
    Block(_WHICH, _WHAT_ELSE),
    Block(r".*[:,;.?!] (?:when|where)\b", BEFORE),
)
