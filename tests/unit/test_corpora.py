"""Text files as passages, tables and JSON lines as records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrieval import corpora
from retrieval.corpora import Columns, Passage, is_corpus, read_passages
from retrieval.errors import CorpusError, NotTextError
from retrieval.metadata.guesses import text_hash


def read(path: Path, content: str | bytes, text: str = "", image: str = "") -> list[Passage]:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_passages(str(path), Columns(text, image))


def refused(path: Path, content: str | bytes, text: str = "", image: str = "") -> str:
    with pytest.raises(CorpusError) as caught:
        read(path, content, text, image)
    return str(caught.value)


@pytest.fixture
def txt(tmp_path: Path) -> Path:
    return tmp_path / "a.txt"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "a.csv"


@pytest.fixture
def jsonl(tmp_path: Path) -> Path:
    return tmp_path / "a.jsonl"


@pytest.mark.parametrize("name", ["a.txt", "A.TXT", "b.md", "c.csv", "d.tsv", "e.JsonL"])
def test_names_of_corpora(name: str) -> None:
    assert is_corpus(name)


@pytest.mark.parametrize("name", ["a.jpg", "txt", "a.txt.gz", "a.json", "a.pdf"])
def test_other_names(name: str) -> None:
    assert not is_corpus(name)


class TestProse:
    def test_without_blank_lines_each_line_is_one(self, txt: Path) -> None:
        assert read(txt, "one\n  two \nthree") == [
            Passage("one", 1),
            Passage("two", 2),
            Passage("three", 3),
        ]

    def test_blank_lines_set_passages_apart(self, tmp_path: Path) -> None:
        content = "\n# Title\n\nfirst line\nsecond line\n \n\nlast\n"
        assert read(tmp_path / "a.md", content) == [
            Passage("# Title", 2),
            Passage("first line second line", 4),
            Passage("last", 8),
        ]

    def test_long_passages_are_cut_at_sentence_ends(self, txt: Path) -> None:
        sentences = [f"This is number {n} of some sentences." for n in range(30)]
        found = read(txt, " ".join(sentences))
        assert len(found) > 1
        assert " ".join(p.text for p in found) == " ".join(sentences)
        assert all(p.text.endswith(".") and len(p.text.split()) <= 60 for p in found)
        assert {p.line for p in found} == {1}

    def test_one_endless_sentence_is_cut_between_words(self, txt: Path) -> None:
        words = [f"w{n}" for n in range(150)]
        found = read(txt, "A start. " + " ".join(words) + ". An end.")
        assert [len(p.text.split()) for p in found] == [2, 60, 60, 32]
        assert " ".join(p.text for p in found) == f"A start. {' '.join(words)}. An end."

    def test_windows_line_ends(self, txt: Path) -> None:
        assert read(txt, "a\r\n\r\nb\r\n") == [Passage("a", 1), Passage("b", 3)]


class TestTable:
    def test_bom_quotes_and_line_breaks(self, table: Path) -> None:
        content = '\ufeffImage,Caption\na.jpg,"a ""big"", red\ndog"\nb.jpg,two\n'
        assert read(table, content) == [
            Passage('a "big", red dog', 2, str(table.parent / "a.jpg")),
            Passage("two", 4, str(table.parent / "b.jpg")),
        ]

    def test_tabs(self, tmp_path: Path) -> None:
        found = read(tmp_path / "a.tsv", "id\ttext\n1\ta, b\n")
        assert found == [Passage("a, b", 2)]

    @pytest.mark.parametrize("header", ["title,caption", "caption,title"])
    def test_the_likeliest_column_wins(self, table: Path, header: str) -> None:
        row = {"title": "no", "caption": "yes"}
        content = header + "\n" + ",".join(row[name] for name in header.split(","))
        assert [p.text for p in read(table, content)] == ["yes"]

    @pytest.mark.parametrize("separator", [",", ";", "\t"])
    def test_separators_of_spreadsheets(self, table: Path, separator: str) -> None:
        content = 'image,caption\np.jpg,"a; b, c\td"\n'.replace(",", separator, 1)
        content = content.replace("p.jpg,", f"p.jpg{separator}")
        assert read(table, content) == [Passage("a; b, c d", 2, str(table.parent / "p.jpg"))]

    def test_a_separator_is_found_by_a_chosen_column(self, table: Path) -> None:
        assert read(table, "a, b;note\nx;y, z\n", "note") == [Passage("y, z", 2)]
        assert read(table, "caption\na; b\n") == [Passage("a; b", 2)]
        assert read(table, "id,caption\n1,a;b;c;d\n") == [Passage("a;b;c;d", 2)]

    def test_a_quote_that_is_never_closed(self, table: Path) -> None:
        reason = refused(table, 'caption\none\n"two\nthree\nfour\n')
        assert reason.endswith("in the record that starts on line 3; check its quotes")
        assert "line 1" in refused(table, '"caption\none\n')

    def test_the_first_of_two_columns_of_one_name(self, table: Path) -> None:
        assert read(table, "caption,caption\nfirst,second\n") == [Passage("first", 2)]
        assert read(table, "x,x\nfirst,second\n", "x") == [Passage("first", 2)]

    def test_chosen_columns(self, table: Path) -> None:
        content = "Überschrift,foto,caption\nx,p.jpg,y\n"
        found = read(table, content, "Überschrift", "foto")
        assert found == [Passage("x", 2, str(table.parent / "p.jpg"))]

    def test_chosen_columns_that_are_missing(self, table: Path) -> None:
        assert "no column 'x' for --text-column; it has ['caption']" in refused(
            table, "caption\na\n", "x"
        )
        assert "no column 'x' for --image-column" in refused(table, "caption\na\n", "", "x")

    def test_no_column_of_text(self, table: Path) -> None:
        reason = refused(table, "a,b\n1,2\n")
        assert reason == "no column of text among a, b; name one with --text-column"

    def test_short_long_and_empty_records(self, table: Path) -> None:
        content = "id,caption\n1\n2,two,more,and more\n3,\n4,  \n"
        assert read(table, content) == [Passage("two", 3)]

    def test_links_beside_the_table_or_in_images(self, tmp_path: Path) -> None:
        (tmp_path / "images").mkdir()
        (tmp_path / "images/in.jpg").touch()
        (tmp_path / "images/both.jpg").touch()
        (tmp_path / "both.jpg").touch()
        names = ["in.jpg", "both.jpg", "none.jpg", "sub/../x.jpg", "/abs.jpg", ""]
        content = "image,caption\n" + "".join(f"{n},text\n" for n in names)
        found = read(tmp_path / "t.csv", content)
        expected = ["images/in.jpg", "both.jpg", "none.jpg", "x.jpg"]
        assert [p.photo_path for p in found] == [
            *(str(tmp_path / name) for name in expected),
            "/abs.jpg",
            None,
        ]

    def test_a_huge_field_is_refused_not_fatal(self, table: Path) -> None:
        reason = refused(table, "caption\n" + "x" * ((1 << 24) + 1))
        assert reason.startswith("not a table that can be read: field larger")

    def test_a_large_field_is_read(self, table: Path) -> None:
        assert len(read(table, "caption\n" + "x" * 200_000)[0].text) == 200_000


class TestJsonLines:
    def test_records(self, jsonl: Path) -> None:
        content = '{"file_name": "p.jpg", "text": "a\\n dog"}\n\n{"text": "b"}\r\n'
        assert read(jsonl, content) == [
            Passage("a dog", 1, str(jsonl.parent / "p.jpg")),
            Passage("b", 3),
        ]

    def test_line_separators_inside_a_text(self, jsonl: Path) -> None:
        content = json.dumps({"text": "a\u2028b\x85c"}, ensure_ascii=False) + '\n{"text": "d"}'
        assert read(jsonl, content) == [Passage("a b c", 1), Passage("d", 2)]

    def test_half_characters_become_question_marks(self, jsonl: Path) -> None:
        found = read(jsonl, '{"text": "a \\ud83d b", "image": "\\ud800.jpg"}')
        assert found == [Passage("a ? b", 1, str(jsonl.parent / "?.jpg"))]

    def test_values_that_are_no_text_are_left_out(self, jsonl: Path) -> None:
        content = '{"text": 3}\n{"text": null}\n{"text": "yes", "image": 4}\n'
        assert read(jsonl, content) == [Passage("yes", 3)]

    @pytest.mark.parametrize(
        ("content", "reason"),
        [
            ('{"text": "a"}\n{"text": ', "line 2 is not JSON"),
            ("[" * 100_000, "line 1 is not JSON"),
            ("[1, 2]", "line 1 is not a JSON object"),
            ('{"x": 1}', "line 1 has no text; name its key with --text-column"),
        ],
    )
    def test_refusals(self, jsonl: Path, content: str, reason: str) -> None:
        assert refused(jsonl, content) == reason

    def test_chosen_keys(self, jsonl: Path) -> None:
        assert read(jsonl, '{"x": "a", "text": "b"}', "x") == [Passage("a", 1)]
        assert "no column 'y' for --text-column" in refused(jsonl, '{"x": "a"}', "y")


class TestFiles:
    @pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.jsonl"])
    def test_not_utf8(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(NotTextError, match="not UTF-8 text; convert it"):
            read(tmp_path / name, b"caption\n\xe9t\xe9\n")

    @pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
    def test_other_unicode(self, txt: Path, encoding: str) -> None:
        assert read(txt, "été".encode(encoding)) == [Passage("été", 1)]

    @pytest.mark.parametrize(
        ("name", "content", "reason"),
        [
            ("a.txt", "", "empty file (0 bytes)"),
            ("a.txt", " \n\n", "no text in it"),
            ("a.csv", "caption\n", "no text in it"),
            ("a.jsonl", "\n", "no text in it"),
        ],
    )
    def test_nothing_in_it(self, tmp_path: Path, name: str, content: str, reason: str) -> None:
        assert refused(tmp_path / name, content) == reason

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(CorpusError, match="cannot be read: No such file"):
            read_passages(str(tmp_path / "none.txt"), Columns())

    def test_too_large(self, txt: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(corpora, "MAX_CORPUS_BYTES", 1 << 20)
        assert refused(txt, "x" * ((1 << 20) + 1)) == "larger than 1 MiB; split it"


@pytest.mark.parametrize("text", ["", "note", "it's", "a 'b' \"c\"", "tab\t\\ü", "' '"])
@pytest.mark.parametrize("image", ["", "pic", "' '", '"'])
def test_columns_come_back_from_their_signature(text: str, image: str) -> None:
    columns = Columns(text, image)
    assert Columns.from_signature(columns.signature) == columns


@pytest.mark.parametrize("signature", [None, "", "pillow 12.0", "columns 'a'", "columns x y"])
def test_what_is_no_signature(signature: str | None) -> None:
    assert Columns.from_signature(signature) == Columns()


@pytest.mark.parametrize(
    "head",
    [
        "image,caption,source,text,sha256,bytes,modified",
        "image,caption,source,text,sha256,bytes,modified,notes",
        "notes,text,caption,image",
    ],
)
def test_captions_of_a_model_are_known_in_whatever_columns_they_stand(
    table: Path, head: str
) -> None:
    known = {"image": "a.jpg", "text": text_hash("A zebra."), "notes": "mine"}
    columns = head.split(",")
    for caption, guessed in (("A zebra.", True), ("A  zebra. ", True), ("My horse.", False)):
        row = known | {"caption": caption}
        made = f"{head}\n" + ",".join(row.get(name, "x") for name in columns) + "\n"
        (passage,) = read(table, made)
        assert (passage.text, passage.guessed) == (" ".join(caption.split()), guessed)
    if "notes" in columns:
        assert [(p.text, p.guessed) for p in read(table, made, text="notes")] == [("mine", False)]
