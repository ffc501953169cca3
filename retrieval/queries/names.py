"""Names in a query: places, cameras and lenses that the collection has, trips, and other places.

A name is taken where the collection has it, or where it follows a word like "in" and is known to be
a place; names that are ordinary words too ("Orange", "Turkey") need more (see `ordinary`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from retrieval.queries.continents import continents
from retrieval.queries.lexing import Token, names_of
from retrieval.queries.ordinary import (
    COMPOUNDS,
    DESCRIBED,
    is_doubtful,
    is_ordinary,
    words,
)
from retrieval.queries.shells import PHOTO_NOUNS
from retrieval.records import Filter
from retrieval.storage.vocabulary import Vocabulary

#: Other names of countries, by their code; `US` counts only in capitals, since "us" is a word.
_ALIASES = {
    "US": "USA, US, U.S., U.S.A., America, United States, United States of America, the States",
    "GB": "UK, U.K., Great Britain, Britain, United Kingdom",
    "NL": "Holland, Netherlands, the Netherlands",
    "CZ": "Czechia, Czech Republic",
    "KR": "South Korea, Korea, Republic of Korea",
    "AE": "UAE, Emirates, United Arab Emirates",
    "RU": "Russia, Russian Federation",
    "TR": "Turkey, Türkiye",
    "CN": "China, People's Republic of China",
    "VN": "Vietnam, Viet Nam",
    "MM": "Myanmar, Burma",
    "CI": "Ivory Coast, Côte d'Ivoire",
    "CV": "Cape Verde, Cabo Verde",
    "SZ": "Swaziland, Eswatini",
    "MK": "Macedonia, North Macedonia",
    "VA": "Vatican, Vatican City",
    "LA": "Laos",
    "SY": "Syria",
    "IR": "Iran",
    "TZ": "Tanzania",
    "BO": "Bolivia",
    "VE": "Venezuela",
    "TW": "Taiwan",
    "MD": "Moldova",
    "BN": "Brunei",
}
#: Words that a place follows.
PLACE_CUES = words("in at near from around")
#: Words that a camera or a lens follows.
GEAR_CUES = words("with on by from using")
#: Before a camera's make: "with my Sony", "with an iPhone".
_OWN = words("my the a an our")
_LINKS = words("of the de da do del la le les los las di du den der am an upon und sur y e")
_INSIDE = re.compile(r"[\s.\-–_/'’&]*")
_LONGEST = 4  # words of a place that the collection does not have

#: Tells whether there is a place of a name anywhere, and of which sort where it can: "city", …
PlaceKnower = Callable[[str], str | bool]
Sort = Literal["city", "region", "country", "camera", "make", "family", "lens", "trip"]


@dataclass(frozen=True, slots=True)
class Name:
    """A name as the collection writes it, and what it is the name of."""

    sort: Sort
    value: str


@dataclass(frozen=True, slots=True)
class Index:
    """The names of a collection by their folded words; `longest` counts the words of the longest.

    `inside` holds which place lies in which larger one, and `coded` what cities and regions are
    called by the code of their country and their words; without words, what the country is.
    """

    places: dict[tuple[str, ...], Name]
    gear: dict[tuple[str, ...], Name]
    trips: dict[tuple[str, ...], Name]
    inside: frozenset[tuple[str, str]]
    coded: dict[tuple[str, tuple[str, ...]], str]
    longest: int


@lru_cache(maxsize=8)
def index_of(vocabulary: Vocabulary) -> Index:
    """The index of a vocabulary; kept, since it is made once and asked for each query."""
    places: dict[tuple[str, ...], Name] = {}
    for city, region, country, code in vocabulary.places:
        sorts: tuple[tuple[Sort, str | None], ...] = (
            ("city", city),
            ("region", region),
            ("country", country),
        )
        for sort, value in sorts:
            if value and (words := names_of(value)):
                places.setdefault(words, Name(sort, value))
        for alias in _ALIASES.get(code or "", "").split(", ") if country else ():
            places.setdefault(names_of(alias), Name("country", country or ""))
    gear = {words: name for name, words in _gear(vocabulary) if words}
    trips = {names_of(label): Name("trip", label) for label in vocabulary.trips}
    lengths = [len(words) for table in (places, gear, trips) for words in table]
    inside = {
        (small, large)
        for city, region, country, _ in vocabulary.places
        for small, large in ((city, region), (city, country), (region, country))
        if small and large and small != large
    }
    return Index(
        places, gear, trips, frozenset(inside), _coded(vocabulary), max(lengths, default=0)
    )


def _coded(vocabulary: Vocabulary) -> dict[tuple[str, tuple[str, ...]], str]:
    found: dict[tuple[str, tuple[str, ...]], str] = {}
    for city, region, country, code in vocabulary.places:
        if code and country:
            found[code, ()] = country
        for name in (region, city) if code else ():
            if name and (words := names_of(name)):
                found[code or "", words] = name
    return found


def _gear(vocabulary: Vocabulary) -> Iterator[tuple[Name, tuple[str, ...]]]:
    """Cameras under all names that people use: "Canon EOS 80D", "EOS 80D", "Sony ILCE-7M3".

    Later ones win: a whole model's name over one that is put together, and that over a family's.
    """
    for make, camera, _ in vocabulary.gear:
        if family := _family(make, camera):
            yield Name("family", family), names_of(family)
    for make, camera, lens in vocabulary.gear:
        brand = names_of(make or "")
        if make and brand:
            yield Name("make", make), brand[:1]
            yield Name("make", make), brand
        if lens and len(words := names_of(lens)) > 1:
            yield Name("lens", lens), words
        if camera and (model := names_of(camera)):
            if brand and model[:1] == brand[:1] and len(model) > 2:
                yield Name("camera", camera), model[1:]
            elif brand:
                yield Name("camera", camera), brand + model
                yield Name("camera", camera), brand[:1] + model
    for _, camera, _ in vocabulary.gear:
        if camera:
            yield Name("camera", camera), names_of(camera)


def _family(make: str | None, camera: str | None) -> str:
    """The first word of a model's name, which several may share: "iPhone", "Pixel"; "" if none."""
    brand = names_of(make or "")[:1]
    first = next((w for w in (camera or "").split() if names_of(w) != brand), "")
    return first if first.isalpha() and len(first) > 3 else ""


