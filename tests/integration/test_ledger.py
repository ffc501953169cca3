"""The ledger where processes die or write at once, and `retrieval ledger`."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from retrieval.cli import consent, main
from retrieval.cli.output import human_bytes
from retrieval.models import Message, ModelSpec, Picture, load_model
from retrieval.privacy import open_gate
from retrieval.privacy.consents import Consents
from retrieval.privacy.ledger import Ledger, entries
from retrieval.records import SentPhoto
from tests.conftest import LONGEST_S, ROOT

FAR = "https://api.example.com"

KILLED = """
import os, signal
from retrieval.privacy import open_gate
gate = open_gate(on_consent=lambda text: True)
with gate.sending("https://api.example.com/v1", model="m", purpose="answer", size=5):
    os.kill(os.getpid(), signal.SIGKILL)
"""
MANY = """
import sys
from retrieval.privacy import open_gate
from retrieval.records import SentPhoto
gate = open_gate(on_consent=lambda text: True)
for number in range(int(sys.argv[2])):
    name = f"{sys.argv[1]}/{number}/{'x' * 300}"
    photos = [SentPhoto(f"{name}/{i}.jpg", i, "ab" * 32) for i in range(20)]
    with gate.sending(f"https://host-{sys.argv[1]}.example", model="", purpose="p", size=number,
                      photos=photos):
        pass
"""


def start(code: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code, *arguments], cwd=ROOT)


def ledger(*arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(main, ["ledger", *arguments])
    assert result.exit_code == code, (result.output, result.exception)
    return result


def test_a_process_that_dies_while_it_sends_has_told_so() -> None:
    assert start(KILLED).wait(LONGEST_S) == -signal.SIGKILL
    assert [(entry.bytes, entry.outcome) for entry in entries()] == [(5, "sending")]
    assert "sending" in ledger().stdout


def test_four_processes_at_once() -> None:
    processes = [start(MANY, str(number), "25") for number in range(4)]
    assert [process.wait(LONGEST_S) for process in processes] == [0] * 4
    reading = Ledger().read()
    assert reading.damaged == 0
    assert len(reading.entries) == 100
    assert {entry.outcome for entry in reading.entries} == {"answered"}
    for number in range(4):
        mine = [e for e in reading.entries if e.endpoint == f"https://host-{number}.example"]
        assert [entry.bytes for entry in mine] == list(range(25))
        assert all(len(entry.photos) == 20 for entry in mine)
    assert len(Consents().all()) == 4  # none was lost to another


def test_several_threads_ask_once() -> None:
    asked: list[str] = []
    gate = open_gate(on_consent=lambda text: not asked.append(text))  # type: ignore[func-returns-value]

    def send() -> None:
        for _ in range(10):
            with gate.sending(FAR, model="", purpose="p", size=1):
                pass

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(asked) == 1
    assert [entry.outcome for entry in entries()] == ["answered"] * 40


def test_consents_at_once_are_all_kept() -> None:
    def agree(number: int) -> None:
        for each in range(15):
            Consents().agree(f"https://host-{number}-{each}.example", ())

    threads = [threading.Thread(target=agree, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Consents().all()) == 60


# --- against what was counted on the wire -------------------------------------------------------


@dataclass
class Wire:
    """A proxy that answers by itself, and keeps every byte that it gets: heads and bodies."""

    url: str = ""
    heads: list[bytes] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)

    def serve(self, listening: socket.socket) -> None:
        for answer in self.answers:
            connection, _ = listening.accept()
            with connection, connection.makefile("rb") as came:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    head += came.read(1)
                length = re.search(rb"(?i)content-length: (\d+)", head)
                self.bodies.append(came.read(int(length[1]) if length else 0))
                self.heads.append(head)
                connection.sendall(answer)
                connection.shutdown(socket.SHUT_WR)
                assert came.read() == b""  # and nothing after it


@contextmanager
def wire(*answers: bytes) -> Iterator[Wire]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        found = Wire(f"http://127.0.0.1:{listening.getsockname()[1]}", answers=list(answers))
        thread = threading.Thread(target=found.serve, args=(listening,), daemon=True)
        thread.start()
        yield found
        thread.join(20)
        assert not thread.is_alive()


def answered(body: bytes, status: str = "200 OK") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    return head.encode() + body


LISTED = answered(b'{"data": [{"id": "gpt"}]}')
SAID = answered(
    b'data: {"choices": [{"delta": {"content": "A dog"}, "finish_reason": "stop"}]}\n\n'
)


def test_it_agrees_with_the_wire_to_the_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each attempt is a request of its own; beside bodies only a few named lines leave."""
    monkeypatch.setenv("RETRIEVAL_LLM_KEY", "sk-abcdefghijklmnop")
    monkeypatch.setattr("retrieval.models.chat.BACK_OFF_S", (0.01, 0.01))
    jpegs = [os.urandom(30_000), os.urandom(1)]
    shown = tuple(Picture(f"狗/{n}.jpg", jpeg) for n, jpeg in enumerate(jpegs))
    chats = ((Message("user", "狗" * 5_000, shown),), (Message("user", "Why?"),))
    with wire(LISTED, answered(b"", "500 No"), SAID, SAID) as counted:
        monkeypatch.setenv("http_proxy", counted.url)
        monkeypatch.setenv("no_proxy", "")
        model = load_model(
            ModelSpec("http://llm.example.com"), open_gate(on_consent=lambda text: True)
        )
        for chat in chats:
            assert model.complete(chat, purpose="answer").text == "A dog"
    found = entries()
    assert [entry.bytes for entry in found] == [len(body) for body in counted.bodies]
    assert [entry.outcome.split(":")[0] for entry in found] == [
        *("answered", "failed", "answered", "answered")
    ]
    assert sum(entry.bytes for entry in found) == sum(map(len, counted.bodies)) > 80_000
    for entry, body in zip(found, counted.bodies, strict=True):
        urls = re.findall(rb"data:image/jpeg;base64,([^\"]+)", body)
        sent = [(len(data), sha256(data).hexdigest()) for data in map(b64decode, urls)]
        assert [(photo.bytes, photo.sha256) for photo in entry.photos] == sent
    for head in counted.heads:
        first, *lines = head.decode("ascii").strip().split("\r\n")
        names = {line.partition(":")[0].lower() for line in lines}
        assert first.split()[1].startswith("http://llm.example.com/v1/")
        assert names <= HEADERS
        assert len(head) < 400
    total = human_bytes(sum(map(len, counted.bodies)))
    assert ledger().stderr == f"4 requests, {total}, 4 pictures of 2 photos, to 1 endpoint.\n"


