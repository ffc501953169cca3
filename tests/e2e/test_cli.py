"""The command line as its user meets it: data on stdout, one plain sentence on failure."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from PIL import Image

from retrieval import Collection, __version__
from retrieval.cli import main, output
from retrieval.evaluation import folders
from retrieval.records import Progress
from retrieval.storage.layout import FORMAT
from tests.conftest import LONGEST_S, ROOT
from tests.pictures import picture
from tests.toy import ToyEncoder

Run = Callable[..., Result]
STAGES = {"scan", "load", "read", "decode", "waiting", "encode", "write", "texts"}
BOTTLENECKS = ("reading", "decoding", "encoding", "writing")


@pytest.fixture
def run(toy: list[ToyEncoder], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command with the toy encoder as the model of choice."""
    monkeypatch.setenv("RETRIEVAL_MODEL", "toy")

    def call(*arguments: object, code: int = 0) -> Result:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == code, (result.output, result.exception)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return call


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for colour in ("red", "green", "blue"):
        picture(tmp_path / f"photos/{colour}.jpg", colour, (40, 30))
    picture(tmp_path / "photos/deep/rouge.jpg", "red", (40, 30))
    (tmp_path / "photos/broken.jpg").write_bytes(b"no")
    (tmp_path / "photos/captions.csv").write_text("image,caption\nred.jpg,all red\n,blue\n")
    return tmp_path / "photos"


@pytest.fixture
def indexed(run: Run, photos: Path) -> Path:
    run("index", photos)
    return photos


def sentence(result: Result) -> str:
    """The one line of a failure; besides progress, nothing else may be on either stream."""
    assert result.stdout == ""
    (line,) = (s for s in result.stderr.splitlines() if not s.startswith("indexing: "))
    assert line.startswith("retrieval: ")
    assert line.endswith((".", "index FOLDER", "FILE."))
    assert "Traceback" not in result.output
    return line.removeprefix("retrieval: ")


