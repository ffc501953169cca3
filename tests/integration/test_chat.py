"""Chats with a real server of HTTP: what it may do, and what becomes of it."""

from __future__ import annotations

import gzip
import signal
import subprocess
import sys
import threading
import time
import traceback
import zlib
from base64 import b64decode
from typing import Any

import pytest

from retrieval.errors import (
    ConfigError,
    ModelError,
    ModelReplyError,
    NoVisionError,
    PrivacyError,
    TooLongError,
)
from retrieval.models import Message, ModelSpec, Picture, chat, endpoint, load_model
from retrieval.models.chat import ChatModel
from retrieval.models.transport import open_pool
from retrieval.records import Evidence
from retrieval.reranking import rerank
from retrieval.reranking.pointwise import PointwiseJudge
from tests.chatserver import (
    Behaviour,
    ChatServer,
    Handler,
    does,
    echoes_the_key,
    event,
    falls_silent,
    hangs_up,
    never_ends,
    pieces,
    refuses,
    says,
    sends,
    serve_chats,
    stops_after,
    streams,
)
from tests.conftest import LONGEST_S, ROOT
from tests.gates import OpenGate

HELLO = (Message("system", "Be short."), Message("user", "Say hello."))
PICTURE = Picture("/photos/a.jpg", b"\xff\xd8 a picture")
WITH_PICTURE = (Message("user", "What is this?", (PICTURE,)),)
SCHEMA = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}
LOGPROBS = {"content": [{"top_logprobs": [{"token": "No", "logprob": -0.1}]}]}
KEY = "sk-abcdefghijklmnop-1234"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses are short, and what was learned of servers stays in one test."""
    monkeypatch.setattr(chat, "BACK_OFF_S", (0.01, 0.01, 0.01))
    monkeypatch.setattr(chat, "_WAYS", {})


class Asker:
    """A model, and what was heard of it."""

    def __init__(self, server: ChatServer | str, **spec: str) -> None:
        url = server if isinstance(server, str) else server.url
        self.gate = OpenGate()
        self.notices: list[str] = []
        self.texts: list[str] = []
        given = {"llm": url, "name": "m", **spec}
        self.model = ChatModel(ModelSpec(**given), self.gate, self.notices.append)

    def ask(self, messages: tuple[Message, ...] = HELLO, **more: Any) -> str:
        reply = self.model.complete(messages, purpose="test", on_text=self.texts.append, **more)
        return reply.text


def fails(kind: type[ModelError], *script: Behaviour, **spec: str) -> str:
    """The message of the error that a server's behaviour becomes."""
    with serve_chats(*script) as server, pytest.raises(kind) as caught:
        Asker(server, **spec).ask()
    return str(caught.value)


# --- replies --------------------------------------------------------------------------------


def test_a_stream_is_handed_on_as_it_comes() -> None:
    with serve_chats(streams("Hel", "lo ", "狗🐕")) as server:
        asker = Asker(server)
        assert asker.ask(most_tokens=9) == "Hello 狗🐕"
    assert asker.texts == ["Hel", "lo ", "狗🐕"]
    (body,) = server.bodies
    assert server.asked[0].path == "/v1/chat/completions"
    assert body["messages"] == [
        {"role": "system", "content": "Be short."},
        {"role": "user", "content": "Say hello."},
    ]
    assert (body["model"], body["max_tokens"], body["temperature"]) == ("m", 9, 0)
    assert body["stream"] is True
    assert "authorization" not in server.asked[0].headers


@pytest.mark.parametrize("ending", ["/v1", "/v1/", "/v1/chat/completions", ""])
def test_the_address_may_end_as_it_likes(ending: str) -> None:
    with serve_chats(streams("x")) as server:
        assert Asker(server.url + ending).ask() == "x"
        assert server.asked[0].path == "/v1/chat/completions"


