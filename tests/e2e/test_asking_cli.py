"""`retrieval ask` as its user meets it: the photos first, then an answer that cites them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from PIL import Image

from retrieval.models import chat
from tests.briefs import said
from tests.chatserver import (
    Behaviour,
    ChatServer,
    hangs_up,
    pieces,
    refuses,
    says,
    serve_chats,
    stops_after,
    streams,
)
from tests.e2e.test_cli import Run, photos, run, sentence
from tests.pictures import picture

__all__ = ["photos", "run"]  # fixtures

COUNT = "How many red photos did I take in 2019?"
WHEN = "When did I photograph the red wall?"
ANSWERED = "3 photos"  # how the answer to COUNT begins
KEYS = {
    *("question", "answer", "status", "citations", "struck", "hits", "considered", "matched"),
    *("relevant", "totals", "plan", "answerer", "seconds"),
}


@pytest.fixture
def album(run: Run, photos: Path) -> Path:
    """Three red photos of 2019, two green ones of 2021."""
    for number in range(5):
        colour, year = ("red", 2019) if number < 3 else ("green", 2021)
        name = f"IMG_{year}060{number + 1}_101500.jpg"
        picture(photos / f"dated/{name}", colour, (50 + number, 30))
    run("index", photos / "dated")
    return photos / "dated"


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses before another try are short, and what was learned of servers is forgotten."""
    monkeypatch.setattr(chat, "BACK_OFF_S", (0.01, 0.01, 0.01))
    monkeypatch.setattr(chat, "_WAYS", {})


@contextmanager
def model(*script: Behaviour) -> Iterator[tuple[ChatServer, tuple[str, ...]]]:
    """A server that answers so, and the options that name it."""
    with serve_chats(*script) as chats:
        yield chats, ("--llm", f"{chats.url}/v1", "--llm-model", "scripted")


def ask_json(run: Run, *words: object, code: int = 0) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(run("ask", *words, "--json", code=code).stdout)
    return record


