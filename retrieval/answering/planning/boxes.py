"""The text between a question's frame, made fit for the search box."""

from __future__ import annotations

import datetime
import re

from retrieval.errors import QueryError
from retrieval.queries import make_query
from retrieval.queries.compiling import compile_query
from retrieval.queries.known_names import index_of
from retrieval.queries.lexing import names_of
from retrieval.queries.pieces import quoted
from retrieval.queries.shells import NOUN
from retrieval.records import Query
from retrieval.storage.vocabulary import Vocabulary

_QUOTED = re.compile(r"""["“”„'‘’「『](?P<inside>(?:[^"“”„「」『』]){12,})["“”'’」』]""")
_GEAR = re.compile(
    r"(?<![\w'’-])(?:with|using|on|by|from) (?:(?:my|the|a|an|our) )?(?P<name>\w+)", re.IGNORECASE
)


#: "with the iPhone or the Canon"
_ANOTHER = re.compile(
    r"\b(?:with|using|by) (?:my|the|an?|our) \w+ or (?=(?:my|the|an?|our) (?P<name>\w+)$)",
    re.IGNORECASE,
)
#: What a make only describes: "the Apple store".
_NOUN = re.compile(
    r" (?!(?:camera|phone|in|on|at|from|with|during|since|before|after|between|near|last|this|and"
    r"|or|outside|of|to)\b)[a-z]+(?!\w)"
)
#: What points to photos of an answer before, and says nothing of what they show.
_PRONOUNS = frozenset(
    ("it", "that", "this", "them", "they", "these", "those", "this one", "she", "he")
)
_PRONOUNS |= {
    "that one",
    "the first one",
    "the photo",
    "the picture",
    "它",
    "它们",
    "那",
    "这",
    "那个",
}
#: A name that the collection has, in a Chinese sentence: "2019年在Lisbon的狗".
_LATIN = re.compile(r" ?在 ?([A-Z][A-Za-z .'’-]*[A-Za-z]) ?(?:的|(?=[^\x00-\u2fff])|$)")
#: "在京都用iPhone": a camera's name needs a word of its own before it.
_USED = re.compile(r"(?<=[\u4e00-\u9fff])(?:是用|使用|用)(?:我的)?(?=[A-Z a-z])")

