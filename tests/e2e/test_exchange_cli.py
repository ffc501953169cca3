"""`retrieval export`, `import` and `watch` as their user meets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from retrieval.cli import main
from tests.pictures import picture
from tests.toy import ToyEncoder

Run = Callable[..., Result]


@pytest.fixture
def run(toy: list[ToyEncoder]) -> Run:
    def call(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == code, (result.output, result.exception)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return call


@pytest.fixture
def photos(run: Run, tmp_path: Path) -> Path:
    for colour in ("red", "green", "blue"):
        picture(tmp_path / f"photos/{colour}.png", colour)
    run("index", tmp_path / "photos", "-m", "toy")
    return tmp_path / "photos"


def test_the_ending_says_the_form(run: Run, photos: Path, tmp_path: Path) -> None:
    result = run("export", "out.csv")
    assert result.stdout.startswith(f"3 photos to {tmp_path}/out.csv (csv, ")
    assert (tmp_path / "out.csv").read_text().startswith("image_path,caption,id,")
    assert json.loads(run("export", "set", "--json").stdout)["form"] == "npy"
    assert (tmp_path / "set/img_emb/img_emb_0.npy").is_file()
    again = run("export", "out.csv", code=1)
    assert "is there already and stays as it is" in again.stderr
    run("export", "out.csv", "--force")


def test_hits_of_a_search(run: Run, photos: Path, tmp_path: Path) -> None:
    run("export", "out.jsonl", "--query", "red", "-k", "2")
    found = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert Path(found[0]["image_path"]).name == "red.png"
    assert len(found) == 2
    assert found[0]["score"] > found[1]["score"]
    run("export", "copies", "--form", "copies", "--query", "blue", "-k", "1")
    assert sorted(p.name for p in (tmp_path / "copies").iterdir()) == ["blue.png", "export.json"]
    assert "-k says how many hits" in run("export", "x.csv", "-k", "3", code=2).stderr
    assert "query is empty" in run("export", "x.csv", "--query", " ", code=2).stderr


def test_what_was_left_out(run: Run, photos: Path) -> None:
    (photos / "red.png").unlink()
    result = run("export", "copies", "--form", "copies")
    assert result.stdout.startswith("2 photos to ")
    assert "1 left out:" in result.stderr
    assert f"{photos}/red.png: " in result.stderr


def test_into_another_collection(run: Run, photos: Path, toy: list[ToyEncoder]) -> None:
    run("export", "set")
    toy.clear()
    result = run("import", "set", "-c", "other")
    assert result.stdout.splitlines()[0] == "3 imported"
    assert sum(encoder.images_seen for encoder in toy) == 0
    assert run("search", "green", "-c", "other", "--paths").stdout.startswith(f"{photos}/green.png")
    again = json.loads(run("import", "set", "-c", "other", "--json").stdout)
    assert (again["unchanged"], again["imported"], again["left_out"]) == (3, 0, [])


def test_a_set_of_others_must_be_trusted(run: Run, photos: Path, tmp_path: Path) -> None:
    run("export", "set")
    (tmp_path / "set/export.json").unlink()
    for words in ([], ["--trust"], ["-m", "toy"]):
        result = run("import", "set", "-c", "other", *words, code=2)
        assert "Name the encoder with --model and add --trust" in result.stderr
        assert not (tmp_path / "home/other").exists()
    result = run("import", "set", "-c", "other", "-m", "toy", "--trust")
    assert "3 embedded again to compare, least cosine 1.0000" in result.stdout


def test_nothing_to_import(run: Run, tmp_path: Path) -> None:
    assert "There is no folder" in run("import", "nowhere", code=2).stderr
    assert "holds no set of embeddings" in run("import", tmp_path, code=1).stderr
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("why", ["no photos", "zeros"])
def test_a_failed_import_leaves_no_collection(
    run: Run, photos: Path, tmp_path: Path, why: str
) -> None:
    run("export", "set")
    if why == "no photos":
        for file in photos.iterdir():
            file.unlink()
    else:
        (array,) = (tmp_path / "set").rglob("*.npy")
        np.save(array, np.zeros_like(np.load(array)))
    assert run("import", "set", "-c", "other", code=1).stderr
    assert not (tmp_path / "home/other").exists()
    assert not run("import", "set", code=1).stdout
    assert run("info").stdout  # the one that was there stays


def test_nothing_to_watch(run: Run, tmp_path: Path) -> None:
    assert "There is no folder or file" in run("watch", "nowhere", code=2).stderr
    assert not (tmp_path / "home").exists()
