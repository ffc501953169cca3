"""`describe`, `caption`, `story` and `eval --captions` as their user meets them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from retrieval.metadata.xmp import read_xmp
from tests.chatserver import serve_chats, streams
from tests.e2e.test_cli import Run, indexed, photos, run, sentence
from tests.pictures import picture

__all__ = ["indexed", "photos", "run"]  # fixtures


def test_describing_for_people_and_as_json(run: Run, indexed: Path) -> None:
    result = run("describe", indexed / "red.jpg")
    assert "A text about it reads: “all red” (captions.csv)  [document]" in result.stdout
    assert "Mostly red.  [pixels]" in result.stdout
    (record,) = json.loads(run("describe", indexed / "red.jpg", "--json").stdout)
    assert record["path"] == str(indexed / "red.jpg")
    assert (record["made_by"], record["indexed"], record["language"]) == ("tags", True, "en")
    assert set(record["statements"][0]) == {"text", "origin", "sure", "path"}
    assert record["text"].startswith("A text about it reads")
    chinese = run("describe", indexed / "red.jpg", "--language", "zh").stdout
    assert "主要颜色：红色。  [pixels]" in chinese


def test_several_of_which_one_is_no_picture(run: Run, indexed: Path) -> None:
    result = run("describe", indexed / "red.jpg", indexed / "broken.jpg", indexed / "blue.jpg")
    assert result.stdout.count("[pixels]") == 2
    assert os.path.relpath(indexed / "blue.jpg") in result.stdout
    assert "broken.jpg cannot be shown" in result.stderr
    assert "cannot be shown" in sentence(run("describe", indexed / "broken.jpg", code=1))


def test_describing_without_a_collection(run: Run, photos: Path) -> None:
    result = run("describe", photos / "red.jpg")
    assert result.stdout == "Mostly red.  [pixels]\n"
    assert "What it shows is not told" in result.stderr


@pytest.fixture
def dated(photos: Path, run: Run) -> Path:
    """Two more photos, of which at least the date is known."""
    for day, colour in ((1, "yellow"), (2, "white")):
        picture(photos / f"IMG_2019040{day}_120000.jpg", colour, (40, 30))
    run("index", photos)
    return photos


def test_sidecars(run: Run, dated: Path) -> None:
    (dated / "IMG_20190401_120000.jpg.xmp").write_bytes(
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description'
        b' xmlns:dc="http://purl.org/dc/elements/1.1/" dc:description="mine"/></rdf:RDF>'
    )
    dry = run("caption", dated, "--write-xmp", "--dry-run")
    assert str(dated / "IMG_20190402_120000.jpg") in dry.stdout
    assert not (dated / "IMG_20190402_120000.jpg.xmp").exists()
    result = run("caption", dated, "--write-xmp")
    assert result.stdout.startswith("1 photos captioned (by tags), 0 had a caption already, 1 keep")
    assert "captions are guesses of tags" in result.stderr
    assert "skipped " + str(dated / "broken.jpg") in result.stderr
    assert "dc:description" in (
        read_xmp((dated / "IMG_20190402_120000.jpg.xmp").read_bytes()) or {}
    )
    assert "1 had a caption already" in run("caption", dated, "--write-xmp").stdout


def test_a_table_is_indexed_and_scored(run: Run, dated: Path, tmp_path: Path) -> None:
    table = tmp_path / "captions.csv"
    report = json.loads(run("caption", dated, "--csv", table, "--json").stdout)
    assert (len(report["captioned"]), report["path"]) == (2, str(table))
    run("index", table, "--text-column", "caption", "--image-column", "image")
    (record,) = json.loads(run("describe", dated / "IMG_20190401_120000.jpg", "--json").stdout)
    told = {s["origin"]: s["path"] for s in record["statements"]}
    assert told["model"] == str(table)  # nobody wrote it
    assert "document" not in told
    (tmp_path / "folder/images").mkdir(parents=True)
    (tmp_path / "folder/captions.csv").write_text(
        "image,caption\nIMG_20190401_120000.jpg,a yellow wall\n"
    )
    scores = json.loads(run("eval", tmp_path / "folder", "--captions", table, "--json").stdout)
    assert scores["scores"]["captions"] == 1
    assert scores["missing"] == 0
    shown = run("eval", tmp_path / "folder", "--captions", table)
    assert shown.stdout.splitlines()[0] == "1 captions, 0 photos without one"
    assert "has no captions of it" in shown.stderr


@pytest.mark.parametrize("options", [(), ("--write-xmp", "--csv", "a.csv")])
def test_where_captions_go_must_be_said(run: Run, photos: Path, options: tuple[str, ...]) -> None:
    assert "--write-xmp, or --csv" in sentence(run("caption", photos, *options, code=2))


def test_a_model_that_sees_over_a_real_server(run: Run, photos: Path, tmp_path: Path) -> None:
    (photos / "broken.jpg").unlink()
    (photos / "deep/rouge.jpg").unlink()
    replies = [streams(f"Caption: Wall number {n}.") for n in range(3)]
    with serve_chats(*replies) as chats:
        asked = ("--llm", chats.url, "--llm-model", "seer")
        result = run("caption", photos, "--csv", tmp_path / "captions.csv", *asked)
    assert "3 photos captioned (by seer)" in result.stdout
    table = (tmp_path / "captions.csv").read_text("utf-8")
    assert all(f'"Wall number {n}.","seer"' in table for n in range(3))
    content = chats.bodies[0]["messages"][-1]["content"]
    assert [part["type"] for part in content] == ["image_url", "text"]
    assert content[0]["image_url"]["url"].startswith("data:image/jpeg;base64,")


def test_a_story(run: Run, indexed: Path) -> None:
    result = run("story", indexed / "red.jpg", indexed / "blue.jpg")
    assert "“all red” [1]." in result.stdout
    assert f"[1] {indexed / 'red.jpg'}" in result.stdout
    record = json.loads(run("story", indexed / "red.jpg", "--json").stdout)
    assert set(record) == {
        *("text", "status", "teller", "language", "citations", "struck", "photos"),
    }
    assert record["citations"][0]["path"] == str(indexed / "red.jpg")
    assert "holds no photo" in sentence(run("story", "nowhere.jpg", code=2))
