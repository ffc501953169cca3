"""What photos are known to say, in the forms in which claims are compared with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from retrieval.answering.checking.instructions import (
    addresses,
    instructs,
    plain_text,
    words_of_instruction,
)
from retrieval.answering.checking.languages import is_foreign
from retrieval.answering.checking.numbers import numbers_of
from retrieval.answering.checking.words import content_of, fold, han_of, stems_of, words_in
from retrieval.queries.ordinary import words
from retrieval.records import Evidence

#: How countries are called as well, by their code.
_ALSO = {
    "US": "USA U.S. U.S.A. US America American United States of America",
    "GB": "UK U.K. Britain British England Scotland Wales United Kingdom of Great Britain",
    "NL": "Netherlands Holland Dutch", "CZ": "Czechia Czech Republic", "RU": "Russian Federation",
    "KR": "South Korea Republic of Korea", "KP": "North Korea", "AE": "UAE United Arab Emirates",
    "TR": "Turkey Türkiye", "CN": "China People's Republic of China", "VN": "Vietnam Viet Nam",
    "MM": "Myanmar Burma", "CI": "Ivory Coast Côte d'Ivoire", "CV": "Cape Verde Cabo Verde",
}  # fmt: skip
#: Countries and cities in Chinese, for claims in Chinese over facts in English.
_CHINESE = dict(
    pair.split("=")
    for pair in words(
        """
    中国=china 日本=japan 韩国=south_korea 美国=united_states 英国=united_kingdom 法国=france
    德国=germany 意大利=italy 西班牙=spain 葡萄牙=portugal 荷兰=netherlands 瑞士=switzerland
    奥地利=austria 希腊=greece 土耳其=turkey 俄罗斯=russia 印度=india 泰国=thailand 越南=vietnam
    新加坡=singapore 马来西亚=malaysia 印度尼西亚=indonesia 澳大利亚=australia 新西兰=new_zealand
    加拿大=canada 墨西哥=mexico 巴西=brazil 秘鲁=peru 智利=chile 阿根廷=argentina 埃及=egypt
    南非=south_africa 摩洛哥=morocco 肯尼亚=kenya 冰岛=iceland 挪威=norway 瑞典=sweden 芬兰=finland
    丹麦=denmark 波兰=poland 捷克=czechia 匈牙利=hungary 爱尔兰=ireland 比利时=belgium
    蒙古=mongolia 尼泊尔=nepal 古巴=cuba 北京=beijing 上海=shanghai 广州=guangzhou 深圳=shenzhen
    成都=chengdu 西安=xi'an 杭州=hangzhou 南京=nanjing 香港=hong_kong 澳门=macau 台北=taipei
    东京=tokyo 京都=kyoto 大阪=osaka 首尔=seoul 曼谷=bangkok 河内=hanoi 纽约=new_york
    洛杉矶=los_angeles 旧金山=san_francisco 芝加哥=chicago 伦敦=london 巴黎=paris 柏林=berlin
    慕尼黑=munich 罗马=rome 米兰=milan 威尼斯=venice 佛罗伦萨=florence 马德里=madrid
    巴塞罗那=barcelona 罗马尼亚=romania 里斯本=lisbon 波尔图=porto 阿姆斯特丹=amsterdam
    维也纳=vienna 布拉格=prague
    雅典=athens 伊斯坦布尔=istanbul 莫斯科=moscow 开罗=cairo 开普敦=cape_town 内罗毕=nairobi
    悉尼=sydney 墨尔本=melbourne 奥克兰=auckland 多伦多=toronto 温哥华=vancouver
    墨西哥城=mexico_city 里约热内卢=rio_de_janeiro 利马=lima 库斯科=cusco 雷克雅未克=reykjavik
    奥斯陆=oslo 斯德哥尔摩=stockholm 哥本哈根=copenhagen 赫尔辛基=helsinki 都柏林=dublin
    布鲁塞尔=brussels 苏黎世=zurich 德里=delhi 孟买=mumbai 乌兰巴托=ulaanbaatar
    """
    )
)
_CHINESE_NAME = re.compile("|".join(sorted(_CHINESE, key=len, reverse=True)))


def chinese_places(text: str) -> list[tuple[str, str]]:
    """Names of countries and cities in a Chinese text, each with its folded English name."""
    return [(m[0], _CHINESE[m[0]].replace("_", " ")) for m in _CHINESE_NAME.finditer(text)]


@dataclass(frozen=True)
class Known:
    """What some photos say together. Texts that look like instructions support nothing.

    `words` may be used as they are; those of `spoken` (writing in the photos) only in a claim that
    says whose words they are.
    """

    evidence: tuple[Evidence, ...]
    only_firm: bool = False

    @cached_property
    def firm(self) -> Known:
        """The same without texts that may be no descriptions: those can be quoted, and no more."""
        return self if self.only_firm else Known(self.evidence, only_firm=True)

    @cached_property
    def texts(self) -> tuple[str, ...]:
        """Captions, tags, names: all but what is written in the photos, as far as trusted."""
        found = dict.fromkeys(text for each in self.evidence for text in _facts(each))
        free = dict.fromkeys(text for each in self.evidence for text in _free(each))
        loose = [
            text for text in free if not (self.only_firm and (addresses(text) or is_foreign(text)))
        ]
        return tuple(text for text in dict.fromkeys((*found, *loose)) if not instructs(text))

    @cached_property
    def planted(self) -> tuple[str, ...]:
        """The words of texts that look like instructions, wherever they stand."""
        found = (t for each in self.evidence for t in (*_texts(each), each.writing or ""))
        told = [text for text in dict.fromkeys(found) if text and instructs(text)]
        return tuple(said for text in told for said in words_of_instruction(text))

    @cached_property
    def described(self) -> bool:
        """Whether anything tells what is in the photos, by words."""
        return any(each.captions or each.tags or each.facts.caption for each in self.evidence)

    @cached_property
    def words(self) -> frozenset[str]:
        """The folded words of what is trusted, with other names of the countries."""
        codes = {each.facts.country_code or "" for each in self.evidence}
        names = [_ALSO.get(code, "") for code in codes]
        found = set(words_in(" ".join((*self.texts, *names))))
        return frozenset(found | {part for word in found for part in _parts(word)})

    @cached_property
    def stems(self) -> frozenset[str]:
        """The stems of `words`, with those that are used for them."""
        return stems_of(self.texts)

    @cached_property
    def han(self) -> frozenset[str]:
        """The pairs of characters of trusted texts in Chinese."""
        return frozenset(pair for text in self.texts for pair in han_of(text))

    @cached_property
    def spoken(self) -> frozenset[str]:
        """The folded words that are written in the photos, where that is no instruction."""
        return frozenset(words_in(" ".join(self._writing)))

    @cached_property
    def numbers(self) -> frozenset[float]:
        """The numbers in trusted texts."""
        names = {_name(each.path) for each in self.evidence}  # of files: numbers count nothing
        texts = (text for text in self.texts if text not in names)
        return frozenset(number.value for text in texts for number in numbers_of(text))

    @cached_property
    def spoken_numbers(self) -> frozenset[float]:
        """The numbers that are written in the photos, whole or as rows of digits."""
        digits = re.findall(r"\d+(?:\.\d+)?", " ".join(self._writing))
        return frozenset(float(each[:15]) for each in digits)

    @property
    def _writing(self) -> list[str]:
        found = [each.writing for each in self.evidence if each.writing]
        return [text for text in found if not instructs(text)]

    @cached_property
    def quotable(self) -> tuple[str, ...]:
        """Captions, titles and keywords as quotes are compared with them, as far as trusted."""
        return tuple(squeezed(text) for text in self.texts)

    @cached_property
    def attributable(self) -> tuple[str, ...]:
        """All texts, also writing and what looks like an instruction, as they are compared."""
        found = (t for each in self.evidence for t in (*_texts(each), each.writing or ""))
        return tuple(squeezed(text) for text in dict.fromkeys(found) if text)

    @cached_property
    def stems_told(self) -> tuple[frozenset[str], ...]:
        """The stems of each text of `attributable`."""
        found = (t for each in self.evidence for t in (*_texts(each), each.writing or ""))
        return tuple(frozenset(content_of(text)) for text in dict.fromkeys(found) if text)

    def paths(self) -> Iterator[str]:
        """The files, folded, with forward slashes."""
        return (plain_path(each.path) for each in self.evidence)


def plain_path(path: str) -> str:
    """A path as names of files are compared."""
    return fold(path.replace("\\", "/"))


def squeezed(text: str) -> str:
    """A text without blanks, signs and case, so that a quote of it is found however it is set."""
    return re.sub(r"[\W_]+", "", fold(plain_text(text)))


def known_of(evidence: Iterable[Evidence]) -> Known:
    """What these photos say together."""
    return Known(tuple(evidence))


def _texts(each: Evidence) -> Sequence[str]:
    return (*_facts(each), *_free(each))


def _facts(each: Evidence) -> Sequence[str]:
    """What is read from fields: gear, places, colours, tags that were chosen from a list."""
    facts = each.facts
    singles = (
        *(each.place, each.camera, facts.make, facts.camera, facts.lens, facts.city, facts.region),
        *(facts.country, " ".join(each.colours)),
    )
    return (*(text for text in singles if text), " ".join(word for word, _ in each.tags))


def _free(each: Evidence) -> Sequence[str]:
    """What anybody may have written."""
    singles = (each.facts.title, each.facts.caption, _name(each.path))
    return (*(text for text in singles if text), *each.captions, *each.facts.keywords)


def _name(path: str) -> str:
    return re.sub(r"[/\\_.-]+", " ", path)


def _parts(word: str) -> list[str]:
    return re.findall(r"[^\W\d_]+|\d+", word) if any(c.isdigit() for c in word) else []
