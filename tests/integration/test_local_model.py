"""A real language model in this process, and behind a real HTTP server on 127.0.0.1.

SmolLM2-135M proves how models are talked to, not how good answers are.
"""

from __future__ import annotations

import gc
import importlib.util
import io
import json
import math
import os
import signal
import struct
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from retrieval.errors import MissingExtraError, ModelError, NoVisionError
from retrieval.models import LanguageModel, Message, ModelSpec, Picture, load_model
from retrieval.models.limits import within
from retrieval.models.local import LocalModel
from retrieval.records import Evidence
from retrieval.reranking import rerank
from retrieval.reranking.pointwise import PointwiseJudge
from tests.conftest import LONGEST_S, ROOT
from tests.ggufs import smollm, write_gguf, write_sight
from tests.pictures import paint

KEY = "key-of-this-test"
SCHEMA = {
    "type": "object",
    "properties": {
        "known": {"type": "boolean"},
        "cites": {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
    },
    "required": ["known", "cites"],
    "additionalProperties": False,
}


class PassingGate:
    """Lets all pass: loopback is not recorded."""

    redact = ()

    @contextmanager
    def sending(self, endpoint: str, **_: Any) -> Iterator[None]:
        assert "127.0.0.1" in endpoint
        yield


def user(text: str) -> list[Message]:
    return [Message("user", text)]


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("retrieval.models.local.available_cpus", lambda: 1)
        yield


@pytest.fixture(scope="module")
def local(one_thread: None) -> LocalModel:
    return LocalModel(ModelSpec(str(smollm())), PassingGate())


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """The URL of llama.cpp's own server, which wants a key."""
    if importlib.util.find_spec("retrieval.models.chat") is None:
        pytest.skip("needs retrieval.models.chat, which is not there yet")
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.verbosity = -1
    params.model.path = str(smollm())
    params.n_ctx, params.n_parallel, params.warmup = 1024, 1, False
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.api_keys = [KEY]
    server = xllamacpp.Server(params)
    yield server.listening_address
    del server


@pytest.fixture
def chat(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> LanguageModel:
    monkeypatch.setenv("RETRIEVAL_LLM_KEY", KEY)
    return load_model(ModelSpec(endpoint, name="smollm", vision="off"), PassingGate())


@pytest.fixture(params=["local", "chat"])
def model(request: pytest.FixtureRequest) -> LanguageModel:
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return]


def test_a_reply_comes_in_pieces(model: LanguageModel) -> None:
    pieces: list[str] = []
    reply = model.complete(user("Say hello."), purpose="test", most_tokens=6, on_text=pieces.append)
    assert len(pieces) > 1
    assert "".join(pieces) == reply.text
    assert not reply.complete
    again = model.complete(user("Say hello."), purpose="test", most_tokens=6)
    assert again.text == reply.text


def test_a_schema_is_kept(model: LanguageModel) -> None:
    reply = model.complete(
        user("Which photos show a dog? Reply in JSON."), purpose="test", schema=SCHEMA
    )
    found = json.loads(reply.text)
    assert set(found) == {"known", "cites"}
    assert isinstance(found["known"], bool)
    assert all(isinstance(n, int) for n in found["cites"])


def test_yes_is_a_probability(model: LanguageModel) -> None:
    asked = user("Say the word yes. Answer yes or no.")
    share = model.yes(asked, purpose="test")
    assert share is not None
    assert 0 < share < 1
    assert model.yes(asked, purpose="test") == pytest.approx(share, abs=0.02)


def test_both_ways_to_the_model_agree(local: LocalModel, chat: LanguageModel) -> None:
    asked = user("What is the capital of France? Answer in one word.")
    told = [m.complete(asked, purpose="test", most_tokens=5).text for m in (local, chat)]
    assert told[0] == told[1]
    asked = user("Is Paris in France? Answer yes or no.")
    shares = [m.yes(asked, purpose="test") for m in (local, chat)]
    assert shares[0] == pytest.approx(shares[1], abs=0.05)


def test_a_prompt_that_is_too_long(model: LanguageModel) -> None:
    with pytest.raises(ModelError, match=r"token|context|long") as caught:
        model.complete(user("hello " * 20_000), purpose="test")
    assert "hello hello" not in str(caught.value)


class Stopped(Exception):
    """What a caller raises while pieces come."""


def test_a_caller_that_stops_leaves_it_sound(model: LanguageModel) -> None:
    pieces: list[str] = []

    def take(text: str) -> None:
        pieces.append(text)
        if len(pieces) == 3:
            raise Stopped

    before = threading.active_count()
    with pytest.raises(Stopped):
        model.complete(
            user("Count to one thousand."), purpose="test", most_tokens=400, on_text=take
        )
    assert len(pieces) == 3
    assert threading.active_count() == before
    assert model.complete(user("Say hello."), purpose="test", most_tokens=2).text


def test_requests_from_threads_wait_for_each_other(local: LocalModel) -> None:
    told: list[str] = []

    def ask() -> None:
        told.append(local.complete(user("Say hello."), purpose="test", most_tokens=4).text)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONGEST_S)
    assert len(told) == 3
    assert len(set(told)) == 1


