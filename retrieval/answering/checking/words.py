"""The words of claims and of evidence, so that they can be compared.

Words are compared by their stems and by small groups of words that captions use for one another
("man", "guy", "person"). That is rough on purpose: it decides only whether a claim has anything to
do with its evidence; numbers, names, dates and quotes are compared exactly.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from retrieval.queries.ordinary import words

UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
WORD = re.compile(rf"[^\W_{UNSPACED}]+(?:['’][^\W\d_]+)?")
_HAN = re.compile(rf"[{UNSPACED}]+")

#: Words that say nothing of a photo by themselves, and those that answers are built with.
COMMON = words(
    """
    a an the this that these those it its they them their he she his her him i you your yours we us
    our me my who whom whose which what when where why how there here then than as so such and or
    but nor not no none nothing neither either both all any some each every only just also too very
    more most less least much many few several other others another same own one ones at by for
    from in into of off on onto out over to up upon with without within about above across after
    against along among around before behind below beneath beside besides between beyond down
    during near next past per since through toward towards under until while because if though
    although however still yet already again once ever never always often maybe perhaps likely
    probably possibly apparently clearly exactly approximately roughly nearly almost is are was
    were be been being am do does did done has have had having can could may might must shall
    should will would let get gets got seem seems seemed appear appears appeared look looks looked
    show shows showed shown showing see sees seen saw seeing depict depicts depicted depicting
    feature features featured featuring contain contains contained containing include includes
    included including portray portrays capture captures captured capturing visible picture
    pictures pictured photo photos photograph photographs photographed photographing image images
    shot shots snapshot snapshots pic pics album collection library file files name named names
    called call caption captions captioned document documents writing written text texts says say
    said reads read word words tag tags tagged describe describes described description taken take
    takes took taking made make date dates dated day days month months year years time times hour
    hours minute minutes week weeks weekday morning afternoon evening night noon am pm place places
    placed location located camera cameras lens lenses exposure aperture focal length iso rating
    rated stars star evidence match matches matched matching found find finds result results answer
    answers answered question asked know known unknown sure certain uncertain confidence confident
    based according indicate indicates indicated information mention mentions mentioned
    listed recorded given available total count counted number numbers first last second third
    latest earliest newest oldest different various least yes no ok sorry cannot can't don't doesn't
    didn't isn't aren't wasn't weren't won't unclear tell told means mean therefore thus
    scene view part kind type sort thing things something someone somebody anything
    colour color colours colors closest best possible alternatively also else trip trips
    country countries cities regions towns
    """
)

_GROUPS = """
    man men guy gentleman male person people human someone individual adult
    woman women lady female girl person people adult
    boy kid child children toddler youngster baby infant person people
    girl kid child children toddler youngster baby infant person people
    dog dogs puppy pup canine animal
    cat cats kitten kitty feline animal
    horse pony animal
    cow cattle bull calf animal
    sheep lamb animal
    bird seagull gull pigeon parrot duck goose animal
    car vehicle automobile sedan truck van
    bike bicycle cycle bicyclist cyclist biker biking cycling bikes
    motorcycle motorbike bike dirtbike motorcyclist biker rider
    plane airplane aircraft jet airliner aeroplane
    train locomotive railway tram
    boat ship sailboat vessel canoe kayak
    couch sofa settee
    tv television monitor screen
    phone cellphone telephone mobile smartphone
    picture photo photograph image
    street road lane avenue highway
    beach shore seashore coast sand seaside
    sea ocean water wave surf
    lake pond river stream water creek
    pool water swimming
    hill mountain slope cliff
    grass lawn field meadow grassy yard
    forest wood tree trees woods wooded
    food meal dish plate snack
    bathroom restroom toilet washroom
    kitchen stove oven
    room bedroom livingroom
    house home building
    building tower skyscraper structure
    big large huge giant enormous
    small little tiny
    young little
    stand standing stands stood
    sit sitting sits sat seated
    run running runs ran
    lie lying lies lay laying
    jump jumping leap leaping leaps
    ride riding rides rode rider
    eat eating eats ate
    hold holding holds held carry carrying
    wear wearing wears wore dressed
    throw throwing throws threw toss
    fly flying flies flew
    swim swimming swims swam
    play playing plays
    gray grey
    white blonde
    orange red
    sunset dusk dawn sunrise
    two pair couple
    group crowd bunch team
    frisbee disc disk
    snow snowy ski skier skiing snowboard snowboarder
    skateboard skateboarder skateboarding skater skate
    surfboard surfer surfing surf
    soccer football ball
    baseball ball batter bat pitcher
    tennis ball racket racquet
    t-shirt shirt top tee
    pants trousers jeans
    glasses sunglasses
    hat cap helmet
    umbrella parasol
    flower flowers bouquet vase
    table desk counter
    child son daughter
