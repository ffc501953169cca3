"""Names of places in Chinese: of all countries, and of cities and regions that many travel to.

`chinese.tsv` says for each what GeoNames calls it. Reading it takes some milliseconds, so it is
read once, where a text has Chinese in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast

from retrieval.places.spots import folded

#: Words that hold the name of a place by chance: none is read in them.
_OTHERS = re.compile(
    "[长長]沙[发發]|大理[石岩寺]|马里奥|古巴比[伦倫]|大同小[异異]|中[国國]象棋|海南[鸡雞]|蒙古包|山梨酸|包[头頭]巾"
    "|金[边邊]眼[镜鏡]|黑山羊|黑森林|社[会會]安|[出入]海口|理查德|[发發]展中[国國]|[南北欧最]美[国國]家|大[连連]衣"
    "|[东東]西安|上海(?=[鸥鷗浪水滩灘豚草狮獅])|[长長]春藤|[变變建]成都|[舞阳陽窗站平柜看灶讲講露月][台臺][中东東南北]"
    "|[江河湖山海][东東西南北](?=[岸侧側边邊坡面麓])"
)

Kind = Literal["city", "region", "country"]


@dataclass(frozen=True, slots=True)
class NamedPlace:
    """A place as GeoNames calls it; `country_code` is that of ISO 3166."""

    kind: Kind
    name: str
    country_code: str


def places_called(name: str) -> tuple[NamedPlace, ...]:
    """The places of a Chinese name, simplified or traditional; () where the table has none."""
    found = _table().places.get(name, ())
    return tuple(NamedPlace(cast(Kind, kind), called, code) for kind, code, called in found)


def called_at(text: str, at: int, stop: int | None = None) -> str:
    """The longest name of a place that begins at text[at], before `stop`; "" if none does."""
    table = _table()
    stop = len(text) if stop is None else stop
    for length in table.lengths.get(text[at : at + 1], ()):
        if at + length <= stop and text[at : at + length] in table.places:
            return text[at : at + length]
    return ""


def masked(text: str) -> str:
    """A text as long as this, without words that hold the name of a place by chance: 大理石."""
    return _OTHERS.sub(lambda match: " " * len(match[0]), text)


def names_in(text: str) -> list[tuple[str, int]]:
    """The names of places in a Chinese text and where they begin; the longest, none in another."""
    found, at, text = [], 0, masked(text)
    for character in re.finditer(r"[\u3400-\u9fff]", text):
        if character.start() >= at and (name := called_at(text, character.start())):
            found.append((name, character.start()))
            at = character.start() + len(name)
    return found


def chinese_name(name: str, kind: Kind, country_code: str | None = None) -> str | None:
    """What a place is called in Chinese, simplified; None where the table does not have it.

    Without a code it must be called the same in all countries that have one of that name.
    """
    return _names().get((kind, country_code or "", folded(name))) or None


_Row = tuple[str, str, str]  # kind, code of the country, name


@dataclass(frozen=True, slots=True)
class _Table:
    """`lengths` holds by first character how long names are, the longest first."""

    places: dict[str, tuple[_Row, ...]]
    lengths: dict[str, tuple[int, ...]]


@lru_cache(maxsize=1)
def _table() -> _Table:
    places: dict[str, tuple[_Row, ...]] = {}
    lengths: dict[str, set[int]] = {}
    for *place, chinese in _rows():
        for name in chinese.split(" "):
            places[name] = (*places.get(name, ()), (place[0], place[1], place[2]))
            lengths.setdefault(name[0], set()).add(len(name))
    ordered = {first: tuple(sorted(each, reverse=True)) for first, each in lengths.items()}
    return _Table(places, ordered)


@lru_cache(maxsize=1)
def _names() -> dict[tuple[str, str, str], str]:
    """By kind, code (or "") and folded name; "" for what is called differently without its code."""
    found: dict[tuple[str, str, str], str] = {}
    for kind, code, name, names in _rows():
        name, chinese = folded(name), names.partition(" ")[0]
        found[kind, code, name] = chinese
        if found.setdefault((kind, "", name), chinese) != chinese:
            found[kind, "", name] = ""
    return found


def _rows() -> Iterator[list[str]]:
    """Kind, code of the country, name and Chinese names of each place."""
    text = Path(__file__).with_name("chinese.tsv").read_text("utf-8")
    return (line.split("\t") for line in text.splitlines()[1:])
