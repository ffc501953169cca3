"""Codes of large collections: made, extended, made anew; whatever befalls them, hits are right."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from retrieval import Collection, EncoderSpec, compact, forget, index_folder, repair, search, verify
from retrieval.coding import learned, refresh, shifted
from retrieval.encoders import ENCODERS
from retrieval.errors import CorruptError, UsageError
from retrieval.storage import disk
from retrieval.storage.codefile import CodeFile, code_file

pytest.importorskip("faiss", reason="codes need faiss")
DIM = 32


class WordEncoder:
    """A text's vector is the sum of one for each of its words, and of one that all texts share."""

    name, fingerprint, dim, image_size, quality = "words", "ab" * 16, DIM, 8, "Knows words."

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        return np.asarray(image.resize((8, 8)))[None]

    def encode_images(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.encode_texts([str(picture.mean()) for picture in batch])

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [sum((_word(w) for w in text.split()), start=_word("all") / 2) for text in texts]
        return np.array([row / np.linalg.norm(row) for row in rows], np.float32)


def _word(word: str) -> NDArray[np.float64]:
    return np.random.default_rng(zlib.crc32(word.encode())).standard_normal(DIM)


@pytest.fixture(autouse=True)
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Codes from 300 rows on."""
    monkeypatch.setattr("retrieval.stores.EXACT_BELOW", 300)
    monkeypatch.setattr("retrieval.stores.SCAN_NS", 1e9)
    monkeypatch.setattr("retrieval.coding.QUERIES", 100)
    monkeypatch.setattr("retrieval.coding.TESTED", 40)
    monkeypatch.setitem(ENCODERS, "words", "tests.integration.test_coding:load")


def load(_: EncoderSpec) -> WordEncoder:
    return WordEncoder()


def line(n: int) -> str:
    return f"w{n % 17} v{n % 23} u{n % 7} n{n}"


def write(folder: Path, name: str, numbers: range) -> None:
    """A text of so many passages."""
    folder.mkdir(exist_ok=True)
    lines = [line(n) for n in numbers]
    (folder / name).write_text("\n\n".join(lines))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write(tmp_path / "texts", "a.txt", range(600))
    return tmp_path / "texts"


@pytest.fixture
def coded(tmp_path: Path, folder: Path) -> Iterator[Collection]:
    """A collection whose 600 documents have codes."""
    with Collection.open(
        tmp_path / "collection", create=True, spec=EncoderSpec("words")
    ) as collection:
        index_folder(collection, folder)
        yield collection


def file_of(collection: Collection) -> CodeFile:
    space = collection.catalog.active_space()
    assert space is not None
    return code_file(collection.path, space, "documents")


def note_of(collection: Collection) -> Any:
    note = file_of(collection).note()
    assert note is not None
    return note


def found(collection: Collection, words: str, k: int = 5) -> list[str]:
    result = search(collection, words, kind="documents", k=k)
    return [str(hit.text) for hit in result.hits]


def plan(collection: Collection) -> str:
    return search(collection, "w1", kind="documents", k=5).method


def codes_fit(collection: Collection) -> bool:
    """Whether the file of codes is what the vectors as they are now have for codes."""
    space = collection.catalog.active_space()
    assert space is not None
    codes = learned(collection.path, collection.catalog)["documents"].codes
    codes.add(collection.vectors(space, "documents")[: note_of(collection).rows])
    return codes.to_bytes() == file_of(collection).path.read_bytes()


class TestLife:
    def test_made_by_indexing(self, coded: Collection) -> None:
        note = note_of(coded)
        assert (note.rows, note.learned, note.queries) == (600, 600, "stored texts")
        assert note.recall >= 0.98
        assert plan(coded).startswith("shortlist of ")
        assert found(coded, line(450))[0] == line(450)
        assert verify(coded).checked["files of codes"] == 1

    def test_none_for_a_small_collection(
        self, coded: Collection, monkeypatch: pytest.MonkeyPatch, folder: Path
    ) -> None:
        monkeypatch.setattr("retrieval.stores.EXACT_BELOW", 10_000)
        assert plan(coded) == "exact over 600 rows"
        index_folder(coded, folder)
        assert not file_of(coded).path.exists()
        assert not file_of(coded).note_path.exists()

    def test_a_short_tail_is_compared_one_by_one(self, coded: Collection, folder: Path) -> None:
        write(folder, "b.txt", range(600, 630))
        index_folder(coded, folder)
        assert note_of(coded).rows == 600
        assert found(coded, line(615))[0] == line(615)

    def test_a_longer_one_is_coded(self, coded: Collection, folder: Path) -> None:
        write(folder, "b.txt", range(600, 720))
        index_folder(coded, folder)
        assert (note_of(coded).rows, note_of(coded).learned) == (720, 600)
        assert found(coded, line(715))[0] == line(715)

    def test_learned_anew_when_doubled(self, coded: Collection, folder: Path) -> None:
        write(folder, "b.txt", range(600, 1300))
        index_folder(coded, folder)
        assert (note_of(coded).rows, note_of(coded).learned) == (1300, 1300)

    def test_compaction(self, coded: Collection, folder: Path) -> None:
        write(folder, "b.txt", range(600, 800))
        index_folder(coded, folder)
        (folder / "b.txt").unlink()
        index_folder(coded, folder)
        compact(coded)
        space = coded.catalog.active_space()
        assert space is not None
        names = {path.name for path in file_of(coded).path.parent.glob("*codes*")}
        assert space.editions["documents"] == 1
        assert names == {"documents-1.codes", "documents-1.codes.json"}
        assert note_of(coded).rows == 600
        assert plan(coded).startswith("shortlist of ")
        assert verify(coded).problems == ()

    def test_forgetting_takes_the_codes(self, coded: Collection, folder: Path) -> None:
        write(folder, "secret.txt", range(600, 680))
        index_folder(coded, folder)
        before = file_of(coded).path.read_bytes()
        forget(coded, folder / "secret.txt")
        after = file_of(coded).path.read_bytes()
        assert before != after
        assert codes_fit(coded)
        assert note_of(coded).queries == "stored texts"  # what was learned is kept
        assert not any(text.endswith("n650") for text in found(coded, "n650", k=700))

    def test_codes_that_miss_too_much_are_not_used(
        self, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("retrieval.stores.tuning.SHORTEST", 2)
        monkeypatch.setattr("retrieval.stores.tuning.LONGEST", 2)
        with Collection.open(
            tmp_path / "other", create=True, spec=EncoderSpec("words")
        ) as collection:
            index_folder(collection, folder)
            assert note_of(collection).depth == 0
            assert not file_of(collection).path.exists()
            assert plan(collection) == "exact over 600 rows"
            assert verify(collection).problems == ()


class TestQueries:
    @pytest.fixture
    def photos(self, tmp_path: Path) -> Path:
        folder = tmp_path / "photos"
        folder.mkdir()
        for n in range(310):
            Image.new("RGB", (8, 8), (n % 256, n // 256, 9 * (n % 11))).save(folder / f"{n}.png")
        return folder

    def test_made_up_where_there_are_no_texts(self, tmp_path: Path, photos: Path) -> None:
        with Collection.open(tmp_path / "c", create=True, spec=EncoderSpec("words")) as collection:
            index_folder(collection, photos)
            recipe = collection.info().recipe
            assert "made-up captions" in recipe
            space = collection.catalog.active_space()
            assert space is not None
            note = code_file(collection.path, space, "photos").note()
            assert note is not None
            assert note.queries == "made-up captions"

    def test_shifted_ones_are_far_from_all_rows(self) -> None:
        rows = np.random.default_rng(0).standard_normal((2000, 64)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        queries = shifted(rows.astype(np.float16), 100)
        best = (queries @ rows.T).max(axis=1)
        assert queries.shape == (100, 64)
        assert np.allclose(np.linalg.norm(queries, axis=1), 1, atol=1e-5)
        assert (best < 0.8).all()
        assert (queries @ queries.T).mean() > 0.4  # what they share


class TestDamage:
    def spoil(self, file: CodeFile, how: str) -> None:
        data = bytearray(file.path.read_bytes())
        if how == "flipped":
            data[len(data) // 2] ^= 64
            file.path.write_bytes(data)
        elif how == "cut":
            file.path.write_bytes(data[:-1000])
        elif how == "emptied":
            file.path.write_bytes(b"")
        elif how == "lost":
            file.path.unlink()
        elif how == "no note":
            file.note_path.unlink()
        elif how == "note damaged":
            file.note_path.write_text("{}")

    @pytest.mark.parametrize(
        "how", ["flipped", "cut", "emptied", "lost", "no note", "note damaged"]
    )
    def test_searches_go_on_and_repair_mends(
        self, tmp_path: Path, coded: Collection, how: str
    ) -> None:
        expected = found(coded, line(450))
        self.spoil(file_of(coded), how)
        coded.close()
        with Collection.open(tmp_path / "collection") as collection:
            assert found(collection, line(450))[0] == expected[0]
        assert any("codes" in problem.place for problem in verify(tmp_path / "collection").problems)
        report = repair(tmp_path / "collection", spec=EncoderSpec("words"))
        assert report.left == ()
        assert any("codes" in line for line in report.done)
        with Collection.open(tmp_path / "collection") as collection:
            assert plan(collection).startswith("shortlist of ")
            assert found(collection, line(450))[0] == expected[0]

    def test_a_damaged_row_is_not_shown(self, tmp_path: Path, coded: Collection) -> None:
        space = coded.catalog.active_space()
        assert space is not None
        vectors = coded.vector_file(space, "documents")
        row = int(
            np.argmax(
                coded.vectors(space, "documents") @ load(EncoderSpec()).encode_texts([line(450)])[0]
            )
        )
        coded.close()
        data = bytearray(vectors.path.read_bytes())
        data[row * DIM * 2] ^= 1  # hardly changes the score
        vectors.path.write_bytes(data)
        with Collection.open(tmp_path / "collection") as collection:
            assert plan(collection).startswith("shortlist of ")
            with pytest.raises(CorruptError, match="contradict each other"):
                search(collection, line(450), kind="documents")

    @pytest.mark.parametrize("step", range(16))
    def test_a_death_while_they_are_made(
        self,
        tmp_path: Path,
        coded: Collection,
        folder: Path,
        step: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """Whatever step is the last one, searches find all, and the next run completes it."""
        write(folder, "b.txt", range(600, 720))
        with monkeypatch.context() as patch:
            patch.setattr("retrieval.indexing.refresh", lambda *_: None)
            index_folder(coded, folder)
        survived = dies_at(step, lambda: refresh(coded.path, coded.catalog), monkeypatch)
        assert survived or step < 15  # all of its steps were met
        with Collection.open(tmp_path / "collection") as collection:
            assert found(collection, line(450))[0] == line(450)
            assert found(collection, line(715))[0] == line(715)
            index_folder(collection, folder)
            assert note_of(collection).rows == 720
            assert verify(collection).problems == ()

    @pytest.mark.parametrize("step", range(0, 100, 5))
    def test_a_death_while_they_are_forgotten(
        self,
        tmp_path: Path,
        coded: Collection,
        folder: Path,
        step: int,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr("retrieval.coding.TAIL_SHARE", 0)
        write(folder, "secret.txt", range(600, 610))
        index_folder(coded, folder)
        assert note_of(coded).rows == 610
        survived = dies_at(step, lambda: forget(coded, folder / "secret.txt"), monkeypatch)
        assert survived or step < 95
        with Collection.open(tmp_path / "collection", spec=EncoderSpec("words")) as collection:
            if any(file.name == "secret.txt" for file in folder.iterdir()):
                with suppress(UsageError):  # it was forgotten before the death
                    forget(collection, folder / "secret.txt")
            index_folder(collection, folder)
            assert codes_fit(collection)
            assert line(605) not in found(collection, line(605), k=700)
            assert verify(collection).problems == ()


def dies_at(step: int, act: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> bool:
    """Let each change of the disk from this step on fail as if the process were dead; else True."""
    left = [step]

    class Dead(BaseException):
        pass

    class Dying(disk.System):
        def __getattribute__(self, name: str) -> Any:
            if name in ("create", "write", "sync", "rename", "remove", "truncate"):
                left[0] -= 1
                if left[0] < 0:
                    raise Dead
            return super().__getattribute__(name)

    with monkeypatch.context() as patch:
        patch.setattr(disk, "system", Dying())
        try:
            act()
        except Dead:
            return False
    return True


class TestFilter:
    def test_among_some_items(self, coded: Collection) -> None:
        ids = [hit.id for hit in search(coded, "w3", kind="documents", k=600).hits]
        some = sorted(ids)[10:40]
        result = search(coded, "w3", kind="documents", k=50, among=some)
        assert sorted(hit.id for hit in result.hits) == some
        assert (result.matched, result.considered) == (30, 600)
        assert result.method == "exact over 30 allowed rows"
        many = search(coded, "w3", kind="documents", k=5, among=ids[5:])
        assert not {hit.id for hit in many.hits} & set(ids[:5])

    def test_among_none(self, coded: Collection) -> None:
        assert search(coded, "w3", kind="documents", among=[]).hits == ()
        assert search(coded, "w3", kind="documents", among=[10**9]).hits == ()


def test_space_is_needed() -> None:
    catalog = SimpleNamespace(active_space=lambda: None)
    assert learned(Path("nowhere"), catalog) == {}  # type: ignore[arg-type]
