"""Descriptions say what is known, how sure that is, and where it comes from."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval import Collection, index_folder
from retrieval.captioning.describing import Describer, describe_photo
from retrieval.captioning.folders import caption_folder
from retrieval.captioning.statements import RATES, rate
from retrieval.errors import ImageError, ModelError, NoVisionError, PrivacyError, UsageError
from retrieval.records import Facts
from retrieval.storage.edits import write_writing
from tests.captioners import Captioner
from tests.conftest import open_toy
from tests.known import know
from tests.pictures import picture


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for colour in ("red", "green", "blue", "white"):
        picture(tmp_path / "photos" / f"{colour}.jpg", colour, (64, 48))
    (tmp_path / "photos/captions.csv").write_text(
        "image,caption\nred.jpg,A red wall.\ngreen.jpg,Green grass.\n"
    )
    return tmp_path / "photos"


@pytest.fixture
def known(collection: Collection, photos: Path) -> Collection:
    index_folder(collection, photos)
    know(
        collection,
        photos / "red.jpg",
        Facts(
            taken_at="2019-04-02T12:51:00",
            taken_from="exif",
            city="Kyoto",
            country="Japan",
            make="Canon",
            camera="Canon EOS 80D",
            title="Wall",
            keywords=("brick", "old"),
        ),
    )
    return collection


def said(description: object, origin: str) -> list[str]:
    return [s.text for s in description.statements if s.origin == origin]  # type: ignore[attr-defined]


def test_all_that_is_known_without_a_model(known: Collection, photos: Path) -> None:
    ids = known.catalog.files_at([str(photos / "red.jpg")])
    with known.writing(), known.catalog.writing() as connection:
        write_writing(connection, "test", {ids[str(photos / "red.jpg")].photo_id: "NO ENTRY"})
    found = describe_photo(known, photos / "red.jpg")
    assert found.made_by == "tags"
    assert said(found, "caption") == ["Its title is “Wall”"]
    assert said(found, "document") == ["A text about it reads: “A red wall.” (captions.csv)"]
    assert said(found, "writing") == ["Writing recognised in it: “NO ENTRY”"]
    assert said(found, "file") == [
        "Taken on 2019-04-02 at 12:51 in Kyoto, Japan.",
        "Camera: Canon EOS 80D.",
        "Its keywords are brick, old.",
    ]
    assert said(found, "pixels") == ["Mostly red."]
    (near,) = said(found, "near")
    assert "“Green grass.” (green.jpg)" in near  # never the photo's own text
    assert found.caption.endswith("2019-04-02, Kyoto, Japan.")
    assert found.text.splitlines()[0] == "Its title is “Wall”"


def test_in_chinese(known: Collection, photos: Path) -> None:
    found = describe_photo(known, photos / "red.jpg", language="zh")
    assert said(found, "file")[0] == "2019-04-02 12:51拍摄于Kyoto, Japan。"
    assert said(found, "pixels") == ["主要颜色：红色。"]
    assert found.caption.endswith("2019-04-02、Kyoto, Japan。")


def test_a_model_says_it_first_and_no_tags_are_guessed(known: Collection, photos: Path) -> None:
    found = describe_photo(known, photos / "red.jpg", model=Captioner("A wall."))
    assert (found.caption, found.made_by) == ("A wall.", "seer")
    assert found.statements[0].text == "A wall."
    assert said(found, "tags") == said(found, "near") == []
    assert said(found, "document")


@pytest.mark.parametrize("error", [ModelError, NoVisionError, PrivacyError])
def test_where_the_model_fails_it_is_described_without(
    known: Collection, photos: Path, error: type[Exception]
) -> None:
    notices: list[str] = []
    model = Captioner(error("Gone. Start it."))
    found = describe_photo(known, photos / "red.jpg", model=model, on_notice=notices.append)
    assert found.made_by == "tags"
    assert said(found, "tags")
    assert notices == ["Gone. Start it. Described without it."]


def test_one_that_does_not_see_is_left_out(known: Collection, photos: Path) -> None:
    notices: list[str] = []
    model = Captioner(sees=False)
    found = describe_photo(known, photos / "red.jpg", model=model, on_notice=notices.append)
    assert (found.made_by, model.asked) == ("tags", [])
    assert "takes no pictures" in notices[0]


def test_a_photo_that_was_not_indexed(known: Collection, photos: Path, tmp_path: Path) -> None:
    other = picture(tmp_path / "other.jpg", "yellow", (64, 48))
    found = describe_photo(known, other)
    assert not found.indexed
    assert said(found, "near")
    copy = tmp_path / "copy.jpg"
    copy.write_bytes((photos / "red.jpg").read_bytes())
    found = describe_photo(known, copy)
    assert said(found, "document") == ["A text about it reads: “A red wall.” (captions.csv)"]
    assert "Green" in said(found, "near")[0]


def test_without_a_collection_only_its_file_tells(
    photos: Path, tmp_path: Path, toy: list[object]
) -> None:
    with open_toy(tmp_path / "empty") as empty:
        for collection in (None, empty):
            found = describe_photo(collection, photos / "red.jpg")
            assert [statement.origin for statement in found.statements] == ["pixels"]
            assert found.caption == ""
            assert "no collection" in found.notes[0]


def test_a_caption_of_ours_is_not_taken_for_a_persons(collection: Collection, photos: Path) -> None:
    for maker, origin, text in (
        ("seer", "model", "A caption that seer made reads: “A zebra.”"),
        ("tags", "tags", "A caption guessed of tags reads: “A zebra.”"),
    ):
        caption_folder(photos, Captioner("A zebra.", maker), replace=True)
        index_folder(collection, photos)
        found = describe_photo(collection, photos / "red.jpg")
        assert said(found, "caption") == []
        assert text in said(found, origin)


def test_what_cannot_be_described(known: Collection, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no file"):
        describe_photo(known, tmp_path / "nowhere.jpg")
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    with pytest.raises(ImageError, match="cannot be shown"):
        describe_photo(known, tmp_path / "bad.jpg")


def test_rates_fall_with_shares() -> None:
    assert [rate(share) for share in (1.0, 0.7, 0.1, 0.0)] == [0.71, 0.71, 0.23, 0.15]
    assert sorted(RATES, reverse=True) == list(RATES)


def test_what_photos_have_in_common_is_read_once(known: Collection, photos: Path) -> None:
    describer = Describer(known)
    describer.describe(photos / "red.jpg")
    encoder = known.query_encoder()
    before = encoder.texts_seen  # type: ignore[attr-defined]
    describer.describe(photos / "blue.jpg")
    assert encoder.texts_seen == before  # type: ignore[attr-defined]