def test_its_port_serves_nobody(local: LocalModel) -> None:
    """llama.cpp's engine listens whether it is wanted or not; nobody is told its key."""
    local.complete(user("Hi"), purpose="test", most_tokens=1)
    assert local._engine is not None
    address = local._engine.address
    assert address.startswith("http://127.0.0.1:")
    for path in ("/v1/models", "/props", "/slots", "/v1/chat/completions", "/completion", "/"):
        for body in (None, b'{"prompt": "hi", "messages": [], "n_predict": 1}'):
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(f"{address}{path}", data=body, timeout=LONGEST_S)
            caught.value.close()
            assert caught.value.code in (401, 404)


def test_it_takes_no_pictures(local: LocalModel) -> None:
    message = Message("user", "What is this?", (Picture("a.jpg", b"\xff\xd8\xff"),))
    assert not local.sees
    for ask in (local.complete, local.yes):
        with pytest.raises(NoVisionError, match="mmproj"):
            ask([message], purpose="test")


def test_it_judges_photos_one_by_one(local: LocalModel) -> None:
    """What it says of them is of no worth, but it says it of each, whatever was read before."""
    evidence = [
        Evidence(n, n, f"{n}.jpg", captions=(f"A {what} on a beach.",))
        for n, what in enumerate(("dog", "red car"), 1)
    ]
    judge = PointwiseJudge(local)
    found = rerank("a dog", evidence, judge, seconds=math.inf)
    assert found.complete
    assert sorted(found.after) == [1, 2]
    assert found.probabilities[1] != found.probabilities[2]
    again = rerank("a dog", evidence[::-1], judge, seconds=math.inf)
    assert again.probabilities == pytest.approx(dict(found.probabilities), abs=1e-6)


def jpeg(colour: str) -> bytes:
    file = io.BytesIO()
    paint(colour, (90, 60)).save(file, "JPEG")
    return file.getvalue()


def test_pictures_reach_a_model_that_sees(one_thread: None, tmp_path: Path) -> None:
    """Its eyes are random weights: what it says of red and blue differs, and means nothing."""
    sight = write_sight(tmp_path / "mmproj.gguf")
    model = LocalModel(ModelSpec(str(smollm()), mmproj=str(sight)), PassingGate())
    assert model.sees

    def yes(*pictures: bytes) -> float:
        shown = tuple(Picture("a.jpg", data) for data in pictures)
        share = model.yes([Message("user", "Is it red? yes or no.", shown)], purpose="test")
        assert share is not None
        return share

    red, blue = yes(jpeg("red")), yes(jpeg("blue"))
    assert abs(red - blue) > 1e-4
    assert yes(jpeg("red")) == pytest.approx(red, abs=1e-5)
    assert yes() != pytest.approx(red, abs=1e-5)
    assert yes(jpeg("red"), jpeg("blue")) != pytest.approx(red, abs=1e-5)
    with pytest.raises(ModelError, match="cannot answer"):
        yes(b"no picture at all")
    assert yes(jpeg("red")) == pytest.approx(red, abs=1e-5)


