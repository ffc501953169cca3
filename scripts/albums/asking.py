"""Questions about an album whose answers are known, of the kinds of album-questions.json."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from relevance.concepts import made_up_absents

from albums.making import STAYS, Shot

ABSENTS = Path(__file__).with_name("absents.txt")
WAYS = {
    "find": "Find the photo of {}.",
    "when": "When did I photograph {}?",
    "where": "Where was the photo of {} taken?",
}
ABSENT_WAYS = (
    *("When did I photograph {}?", "Show me {}.", "Where was the photo of {} taken?"),
    *("Which photos show {}?", "Find the photo of {}."),
)
ELSEWHERE = ("Lima", "Helsinki", "Seoul", "Cairo", "Denver", "Jakarta")
LEAST_WORDS = 7  # of captions that are asked for

Question = dict[str, Any]


def questions(shots: Sequence[Shot], each: int, seed: int = 0) -> tuple[list[Question], set[str]]:
    """Questions, `each` of find, when and where; and the captions that they quote."""
    random = np.random.default_rng(seed)
    asked: list[Question] = []
    quoted: set[str] = set()
    order = iter(random.permutation(len(shots)).tolist())
    for kind, way in WAYS.items():
        chosen = 0
        for at in order:
            shot = shots[at]
            long = [text for text in shot.captions if len(text.split()) >= LEAST_WORDS]
            if not long or (kind == "where" and shot.city is None):
                continue
            caption = str(random.choice(np.array(long)))
            quoted.add(caption)
            answer = {"when": shot.taken_at[:10], "where": shot.city}.get(kind)
            asked.append(_question(kind, way.format(_spoken(caption)), [shot.file], answer))
            chosen += 1
            if chosen == each:
                break
    return asked + _counts(shots) + _absents(shots, random), quoted


def _question(kind: str, text: str, files: Sequence[str], answer: str | None = None) -> Question:
    return {"kind": kind, "question": text, "files": list(files), "answer": answer}


def _spoken(caption: str) -> str:
    """A caption as a part of a sentence."""
    text = caption.strip().rstrip(" .")
    return text[:1].lower() + text[1:]


def _counts(shots: Sequence[Shot]) -> list[Question]:
    found = []
    for city, year in dict.fromkeys((stay[0], stay[3][:4]) for stay in STAYS):
        files = [s.file for s in shots if s.city == city and s.taken_at.startswith(year)]
        text = f"How many photos did I take in {city} in {year}?"
        found.append(_question("count", text, files, str(len(files))))
    for camera in dict.fromkeys(stay[5] for stay in STAYS):
        files = [s.file for s in shots if s.camera == camera]
        text = f"How many photos were taken with the {camera}?"
        found.append(_question("count", text, files, str(len(files))))
    return [each for each in found if each["files"]]


def _absents(shots: Sequence[Shot], random: np.random.Generator) -> list[Question]:
    """Made-up things, and one in four a place or a year of which there is no photo."""
    said = " ".join(text for shot in shots for text in shot.captions).lower()
    lines = [line.split(" | ") for line in ABSENTS.read_text("utf-8").splitlines() if line]
    texts = [
        text for word, text in lines if not re.search(rf"\b{re.escape(word.lower())}s?\b", said)
    ]
    texts += [text for pattern, text in made_up_absents() if not pattern.search(said)]
    asked = [
        _question("absent", ABSENT_WAYS[n % len(ABSENT_WAYS)].format(text), [])
        for n, text in enumerate(random.permutation(np.array(texts)).tolist())
    ]
    filtered = [f"How many photos did I take in {city}?" for city in ELSEWHERE]
    filtered += [f"How many photos did I take in {year}?" for year in range(1970, 2017, 2)]
    filtered += [f"When was I in {city}?" for city in ELSEWHERE]
    filtered += [f"How many photos did I take in Porto in {year}?" for year in range(2001, 2016)]
    return asked + [_question("absent", text, []) for text in filtered[: len(asked) // 3]]
