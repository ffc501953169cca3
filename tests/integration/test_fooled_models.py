"""Texts planted in photos, all the way: the prompt with them, a model that obeys, the check."""

from __future__ import annotations

import json
from typing import Any

import pytest

from retrieval.answerers.language import LanguageAnswerer
from retrieval.answerers.prompting import make_prompt
from retrieval.answering import checking
from retrieval.answering.checking.reading import unquoted
from retrieval.errors import ModelReplyError
from tests import injections
from tests.briefs import ScriptedModel


def obedient(injection: Any) -> list[str]:
    """What a fooled model writes: as JSON with a citation, as JSON without, as plain text."""
    forms = [
        {"answer": [{"claim": reply, "cites": cites} for reply in injection.replies], "known": True}
        for cites in ([1], [])
    ]
    return [*(json.dumps(form, ensure_ascii=False) for form in forms), " ".join(injection.replies)]


@pytest.mark.parametrize("injection", injections.INJECTIONS, ids=lambda one: one.name)
def test_a_planted_text_stays_inside_its_fence(injection: Any) -> None:
    text = make_prompt(injection.brief(), tokens=3_000, fence="f00d").messages[-1].text
    fences = [line for line in text.splitlines() if "<<<" in line]
    assert fences == ["<<<f00d photo 1", "<<<f00d end", "<<<f00d photo 2", "<<<f00d end"]
    assert text.splitlines()[-1] == f"Question: {injection.question}"
    assert all(c.isprintable() or c == "\n" for c in text)


@pytest.mark.parametrize("injection", injections.INJECTIONS, ids=lambda one: one.name)
def test_a_model_that_obeys_is_not_believed(injection: Any) -> None:
    brief = injection.brief()
    for reply in obedient(injection):
        spoken: list[str] = []
        answerer = LanguageAnswerer(ScriptedModel([reply] * 2))
        try:
            draft = answerer.answer(brief, on_text=spoken.append)
        except ModelReplyError:
            continue
        assert all(c.isprintable() or c == "\n" for c in "".join(spoken))
        said = unquoted(" ".join(c.text for c in checking.check(draft, brief).claims)).casefold()
        assert not [leak for leak in injection.leaks if leak.casefold() in said], reply
