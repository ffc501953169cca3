"""The answerer that asks a model: what it does with replies, and when it does not ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from retrieval.answerers import load_answerer
from retrieval.answerers.language import LanguageAnswerer
from retrieval.errors import ModelError, ModelReplyError, NoVisionError, TooLongError
from retrieval.models import Picture
from retrieval.records import (
    Brief,
    Claim,
    Draft,
    Evidence,
    QuestionPlan,
    Total,
)
from tests.briefs import DOG, ScriptedModel, brief, said


def ask(
    *script: str | Exception,
    given: Brief | None = None,
    picture_of: Callable[[Evidence], Picture | None] | None = None,
    **model: Any,
) -> tuple[Draft, ScriptedModel, list[str], list[str]]:
    """The draft, the model, what was spoken, and the notices."""
    asked = ScriptedModel(list(script), **model)
    spoken: list[str] = []
    notices: list[str] = []
    answerer = LanguageAnswerer(asked, picture_of, notices.append)
    return answerer.answer(given or brief(3), on_text=spoken.append), asked, spoken, notices


def test_claims_and_words() -> None:
    reply = said(("On 2023-02-15.", [1, 2]), ("A dog ran.", [1]))
    draft, _, spoken, notices = ask(reply)
    assert draft == Draft((Claim("On 2023-02-15.", (1, 2)), Claim("A dog ran.", (1,))))
    assert "".join(spoken) == "On 2023-02-15. [1, 2] A dog ran. [1] "
    assert len(spoken) > 3
    assert notices == []


def test_it_does_not_know() -> None:
    draft, *_ = ask(said(("No date is known.", []), known=False))
    assert draft == Draft((Claim("No date is known."),), refused=True)
    draft, *_ = ask(said(known=False))
    assert draft.refused
    assert draft.claims[0].text == "The photos that were found do not say it."


@pytest.mark.parametrize("reply", ["{", "", "<think>", '{"answer": [{"claim": "A do'])
def test_what_is_no_answer(reply: str) -> None:
    with pytest.raises(ModelReplyError, match="scripted wrote nothing that is an answer"):
        ask(reply)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_without_a_match_no_model_is_asked(language: str) -> None:
    plan = QuestionPlan("a yak?", "find", "yak", language=language)  # type: ignore[arg-type]
    unlikely = replace(DOG, relevant=False)
    draft, model, *_ = ask(given=Brief(plan, (unlikely,), considered=9, matched=9, relevant=0))
    assert draft.refused
    assert draft.claims[0].cites == (1,)
    assert not model.asked
    nothing, model, *_ = ask(given=Brief(plan, considered=9))
    assert nothing.refused
    assert nothing.claims[0].cites == ()
    assert not model.asked


def test_where_relevance_cannot_be_told_the_model_is_asked() -> None:
    unsure = replace(DOG, relevant=False, relevance=None)
    draft, *_ = ask(said(("A dog.", [1])), given=Brief(brief().plan, (unsure,), matched=1))
    assert not draft.refused


def test_a_model_that_does_not_see() -> None:
    def picture_of(evidence: Evidence) -> Picture:
        return Picture(evidence.path, b"x")

    draft, model, _, _ = ask(
        NoVisionError("no"), said(("A dog.", [1])), picture_of=picture_of, sees=True
    )
    assert draft.claims == (Claim("A dog.", (1,)),)
    assert [len(messages[-1].pictures) for messages in model.asked] == [3, 0]
    _, blind, *_ = ask(said(("A dog.", [1])), picture_of=picture_of, sees=False)
    assert not blind.asked[0][-1].pictures


def test_no_vision_without_pictures_is_an_error() -> None:
    with pytest.raises(NoVisionError):
        ask(NoVisionError("no"), sees=True)


def test_a_prompt_that_is_too_long_is_made_shorter() -> None:
    draft, model, _, notices = ask(
        TooLongError("no"), TooLongError("no"), said(("A dog.", [1])), given=brief(40)
    )
    assert not draft.refused
    lengths = [len(messages[-1].text) for messages in model.asked]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[0] > lengths[1] > lengths[2]
    assert "of 40 photos: it reads no more" in notices[0]


def test_a_prompt_that_stays_too_long() -> None:
    with pytest.raises(TooLongError):
        ask(*[TooLongError("no")] * 20)


def test_other_errors_pass() -> None:
    with pytest.raises(ModelError, match="gone"):
        ask(ModelError("gone"))


# --- languages ------------------------------------------------------------------------------

CHINESE = replace(brief(2), plan=QuestionPlan("狗什么时候跑的？", "when", "狗", language="zh"))


def test_another_language_is_asked_about_once() -> None:
    draft, model, spoken, notices = ask(
        said(("The dog ran on 2023-02-15.", [1])),
        said(("狗在2023-02-15跑。", [1])),
        given=CHINESE,
    )
    assert draft.claims == (Claim("狗在2023-02-15跑。", (1,)),)
    assert "Chinese" in model.asked[1][-1].text
    assert model.asked[1][-2].role == "assistant"
    assert "".join(spoken) == "The dog ran on 2023-02-15. [1] \n狗在2023-02-15跑。 [1] "
    assert notices == []


@pytest.mark.parametrize("second", [said(("Still English, sorry.", [1])), "{", said()])
def test_another_language_that_stays(second: str) -> None:
    first = said(("The dog ran on 2023-02-15.", [1]))
    draft, model, _, notices = ask(first, second, given=CHINESE)
    assert draft.claims == (Claim("The dog ran on 2023-02-15.", (1,)),)
    assert len(model.asked) == 2
    assert "another language" in notices[0]


# --- counts ---------------------------------------------------------------------------------

TOTALS = (Total("", 57, tuple(range(1, 58))), Total("Berlin", 12, tuple(range(1, 13))))


@pytest.mark.parametrize(
    ("text", "cites", "all_of_them"),
    [
        ("57 photos were taken.", [1], 57),
        ("There are 57.", [], 57),
        ("12 photos were taken in Berlin.", [3, 4], 12),
        ("12 photos were taken in Rome.", [3], 1),
        ("Photo 157 is it.", [3], 1),
        ("It was on 2057-12-57.", [3], 1),
        ("57 photos were taken.", [1, 99], 2),
    ],
)
def test_a_count_cites_all_that_were_counted(text: str, cites: list[int], all_of_them: int) -> None:
    draft, *_ = ask(said((text, cites)), given=brief(3, totals=TOTALS))
    assert len(draft.claims[0].cites) == all_of_them


def test_the_front_door() -> None:
    model = ScriptedModel([said(("A dog.", [2]))])
    answerer = load_answerer(model)
    assert answerer.name == "scripted"
    assert answerer.answer(brief(2)).claims == (Claim("A dog.", (2,)),)