class TestIndex:
    def test_for_people(self, run: Run, photos: Path) -> None:
        result = run("index", photos)
        first, second = result.stdout.splitlines()
        assert first == "4 added, 1 duplicates, 1 skipped"
        assert second.startswith("3 photos and 2 documents in the collection, ")
        assert second.endswith(" s, encoder toy")
        assert f"skipped {photos}/broken.jpg: not a picture" in result.stderr

    def test_as_json(self, run: Run, photos: Path) -> None:
        report = json.loads(run("index", photos, "--json").stdout)
        assert report.pop("seconds") >= 0
        (skipped,) = report.pop("skipped")
        assert set(skipped) == {"path", "reason"}
        assert skipped["path"] == str(photos / "broken.jpg")
        assert set(report.pop("stages")) == STAGES
        assert report.pop("bottleneck") in BOTTLENECKS
        assert report == {
            "fast": False,
            "added": 4,
            "changed": 0,
            "moved": 0,
            "duplicates": 1,
            "unchanged": 0,
            "removed": 0,
            "photos": 3,
            "documents": 2,
            "embedded": 5,
            "encoder": "toy",
        }

    def test_profile_names_the_bottleneck(self, run: Run, photos: Path) -> None:
        *_, head, read, decode, encode, write, _, _, verdict = run(
            "index", photos, "--profile", "--fast"
        ).stdout.splitlines()
        assert head.split() == ["stage", "seconds", "share", "photos/s"]
        rows = [line.split() for line in (read, decode, encode, write)]
        assert [row[0] for row in rows] == ["read", "decode", "encode", "write"]
        assert 98 <= sum(int(row[2].rstrip("%")) for row in rows) <= 102  # rounded
        found = re.fullmatch(r"The bottleneck is (\w+): .*\.", verdict)
        assert found is not None
        assert found[1] in BOTTLENECKS
        again = run("index", photos, "--profile").stdout
        assert again.endswith("No photo was encoded, so there is no bottleneck.\n")

    def test_fast_is_a_setting(
        self, run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert json.loads(run("index", photos, "--fast", "--json").stdout)["fast"]
        monkeypatch.setenv("RETRIEVAL_FAST", "true")
        result = run("index", photos)
        assert result.stdout.rstrip().endswith("encoder toy, --fast")
        monkeypatch.setenv("RETRIEVAL_FAST", "quickly")
        assert "fast must be true or false, not 'quickly'" in sentence(run("info", code=2))

    def test_again(self, run: Run, indexed: Path) -> None:
        assert run("index", indexed).stdout.startswith("5 unchanged, 1 skipped\n")

    def test_many_skipped_files_are_cut_short(self, run: Run, photos: Path) -> None:
        for n in range(20):
            (photos / f"{n}.jpg").write_bytes(b"no")
        result = run("index", photos)
        assert result.stderr.count("skipped /") == 10
        assert "all of them: retrieval info --skipped" in result.stderr
        assert run("info", "--skipped").stdout.count(".jpg: not a picture") == 21

    def test_options(self, run: Run, photos: Path, tmp_path: Path) -> None:
        (photos / "captions.csv").write_text("caption,other,pic\nred,green,red.jpg\n")
        where = ("-c", tmp_path / "mine", "-m", "toy")
        columns = ("--text-column", "other", "--image-column", "pic")
        run("index", photos, *where, *columns, "--batch-size", 1, "--threads", 1)
        found = json.loads(run("search", "green", "--kind", "documents", "--json", *where).stdout)
        assert [hit["text"] for hit in found["hits"]] == ["green"]

    def test_nothing_but_broken_files_is_still_reported(self, run: Run, photos: Path) -> None:
        (photos / "x").mkdir()
        (photos / "x/a.jpg").write_bytes(b"no")
        result = run("index", photos / "x", "--json", code=1)
        assert len(json.loads(result.stdout)["skipped"]) == 1
        assert "\nretrieval: No photo could be indexed" in f"\n{result.stderr}"


class TestSearch:
    def test_for_people(self, run: Run, indexed: Path) -> None:
        result = run("search", "all", "red", "-k", 2, "--all")
        header, first, second = result.stdout.splitlines()
        assert header == "rank  match  score  path"
        rank, match, score, path, *more = first.split()
        assert (rank, path, " ".join(more)) == ("1", str(indexed / "red.jpg"), "(+1 copy)")
        assert float(score) == pytest.approx(0.889, abs=0.002)
        assert 0 < float(match.rstrip("%")) <= 100
        assert second.startswith("   2  ")
        assert result.stderr.startswith("2 shown, ")
        assert " for “all red”; 3 photos, " in result.stderr

    def test_what_is_unlikely_is_left_out(self, run: Run, indexed: Path) -> None:
        found = json.loads(run("search", "red", "--json").stdout)
        likely = [hit["path"] for hit in found["hits"] if hit["relevant"]]
        assert len(found["hits"]) == 3
        assert run("search", "red", "--paths").stdout.splitlines() == likely
        assert run("search", "red", "--paths", "--all").stdout.count("\n") == 3

    def test_as_json(self, run: Run, indexed: Path) -> None:
        result = run("search", "red", "--json", "-k", 1)
        found = json.loads(result.stdout)
        assert result.stderr == ""
        assert set(found) == {
            *("query", "parts", "plan", "kind", "hits", "considered", "matched", "relevant"),
            *("next", "elapsed_ms", "encoder", "method"),
        }
        assert found["parts"] == [{"kind": "text", "value": "red", "weight": 1.0}]
        assert (found["query"], found["considered"], found["encoder"]) == ("red", 3, "toy")
        (hit,) = found["hits"]
        assert hit.pop("score") == pytest.approx(0.889, abs=0.002)
        assert hit.pop("id") >= 1
        assert 0 <= hit.pop("relevance") <= 1
        assert hit.pop("relevant") in (True, False)
        assert hit == {
            "rank": 1,
            "kind": "photo",
            "path": str(indexed / "red.jpg"),
            "also": [str(indexed / "deep/rouge.jpg")],
            "width": 40,
            "height": 30,
            "taken_at": None,
            "place": None,
            "folded": [],
            "found_by": ["photos", "documents", "words"],
        }

    def test_a_saved_query(self, run: Run, indexed: Path) -> None:
        run("saved", "add", "reds", "red -blue")
        found = json.loads(run("search", "--saved", "reds", "--json").stdout)
        assert [(p["value"], p["weight"]) for p in found["parts"]] == [("red", 1), ("blue", -1)]

    def test_a_field_before_words(self, run: Run, indexed: Path) -> None:
        found = json.loads(run("search", "format:jpeg red", "--json").stdout)
        assert [chip["kind"] for chip in found["plan"]] == ["format", "meaning"]
        assert found["matched"] == 3

    def test_a_minus_that_looks_like_an_option(self, run: Run, indexed: Path) -> None:
        assert "put the whole query in quotes" in sentence(run("search", "-x", code=2))
        asked = ("search", "red", "-blue", "-format:png", "-k", 2, "--json")
        found = json.loads(run(*asked).stdout)
        assert [chip["kind"] for chip in found["plan"]] == ["meaning", "minus", "format"]
        assert len(found["hits"]) == 2
        found = json.loads(run("search", "--json", "--", "-blue format:jpeg").stdout)
        assert (found["matched"], found["hits"][-1]["path"]) == (3, str(indexed / "blue.jpg"))

    @pytest.mark.parametrize("order", ["relevance", "newest", "place"])
    @pytest.mark.parametrize("more", [(), ("--all",), ("--no-fold",)])
    def test_pages_make_up_the_whole(
        self, run: Run, indexed: Path, order: str, more: tuple[str, ...]
    ) -> None:
        asked = ("search", "red green", "--json", "--sort", order, *more)
        whole = json.loads(run(*asked, "-k", 50).stdout)["hits"]
        pages: list[dict[str, Any]] = []
        after = ""
        for _ in range(10):
            page = json.loads(run(*asked, "-k", 1, "--after", after).stdout)
            pages, after = pages + page["hits"], page["next"]
            if not after:
                break
        assert [(hit["rank"], hit["id"]) for hit in pages] == [
            (hit["rank"], hit["id"]) for hit in whole
        ]

    def test_as_json_lines(self, run: Run, indexed: Path) -> None:
        lines = run("search", "red", "--jsonl").stdout.splitlines()
        assert [json.loads(line)["rank"] for line in lines] == [1, 2, 3]

    def test_as_paths(self, run: Run, indexed: Path) -> None:
        result = run("search", "green", "--paths", "-k", 1)
        assert (result.stdout, result.stderr) == (f"{indexed / 'green.jpg'}\n", "")

    def test_documents(self, run: Run, indexed: Path) -> None:
        result = run("search", "red", "--kind", "documents", "-k", 1)
        assert result.stdout.splitlines()[0] == "rank  match  score  text"
        assert result.stdout.endswith(f"all red  [{indexed / 'captions.csv'}:2]\n")
        (hit,) = json.loads(run("search", "red", "--kind", "documents", "-k1", "--json").stdout)[
            "hits"
        ]
        assert (hit["kind"], hit["line"], hit["photo_path"]) == (
            "document",
            2,
            str(indexed / "red.jpg"),
        )
        assert "width" not in hit

    def test_by_pictures_and_minus(self, run: Run, indexed: Path) -> None:
        image = indexed / "red.jpg"
        found = run("search", "--image", image, "2:green", "--minus", "0.1:blue", "--json").stdout
        weights = [part["weight"] for part in json.loads(found)["parts"]]
        assert sorted(weights) == [-0.1, 1, 2]
        result = run("search", "red green", "--minus-image", image, "--paths", "-k1", "--all")
        assert result.stdout == f"{indexed / 'green.jpg'}\n"

    def test_no_hits_left(self, run: Run, indexed: Path) -> None:
        for path in indexed.rglob("*.jpg"):
            path.unlink()
        run("index", indexed)
        assert run("search", "red", "--paths").stdout == ""
        assert json.loads(run("search", "red", "--json").stdout)["hits"] == []


class Page(HTMLParser):
    """Checks that tags are closed in order, and remembers what is in them."""

    VOID = frozenset({"meta", "img", "br", "link", "input", "hr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str, str]] = []
        self.words = ""
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: Any) -> None:
        self.attributes += [(tag, name, value or "") for name, value in attributes]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data

    def values(self, tag: str, name: str) -> list[str]:
        return [value for t, n, value in self.attributes if (t, n) == (tag, name)]


class TestHtml:
    def page(self, run: Run, *arguments: object) -> Page:
        result = run("search", *arguments, "--html", "page.html")
        assert "wrote page.html" in result.stderr
        text = Path("page.html").read_text("utf-8")
        assert text.startswith("<!doctype html>")
        assert "http" not in text
        assert "<script" not in text
        return Page(text)

    def test_shows_the_hits(self, run: Run, indexed: Path) -> None:
        page = self.page(run, "red", "--image", indexed / "green.jpg", "--minus", "blue")
        assert {src[:23] for src in page.values("img", "src")} == {"data:image/jpeg;base64,"}
        assert len(page.values("img", "src")) == 4  # three hits and the asked picture
        assert f"file://{indexed}/red.jpg" in page.values("a", "href")
        assert "and 1 more" in page.words

    def test_escapes_what_it_shows(self, run: Run, photos: Path) -> None:
        name = "<b>\"&'.jpg"
        picture(photos / name.replace("/", ""), "yellow")
        (photos / "notes.txt").write_text("<script>alert(1)</script> red green")
        run("index", photos)
        page = self.page(run, "<i>red</i> & green", "--all")
        assert name in page.values("img", "alt")
        assert str(photos / name) in page.words
        assert "<i>red</i> & green" in page.words
        page = self.page(run, "red", "--kind", "documents")
        assert "<script>alert(1)</script>" in page.words

    def test_names_that_are_not_utf8(self, run: Run, photos: Path) -> None:
        picture(photos / "x.jpg", "yellow").rename(os.fsdecode(os.fsencode(photos) + b"/\xe9.jpg"))
        run("index", photos)
        page = self.page(run, "red green", "-k1")
        assert page.values("a", "href")[0].endswith("/%E9.jpg")
        found = json.loads(run("search", "red green", "-k1", "--json").stdout)
        assert os.fsencode(found["hits"][0]["path"]).endswith(b"/\xe9.jpg")

    def test_documents_show_their_photo(self, run: Run, indexed: Path) -> None:
        page = self.page(run, "red", "--kind", "documents", "-k1")
        assert page.values("a", "href") == [f"file://{indexed}/red.jpg"]

    def test_photos_that_are_gone(self, run: Run, indexed: Path) -> None:
        for path in indexed.rglob("*.jpg"):
            path.unlink()
        page = self.page(run, "red")
        assert page.words.count("the file cannot be shown") == 3
        self.page(run, "red", "--kind", "documents")

    def test_a_page_that_cannot_be_written(self, run: Run, indexed: Path) -> None:
        result = run("search", "red", "--html", "no/such/folder.html", code=1)
        assert sentence(result).startswith("no/such/folder.html cannot be written: No such file")


class TestInfo:
    def test_for_people(self, run: Run, indexed: Path) -> None:
        lines = dict(line.split(maxsplit=1) for line in run("info").stdout.splitlines())
        assert lines["photos"] == "3"
        assert lines["files"] == "5"
        assert lines["documents"] == "2"
        assert lines["skipped"] == "1"
        assert lines["encoder"].startswith("toy (3 dimensions, ")
        assert lines["recipe"].startswith("exact-")
        assert lines["duplicates"] == "1"
        assert "vectors 371 B" in lines["sizes"]  # 5 rows of 6 B, 5 keys of 36 B, space.json
        assert lines["format"] == f"{FORMAT}, made by retrieval {__version__}"

    def test_as_json(self, run: Run, indexed: Path) -> None:
        found = json.loads(run("info", "--json").stdout)
        assert set(found) >= {
            *("photos", "files", "documents", "skipped", "encoder", "recipe", "sizes", "path")
        }
        assert (found["photos"], found["files"], found["skipped"]) == (3, 5, 1)
        assert set(found["sizes"]) == {"catalog", "vectors", "thumbnails", "total"}
        assert "skipped_files" not in found
        found = json.loads(run("info", "--json", "--skipped").stdout)
        assert found["skipped_files"][0]["path"] == str(indexed / "broken.jpg")

    def test_loads_no_encoder(self, run: Run, indexed: Path, toy: list[ToyEncoder]) -> None:
        toy.clear()
        run("info")
        assert toy == []

    def test_of_a_new_collection(self, run: Run, tmp_path: Path) -> None:
        Collection.open(create=True).close()  # as a watch makes it, before photos come
        assert "encoder     none yet" in run("info").stdout

    def test_more_than_counts(
        self, run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("retrieval.cli.info.SHOWN_REASONS", 1)
        (indexed / "green.jpg").unlink()
        for n in range(14):
            (indexed / f"x{n}.csv").write_text(f"{'abcdefghijklmn'[n]}\n1\n")
        moving = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
        moving[0].save(indexed / "moving.gif", save_all=True, append_images=moving[1:])
        run("index", indexed)
        run("index", indexed)
        shown = run("info").stdout
        assert "\nanimated    1 (first frame is searched)\n" in shown
        assert "\nunused      1 embeddings are not searched; drop them with: retr" in shown
        assert "\nskipped     15\n" in shown
        assert "\n        14  no column of text\n            … 1 more reasons\n" in shown
        *_, last, middle, first = shown.splitlines()
        assert re.fullmatch(
            r"runs        [-\d]{10} [:\d]{5} UTC  index   done, [\d.]+ s, 5 unchanged, "
            r"15 skipped, [\d,]+ files/s",
            last,
        )
        assert re.search(r" index   done, .* 1 removed, 1 embedded, .* embedded/s$", middle)
        assert first.startswith(" " * 12)

    def test_of_a_read_only_collection(
        self, run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        place, access = indexed.parent / "home/default", os.access
        catalog = str(place / "catalog.db")
        monkeypatch.setattr(
            os, "access", lambda path, mode: str(path) != catalog and access(path, mode)
        )
        for path in place.rglob("*"):
            path.chmod(0o500 if path.is_dir() else 0o400)
        before = {path: path.stat().st_mtime_ns for path in (place, *place.rglob("*"))}
        assert "index   done" in run("info").stdout
        assert {path: path.stat().st_mtime_ns for path in (place, *place.rglob("*"))} == before


class TestForget:
    def test_for_people(self, run: Run, indexed: Path) -> None:
        (indexed.parent / "home/default/catalog.v1.backup.db").write_bytes(b"old")
        plan = run("forget", indexed / "deep", "--dry-run").stdout.splitlines()
        assert plan[0] == "1 photos and 0 documents in 2 files would be forgotten"
        first, *others = run("forget", indexed / "deep").stdout.splitlines()
        assert first == "1 photos and 0 documents in 2 files forgotten"
        assert others == plan[1:]
        assert others == [
            f"  a copy as well: {indexed}/red.jpg",
            "  older catalog, which held them too: catalog.v1.backup.db",
            "  1 lines of other texts name them; the texts stay, without the link",
            "  only the paths are kept, so that indexing leaves them out; name a file to index it",
        ]
        assert f"skipped {indexed}/red.jpg: forgotten" in run("index", indexed).stderr
        assert str(indexed / "red.jpg") not in run("search", "red", "--paths").stdout
        run("index", indexed / "red.jpg")
        assert str(indexed / "red.jpg") in run("search", "red", "--paths").stdout

    def test_as_json(self, run: Run, indexed: Path) -> None:
        report = json.loads(run("forget", indexed, "--without-trace", "--json").stdout)
        assert report.pop("seconds") >= 0
        assert len(report.pop("files")) == 6
        assert (report["photos"], report["documents"], report["copies"]) == (3, 2, [])
        assert (report["links"], report["backups"]) == (0, [])
        assert (report["without_trace"], report["dry_run"], report["wiped"]) == (True, False, True)
        assert "nothing is kept" in run("forget", run_again(run, indexed), "--without-trace").stdout

    def test_many_copies(self, run: Run, indexed: Path) -> None:
        for n in range(30):
            shutil.copy(indexed / "red.jpg", indexed / f"deep/{n}.jpg")
        run("index", indexed)
        shown = run("forget", indexed / "red.jpg").stdout
        assert shown.count("a copy as well") == 20
        assert "… and 11 more copies" in shown

    def test_what_is_not_known(self, run: Run, indexed: Path) -> None:
        told = sentence_of(run("forget", indexed / "none.jpg", code=2))
        assert f"{indexed}/none.jpg is not in the collection; nothing was forgotten." in told

    def test_a_reader_that_hinders(
        self, run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("retrieval.storage.catalog.Catalog.vacuum", lambda _: False)
        assert "another program was reading" in run("forget", indexed).stdout


def run_again(run: Run, photos: Path) -> Path:
    run("index", photos)
    return photos


def sentence_of(result: Result) -> str:
    (line,) = result.stderr.splitlines()
    assert result.stdout == ""
    return line.removeprefix("retrieval: ")


class TestCompact:
    def test_for_people(self, run: Run, indexed: Path) -> None:
        (indexed / "blue.jpg").unlink()
        run("index", indexed)
        shown = run("compact").stdout
        assert re.fullmatch(r"1 of 5 rows dropped, .* freed, [\d.]+ s\n", shown)
        assert run("search", "red", "--paths", "--all").stdout.count("\n") == 2

    def test_as_json(self, run: Run, indexed: Path) -> None:
        report = json.loads(run("compact", "--json").stdout)
        assert set(report) == {"rows_before", "rows_after", "bytes_freed", "seconds"}
        assert (report["rows_before"], report["rows_after"]) == (5, 5)


class TestEval:
    @pytest.fixture
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(folders, "RESAMPLES", 20)
        for colour in ("red", "green", "blue"):
            picture(tmp_path / f"set/images/{colour}.jpg", colour)
        (tmp_path / "set/images/bad.jpg").write_bytes(b"no")
        lines = ["image,caption", "red.jpg,red", "green.jpg,green", "blue.jpg,blue", "bad.jpg,x"]
        (tmp_path / "set/captions.csv").write_text("\n".join(lines))
        return tmp_path / "set"

    def test_as_json(self, run: Run, folder: Path) -> None:
        found = json.loads(run("eval", folder, "--json").stdout)
        assert set(found) == {
            *("text_to_image", "image_to_text", "images", "texts", "encoder", "skipped")
        }
        assert (found["images"], found["texts"], found["encoder"]) == (3, 3, "toy")
        for way in ("text_to_image", "image_to_text"):
            values = found[way]
            assert set(values) == {"R@1", "R@5", "R@10", "MRR", "interval_95"}
            assert values["R@1"] == values["MRR"] == 1
            assert values["interval_95"]["R@1"] == [1, 1]

    def test_for_people(self, run: Run, folder: Path) -> None:
        result = run("eval", folder)
        assert result.stdout.startswith(
            "3 images, 3 texts, encoder toy\ntext to image\n  R@1   1.000"
        )
        assert "bad.jpg: not a picture" in result.stderr

    def test_another_folder(self, run: Run, photos: Path) -> None:
        assert "must hold a folder images/" in sentence(run("eval", photos, code=2))


class TestEvalQuestions:
    @pytest.fixture
    def questions(self, tmp_path: Path, indexed: Path) -> Path:
        entries = [
            {"kind": "find", "question": "Find the photo of red.", "files": ["red.jpg"]},
            {"kind": "count", "question": "How many photos did I take in 1987?", "answer": 0},
            {"kind": "absent", "question": "When did I take photos in 1987?", "files": []},
        ]
        (tmp_path / "questions.json").write_text(json.dumps(entries))
        return tmp_path / "questions.json"

    def test_as_json(self, run: Run, questions: Path) -> None:
        found = json.loads(run("eval", "--questions", questions, "--json").stdout)
        assert list(found["kinds"]) == ["find", "count", "absent"]
        assert found["kinds"]["find"]["n"] == 1
        assert found["kinds"]["find"]["R@1"] == 1
        assert found["kinds"]["count"]["right"] == 1
        assert found["kinds"]["absent"]["refused"] == 1
        assert set(found["citations"]) == {"precision", "recall"}
        assert found["latency_ms"]["answer_p50"] > 0
        assert (found["n"], found["wrong_grounded"]) == (3, 0)

    def test_for_people(self, run: Run, questions: Path, indexed: Path) -> None:
        shown = run("eval", "--questions", questions, "--root", indexed).stdout
        assert shown.startswith("3 questions, answered by extractive\n  find")
        assert "wrong answers given as grounded: 0 (0.0%)" in shown

    def test_files_of_another_folder(self, run: Run, questions: Path, tmp_path: Path) -> None:
        result = run("eval", "--questions", questions, "--root", tmp_path / "none", code=2)
        assert "Say with --root" in sentence(result)

    def test_either_a_folder_or_questions(self, run: Run, questions: Path) -> None:
        assert "Name either" in sentence(run("eval", code=2))
        assert "Name either" in sentence(run("eval", "x", "--questions", questions, code=2))


class TestFailures:
    """Each bad input: one sentence, its exit code, no traceback."""

    def test_no_such_folder(self, run: Run, tmp_path: Path) -> None:
        assert "There is no folder" in sentence(run("index", tmp_path / "none", code=2))
        assert not (tmp_path / "home").exists(), "no collection is made for nothing"

    def test_a_missing_folder_beside_another(self, run: Run, photos: Path) -> None:
        assert "There is no folder or file" in sentence(run("index", photos, "none", code=2))
        assert not (photos.parent / "home").exists()

    def test_a_deleted_folder(self, run: Run, indexed: Path) -> None:
        shutil.rmtree(indexed)
        assert run("index", indexed).stdout.startswith("6 removed\n0 photos in the collection")
        assert "There is no folder or file" in sentence(run("index", indexed, code=2))

    def test_a_model_that_cannot_be_loaded(self, run: Run, photos: Path) -> None:
        result = run("index", photos, "--model", "bogus", code=2)
        assert "bogus" in sentence(result)
        assert not (photos.parent / "home/default").exists()

    def test_an_empty_folder(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        assert "There is no file in" in sentence(run("index", tmp_path / "empty", code=1))
        # A collection without anything would hide that nothing was indexed.
        assert "There is no collection at" in sentence(run("info", code=1))
        picture(tmp_path / "empty/red.jpg", "red", (40, 30))
        assert run("index", tmp_path / "empty").stdout.startswith("1 added\n")

    def test_a_folder_without_photos(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "x").mkdir()
        (tmp_path / "x/a.exe").write_bytes(b"MZ")
        assert "No photo could be indexed" in sentence(run("index", tmp_path / "x", code=1))

    @pytest.mark.parametrize("command", [("info",), ("search", "red"), ("index", "photos")])
    def test_another_format(self, run: Run, indexed: Path, command: tuple[str, ...]) -> None:
        (indexed.parent / "home/default/manifest.json").write_text('{"format": 99}')
        assert "has collection format 99" in sentence(run(*command, code=1))

    @pytest.mark.parametrize("command", [("search", "red"), ("index", "photos")])
    def test_another_encoder(self, run: Run, indexed: Path, command: tuple[str, ...]) -> None:
        assert "made with the encoder toy; toy2 cannot" in sentence(
            run(*command, "--model", "toy2", code=1)
        )

    @pytest.mark.parametrize("words", [(), ("",), ("  ",), ("", "")])
    def test_an_empty_query(self, run: Run, indexed: Path, words: tuple[str, ...]) -> None:
        assert "The query is empty" in sentence(run("search", *words, code=2))

    def test_an_endless_query(self, run: Run, indexed: Path) -> None:
        assert "50,000 characters" in sentence(run("search", "x" * 50_000, code=2))

    @pytest.mark.parametrize("k", [0, -3, 10**9])
    def test_an_impossible_k(self, run: Run, indexed: Path, k: int) -> None:
        assert f"not {k:,}" in sentence(run("search", "red", "-k", k, code=2))

    def test_a_missing_picture(self, run: Run, indexed: Path) -> None:
        assert "no picture file none.jpg" in sentence(run("search", "--image", "none.jpg", code=2))

    def test_a_broken_picture(self, run: Run, indexed: Path) -> None:
        result = run("search", "--image", indexed / "broken.jpg", code=1)
        assert "broken.jpg cannot be used as a query: not a picture" in sentence(result)

    @pytest.mark.parametrize("command", [("info",), ("search", "red")])
    def test_no_collection_yet(self, run: Run, command: tuple[str, ...]) -> None:
        assert "There is no collection at" in sentence(run(*command, code=1))

    def test_a_full_disk(self, run: Run, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_: int) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", fail)
        assert "No space left on device" in sentence(run("index", photos, code=1))

    def test_two_formats_at_once(self, run: Run, indexed: Path) -> None:
        result = run("search", "red", "--json", "--paths", code=2)
        assert sentence(result) == "Choose one of --paths, --json and --jsonl."

    def test_wrong_settings(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "retrieval.toml").write_text("modle = 'mini'")
        assert "unknown key 'modle'" in sentence(run("info", code=2))

    def test_a_wrong_name(self, run: Run) -> None:
        assert "is no name for a collection" in sentence(run("info", "-c", "a*b", code=2))

    @pytest.mark.parametrize(
        "arguments",
        [("index",), ("search", "x", "-k", "many"), ("serch",), ("info", "--what"), ("show",)],
    )
    def test_wrong_usage(self, run: Run, arguments: tuple[str, ...]) -> None:
        result = run(*arguments, code=2)
        assert result.stdout == ""
        assert "Error: " in result.stderr

    def test_a_reader_that_has_enough(self, indexed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        redirected = []

        def enough(*_: Any, **__: Any) -> None:
            raise BrokenPipeError

        monkeypatch.setattr("retrieval.cli.info.click.echo", enough)
        monkeypatch.setattr(os, "dup2", lambda new, old: redirected.append(new))
        with pytest.raises(SystemExit) as caught:
            main.main(["info"], standalone_mode=False)
        assert caught.value.code == 0
        os.close(*redirected)

    def test_an_interruption(
        self, run: Run, indexed: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupt(*_: Any, **__: Any) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("retrieval.searching.run", interrupt)
        assert "Nothing that was committed is lost" in sentence(run("search", "red", code=130))


class TestProgress:
    def test_plain_lines(self, capsys: pytest.CaptureFixture[str]) -> None:
        with output.progress_display(quiet=True) as show:
            show(Progress("looking", 5, None))
            show(Progress("indexing", 1, 3, 2.0))  # too soon after the start
            show(Progress("indexing", 3, 3, 2.0))
        shown = capsys.readouterr()
        assert shown.out == ""
        assert shown.err == "indexing: 3 of 3, 2.0 photos/s\n"

    def test_now_and_then(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(output, "PLAIN_EVERY_S", 0.0)
        with output.progress_display() as show:
            show(Progress("indexing", 1_000, 3_000, 2.0))
            show(Progress("reading texts", 1, 3))
        assert capsys.readouterr().err == (
            "indexing: 1,000 of 3,000, 2.0 photos/s, 1000 s left\nreading texts: 1 of 3\n"
        )

    def test_a_bar_in_a_terminal(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
        with output.progress_display() as show:
            show(Progress("looking", 5, None))
            show(Progress("indexing", 1, 3, 2.0))
            show(Progress("indexing", 3, 3, 2.0))
        shown = capsys.readouterr()
        assert shown.out == ""
        assert "indexing" in shown.err

    @pytest.mark.parametrize(
        ("count", "shown"),
        [
            (0, "0 B"),
            (1023, "1023 B"),
            (1536, "1.5 KiB"),
            (5 << 30, "5.0 GiB"),
            (1 << 50, "1024.0 TiB"),
        ],
    )
    def test_bytes(self, count: int, shown: str) -> None:
        assert output.human_bytes(count) == shown


class TestHelp:
    def test_version(self, run: Run) -> None:
        assert run("--version").stdout == f"retrieval, version {__version__}\n"

    @pytest.mark.parametrize("command", [(), *((name,) for name in sorted(main.commands))])
    def test_every_command_explains_itself(self, run: Run, command: tuple[str, ...]) -> None:
        shown = run(*command, "--help").stdout
        assert shown.startswith("Usage: ")
        if command:
            for parameter in main.commands[command[0]].params:
                if parameter.param_type_name == "option":
                    assert parameter.help or parameter.opts == ["--kind"], parameter.name


class TestInstalled:
    """The real command in a process of its own; models stay away because nothing needs one."""

    def command(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        script = Path(sys.executable).with_name("retrieval")
        start = (
            [str(script)]
            if script.exists()
            else [*(sys.executable, "-c", "from retrieval.cli import main; main()")]
        )
        path = {"PYTHONPATH": str(ROOT)}
        return subprocess.run(
            [*start, *arguments],
            env={**os.environ, **path},
            capture_output=True,
            check=False,
            timeout=LONGEST_S,
            **options,
        )

    def test_a_failure(self, tmp_path: Path) -> None:
        done = self.command("info", "-c", str(tmp_path / "none"))
        assert (done.returncode, done.stdout) == (1, b"")
        assert done.stderr.startswith(b"retrieval: There is no collection at ")
        assert done.stderr.count(b"\n") == 1

    def test_an_unchanged_run_and_info(self, run: Run, indexed: Path) -> None:
        done = self.command("index", str(indexed), "--json")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["unchanged"] == 5
        raw = self.command("info", "--skipped", "--json")
        assert json.loads(raw.stdout)["photos"] == 3

    def test_a_reader_that_has_enough(self, run: Run, indexed: Path) -> None:
        read_end, write_end = os.pipe()
        os.close(read_end)
        script = "from retrieval.cli import main; main(['info'])"
        done = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=write_end,
            stderr=subprocess.PIPE,
            check=False,
            timeout=LONGEST_S,
        )
        os.close(write_end)
        assert done.returncode == 0
        assert b"Traceback" not in done.stderr


class TestShow:
    def test_for_people(self, run: Run, indexed: Path) -> None:
        result = run("show", indexed / "red.jpg")
        lines = dict(line.split(maxsplit=1) for line in result.stdout.splitlines())
        assert (lines["width"], lines["format"], lines["colours"]) == ("40 px", "JPEG", "red")
        assert lines["document"].startswith("all red  [")
        assert result.stderr == ""

    def test_for_programs(self, run: Run, indexed: Path) -> None:
        record = json.loads(run("show", indexed / "red.jpg", "--json").stdout)
        assert record["indexed"] is True
        assert record["fields"]["file"] == "red.jpg"
        assert record["looks"]["colours"] == ["red"]
        assert record["files"][0] == str(indexed / "red.jpg")
        assert record["facts"]["taken_at"] is None

    def test_what_was_not_indexed(self, run: Run, photos: Path) -> None:
        result = run("show", photos / "red.jpg")
        assert result.stderr == "Not in the collection: this is what its file says.\n"
        assert "JPEG" in result.stdout

    def test_what_is_no_picture(self, run: Run, indexed: Path) -> None:
        for path, words in (
            (indexed / "broken.jpg", "cannot be shown"),
            (indexed, "cannot be shown"),
            (indexed / "\x1b[2Jnone.jpg", "no file"),
        ):
            result = run("show", path, code=2 if "none" in str(path) else 1)
            assert words in result.stderr
            assert "Traceback" not in result.stderr
            assert "\x1b" not in result.stderr
