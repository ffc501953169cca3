"""Answerers behind one protocol: templates over evidence, or a language model that reads it.

`extractive` needs no model; `language` asks one (models.LanguageModel). Whatever they say is a
draft: `answering.checking` compares every claim with the evidence that it cites.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from retrieval.records import TextCallback, ignore_text

if TYPE_CHECKING:
    from retrieval.models import LanguageModel
    from retrieval.records import Brief, Draft


class Answerer(Protocol):
    """Answers a question from its brief, and from nothing else."""

    name: str

    def answer(self, brief: Brief, *, on_text: TextCallback = ignore_text) -> Draft:
        """Say what the evidence says, in claims that cite it; `on_text` gets pieces as they come.

        Raises what the model raises (ModelError, PrivacyError).
        """
        ...


ANSWERERS: dict[str, str] = {
    "extractive": "retrieval.answerers.extractive:ExtractiveAnswerer",
    "language": "retrieval.answerers.language:LanguageAnswerer",
}


def load_answerer(model: LanguageModel | None = None) -> Answerer:
    """The answerer that asks `model`; without one, `extractive`."""
    module, _, attribute = ANSWERERS["language" if model else "extractive"].partition(":")
    made = getattr(import_module(module), attribute)
    answerer: Answerer = made(model) if model else made()
    return answerer
