"""Imports: our own sets and those of others come in unchanged, and what does not fit is refused."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval import Collection, EncoderSpec, forget, index_folder, search, verify
from retrieval.errors import EncoderMismatchError, ExchangeError, RetrievalError, UsageError
from retrieval.exchange import sets
from retrieval.exchange.exporting import export_collection
from retrieval.exchange.importing import import_set
from retrieval.storage.layout import read_roots
from tests.conftest import open_toy
from tests.pictures import picture, touch
from tests.toy import ToyEncoder

COLOURS = ("red", "green", "blue", "yellow", "white")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for colour in COLOURS:
        picture(tmp_path / f"photos/{colour}.png", colour)
    picture(tmp_path / "photos/deep/red.png", "black")
    shutil.copy(tmp_path / "photos/green.png", tmp_path / "photos/deep/copy.png")
    return tmp_path / "photos"


@pytest.fixture
def exported(toy: list[ToyEncoder], tmp_path: Path, photos: Path) -> Path:
    with open_toy(tmp_path / "first") as collection:
        index_folder(collection, photos)
        export_collection(collection, tmp_path / "set", form="npy")
    return tmp_path / "set"


def write_set(
    folder: Path,
    paths: Sequence[object],
    vectors: Any,
    column: str = "image_path",
    parts: int = 1,
) -> Path:
    """A set as others write it: .npy files and a CSV."""
    (folder / "img_emb").mkdir(parents=True)
    (folder / "metadata").mkdir()
    for part, rows in enumerate(np.array_split(np.asarray(vectors), parts)):
        np.save(folder / f"img_emb/img_emb_{part}.npy", rows)
    with (folder / "metadata/metadata_0.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerows([[column, "caption"], *([path, "x"] for path in paths)])
    return folder


@pytest.fixture
def foreign(tmp_path: Path, photos: Path) -> Callable[..., Path]:
    """Makes a set of the toy encoder's embeddings, as another program would."""

    def make(change: Callable[[Any], Any] = lambda rows: rows, **options: Any) -> Path:
        from PIL import Image

        encoder = ToyEncoder()
        files = [photos / f"{colour}.png" for colour in COLOURS]
        pictures = [encoder.prepare(Image.open(path).convert("RGB")) for path in files]
        rows = change(encoder.encode_images(np.stack(pictures)))
        return write_set(tmp_path / "foreign", files, rows, **options)

    return make


def vectors_by_path(collection: Collection) -> dict[str, bytes]:
    space = collection.catalog.active_space()
    assert space is not None
    rows = collection.vectors(space, "photos")
    items = collection.catalog.items_at(space, "photos", range(len(rows)))
    photos = collection.catalog.photos_by_id(list(items.values()))
    return {path: rows[r].tobytes() for r, i in items.items() for path in photos[i].paths}


# --- our own ----------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["parquet", "csv"])
def test_back_and_equal(
    exported: Path, toy: list[ToyEncoder], tmp_path: Path, photos: Path, table: str
) -> None:
    shutil.rmtree(exported / {"parquet": "metadata_csv", "csv": "metadata"}[table])
    toy.clear()
    with open_toy(tmp_path / "second") as second, open_toy(tmp_path / "first") as first:
        report = import_set(second, exported)
        assert (report.rows, report.imported, report.linked, report.unchanged) == (6, 6, 1, 0)
        assert (report.left_out, report.least, report.checked) == ((), None, 0)
        assert (report.photos, report.encoder) == (6, "toy")
        assert sum(encoder.images_seen for encoder in toy) == 0
        assert vectors_by_path(second) == vectors_by_path(first)
        assert search(second, "blue", k=1).hits[0].path == str(photos / "blue.png")
        photo, same = second.catalog.photos_by_id([1])[1], first.catalog.photos_by_id([1])[1]
        assert (photo.width, photo.height, photo.format) == (same.width, same.height, same.format)
        again = index_folder(second, photos)
        assert (again.unchanged, again.embedded) == (7, 0)
        assert second.catalog.runs(9)[-1].command == "import"
    assert verify(tmp_path / "second").problems == ()
    assert read_roots(tmp_path / "second") == [str(photos)]


def test_what_is_known_is_left_alone(exported: Path, tmp_path: Path, photos: Path) -> None:
    with open_toy(tmp_path / "second") as second:
        index_folder(second, [photos / "red.png", photos / "deep"])
        before = vectors_by_path(second)
        report = import_set(second, exported)
        assert (report.imported, report.linked, report.unchanged) == (3, 1, 3)
        assert before.items() <= vectors_by_path(second).items()
        assert import_set(second, exported).unchanged == 7
    assert verify(tmp_path / "second").problems == ()


