"""What verify says of each kind of damage, and how repair mends it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from retrieval import Collection, EncoderSpec, index_folder, repair, search, verify
from retrieval.cli import main
from retrieval.errors import CorruptError, LockedError, NoCollectionError
from retrieval.maintenance import verifying
from retrieval.storage.layout import write_lock
from tests.conftest import open_toy
from tests.flips import COLOURS, answers, flip, make
from tests.integration.test_collection import reseal
from tests.pictures import picture
from tests.toy import ToyEncoder


@pytest.fixture
def whole(toy: list[ToyEncoder], tmp_path: Path) -> Path:
    return make(tmp_path)


def space_file(place: Path, name: str) -> Path:
    (path,) = place.glob(f"spaces/*/{name}")
    return path


def said(place: Path, **options: bool) -> str:
    """All problems in one text."""
    return "\n".join(f"{p.place}: {p.text}" for p in verify(place, **options).problems)


def change(place: Path, statement: str) -> None:
    """Change the catalog behind everybody's back, as a bug would, and seal it."""
    with closing(sqlite3.connect(place / "catalog.db")) as connection:
        connection.execute(statement)
        connection.commit()
    reseal(place)


class TestWhole:
    def test_all_is_well(self, whole: Path) -> None:
        report = verify(whole, content=True)
        assert report.problems == ()
        assert report.checked == {
            "photos vectors": 5,
            "documents vectors": 2,
            "encoder fingerprints": 1,
            "files": 6,
            "thumbnails": 4,
        }

    def test_of_an_open_collection(self, whole: Path) -> None:
        with Collection.open(whole) as collection:
            assert not verify(collection).problems

    def test_of_an_empty_one(self, tmp_path: Path, toy: list[ToyEncoder]) -> None:
        open_toy(tmp_path / "empty").close()
        assert not verify(tmp_path / "empty").problems
        assert repair(tmp_path / "empty").done == ()

    def test_there_must_be_one(self, tmp_path: Path) -> None:
        for ask in (verify, repair):
            with pytest.raises(NoCollectionError, match="There is no collection at"):
                ask(tmp_path / "none")

    def test_not_while_another_process_writes(
        self, whole: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(verifying, "LOCK_TIMEOUT_S", 0.01)
        with write_lock(whole, 0), pytest.raises(LockedError):
            verify(whole)

    def test_in_a_place_that_cannot_be_written(
        self, whole: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "access", lambda *_: False)
        assert not verify(whole).problems


class TestVectors:
    def test_a_row(self, whole: Path, toy: list[ToyEncoder]) -> None:
        flip(space_file(whole, "photos.f16"), 8, 0x40)  # of the second row
        with Collection.open(whole) as collection, pytest.raises(CorruptError, match="1 of 5 rows"):
            search(collection, "red")
        assert "1 of 5 rows do not fit their checksums" in said(whole)
        toy.clear()
        report = repair(whole)
        assert report.embedded_again == sum(encoder.images_seen for encoder in toy) == 1
        assert not report.left
        assert not verify(whole).problems

    @pytest.mark.parametrize("name", ["photos.f16", "photos.keys", "documents.f16"])
    @pytest.mark.parametrize("left", [0, 7, None])
    def test_cut_short(self, whole: Path, name: str, left: int | None) -> None:
        path = space_file(whole, name)
        path.unlink() if left is None else os.truncate(path, left)
        assert "rows do not fit" in said(whole)
        assert not repair(whole).left
        with Collection.open(whole) as collection:
            assert len(search(collection, "red").hits) == 4
            assert len(search(collection, "red", kind="documents").hits) == 2

    def test_no_unit_vector(self, whole: Path) -> None:
        """Checksums fit what a faulty encoder wrote; the length of a row does not lie."""
        import numpy as np

        with Collection.open(whole) as collection:
            space = collection.catalog.active_space()
            assert space is not None
            file = collection.vector_file(space, "photos")
            file.replace([0], np.array([[3.0, 4.0, 0.0]], np.float32), [bytes(32)])
        assert "1 of 5 rows" in said(whole)

    def test_a_repair_that_died_is_gone_on_with(
        self, whole: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        flip(space_file(whole, "photos.f16"), 8, 0x40)

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("retrieval.maintenance.repairing.reindex_files", die)
            with pytest.raises(KeyboardInterrupt):
                repair(whole)
        assert repair(whole).embedded_again == 1
        assert repair(whole).done == ()

    def test_a_photo_that_is_out_of_reach_now(self, whole: Path, tmp_path: Path) -> None:
        flip(space_file(whole, "photos.f16"), 8, 0x40)
        (tmp_path / "photos").rename(tmp_path / "elsewhere")
        report = repair(whole)
        assert not report.left
        with Collection.open(whole) as collection:
            assert collection.info().photos == 3
            lost = [s for s in collection.catalog.skipped() if "embedding was damaged" in s.reason]
            assert len(lost) == 1  # accounted for
            (tmp_path / "elsewhere").rename(tmp_path / "photos")
            assert index_folder(collection, [tmp_path / "photos"]).embedded == 1
            assert collection.info().photos == 4
        assert not verify(whole).problems


class TestCatalog:
    def test_lost(self, whole: Path, toy: list[ToyEncoder]) -> None:
        expected = answers(whole)
        (whole / "catalog.db").unlink()
        with pytest.raises(CorruptError, match=r"lost its catalog\.db\. Make it anew with"):
            Collection.open(whole)
        assert "catalog.db: it is lost" in said(whole)
        toy.clear()
        report = repair(whole)
        assert not report.left
        photos = whole.parent / "photos"
        told = "\n".join(report.done)
        assert "1 embeddings wait for their files, which were deleted or" in told  # white.png
        assert f"if they can be, run: retrieval index {photos}" in told
        assert "which files were forgotten could not be read" in told
        assert sum(encoder.images_seen for encoder in toy) == 0
        assert answers(whole) == expected
        picture(photos / "new.png", "black")
        with open_toy(whole) as collection:
            found = index_folder(collection, [photos])
            assert (found.added, found.unchanged, found.embedded) == (1, 6, 1)
            photo = collection.catalog.photos_by_id([1])[1]
            assert (photo.width, photo.height, photo.format) == (16, 12, "PNG")
        assert not verify(whole).problems

    def test_lost_with_the_list_of_folders(self, whole: Path, toy: list[ToyEncoder]) -> None:
        (whole / "catalog.db").unlink()
        (whole / "roots.json").unlink()
        toy.clear()
        report = repair(whole)
        assert not report.left
        assert "7 embeddings wait for their files" in report.done[-3]
        assert report.done[-3].endswith("run: retrieval index FOLDER")
        with open_toy(whole) as collection:
            assert collection.info().photos == 0
            found = index_folder(collection, [whole.parent / "photos"])
            assert (found.added, found.duplicates, found.embedded) == (5, 1, 0)
        assert sum(encoder.images_seen for encoder in toy) == 0

    def test_what_was_never_indexed_waits_for_the_next_run(self, whole: Path) -> None:
        (whole / "catalog.db").unlink()
        picture(whole.parent / "photos/new.png", "black")
        (whole.parent / "photos/new.txt").write_text("a new thing")
        assert repair(whole).embedded_again == 0
        with open_toy(whole) as collection:
            assert collection.info().photos == 4
            assert index_folder(collection, [whole.parent / "photos"]).added == 2

    def test_no_database_at_all(self, whole: Path) -> None:
        (whole / "catalog.db").write_bytes(b"no database " * 500)
        assert "catalog.db" in said(whole)
        assert not repair(whole).left
        assert len(list(whole.glob("catalog.damaged-*.db"))) == 1

    def test_an_older_copy_of_it(self, whole: Path, tmp_path: Path) -> None:
        shutil.copy(whole / "catalog.db", tmp_path / "copy.db")
        picture(tmp_path / "photos/new.png", "black")
        with open_toy(whole) as collection:
            index_folder(collection, [tmp_path / "photos"])
        shutil.copy(tmp_path / "copy.db", whole / "catalog.db")
        with pytest.raises(CorruptError, match="has lost commits"):
            Collection.open(whole)
        assert not repair(whole).left
        with open_toy(whole) as collection:
            assert index_folder(collection, [tmp_path / "photos"]).embedded == 0
            assert collection.info().photos == 5

    @pytest.mark.parametrize(
        ("statement", "words"),
        [
            ("UPDATE documents SET text = 'a blue thinG' WHERE id = 2", "do not have the text"),
            ("UPDATE embeddings SET live = 0 WHERE row = 0", "searched or left out wrongly"),
            ("UPDATE embeddings SET item_id = 99 WHERE row = 0", "hold other items than it says"),
            ("DELETE FROM embeddings WHERE row = 0 AND kind = 'photos'", "are accounted for"),
            ("UPDATE files SET photo_id = NULL WHERE photo_id = 1", "does not say what they are"),
            ("UPDATE files SET photo_id = 77 WHERE photo_id = 1", "names a row of photos that is"),
            ("UPDATE state SET generation = generation + 1", "contradicts its checksum"),
        ],
    )
    def test_that_contradicts_itself(self, whole: Path, statement: str, words: str) -> None:
        if statement.startswith("UPDATE state"):
            with closing(sqlite3.connect(whole / "catalog.db")) as connection:
                connection.execute(statement)
                connection.commit()
        else:
            change(whole, statement)
        assert words in said(whole)
        assert not repair(whole).left
        with Collection.open(whole) as collection:
            for colour in COLOURS[:4]:
                picture_of = whole.parent / f"photos/{colour}.png"
                from retrieval import make_query

                best = search(collection, make_query(images=[picture_of])).hits[0]
                assert colour in best.path
                assert best.score > 0.999

    def test_columns_of_a_table_are_remembered(self, tmp_path: Path, toy: list[ToyEncoder]) -> None:
        from retrieval.corpora import Columns

        (tmp_path / "t.csv").write_text("a,b\nred,blue\n")
        with open_toy(tmp_path / "place") as collection:
            index_folder(collection, [tmp_path / "t.csv"], columns=Columns("b", ""))
        change(tmp_path / "place", "UPDATE documents SET text = 'x'")
        assert not repair(tmp_path / "place").left
        with open_toy(tmp_path / "place") as collection:
            (hit,) = search(collection, "blue", kind="documents").hits
            assert hit.text == "blue"

    def test_a_repair_that_dies_goes_on(
        self, whole: Path, toy: list[ToyEncoder], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        change(whole, "UPDATE documents SET text = 'x'")

        def die(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr("retrieval.maintenance.rebuilding._switch", die)
            with pytest.raises(KeyboardInterrupt):
                repair(whole)
        toy.clear()
        assert not repair(whole).left
        assert sum(encoder.images_seen for encoder in toy) == 0
        with Collection.open(whole) as collection:
            assert collection.info().photos == 4
        assert not list(whole.glob("catalog.new*"))


class TestSmallFiles:
    @pytest.mark.parametrize("name", ["manifest.json", "catalog.seal", "space.json", "roots.json"])
    @pytest.mark.parametrize("how", ["lost", "empty", "other"])
    def test_each(self, whole: Path, name: str, how: str) -> None:
        path = next(whole.rglob(name))
        if how == "lost":
            path.unlink()
        else:
            path.write_text("" if how == "empty" else "[1, 2]")
        if (name, how) != ("roots.json", "lost"):  # there need not be one
            assert name in said(whole)
        assert not repair(whole).left
        assert not verify(whole).problems
        with Collection.open(whole) as collection:
            assert collection.info().photos == 4

    def test_a_thumbnail(self, whole: Path) -> None:
        path = next(whole.glob("thumbs/*/*.jpg"))
        flip(path, 30, 1)
        assert "is no whole thumbnail" in said(whole)
        assert not repair(whole).left
        assert not path.exists()


class TestPhotos:
    def test_changed_and_gone_are_no_damage(self, whole: Path) -> None:
        photos = whole.parent / "photos"
        (photos / "red.png").unlink()
        picture(photos / "green.png", "white", (20, 20))
        report = verify(whole)
        assert not report.problems
        assert f"the file {photos / 'red.png'} cannot be found any more" in report.notes[0]
        assert "changed since" in report.notes[1]

    def test_rotten_bits_are_found_when_asked_for(self, whole: Path) -> None:
        path = whole.parent / "photos/red.png"
        before = path.stat()
        flip(path, 60, 1)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
        assert not verify(whole).problems
        assert f"{path}: the file {path} changed without" in said(whole, content=True)


class TestEncoder:
    def test_another_fingerprint(
        self, whole: Path, monkeypatch: pytest.MonkeyPatch, toy: list[ToyEncoder]
    ) -> None:
        from tests import toy as module

        def other(spec: EncoderSpec) -> ToyEncoder:
            encoder = ToyEncoder(spec.model)
            encoder.fingerprint = "f" * 64
            return encoder

        monkeypatch.setattr(module, "load", other)
        assert "encoder: The encoder toy is not the one" in said(whole)
        assert said(whole, encoder=False) == ""


class TestCommands:
    def test_verify(self, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
        main(["verify", "-c", str(whole)], standalone_mode=False)
        assert capsys.readouterr().out.startswith(f"All is well in {whole}: 5 photos vectors")
        flip(space_file(whole, "photos.f16"), 8, 0x40)
        with pytest.raises(SystemExit) as exit_code:
            main(["verify", "-c", str(whole)], standalone_mode=False)
        assert exit_code.value.code == 1
        out = capsys.readouterr().out
        assert "1 of 5 rows" in out
        assert out.endswith(f"1 problem in {whole}. Mend with: retrieval repair\n")

    def test_json(self, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
        (whole / "catalog.seal").unlink()
        with pytest.raises(SystemExit):
            main(["verify", "--json", "--no-encoder", "-c", str(whole)], standalone_mode=False)
        record = json.loads(capsys.readouterr().out)
        assert record["ok"] is False
        assert record["problems"][0]["place"] == "catalog.seal"
        main(["repair", "--json", "-c", str(whole)], standalone_mode=False)
        record = json.loads(capsys.readouterr().out)
        assert (record["ok"], record["done"]) == (True, ["sealed the catalog anew"])

    def test_repair(self, whole: Path, capsys: pytest.CaptureFixture[str]) -> None:
        main(["repair", "-c", str(whole)], standalone_mode=False)
        assert capsys.readouterr().out == "nothing was damaged\n"
        flip(space_file(whole, "photos.f16"), 8, 0x40)
        main(["repair", "-c", str(whole)], standalone_mode=False)
        out = capsys.readouterr().out
        assert "gave up 1 damaged rows of photos" in out
        assert "1 embedded again" in out


def test_a_catalog_of_another_schema_is_not_called_sound(
    tmp_path: Path, toy: list[ToyEncoder]
) -> None:
    golden = Path(__file__).parents[1] / "golden" / "format-2"
    place = Path(shutil.copytree(golden, tmp_path / "old"))
    (problem,) = verify(place).problems
    assert "is of schema 2" in problem.text
    with Collection.open(place):
        pass
    assert not any("schema" in problem.text for problem in verify(place).problems)
