"""Questions to a gallery whose answers are known by captions: present ones and planted absents."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from relevance.concepts import concepts, made_up_absents, related

if TYPE_CHECKING:
    from numpy.typing import NDArray

PRESENT = ("caption", "word")
ABSENT = ("far", "far word", "made up")
HARD = ("near", "near word")
OTHER = ("seen", "seen made up", "many made up")  # other galleries than the held-out photos
KINDS = (*PRESENT, *ABSENT, *HARD, *OTHER)
SEEN = 300  # captions of photos that the encoder was trained on
CAPTIONS_EACH = 2  # of a photo's captions are asked for
ABSENT_EACH = 8  # captions of a concept
COMMON = re.compile(
    r"\b(?:an?|the|of|in|on|with|and|is|are|to|at|his|her|its|their|by|for|from|that|this|it|"
    r"while|as|into|over|up|down|some|there|has|have|who|other|each|next|near|front)\b"
)


@dataclass(frozen=True)
class Question:
    """A query, the photos that are left in the gallery for it (n,), and those that are right (n,).

    `alike` are right ones and others whose captions say most of its words.
    """

    kind: str
    text: str
    kept: NDArray[np.bool_]
    right: NDArray[np.bool_]
    alike: NDArray[np.bool_]


def questions(
    captions: Sequence[Sequence[str]], others: Sequence[Sequence[str]], seed: int
) -> list[Question]:
    """All questions to photos with these captions; `others` are captions of photos elsewhere.

    "far": a whole group of concepts is taken out of the gallery, and everything related; asked for
    is a caption of one of them that names nothing of what is left, or its plain name ("far word").
    "near": only the concept itself is taken out. "made up": things that nobody photographed. Half
    of the present questions meet such reduced galleries too, so that nothing can be told from what
    a gallery lacks.
    """
    random = np.random.default_rng(seed)
    shown = {c.name: np.array([c.is_in(own) for own in captions]) for c in concepts()}
    absent = _planted(captions, others, shown, random)
    reduced = list({q.kept.tobytes(): q.kept for q in absent if q.kind == "far"}.values())
    everything = np.ones(len(captions), bool)
    asked: list[Question] = []

    def ask(kind: str, text: str, right: NDArray[np.bool_], alike: NDArray[np.bool_]) -> None:
        kept = reduced[random.integers(len(reduced))] if random.random() < 0.5 else everything
        kept = kept if (right & kept).any() else everything
        asked.append(Question(kind, text, kept, right & kept, alike & kept))

    words = [_words(" ".join(own)) for own in captions]
    for at, own in enumerate(captions):
        for text in random.permutation(np.array(own))[:CAPTIONS_EACH]:
            right = np.arange(len(captions)) == at
            said = _words(str(text))
            ask("caption", str(text), right, right | _says_most(said, words))
    for name, right in shown.items():
        if right.any():
            ask("word", name, right, right)
    return asked + _made_up("made up", captions) + absent


def seen_questions(captions: Sequence[Sequence[str]], seed: int) -> list[Question]:
    """Questions to photos that the encoder was trained on: their captions, and made-up absents."""
    everything = np.ones(len(captions), bool)
    asked = []
    for at in np.random.default_rng(seed).permutation(len(captions))[:SEEN]:
        right = np.arange(len(captions)) == at
        asked.append(Question("seen", captions[at][0], everything, right, right))
    return asked + _made_up("seen made up", captions)


def many_questions(count: int) -> list[Question]:
    """Made-up absents for `count` photos without captions."""
    return _made_up("many made up", [[]] * count)


def _made_up(kind: str, captions: Sequence[Sequence[str]]) -> list[Question]:
    everything = np.ones(len(captions), bool)
    return [
        Question(kind, text, everything, ~everything, ~everything)
        for words, text in made_up_absents()
        if not any(words.search(caption) for own in captions for caption in own)
    ]


def _planted(
    captions: Sequence[Sequence[str]],
    others: Sequence[Sequence[str]],
    shown: dict[str, NDArray[np.bool_]],
    random: np.random.Generator,
) -> list[Question]:
    found: list[Question] = []
    none = np.zeros(len(captions), bool)

    def plant(kind: str, text: str, kept: NDArray[np.bool_]) -> None:
        found.append(Question(kind, text, kept, none, none))

    for concept in concepts():
        mentions = [[t for t in own if concept.words.search(t)] for own in others]
        salient = [m for m, own in zip(mentions, others, strict=True) if len(m) >= min(3, len(own))]
        drawn = [salient[i] for i in random.permutation(len(salient))]
        near = ~shown[concept.name]
        for own in drawn[:ABSENT_EACH]:
            plant("near", own[0], near)
        plant("near word", concept.name, near)
        words = related(concept.group)
        if words is None:
            continue
        same = [shown[c.name] for c in concepts() if c.group == concept.group]
        said = np.array([any(words.search(text) for text in own) for own in captions])
        far = ~np.any([*same, said], axis=0)
        left = [c for c in concepts() if c.group != concept.group and (shown[c.name] & far).any()]
        plain = [own[0] for own in drawn if not any(c.words.search(own[0]) for c in left)]
        for text in plain[: 2 * ABSENT_EACH]:
            plant("far", text, far)
        plant("far word", concept.name, far)
    return found


def _words(text: str) -> set[str]:
    """The words that say something, cut to five letters so that forms of one word agree."""
    return {word[:5] for word in re.findall(r"[a-z]{3,}", COMMON.sub(" ", text.lower()))}


def _says_most(said: set[str], words: Sequence[set[str]]) -> NDArray[np.bool_]:
    """Photos whose captions have at least 60 % of the words of a query, if it has three."""
    if len(said) < 3:
        return np.zeros(len(words), bool)
    return np.array([len(said & own) >= 0.6 * len(said) for own in words])