_TAKEN = re.compile(r"(?<=[^\x00-\u2fff]|[A-Za-z0-9])(?:拍摄|拍|照(?![片相]))(?:的|$)")
#: Names of pictures, which are looked for by them.
FILE = re.compile(
    r"""(?P<folder>(?:[\w~.@+-]+[/\\])*)(?P<name>[\w@+-][\w.@+()-]*\.(?:jpe?g|png|gif|heic|heif|avif"""
    r"""|webp|tiff?|bmp|dng|cr[23]|nef|arw|orf|rw2|raf))(?!\w)""",
    re.IGNORECASE,
)
#: The same without their endings, as cameras and phones name them: IMG_1434, PXL_20230101_1234.
STEM = re.compile(
    r"(?<![\w./:\\-])(?P<name>(?:IMGP?|DSC[FN]?|PXL|DJI|GOPR|SAM|MVI|P)_?\d{4,}(?:_\w+)?)(?![\w.-]\w)",
    re.IGNORECASE,
)
#: The facts that photos may have, by the names that people give them.
_HAS = {
    "gps": r"places?|locations?|gps|geotags?|coordinates",
    "date": r"dates?|capture (?:dates?|times?)",
    "camera": r"cameras?",
    "caption": r"captions?|descriptions?",
    "keywords": r"keywords?|tags?",
    "rating": r"ratings?|stars",
}
_FACT = "|".join(f"(?P<{name}>{said})" for name, said in _HAS.items())
_LACKS = re.compile(
    r"(?:^|(?<=\s))(?:(?:that |which )?(?:have|has|with|there is|are|were) )?"
    rf"(?:no|without(?: an?y?)?) (?:known |gps )?(?:{_FACT})(?: data| information| info| known)?$",
    re.IGNORECASE,
)
_LACKS_HAN = re.compile(
    r"(?P<body>.*?)的?(?:照片|相片)?(?:没有|缺少|无)(?:(?P<gps>地点|位置|坐标|GPS)|(?P<date>日期|时间))(?:信息|数据)?的?"
)
_HAVE = re.compile(
    r"(?:an? )?(?:(?P<gps>gps|geotags?|coordinates|gps (?:data|coordinates|position))"
    r"|(?P<caption>captions?)|(?P<keywords>keywords?)|(?P<rating>ratings?))",
    re.IGNORECASE,
)
#: "a beach without people": these are told well enough to be left out; it is what people ask for.
_NOBODY = re.compile(
    r"(?:^|,?\s+)(?:(?:and|but|with|showing|there (?:is|are)|that (?:has|have|shows?)) )*"
    r"(?:no|without(?: any)?) (?:people|persons?|humans?|human beings)"
    r"(?: (?:in (?:it|them|the (?:photo|picture|image)s?)|around|visible))?"
    r"(?=$|,|\s+(?:in|at|from|since|before|after) (?-i:[A-Z0-9]))",
    re.IGNORECASE,
)
_SHOW_BOTH = re.compile(r"^(?:shows?|contains?|has|have) (?=both\b)", re.IGNORECASE)
_NOT = r"(?:(?:is|are|was|were|do|does|did|has|have)(?: not|n['’]t)|not)"
_SHOWN = r"(?:of|show|showing|have|having|contain|containing|depict|depicting|include|including)"
#: "that are not of dogs", "do not show a dog": the same as "no dogs".
_DENIED = re.compile(
    rf"(?:^|(?<=\s))(?:(?:that|which|who) )?{_NOT} {_SHOWN} (?!(?:both|all|only|just)\b)"
    r"(?:(?:any|an?|the) )?(?=\w)",
    re.IGNORECASE,
)
#: What is told to be missing, and no filter or minus says it.
_ABSENT = re.compile(
    rf"(?<![\w:-])(?:(?:with )?no|without|{_NOT} (?!during\b|using\b)(?:of|wear|hold|\w+ing))"
    r"(?: (?:any|an?|the|other|his|her|their|its))* "
    r"(?!(?:one|longer|any|an?|the|other)\b)[^\W\d_][\w'’-]*",
    re.IGNORECASE,
)
_JOURNEY = re.compile(
    r"(?:(?:on|during|from|in|of) )?(?:my|our|the) (?:very )?"
    r"(?P<pick>last|latest|most recent|first) (?:trip|journey|holiday|vacation)"
    r"(?: to (?P<to>[^,?]+))?$",
    re.IGNORECASE,
)
#: "on our trip to Kyoto", where it is one among others.
_VISIT = re.compile(
    r"(?:on|during|from|in|of) (?:my|our|the) (?:trips?|journey|holidays?|vacation|visits?|stay) "
    r"(?:to|in|at|around|through) (?P<to>[^,?]+)$",
    re.IGNORECASE,
)
#: All photos are somebody's own: "a cat in any of my photos".
_MINE = re.compile(
    rf"(?<=\S) (?:in|among|on) (?:(?:any|one|some|all) of )?(?:my|our) {NOUN}(?= from\b| in\b|$)",
    re.IGNORECASE,
)


def finished(body: str, vocabulary: Vocabulary, *, place: bool) -> str:
    """A box of what a question is about.

    With `place` it follows "visit" or "go to": a name is then searched as a place. A caption in
    quotation marks is a description, while some words in them are to be found as they stand.
    """
    box = body.strip(" \t,，、:：;")
    if (whole := _QUOTED.fullmatch(box)) and whole["inside"].count(" ") >= 3:
        box = whole["inside"].strip()
    if lack := _LACKS_HAN.fullmatch(box):
        return f"{lack['body']} -has:{lack.lastgroup}".strip()
    box = _LATIN.sub(r" in \1 ", _TAKEN.sub("", box)).strip()
    box = _DENIED.sub("no ", _USED.sub(" 用", box)).strip()
    if box.casefold() in _PRONOUNS:
        return ""
    if place and is_name(box, vocabulary):
        return f"in {box}"
    box = re.sub(r"^the photo (?=name:)", "", FILE.sub(_file, box))
    box = _MINE.sub("", STEM.sub(_stem, box))
    box = _VISIT.sub(lambda f: f"in {f['to']}" if is_name(f["to"], vocabulary) else f[0], box)
    box = _JOURNEY.sub(lambda found: _journey(found, vocabulary), box)
    if found := _HAVE.fullmatch(box):
        return f"has:{found.lastgroup}"
    lacks = _LACKS.search(box)
    if lacks and only_filters(box[: lacks.start()], vocabulary):  # a man may lack a camera too
        box = f"{box[: lacks.start()]}-has:{lacks.lastgroup}"
    return geared(_without_people(_SHOW_BOTH.sub("", box), vocabulary), vocabulary)


