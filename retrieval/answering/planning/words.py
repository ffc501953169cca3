"""Words of questions in English: what fields and groups are called, and parts of frames."""

from __future__ import annotations

import re

from retrieval.answering.planning.frames import Frame, frame, spelled
from retrieval.queries import shells
from retrieval.records import Intent

#: What a field of metadata is called in a question.
FIELDS = spelled(
    {
        "taken": "date, day, year, month, time, time of day, weekday, season, day of the week",
        "place": "place, location",
        "city": "city, town, village",
        "country": "country",
        "region": "region, state, province",
        "camera": "camera, phone, device, smartphone, camera model, camera brand",
        "lens": "lens",
        "iso": "iso, iso value, iso setting, iso speed",
        "aperture": "aperture, f-number, f-stop, f stop, f number",
        "exposure": "settings, camera settings, shutter speed, exposure time, exposure",
        "focal": "focal length",
        "altitude": "altitude, elevation",
        "rating": "rating",
        "file": "file name, filename, name of the file, file, path",
        "folder": "folder, directory",
        "title": "title",
        "caption": "caption",
        "keyword": "keywords, tags",
        "format": "format, file format",
        "width": "width, resolution, size",
        "height": "height",
        "shape": "orientation",
        "latitude": "latitude, coordinates, gps position",
        "longitude": "longitude",
        "colour": "colour, color, colours, colors",
    }
)
#: Questions for a field that have an intent of their own: "What is the date of …".
INTENTS: dict[str, Intent] = {
    "taken": "when",
    **dict.fromkeys(("place", "city", "country", "region"), "where"),
}
#: What photos are grouped by.
GROUPS = spelled(
    {
        "year": "year",
        "month": "month",
        "day": "day, date",
        "city": "city, town, place, location",
        "country": "country",
        "camera": "camera, phone, device",
        "lens": "lens",
        "trip": "trip, holiday, vacation, journey",
    }
)


def _any(*names: str) -> str:
    words = sorted((re.escape(n).replace(r"\ ", r"\s+") for n in names), key=len, reverse=True)
    return rf"(?:{'|'.join(words)})"


def _plural(name: str) -> str:
    return {"city": "cities", "country": "countries", "lens": "lenses"}.get(name, f"{name}s")


_PLURALS = {_plural(name): group for name, group in GROUPS.items()}


def group_of(word: str) -> str:
    """The group that a word names, in singular or plural; "" for none."""
    return GROUPS.get(word) or _PLURALS.get(word, "")


_WHEN_FIELDS = _any(
    "date", "day", "day of the week", "year", "month", "time", "time of day", "weekday", "season"
)
_WHERE_FIELDS = _any(
    *("place", "location", "city", "town", "village", "country", "region", "state", "province")
)
_GEAR_FIELDS = _any(*(k for k, v in FIELDS.items() if v in ("camera", "lens")))
_SETTING_FIELDS = _any(
    *(k for k, v in FIELDS.items() if v in ("iso", "aperture", "exposure", "focal", "altitude"))
)
_PICK = r"(?:very\s+)?(?:first|last|latest|earliest|newest|oldest|most\s+recent)"
#: What comes before a question and is none: "Could you tell me when …".
POLITE = re.compile(
    r"(?:(?:please|hi|hey|hello|ok|okay|so|and|well|um|now)(?![\w'’-])[\s,!.]*"
    r"|(?:can|could|would|will)\s+you\s+(?:please\s+)?(?:tell|remind)\s+me\s+"
    r"|(?:do|would)\s+you\s+(?:know|remember|happen\s+to\s+know)\s+"
    r"|(?:please\s+)?(?:tell|remind)\s+me\s+(?!about|more|a\s|the\s+story|something)"
    r"|show\s+me\s+(?=(?:when|where|how|which)\b)"
    r"|(?:can|could|would|will)\s+you\s+(?:please\s+)?(?=(?:describe|explain|summari[sz]e|count"
    r"|compare|read|transcribe|tell\s+me)\b)"
    r"|i(?:['’]d|\s+would)?\s+(?:want|like|need|love)\s+to\s+know\s+"
    r"|i(?:['’]m|\s+am)?\s+wonder(?:ing)?\s+|(?:any|no)\s+idea\s+)+",
    re.IGNORECASE,
)