def test_a_stream_in_strange_pieces() -> None:
    """Comments, CRLF, letters cut in two, no space after the colon, no [DONE]."""
    whole = (
        b": ping\r\n\r\nevent: message\r\n"
        + event("Grüße ").replace(b"\n", b"\r\n")
        + event("狗").replace(b"data: ", b"data:")
        + b"id: 7\nretry: 10\ndata: not json\n\n"
        + event(finish="stop")
    )
    for size in (1, 2, 3, 50):
        cut = [whole[at : at + size] for at in range(0, len(whole), size)]
        with serve_chats(sends(*cut)) as server:
            assert Asker(server).ask() == "Grüße 狗"


def test_a_server_that_does_not_stream() -> None:
    content = {
        "choices": [{"message": {"content": "Hello"}, "finish_reason": "length"}],
        "usage": {"completion_tokens": 3},
    }
    with serve_chats(says(content)) as server:
        asker = Asker(server)
        reply = asker.model.complete(HELLO, purpose="test", on_text=asker.texts.append)
    assert (reply.text, reply.complete, reply.tokens) == ("Hello", False, 3)
    assert asker.texts == ["Hello"]


def test_thoughts_beside_the_reply_are_left_out() -> None:
    script = sends(event(reasoning_content="Hm."), event("Yes."), event(finish="stop"))
    with serve_chats(script) as server:
        assert Asker(server).ask() == "Yes."


def test_an_empty_reply() -> None:
    assert "wrote nothing" in fails(ModelReplyError, streams(" \n"))


@pytest.mark.parametrize("thought", [event(reasoning_content="Hm."), event("<think>Hm.")])
def test_a_model_that_thinks_gets_room_for_it(thought: bytes) -> None:
    def choose(body: dict[str, Any]) -> Behaviour:
        if body["max_tokens"] < 4_000:
            return sends(thought, event(finish="length"))
        return sends(thought, event("</think>Hello"), event(finish="stop"))

    with serve_chats(does(choose)) as server:
        asker = Asker(server)
        assert asker.ask(most_tokens=9).endswith("</think>Hello")
        asker.ask(most_tokens=9)
    assert [body["max_tokens"] for body in server.bodies] == [9, 4105, 4105]


def test_a_model_that_only_thinks() -> None:
    script = sends(event(reasoning_content="Hm."), event(finish="length"))
    assert "only thought" in fails(ModelReplyError, script)


@pytest.mark.parametrize(
    "content", [b"<html>hello</html>", b"", b"null", b"[1, 2]", b"{", b'{"a": 1}', b"\xff\xfe\x00"]
)
def test_what_is_no_chat(content: bytes) -> None:
    message = fails(ModelReplyError, says(content))
    assert "no chat of a language model" in message
    assert "/v1" in message


def test_a_reply_without_an_end_is_not_read_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "MOST_BYTES", 100_000)
    with serve_chats(never_ends) as server:
        with pytest.raises(ModelReplyError, match="without an end"):
            Asker(server).ask()
        assert server.hung_up.wait(LONGEST_S)


# --- repeating ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(status: int) -> None:
    busy = refuses("busy", status)
    with serve_chats(busy, busy, streams("now")) as server:
        asker = Asker(server)
        assert asker.ask() == "now"
    outcomes = [one.outcome.split(":")[0] for one in asker.gate.chats]
    assert outcomes == ["Refusal", "Refusal", "answered"]  # each attempt passed the gate


def test_one_that_stays_busy() -> None:
    with serve_chats(refuses("slow down", 429)) as server:
        with pytest.raises(ModelError, match=r"too many requests.*slow down.*Try again"):
            Asker(server).ask()
        assert len(server.asked) == 4


def test_it_is_waited_as_long_as_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(chat.time, "sleep", slept.append)
    with serve_chats(refuses("", 429, Retry_After="7"), streams("now")) as server:
        asker = Asker(server)
        assert asker.ask() == "now"
    assert slept == [7.0]
    assert "in 7 seconds" in asker.notices[0]


def test_one_that_asks_to_wait_too_long() -> None:
    with serve_chats(refuses("", 429, Retry_After="3600")) as server:
        with pytest.raises(ModelError, match="asks to wait 60 minutes"):
            Asker(server).ask()
        assert len(server.asked) == 1