"""
_ENDINGS = (
    *(("ies", "y"), ("sses", "ss"), ("ches", "ch"), ("shes", "sh"), ("xes", "x"), ("ing", "")),
    *(("edly", ""), ("ed", ""), ("es", ""), ("ly", ""), ("s", ""), ("'s", ""), ("e", "")),
)


def fold(text: str) -> str:
    """A text without case, accents and full-width forms, by which words are compared."""
    plain = unicodedata.normalize("NFKD", text.casefold().replace("’", "'"))
    return "".join(c for c in plain if not unicodedata.combining(c))


@lru_cache(maxsize=8192)
def stem(word: str) -> str:
    """A folded English word without its ending; other words as they are."""
    if not word.isascii() or len(word) < 4 or any(c.isdigit() for c in word):
        return word
    for ending, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)] + instead
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz":
        word = word[:-1]
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def _near() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in _GROUPS.split("\n"):
        stems = {stem(word) for word in line.split()}
        for each in stems:
            found.setdefault(each, set()).update(stems)
    return {each: frozenset(stems) for each, stems in found.items()}


_NEAR = _near()


def words_in(text: str) -> list[str]:
    """The folded words of a text that is written with blanks."""
    return [fold(match[0]) for match in WORD.finditer(text)]


def content_of(text: str) -> list[str]:
    """The stems of those words that say what is in a photo, each once, in their order."""
    return list(dict.fromkeys(map(stem, content_words(text))))


def content_words(text: str) -> list[str]:
    """Those words as they are, folded."""
    words = (word.removesuffix("'s") for word in words_in(text))
    return [w for w in words if len(w) > 1 and w not in COMMON and not w.isdigit()]


def han_of(text: str) -> list[str]:
    """The pairs of characters of a Chinese text that say what is in a photo, each once."""
    pairs = (run[i : i + 2] for run in _HAN.findall(_plain_han(text)) for i in range(len(run) - 1))
    return list(dict.fromkeys(pairs))


def stems_of(texts: Iterable[str]) -> frozenset[str]:
    """All stems of texts, with the stems of words that are used for them."""
    stems = {stem(word.removesuffix("'s")) for text in texts for word in words_in(text)}
    return frozenset(stems | {near for each in stems for near in _NEAR.get(each, ())})


#: What Chinese answers are built with.
_HAN_COMMON = re.compile(
    "拍摄于|拍摄的|拍摄|照片中|照片里|这张|这些|那张|照片|图片|图中|显示|可以看到|看到|看起来|可能|大约|最可能|也可能"
    "|似乎|一共|总共|共有|没有|不知道|无法|确定|日期|时间|地点|相机|镜头|星期[一二三四五六日天]|周[一二三四五六日]"
    "|其中|以及|城市|国家|年份|月份|旅行|关键词|颜色|图库|标题"
    "|还有|分别|是在|位于|写着|上面|文字|说明|标签|文件|最早|最晚|第一|最后|一张|[的了着在是有和与或这那也很被把地得们个张]"
)


def _plain_han(text: str) -> str:
    return _HAN_COMMON.sub(" ", text)
