"""Names of places in a Chinese text, where words are not set apart.

A name counts where the text stops at both of its ends ("京都的狗", "看到日本"), or where it follows
a word like 在 ("小狗在京都奔跑"). Before other words it only describes them: "日本料理".
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from retrieval.places.chinese import called_at, masked, places_called
from retrieval.queries.known_names import Index
from retrieval.queries.lexing import names_of

MOST_CHAINED = 4  # names side by side: a country, a region, a city
_LONGEST_CUE = 12  # characters before a name that may say that one follows
#: Characters of the words below that are written differently in traditional texts, in order.
_SIMPLIFIED = str.maketrans(
    "們於來從飛達遊覽參觀過見聽張與還時裝間戲艇機關內當風夜頭灘邊廟極櫻紅葉區場車鐵鄉動園館學碼圖餐飯麵語話隊灣貨幣畫雞豬貓"
    "國軍醬馬龍髮齊義異縣長後裡沒攝藝棧東燈樓",
    "们于来从飞达游览参观过见听张与还时装间戏艇机关内当风夜头滩边庙极樱红叶区场车铁乡动园馆学码图餐饭面语话队湾货币画鸡猪猫"
    "国军酱马龙发齐义异县长后里没摄艺栈东灯楼",
)
#: What says that a place follows; it is cut with it.
_CUE = re.compile(
    r"(?P<not>不是?|没有?)?(?:我们|咱们|我|咱)?"
    r"(?:在|(?<!关)于|去|(?<![看拍见遇想听感])到|来|从|飞往|前往|抵达|游览|参观)[了过]?$"
    r"|(?P<without>除了?|不是)$"
)
#: Behind these a name may begin.
_BEFORE = re.compile(r"(?:[的和与跟及或是我有]|[看拍见遇听]到|拍[了过]|张|所有|全部)$")
#: Before these a name may end.
_BEHIND = re.compile(
    r"$|[^\u3400-\u9fff]|[的及或那我有与跟]|还是|和(?![服牛菓果风室食尚平])|之[旅行]|里(?!程)"
    r"|时(?![装尚代间])|旅[行游]|度假|游(?![客戏泳艇])|行(?![人李星])|拍|照(?!相机|明)|期间|境内|当地|以外"
)
#: What one goes somewhere to see: it may follow a name at once.
_SCENES = re.compile(
    r"风景|景色|美景|夜景|街景|雪景|海景|全景|街[头道拍]|老街|海[滩边岸]|瀑布|寺庙|清真寺|城堡|宫殿|神社|教堂|日出|日落|极光"
    r"|樱花|红叶|老城|古城|市[区场]|市中心|郊区|机场|车站|火车站|地铁|城[市区里内]|乡村|山区|河边|动物园"
    r"|博物馆|公园|大学|雪山|火山|冰川|沙漠|森林|港口|码头|酒店|[照相图]片"
)
#: What a name describes, even where it follows 在: "在日本料理店", "在大阪城".
_THINGS = re.compile(
    r"料理|[菜餐饭烤炒面帽语话文队湾洋塔石式舞琴刀货币画茶豆瓜鸡狗犬猫牛猪店馆裔籍军装服酱包族教饼寺]|人(?!民)|国旗"
    r"|海(?![边滩岸景里上])|城(?![市区里中内外])|风(?!景)|酒(?![店吧])|咖啡|马(?![路拉])|车(?!站)|披萨"
    r"|[^看吃喝买拍做遇见有的在]{0,3}[菜饭面锅饼卷娃犬猫裙衫豆腿肠结茄](?=[旁上里前后下边中的]|$)"
)
#: What kind of place it is: 京都市.
_KIND = re.compile(r"市(?![场中区民集政容])|[省县]|州(?!长)")
#: What says no more of it: 京都拍的照片.
_TAIL = re.compile(
    r"(?:里|境内|当地)?(?:以外|之外)?(?:所?(?:拍摄|拍照?|照)(?:[的了过]+|$)|的时候|的)?"
    r"(?:(?:所有|全部)?(?:照片|相片|图片|图像)(?![\u3400-\u9fff]))?"
)


@dataclass(frozen=True, slots=True)
class FoundPlace:
    """A place that text[start:end] says, in the spelling of the collection or of GeoNames."""

    start: int
    end: int
    value: str
    negated: bool


def places_in(text: str, start: int, stop: int, begin: int, index: Index) -> list[FoundPlace]:
    """The places that text[start:stop] says, a run of Chinese in a query that starts at `begin`.

    As in English, a name counts where the collection has it, or where it follows a word that says
    so or nothing else is asked.
    """
    run = _Run(masked(text), text.translate(_SIMPLIFIED), start, stop, begin, index)
    found: list[FoundPlace] = []
    at = last = start
    while at < stop:
        name = called_at(run.text, at, stop)
        if place := run.read(name, at, last) if name else None:
            found.append(place)
            at = last = place.end
        else:
            at += len(name) or 1
    return found


def in_english(name: str, index: Index) -> str:
    """A Chinese name as the collection or GeoNames writes it; any other text as it is."""
    several = places_called(name.removeprefix("="))
    if not several:
        return name
    return "=" * name.startswith("=") + (_had(name.removeprefix("="), index) or several[0].name)


@dataclass(frozen=True, slots=True)
class _Run:
    """A run of Chinese: the text without words that hold no place, and in simplified characters."""

    text: str
    simple: str
    start: int
    stop: int
    begin: int
    index: Index

    def read(self, name: str, at: int, last: int) -> FoundPlace | None:
        """The place that `name` at text[at:] says; what ends at `last` was one before it."""
        several = places_called(name)
        end = self._end(at + len(name))
        near = max(last, at - _LONGEST_CUE)
        cue = _CUE.search(self.simple, near, at)
        begins = bool(cue) or at == last or bool(_BEFORE.search(self.simple, near, at))
        if not begins or not (self._stops(end) or (cue and not self._is(_THINGS, end))):
            return None
        had = _had(name, self.index)
        tail = _TAIL.match(self.simple, end, self.stop)
        end = tail.end() if tail else end
        alone = at == self.begin and end == self.stop
        if not had and not (self.index.places and (cue or alone)):
            return None
        first = cue.start() if cue else at
        if last > self.start and self.simple[last:first] in ("和", "与", "及", "或", "跟"):
            first = last
        negated = bool(cue and (cue["not"] or cue["without"]))
        return FoundPlace(first, end, had or several[0].name, negated)

    def _end(self, end: int) -> int:
        kind = _KIND.match(self.simple, end, self.stop)
        return kind.end() if kind else end

    def _stops(self, end: int) -> bool:
        """Whether the name may end here, or others follow at once: 日本京都."""
        for _ in range(MOST_CHAINED):
            if self._is(_BEHIND, end) or self._is(_SCENES, end):
                return True
            name = called_at(self.text, end, self.stop)
            if not name:
                return False
            end = self._end(end + len(name))
        return False

    def _is(self, words: re.Pattern[str], at: int) -> bool:
        return bool(words.match(self.simple, at, self.stop))


def _had(name: str, index: Index) -> str | None:
    """What a collection calls a place that it has, in Chinese or not; None where it has none."""
    if written := index.places.get(names_of(name)):
        return written.value
    for place in places_called(name):
        words = () if place.kind == "country" else names_of(place.name)
        if had := index.coded.get((place.country_code, words)):
            return had
    return None
