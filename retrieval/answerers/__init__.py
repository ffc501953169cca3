"""Answerers behind one protocol: templates over evidence, or a language model that reads it.

`extractive` needs no model; `language` asks one (models.LanguageModel). Whatever they say is a
draft: `answering.checking` compares every claim with the evidence that it cites.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Protocol

from retrieval.records import NoticeCallback, TextCallback, ignore_notice, ignore_text

if TYPE_CHECKING:
    from retrieval.models import LanguageModel, PictureOf
    from retrieval.records import Brief, Draft


class Answerer(Protocol):
    """Answers a question from its brief, and from nothing else."""

    @property
    def name(self) -> str: ...

    def answer(self, brief: Brief, *, on_text: TextCallback = ignore_text) -> Draft:
        """Say what the evidence says, in claims that cite it; `on_text` gets pieces as they come.

        Raises what the model raises (ModelError, PrivacyError).
        """
        ...


ANSWERERS: dict[str, str] = {
    "extractive": "retrieval.answerers.extractive:ExtractiveAnswerer",
    "language": "retrieval.answerers.language:LanguageAnswerer",
}


def load_answerer(
    model: LanguageModel | None = None,
    picture_of: PictureOf | None = None,
    on_notice: NoticeCallback = ignore_notice,
) -> Answerer:
    """The answerer that asks `model`; without one, `extractive`.

    `picture_of` gives the pictures of evidence to a model that sees; `on_notice` hears of what was
    done otherwise than asked.
    """
    module, _, attribute = ANSWERERS["language" if model else "extractive"].partition(":")
    made = getattr(import_module(module), attribute)
    answerer: Answerer = made(model, picture_of, on_notice) if model else made()
    return answerer
