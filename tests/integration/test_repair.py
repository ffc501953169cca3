"""What repair must never do: hide a loss, lose what was kept, or bring back what was forgotten."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from retrieval import Collection, compact, forget, index_folder, repair, search, verify
from retrieval.errors import CorruptError, UsageError
from retrieval.storage import audits, disk
from tests.conftest import open_toy
from tests.flips import answers, flip, make
from tests.pictures import picture
from tests.toy import ToyEncoder


@pytest.fixture
def whole(toy: list[ToyEncoder], tmp_path: Path) -> Path:
    return make(tmp_path)


def embedded(toy: list[ToyEncoder]) -> int:
    return sum(encoder.images_seen + encoder.texts_seen for encoder in toy)


class TestAnEmptyCatalog:
    @pytest.mark.parametrize("seal", [True, False])
    def test_is_damage_and_not_a_new_collection(
        self, whole: Path, toy: list[ToyEncoder], seal: bool
    ) -> None:
        expected = answers(whole)
        os.truncate(whole / "catalog.db", 0)
        if not seal:
            (whole / "catalog.seal").unlink()
        with pytest.raises(CorruptError, match="retrieval repair"):
            Collection.open(whole)
        assert verify(whole).problems
        toy.clear()
        assert not repair(whole).left
        assert answers(whole)["counts"] == expected["counts"]
        assert sum(encoder.images_seen for encoder in toy) == 0


def test_without_its_seal_a_catalog_is_not_trusted(whole: Path) -> None:
    (whole / "catalog.seal").unlink()
    with pytest.raises(CorruptError, match="cannot be told whether the catalog is whole"):
        Collection.open(whole)


def test_without_its_manifest_no_new_collection_is_made(whole: Path) -> None:
    (whole / "manifest.json").unlink()
    for create in (True, False):
        with pytest.raises(CorruptError, match=r"lost its manifest\.json.*retrieval repair"):
            Collection.open(whole, create=create)
    assert not repair(whole).left
    assert len(answers(whole)["photos red"]) == 4


def test_another_version_of_the_schema_by_a_flip(whole: Path) -> None:
    flip(whole / "catalog.db", 63, 0x05)  # user_version: 2 becomes 7
    assert not repair(whole).left
    assert len(answers(whole)["photos red"]) == 4


class _Died(BaseException):
    pass


class _Dying(disk.System):
    """Dies before its n-th step."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def _count(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise _Died

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        self._count()
        super().write(descriptor, data, offset)

    def rename(self, source: Path, target: Path) -> None:
        self._count()
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        self._count()
        super().remove(path)


