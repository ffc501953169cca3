"""Exports: every form read back by another reader, whole or not at all, and nothing overwritten."""

from __future__ import annotations

import csv
import errno
import json
import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval import Collection, forget, index_folder, search
from retrieval.errors import (
    CorruptError,
    ExchangeError,
    LockedError,
    MissingExtraError,
    NoCollectionError,
    StorageError,
    UsageError,
)
from retrieval.exchange import arrays, entries
from retrieval.exchange.exporting import export_collection
from retrieval.exchange.places import MOST_NAME_BYTES, free_name
from retrieval.records import FORMS, Facts, ForgetReport, Form, Looks, Progress
from retrieval.storage import disk
from retrieval.storage.commits import Batch
from retrieval.storage.tables import facts, looks, writing
from tests.conftest import open_toy
from tests.pictures import picture
from tests.toy import ToyEncoder

COLOURS = ("red", "green", "blue", "yellow", "white")


@pytest.fixture
def filled(toy: list[ToyEncoder], tmp_path: Path) -> Iterator[Collection]:
    photos = tmp_path / "photos"
    for colour in COLOURS:
        picture(photos / f"{colour}.png", colour)
    picture(photos / "deep/red.png", "black")
    shutil.copy(photos / "green.png", photos / "deep/copy.png")
    shutil.copy(photos / "blue.png", os.fsencode(photos) + b"/b\xff.png")
    (photos / "blue.png").unlink()
    captions = 'image,caption\nred.png,all red\nred.png,"red, ""again"""\nyellow.png,jaune é\n'
    (photos / "captions.csv").write_text(captions, "utf-8")
    with open_toy(tmp_path / "collection") as collection:
        index_folder(collection, photos)
        yield collection


def by_name(records: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {os.path.basename(record["image_path"]): record for record in records}


def add_facts(collection: Collection, photo: int) -> None:
    with collection.catalog.writing() as connection:
        connection.execute(
            facts.insert()
            .prefix_with("OR REPLACE")
            .values(
                photo_id=photo,
                version=1,
                taken_at="2021-04-03T17:20:05",
                city="Kyoto",
                latitude=35.01,
                iso=200,
                caption="a temple",
                keywords='["trip", "雪"]',
            )
        )
        values = {"version": 1, "phash": -5, "sharpness": 0.5, "brightness": 0.25}
        again = looks.insert().prefix_with("OR REPLACE")
        connection.execute(again.values(photo_id=photo, colours='["red"]', **values))
        connection.execute(writing.insert().values(photo_id=photo, reader="x", text="Gate 27B"))


def photo_id(collection: Collection, name: str) -> int:
    files = collection.catalog.known_files(["/"]).values()
    (found,) = {f.photo_id for f in files if f.path.endswith(name) and f.photo_id is not None}
    assert found is not None
    return found


# --- tables -----------------------------------------------------------------------------------


def read_back(form: Form, path: Path) -> list[dict[str, Any]]:
    if form == "parquet":
        import pyarrow.parquet as parquet

        return list(parquet.read_table(path).to_pylist())
    if form == "csv":
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))
    text = path.read_text("utf-8")
    return json.loads(text) if form == "json" else [json.loads(s) for s in text.splitlines()]


@pytest.mark.parametrize("form", ["parquet", "csv", "json", "jsonl"])
def test_tables(filled: Collection, tmp_path: Path, form: Form) -> None:
    add_facts(filled, photo_id(filled, "photos/red.png"))
    report = export_collection(filled, tmp_path / "out", form=form)
    assert (report.items, report.left_out) == (6, ())
    assert report.bytes == (tmp_path / "out").stat().st_size
    records = read_back(form, tmp_path / "out")
    assert len(records) == 6
    red, green = by_name(records)["red.png"], by_name(records)["green.png"]
    if red["city"] in (None, ""):  # there are two of that name
        red = next(record for record in records if record["city"])
    number = {"csv": str}.get(form, lambda value: value)
    assert red["caption"] == "all red"
    assert red["description"] == "a temple"
    assert (red["taken_at"], red["city"]) == ("2021-04-03T17:20:05", "Kyoto")
    assert (red["iso"], red["latitude"]) == (number(200), number(35.01))
    assert (red["phash"], red["sharpness"]) == (number(-5), number(0.5))
    assert red["writing"] == "Gate 27B"
    captions, keywords, also = red["captions"], red["keywords"], green["also"]
    if form == "csv":
        captions, keywords, also = json.loads(captions), json.loads(keywords), json.loads(also)
    assert captions == ["all red", 'red, "again"']
    assert keywords == ["trip", "雪"]
    paths = [green["image_path"], *also]
    assert sorted(os.path.basename(path) for path in paths) == ["copy.png", "green.png"]
    assert green["city"] in (None, "")