def test_eyes_of_another_model(one_thread: None, tmp_path: Path) -> None:
    sight = write_sight(tmp_path / "mmproj.gguf", width=100)
    model = LocalModel(ModelSpec(str(smollm()), mmproj=str(sight)), PassingGate())
    with pytest.raises(ModelError, match="mmproj"):
        model.complete(user("Hello"), purpose="test")


def test_it_is_quiet(one_thread: None, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What llama.cpp says of itself would stand in the middle of JSON, or of an answer."""
    sight = write_sight(tmp_path / "mmproj.gguf")
    model = LocalModel(ModelSpec(str(smollm()), mmproj=str(sight)), PassingGate())
    shown = (Picture("a.jpg", jpeg("red")),)
    model.complete([Message("user", "What?", shown)], purpose="test", most_tokens=2)
    with pytest.raises(ModelError):
        model.complete(user("hello " * 20_000), purpose="test")
    del model
    gc.collect()
    assert capfd.readouterr() == ("", "")


def test_it_ends_when_the_time_is_over(local: LocalModel) -> None:
    with within(0.2), pytest.raises(ModelError, match="in the time that it had"):
        local.complete(user("Count to one thousand. " * 100), purpose="test", most_tokens=2000)
    assert local.complete(user("Hi"), purpose="test", most_tokens=2).text


def test_a_file_that_holds_no_model(tmp_path: Path) -> None:
    smollm()
    path = write_gguf(tmp_path / "m.gguf", {"general.architecture": "llama"})
    model = LocalModel(ModelSpec(str(path)), PassingGate())
    with pytest.raises(ModelError, match="cannot load"):
        model.complete(user("Hello"), purpose="test")


# --- the process beside this one ------------------------------------------------------------


def test_what_llama_cpp_aborts_over_is_a_sentence(one_thread: None, tmp_path: Path) -> None:
    """It asserts that a constant of the normalisation is not negative."""
    data = bytearray(smollm().read_bytes())
    name = b"llama.attention.layer_norm_rms_epsilon"
    at = data.index(name) + len(name) + 4
    data[at : at + 4] = struct.pack("<f", -1.0)
    path = tmp_path / "m.gguf"
    path.write_bytes(data)
    model = LocalModel(ModelSpec(str(path)), PassingGate())
    for _ in range(2):
        with pytest.raises(ModelError, match=r"crashed while it loaded .*m\.gguf") as caught:
            model.complete(user("Hello"), purpose="test")
        assert "\n" not in str(caught.value)


def process_of(model: LocalModel) -> subprocess.Popen[bytes]:
    assert model._engine is not None
    return model._engine._process


@pytest.mark.parametrize(
    ("end", "says"), [(signal.SIGKILL, "memory ran out"), (signal.SIGABRT, "crashed while")]
)
def test_a_process_that_ends_while_it_answers(
    local: LocalModel, end: signal.Signals, says: str
) -> None:
    with pytest.raises(ModelError, match=says):
        local.complete(
            user("Count to one thousand."),
            purpose="test",
            most_tokens=400,
            on_text=lambda _: process_of(local).send_signal(end),
        )
    assert local.complete(user("Say hello."), purpose="test", most_tokens=2).text


def test_one_that_does_not_listen_is_ended(
    local: LocalModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    local.complete(user("Hi"), purpose="test", most_tokens=1)
    before = process_of(local)
    monkeypatch.setattr("retrieval.models.engine.STOP_S", 0.0)
    with within(0.2), pytest.raises(ModelError, match="in the time that it had"):
        local.complete(user("Count to one thousand. " * 100), purpose="test", most_tokens=2000)
    assert before.returncode == -signal.SIGKILL
    assert local.complete(user("Hi"), purpose="test", most_tokens=2).text
    assert process_of(local) is not before


def test_loading_goes_on_when_the_time_is_over(one_thread: None) -> None:
    model = LocalModel(ModelSpec(str(smollm())), PassingGate())
    with within(0.0), pytest.raises(ModelError, match="in the time that it had"):
        model.complete(user("Hi"), purpose="test", most_tokens=1)
    process = process_of(model)
    assert model.complete(user("Hi"), purpose="test", most_tokens=1).text
    assert process_of(model) is process
    del model
    gc.collect()
    assert process.returncode == -signal.SIGKILL


DYING = """
import os, signal, sys
import retrieval.models.local as local
from retrieval.models import Message, ModelSpec
local.available_cpus = lambda: 1
model = local.LocalModel(ModelSpec(sys.argv[1]))
def show(text):
    print(model._engine._process.pid, flush=True)
    if sys.argv[2] == "deaf":
        os.kill(model._engine._process.pid, signal.SIGSTOP)
    os.kill(os.getpid(), signal.SIGKILL)
model.complete([Message("user", "Hi")], purpose="t", on_text=show)
"""


@pytest.mark.parametrize("how", ["listening", "deaf"])
def test_it_ends_with_this_one(how: str) -> None:
    """Also where this one is killed, while a reply is on its way, or while no Python code runs."""
    if how == "deaf" and sys.platform != "linux":
        pytest.skip("the kernel ends it on Linux only")
    process = subprocess.Popen(
        [sys.executable, "-c", DYING, str(smollm()), how],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    out, _ = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    for _ in range(600):
        if not is_running(int(out)):
            break
        time.sleep(0.05)
    assert not is_running(int(out))


def is_running(pid: int) -> bool:
    """Whether a process has not ended; one that nobody has asked about yet has."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False


def test_it_outlives_the_thread_that_started_it(one_thread: None) -> None:
    model = LocalModel(ModelSpec(str(smollm())), PassingGate())

    def ask() -> None:
        model.complete(user("Hi"), purpose="test", most_tokens=1)

    thread = threading.Thread(target=ask)
    thread.start()
    thread.join()
    process = process_of(model)
    ask()
    assert process_of(model) is process


def test_names_in_the_folder_of_a_script_hide_nothing(tmp_path: Path) -> None:
    """A script may lie beside a re.py."""
    (tmp_path / "re.py").write_text("raise SystemExit('not this one')")
    (tmp_path / "script.py").write_text(
        "import sys\n"
        "from retrieval.models import Message, ModelSpec\n"
        "from retrieval.models.local import LocalModel\n"
        "model = LocalModel(ModelSpec(sys.argv[1]))\n"
        "print(len(model.complete([Message('user', 'Hi')], purpose='t', most_tokens=2).text) > 0)\n"
    )
    found = subprocess.run(
        [sys.executable, tmp_path / "script.py", str(smollm())],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (found.stdout, found.stderr) == ("True\n", "")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    model = LocalModel(ModelSpec(str(smollm())), PassingGate())
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(MissingExtraError, match=r"retrieval\[llm\]"):
        model.complete(user("Hello"), purpose="test")


TALKING = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell ignores it
import sys, time
import retrieval.models.local as local
from retrieval.models import Message, ModelSpec
local.available_cpus = lambda: 1
model = local.LocalModel(ModelSpec(sys.argv[1]))
prompt, count = sys.argv[2], int(sys.argv[3])
def show(text):
    print("piece", flush=True)
model.complete([Message("user", "Hi")], purpose="t", most_tokens=1)
try:
    print("loaded", flush=True)
    model.complete([Message("user", prompt)], purpose="t", most_tokens=count, on_text=show)
    time.sleep(300)  # on a machine so busy that it was done before the signal came
except KeyboardInterrupt:
    print("\\ninterrupted", flush=True)  # of a line that was cut off the end is missing
    print(len(model.complete([Message("user", "Hi")], purpose="t", most_tokens=2).text) > 0)
"""


@pytest.mark.parametrize(
    ("prompt", "until"),
    [("Count to one thousand.", "piece"), ("Is it so? " * 500, "loaded")],
    ids=["while writing", "while reading"],
)
def test_ctrl_c(prompt: str, until: str) -> None:
    """The process goes on at once, the model can be asked again, and nothing else is printed."""
    process = subprocess.Popen(
        [sys.executable, "-c", TALKING, str(smollm()), prompt, "2000"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    lines = [process.stdout.readline().strip()]
    while lines[-1] not in (until, ""):
        lines.append(process.stdout.readline().strip())
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LONGEST_S)
    assert err == ""
    assert out.split()[-2:] == ["interrupted", "True"]
    assert process.returncode == 0