def test_an_empty_purse_is_not_asked_again() -> None:
    with serve_chats(refuses("You exceeded your quota: insufficient_quota", 429)) as server:
        with pytest.raises(ModelError, match="account"):
            Asker(server).ask()
        assert len(server.asked) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 301, 307])
def test_a_refusal_is_final(status: int) -> None:
    with serve_chats(refuses("no", status, Location="http://evil.example/")) as server:
        with pytest.raises(ModelError):
            Asker(server).ask()
        assert len(server.asked) == 1


def test_a_stream_that_stops_goes_on_where_it_was() -> None:
    with serve_chats(stops_after("Hello ", "wor"), streams("Hel", "lo world", "!")) as server:
        asker = Asker(server)
        assert asker.ask() == "Hello world!"
    assert "".join(asker.texts) == "Hello world!"


def test_a_second_reply_that_differs_is_not_mixed_in() -> None:
    with serve_chats(stops_after("Hello"), streams("Good ", "morning")) as server:
        asker = Asker(server)
        assert asker.ask() == "Good morning"
    assert "".join(asker.texts) == "Hello"


@pytest.mark.parametrize(
    "half",
    [stops_after("Hello"), hangs_up, sends(event("Hello")), sends(event("Hello")[:30])],
    ids=["cut", "nothing", "no end", "half an event"],
)
def test_a_stream_that_stops_twice(half: Behaviour) -> None:
    with serve_chats(half) as server, pytest.raises(ModelError, match=r"Try again|no chat"):
        Asker(server).ask()


def test_an_error_inside_a_stream() -> None:
    broken = sends(event("Hel"), b'data: {"error": {"code": 400, "message": "out of memory"}}\n\n')
    assert "out of memory" in fails(ModelError, broken)


def test_time_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "HEAD_S", 0.1)
    message = fails(ModelError, falls_silent)
    assert "for too long" in message


def test_time_between_pieces_runs_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endpoint, "PIECE_S", 0.1)

    def slow(handler: Any) -> None:
        handler.begin()
        handler.send(event("Hel"))
        falls_silent(handler)

    assert "for too long" in fails(ModelError, slow)


def test_nobody_is_there() -> None:
    with serve_chats(streams("x")) as server:
        gone = server.url
    with pytest.raises(ModelError, match=r"Nothing answers at http://127.0.0.1:[0-9]+. Start"):
        Asker(gone).ask()


def test_interrupting_ends_the_request_and_nothing_else() -> None:
    def interrupt(text: str) -> None:
        raise KeyboardInterrupt

    with serve_chats(never_ends, streams("still here")) as server:
        asker = Asker(server)
        with pytest.raises(KeyboardInterrupt):
            asker.model.complete(HELLO, purpose="test", on_text=interrupt)
        assert server.hung_up.wait(LONGEST_S)
        assert asker.gate.chats[0].outcome.startswith("KeyboardInterrupt")
        assert asker.ask() == "still here"


INTERRUPTED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell in the background ignores it
from retrieval.models import Message, ModelSpec
from retrieval.models.chat import ChatModel
from tests.conftest import LONGEST_S, ROOT
from tests.gates import OpenGate

gate = OpenGate()
model = ChatModel(ModelSpec(sys.argv[1], "m"), gate)
try:
    model.complete([Message("user", "Hello")], purpose="test")
except KeyboardInterrupt:
    print(gate.chats[0].outcome)