def test_photos_that_moved_are_found_by_their_hash(
    exported: Path, tmp_path: Path, photos: Path
) -> None:
    photos.rename(tmp_path / "elsewhere")
    picture(tmp_path / "elsewhere/red.png", "white", (30, 30))
    with open_toy(tmp_path / "second") as second:
        with pytest.raises(ExchangeError, match=r"None of the files .* --root FOLDER"):
            import_set(second, exported, root=exported)
        report = import_set(second, exported, root=tmp_path / "elsewhere")
        assert report.imported == 5
        (left_out,) = report.left_out
        assert left_out.path == str(tmp_path / "elsewhere/red.png")
        assert "not the photo that was exported" in left_out.reason


def test_files_that_are_missing_broken_or_forgotten(
    exported: Path, tmp_path: Path, photos: Path
) -> None:
    (photos / "red.png").unlink()
    with open_toy(tmp_path / "second") as second:
        index_folder(second, photos / "blue.png")
        forget(second, [photos / "blue.png"])
        report = import_set(second, exported)
        reasons = {os.path.basename(s.path): s.reason for s in report.left_out}
        assert reasons["red.png"] == "there is no such file"
        assert "it was forgotten" in reasons["blue.png"]
        assert report.imported == 4
        assert str(photos / "blue.png") not in vectors_by_path(second)


def test_a_set_that_was_changed_is_refused(exported: Path, tmp_path: Path) -> None:
    path = exported / "img_emb/img_emb_0.npy"
    rows = np.load(path)
    np.save(path, rows[::-1])
    with open_toy(tmp_path / "second") as second:
        with pytest.raises(ExchangeError, match=r"img_emb_0.npy .* changed since the export"):
            import_set(second, exported)
        (exported / "export.json").unlink()
        with pytest.raises(ExchangeError, match=r"Of 6 photos .*least -?0\.\d+, median"):
            import_set(second, exported, trust=True)
        assert second.catalog.active_space() is None


def test_another_encoder(exported: Path, tmp_path: Path) -> None:
    with (
        open_toy(tmp_path / "second", "toy2") as second,
        pytest.raises(EncoderMismatchError, match="made with the encoder toy;"),
    ):
        import_set(second, exported)


def test_texts_are_not_imported(toy: list[ToyEncoder], tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("red")
    with open_toy(tmp_path / "first") as collection:
        index_folder(collection, tmp_path / "a.txt")
        export_collection(collection, tmp_path / "texts", form="npy", kind="documents")
        with pytest.raises(ExchangeError, match="embeddings of texts"):
            import_set(collection, tmp_path / "texts")


def test_many_pieces(exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sets, "AT_ONCE", 2)
    with open_toy(tmp_path / "second") as second, open_toy(tmp_path / "first") as first:
        assert import_set(second, exported).imported == 6
        assert vectors_by_path(second) == vectors_by_path(first)


# --- of others --------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_set_of_others(
    foreign: Callable[..., Path], tmp_path: Path, collection: Collection, dtype: str
) -> None:
    source = foreign(lambda rows: rows.astype(dtype), column="path", parts=3)
    with pytest.raises(ExchangeError, match=r"does not say what made .*--trust"):
        import_set(collection, source)
    report = import_set(collection, source, trust=True)
    assert (report.imported, report.checked, report.rescaled) == (5, 5, 0)
    assert report.least == pytest.approx(1, abs=1e-3)
    assert search(collection, "blue", k=1).hits[0].path.endswith("blue.png")


def test_lengths_do_not_matter(foreign: Callable[..., Path], collection: Collection) -> None:
    report = import_set(collection, foreign(lambda rows: rows * 7), trust=True)
    assert (report.imported, report.rescaled) == (5, 5)
    assert verify(collection.path).problems == ()


def test_a_sample_is_compared(
    foreign: Callable[..., Path], toy: list[ToyEncoder], collection: Collection
) -> None:
    report = import_set(collection, foreign(), trust=True, sample=2)
    assert (report.checked, report.imported) == (2, 5)
    assert sum(encoder.images_seen for encoder in toy) == 2


