"""Writing in photos: read once, found by its words, gone when it is forgotten."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from PIL import Image, ImageDraw, ImageFont

from retrieval import Collection, forget, index_folder
from retrieval import writing as writing_module
from retrieval.cli import main
from retrieval.errors import ImageError, MissingExtraError, UsageError
from retrieval.storage.lexical import ranked
from retrieval.writing import read_writing
from tests.pictures import picture


def written(path: Path, *lines: str) -> Path:
    """A white picture with lines of writing."""
    image = Image.new("RGB", (640, 320), "white")
    draw = ImageDraw.Draw(image)
    for number, line in enumerate(lines):
        place = (40, 60 + 100 * number)
        draw.text(place, line, fill="black", font=ImageFont.load_default(48))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


def rows(collection: Collection) -> dict[int, str]:
    return dict(collection.reader.fetch("SELECT photo_id, text FROM writing"))  # type: ignore[arg-type]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for n in range(5):
        picture(tmp_path / f"photos/{n}.png", (n, 20 * n, 9), size=(32, 24))
    return tmp_path / "photos"


@pytest.fixture
def indexed(collection: Collection, photos: Path) -> Collection:
    index_folder(collection, photos)
    return collection


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """A reader that finds "sign" in every picture; what is put into the list it raises first."""
    raises: list[Any] = []

    def read(image: Image.Image) -> str:
        if raises and (error := raises.pop(0)):
            raise error
        return "SIGN 7"

    monkeypatch.setattr(writing_module, "_load", lambda: (read, "reader 1"))
    monkeypatch.setattr(writing_module, "NICENESS", 0)
    return raises


def test_a_real_one(
    collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("rapidocr", reason="needs the extra ocr")
    monkeypatch.setattr(writing_module, "NICENESS", 0)
    written(tmp_path / "photos/a.png", "Boarding pass", "Gate 27B")
    picture(tmp_path / "photos/plain.png", "blue", size=(200, 100))
    picture(tmp_path / "photos/thin.png", "red", size=(2_000, 1))
    index_folder(collection, tmp_path / "photos")
    report = read_writing(collection)
    assert (report.photos, report.with_writing, report.unreadable, report.left) == (3, 1, 0, 0)
    assert sorted(rows(collection).values()) == ["", "", "Boarding pass\nGate 27B"]
    (match,) = ranked(collection.reader, "gate 27b", 9)
    assert rows(collection)[match.id].startswith("Boarding")
    forget(collection, tmp_path / "photos/a.png")
    assert sorted(rows(collection).values()) == ["", ""]
    assert b"Boarding" not in (collection.path / "catalog.db").read_bytes()


def test_it_goes_on_where_it_ended(indexed: Collection, reader: list[Any]) -> None:
    told: list[Any] = []
    report = read_writing(indexed, limit=2, on_progress=told.append)
    assert (report.photos, report.left) == (2, 3)
    assert (told[-1].done, told[-1].total) == (2, 2)
    assert len(ranked(indexed.reader, "sign", 9)) == 2
    assert read_writing(indexed).photos == 3
    assert read_writing(indexed).photos == 0
    assert {row[0] for row in indexed.reader.fetch("SELECT reader FROM writing")} == {"reader 1"}


def test_an_interruption_keeps_what_was_committed(
    indexed: Collection, reader: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing_module, "BATCH", 2)
    reader += [None, None, None, KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        read_writing(indexed)
    assert len(rows(indexed)) == 2
    assert read_writing(indexed).photos == 3


def test_what_cannot_be_read_now_is_tried_again(
    indexed: Collection, photos: Path, reader: list[Any]
) -> None:
    (photos / "0.png").rename(photos.parent / "away.png")
    reader.append(ImageError("no"))
    report = read_writing(indexed)
    assert (report.photos, report.unreadable) == (3, 2)
    (photos.parent / "away.png").rename(photos / "0.png")
    assert read_writing(indexed).photos == 2


def test_a_photo_that_is_forgotten_meanwhile(
    indexed: Collection, photos: Path, monkeypatch: pytest.MonkeyPatch, reader: list[Any]
) -> None:
    read = writing_module._read

    def then_forgotten(*arguments: Any) -> dict[int, str]:
        texts = read(*arguments)
        forget(indexed, photos / "0.png")
        return texts

    monkeypatch.setattr(writing_module, "_read", then_forgotten)
    read_writing(indexed)
    assert len(rows(indexed)) == 4
    assert indexed.catalog.integrity_problems() == []


def test_the_command(
    indexed: Collection, reader: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ["-c", str(indexed.path)]
    first = CliRunner().invoke(main, ["ocr", *where, "--limit", "2"])
    assert first.exit_code == 0
    assert first.stdout.startswith("2 photos read, 2 of them hold writing")
    assert "3 are left" in first.stdout
    assert '"photos": 3' in CliRunner().invoke(main, ["ocr", *where, "--json"]).stdout


def test_without_the_extra(indexed: Collection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rapidocr", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'retrieval\[ocr\]'"):
        read_writing(indexed)


def test_a_limit_that_cannot_be(indexed: Collection) -> None:
    with pytest.raises(UsageError, match="limit must be 0"):
        read_writing(indexed, limit=-1)
