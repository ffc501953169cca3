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
from retrieval.answering.checking.numbers import numbers_of
from retrieval.answering.checking.tables import COUNTRIES
from retrieval.answering.checking.words import (
    content_of,
    fold,
    han_of,
    is_foreign,
    stems_of,
    words_in,
)
from retrieval.records import Evidence


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
        if not self.only_firm:
            free |= dict.fromkeys(text for each in self.evidence for text in each.guesses)
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

    @property
    def relevant(self) -> bool:
        """Whether search found that one of them matches, or did not ask."""
        return any(each.relevant or each.relevance is None for each in self.evidence)

    @cached_property
    def words(self) -> frozenset[str]:
        """The folded words of what is trusted, with other names of the countries."""
        codes = {each.facts.country_code or "" for each in self.evidence}
        names = [COUNTRIES.get(code, "") for code in codes]
        found = set(words_in(" ".join((*self.texts, *names))))
        return frozenset(found | {part for word in found for part in _parts(word)})

    @cached_property
    def captions(self) -> tuple[str, ...]:
        """Those of `texts` that are sentences about the photos."""
        told = (c for e in self.evidence for c in (*e.captions, e.facts.caption, e.facts.title))
        return tuple(text for text in dict.fromkeys(told) if text in self.texts)

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
        guessed = {text for each in self.evidence for text in each.guesses}
        spoken = {text for each in self.evidence for text in _texts(each)}
        return tuple(squeezed(text) for text in self.texts if text in spoken or text not in guessed)

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
    tags = " ".join(word for word, _ in each.tags)
    size = " × ".join(f"{side} pixels" for side in each.size or ())
    return (*(text for text in singles if text), tags, size)


def _free(each: Evidence) -> Sequence[str]:
    """What anybody may have written."""
    singles = (each.facts.title, each.facts.caption, _name(each.path))
    return (*(text for text in singles if text), *each.captions, *each.facts.keywords)


def _name(path: str) -> str:
    return re.sub(r"[/\\_.-]+", " ", path)


def _parts(word: str) -> list[str]:
    return re.findall(r"[^\W\d_]+|\d+", word) if any(c.isdigit() for c in word) else []
