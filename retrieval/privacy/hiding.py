"""Words taken out of texts, each for a placeholder, and put back: one pass over a text.

A placeholder such as "[place 1]" stands for the same word in all texts, so that a model can still
tell one from another, and answer with it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from retrieval.privacy import patterns
from retrieval.privacy.names import is_heading, is_name, is_ordinary
from retrieval.queries.ordinary import DOUBTFUL
from retrieval.records import TextCallback

KINDS = ("name", "place", "file", "position", "address", "link", "contact")
_PLACEHOLDER = rf"\[(?:{'|'.join(KINDS)}) \d+\]"
_WRITTEN = re.compile(rf"[\[【]\s*({'|'.join(KINDS)})\s*(\d+)\s*[\]】]", re.IGNORECASE)
_SIGNS = "\u2e80-\ud7ff"  # scripts without spaces between words, and without capitals
_LETTER = rf"[^\W\d_{_SIGNS}]"
WORD = rf"{_LETTER}+(?:(?:['’](?!s\b)|[-.]){_LETTER}+)*"
SIGNS = rf"[{_SIGNS}]+"
_RUN = 4  # words that a name of a place has at most
_WHERE = re.compile(r"\b(?:in|at|near|from|to|around|of|visit|visiting)\s+$")
_LONGEST = 24  # characters of a placeholder as a model may write it
_BEGINS = re.compile(r"(?:^|[.!?。！？:：;；\n•\"“”(（-])\s*$")
_TOWN = 50_000  # people; a smaller one in small letters is taken for a word


class Hider:
    """Takes words out of texts and puts them back. Not for several threads.

    `gps`: positions, addresses, links, and names of places below the country. `names`: names by
    the rules of `names`, contacts, links. And whatever it is told to `know`.
    """

    def __init__(self, *, gps: bool, names: bool) -> None:
        self.gps = gps
        self.names = names
        self.originals: dict[str, str] = {}  # placeholder -> what was taken out
        self._hidden: dict[str, str] = {}  # what was taken out, case-folded -> placeholder
        self._counts = dict.fromkeys(KINDS, 0)
        self._known: dict[str, str] = {}  # literal, case-folded -> kind: hidden wherever it stands
        self._kept: set[str] = set()  # case-folded words that are no names
        self._pattern: re.Pattern[str] | None = None

    def know(self, kind: str, literal: str) -> None:
        """Take this out of every text, in any case, unless it is a name that is kept."""
        literal = plain(literal).strip().casefold()
        is_kept = kind == "name" and literal in self._kept
        if len(literal) > 1 and not is_kept and literal not in self._known:
            self._known[literal] = kind
            self._pattern = None

    def keep(self, *texts: str | None) -> None:
        """The words of these texts are no names."""
        for text in filter(None, texts):
            self._kept.update(word.casefold() for word in re.findall(r"\w+", text))

    def learn_names(self, text: str) -> None:
        """What is a name in this text is one in others, too, also in small letters."""
        text = plain(text)
        strict = is_heading(text)
        for found in re.finditer(WORD, text):
            begins = bool(_BEGINS.search(text, 0, found.start()))
            word = found[0]
            if self._is_name(word, begins, strict) and len(word) > 2 and not is_ordinary(word):
                self.know("name", word)

    def learn_words(self, text: str) -> None:
        """Whatever in this text is no ordinary word is a name in others."""
        for word in re.findall(f"{WORD}|{SIGNS}", plain(text)):
            if is_name(word, strict=True) and (len(word) > 2 or re.match(SIGNS, word)):
                self.know("name", word)

    def hide(self, kind: str, original: str) -> str:
        """The placeholder of this text as a whole."""
        key = original.casefold()
        if key not in self._hidden:
            self._counts[kind] += 1
            self._hidden[key] = f"[{kind} {self._counts[kind]}]"
            self.originals[self._hidden[key]] = original
        return self._hidden[key]

    def redact(self, text: str, *, strict: bool = False) -> str:
        """A text with placeholders. `strict`: its capital letters tell nothing of names."""
        if not (self.gps or self.names) or not text:
            return text
        text = plain(text)
        strict = strict or is_heading(text)
        towns = _towns(text) if self.gps else {}
        pieces, at = [], 0
        for found in self._compiled().finditer(text):
            begin, end = found.span()
            if begin < at:  # within the name of a place of several words
                continue
            if begin in towns and found.lastgroup in ("word", "known"):
                kind, end = "place", max(end, towns[begin])
            else:
                kind = self._kind(found, text, strict)
            pieces.append(text[at:begin])
            pieces.append(self.hide(kind, text[begin:end]) if kind else text[begin:end])
            at = end
        return "".join(pieces) + text[at:]

    def _kind(self, found: re.Match[str], text: str, strict: bool) -> str:
        """What a find is: one of KINDS, or "" for what stays."""
        group, word = found.lastgroup, found[0]
        if group == "known":
            return self._known.get(word.casefold(), "name")
        if group == "word":
            begins = bool(_BEGINS.search(text, 0, found.start()))
            return "name" if self.names and self._is_name(word, begins, strict) else ""
        return "name" if group == "placeholder" else group or ""

    def _is_name(self, word: str, begins: bool, strict: bool) -> bool:
        if word.casefold() in self._kept or not is_name(word, begins=begins, strict=strict):
            return False
        return not _is_country(word)

    def _compiled(self) -> re.Pattern[str]:
        if self._pattern is None:
            groups = [("placeholder", _PLACEHOLDER), ("link", patterns.LINK)]
            if self.names:
                groups.append(("contact", patterns.CONTACT))
            if self.gps:
                groups += [("position", patterns.POSITION), ("address", patterns.ADDRESS)]
            if self._known:
                longest_first = sorted(self._known, key=len, reverse=True)
                groups.append(("known", "|".join(map(_literal, longest_first))))
            groups.append(("word", WORD))
            self._pattern = re.compile("|".join(f"(?P<{name}>{each})" for name, each in groups))
        return self._pattern

    @contextmanager
    def restoring(self, on_text: TextCallback) -> Iterator[TextCallback]:
        """A callback that restores pieces before `on_text` gets them, also across two of them."""
        waiting = ""

        def take(piece: str) -> None:
            nonlocal waiting
            waiting += piece
            opened = max(waiting.rfind("["), waiting.rfind("【"))
            unfinished = opened >= 0 and not re.search(r"[\]】]", waiting[opened:])
            cut = opened if unfinished and len(waiting) - opened < _LONGEST else len(waiting)
            if cut:
                on_text(restore(waiting[:cut], self.originals))
            waiting = waiting[cut:]

        yield take
        if waiting:
            on_text(restore(waiting, self.originals))


def restore(text: str, originals: dict[str, str]) -> str:
    """Put back what placeholders stand for; one that is not known stays."""
    return _WRITTEN.sub(
        lambda found: originals.get(f"[{found[1].lower()} {int(found[2])}]", found[0]), text
    )


def plain(text: str) -> str:
    """The text composed, without characters that are not seen and could cut a name in two."""
    composed = unicodedata.normalize("NFC", text)
    return "".join(c for c in composed if unicodedata.category(c) != "Cf")


def bare(text: str) -> str:
    """The text without accents."""
    apart = unicodedata.normalize("NFD", text)
    return "".join(c for c in apart if not unicodedata.combining(c))


def _literal(text: str) -> str:
    """An expression for a text as a whole, in any case."""
    whole = [r"(?<![^\W_])" if _is_letter(text[0]) else "", r"(?![^\W_])"]
    after = whole[1] if _is_letter(text[-1]) else ""
    return f"{whole[0]}(?i:{re.escape(text)}){after}"


def _is_letter(character: str) -> bool:
    """Whether a word goes on beside this one; scripts without spaces have no such words."""
    return character.isalnum() and not re.match(SIGNS, character)


def _towns(text: str) -> dict[int, int]:
    """Where names of places below the country begin and end in a text."""
    spans = [found.span() for found in re.finditer(WORD, text)]
    towns: dict[int, int] = {}
    done = 0
    for first, (begin, _) in enumerate(spans):
        if begin < done:
            continue
        placed = bool(_WHERE.search(text, 0, begin))
        for last in range(min(first + _RUN, len(spans)) - 1, first - 1, -1):
            end = spans[last][1]
            if _is_town(text[begin:end], placed):
                done = towns[begin] = end
                break
    return towns


@lru_cache(maxsize=20_000)
def _is_town(name: str, placed: bool) -> bool:
    """Whether GeoNames knows a city or a region of that name, that is no ordinary word.

    `placed`: behind "in" and the like, where an ordinary word with a capital letter is one, too.
    Where its list cannot be read, every name with a capital letter counts.
    """
    from retrieval.errors import PlacesError
    from retrieval.places import places

    capital = name[0].isupper()
    ordinary = all(map(is_ordinary, name.split())) and not (placed and capital)
    if ordinary or (not capital and len(name) < 4):
        return False
    try:
        found = places().named(name)
    except PlacesError:
        return capital
    if any(place.kind == "country" for place in found):
        return False
    most = max((place.population for place in found), default=0)
    return bool(found) and (capital or most >= _TOWN)


@lru_cache(maxsize=20_000)
def _is_country(word: str) -> bool:
    """Whether a word is the name of a country, and not one of a person as well."""
    from retrieval.errors import PlacesError
    from retrieval.places import places

    if word.casefold() in DOUBTFUL:
        return False
    try:
        return any(place.kind == "country" for place in places().named(word))
    except PlacesError:
        return False
