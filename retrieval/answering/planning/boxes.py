"""The text between a question's frame, made fit for the search box."""

from __future__ import annotations

import re

from retrieval.queries.lexing import names_of
from retrieval.queries.names import index_of
from retrieval.storage.vocabulary import Vocabulary

_QUOTED = re.compile(r"""["“”„'‘’「『](?P<inside>(?:[^"“”„「」『』]){12,})["“”'’」』]""")
_GEAR = re.compile(
    r"(?:with|using|on|by|from) (?:(?:my|the|a|an|our) )?(?P<name>\w+)", re.IGNORECASE
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

#: Who took the photos, at the end of what was said of when: "2019年我" 去过哪些城市.
_I = re.compile(r"(?<=[年月日天季里])(?:我们|咱们|我|咱)$")
_TAKEN = re.compile(r"(?<=[^\x00-\u2fff]|[A-Za-z0-9])(?:拍摄|拍|照)(?:的|$)")


def finished(body: str, vocabulary: Vocabulary, *, place: bool) -> str:
    """A box of what a question is about.

    With `place` it follows "visit" or "go to": a name is then searched as a place. A caption in
    quotation marks is a description, while some words in them are to be found as they stand.
    """
    box = body.strip(" \t,，、:：;")
    if (quoted := _QUOTED.fullmatch(box)) and quoted["inside"].count(" ") >= 3:
        box = quoted["inside"].strip()
    box = _LATIN.sub(r" in \1 ", _I.sub("", _TAKEN.sub("", box))).strip()
    if box.casefold() in _PRONOUNS:
        return ""
    if place and is_name(box, vocabulary):
        return f"in {box}"
    gear = _GEAR.match(box)
    if gear and _is_make(gear["name"], vocabulary):
        return f"taken {box}"  # "with my Sony" alone may be a thing that is seen
    return box


def is_name(text: str, vocabulary: Vocabulary) -> bool:
    """Whether a text begins with what looks like a place, or is one of the collection."""
    name = text.removeprefix("the ").removeprefix("The ")
    places = index_of(vocabulary).places
    words = names_of(name)
    known = any(words[:length] in places for length in range(1, len(words) + 1))
    return known or name[:1].isupper()


def _is_make(word: str, vocabulary: Vocabulary) -> bool:
    return any(word.casefold() in names_of(make or "")[:1] for make, _, _ in vocabulary.gear)
