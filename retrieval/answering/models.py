"""A language model as answerer and as judge, with what it may see and may not."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from retrieval.answerers import load_answerer
from retrieval.errors import ImageError
from retrieval.records import Draft, NoticeCallback, TextCallback, ignore_notice, ignore_text

if TYPE_CHECKING:
    from retrieval.answerers import Answerer
    from retrieval.models import LanguageModel, Picture, PictureOf
    from retrieval.records import AskOptions, Brief, Evidence, Redaction
    from retrieval.reranking import Judge
    from retrieval.reranking.pointwise import Conceal


def answerer_of(
    model: LanguageModel | None,
    redact: tuple[Redaction, ...] = (),
    on_notice: NoticeCallback = ignore_notice,
) -> Answerer:
    """What answers with this model; without one, the extractive answerer."""
    if model is not None and redact:
        return Redacting(model, redact, on_notice)
    return load_answerer(model, pictures_of(), on_notice)


def judge_of(model: LanguageModel | None, options: AskOptions | None) -> Judge | None:
    """What judges photos with this model, where the options want that."""
    if model is None or options is None or not (options.rerank or options.verify):
        return None
    from retrieval.reranking.pointwise import PointwiseJudge

    pictures = pictures_of(options.redact) if model.sees else None
    return PointwiseJudge(model, pictures)


def judge_for(judge: Judge, brief: Brief, redact: tuple[Redaction, ...], *, purpose: str) -> Judge:
    """The judge for the photos of a brief. `purpose` names its requests in the ledger.

    What is to be taken out is known of the whole brief before anything of one photo is sent: a name
    that the question has may be known as one by another photo's keywords.
    """
    from retrieval.reranking.pointwise import PointwiseJudge

    if not isinstance(judge, PointwiseJudge):
        return judge
    return judge.with_(purpose, concealed(brief, redact) if redact else None)


def concealed(brief: Brief, redact: tuple[Redaction, ...]) -> Conceal:
    """Takes out of what a judge is told about a photo of the brief what is to be taken out."""
    from retrieval.privacy.redaction import Redactor

    redactor = Redactor(redact)
    redactor.learn(brief)

    def conceal(claim: str, evidence: Evidence) -> tuple[str, Evidence]:
        return redactor.redact_text(claim), redactor.evidence(evidence)

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
    """Answers with a model that gets a brief and pictures without what is taken out of them.

    What it says is restored.
    """

    model: LanguageModel
    redact: tuple[Redaction, ...]
    on_notice: NoticeCallback = ignore_notice

    @property
    def name(self) -> str:
        """The name of the answerer."""
        return load_answerer(self.model).name

    def answer(self, brief: Brief, *, on_text: TextCallback = ignore_text) -> Draft:
        """Answer from the brief without what is taken out."""
        from retrieval.privacy.redaction import Redactor

        redactor, picture_of = Redactor(self.redact), pictures_of(self.redact)
        real = {piece.n: piece for piece in brief.evidence}  # its path may be taken out
        answerer = load_answerer(self.model, lambda e: picture_of(real[e.n]), self.on_notice)
        with redactor.restoring(on_text) as restored:
            draft = answerer.answer(redactor.brief(brief), on_text=restored)
        claims = tuple(replace(c, text=redactor.restore(c.text)) for c in draft.claims)
        return Draft(claims, draft.refused)
