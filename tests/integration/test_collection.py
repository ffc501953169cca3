"""Opening, refusing and describing collections."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval import Collection, EncoderSpec, index_folder, repair, search, verify
from retrieval import collection as collection_module
from retrieval.cli.html import render_page
from retrieval.errors import (
    CollectionError,
    CorruptError,
    EncoderError,
    EncoderMismatchError,
    FormatError,
    ImageError,
    LockedError,
    NoCollectionError,
    StorageError,
    UsageError,
)
from retrieval.records import FileStat
from retrieval.storage.catalog import Catalog
from retrieval.storage.commits import Batch, FileEntry, Line
from retrieval.storage.database import Database
from retrieval.storage.layout import FORMAT, collection_path, read_manifest, write_lock
from retrieval.storage.readable import SCHEMA_VERSION, Readable
from retrieval.storage.vectors import KEY
from tests.conftest import LONGEST_S, ROOT, open_toy
from tests.pictures import picture
from tests.toy import ToyEncoder


@pytest.fixture
def made(tmp_path: Path, toy: list[ToyEncoder]) -> Path:
    """A collection of one red photo."""
    picture(tmp_path / "photos/red.jpg", "red", (64, 48))
    with open_toy(tmp_path / "made") as collection:
        index_folder(collection, [tmp_path / "photos"])
    return tmp_path / "made"


def reseal(place: Path) -> None:
    """Make what a test did to the catalog look like what this package wrote."""
    database = Database(place / "catalog.db")
    database.seal()
    database.close()


class TestWhere:
    def test_home_comes_first(self, tmp_path: Path) -> None:
        (tmp_path / "indexes").mkdir()
        assert collection_path("mine", "elsewhere") == tmp_path / "elsewhere/mine"
        assert collection_path("mine") == tmp_path / "home/mine"  # RETRIEVAL_HOME
        assert collection_path() == tmp_path / "home/default"

    def test_then_indexes_here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("RETRIEVAL_HOME")
        (tmp_path / "indexes").mkdir()
        assert collection_path("mine") == tmp_path / "indexes/mine"

    def test_then_the_data_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("RETRIEVAL_HOME")
        monkeypatch.setattr("platformdirs.user_data_dir", lambda *_, **__: str(tmp_path / "data"))
        assert collection_path("mine") == tmp_path / "data/indexes/mine"

    @pytest.mark.parametrize(
        ("where", "expected"),
        [("./x", "x"), ("a/b", "a/b"), ("..", ".."), ("~/x", "user/x"), ("../y/x", "../y/x")],
    )
    def test_paths(
        self, tmp_path: Path, where: str, expected: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path / "user"))
        assert collection_path(where) == Path(os.path.abspath(tmp_path / expected))

    @pytest.mark.parametrize("name", ["my photos", "2024-05_a.b", "Größe"])
    def test_names(self, tmp_path: Path, name: str) -> None:
        assert collection_path(name) == tmp_path / "home" / name

    @pytest.mark.parametrize("name", ["a\nb", "-x", "a*", " x", "a?b"])
    def test_what_is_no_name(self, name: str) -> None:
        with pytest.raises(UsageError, match="is no name for a collection"):
            collection_path(name)

    @pytest.mark.parametrize("name", ["a b", "a?b#c%20d", "ü", "x" * 200])
    def test_folders_of_any_name(self, tmp_path: Path, toy: list[ToyEncoder], name: str) -> None:
        picture(tmp_path / "photos/red.jpg")
        with open_toy(tmp_path / name) as collection:
            index_folder(collection, [tmp_path / "photos"])
        with Collection.open(tmp_path / name) as collection:
            assert collection.info().photos == 1
        assert (tmp_path / name / "catalog.db").is_file()


class TestOpening:
    def test_there_is_none(self, tmp_path: Path) -> None:
        with pytest.raises(NoCollectionError, match="Make one with: retrieval index FOLDER"):
            Collection.open("mine")
        assert not (tmp_path / "home").exists()

    @pytest.mark.parametrize("name", ["x" * 300, "x" * 5000])
    def test_a_name_that_is_too_long(self, name: str) -> None:
        with pytest.raises((NoCollectionError, StorageError)):
            Collection.open(name)

    def test_making_one(self, tmp_path: Path, toy: list[ToyEncoder]) -> None:
        with open_toy(tmp_path / "deep/er/new") as collection:
            assert collection.info().encoder == "none yet"
        manifest = read_manifest(tmp_path / "deep/er/new")
        assert manifest["format"] == FORMAT
        assert manifest["created_by"].startswith("retrieval ")
        assert not toy, "no encoder is loaded before it is needed"

    def test_photos_are_private(self, made: Path) -> None:
        assert made.stat().st_mode & 0o077 == 0

    def test_not_in_a_folder_with_other_things(self, tmp_path: Path) -> None:
        picture(tmp_path / "photos/a.jpg")
        with pytest.raises(CollectionError, match="with other things in it"):
            open_toy(tmp_path / "photos")
        with pytest.raises(CollectionError, match="is a file"):
            open_toy(tmp_path / "photos/a.jpg")
        assert [path.name for path in (tmp_path / "photos").iterdir()] == ["a.jpg"]

    def test_nothing_indexed_yet(self, tmp_path: Path, toy: list[ToyEncoder]) -> None:
        message = "holds no photos yet"
        with (
            open_toy(tmp_path / "new") as collection,
            pytest.raises(NoCollectionError, match=message),
        ):
            search(collection, "red")
        assert not toy

    def test_no_documents(self, made: Path) -> None:
        message = "holds no documents yet"
        with open_toy(made) as collection, pytest.raises(NoCollectionError, match=message):
            search(collection, "red", kind="documents")


class TestRefusing:
    @pytest.mark.parametrize("number", [FORMAT + 1, 0, "1", None])
    def test_another_format(self, made: Path, number: Any) -> None:
        (made / "manifest.json").write_text(json.dumps({"format": number}))
        with pytest.raises(FormatError, match=f"has collection format {number}; this program"):
            Collection.open(made)

    @pytest.mark.parametrize("content", ["", "{", "[]", "{}", "null", "\xff"])
    def test_a_damaged_manifest(self, made: Path, content: str) -> None:
        (made / "manifest.json").write_bytes(content.encode("latin-1"))
        with pytest.raises(CorruptError, match=r"manifest\.json is damaged"):
            Collection.open(made)

    def test_an_unreadable_manifest(self, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def forbid(*_: Any) -> str:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "read_bytes", forbid)
        with pytest.raises(StorageError, match="Check its permissions"):
            Collection.open(made)

    def test_a_newer_schema(self, made: Path) -> None:
        with sqlite3.connect(made / "catalog.db") as connection:
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
        connection.close()
        reseal(made)
        with pytest.raises(FormatError, match=r"schema version 6, this program knows 5\. Update"):
            Collection.open(made)

    def test_a_damaged_catalog(self, made: Path) -> None:
        for extra in made.glob("catalog.db-*"):
            extra.unlink()
        (made / "catalog.db").write_bytes(b"no database " * 500)
        with pytest.raises(CorruptError, match=r"catalog\.db is damaged"):
            Collection.open(made)

    def test_a_lost_catalog(self, made: Path) -> None:
        (made / "catalog.db").unlink()
        with pytest.raises(CorruptError, match=r"has lost its catalog\.db"):
            Collection.open(made)
        assert not (made / "catalog.db").exists()


class TestEncoders:
    def test_another_one(self, made: Path, tmp_path: Path) -> None:
        picture(tmp_path / "photos/green.jpg", "green")
        for act in (
            lambda c: search(c, "red"),
            lambda c: index_folder(c, [tmp_path / "photos"]),
        ):
            message = "made with the encoder toy; toy2"
            with (
                open_toy(made, model="toy2") as collection,
                pytest.raises(EncoderMismatchError, match=message),
            ):
                act(collection)

    def test_another_one_is_refused_even_if_nothing_is_new(
        self, made: Path, tmp_path: Path
    ) -> None:
        with open_toy(made, "toy2") as collection, pytest.raises(EncoderMismatchError):
            index_folder(collection, [tmp_path / "photos"])

    def test_the_same_with_other_weights(self, made: Path) -> None:
        with open_toy(made) as collection:
            collection.encoder()
        with open_toy(made) as collection:
            import tests.toy as module

            load = module.load

            def changed(spec: EncoderSpec) -> ToyEncoder:
                encoder = load(spec)
                encoder.fingerprint = "0" * 64
                return encoder

            module.load = changed
            try:
                with pytest.raises(EncoderMismatchError, match="weights, preprocessing or token"):
                    search(collection, "red")
            finally:
                module.load = load

    def test_by_default_the_collections_own(self, made: Path, toy: list[ToyEncoder]) -> None:
        with Collection.open(made) as collection:
            assert search(collection, "red").encoder == "toy"
        assert {encoder.name for encoder in toy} == {"toy"}

    def test_one_that_cannot_be_loaded_is_tried_once(
        self, tmp_path: Path, toy: list[ToyEncoder], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tries = []

        def fail(spec: EncoderSpec) -> ToyEncoder:
            tries.append(spec)
            raise EncoderError("no weights")

        monkeypatch.setattr("tests.toy.load", fail)
        for n in range(8):
            picture(tmp_path / f"photos/{n}.png", (n * 30, 200, 0))
        with open_toy(tmp_path / "new") as collection:
            with pytest.raises(EncoderError, match="no weights"):
                index_folder(collection, [tmp_path / "photos"], threads=4)
            assert collection.info().photos == 0
        assert len(tries) == 1


class TestLookingIn:
    def test_info(self, made: Path) -> None:
        with Collection.open(made) as collection:
            info = collection.info()
        assert (info.photos, info.files, info.documents, info.skipped) == (1, 1, 0, 0)
        assert (info.encoder, info.dim, info.format) == ("toy", 3, FORMAT)
        assert info.fingerprint == ToyEncoder().fingerprint
        assert info.path == str(made)
        space = next((made / "spaces").glob("*/space.json"))
        assert info.sizes["vectors"] == 6 + KEY.itemsize + space.stat().st_size
        assert info.sizes["catalog"] > 0
        assert info.sizes["total"] >= info.sizes["catalog"] + info.sizes["vectors"]

    def test_thumbnails_are_made_once(self, made: Path, tmp_path: Path) -> None:
        with Collection.open(made) as collection:
            (photo,) = collection.catalog.photos_by_id([1]).values()
            assert (photo.width, photo.height, photo.format) == (64, 48, "JPEG")
            path = collection.thumbnail(photo)
            assert path.read_bytes().startswith(b"\xff\xd8")
            assert collection.info().sizes["thumbnails"] == path.stat().st_size
            (tmp_path / "photos/red.jpg").unlink()
            assert collection.thumbnail(photo) == path

    def test_a_read_only_collection_is_searched(
        self, made: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        catalog, access = str(made / "catalog.db"), os.access

        def read_only(path: Any, mode: int, **more: Any) -> bool:
            return False if str(path) == catalog else access(path, mode, **more)

        monkeypatch.setattr(os, "access", read_only)
        before = sorted(path.name for path in made.iterdir())
        with Collection.open(made) as collection:
            assert search(collection, "red").considered == 1
            with pytest.raises(StorageError, match="cannot be read or written"):
                collection.catalog.add_space("f", "x", 3)
        assert sorted(path.name for path in made.iterdir()) == before


def test_a_thumbnail_shows_the_photo_or_nothing(collection: Collection, tmp_path: Path) -> None:
    """A file that changed after it was indexed must not lend its picture to the old photo."""
    folder = tmp_path / "shots"
    folder.mkdir()
    picture(folder / "a.png", "red")
    index_folder(collection, folder)
    (photo,) = collection.catalog.photos_by_id([1]).values()
    picture(folder / "a.png", "blue")
    with pytest.raises(ImageError, match="index the folder again"):
        collection.thumbnail(photo)
    picture(folder / "a.png", "red")
    assert collection.thumbnail(photo).read_bytes().startswith(b"\xff\xd8")


class TestMaking:
    def test_two_at_once(self, tmp_path: Path, toy: list[ToyEncoder]) -> None:
        """Whoever comes second waits for the first, and goes on with what that one made."""
        started, go_on = threading.Event(), threading.Event()
        migrate = Catalog.migrate
        made: list[str] = []

        def slow(self: Catalog) -> None:
            if self.is_old():
                made.append(threading.current_thread().name)
                started.set()
                assert go_on.wait(LONGEST_S)
            migrate(self)

        def open_and_close() -> None:
            open_toy(tmp_path / "new").close()
            done.append(threading.current_thread().name)

        done: list[str] = []
        threads = [threading.Thread(target=open_and_close, name=n) for n in ("one", "two")]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Catalog, "migrate", slow)
            threads[0].start()
            assert started.wait(LONGEST_S)
            threads[1].start()
            threads[1].join(0.3)
            go_on.set()
            for thread in threads:
                thread.join(LONGEST_S)
        assert made == ["one"]
        assert sorted(done) == ["one", "two"]

    def test_a_loser_that_waited_long_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(collection_module, "LOCK_TIMEOUT_S", 0.01)
        (tmp_path / "new").mkdir()
        with (
            write_lock(tmp_path / "new", 0),
            pytest.raises(
                LockedError, match=rf"Another process \({os.getpid()} on .*\) is writing"
            ),
        ):
            open_toy(tmp_path / "new")
        open_toy(tmp_path / "new").close()

    def test_many_processes(self, tmp_path: Path) -> None:
        code = (
            "import sys, time\n"
            "from pathlib import Path\n"
            "from retrieval import Collection\n"
            "time.sleep(max(float(sys.argv[2]) - time.time(), 0))\n"
            "Collection.open(Path(sys.argv[1]), create=True).close()\n"
        )
        arguments = [sys.executable, "-c", code, str(tmp_path / "new"), str(time.time() + 1.5)]
        running = [
            subprocess.Popen(arguments, cwd=ROOT, stderr=subprocess.PIPE, text=True)
            for _ in range(4)
        ]
        errors = [process.communicate(timeout=LONGEST_S)[1] for process in running]
        assert errors == [""] * 4

    def test_an_old_one_is_migrated_under_the_lock(
        self, made: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(collection_module, "LOCK_TIMEOUT_S", 0.01)
        monkeypatch.setattr(Readable, "is_old", lambda _: True)
        with write_lock(made, 0), pytest.raises(LockedError):
            Collection.open(made)

    def test_opening_a_finished_one_takes_no_lock(self, made: Path) -> None:
        with write_lock(made, 0):
            Collection.open(made).close()
        (made / "lock").unlink(missing_ok=True)
        Collection.open(made).close()
        assert not (made / "lock").exists()

    def test_one_made_for_an_encoder_that_cannot_be_loaded_goes_again(
        self, tmp_path: Path, toy: list[ToyEncoder], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        picture(tmp_path / "photos/a.png")

        def fail(_: EncoderSpec) -> ToyEncoder:
            raise EncoderError("no weights")

        def index() -> None:
            with open_toy(tmp_path / "new") as collection:
                index_folder(collection, [tmp_path / "photos"])

        with monkeypatch.context() as patch:
            patch.setattr("tests.toy.load", fail)
            with pytest.raises(EncoderError, match="no weights"):
                index()
            assert not (tmp_path / "new").exists()
            open_toy(tmp_path / "new").close()  # by an earlier run
            with pytest.raises(EncoderError, match="no weights"):
                index()
            assert (tmp_path / "new/manifest.json").exists()
        index()
        with Collection.open(tmp_path / "new") as collection:
            assert collection.info().photos == 1


class TestClosed:
    def test_cannot_be_used(self, made: Path, tmp_path: Path) -> None:
        collection = Collection.open(made)
        search(collection, "red")
        collection.close()
        collection.close()
        for use in (
            collection.info,
            collection.encoder,
            collection.__enter__,
            lambda: search(collection, "red"),
            lambda: index_folder(collection, [tmp_path / "photos"]),
        ):
            with pytest.raises(CollectionError, match="was closed; open it again"):
                use()


class TestDamage:
    @pytest.mark.parametrize(
        "change",
        [
            "photos_rows = -1",
            "dim = 0",
            "dim = -3",
            "dim = 2",
            "photos_rows = 9000000000000000000",
            "photos_rows = 'many'",
            "dim = 'x'",
        ],
    )
    def test_of_the_counts(self, made: Path, tmp_path: Path, change: str) -> None:
        with sqlite3.connect(made / "catalog.db") as connection:
            connection.execute(f"UPDATE spaces SET {change}")  # noqa: S608
        connection.close()
        reseal(made)
        picture(tmp_path / "photos/green.png", "green")
        with open_toy(made) as collection:
            with pytest.raises(CorruptError, match="retrieval repair"):
                search(collection, "red")
            with pytest.raises(CorruptError):
                index_folder(collection, [tmp_path / "photos"])

    @pytest.mark.parametrize("what", ["file", "folder"])
    def test_vectors_that_may_not_be_read(
        self, made: Path, monkeypatch: pytest.MonkeyPatch, what: str
    ) -> None:
        def forbid(*_: Any, **__: Any) -> Any:
            raise PermissionError(13, "Permission denied")

        if what == "file":
            monkeypatch.setattr(np, "memmap", forbid)
        else:
            stat = Path.stat
            monkeypatch.setattr(
                Path, "stat", lambda p, **kw: forbid() if p.suffix == ".f16" else stat(p, **kw)
            )
        with (
            open_toy(made) as collection,
            pytest.raises(StorageError, match=r"photos\.f16 cannot be used: Permission denied"),
        ):
            search(collection, "red")

    def test_ids_that_are_lost(self, made: Path) -> None:
        entry = FileEntry(FileStat("/x.png", 1, 1), photo=b"x" * 32)
        lines = (Line(b"y" * 32, 1, None),)
        with open_toy(made) as collection:
            for batch in (
                Batch(entries=[entry]),
                Batch(entries=[FileEntry(FileStat("/x.txt", 1, 1), lines=lines)]),
            ):
                with pytest.raises(CorruptError, match="has lost a photo, a document or a file"):
                    collection.commit(batch)
            assert collection.info().files == 1


def test_a_thumbnail_that_cannot_be_kept_is_shown(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made / "thumbs").write_text("in the way of the folder")
    with open_toy(made) as collection:
        (photo,) = collection.catalog.photos_by_id([1]).values()
        assert collection.thumbnail_data(photo).startswith(b"\xff\xd8")
        assert "data:image/jpeg" in render_page(collection, [search(collection, "red")])
        with pytest.raises(StorageError):
            collection.thumbnail(photo)


def foreign_database(file: Path) -> bytes:
    file.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("CREATE TABLE mine (a)")
    return file.read_bytes()


class TestWhatLiesInTheFolder:
    """A run that fails, or is refused, takes nothing away that it did not make."""

    def fails(self, place: Path) -> None:
        with pytest.raises(ZeroDivisionError), Collection.open(place, create=True):
            raise ZeroDivisionError

    def test_a_database_of_somebody_else(self, tmp_path: Path) -> None:
        before = foreign_database(tmp_path / "x/catalog.db")
        with pytest.raises(CollectionError, match="other things in it"):
            Collection.open(tmp_path / "x", create=True)
        with pytest.raises(NoCollectionError):
            repair(tmp_path / "x")
        assert {p.name: p.read_bytes() for p in (tmp_path / "x").iterdir()} == {
            "catalog.db": before
        }

    @pytest.mark.parametrize(
        ("name", "data"),
        [("lock", b"mine"), ("photo.jpg", b""), ("catalog.db", b"mine"), ("a.tmp", b"")],
    )
    def test_any_other_file(self, tmp_path: Path, name: str, data: bytes) -> None:
        (tmp_path / "x").mkdir()
        (tmp_path / "x/catalog.db").touch()
        (tmp_path / "x" / name).write_bytes(data)
        before = {p.name: p.read_bytes() for p in (tmp_path / "x").iterdir()}
        with pytest.raises(CollectionError, match="other things in it"):
            Collection.open(tmp_path / "x", create=True)
        assert {p.name: p.read_bytes() for p in (tmp_path / "x").iterdir()} == before

    def test_a_link_to_a_catalog(self, tmp_path: Path) -> None:
        (tmp_path / "x").mkdir()
        (tmp_path / "empty.db").touch()
        (tmp_path / "x/catalog.db").symlink_to(tmp_path / "empty.db")
        with pytest.raises(CollectionError, match="other things in it"):
            Collection.open(tmp_path / "x", create=True)
        assert (tmp_path / "empty.db").read_bytes() == b""

    def test_a_new_folder_goes_and_an_empty_one_stays(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        for name in ("new", "empty"):
            self.fails(tmp_path / name)
        assert [p.name for p in tmp_path.iterdir()] == ["empty"]
        assert not any((tmp_path / "empty").iterdir())

    def test_what_a_creation_that_died_left_is_taken_over(self, tmp_path: Path) -> None:
        Collection.open(tmp_path / "x", create=True).close()
        (tmp_path / "x/manifest.json").unlink()
        self.fails(tmp_path / "x")
        assert (tmp_path / "x/catalog.db").exists()  # not of this run
        Collection.open(tmp_path / "x", create=True).close()
        assert not verify(tmp_path / "x").problems

    @pytest.mark.parametrize("name", ["spaces", "thumbs"])
    def test_one_that_holds_more_stays_whole(
        self, name: str, toy: list[ToyEncoder], tmp_path: Path
    ) -> None:
        with suppress(ZeroDivisionError), open_toy(tmp_path / "x"):
            (tmp_path / "x" / name).mkdir()  # as where the disk is full a step later
            raise ZeroDivisionError
        picture(tmp_path / "photos/red.png", "red")
        with open_toy(tmp_path / "x") as collection:  # the next run can go on in it
            assert index_folder(collection, [tmp_path / "photos"]).added == 1
        assert not verify(tmp_path / "x").problems
