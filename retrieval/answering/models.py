"""A language model as answerer and as judge, with what it may see and may not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from retrieval.answerers import load_answerer
from retrieval.errors import ImageError
from retrieval.records import Draft, NoticeCallback, TextCallback, ignore_notice, ignore_text

if TYPE_CHECKING:
    from retrieval.answerers import Answerer, PictureOf
    from retrieval.models import LanguageModel, Picture
    from retrieval.records import AskOptions, Brief, Evidence, Redaction
    from retrieval.reranking import Judge
    from retrieval.reranking.pointwise import Conceal


def answerer_of(
    model: LanguageModel | None,
    redact: tuple[Redaction, ...] = (),
    on_notice: NoticeCallback = ignore_notice,
) -> Answerer:
    """What answers with this model; without one, the extractive answerer."""
    if model is None:
        return load_answerer()
    answerer = load_answerer(model, pictures_of(redact) if model.sees else None, on_notice)
    return Redacting(answerer, redact) if redact else answerer


def judge_of(model: LanguageModel | None, options: AskOptions | None) -> Judge | None:
    """What judges photos with this model, where the options want that."""
    if model is None or options is None or not (options.rerank or options.verify):
        return None
    from retrieval.reranking.pointwise import PointwiseJudge

    pictures = pictures_of(options.redact) if model.sees else None
    return PointwiseJudge(model, pictures, concealed(options.redact) if options.redact else None)


def concealed(redact: tuple[Redaction, ...]) -> Conceal:
    """Takes out of what a judge is told about a photo what is to be taken out."""
    from retrieval.privacy.redaction import Redactor

    def conceal(claim: str, evidence: Evidence) -> tuple[str, Evidence]:
        redactor = Redactor(redact)
        told = redactor.evidence(evidence)  # first, so that its names are known
        return redactor.redact_text(claim), told

    return conceal


def pictures_of(redact: tuple[Redaction, ...] = ()) -> PictureOf:
    """Gives the pictures of photos at the size that models take, without what is taken out.

    PrivacyError, MissingExtraError: nothing may be shown without it.
    """

    def picture_of(evidence: Evidence) -> Picture | None:
        from retrieval.models import MOST_SIDE, Picture
        from retrieval.pictures import thumbnail_of_file

        try:
            jpeg = thumbnail_of_file(evidence.path, MOST_SIDE)
        except ImageError:
            return None  # its file is gone; what is known of it remains
        if redact:
            from retrieval.privacy.redaction import redact_picture

            jpeg = redact_picture(jpeg, redact)
        return Picture(evidence.path, jpeg)

    return picture_of


@dataclass(frozen=True, slots=True)
class Redacting:
    """An answerer that gets a brief without what is taken out; what it says is restored."""

    inner: Answerer
    redact: tuple[Redaction, ...]

    @property
    def name(self) -> str:
        """The name of the answerer."""
        return self.inner.name

    def answer(self, brief: Brief, *, on_text: TextCallback = ignore_text) -> Draft:
        """Answer from the brief without what is taken out."""
        from retrieval.privacy.redaction import Redactor

        redactor = Redactor(self.redact)
        with redactor.restoring(on_text) as restored:
            draft = self.inner.answer(redactor.brief(brief), on_text=restored)
        claims = tuple(replace(c, text=redactor.restore(c.text)) for c in draft.claims)
        return Draft(claims, draft.refused)