@pytest.mark.parametrize("damage", ["row", "catalog"])
def test_wherever_it_dies_nothing_is_called_unchanged(
    whole: Path, tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a repair that died: index alone, or another repair, finds every photo."""
    row = next(whole.glob("spaces/*/photos.f16"))
    flip(row, 8, 0x40) if damage == "row" else flip(whole / "catalog.db", 5000, 0xFF)
    for steps in range(200):
        place = Path(shutil.copytree(whole, tmp_path / f"after-{steps}"))
        with monkeypatch.context() as patch:
            patch.setattr(disk, "system", _Dying(steps))
            try:
                repair(place)
                died = False
            except _Died:
                died = True
        if not died:
            break
        try:
            with open_toy(place) as collection:
                index_folder(collection, [tmp_path / "photos"])
        except CorruptError:
            assert not repair(place).left  # it says so itself
            with open_toy(place) as collection:
                index_folder(collection, [tmp_path / "photos"])
        assert len(answers(place)["photos red"]) == 4, steps
        assert not verify(place).problems, steps
    assert steps > 5


def test_a_catalog_begun_by_a_repair_that_died_is_not_used(
    whole: Path, tmp_path: Path, toy: list[ToyEncoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = {name: (whole / name).read_bytes() for name in ("catalog.db", "catalog.seal")}
    flip(whole / "catalog.db", 5000, 0xFF)

    def die(_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("retrieval.maintenance.rebuilding._switch", die)
        with pytest.raises(KeyboardInterrupt):
            repair(whole)
    for name, data in good.items():  # restored from a backup
        (whole / name).write_bytes(data)
    for number in range(5):
        picture(tmp_path / f"more/{number}.png", (number * 50, 10, 200))
    with open_toy(whole) as collection:
        index_folder(collection, [tmp_path / "more"])
    (tmp_path / "more").rename(tmp_path / "away")
    flip(whole / "catalog.db", 5000, 0xFF)
    toy.clear()
    assert not repair(whole).left
    (tmp_path / "away").rename(tmp_path / "more")
    with open_toy(whole) as collection:
        index_folder(collection, [tmp_path / "more"])
        assert collection.info().photos == 9
    assert embedded(toy) == 0


class TestAnOlderCopyOfTheCatalog:
    def test_what_came_later_is_found_again(
        self, whole: Path, tmp_path: Path, toy: list[ToyEncoder]
    ) -> None:
        old = (whole / "catalog.db").read_bytes()
        picture(tmp_path / "more/new.png", (10, 200, 250))
        with open_toy(whole) as collection:
            index_folder(collection, [tmp_path / "more"])
        (whole / "catalog.db").write_bytes(old)
        toy.clear()
        assert not repair(whole).left
        with Collection.open(whole) as collection:
            assert collection.info().photos == 5
        assert embedded(toy) == 0


class TestWhatIsOutOfReach:
    @pytest.fixture
    def unplugged(self, whole: Path, tmp_path: Path) -> Path:
        """Rebuilt while the folder of the photos was an empty mount point."""
        (tmp_path / "photos").rename(tmp_path / "away")
        (tmp_path / "photos").mkdir()
        flip(whole / "catalog.db", 5000, 0xFF)
        report = repair(whole)
        assert not report.left
        assert "7 embeddings wait for their files" in "\n".join(report.done)
        (tmp_path / "photos").rmdir()
        return whole

    def test_it_is_listed_and_comes_back(
        self, unplugged: Path, tmp_path: Path, toy: list[ToyEncoder]
    ) -> None:
        with open_toy(unplugged) as collection:
            listed = {Path(entry.path).name for entry in collection.catalog.skipped()}
            assert listed >= {"red.png", "green.png", "blue.png", "yellow.png", "notes.txt"}
            (tmp_path / "away").rename(tmp_path / "photos")
            toy.clear()
            assert index_folder(collection, [tmp_path / "photos"]).photos == 4
        assert embedded(toy) == 0

    def test_compaction_does_not_drop_it_unasked(self, unplugged: Path) -> None:
        with open_toy(unplugged) as collection:
            with pytest.raises(UsageError, match=r"7 embeddings wait for their files.*--unfound"):
                compact(collection)
            assert compact(collection, unfound=True).rows_after == 0

    def test_a_link_whose_target_is_gone_is_not_deleted(
        self, tmp_path: Path, toy: list[ToyEncoder]
    ) -> None:
        picture(tmp_path / "disk/red.png")
        (tmp_path / "all").mkdir()
        (tmp_path / "all/link").symlink_to(tmp_path / "disk")
        picture(tmp_path / "all/blue.png", "blue")
        with open_toy(tmp_path / "place") as collection:
            assert index_folder(collection, [tmp_path / "all"]).photos == 2
            (tmp_path / "disk").rename(tmp_path / "away")
            report = index_folder(collection, [tmp_path / "all"])
            assert (report.removed, report.photos) == (0, 2)
            (tmp_path / "all/link").unlink()
            assert index_folder(collection, [tmp_path / "all"]).removed == 1


class TestForgotten:
    def test_stays_so_when_the_catalog_is_made_anew(self, whole: Path, tmp_path: Path) -> None:
        with open_toy(whole) as collection:
            forget(collection, tmp_path / "photos/green.png")
        with open_toy(whole) as collection, collection.catalog.writing() as connection:
            connection.exec_driver_sql("UPDATE documents SET text = 'x'")
        assert "catalog.db" in {problem.place for problem in verify(whole).problems}
        repair(whole)
        with open_toy(whole) as collection:
            report = index_folder(collection, [tmp_path / "photos"])
            assert report.photos == 3
            assert any(s.reason == "forgotten" for s in report.skipped)

    def test_rows_that_hold_something_again_are_noticed(self, whole: Path, tmp_path: Path) -> None:
        shutil.copytree(whole / "spaces", tmp_path / "old")
        with open_toy(whole) as collection:
            forget(collection, tmp_path / "photos/green.png")
        shutil.copytree(tmp_path / "old", whole / "spaces", dirs_exist_ok=True)
        assert "forgotten rows hold something again" in "".join(
            problem.text for problem in verify(whole).problems
        )
        assert "overwrote 1 forgotten rows of photos once more" in repair(whole).done
        assert not verify(whole).problems

    def test_a_thumbnail_of_no_known_photo_is_noticed(self, whole: Path) -> None:
        stray = whole / "thumbs/ab" / f"{'ab' * 32}.jpg"
        stray.parent.mkdir(exist_ok=True)
        shutil.copy(next(whole.glob("thumbs/*/*.jpg")), stray)
        assert "shows no photo of the collection" in verify(whole).problems[0].text
        assert not repair(whole).left
        assert not stray.exists()


class TestAnOldFormat:
    GOLDEN = Path(__file__).parents[1] / "golden/format-1"

    def test_is_not_called_sound_unseen(self, tmp_path: Path, toy: list[ToyEncoder]) -> None:
        place = Path(shutil.copytree(self.GOLDEN, tmp_path / "old"))
        (problem,) = verify(place).problems
        assert "has format 1, which is upgraded when it is opened" in problem.text

    @pytest.mark.parametrize("left", [0, 20])
    def test_with_vectors_cut_short(self, tmp_path: Path, toy: list[ToyEncoder], left: int) -> None:
        place = Path(shutil.copytree(self.GOLDEN, tmp_path / "old"))
        os.truncate(next(place.glob("spaces/*/photos.f16")), left)
        report = repair(place)
        assert not report.left
        assert "upgraded the collection" in report.done
        with Collection.open(place) as collection:
            lost = [s for s in collection.catalog.skipped() if "embedding was damaged" in s.reason]
            files = {path for path in (s.path for s in lost)}
            assert collection.info().files + len(files) == 5  # all are accounted for
            assert (len(files) == 4) == (left == 0)

    def test_without_its_manifest(self, tmp_path: Path, toy: list[ToyEncoder]) -> None:
        place = Path(shutil.copytree(self.GOLDEN, tmp_path / "old"))
        (place / "manifest.json").unlink()
        with pytest.raises(CorruptError, match="retrieval repair"):
            open_toy(place)
        assert not repair(place).left
        with Collection.open(place) as collection:
            assert collection.info().photos == 3
            assert len(search(collection, "red").hits) == 3


def test_giving_up_rows_is_one_transaction(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A photo without a row must never be without a mark as well."""
    with Collection.open(whole) as collection:
        space = collection.catalog.active_space()
        assert space is not None
        before = collection.catalog.generation()
        audits.give_up(collection.catalog, space, {"photos": [0, 1]}, {}, "lost", "not opened")
        assert collection.catalog.generation() == before + 1
        assert len([s for s in collection.catalog.skipped() if s.reason == "lost"]) >= 2
