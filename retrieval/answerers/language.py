"""The answerer that asks a language model: evidence in, cited claims out.

What it answers from was found before: where nothing matches, no model is asked. Its reply is a
draft, and `answering.checking` compares every claim with the evidence that it cites.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from retrieval.answerers.prompting import (
    UNKNOWN_CONTEXT,
    Prompt,
    again_in_language,
    make_prompt,
)
from retrieval.answerers.replies import read_reply, script_of
from retrieval.answerers.speaking import ClaimSpeaker
from retrieval.errors import ModelReplyError, NoVisionError, TooLongError
from retrieval.models import MOST_TOKENS, LanguageModel, Message, PictureOf
from retrieval.records import (
    Brief,
    Claim,
    Draft,
    NoticeCallback,
    QuestionPlan,
    TextCallback,
    Total,
    ignore_notice,
    ignore_text,
)

PURPOSE = "answer"
#: What an answer may take of a small context at most, the rest being for evidence.
_SHARE_OF_REPLY = 4
_LEAST_TOKENS = 512  # a prompt that is to be made shorter than this is not tried again

_NOTHING = {
    "en": "No photo clearly matches this.{closest}",
    "zh": "没有照片明确符合这个问题。{closest}",
}
_CLOSEST = {
    "en": " The closest is photo {n}, which may be something else.",
    "zh": "最接近的是照片 {n}，但可能是别的内容。",
}
_SILENT = {"en": "The photos that were found do not say it.", "zh": "找到的照片没有说明这一点。"}


class LanguageAnswerer:
    """Answers by a language model.

    `picture_of` makes the picture of a photo for a model that sees (None: it gets texts only).
    The brief comes with what is redacted taken out. `on_notice` hears of what was done otherwise
    than asked: less evidence than was found, no pictures, another language.
    """

    def __init__(
        self,
        model: LanguageModel,
        picture_of: PictureOf | None = None,
        on_notice: NoticeCallback = ignore_notice,
    ) -> None:
        self.model = model
        self.picture_of = picture_of
        self.on_notice = on_notice

    @property
    def name(self) -> str:
        """That of the model."""
        return self.model.name

    def answer(self, brief: Brief, *, on_text: TextCallback = ignore_text) -> Draft:
        """See Answerer. A photo that matches, or a count that is not 0, is needed to ask at all.

        A model that takes no pictures is asked without them, one that reads less than the prompt
        with less evidence. Raises ModelError, ModelReplyError, PrivacyError.
        """
        if not _worth_asking(brief):
            return _nothing(brief)
        prompt, reply = self._ask(brief, on_text)
        draft = read_reply(reply)
        if draft is None:
            raise ModelReplyError(
                f"{self.name} wrote nothing that is an answer. Ask differently, or use a larger "
                "model."
            )
        if _other_language(draft, brief.plan):
            draft = self._ask_again(prompt, reply, brief.plan, draft, on_text)
        if not draft.claims:
            return Draft((Claim(_SILENT[brief.plan.language]),), refused=True)
        claims = tuple(_with_all_counted(claim, brief.totals) for claim in draft.claims)
        return Draft(claims, draft.refused)

    def _ask(self, brief: Brief, on_text: TextCallback) -> tuple[Prompt, str]:
        """The prompt that was answered, and the reply."""
        tokens = self._budget()
        pictures = self.picture_of if self.model.sees else None
        while True:
            prompt = make_prompt(brief, tokens=tokens, picture_of=pictures)
            try:
                reply = self._complete(prompt.messages, prompt.schema, on_text)
            except NoVisionError:
                if not prompt.pictures:
                    raise
                pictures = None
                continue
            except TooLongError:
                # What the model reads may be known now; our counting of tokens is a guess anyhow.
                tokens = min(self._budget(), tokens * 2 // 3)
                if tokens < _LEAST_TOKENS:
                    raise
                continue
            if prompt.photos < len(brief.evidence):
                self.on_notice(
                    f"{self.name} was given the first {prompt.photos} of "
                    f"{len(brief.evidence)} photos: it reads no more."
                )
            return prompt, reply

    def _budget(self) -> int:
        """Tokens for a prompt."""
        context = self.model.context or UNKNOWN_CONTEXT
        return context - self._reply_tokens()

    def _reply_tokens(self) -> int:
        context = self.model.context or UNKNOWN_CONTEXT
        return min(MOST_TOKENS, context // _SHARE_OF_REPLY)

    def _complete(
        self, messages: tuple[Message, ...], schema: Mapping[str, Any], on_text: TextCallback
    ) -> str:
        speaker = ClaimSpeaker(on_text)
        reply = self.model.complete(
            messages,
            purpose=PURPOSE,
            schema=schema,
            most_tokens=self._reply_tokens(),
            on_text=speaker.feed,
        )
        speaker.end()
        return reply.text

    def _ask_again(
        self, prompt: Prompt, reply: str, plan: QuestionPlan, first: Draft, on_text: TextCallback
    ) -> Draft:
        """The answer in the language of the question; the first one where that does not help."""
        on_text("\n")
        again = again_in_language(prompt, reply, plan)
        second = read_reply(self._complete(again, prompt.schema, on_text))
        if second is not None and second.claims and not _other_language(second, plan):
            return second
        self.on_notice(f"{self.name} answers in another language than it was asked in.")
        return first


def _worth_asking(brief: Brief) -> bool:
    """Whether anything was found that an answer could stand on."""
    if not brief.evidence:
        return any(total.count for total in brief.totals)
    # Where relevance cannot be told, any photo may be the right one.
    return brief.relevant is None or any(evidence.relevant for evidence in brief.evidence)


def _nothing(brief: Brief) -> Draft:
    language = brief.plan.language
    numbers = tuple(evidence.n for evidence in brief.evidence[:1])
    closest = _CLOSEST[language].format(n=numbers[0]) if numbers else ""
    return Draft((Claim(_NOTHING[language].format(closest=closest), numbers),), refused=True)


def _with_all_counted(claim: Claim, totals: Sequence[Total]) -> Claim:
    """A claim that says a count, with all photos that were counted: models name one or two."""
    for total in totals:
        said = re.search(rf"(?<![\w.-]){total.count}(?![\w-]|\.[0-9])", claim.text)
        about = not total.label or total.label.casefold() in claim.text.casefold()
        if said and about and set(claim.cites) < set(total.numbers):
            return replace(claim, cites=total.numbers)
    return claim


def _other_language(draft: Draft, plan: QuestionPlan) -> bool:
    asked = script_of(plan.question)
    answered = script_of(" ".join(claim.text for claim in draft.claims))
    return bool(asked and answered) and asked != answered
