"""`retrieval chat` as its user meets it: from a pipe, on a terminal, and when it is interrupted."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from retrieval.cli import main
from retrieval.storage.layout import storage_errors, write_lock
from tests.chatserver import Handler, event, serve_chats
from tests.conftest import LONGEST_S, ROOT
from tests.e2e.test_asking_cli import KEYS, album, soon
from tests.e2e.test_cli import Run, photos, run, sentence
from tests.e2e.test_streams import CODE

__all__ = ["album", "photos", "run", "soon"]  # fixtures

Chat = Callable[..., Result]
COUNT_2019 = "How many photos did I take in 2019?"


@pytest.fixture
def chat(run: Run, album: Path) -> Chat:
    """Run the command with these lines in its pipe."""

    def call(lines: list[str], *arguments: str, code: int = 0) -> Result:
        text = "".join(f"{line}\n" for line in lines)
        result = CliRunner().invoke(main, ["chat", *arguments], input=text)
        assert result.exit_code == code, result.output
        assert "Traceback" not in result.output
        return result

    return call


def kept(run: Run) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run("chat", "--list", "--json").stdout)
    return rows


# --- from a pipe ----------------------------------------------------------------------------


def test_questions_and_follow_ups(chat: Chat) -> None:
    result = chat([COUNT_2019, "", "and in 2021?", "the second one: when was it taken?", "/quit"])
    assert "3 photos were taken in 2019 [1-3]." in result.stdout
    assert "2 photos were taken in 2021 [1, 2]." in result.stdout
    assert "2021-06-04" in result.stdout.split("2 photos were taken in 2021")[1]
    assert "? " not in result.stdout  # no prompt in a pipe
    assert result.stdout.count("rank  match") == 3


def test_as_json_one_line_an_answer(chat: Chat) -> None:
    result = chat([COUNT_2019, "and in 2021?"], "--json")
    first, second = map(json.loads, result.stdout.splitlines())
    assert set(first) == KEYS
    assert (first["question"], second["question"]) == (COUNT_2019, "and in 2021?")
    assert second["matched"] == 2


def test_the_commands_inside(chat: Chat) -> None:
    lines = ["/photos", COUNT_2019, "/photos", "/more", "/why", "/help", "/nonsense", "/forget"]
    result = chat([*lines, "/why", "/new", "/quit", "never asked"], "-k", "2")
    assert result.stderr.count("Nothing was asked yet. Ask something first.") == 2
    assert "[1] /" in result.stdout
    assert "(2019-06-03" in result.stdout
    assert "intent: count" in result.stdout
    assert "searched: in 2019" in result.stdout
    assert "/photos" in result.stderr  # the help
    assert "retrieval: There is no command /nonsense. /help lists them." in result.stderr
    assert "Forgot 1 turn." in result.stderr
    assert "never asked" not in result.output
    assert "   3   100%" in result.stdout  # what /more shows


def test_photos_like_one_of_the_answer(chat: Chat) -> None:
    lines = ["/similar 1", COUNT_2019, "/similar 2", "more like the second one", "/similar 9"]
    result = chat(lines)
    assert "Nothing was asked yet." in result.stderr
    assert "The last answer has no photo 9. /photos lists them." in result.stderr
    liked = [line for line in result.stderr.splitlines() if line.startswith("Like [2] /")]
    assert len(liked) == 2
    assert result.stdout.count("rank  match") == 3


def test_what_people_say_instead_of_commands(chat: Chat) -> None:
    result = chat(["Hi!", COUNT_2019, "why?", "Bye.", "never asked"])
    assert "/photos" in result.stderr  # the help
    assert "intent: count" in result.stdout
    assert "never asked" not in result.output


def test_questions_that_fail_do_not_end_it(chat: Chat) -> None:
    result = chat(["?", "taken:2021-13-45", "red " * 5_000, COUNT_2019])
    assert "retrieval: The question is empty." in result.stderr
    assert "The question has 19,999 characters" in result.stderr
    assert "3 photos were taken in 2019" in result.stdout


# --- what is kept ---------------------------------------------------------------------------


def test_conversations_are_kept(run: Run, chat: Chat) -> None:
    assert "Begin one with: retrieval chat" in run("chat", "--continue", code=2).stderr
    assert run("chat", "--list").stderr == "No conversation is kept.\n"
    chat([COUNT_2019], "--name", "trip of notes")
    assert "2 photos were taken in 2021" in chat(["and in 2021?"], "--continue").stdout
    assert [(row["name"], row["turns"]) for row in kept(run)] == [("trip of notes", 2)]
    chat([COUNT_2019], "--name", "another")
    listed = run("chat", "--list").stdout.splitlines()
    assert [line.split("turns  ")[1] for line in listed] == ["another", "trip of notes"]
    assert run("chat", "--forget-all").stderr == "Forgot 3 turns.\n"
    assert kept(run) == []


def test_new_and_forget(run: Run, chat: Chat) -> None:
    chat([COUNT_2019, "/new", "and in 2021?", "/forget", "/quit"], "--name", "one")
    assert [(row["name"], row["turns"]) for row in kept(run)] == [("one", 1)]


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 101])
def test_names_that_are_none(chat: Chat, name: str) -> None:
    result = chat([COUNT_2019], "--name", name, code=2)
    assert "cannot name a conversation" in result.stderr
    assert result.stdout == ""


def test_two_ways_at_once(run: Run, chat: Chat) -> None:
    assert "Choose one of" in sentence(run("chat", "--name", "a", "--continue", code=2))


def test_while_another_process_indexes(
    run: Run, chat: Chat, collection_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.collection.LOCK_TIMEOUT_S", 0.05)
    with write_lock(collection_path, 1):
        result = chat([COUNT_2019, "and in 2021?"])
    assert "2 photos were taken in 2021" in result.stdout  # it is remembered all the same
    assert result.stderr.count("This conversation is not kept") == 1
    assert "is writing to" in result.stderr
    assert kept(run) == []


@pytest.fixture
def collection_path(tmp_path: Path) -> Path:
    """Where the default collection is."""
    return tmp_path / "home/default"


def test_a_collection_that_cannot_be_written(
    run: Run, chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextlib.contextmanager
    def read_only(path: Path, timeout: float) -> Iterator[None]:
        with storage_errors(path):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        yield

    monkeypatch.setattr("retrieval.collection.write_lock", read_only)
    result = chat([COUNT_2019, "and in 2021?", "/forget"])
    assert "2 photos were taken in 2021" in result.stdout
    assert result.stderr.count("This conversation is not kept") == 1
    assert result.stderr.count("Read-only file system") >= 1


# --- on a terminal --------------------------------------------------------------------------


def _take_terminal() -> None:
    """So that Ctrl-C reaches a new process, also where a shell in the background ignores it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """The command in a terminal of its own; what it shows, and keys to press."""

    def __init__(self, *words: str) -> None:
        ours, theirs = os.openpty()
        self.fd = ours
        self.shown = ""
        self.process = subprocess.Popen(
            [sys.executable, "-c", CODE, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            preexec_fn=_take_terminal,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"},
        )
        os.close(theirs)

    def wait_for(self, text: str, timeout_s: float = LONGEST_S) -> str:
        """What is shown up to this text, from where was read before."""
        until = time.monotonic() + timeout_s
        while text not in self.shown:
            assert time.monotonic() < until, f"no {text!r} in {self.shown!r}"
            if select.select([self.fd], [], [], 0.05)[0]:
                self.shown += self._read()
        before, _, self.shown = self.shown.partition(text)
        return before

    def press(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def leave(self, key: str) -> tuple[int, str]:
        """Press a key until it has ended: what is pressed in the moment in which readline begins
        to wait, it hears with the next one."""
        until = time.monotonic() + LONGEST_S
        while self.process.poll() is None and time.monotonic() < until:
            with suppress(OSError):  # it has just ended
                self.press(key)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(2)
        return self.end()

    def end(self) -> tuple[int, str]:
        """Its exit code, when it has ended by itself, and the rest of what it shows."""
        until = time.monotonic() + LONGEST_S
        while self.process.poll() is None and time.monotonic() < until:
            if select.select([self.fd], [], [], 0.05)[0]:
                self.shown += self._read()
        code = self.process.wait(LONGEST_S)
        while select.select([self.fd], [], [], 0)[0] and (more := self._read()):
            self.shown += more
        return code, self.shown

    def _read(self) -> str:
        try:
            return os.read(self.fd, 65536).decode("utf-8", "replace")
        except OSError:  # the other side is closed
            return ""

    def close(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(LONGEST_S)
        os.close(self.fd)


@contextlib.contextmanager
def terminal(*words: str) -> Iterator[Terminal]:
    opened = Terminal(*words)
    try:
        yield opened
    finally:
        opened.close()


PROMPT = "\r\n? "
CTRL_C, CTRL_D = "\x03", "\x04"


def speaks_slowly(handler: Handler) -> None:
    """Begin an answer, and go on with it for minutes."""
    handler.begin()
    handler.send(event('{"known": true, "answer": [{"claim": "In 2019 there are '))
    try:
        for number in range(10_000):
            handler.send(event(f"so many {number} "))
            time.sleep(0.05)
    except OSError:
        handler.chats.hung_up.set()
        raise


def test_ctrl_c_during_an_answer_returns_to_the_prompt(run: Run, album: Path) -> None:
    with (
        serve_chats(speaks_slowly) as chats,
        terminal(
            "chat", "--name", "slow", "--llm", f"{chats.url}/v1", "--llm-model", "slow"
        ) as shown,
    ):
        greeting = shown.wait_for(PROMPT)
        assert "Ask about your photos. /help says what else there is." in greeting
        shown.press(f"{COUNT_2019}\n")
        first = shown.wait_for("so many 3")  # streams, and the photos stand before it
        assert first.index("IMG_2019060") < first.index("In 2019 there are")
        shown.press(CTRL_C)
        assert "Stopped. Ask again, or leave with /quit." in shown.wait_for(PROMPT)
        assert chats.hung_up.wait(LONGEST_S)  # the server is not left talking
        shown.press("/photos\n")
        assert "Nothing was asked yet." in shown.wait_for(PROMPT)
        shown.press("How many photos did I take in 1999?\n")  # no model is asked for that
        assert "0 photos" in shown.wait_for("refused")
        shown.wait_for(PROMPT)
        code, rest = shown.leave(CTRL_D)
    assert code == 0
    assert "Traceback" not in rest
    assert [(row["name"], row["turns"]) for row in kept(run)] == [("slow", 1)]
    assert run("verify").exit_code == 0


@pytest.mark.parametrize("keys", [CTRL_C, CTRL_D, "/quit\n", f"half a que{CTRL_C}"])
def test_leaving_at_the_prompt(run: Run, album: Path, keys: str) -> None:
    with terminal("chat") as shown:
        shown.wait_for(PROMPT)
        *typed, last = keys if keys.endswith(CTRL_C) else (keys,)
        if typed:
            shown.press("".join(typed))
            shown.wait_for("".join(typed))
        code, rest = shown.leave(last)
    assert code == 0
    assert "Traceback" not in rest
    assert kept(run) == []


def test_ctrl_c_during_ask_is_one_sentence(run: Run, album: Path) -> None:
    with (
        serve_chats(speaks_slowly) as chats,
        terminal("ask", COUNT_2019, "--llm", f"{chats.url}/v1", "--llm-model", "slow") as shown,
    ):
        shown.wait_for("so many 3")
        shown.press(CTRL_C)
        code, rest = shown.end()
    assert code == 130
    assert "retrieval: Interrupted." in rest
    assert "Traceback" not in rest


def test_consent_is_asked_for_on_a_terminal(run: Run, album: Path) -> None:
    remote = ("--llm", "https://llm.invalid/v1", "--llm-model", "x")
    with terminal("ask", COUNT_2019, *remote) as shown:
        before = shown.wait_for("Do you agree? [y/N]: ")
        assert "llm.invalid" in before
        assert "IMG_2019060" in before  # the photos are there already
        shown.press("n\n")
        code, rest = shown.end()
    assert code == 0
    assert "Answered without it." in rest
    assert "3 photos were taken in 2019" in rest