"""


def test_ctrl_c_while_waiting_for_a_reply() -> None:
    came = threading.Event()

    def silent(handler: Any) -> None:
        came.set()
        falls_silent(handler)

    with serve_chats(silent) as server:
        process = subprocess.Popen(
            [sys.executable, "-c", INTERRUPTED, server.url],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert came.wait(LONGEST_S)
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=LONGEST_S)
        assert server.hung_up.wait(LONGEST_S)
    assert out.strip() == "KeyboardInterrupt:"
    assert process.returncode == 0


# --- keys -----------------------------------------------------------------------------------


def test_the_key_travels_and_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRIEVAL_LLM_KEY", KEY)
    with serve_chats(streams("x")) as server:
        asker = Asker(server)
        asker.ask()
        assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
        assert KEY not in repr(vars(asker.model))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 418, 429, 500])
def test_an_error_that_repeats_the_key(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    caplog.set_level("DEBUG")
    monkeypatch.setenv("RETRIEVAL_LLM_KEY", KEY)
    with serve_chats(echoes_the_key(status)) as server, pytest.raises(ModelError) as caught:
        Asker(server).ask()
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert KEY[:8] not in told
    assert KEY[-8:] not in told


def test_a_wrong_key_and_none(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "wants a key" in fails(ModelError, refuses("who are you?", 401))
    monkeypatch.setenv("RETRIEVAL_LLM_KEY", KEY)
    assert "does not accept the key" in fails(ModelError, refuses("wrong", 401))


@pytest.mark.parametrize("key", ["a\nb: c", "schlüssel", "two words"])
def test_a_key_that_is_none(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("RETRIEVAL_LLM_KEY", key)
    with pytest.raises(ConfigError) as caught:
        Asker("http://127.0.0.1:1")
    assert key not in str(caught.value)


# --- what a server does not know ------------------------------------------------------------


def choosy(*refused: str, text: str = '{"a": 1}') -> Behaviour:
    """Refuses some forms of a reply, by their type."""

    def choose(body: dict[str, Any]) -> Behaviour:
        form = body.get("response_format", {}).get("type", "")
        if form in refused:
            return refuses(f"'response_format.type' {form} is not supported")
        return streams(text)

    return does(choose)


def test_the_schema_is_sent() -> None:
    with serve_chats(streams("{}")) as server:
        Asker(server).ask(schema=SCHEMA)
    form = server.bodies[0]["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["schema"] == SCHEMA


def test_a_form_that_is_refused_is_weakened_and_remembered() -> None:
    with serve_chats(choosy("json_schema", "json_object")) as server:
        asker = Asker(server)
        assert asker.ask(schema=SCHEMA) == '{"a": 1}'
        assert Asker(server).ask(schema=SCHEMA) == '{"a": 1}'  # another model, the same server
    forms = [body.get("response_format", {}).get("type") for body in server.bodies]
    assert forms == ["json_schema", "json_object", None, None]


def test_parameters_that_newer_models_refuse() -> None:
    def choose(body: dict[str, Any]) -> Behaviour:
        if "max_tokens" in body:
            return refuses("Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens'.")
        if "temperature" in body:
            return refuses("Unsupported value: 'temperature' does not support 0 with this model.")
        return streams("done")

    with serve_chats(does(choose)) as server:
        assert Asker(server).ask(most_tokens=7) == "done"
    assert server.bodies[-1]["max_completion_tokens"] == 7


def test_pictures_travel_before_the_text() -> None:
    with serve_chats(streams("a dog")) as server:
        asker = Asker(server)
        assert asker.ask(WITH_PICTURE) == "a dog"
    picture, text = server.bodies[0]["messages"][0]["content"]
    assert picture["image_url"]["url"].startswith("data:image/jpeg;base64,/9gg")
    assert text == {"type": "text", "text": "What is this?"}
    (passed,) = asker.gate.chats
    assert [photo.path for photo in passed.photos] == ["/photos/a.jpg"]
    assert passed.photos[0].bytes == len(PICTURE.jpeg)


def test_a_model_without_vision() -> None:
    """llama.cpp calls it a failure of its own (500); it is not asked again."""
    with serve_chats(refuses("image input is not supported - hint: mmproj", 500)) as server:
        asker = Asker(server)
        assert asker.model.sees
        for _ in range(2):
            with pytest.raises(NoVisionError):
                asker.ask(WITH_PICTURE)
        assert not asker.model.sees
        assert len(server.asked) == 1
        assert not Asker(server).model.sees
    assert ["does not take pictures" in notice for notice in asker.notices] == [True]


def test_vision_switched_off() -> None:
    with serve_chats(streams("x")) as server:
        with pytest.raises(NoVisionError):
            Asker(server, vision="off").ask(WITH_PICTURE)
        assert not server.asked


def test_a_chat_that_is_too_long() -> None:
    message = "request (4031 tokens) exceeds the available context size (2048 tokens)"
    error = {"error": {"code": 400, "message": message, "n_ctx": 2048}}
    with serve_chats(says(error, 400)) as server:
        asker = Asker(server)
        with pytest.raises(TooLongError, match="2,048 tokens"):
            asker.ask()
        assert asker.model.context == 2048


def test_a_model_that_is_not_there() -> None:
    script = refuses("The model `m` does not exist.", 404)
    models = [{"id": "qwen"}, {"id": "gem\x1b[31mma"}]
    told = r"no model 'm'. It has qwen, gem \[31mma. Name"
    with serve_chats(script, models=models) as server, pytest.raises(ModelError, match=told):
        Asker(server).ask()


# --- what a server serves -------------------------------------------------------------------


def test_the_name_of_the_only_model_need_not_be_given() -> None:
    with serve_chats(streams("x"), models=[{"id": "only", "max_model_len": 8192}]) as server:
        asker = Asker(server, name="")
        asker.ask()
        asker.ask()
        assert [body["model"] for body in server.bodies] == ["only", "only"]
        assert (asker.model.name, asker.model.context) == ("only", 8192)
        assert server.listed == 1


def test_of_several_models_one_must_be_named() -> None:
    with serve_chats(streams("x"), models=[{"id": "a"}, {"id": "b"}]) as server:
        with pytest.raises(ConfigError, match=r"a, b. Name one"):
            Asker(server, name="").ask()
        assert not server.asked


def test_a_server_that_lists_none_is_asked_all_the_same() -> None:
    with serve_chats(streams("x")) as server:
        assert Asker(server, name="").ask() == "x"
        assert "model" not in server.bodies[0]


def test_llama_cpp_tells_context_and_eyes() -> None:
    told = {"id": "/models/a.gguf", "architecture": {"input_modalities": ["text"]}}
    with serve_chats(streams("x"), models=[told | {"meta": {"n_ctx": 2048}}]) as server:
        asker = Asker(server)
        asker.ask()
    assert (asker.model.context, asker.model.sees) == (2048, False)


# --- yes or no ------------------------------------------------------------------------------


def first_word(**logprobs: float) -> dict[str, Any]:
    top = [{"token": token, "logprob": value} for token, value in logprobs.items()]
    return {
        "choices": [
            {
                "message": {"content": "Yes"},
                "logprobs": {"content": [{"token": "Yes", "logprob": -0.1, "top_logprobs": top}]},
            }
        ]
    }


def test_yes_by_its_probability() -> None:
    word = first_word(**{"Yes": -1.0, " yes": -1.0, "No": -2.0, "The": -0.2, "是": -30.0})
    with serve_chats(says(word)) as server:
        asker = Asker(server)
        yes = asker.model.yes(HELLO, purpose="judge")
    assert yes == pytest.approx(2 / (2 + 2.718281828**-1), abs=1e-6)
    body = server.bodies[0]
    assert (body["max_tokens"], body["logprobs"], body["top_logprobs"]) == (1, True, 20)
    assert asker.gate.chats[0].purpose == "judge"


@pytest.mark.parametrize(
    "script",
    [
        says({"choices": [{"message": {"content": "Yes"}, "logprobs": None}]}),
        refuses("logprobs are not supported by this model"),
        says(first_word() | {}),
    ],
    ids=["left out", "refused", "empty"],
)
def test_probabilities_that_are_not_told(script: Behaviour) -> None:
    with serve_chats(script) as server:
        model = Asker(server).model
        assert model.yes(HELLO, purpose="judge") is None
        assert model.yes(HELLO, purpose="judge") is None
        assert len(server.asked) == 1


def test_neither_yes_nor_no() -> None:
    with serve_chats(says(first_word(The=-0.1))) as server:
        assert Asker(server).model.yes(HELLO, purpose="judge") is None


def test_fewer_probabilities() -> None:
    def choose(body: dict[str, Any]) -> Behaviour:
        if body["top_logprobs"] > 5:
            return refuses("top_logprobs must be at most 5")
        return says(first_word(Yes=-0.1, No=-3.0))

    with serve_chats(does(choose)) as server:
        yes = Asker(server).model.yes(HELLO, purpose="judge")
    assert yes is not None
    assert yes > 0.9


# --- the gate -------------------------------------------------------------------------------


def test_a_closed_gate_lets_nothing_out() -> None:
    with serve_chats(streams("x")) as server:
        asker = Asker(server)
        asker.gate.closed = True
        with pytest.raises(PrivacyError):
            asker.ask()
        assert not server.asked
        assert not server.listed


def test_the_size_is_that_of_the_body() -> None:
    with serve_chats(streams("x")) as server:
        asker = Asker(server)
        asker.ask((Message("user", "狗" * 1000),))
    length = int(server.asked[0].headers["content-length"])
    assert asker.gate.chats[0].size == length
    assert asker.gate.chats[0].endpoint == f"{server.url}/v1/chat/completions"


def test_file_names_that_are_no_text_travel_as_something() -> None:
    with serve_chats(streams("x")) as server:
        assert Asker(server).ask((Message("user", "a\udc80b"),)) == "x"
    assert server.bodies[0]["messages"][0]["content"] == "a?b"


def test_no_proxy_between_this_machine_and_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with serve_chats(streams("x")) as server:
        assert Asker(server).ask() == "x"


def test_the_front_door() -> None:
    with serve_chats(streams(*pieces("Hello world"))) as server:
        model = load_model(ModelSpec(server.url, "m"), OpenGate())
        assert model.complete(HELLO, purpose="test").text == "Hello world"


# --- the key, the environment, and time -----------------------------------------------------


def test_a_key_in_a_reply_is_neither_shown_nor_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETRIEVAL_LLM_KEY", KEY)
    said = f"Your key is {KEY}, or {KEY[3:15]}. A dog [1]."
    for size in (1, 5, 200):
        with serve_chats(streams(*pieces(said, size))) as server:
            asker = Asker(server)
            reply = asker.ask()
        assert server.asked[0].headers["authorization"] == f"Bearer {KEY}"
        assert reply == "Your key is [key], or [key]. A dog [1]."
        assert "".join(asker.texts) == reply
    whole = {"choices": [{"message": {"refusal": f"No: {KEY}"}, "finish_reason": "stop"}]}
    with serve_chats(says(whole)) as server:
        assert Asker(server).ask() == "No: [key]"


@pytest.mark.parametrize(
    ("name", "value", "says_so"),
    [
        ("ALL_PROXY", "socks5h://127.0.0.1:1080", "proxy socks5h://127.0.0.1:1080"),
        ("http_proxy", "ftp://a:b@x", "proxy ftp://x"),
        ("http_proxy", "http://[::1", "proxy"),
        ("SSL_CERT_FILE", "/nonexistent.pem", "SSL_CERT_FILE"),
        ("SSL_CERT_FILE", __file__, "SSL_CERT_FILE"),
    ],
)
def test_an_environment_that_cannot_be_used_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, says_so: str
) -> None:
    for other in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(other, raising=False)
        monkeypatch.delenv(other.upper(), raising=False)
    monkeypatch.setenv(name, value)
    scheme = "https" if name.startswith("SSL") else "http"
    with pytest.raises(ModelError, match=r"\.$") as caught:
        Asker(f"{scheme}://llm.invalid/v1").ask()
    assert says_so in str(caught.value)
    assert "a:b" not in str(caught.value)


def packed(data: bytes, encoding: str = "gzip") -> Behaviour:
    """A stream that is compressed, though nobody asked for that."""

    def behave(handler: Handler) -> None:
        content = gzip.compress(data) if encoding == "gzip" else zlib.compress(data)
        handler.plain(200, content, Content_Encoding=encoding)

    return behave


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_reply_that_is_packed(encoding: str) -> None:
    reply = event("a dog ") + b": " + bytes(200_000) + b"\n\n" + event("[1]", finish="stop")
    with serve_chats(packed(reply, encoding)) as server:
        assert Asker(server).ask() == "a dog [1]"


BOMB = gzip.compress(bytes(1 << 26), 1)


def test_a_small_reply_that_unpacks_to_a_large_one() -> None:
    """64 KB become 64 MB: reading ends at 4 MB of them."""
    with serve_chats(says(BOMB, Content_Encoding="gzip")) as server:
        with pytest.raises(ModelReplyError, match="without an end"):
            Asker(server).ask()
        server.script[:] = [says(BOMB, 500, Content_Encoding="gzip")]
        with pytest.raises(ModelError, match="failed"):
            Asker(server).ask()


@pytest.mark.parametrize("encoding", ["br", "gzip, br", "nonsense"])
def test_a_reply_that_is_packed_otherwise(encoding: str) -> None:
    for content, named in ((b"\x8b\x01", encoding), (b"no gzip", "gzip")):
        assert "compression" in fails(ModelReplyError, says(content, Content_Encoding=named))


@pytest.mark.parametrize(
    ("proxy", "kind"),
    [
        ("http://127.0.0.1:1", "HTTPProxy"),
        ("https://a:b%40@[::1]:1", "HTTPProxy"),
        ("", "ConnectionPool"),
    ],
)
def test_kinds_of_connections(proxy: str, kind: str) -> None:
    with open_pool(secure=False, proxy=proxy) as pool:
        assert type(pool).__name__ == kind


def test_the_proxy_gets_its_own_password(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_chats(streams("x")) as server:
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", server.url.replace("//", "//me:p%40ss@"))
        assert Asker("http://llm.invalid/v1").ask() == "x"
    sent = server.asked[0].headers
    assert b64decode(sent["proxy-authorization"].removeprefix("Basic ")) == b"me:p@ss"
    assert sent["host"] == "llm.invalid"


def test_a_request_goes_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_chats(streams("x")) as server:
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("http_proxy", server.url)
        assert Asker("http://llm.invalid/v1").ask() == "x"
    assert server.asked[0].path == "http://llm.invalid/v1/chat/completions"


def drips(handler: Handler) -> None:
    """Word after word, for a minute."""
    handler.begin()
    for _ in range(1_200):
        handler.send(event("a "))
        time.sleep(0.05)


def drips_its_head(handler: Handler) -> None:
    """Header after header, and no reply before a minute is over."""
    for number in range(1_200):
        handler.connection.sendall(
            b"HTTP/1.1 200 OK\r\n" if not number else b"X-%d: x\r\n" % number
        )
        time.sleep(0.05)
    handler.connection.sendall(b"Content-Length: 0\r\n\r\n")


@pytest.mark.parametrize("behaviour", [drips, drips_its_head, falls_silent])
def test_a_reply_takes_no_longer_than_it_may(
    monkeypatch: pytest.MonkeyPatch, behaviour: Behaviour
) -> None:
    """Each read succeeds soon; all of them together end, also in the middle of the head."""
    monkeypatch.setattr(chat, "REPLY_S", 0.5)
    message = fails(ModelError, behaviour)
    assert "in the time that it had" in message


def test_a_pause_is_not_longer_than_the_time_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "REPLY_S", 15.0)
    assert "too many requests" in fails(ModelError, refuses("later", 429, Retry_After="20"))


def test_a_second_look_ends_a_judgement_that_takes_too_long() -> None:
    told: list[str] = []
    yes = says({"choices": [{"message": {"content": "no"}, "logprobs": LOGPROBS}]})
    with serve_chats(yes, falls_silent) as server:
        judge = PointwiseJudge(Asker(server).model)
        evidence = [Evidence(n, n, f"{n}.jpg", captions=("A dog.",)) for n in range(1, 4)]
        still = {"seconds": 3.0, "clock": lambda: 0.0}  # only the request itself takes time
        found = rerank("a dog", evidence, judge, on_notice=told.append, **still)
        assert server.hung_up.wait(LONGEST_S)
    assert list(found.probabilities) == [1]
    assert not found.complete
    assert "after 1 photo" in told[0]