class TestWithoutAModel:
    def test_photos_first_then_the_answer(self, run: Run, album: Path) -> None:
        lines = run("ask", *COUNT.split()).stdout.splitlines()
        assert lines[0].split() == ["rank", "match", "score", "path"]
        assert "IMG_2019060" in lines[1]
        blank = lines.index("")
        assert lines[blank + 1].startswith(f"About {ANSWERED}") or ANSWERED in lines[blank + 1]
        assert lines[blank + 2] == f"  [1] {re.search(r'/.*jpg', lines[1])[0]}"  # type: ignore[index]

    def test_how_far_it_can_be_trusted_is_said(self, run: Run, album: Path) -> None:
        result = run("ask", "How many photos did I take in 2021?")
        assert "grounded: 5 photos considered, 2 match; answered by extractive in" in result.stderr
        assert "[taken: 2021]" in result.stderr
        assert "2 photos" in result.stdout

    def test_as_json(self, run: Run, album: Path) -> None:
        record = ask_json(run, COUNT)
        assert set(record) == KEYS
        assert record["question"] == COUNT
        assert record["considered"] == 5
        assert ANSWERED in record["answer"]
        assert record["plan"]["intent"] == "count"
        assert {chip["kind"] for chip in record["plan"]["chips"]} == {"taken", "meaning"}
        assert all(set(cited) == {"n", "path", "claim"} for cited in record["citations"])
        assert len({cited["path"] for cited in record["citations"]}) == 3
        assert {hit["path"] for hit in record["hits"]} >= {
            cited["path"] for cited in record["citations"]
        }

    def test_it_says_when_it_does_not_know(self, run: Run, album: Path) -> None:
        record = ask_json(run, "How many photos did I take in 1999?")
        assert record["status"] == "refused"
        assert record["citations"] == []
        result = run("ask", "How many photos did I take in 1999?")
        assert "refused: 5 photos considered, 0 match" in result.stderr

    def test_chinese(self, run: Run, album: Path) -> None:
        record = ask_json(run, "我2021年拍了多少张照片？")
        assert record["plan"]["language"] == "zh"
        assert "2" in record["answer"]
        assert re.search(r"[一-鿿]", record["answer"])

    def test_a_page(self, run: Run, album: Path, tmp_path: Path) -> None:
        result = run("ask", COUNT, "--html", tmp_path / "a.html")
        assert f"wrote {tmp_path / 'a.html'}" in result.stderr
        text = (tmp_path / "a.html").read_text("utf-8")
        page = Page()
        page.feed(text)
        assert {"photo-1", "photo-3"} <= page.ids
        assert {link[1:] for link in page.links if link.startswith("#")} <= page.ids
        assert page.images >= 6  # cited, and found
        run("ask", "Where are the <b>red</b> walls?", "--html", tmp_path / "b.html")
        assert "<b>" not in (tmp_path / "b.html").read_text("utf-8")
        refused = run("ask", COUNT, "--html", tmp_path / "no/a.html", code=1)
        assert "cannot be written" in refused.stderr

    def test_no_collection_and_an_empty_one(self, run: Run, tmp_path: Path) -> None:
        assert "retrieval index FOLDER" in sentence(run("ask", COUNT, code=1))
        (tmp_path / "texts.csv").write_text("text\na dog\n")
        run("index", tmp_path / "texts.csv", "--text-column", "text")
        assert "holds no photos yet" in sentence(run("ask", COUNT, code=1))

    @pytest.mark.parametrize("question", ["?", "   ", "\x00\x1b"])
    def test_nothing_is_asked(self, run: Run, album: Path, question: str) -> None:
        result = run("ask", question, code=2)
        assert result.stdout == ""
        (line,) = result.stderr.splitlines()
        assert line.startswith("retrieval: The question is empty. Ask for something")

    def test_a_question_of_20_000_characters(self, run: Run, album: Path) -> None:
        result = run("ask", "red " * 5_000)
        assert "note: The question has 20,000 characters, of which the first 1,999" in result.stderr
        assert "IMG_2019060" in result.stdout
        assert max(map(len, result.stderr.splitlines())) < 300

    def test_hostile_questions(self, run: Run, album: Path) -> None:
        for question in (
            "red'; DROP TABLE photos; --",
            '"NEAR(" OR *',
            "red \ud800 NaN",
            "🟥" * 50,
        ):
            result = run("ask", question)
            assert "photos considered" in result.stderr

    def test_long_lists_of_citations_are_shortened_for_people_only(
        self, run: Run, photos: Path
    ) -> None:
        for number in range(40):
            camera = Image.Exif()
            camera[0x0110] = "X100V" if number % 2 else "EOS 80D"
            name = f"many/IMG_202001{number % 28 + 1:02}_10{number:02}00.jpg"
            picture(photos / name, "blue", (60 + number, 30), exif=camera)
        run("index", photos / "many")
        question = "Which camera did I use most in 2020?"
        full = ask_json(run, question)
        assert max(len(runs.split(",")) for runs in citations(full["answer"])) > 10
        shown = run("ask", question).stdout
        answer = next(line for line in shown.splitlines() if "X100V" in line and "…" in line)
        assert all(len(runs.split(",")) <= 7 for runs in citations(answer))
        listed = {int(number) for number in re.findall(r"^  \[(\d+)\]", shown, re.M)}
        assert len(listed) == 10
        assert {number % 2 for number in listed} == {0, 1}  # some of either camera


def citations(text: str) -> list[str]:
    """The insides of all citations in a text."""
    return re.findall(r"\[([^\]]+)\]", text)


class Page(HTMLParser):
    """What a page links to and has."""

    def __init__(self) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.images = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids.add(values.get("id") or "")
        self.links.add(values.get("href") or "")
        self.images += tag == "img"


# --- with a model ---------------------------------------------------------------------------

GOOD = said(("3 photos of red were taken in 2019.", [1, 2, 3]))