PARTS = {
    "body": r"(?:(?<![\w'’-])|(?![\w'’-]))[ ,:]*(?P<body>.*?)",
    "all": r"(?:(?<![\w'’-])|(?![\w'’-]))[ ,:]*(?P<body>.*)",  # to the last that may follow
    "noun": shells.NOUN,
    "photos": shells.photos(rf"(?:(?P<pick>{_PICK})\s+)?"),
    "photo": rf"{shells.WHICH}{shells.WHOSE}(?:same\s+)?{shells.NOUN}",
    "in_photos": rf"(?:in|on|at|from)\s+{shells.photos()}",
    "seldom2": r"(?:(?:first|last|originally)\s+)?",
    "i": r"(?:i|we|you|they|he|she|us|one|my\s+(?:wife|husband|partner|son|daughter|family))",
    "be": r"(?:was|were|is|are|has|have|had)(?:\s+been)?",
    "did": r"(?:did|do|does|have|had|has)",
    "when": r"(?:when(?:\s+exactly|\s+precisely)?|since\s+when|how\s+long\s+ago"
    r"|(?:(?:on|in|at|during)\s+)?(?:what|which)"
    rf"(?:\s+exact)?\s+(?P<field>{_WHEN_FIELDS}))",
    "where": rf"(?:where(?:abouts)?(?:\s+(?:in\s+the\s+world|exactly|on\s+earth))?"
    rf"|(?:(?:in|at|from|on|near)\s+)?(?:what|which)\s+(?P<field>{_WHERE_FIELDS}))",
    "seldom": r"(?:(?:ever|actually|usually|once|already|also|just"
    rf"|(?P<pick>{_PICK}|recently))\s+)*",
    "take": r"(?:take|taken|took|make|made|have|had|get|got|shoot|shot|snap|snapped|capture"
    r"|captured|find)",
    "took": r"(?:took|made|have|had|got|shot|snapped|captured|taken)",
    "see": r"(?:photograph|photographed|picture|pictured|see|saw|seen|shoot|shot|snap|snapped"
    r"|capture|captured|meet|met|encounter|encountered|spot|spotted|have|find|take|took|taken)",
    "saw": r"(?:photographed|pictured|saw|shot|snapped|captured|met|spotted|had|took)",
    "go": r"(?:go|gone|went|travel|travelled|traveled|fly|flown|flew|drive|driven|drove|come|came"
    r"|been|be|return|hike|hiked|walk|move|stay|stayed|holiday|vacation)(?:\s+back)?",
    "arrive": r"(?P<moved>(?P<pick>arrive|arrived|land|landed|get|got)\s+(?:in|at|to))(?![\w'’-])",
    "leave": r"(?P<moved>(?P<pick>leave|left|depart|departed|get\s+back|got\s+back|come\s+back"
    r"|came\s+back|return|fly\s+home|come\s+home))(?:\s+from|(?<=leave)|(?<=left))(?![\w'’-])",
    "use": r"(?:(?P<use>use|used)|shoot(?=\s+with\b))(?![\w'’-])",
    "visit": r"(?:visit|visited|explore|explored|tour|toured)",
    "taken": r"(?:being\s+)?(?:taken|photographed|shot|captured|snapped|made|recorded)",
    "time": r"(?:\s+for\s+the\s+(?P<pick>first|last)\s+time|\s+(?P<pick>most\s+recently))",
    "gear": r"(?:(?:model|brand|make|kind|type|sort)\s+of\s+)?"
    rf"(?P<field>{_GEAR_FIELDS})(?:\s+model)?",
    "setting": rf"(?P<field>{_SETTING_FIELDS})",
    "field": rf"(?P<field>{_any(*FIELDS)})",
    "which": r"(?:(?:with|on|by|at|using|in|for)\s+)?(?:which|what)",
    "shows": r"(?:shows?|(?:have|has)(?!\s+(?:i|we|been)\b)|contains?|depicts?"
    r"|features?|includes?)",
    "groups": rf"(?P<group>{_any(*_PLURALS)})",
    "group": rf"(?P<group>{_any(*GROUPS)})",
    "colour": r"(?:colou?rs?|colou?r\s+(?:exactly|precisely))",
    "text": r"(?:text|writing|words?|letters?|numbers?|inscription|message|slogan|label)",
    "collection": r"(?:(?:my|our|the|this|your)\s+(?:photo\s+|picture\s+)?"
    r"(?:collection|album|albums|library|archive|gallery|camera\s+roll|photos|pictures))",
    "at": r"(?:\s+(?:in|at|on))",
    "with": r"(?:\s+(?:with|on|by|at|using|in))",
    "used": r"(?:(?:(?:was|were|is|has\s+been|did\s+(?:i|we)|have\s+(?:i|we))\s+)?(?:used?|set)\s+"
    r"(?:for|on|in|at|to\s+(?:take|make|shoot|get|capture|photograph|snap))"
    r"|(?:took|made|shot|captured|takes|has\s+taken)|did\s+(?:i|we)\s+(?:take|make|shoot|have))\s+",
    "photographed": r"(?:photographed|captured|shot|(?:did|have)\s+(?:i|we)\s+(?:photograph|shoot"
    r"|capture|photographed)|(?:was|were|is|did\s+(?:i|we))\s+used?\s+(?:for|to\s+(?:photograph"
    r"|shoot|capture)))(?![\w'’-])",
    "made": r"(?:taken|shot|made|captured|snapped|recorded)",
    "what": r"what(?:['’]s|\s+is|\s+was|\s+are|\s+were)",
    "give": r"(?:give|show|tell|state|list)",
    "written": r"(?:written|printed|painted|said|engraved|spelled(?:\s+out)?)",
    "on": r"(?:\s+(?:on|in|at|above|below|over|across|from|of)(?![\w'’-]))",
    "describe": r"(?:describe|explain|summari[sz]e|tell\s+(?:me|us)\s+(?:more\s+|all\s+)?about)",
    "whose": r"(?:(?:my|our|the|your|all|these|those|this|that|a|an)\s+)*",
    "shown": r"(?:(?<= of)|(?<= showing)|(?<= shows)|(?<= depicting))",
    "it": r"(?:it|that|this|them|they|these|those)(?: one| photo| picture)?",
    "how_many": r"(?:(?:on|in|with|during) )?(?:how\s+many|how\s+much)(?:\s+of)?",
    "different": r"(?:(?:different|distinct|separate|unique|other|various)\s+)?",
    "adverbial": r"(?:in|at|on|with|by|near|during|before|after|since|between|from|using|last|this"
    r"|yesterday|today|around|outside)\b",
    "auxiliary": r"(?:(?:did|do|does|have|has|had|was|were|is|are|there|i|we|my|our|take|took"
    r"|taken|make|made|use|used|shoot|shot|visit|visited|go|gone|been|to|travel|photograph|photographed"
    r"|with|in|get|appears?|occurs?) )*",
    "most": r"(?P<most>most|fewest|least)",
    "more": r"(?P<most>more|fewer|less)(?: often| frequently)?",
    "often": r"(?: (?:often|frequently|used|popular|common|photographed|visited|taken|shot))",
    "commonly": r"(?:used|often used|frequently used|common|popular|photographed|visited|frequent"
    r"|loved)",
    "and_per": r"(?:,? |(?<= ))(?:per|by|for each|for every|in each|in every|each|every"
    r"|grouped by|broken down by)",
    "pick": _PICK,
    "seek": shells.SEEK,
    "rains": r"(?:it (?=\w+$|\w+ (?:in|on|at)\b))",
}


def frames(
    intent: Intent, *templates: str, field: str = "", group: str = "", place: bool = False
) -> tuple[Frame, ...]:
    """Frames of one intent, from templates over the words of English."""
    return tuple(
        frame(template, intent, PARTS, field=field, group=group, place=place)
        for template in templates
    )
