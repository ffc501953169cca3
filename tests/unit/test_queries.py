"""From words, weights and pictures to the parts of a query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from retrieval.errors import ImageError, QueryError
from retrieval.queries import MAX_CHARACTERS, embed_picture, make_query, phrases
from retrieval.records import Part
from tests.pictures import picture
from tests.toy import ToyEncoder


def text(value: str, weight: float = 1.0) -> Part:
    return Part("text", value, weight)


def box(value: str, weight: float = 1.0) -> Part:
    return Part("box", value, weight)


class TestMakeQuery:
    @pytest.mark.parametrize(
        ("asked", "part"),
        [
            ("a dog", text("a dog")),
            ("  a dog ", text("a dog")),
            ("2:dog", text("dog", 2)),
            (".5: a dog", text("a dog", 0.5)),
            ("1.25:a:b", text("a:b", 1.25)),
            ("2:", text("2:")),
            ("x2:dog", text("x2:dog")),
            ("2:one\ntwo", text("one\ntwo", 2)),
        ],
    )
    def test_weights(self, asked: str, part: Part) -> None:
        assert make_query(asked, raw=True).parts == (part,)
        beside = make_query([asked, "x"]).parts[0]
        assert beside == box(part.value, part.weight)

    def test_a_text_alone_is_a_box_whose_weights_bind_words(self) -> None:
        assert make_query(" 2:dog in the snow").parts == (box("2:dog in the snow"),)
        assert make_query("2:a dog", minus="cats").parts == (box("a dog", 2), box("cats", -1))

    def test_all_kinds_of_parts_in_order(self, tmp_path: Path) -> None:
        a, b = picture(tmp_path / "a.jpg"), picture(tmp_path / "b.jpg")
        query = make_query(["x", "2:y"], images=[a], minus=["z"], minus_images=[f"0.5:{b}"])
        assert query.parts == (
            box("x"),
            box("y", 2),
            Part("image", str(a), 1),
            box("z", -1),
            Part("image", str(b), -0.5),
        )

    def test_a_file_that_is_called_like_a_weight(self, tmp_path: Path) -> None:
        picture(tmp_path / "2:x.jpg")
        picture(tmp_path / "y.jpg")
        parts = make_query(images=["2:x.jpg", "2:y.jpg"]).parts
        assert parts == (
            Part("image", str(tmp_path / "2:x.jpg"), 1),
            Part("image", str(tmp_path / "y.jpg"), 2),
        )

    def test_home_is_understood(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        picture(tmp_path / "x.jpg")
        assert make_query(images=["~/x.jpg"]).parts[0].value == str(tmp_path / "x.jpg")

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ({}, "The query is empty"),
            ({"text": ""}, "The query is empty"),
            ({"text": " \n"}, "The query is empty"),
            ({"text": ["dog", ""]}, "The query is empty"),
            ({"minus": ["dog"]}, "only subtracts"),
            ({"text": ["0:dog", "x"]}, "between 0 and 100"),
            ({"text": "101:dog", "raw": True}, "between 0 and 100"),
            ({"text": ["9" * 400 + ":dog", "x"]}, "between 0 and 100"),
            ({"text": "x" * 50_000}, "has 50,000 characters"),
            ({"text": "x" * (MAX_CHARACTERS + 1)}, "2,001 characters; at most 2,000"),
            ({"images": ["none.jpg"]}, "There is no picture file none.jpg"),
            ({"images": ["2:none.jpg"]}, "There is no picture file none.jpg"),
            ({"images": ["~nobody-of-that-name/x.jpg"]}, "There is no picture file"),
            ({"images": ["2:" + "x" * 5000]}, "There is no picture file"),
            ({"images": ["."]}, "There is no picture file"),
            ({"text": b"x"}, "made of texts and of paths of pictures, not of b'x'"),
            ({"text": [b"x"]}, "made of texts"),
            ({"text": None}, "not of None"),
            ({"text": ["x", 3]}, "not of 3"),
            ({"text": "x", "images": b"x.jpg"}, "not of b'x.jpg'"),
        ],
    )
    def test_refusals(self, arguments: dict[str, Any], sentence: str) -> None:
        with pytest.raises(QueryError, match=sentence) as caught:
            make_query(**arguments)
        assert caught.value.exit_code == 2

    def test_the_longest_query_is_taken(self) -> None:
        assert len(make_query("x" * MAX_CHARACTERS).parts[0].value) == MAX_CHARACTERS

    @pytest.mark.parametrize(
        ("words", "meant"),
        [
            ((), []),
            (("a", "dog", "in", "snow"), ["a dog in snow"]),
            (("a dog", "at night"), ["a dog", "at night"]),
            (("2:dog", "snow"), ["2:dog", "snow"]),
            (("",), [""]),
        ],
    )
    def test_words_of_the_command_line(self, words: tuple[str, ...], meant: list[str]) -> None:
        assert phrases(words) == meant


def test_a_broken_picture_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"\xff\xd8 no")
    with pytest.raises(ImageError, match=r"broken\.jpg cannot be used as a query") as caught:
        embed_picture(str(path), ToyEncoder())
    assert caught.value.exit_code == 1


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (("meeting", "at", "12:30", "clock"), ["meeting at 12:30 clock"]),
        (("a", "16:9", "screen"), ["a 16:9 screen"]),
        (("a", "dog", "on the beach"), ["a dog", "on the beach"]),
        (("2:dog", "snow"), ["2:dog", "snow"]),
        (("a dog", "2:at night"), ["a dog", "2:at night"]),
        (("dog", "camera:Canon EOS", "snow"), ['dog camera:"Canon EOS" snow']),
        (("-place:=New York", "dog"), ['-place:="New York" dog']),
        (("note: a dog", "x"), ["note: a dog", "x"]),
        ((), []),
    ],
)
def test_phrases(words, parts):
    assert phrases(words) == parts


def test_a_time_is_no_weight(toy):
    (part,) = make_query("12:30").parts
    assert (part.value, part.weight) == ("12:30", 1.0)


def test_what_is_no_text_becomes_a_question_mark() -> None:
    assert make_query("\udcff dog").parts[0].value == "? dog"
