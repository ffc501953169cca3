"""How names and words are compared: case and accents do not count, beginnings of words do."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterable, Sequence

from retrieval.records import Filter
from retrieval.storage.words import tokens


def fold(text: str) -> str:
    """The text for comparing: "Île-d'Aix" and "ile-daix" are one."""
    plain = text.casefold().replace("'", "")
    if plain.isascii():
        return plain
    parts = unicodedata.normalize("NFKD", plain.replace("’", ""))
    kept = "".join(c for c in parts if not unicodedata.combining(c))
    return unicodedata.normalize("NFC", kept).casefold()


def folded_words(text: str) -> tuple[str, ...]:
    """Its words, folded; each character of a script without blanks is one."""
    return tuple(tokens(fold(text)))


class Matcher:
    """Tells whether a value of a filter is the name of a thing, or is found in its names.

    "is": equal to one of the names; "contains": each word of the value begins a word of them.
    """

    def __init__(self, asked: Filter) -> None:
        values = [str(value) for value in asked.values if value is not None]
        self._exact = asked.op == "is"
        self._equal = {fold(value) for value in values}
        self._words = [words for words in map(folded_words, values) if words]

    def holds(self, names: Iterable[str]) -> bool:
        """Whether the thing of these names matches."""
        folded = [fold(name) for name in names]
        if self._exact:
            return not self._equal.isdisjoint(folded)
        text = " ".join(folded)
        return any(
            all(word in text for word in wanted) and _begin(wanted, tokens(text))
            for wanted in self._words
        )


def _begin(wanted: Sequence[str], words: Sequence[str]) -> bool:
    return all(any(word.startswith(each) for word in words) for each in wanted)


class NameMatcher:
    """Whether a file's name, with or without its ending, is or has what is asked."""

    def __init__(self, asked: Filter) -> None:
        self._matcher, self._exact = Matcher(asked), asked.op == "is"

    def holds(self, path: str) -> bool:
        name = path.rpartition(os.sep)[2]
        names = (name, os.path.splitext(name)[0]) if self._exact else (name,)
        return self._matcher.holds(names)


class FolderMatcher:
    """Whether a file lies in a folder of that name or path, or below it."""

    def __init__(self, asked: Filter) -> None:
        values = [str(value) for value in asked.values if value is not None]
        names = tuple(value for value in values if os.sep not in value)
        self._names = Matcher(Filter(asked.field, asked.op, names))
        self._paths = [
            (_parts(fold(value)), value[0] == os.sep) for value in values if os.sep in value
        ]
        self._known: dict[str, bool] = {}

    def holds(self, path: str) -> bool:
        folder = path.rpartition(os.sep)[0]
        found = self._known.get(folder)
        if found is None:
            found = self._known[folder] = self._matches(folder)
        return found

    def _matches(self, folder: str) -> bool:
        if any(self._names.holds([part]) for part in _parts(folder)):
            return True
        folded = _parts(fold(folder))
        for path, rooted in self._paths:
            starts = range(1) if rooted else range(len(folded) - len(path) + 1)
            if path and any(folded[at : at + len(path)] == path for at in starts):
                return True
        return False


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split(os.sep) if part)