@dataclass(frozen=True, slots=True)
class Named:
    """A name that stands at some tokens: the filter it means, its label, and where it ends."""

    next: int
    filter: Filter
    label: str


@dataclass(frozen=True, slots=True)
class Names:
    """Reads names in the tokens of `text`."""

    text: str
    tokens: Sequence[Token]
    index: Index
    known_place: PlaceKnower
    is_said: Callable[[str], bool]

    # --- places -----------------------------------------------------------------------------

    def place(self, i: int, cue: str, alone: bool) -> list[Named]:
        """The place that begins at token i, then the country that follows it ("Orange, France").

        `cue` is the word before it, "" if that is none of PLACE_CUES; `alone` whether nothing else
        stands before it in its part of the sentence.
        """
        if self._word(i - 1) == "with":
            return []  # "with Anna", "with Sofia": somebody, whatever town is called so
        j, name = self._longest(i, self.index.places)
        if name is not None:
            larger = self._larger(j, name)
            if self._is_meant(i, j, cue, alone, bool(larger)):
                return [_place(j, name.value), *larger]
        return self._continent(i, cue) or self._elsewhere(i, cue, alone)

    def _continent(self, i: int, cue: str) -> list[Named]:
        """ "in Europe": its countries that the collection has; its own name where it has none."""
        coded = self.index.coded
        for name in (self._folded(i, i + 2), self._folded(i, i + 1)):
            codes, j = continents().get(name), i + len(name)
            if codes and cue and self.index.places and self._capital(i, j) and self._ends(j):
                had = sorted({coded[c, ()] for c in codes if (c, ()) in coded})
                typed = self.text[self.tokens[i].start : self.tokens[j - 1].end]
                return [_place(j, each) for each in had or [typed]]
        return []

    def _is_meant(self, i: int, j: int, cue: str, alone: bool, larger: bool) -> bool:
        """Whether a name that the collection has is used as one."""
        words = self._folded(i, j)
        capital = self._capital(i, j)
        if words == ("us",) and self.tokens[i].text != "US":
            return False
        if (" ".join(words), self._word(j)) in COMPOUNDS:
            return False
        if larger:
            return capital or not is_ordinary(words)
        if self._describes(i, j, cue):
            return False
        if is_ordinary(words):
            cased = capital or (len(words) > 1 and cue not in ("", "at", "around"))
            return bool(cue) and cased and self._ends(j)
        if is_doubtful(words) or words in _SHORT:
            if cue:
                return self._ends(j)
            return alone and self._stops(j) and (capital or self._dated(j))
        return True

    def _describes(self, i: int, j: int, cue: str) -> bool:
        """Whether the name stands before a noun like an adjective: "a Texas flag"."""
        if self._stops(j):
            return not cue and self._word(i - 1) in ("a", "an")
        if self._word(j) in DESCRIBED:
            return True
        if cue or self._word(j) in _FUNCTION or self._word(j) in _PHOTOS:
            return False
        if self._word(i - 1) in ("a", "an", "the", "his", "her", "their"):
            return True
        titled = self.tokens[j].capital and self.tokens[i].capital
        return titled and self._longest(j, self.index.places)[1] is None

    def _larger(self, j: int, name: Name) -> list[Named]:
        """The region or country behind a comma that says where a place lies."""
        if name.sort == "country" or not re.fullmatch(r"\s*,?\s*", self._gap(j)):
            return []
        k, larger = self._longest(j, self.index.places)
        if larger is None:
            return self._larger_elsewhere(j)
        if (name.value, larger.value) not in self.index.inside:
            return []
        if not (self._capital(j, k) and self._ends(k)):
            return []
        return [Named(k, Filter(larger.sort, "is", (larger.value,)), larger.value)]

    def _larger_elsewhere(self, j: int) -> list[Named]:
        """ "Cusco, Mexico": where none of the collection's places lies, so that no photo is meant.

        Another city, or more places behind it, make it one of a list ("Cusco, Paris and Oslo").
        """
        if not re.fullmatch(r"\s*,\s*", self._gap(j)):
            return []
        for k in range(min(len(self.tokens), j + _LONGEST), j, -1):
            if len(self._folded(j, k)) < k - j or not self._joined(j, k) or not self._closes(k):
                continue
            typed = self.text[self.tokens[j].start : self.tokens[k - 1].end]
            if self._capital(j, k) and self.known_place(typed) not in ("", "city", False):
                return [Named(k, Filter("country", "is", (typed,)), typed)]
        return []

    def _closes(self, k: int) -> bool:
        """Whether the names end before token k, and no list of them goes on."""
        listed = self._word(k) in ("and", "or") or "," in self._gap(k)
        return self._ends(k) and not listed

    def _elsewhere(self, i: int, cue: str, alone: bool) -> list[Named]:
        """A place that the collection does not have: then no photo is of there."""
        if not self.index.places or not (cue or alone):
            return []
        for j in range(min(len(self.tokens), i + _LONGEST), i, -1):
            words = self._folded(i, j)
            if len(words) < j - i or not self._joined(i, j) or words[-1] in _LINKS:
                continue
            if words in continents() or words == ("america",):
                continue
            if not self._is_elsewhere(i, j, words, cue):
                continue
            typed = self.text[self.tokens[i].start : self.tokens[j - 1].end]
            if not (_alias(words) or self.known_place(typed)):
                continue
            if not cue and self.is_said(typed):
                continue
            found = [_place(j, typed)]
            if re.fullmatch(r"\s*,\s*", self._gap(j)) and self._stops(j + 1):
                larger = self.tokens[j] if j < len(self.tokens) else None
                if larger and larger.capital and self.known_place(larger.text):
                    found.append(Named(j + 1, Filter("country", "is", (larger.text,)), larger.text))
            return found
        return []

    def _is_elsewhere(self, i: int, j: int, words: tuple[str, ...], cue: str) -> bool:
        capital = self._capital(i, j)
        chained = capital and bool(re.fullmatch(r"\s*,\s*", self._gap(j))) and self._stops(j + 1)
        if words == ("us",) and self.tokens[i].text != "US":
            return False
        if is_ordinary(words):
            return chained and j < len(self.tokens) and bool(self.known_place(self.tokens[j].text))
        if is_doubtful(words):
            return bool(cue) and self._ends(j) and capital
        if not cue:
            return capital and self._stops(j) and not self.text.isupper()
        return self._ends(j) and (capital or (cue != "at" and len(max(words, key=len)) > 3))

    # --- cameras, lenses, trips -------------------------------------------------------------

    def gear(self, i: int, cue: str, verb: bool, alone: bool = False) -> Named | None:
        """The camera or lens named at token i; `verb` says that "taken" stands before the cue.

        A make and a family ("Sony", "iPhone") are words that a photo may show: they need more
        around them, or nothing before them (`alone`) and photos behind: "Sony photos".
        """
        j, name = self._longest(i, self.index.gear)
        if name is None:
            return None
        words = self._folded(i, j)
        if name.sort in ("make", "family"):
            end = self._gear_ends(i, j, cue, verb, alone)
            op: Literal["is", "contains"] = "is" if name.sort == "make" else "contains"
            return Named(end, Filter("camera", op, (name.value,)), name.value) if end else None
        distinct = len(words) > 1 or any(c.isdigit() for c in words[0])
        if not distinct and not (cue and (verb or self._word(i - 1) in ("my", "the"))):
            return None
        end = j + 1 if self._word(j) == "camera" else j
        return Named(end, Filter(name.sort, "is", (name.value,)), name.value)

    def _gear_ends(self, i: int, j: int, cue: str, verb: bool, alone: bool) -> int:
        """Where the make or family at [i, j) ends, with what says that it took photos; 0: no."""
        written = self.tokens[i].text
        named = alone and not cue and not written.islower() and self._word(i) != "apple"
        if named and self._word(j) in _TAKEN and self._ends(j + 1):
            return j + 1
        camera = self._word(j) in ("camera", "phone", "photos", "pictures")
        if cue and (verb or (camera and self._word(i - 1) in _OWN)):
            return j + 1 if camera else j
        return 0

    def trip(self, i: int) -> Named | None:
        """ "trip Kyoto 2023" or "Kyoto 2023 trip", where the collection has a trip of that name."""
        said = self._word(i) in ("trip", "event")
        j, name = self._longest(i + said, self.index.trips)
        if name is None or not (said or self._word(j) in ("trip", "event")):
            return None
        return Named(j if said else j + 1, Filter("trip", "is", (name.value,)), name.value)

    # --- words ------------------------------------------------------------------------------

    def _longest(self, i: int, table: dict[tuple[str, ...], Name]) -> tuple[int, Name | None]:
        words = self._folded(i, min(len(self.tokens), i + self.index.longest))
        for length in range(len(words), 0, -1):
            name = table.get(words[:length])
            if name is not None and self._joined(i, i + length):
                return i + length, name
        return i, None

    def _folded(self, i: int, j: int) -> tuple[str, ...]:
        words = []
        for token in self.tokens[i:j]:
            if token.kind != "word":
                break
            words.append(token.folded)
        return tuple(words)

    def _joined(self, i: int, j: int) -> bool:
        return all(_INSIDE.fullmatch(self._gap(k)) for k in range(i + 1, j))

    def _capital(self, i: int, j: int) -> bool:
        """Written like a name, in a text that is not all capitals."""
        if self.text.isupper() and len(self.tokens) > j - i:
            return False
        return self.tokens[i].capital and all(
            t.capital or t.folded in _LINKS or not t.text[0].isalpha() for t in self.tokens[i:j]
        )

    def _word(self, i: int) -> str:
        if 0 <= i < len(self.tokens) and self.tokens[i].kind == "word":
            return self.tokens[i].folded
        return ""

    def _gap(self, i: int) -> str:
        """What stands before token i."""
        if not 0 < i < len(self.tokens):
            return ""
        return self.text[self.tokens[i - 1].end : self.tokens[i].start]

    def _stops(self, j: int) -> bool:
        """Whether the sentence, or a part of it, ends before token j."""
        if j >= len(self.tokens) or self.tokens[j].kind != "word":
            return True
        return bool(re.search(r"[,;.:!?()，。、]", self._gap(j))) or self._dated(j)

    def _dated(self, j: int) -> bool:
        return bool(re.fullmatch(r"(?:1[89]|20)\d\d", self._word(j)))

    def _ends(self, j: int) -> bool:
        """Whether no noun follows, which the name would only describe ("in Orange jackets")."""
        return self._stops(j) or self._word(j) in _FUNCTION


_TAKEN = frozenset(PHOTO_NOUNS.split()) - {"snap", "snaps"}
_PHOTOS = words(f"{PHOTO_NOUNS} trip trips holiday holidays vacation")
_FUNCTION = words(
    """
    a an and as at before after behind between but by during for from in is last of on or over
    since near next not that the then this to until under was were when where which while with
    without january february march april may june july august september october november
    december spring summer autumn fall winter christmas easter yesterday today
    """
)


def _alias(words: tuple[str, ...]) -> bool:
    return words in _ALIAS_WORDS


#: Short for a country, and before a noun no place: "U.S. Navy".
_SHORT = {("us",), ("u", "s"), ("uk",), ("u", "k")}
_ALIAS_WORDS = {names_of(name) for names in _ALIASES.values() for name in names.split(", ")}


def _place(j: int, value: str) -> Named:
    return Named(j, Filter("place", "is", (value,)), value)
