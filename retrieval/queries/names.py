"""Names in a query: places, cameras and lenses that the collection has, trips, and other places.

A name is taken where the collection has it, or where it follows a word like "in" and is known to be
a place; names that are ordinary words too ("Orange", "Turkey") need more (see `ordinary`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from retrieval.queries.continents import continents
from retrieval.queries.known_names import ALIAS_WORDS, Index, Name
from retrieval.queries.ordinary import COMPOUNDS, DESCRIBED, is_doubtful, is_ordinary, words
from retrieval.queries.shells import PHOTO_NOUNS
from retrieval.queries.wording import FUNCTION_WORDS, LINKS, Wording
from retrieval.records import Filter

#: Words that a place follows.
PLACE_CUES = words("in at near from around")
#: Words that a camera or a lens follows.
GEAR_CUES = words("with on by from using")
#: Before a camera's make: "with my Sony", "with an iPhone".
_OWN = words("my the a an our")
_LONGEST = 4  # words of a place that the collection does not have

#: Tells whether there is a place of a name anywhere, and of which sort where it can: "city", …
PlaceKnower = Callable[[str], str | bool]


@dataclass(frozen=True, slots=True)
class Named:
    """A name that stands at some tokens: the filter it means, its label, and where it ends."""

    next: int
    filter: Filter
    label: str


@dataclass(frozen=True, slots=True)
class Names(Wording):
    """Reads names in the tokens of `text`."""

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
        if cue or self._word(j) in FUNCTION_WORDS or self._word(j) in _PHOTOS:
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
            if len(words) < j - i or not self._joined(i, j) or words[-1] in LINKS:
                continue
            if words in continents() or words == ("america",):
                continue
            if not self._is_elsewhere(i, j, words, cue):
                continue
            typed = self.text[self.tokens[i].start : self.tokens[j - 1].end]
            if not (words in ALIAS_WORDS or self.known_place(typed)):
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


_TAKEN = frozenset(PHOTO_NOUNS.split()) - {"snap", "snaps"}
_PHOTOS = words(f"{PHOTO_NOUNS} trip trips holiday holidays vacation")
#: Short for a country, and before a noun no place: "U.S. Navy".
_SHORT = {("us",), ("u", "s"), ("uk",), ("u", "k")}


def _place(j: int, value: str) -> Named:
    return Named(j, Filter("place", "is", (value,)), value)
