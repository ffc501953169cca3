"""A table of captions can be gone on with, however the run ended that wrote it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.captioning.tables import CaptionTable, Row
from retrieval.corpora import Columns, read_passages
from retrieval.errors import StorageError, UsageError
from retrieval.metadata.guesses import text_hash
from tests.conftest import LONGEST_S

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


# --- what people wrote ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "theirs", [b"z.jpg,HUMAN words\n", b"z.jpg,HUMAN words,me", b"./z.jpg,,,HUMAN words\r\n"]
)
def test_a_row_of_a_person_stays_byte_for_byte(tmp_path: Path, theirs: bytes) -> None:
    path = tmp_path / "captions.csv"
    table = CaptionTable(path)
    for caption in ("a dog", "a cat"):
        table.add(row("a.jpg", caption))
    path.write_bytes(path.read_bytes() + b"# a line\r\n\r\n" + theirs)
    again = CaptionTable(path)
    assert again.theirs == {"z.jpg"}
    again.add(row("b.jpg"))
    again.tidy()
    data = path.read_bytes()
    assert b"# a line\r\n\r\n" + theirs in data
    assert b"a dog" in data  # of b.jpg
    assert data.count(b"a.jpg") == 1
    assert list(CaptionTable(path).rows) == ["a.jpg", "b.jpg"]


def test_what_is_there_to_be_replaced_goes_when_it_is_tidied(tmp_path: Path) -> None:
    path = tmp_path / "captions.csv"
    CaptionTable(path).add(row("a.jpg"))
    corrected = path.read_bytes().replace(b"a dog", b"my dog")
    path.write_bytes(corrected + b"b.jpg,my cat\n")
    table = CaptionTable(path)
    assert table.theirs == {"a.jpg", "b.jpg"}
    with table.alone():
        table.put(row("a.jpg", "a cat"), replaces=True)
    assert table.theirs == {"b.jpg"}
    table.tidy()
    assert b"my dog" not in path.read_bytes()
    assert b"b.jpg,my cat\n" in path.read_bytes()


def test_two_runs_and_an_editor_write_into_one_table(tmp_path: Path) -> None:
    path = tmp_path / "captions.csv"
    first, second = CaptionTable(path), CaptionTable(path)
    for number in range(10):
        (first, second)[number % 2].add(row(f"{number}.jpg"))
        with path.open("ab") as file:
            file.write(b"p%d.jpg,HUMAN words\n" % number)
    first.tidy()
    second.add(row("last.jpg"))
    third = CaptionTable(path)
    assert list(third.rows) == [*(f"{number}.jpg" for number in range(10)), "last.jpg"]
    assert third.theirs == {f"p{number}.jpg" for number in range(10)}


def test_many_processes_write_into_one_table(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from retrieval.captioning.tables import CaptionTable, Row\n"
        "table = CaptionTable(Path(sys.argv[1]))\n"
        "for n in range(20):\n"
        "    table.add(Row(f'{sys.argv[2]}-{n}.jpg', f'dog {n}', 'seer', '', 'ab', '1', '1'))\n"
        "    table.tidy()\n"
    )
    path = tmp_path / "captions.csv"
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(number)])
        for number in range(3)
    ]
    assert [run.wait(LONGEST_S) for run in runs] == [0, 0, 0]
    assert len(CaptionTable(path).rows) == 60
    assert path.read_bytes().count(b"\n") == 61


def test_a_table_that_another_one_holds_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.captioning.tables.PATIENCE_S", 0.05)
    first, second = CaptionTable(tmp_path / "a.csv"), CaptionTable(tmp_path / "a.csv")
    with first.alone(), pytest.raises(StorageError, match="Another process"):
        second.add(row("a.jpg"))
    second.add(row("a.jpg"))


def test_a_line_that_cannot_be_read_stays(tmp_path: Path) -> None:
    path = tmp_path / "captions.csv"
    table = CaptionTable(path)
    table.add(row("a.jpg"))
    data = path.read_bytes() + b'z.jpg,"a 5" plate\n'
    path.write_bytes(data)
    with pytest.raises(UsageError, match="Correct it"):
        table.add(row("b.jpg"))
    assert path.read_bytes() == data