def _without_people(box: str, vocabulary: Vocabulary) -> str:
    """A box that takes people out, if it says so, and says as well what there is."""
    there = _NOBODY.sub(" ", box).strip()
    if there == box.strip() or only_filters(there, vocabulary):
        return box
    return _NOBODY.sub(" -people", box).strip()


def unread(box: str) -> str:
    """What a box says is not there, such as "no cars", and is read like other words; or ""."""
    found = _ABSENT.search(box)
    return found[0] if found else ""


def is_name(text: str, vocabulary: Vocabulary) -> bool:
    """Whether a text begins with what looks like a place, or is one of the collection."""
    name = text.removeprefix("the ").removeprefix("The ")
    places = index_of(vocabulary).places
    words = names_of(name)
    known = any(words[:length] in places for length in range(1, len(words) + 1))
    return known or name[:1].isupper()


def geared(box: str, vocabulary: Vocabulary) -> str:
    """A box in which "with my Sony" is said of the photo: alone it may be a thing that is seen.

    It is where nothing else is described before it: "in Kyoto with the Canon".
    """
    box = _ANOTHER.sub(
        lambda f: f"{f[0]}taken with " if _is_gear(f["name"], vocabulary) else f[0], box
    )
    for found in _GEAR.finditer(box):
        before = box[: found.start()]
        known = _is_gear(found["name"], vocabulary) and not _NOUN.match(box, found.end())
        if not known or before.endswith("taken "):
            continue
        if before.endswith("or "):
            return f"{before}taken {box[found.start() :]}"
        if only_filters(before, vocabulary):
            return f"taken {box[found.start() :]} {before.removeprefix('taken ')}".strip()
    return box


def _is_gear(word: str, vocabulary: Vocabulary) -> bool:
    """Whether a word is a camera's make, or what several of its models are called."""
    name = index_of(vocabulary).gear.get(names_of(word))
    return name is not None and name.sort in ("make", "family")


def only_filters(text: str, vocabulary: Vocabulary) -> bool:
    """Whether a box says nothing of what photos show; nor does an empty one."""
    query = _understood(text, vocabulary) if text.strip() else Query()
    return query is not None and not query.parts


def returns(text: str, vocabulary: Vocabulary) -> bool:
    """Whether a box says nothing but a time that returns: "in winter", "on Mondays"."""
    query = _understood(text, vocabulary) if text.strip() else None
    if query is None or query.parts:
        return False
    return all(str(each.values[0]).startswith("*") for each in query.filters)


def _understood(text: str, vocabulary: Vocabulary) -> Query | None:
    """What a box means; None where it cannot be meant."""
    try:
        return compile_query(make_query(text), vocabulary, datetime.date.today(), str.istitle)
    except QueryError:
        return None


def _file(found: re.Match[str]) -> str:
    folder = found["folder"].rstrip("/\\")
    return f"name:{found['name']}" + (f' folder:"{folder}"' if folder else "")


def _stem(found: re.Match[str]) -> str:
    return f"name:{found['name']}"


def _journey(found: re.Match[str], vocabulary: Vocabulary) -> str:
    """ "my last trip" as the trip of that name; as it is where none is known."""
    to = names_of(found["to"] or "")
    trips = [label for label in vocabulary.trips if names_of(label)[: len(to)] == to]
    if not trips:
        return found[0]
    return f"trip:{quoted(trips[0] if found['pick'].casefold() == 'first' else trips[-1])}"