def test_every_fact_has_a_column() -> None:
    names = {"description" if n == "caption" else n for n in Facts.__dataclass_fields__}
    assert names | set(Looks.__dataclass_fields__) <= set(entries.PHOTO_COLUMNS)


def test_paths_that_are_not_utf8(filled: Collection, tmp_path: Path) -> None:
    path = os.fsencode(tmp_path / "photos") + b"/b\xff.png"
    for form in ("parquet", "csv", "json"):
        export_collection(filled, tmp_path / form, form=form)
        records = read_back(form, tmp_path / form)
        if form == "json":
            assert os.fsdecode(path) in {record["image_path"] for record in records}
        else:
            (raw,) = (r["path_bytes"] for r in records if r["path_bytes"])
            assert (bytes.fromhex(raw) if form == "csv" else raw) == path


def test_a_photo_of_the_collection_is_never_replaced(filled: Collection, tmp_path: Path) -> None:
    photo = tmp_path / "photos/red.png"
    before = photo.read_bytes()
    (tmp_path / "link.csv").symlink_to(photo)
    for target in (photo, tmp_path / "link.csv"):
        with pytest.raises(ExchangeError, match="a file of the collection"):
            export_collection(filled, target, form="csv", replace=True)
    with pytest.raises(ExchangeError, match="a device"):
        export_collection(filled, "/dev/null", form="csv", replace=True)
    assert photo.read_bytes() == before


def test_documents(filled: Collection, tmp_path: Path) -> None:
    export_collection(filled, tmp_path / "out", form="jsonl", kind="documents")
    records = read_back("jsonl", tmp_path / "out")
    assert {r["caption"] for r in records} == {"all red", 'red, "again"', "jaune é"}
    assert {r["line"] for r in records} == {2, 3, 4}
    assert records[0]["file"] == str(tmp_path / "photos/captions.csv")
    assert records[0]["image_path"] == str(tmp_path / "photos/red.png")


@settings(max_examples=30)
@given(st.lists(st.integers(-2, 9), max_size=12))
def test_some_items_in_their_order(filled: Collection, ids: list[int]) -> None:
    target = filled.path.parent / "out.jsonl"
    report = export_collection(
        filled, target, form="jsonl", among=ids, scores={3: 0.5}, replace=True
    )
    records = read_back("jsonl", target)
    once = list(dict.fromkeys(ids))
    assert [record["id"] for record in records] == [i for i in once if 1 <= i <= 6]
    assert [s.path for s in report.left_out] == [f"id {i}" for i in once if not 1 <= i <= 6]
    assert all(record["score"] == (0.5 if record["id"] == 3 else None) for record in records)


def test_no_item_at_all(filled: Collection, tmp_path: Path) -> None:
    for form in FORMS:
        assert export_collection(filled, tmp_path / form, form=form, among=[]).items == 0
    assert read_back("json", tmp_path / "json") == []
    assert read_back("parquet", tmp_path / "parquet") == []
    assert np.load(tmp_path / "npy/img_emb/img_emb_0.npy").shape == (0, 3)