def spoiled(rows: Any, value: float) -> Any:
    rows[3] = value
    return rows


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda rows: np.roll(rows, 1, axis=0), "Of 5 photos that were embedded again with toy"),
        (lambda rows: -rows, "0 have a cosine of at least 0.98"),
        (lambda rows: np.hstack([rows, rows]), "have 6 dimensions, those of the encoder 3"),
        (lambda rows: spoiled(rows, np.nan), "Row 3 .*empty or not finite"),
        (lambda rows: spoiled(rows, np.inf), "Row 3 .*empty or not finite"),
        (lambda rows: spoiled(rows, 0.0), "Row 3 .*empty or not finite"),
        (lambda rows: (rows * 100).astype(np.int8), "holds int8 of shape"),
        (lambda rows: rows[:4], "has 4 embeddings and at least 5 records"),
        (lambda rows: np.vstack([rows, rows]), "has 10 embeddings and 5 records"),
        (lambda rows: rows.reshape(-1), "of shape"),
    ],
)
def test_what_does_not_fit(
    foreign: Callable[..., Path], collection: Collection, change: Any, words: str
) -> None:
    with pytest.raises(RetrievalError, match=words):
        import_set(collection, foreign(change), trust=True)
    assert collection.catalog.active_space() is None
    assert collection.catalog.runs(1) == []


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("img_emb/img_emb_0.npy", b"", "cannot be read as an array"),
        ("img_emb/img_emb_0.npy", b"\x93NUMPY\x01\x00v\x00{'descr'", "cannot be read as an array"),
        ("metadata/metadata_0.csv", b"a,b\n1,2\n", "no column that names the photos"),
        ("metadata/metadata_0.csv", b"", "no column that names the photos"),
        ("metadata/metadata_0.csv", b'image_path\n"' + b"x" * 17_000_000, "cannot be read"),
        ("metadata/metadata_0.parquet", b"PAR1 no", "cannot be read"),
        ("export.json", b'{"fingerprint": 1}', "cannot be read as the note"),
        ("export.json", b"[" * 100_000, "cannot be read as the note"),
        ("export.json", b'{"fingerprint": "x", "format": 9}', "another version of retrieval"),
    ],
)
def test_hostile_files(
    foreign: Callable[..., Path], collection: Collection, name: str, data: bytes, words: str
) -> None:
    source = foreign()
    (source / name).write_bytes(data)
    with pytest.raises(RetrievalError, match=words):
        import_set(collection, source, trust=True)


def test_arrays_that_run_code_are_not_loaded(
    foreign: Callable[..., Path], collection: Collection
) -> None:
    source = foreign()
    np.save(source / "img_emb/img_emb_0.npy", np.array([print], object), allow_pickle=True)
    with pytest.raises(ExchangeError, match="cannot be read as an array"):
        import_set(collection, source, trust=True)


def test_odd_paths(tmp_path: Path, photos: Path, collection: Collection) -> None:
    odd = ["", "a\0b", "http://example.org/a.jpg", "/etc", "x" * 5000, "../photos/red.png"]
    names = [*odd, photos / "green.png"]
    rows = np.tile(ToyEncoder().encode_texts(["green"]), (len(names), 1))
    rows[5] = ToyEncoder().encode_texts(["red"])[0]
    source = write_set(tmp_path / "odd", names, rows)
    with pytest.raises(ExchangeError, match="Of 2 photos"):  # the toy's texts are near, not equal
        import_set(collection, source, root=photos, trust=True)


def test_relative_paths(tmp_path: Path, photos: Path, collection: Collection) -> None:
    index = {"red.png": (255, 0, 0), "green.png": (0, 255, 0)}
    rows = np.array(list(index.values()), np.float32) - 64
    source = write_set(tmp_path / "relative", list(index), rows)
    report = import_set(collection, source, root=photos, trust=True)
    assert report.imported == 2
    with pytest.raises(UsageError, match="There is no folder"):
        import_set(collection, source, root=tmp_path / "nowhere", trust=True)
    for wrong in (tmp_path / "nowhere", photos / "red.png"):
        with pytest.raises(UsageError, match="There is no folder"):
            import_set(collection, wrong)
    with pytest.raises(ExchangeError, match="holds no set of embeddings"):
        import_set(collection, photos)


def test_with_a_real_encoder(shared: Path, tmp_path: Path) -> None:
    """What another program makes of the same model: Pillow's own decoding at full size."""
    from PIL import Image

    from retrieval.encoders import load_encoder

    files = sorted((shared / "coco-470").rglob("*.jpg"))[:8]
    encoder = load_encoder(EncoderSpec("mini"))
    pictures = [encoder.prepare(Image.open(path).convert("RGB")) for path in files]
    rows = encoder.encode_images(np.stack(pictures))
    source = write_set(tmp_path / "set", files, rows)
    with Collection.open(tmp_path / "c", create=True, spec=EncoderSpec("mini")) as collection:
        report = import_set(collection, source, trust=True)
        assert (report.checked, report.imported) == (8, 8)
        assert report.least is not None
        assert report.least > 0.98


def test_a_touched_file_is_linked_anew(exported: Path, tmp_path: Path, photos: Path) -> None:
    with open_toy(tmp_path / "second") as second:
        import_set(second, exported)
        touch(photos / "red.png")
        report = import_set(second, exported)
        assert (report.linked, report.unchanged, report.imported) == (1, 6, 0)
        assert index_folder(second, photos).unchanged == 7


def test_the_note_says_what_made_it(exported: Path) -> None:
    note = json.loads((exported / "export.json").read_text())
    assert set(note["files"]) == {
        *("img_emb/img_emb_0.npy", "metadata/metadata_0.parquet", "metadata_csv/metadata_0.csv")
    }