class TestWithAModel:
    def test_it_answers(self, run: Run, album: Path) -> None:
        with model(streams(*pieces(GOOD))) as (chats, options):
            record = ask_json(run, COUNT, *options)
            assert record["answerer"] == "scripted"
            assert record["answer"] == "3 photos of red were taken in 2019 [1-3]."
            assert [cited["n"] for cited in record["citations"]] == [1, 2, 3]
            shown = run("ask", COUNT, *options)
        assert "3 photos of red were taken in 2019 [1-3]." in shown.stdout
        assert "answered by scripted" in shown.stderr
        assert len(chats.bodies) == 2

    def test_what_the_photos_do_not_say_is_struck(self, run: Run, album: Path) -> None:
        reply = said(("It was taken on 2017-01-01 in Atlantis.", [1]))
        with model(streams(*pieces(reply))) as (_, options):
            record = ask_json(run, WHEN, *options)
            shown = run("ask", WHEN, *options)
        assert "2017" not in record["answer"]
        assert record["struck"][0]["claim"].startswith("It was taken on 2017-01-01")
        assert record["status"] != "grounded"
        assert "struck: It was taken on 2017-01-01" in shown.stderr

    @pytest.mark.parametrize(
        ("behaviour", "said_of_it"),
        [
            (refuses("Incorrect API key provided", 401), "key"),
            (refuses("slow down", 429), "429|too many|busy"),
            (refuses("broken", 500), "500|fail"),
            (stops_after('{"known": true, "answer": [{"claim": "3 pho'), "half|stop|end|broke"),
            (hangs_up, "hung up|connection|answer|end"),
            (says(b"<html>no JSON</html>"), "JSON|understood|answer"),
            (streams('{"known": maybe, "answer": ['), "JSON|understood|answer|used"),
        ],
        ids=["key", "429", "500", "half", "hangs-up", "no-json", "bad-json"],
    )
    def test_one_that_fails(
        self, run: Run, album: Path, behaviour: Behaviour, said_of_it: str
    ) -> None:
        with model(behaviour) as (_, options):
            result = run("ask", COUNT, *options)
        assert_answered_without(result, said_of_it)

    def test_no_server(self, run: Run, album: Path) -> None:
        options = ("--llm", "http://127.0.0.1:9/v1", "--llm-model", "x")
        assert_answered_without(run("ask", COUNT, *options), "127.0.0.1:9")
        record = ask_json(run, COUNT, *options)
        assert record["answerer"] == "extractive"

    def test_pictures_for_a_model_that_takes_none(self, run: Run, album: Path) -> None:
        def behave(handler: Any) -> None:
            asked = json.dumps(handler.body)
            if "image_url" in asked:
                return refuses("image input is not supported", 400)(handler)
            return streams(*pieces(GOOD))(handler)

        with model(behave) as (_, options):
            result = run("ask", COUNT, *options, "--vision", "on")
        assert "IMG_2019060" in result.stdout
        assert result.stderr.count("note: ") == 1
        assert "picture" in result.stderr
        assert "Traceback" not in result.output

    def test_an_answer_in_another_language(self, run: Run, album: Path) -> None:
        chinese = said(("2019年拍了3张红色照片。", [1, 2, 3]))
        with model(streams(*pieces(chinese))) as (chats, options):
            result = run("ask", COUNT, *options)
        assert len(chats.bodies) == 2  # asked once more for the language
        assert "IMG_2019060" in result.stdout
        assert re.search("note: .*(language|English)", result.stderr)

    def test_nothing_is_sent_offline_or_unasked(self, run: Run, album: Path) -> None:
        remote = ("--llm", "https://llm.example.com/v1", "--llm-model", "x")
        offline = run("ask", COUNT, *remote, "--offline")
        assert_answered_without(offline, "offline")
        unasked = run("ask", COUNT, *remote)
        assert "IMG_2019060" in unasked.stdout
        assert "--consent" in unasked.stderr
        assert ANSWERED in unasked.stdout

    def test_a_wrong_setting_is_wrong_usage(self, run: Run, album: Path) -> None:
        assert "nonsense" in sentence(run("ask", COUNT, "--redact", "nonsense", code=2))
        assert "nowhere.gguf" in sentence(run("ask", COUNT, "--llm", "nowhere.gguf", code=2))

    def test_the_key_is_sent_and_never_shown(
        self, run: Run, album: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("RETRIEVAL_LLM_KEY", "sk-very-secret-0123456789")
        with model(refuses("no key sk-very-secret-0123456789", 401)) as (chats, options):
            result = run("ask", COUNT, *options)
        assert "sk-very-secret" in chats.asked[0].headers["authorization"]
        assert "very-secret" not in result.output


def assert_answered_without(result: Result, reason: str) -> None:
    """The photos and an answer are there, and one sentence says why it is not the model's."""
    assert "IMG_2019060" in result.stdout
    assert ANSWERED in result.stdout
    (note,) = [line for line in result.stderr.splitlines() if line.startswith("note: ")]
    assert re.search(reason, note, re.I), note
    assert note.endswith("Answered without it.")
    assert "answered by extractive" in result.stderr
    assert "Traceback" not in result.output