HEADERS = {
    *("host", "user-agent", "accept", "accept-encoding", "authorization"),
    *("content-type", "content-length"),
}


# --- the command ------------------------------------------------------------------------------


def test_nothing_has_left() -> None:
    shown = ledger()
    assert (shown.stdout, shown.stderr) == ("", "Nothing has left this machine.\n")
    assert json.loads(ledger("--json").stdout) == []
    assert "no endpoint" in ledger("--endpoints").stderr
    assert json.loads(ledger("--endpoints", "--json").stdout) == []


@pytest.fixture
def sent() -> None:
    gate = open_gate(redact=("gps",), on_consent=lambda text: True)
    photos = [SentPhoto("a/\x1b[31mred.jpg", 2048, "ab" * 32), SentPhoto("b.jpg", 10, "")]
    with gate.sending(f"{FAR}/v1", model="gpt", purpose="answer", size=5000, photos=photos):
        pass
    with gate.sending("http://10.0.0.5:8000", model="", purpose="caption", size=100):
        pass


@pytest.mark.usefixtures("sent")
def test_what_has_left() -> None:
    shown = ledger()
    first, second = shown.stdout.splitlines()
    for part in (FAR, "4.9 KiB", "2 pictures", "answer gpt: answered, without gps"):
        assert part in first
    assert "caption: answered" in second
    assert shown.stderr == "2 requests, 5.0 KiB, 2 pictures of 2 photos, to 2 endpoints.\n"
    photos = ledger("--photos", "--endpoint", f"{FAR}/v1").stdout.splitlines()
    assert photos[1].strip() == r"a/\x1b[31mred.jpg  2.0 KiB  abababababab"
    assert len(photos) == 3
    assert ledger("--since", "2999-01-01").stderr == (
        "Nothing of that kind has left this machine.\n"
    )
    assert len(ledger("--since", "2020-01-01").stdout.splitlines()) == 2


@pytest.mark.usefixtures("sent")
def test_as_json() -> None:
    first, _ = json.loads(ledger("--json").stdout)
    assert first["endpoint"] == FAR
    assert first["photos"][0] == {
        "path": "a/\x1b[31mred.jpg",
        "bytes": 2048,
        "sha256": "ab" * 32,
    }
    assert (first["bytes"], first["redacted"], first["outcome"]) == (5000, ["gps"], "answered")


@pytest.mark.usefixtures("sent")
def test_endpoints_and_taking_one_back() -> None:
    assert len(ledger("--endpoints").stdout.splitlines()) == 2
    assert "gets nothing any more" in ledger("--revoke", f"{FAR}:443/v1").stderr
    (left,) = json.loads(ledger("--endpoints", "--json").stdout)
    assert (left["endpoint"], left["redacted"]) == ("http://10.0.0.5:8000", ["gps"])
    assert "had not agreed" in ledger("--revoke", FAR).stderr
    assert len(ledger().stdout.splitlines()) == 2  # what left stays told


@pytest.mark.parametrize("flag", ["--revoke", "--endpoint"])
def test_an_address_that_is_none(flag: str) -> None:
    shown = ledger(flag, "http://user:secret@evil.com", code=1)
    assert "secret" not in shown.output
    assert shown.stderr.startswith("retrieval: ")
    assert shown.stderr.count("\n") == 1


@pytest.mark.usefixtures("sent")
def test_a_damaged_ledger_is_told() -> None:
    with Ledger().path.open("ab") as file:
        file.write(b"{half")
    assert "note: damaged, and left out: 1 line of the ledger." in ledger().stderr


def test_a_ledger_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "ledger").mkdir()
    os.mkfifo(tmp_path / "ledger/ledger.jsonl")
    assert "cannot be used" in ledger(code=1).stderr


def test_consent_without_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert consent.consent_prompt("what\nwhere \x1b[2J") is False
    assert consent.consent_given("what") is True
    assert capsys.readouterr().err == "what\nwhere \\x1b[2J\nwhat\n"


@pytest.mark.parametrize(("answer", "agreed"), [("y\n", True), ("n\n", False), ("\n", False)])
def test_consent_in_a_terminal(answer: str, agreed: bool) -> None:
    import pty

    code = "from retrieval.cli.consent import consent_prompt\nprint(consent_prompt('what?'))"
    here, there = pty.openpty()
    for seen, expected in ((there, agreed), (subprocess.DEVNULL, False)):
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=ROOT, stdin=there, stderr=seen, stdout=subprocess.PIPE
        )
        os.write(here, answer.encode())
        out, _ = process.communicate(timeout=LONGEST_S)
        assert out.decode().strip() == str(expected)  # who cannot read it agrees to nothing
    os.close(there)
    os.close(here)
