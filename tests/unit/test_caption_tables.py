"""A table of captions can be gone on with, however the run ended that wrote it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.captioning.sidecars import text_hash
from retrieval.captioning.tables import CaptionTable, Row
from retrieval.corpora import Columns, read_passages
from retrieval.errors import UsageError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


def row(name: str, caption: str = "a dog", made: str = "1") -> Row:
    return Row(name, caption, "seer", text_hash(caption), "ab" * 32, "1024", made)


@settings(max_examples=40)  # each writes durably
@given(rows=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5), cut=st.integers(0, 400))
def test_wherever_it_was_torn_the_rest_is_written_again(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], cut: int
) -> None:
    path = tmp_path_factory.mktemp("t") / "captions.csv"
    table = CaptionTable(path)
    for name, caption in rows:
        table.add(row(name, caption))
    whole = dict(table.rows)
    head = path.read_bytes().index(b"\n") + 1
    path.write_bytes(path.read_bytes()[: head + cut])
    again = CaptionTable(path)
    for name, caption in rows:
        if name not in again.rows or again.rows[name].caption != caption:
            again.add(row(name, caption))
    last = CaptionTable(path)
    # A number may have lost digits: then the photo's content decides, not the row.
    assert {n: (r.caption, r.sha256) for n, r in last.rows.items()} == {
        n: (r.caption, r.sha256) for n, r in whole.items()
    }


def test_the_index_takes_it(tmp_path: Path) -> None:
    (tmp_path / "a, b.jpg").touch()
    table = CaptionTable(tmp_path / "captions.csv")
    table.add(row("a, b.jpg", 'a "dog", running'))
    passages = read_passages(str(table.path), Columns("caption", "image"))
    assert [(p.text, p.photo_path) for p in passages] == [
        ('a "dog", running', str(tmp_path / "a, b.jpg"))
    ]
    assert read_passages(str(table.path), Columns()) == passages


def test_a_later_row_counts_and_tidying_keeps_only_that(tmp_path: Path) -> None:
    path = tmp_path / "captions.csv"
    table = CaptionTable(path)
    for caption, made in (("a dog", "1"), ("a cat", "2")):
        table.add(row("a.jpg", caption, made))
    table.add(row("b.jpg"))
    assert CaptionTable(path).rows["a.jpg"].caption == "a cat"
    assert path.read_bytes().count(b"\n") == 4
    table.tidy()
    assert path.read_bytes().count(b"\n") == 3
    table.add(row("c.jpg"))
    assert list(CaptionTable(path).rows) == ["a.jpg", "b.jpg", "c.jpg"]


def test_what_a_spreadsheet_saved_is_read_and_gone_on_with(tmp_path: Path) -> None:
    path = tmp_path / "captions.csv"
    CaptionTable(path).add(row("a.jpg", "my own words"))
    saved = b"\xef\xbb\xbf" + path.read_bytes().rstrip()
    path.write_bytes(saved)
    table = CaptionTable(path)
    assert table.rows["a.jpg"].caption == "my own words"
    table.add(row("b.jpg"))
    assert path.read_bytes().startswith(saved + b"\n")
    assert list(CaptionTable(path).rows) == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("data", [b"image,caption\na.jpg,a dog\n", b"\x89PNG", b"words", b'"\n\n'])
def test_what_is_no_table_of_ours_stays(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "captions.csv"
    path.write_bytes(data)
    with pytest.raises(UsageError, match="another"):
        CaptionTable(path)
    assert path.read_bytes() == data


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is no file"):
        CaptionTable(tmp_path)