def test_many_pieces_and_parts(
    filled: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_collection(filled, tmp_path / "whole.csv", form="csv")
    monkeypatch.setattr(entries, "AT_ONCE", 2)
    monkeypatch.setattr(arrays, "PART", 5)
    export_collection(filled, tmp_path / "pieces.csv", form="csv")
    assert (tmp_path / "pieces.csv").read_bytes() == (tmp_path / "whole.csv").read_bytes()
    export_collection(filled, tmp_path / "set", form="npy")
    parts = sorted((tmp_path / "set/img_emb").iterdir())
    assert [(p.name, len(np.load(p))) for p in parts] == [
        ("img_emb_0.npy", 5),
        ("img_emb_1.npy", 1),
    ]


# --- embeddings -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_embeddings_beside_records(filled: Collection, tmp_path: Path, dtype: Any) -> None:
    report = export_collection(filled, tmp_path / "set", form="npy", dtype=dtype)
    found = np.load(tmp_path / "set/img_emb/img_emb_0.npy")
    assert found.dtype == dtype
    space = filled.catalog.active_space()
    assert space is not None
    items = filled.catalog.items_at(space, "photos", range(6))
    for name in ("metadata/metadata_0.parquet", "metadata_csv/metadata_0.csv"):
        form: Form = "parquet" if name.endswith("t") else "csv"
        records = read_back(form, tmp_path / "set" / name)
        row_of = {item: row for row, item in items.items()}
        rows = [row_of[int(record["id"])] for record in records]
        np.testing.assert_array_equal(found, filled.vectors(space, "photos")[rows].astype(dtype))
    note = json.loads((tmp_path / "set/export.json").read_text())
    assert (note["encoder"], note["fingerprint"]) == ("toy", space.fingerprint)
    assert (note["items"], note["dim"], report.items) == (6, 3, 6)


def test_texts(filled: Collection, tmp_path: Path) -> None:
    export_collection(filled, tmp_path / "set", form="npy", kind="documents")
    assert np.load(tmp_path / "set/text_emb/text_emb_0.npy").shape == (3, 3)


def test_without_pyarrow(
    filled: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'retrieval\[parquet\]'"):
        export_collection(filled, tmp_path / "out", form="parquet")
    report = export_collection(filled, tmp_path / "set", form="npy")
    assert "Without pyarrow" in report.notes[0]
    assert sorted(p.name for p in (tmp_path / "set").iterdir()) == [
        "export.json",
        "img_emb",
        "metadata_csv",
    ]


def test_damaged_vectors_are_not_handed_on(filled: Collection, tmp_path: Path) -> None:
    space = filled.catalog.active_space()
    assert space is not None
    path = filled.vector_file(space, "photos").path
    data = bytearray(path.read_bytes())
    data[9] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptError, match=r"damaged; nothing was exported.*repair"):
        export_collection(filled, tmp_path / "set", form="npy")
    assert not (tmp_path / "set").exists()


def test_photos_that_are_forgotten_meanwhile(
    filled: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "AT_ONCE", 2)

    def erase_all(_: Progress) -> None:
        """What forget does to rows; it would wait for the end of the export to empty the log."""
        with Collection.open(filled.path) as other, other.writing():
            space = other.catalog.active_space()
            assert space is not None
            other.commit(Batch())
            other.vector_file(space, "photos").erase(range(6))

    with pytest.raises(LockedError, match=r"was changed meanwhile\. Export it again"):
        export_collection(filled, tmp_path / "set", form="npy", on_progress=erase_all)
    assert not (tmp_path / "set").exists()


def test_copies_keep_no_one_from_forgetting(
    filled: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entries, "AT_ONCE", 2)
    forgotten: list[ForgetReport] = []

    def forget_all(_: Progress) -> None:
        if not forgotten:
            with Collection.open(filled.path) as other:
                forgotten.append(forget(other, [tmp_path / "photos"]))

    report = export_collection(filled, tmp_path / "out", form="copies", on_progress=forget_all)
    assert (report.items, len(report.left_out)) == (2, 4)
    assert "forgotten meanwhile" in report.left_out[0].reason
    assert forgotten[0].wiped


# --- copies and links -------------------------------------------------------------------------


def test_copies(filled: Collection, tmp_path: Path) -> None:
    target = tmp_path / "out"
    report = export_collection(filled, target, form="copies")
    told = json.loads((target / "export.json").read_text())
    assert report.items == len(told["items"]) == 6
    assert {p.name for p in target.iterdir()} == {
        *("red.png", "red (2).png", "green.png", "yellow.png", "white.png", "export.json"),
        os.fsdecode(b"b\xff.png"),
    }
    for item in told["items"]:
        source, copy = Path(item["from"]), target / item["file"]
        assert copy.read_bytes() == source.read_bytes()
        assert copy.stat().st_mtime_ns == source.stat().st_mtime_ns
        assert not copy.is_symlink()
    assert report.bytes == sum(Path(item["from"]).stat().st_size for item in told["items"])


def test_links_and_folders(filled: Collection, tmp_path: Path) -> None:
    export_collection(filled, tmp_path / "out", form="links", tree=True)
    names = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.png")}
    assert {"photos/red.png", "photos/deep/red.png"} <= names
    assert (tmp_path / "out/photos/deep/red.png").readlink() == tmp_path / "photos/deep/red.png"


def test_what_is_there_stays(filled: Collection, tmp_path: Path) -> None:
    target = tmp_path / "out"
    (target / "photos/deep").mkdir(parents=True)
    for name in ("red.png", "photos/red.png", "export.json"):
        (target / name).write_text("mine")
    export_collection(filled, target, form="copies", tree=True)
    export_collection(filled, target, form="links")
    for name in ("red.png", "photos/red.png", "export.json"):
        assert (target / name).read_text() == "mine"
    assert (target / "photos/red (2).png").is_file()
    assert (target / "red (2).png").is_symlink()
    assert (target / "export (2).json").is_file()
    assert (target / "export (3).json").is_file()
    assert not [path for path in target.rglob("*") if path.name.endswith(".tmp")]


def test_files_that_are_gone_or_others_now(filled: Collection, tmp_path: Path) -> None:
    picture(tmp_path / "photos/red.png", "white", (40, 40))
    (tmp_path / "photos/yellow.png").unlink()
    (tmp_path / "photos/green.png").unlink()  # of which there is a copy
    report = export_collection(filled, tmp_path / "out", form="copies")
    reasons = {os.path.basename(s.path): s.reason for s in report.left_out}
    assert set(reasons) == {"red.png", "yellow.png"}
    assert "changed since it was indexed" in reasons["red.png"]
    assert (tmp_path / "out/copy.png").is_file()
    assert report.items == 4


@settings(max_examples=50)
@given(st.text(st.characters(blacklist_characters="/\0", codec="utf-8"), min_size=1, max_size=90))
def test_names_stay_short_and_free(tmp_path: Path, name: str) -> None:
    if name in (".", "..") or len(os.fsencode(name)) > MOST_NAME_BYTES:
        return
    folder = tmp_path / "names"
    folder.mkdir(exist_ok=True)
    for _ in range(3):
        found, _ = free_name((folder,), name)
        assert not os.path.lexists(folder / found)
        assert len(os.fsencode(found)) <= MOST_NAME_BYTES
        (folder / found).touch()


# --- what may go wrong ------------------------------------------------------------------------


class FullDisk(disk.System):
    """A disk on which the n-th step that needs room fails."""

    def __init__(self, at: int) -> None:
        self.left = at

    def _step(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        self._step()
        super().write(descriptor, data, offset)

    def create(self, path: Path, mode: int = disk.FILE_MODE, new: bool = False) -> int:
        self._step()
        return super().create(path, mode, new)

    def make_link(self, path: Path, target: str) -> None:
        self._step()
        super().make_link(path, target)

    def rename(self, source: Path, target: Path) -> None:
        self._step()
        super().rename(source, target)


@contextmanager
def full_disk(at: int) -> Iterator[FullDisk]:
    before, disk.system = disk.system, FullDisk(at)
    try:
        yield disk.system
    finally:
        disk.system = before


@pytest.mark.parametrize("form", FORMS)
def test_a_full_disk_leaves_nothing(filled: Collection, tmp_path: Path, form: Form) -> None:
    place = tmp_path / "place"
    place.mkdir()
    messages: list[str] = []
    for at in range(200):
        with full_disk(at) as system:
            try:
                export_collection(filled, place / "out", form=form)
            except StorageError as exc:
                messages.append(str(exc))
            else:
                break
        assert list(place.iterdir()) == [], at
    assert system.left >= 0
    assert len(messages) > 2
    assert all("No space left on device; nothing was exported" in text for text in messages)
    assert [path.name for path in place.iterdir()] == ["out"]


def test_places_that_will_not_do(filled: Collection, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").write_text("mine")
    (tmp_path / "link").symlink_to(filled.path)
    for target, form, words in (
        (tmp_path / "file", "csv", "is there already and stays as it is"),
        (tmp_path / "full", "csv", "is there already"),
        (tmp_path / "file", "npy", "is a file"),
        (tmp_path / "full", "npy", "is not empty"),
        (filled.path / "out", "npy", "lies in the collection itself"),
        (tmp_path / "link", "copies", "lies in the collection itself"),
        (tmp_path / "no/where/out.csv", "csv", "There is no folder"),
    ):
        with pytest.raises(ExchangeError, match=words):
            export_collection(filled, target, form=form)
    assert (tmp_path / "file").read_text() == (tmp_path / "full/x").read_text() == "mine"
    export_collection(filled, tmp_path / "file", form="csv", replace=True)
    assert len(read_back("csv", tmp_path / "file")) == 6


def test_what_cannot_be_asked(filled: Collection, tmp_path: Path) -> None:
    wrong: list[dict[str, Any]] = [
        {"form": "xml"},
        {"form": "csv", "kind": "videos"},
        {"form": "npy", "dtype": "int8"},
        {"form": "copies", "kind": "documents"},
    ]
    for options in wrong:
        with pytest.raises(UsageError):
            export_collection(filled, tmp_path / "out", **options)
    for target in ("", "a\0b"):
        with pytest.raises(UsageError, match="No place to export to"):
            export_collection(filled, target, form="csv")


def test_an_empty_collection(collection: Collection, tmp_path: Path) -> None:
    with pytest.raises(NoCollectionError, match="holds no photos yet"):
        export_collection(collection, tmp_path / "out", form="csv")


def test_modes_are_the_users_own(filled: Collection, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        export_collection(filled, tmp_path / "set", form="npy")
        export_collection(filled, tmp_path / "out.csv", form="csv")
    finally:
        os.umask(before)
    assert (tmp_path / "set").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "set/img_emb/img_emb_0.npy").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o644


def test_searching_goes_on_as_it_was(filled: Collection, tmp_path: Path) -> None:
    before = filled.catalog.generation()
    for form in FORMS:
        export_collection(filled, tmp_path / form, form=form)
    assert filled.catalog.generation() == before
    assert search(filled, "red", k=1).hits[0].path.endswith("red.png")
