"""Briefs as an answerer gets them, and a language model that replies as it is told."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from retrieval.models import Message, Reply
from retrieval.records import (
    Brief,
    Evidence,
    Facts,
    QuestionPlan,
    TextCallback,
    ignore_text,
)

PLAN = QuestionPlan("When did the dog run?", "when", "dog")
FACTS = Facts(taken_at="2023-02-15T17:20:05", exposure=0.004, aperture=2.8, iso=100, focal=35.0)
DOG = Evidence(
    1,
    11,
    "/home/someone/photos/2023 Lisbon/dog.jpg",
    FACTS,
    camera="Canon EOS 80D",
    place="Lisbon, Portugal",
    tags=(("dog", 0.91),),
    captions=("a brown dog runs",),
    writing="NO DOGS",
    colours=("brown",),
    relevance=0.8,
    relevant=True,
    probability=0.7,
    folded=(5, 6),
)


def brief(count: int = 1, plan: QuestionPlan = PLAN, **more: object) -> Brief:
    evidence = tuple(replace(DOG, n=n, photo_id=n) for n in range(1, count + 1))
    return replace(Brief(plan, evidence, considered=500, matched=57, relevant=3), **more)


@dataclass
class ScriptedModel:
    """A LanguageModel that replies as written, piece by piece, or fails as written."""

    script: list[str | Exception]
    name: str = "scripted"
    sees: bool = False
    context: int = 4096
    asked: list[Sequence[Message]] = field(default_factory=list)
    schemas: list[Mapping[str, Any] | None] = field(default_factory=list)

    def complete(
        self,
        messages: Sequence[Message],
        *,
        purpose: str,
        schema: Mapping[str, Any] | None = None,
        most_tokens: int = 512,
        on_text: TextCallback = ignore_text,
    ) -> Reply:
        self.asked.append(messages)
        self.schemas.append(schema)
        reply = self.script.pop(0)
        if isinstance(reply, Exception):
            raise reply
        for at in range(0, len(reply), 5):
            on_text(reply[at : at + 5])
        return Reply(reply)

    def yes(self, messages: Sequence[Message], *, purpose: str) -> float | None:
        return None


def said(*claims: tuple[str, list[int]], known: bool = True) -> str:
    answer = [{"claim": text, "cites": cites} for text, cites in claims]
    return json.dumps({"answer": answer, "known": known}, ensure_ascii=False)
