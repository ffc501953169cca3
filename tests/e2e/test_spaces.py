"""`retrieval migrate`, `spaces` and `saved` as their user meets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from retrieval.cli import main
from tests.pictures import picture
from tests.toy import ToyEncoder


@pytest.fixture
def photos(tmp_path: Path, toy: list[ToyEncoder]) -> Path:
    """An indexed folder; there is also a set of captioned photos."""
    for colour in ("red", "green", "blue", "yellow"):
        picture(tmp_path / f"photos/{colour}.png", colour)
        picture(tmp_path / f"set/images/{colour}.png", colour)
    rows = "\n".join(f"{c}.png,a {c} thing" for c in ("red", "green", "blue", "yellow"))
    (tmp_path / "set/captions.csv").write_text(f"image,caption\n{rows}\n")
    run("index", tmp_path / "photos", "--model", "toy")
    return tmp_path / "photos"


def run(*words: object, code: int = 0) -> Result:
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert result.exit_code == code, (result.output, result.exception)
    assert "Traceback" not in result.output
    return result


def told(*words: object) -> Any:
    return json.loads(run(*words, "--json").stdout)


def failure(*words: object, code: int = 2) -> str:
    result = run(*words, code=code)
    assert result.stdout == ""
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("retrieval: ")]
    return line


def test_there_and_back(photos: Path) -> None:
    shown = run("migrate", "--model", "turned")
    assert "4 photos embedded with turned, 4 of them now" in shown.stdout
    assert "Searches use turned now; the embeddings of toy are kept." in shown.stdout
    assert "embedding photos: 4 of 4" in shown.stderr
    assert told("search", "green")["encoder"] == "turned"
    lines = run("spaces").stdout.splitlines()
    assert lines[0].startswith("turned (3 dimensions, ")
    assert lines[0].endswith(", searched")
    assert "4 of 4 photos" in lines[1]
    assert lines[1].startswith("toy (")
    assert run("info").stdout.count("4 of 4 photos") == 2
    assert told("info")["spaces"] == told("spaces")
    assert "Searches use turned already." in run("migrate", "--model", "turned").stdout
    report = told("migrate", "--model", "toy", "--drop-old")
    assert (report["switched"], report["dropped"], report["embedded"]) == (True, True, 0)
    assert len(told("spaces")) == 1
    assert run("info").stdout.count("4 of 4 photos") == 0
    assert run("verify").stdout.startswith("All is well")
    assert told("info")["runs"][0]["command"] == "migrate"


def test_photos_that_cannot_be_read(photos: Path) -> None:
    (photos / "red.png").rename(photos.parent / "red.png")
    shown = run("migrate", "--model", "turned")
    assert f"not read: {photos / 'red.png'}: cannot be read: No such file" in shown.stderr
    assert "3 photos embedded" in shown.stdout
    assert "Searches use toy as before, as 1 photos could not be read" in shown.stdout
    assert "Searches use turned now" in run("migrate", "--model", "turned", "--force").stdout
    assert "1 photos would not be found" in failure("spaces", "drop", "toy")
    report = told("spaces", "drop", "toy", "--force")
    assert report["lost"] == [str(photos / "red.png")]


def test_comparing_before_the_switch(photos: Path, tmp_path: Path) -> None:
    queries = tmp_path / "queries.txt"
    queries.write_text("# mine\nred\n\na green thing\n", "utf-8-sig")
    command = ("migrate", "--model", "turned", "--no-switch")
    report = told(*command, "--compare", queries, "--eval", tmp_path / "set")
    assert (report["switched"], report["embedded"]) == (False, 4)
    assert [(q["query"], q["overlap"]) for q in report["queries"]] == [
        ("red", 1.0),
        ("a green thing", 1.0),
    ]
    change = report["evaluation"]["text_to_image"]["R@1"]
    assert change == {"old": 1.0, "new": 1.0, "difference": 0.0, "interval_95": [0.0, 0.0]}
    shown = run(*command, "--compare", queries, "--eval", tmp_path / "set").stdout
    assert "100% of the first hits are the same with both (2 queries)" in shown
    assert "4 of 4  a green thing" in shown
    assert "Searches use toy as before. Change to turned with: retrieval migrate" in shown
    assert told("search", "red")["encoder"] == "toy"
    run("saved", "add", "reds", "red")
    assert [q["query"] for q in told(*command, "--compare", "saved")["queries"]] == ["red"]


def test_what_is_wrong_is_said_before_anything_is_embedded(photos: Path, tmp_path: Path) -> None:
    command = ("migrate", "--model", "turned")
    (tmp_path / "empty.txt").write_text("# nothing\n")
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\xfa")
    (tmp_path / "long.txt").write_text("x" * 5000)
    assert "No model was named" in failure("migrate")
    assert "cannot be read: No such file" in failure(*command, "--compare", "nowhere.txt")
    assert "cannot be read: Is a directory" in failure(*command, "--compare", tmp_path)
    assert "it is no UTF-8 text" in failure(*command, "--compare", tmp_path / "bytes.txt")
    assert "There is no query in" in failure(*command, "--compare", tmp_path / "empty.txt")
    assert "There is no query in saved" in failure(*command, "--compare", "saved")
    assert "5,000 characters" in failure(*command, "--compare", tmp_path / "long.txt")
    assert "must hold a folder images/" in failure(*command, "--eval", photos)
    assert "Leave out --no-switch" in failure(*command, "--no-switch", "--drop-old")
    assert 'no model "nothing"' in failure("migrate", "--model", "nothing")
    assert len(told("spaces")) == 1


def test_spaces_of_nothing(toy: list[ToyEncoder]) -> None:
    assert "There is no collection" in failure("spaces", code=1)
    assert "There is no collection" in failure("migrate", "--model", "toy", code=1)


def test_saved_queries(photos: Path) -> None:
    assert "No query is kept yet" in run("saved").stderr
    run("saved", "add", "winter", "dogs", "in the snow")
    run("saved", "add", "雪", "-c", "default", "2:snow")
    assert run("saved").stdout == "winter  dogs in the snow\n雪       2:snow\n"
    assert told("saved") == [
        {"name": "winter", "query": "dogs in the snow"},
        {"name": "雪", "query": "2:snow"},
    ]
    assert "is kept already" in failure("saved", "add", "winter", "ice")
    run("saved", "add", "--replace", "winter", "ice")
    run("saved", "rm", "雪")
    assert run("saved", "-c", "default").stdout == "winter  ice\n"
    assert "No query is kept as 'wintr'; there are winter" in failure("saved", "rm", "wintr")
    assert "There is no collection" in failure("saved", "-c", "other", "rm", "winter", code=1)
