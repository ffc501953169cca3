"""Duplicates, trips and tags of real collections with the toy encoder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from retrieval import Collection, forget, index_folder, indexing
from retrieval.cli import main
from retrieval.errors import ImageError, NoCollectionError, UsageError
from retrieval.grouping import tags as tags_module
from retrieval.grouping.duplicates import LIKENESSES, DuplicateReport, find_duplicates
from retrieval.grouping.near import fold_photos
from retrieval.grouping.tags import Word, find_tags, tag_photo
from retrieval.grouping.trips import list_trips, refresh_trips
from retrieval.records import Facts, Looks
from retrieval.storage.groups import TripRow, dated_photos, trip_rows
from tests.known import know
from tests.pictures import picture, touch
from tests.toy import ToyEncoder

FAR = 0x0F0F_F0F0_1234_5678


def summary(report: DuplicateReport) -> list[tuple[str, str, list[str]]]:
    return sorted(
        (
            group.likeness,
            Path(group.keep.path).name,
            sorted(Path(f.path).name for f in group.others),
        )
        for group in report.groups
    )


# --- duplicates -------------------------------------------------------------------------------


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A red photo in three files, a smaller one of the same, two of a burst, and another one."""
    folder = tmp_path / "photos"
    red = picture(folder / "red.png", (250, 1, 1), (64, 48))
    for name in ("red (2).png", "sub/red.png"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(red.read_bytes())
    picture(folder / "small.png", (250, 3, 1), (32, 24))
    picture(folder / "burst-1.png", (2, 250, 1))
    picture(folder / "burst-2.png", (4, 250, 1))
    picture(folder / "other.png", (6, 250, 1))
    return folder


@pytest.fixture
def known(collection: Collection, photos: Path) -> Collection:
    index_folder(collection, photos)
    know(collection, photos / "red.png", Looks(0b100, 0.5, 0.5))
    know(collection, photos / "small.png", Looks(0b11, 0.9, 0.5))
    looks_and_times = (
        ("burst-1.png", FAR, 0.3, "2021-04-03T12:00:01"),
        ("burst-2.png", FAR ^ 0xFFFF, 0.8, "2021-04-03T12:00:02.25"),
        ("other.png", FAR ^ 0xFFFF_0000, 0.8, "2021-04-03T12:07:00"),
    )
    for name, phash, sharpness, taken_at in looks_and_times:
        know(collection, photos / name, Looks(phash, sharpness, 0.5), Facts(taken_at=taken_at))
    return collection


def test_what_is_there_more_than_once(known: Collection, photos: Path) -> None:
    before = {path: path.read_bytes() for path in photos.rglob("*.png")}
    report = find_duplicates(known)
    assert summary(report) == [
        ("burst", "burst-2.png", ["burst-1.png"]),
        ("exact", "red.png", ["red (2).png", "red.png"]),
        ("near", "red.png", ["small.png"]),
    ]
    whys = {group.likeness: group.why for group in report.groups}
    assert whys == {
        "burst": "the sharpest",
        "exact": "the shortest name",
        "near": "the most pixels",
    }
    size = (photos / "red.png").stat().st_size
    assert report.superfluous("exact") == 2 * size
    assert report.superfluous("near") == (photos / "small.png").stat().st_size
    assert (report.photos, report.unknown, report.left_out) == (5, 0, 0)
    others = [file.path for group in report.groups for file in group.others]
    assert len(others) == len(set(others))
    assert {path: path.read_bytes() for path in photos.rglob("*.png")} == before


@pytest.mark.parametrize("likeness", LIKENESSES)
def test_one_kind_only(known: Collection, likeness: str) -> None:
    report = find_duplicates(known, [likeness])  # type: ignore[list-item]
    assert [group.likeness for group in report.groups] == [likeness]


def test_links_are_never_superfluous(collection: Collection, tmp_path: Path) -> None:
    """Whoever deletes what is listed must not lose the last copy."""
    folder = tmp_path / "photos"
    original = picture(folder / "a-long-name-of-the-original.png")
    os.link(original, folder / "hard.png")
    (folder / "soft.png").symlink_to(original)
    index_folder(collection, folder)
    report = find_duplicates(collection)
    assert report.groups == ()
    assert report.left_out == 2
    copy = folder / "the-one-true-copy-with-a-very-long-name.png"
    copy.write_bytes(original.read_bytes())
    index_folder(collection, folder)
    (group,) = find_duplicates(collection).groups
    kept, others = Path(group.keep.path), [Path(file.path) for file in group.others]
    assert others == [copy]
    assert not kept.is_symlink()


def test_gone_and_changed_files_are_left_out(known: Collection, photos: Path) -> None:
    (photos / "red.png").unlink()
    touch(photos / "red (2).png")
    (photos / "burst-2.png").unlink()  # the best one: then the other is not superfluous
    report = find_duplicates(known)
    assert summary(report) == [("near", "red.png", ["small.png"])]
    assert report.groups[0].keep.path == str(photos / "sub/red.png")
    assert report.left_out == 3


def test_hits_are_folded(known: Collection, photos: Path) -> None:
    names = ("burst-1.png", "small.png", "other.png", "red.png", "burst-2.png")
    found = known.catalog.files_at([str(photos / name) for name in names])
    ids = {name: found[str(photos / name)].photo_id or 0 for name in names}
    by_id = {number: name for name, number in ids.items()}
    folds = [
        (by_id[fold.best], [by_id[i] for i in fold.behind])
        for fold in fold_photos(known, [ids[name] for name in names])
    ]
    assert folds == [
        ("burst-2.png", ["burst-1.png"]),
        ("red.png", ["small.png"]),
        ("other.png", []),
    ]
    assert fold_photos(known, [10**9])[0].best == 10**9
    assert fold_photos(known, []) == []


def test_photos_of_an_older_version_have_no_hash(collection: Collection, photos: Path) -> None:
    index_folder(collection, photos)
    with collection.writing(), collection.catalog.writing() as connection:
        connection.exec_driver_sql("DELETE FROM looks")
    report = find_duplicates(collection)
    assert summary(report) == [("exact", "red.png", ["red (2).png", "red.png"])]
    assert report.unknown == report.photos == 5


def test_an_empty_collection(collection: Collection) -> None:
    assert find_duplicates(collection).groups == ()
    assert list_trips(collection) == []
    with pytest.raises(NoCollectionError, match="retrieval index"):
        find_tags(collection)


# --- trips ------------------------------------------------------------------------------------


def day(number: int, city: str, year: int = 2021) -> Facts:
    return Facts(taken_at=f"{year}-05-{number:02d}T12:00:00", city=city, country="Somewhere")


@pytest.fixture
def travelled(collection: Collection, tmp_path: Path) -> Collection:
    folder = tmp_path / "photos"
    for n in range(8):
        picture(folder / f"{n}.png", (n, 250, 1))
    index_folder(collection, folder)
    for n in range(8):
        city, year = ("Xanadu", 2019) if n < 4 else ("Avalon", 2021)
        know(collection, folder / f"{n}.png", day(n + 1, city, year))
    with collection.writing():
        assert refresh_trips(collection)
    return collection


def test_trips_are_kept(travelled: Collection) -> None:
    assert trip_rows(travelled.reader) == [
        TripRow(
            *("Xanadu 2019", "2019-05-01T12:00:00", "2019-05-04T12:00:00", 4),
            *("Xanadu", None, "Somewhere"),
        ),
        TripRow(
            *("Avalon 2021", "2021-05-05T12:00:00", "2021-05-08T12:00:00", 4),
            *("Avalon", None, "Somewhere"),
        ),
    ]
    trips = list_trips(travelled)
    assert [(trip.label, trip.photos, len(trip.events)) for trip in trips] == [
        ("Xanadu 2019", 4, 4),
        ("Avalon 2021", 4, 4),
    ]
    assert len(dated_photos(travelled.reader)) == 8


def test_nothing_is_written_where_nothing_changed(travelled: Collection) -> None:
    before = travelled.catalog.generation()
    with travelled.writing():
        assert not refresh_trips(travelled)
    assert travelled.catalog.generation() == before


def test_an_indexing_run_derives_trips(travelled: Collection, tmp_path: Path) -> None:
    for n in range(4, 7):
        (tmp_path / f"photos/{n}.png").unlink()
    index_folder(travelled, tmp_path / "photos")
    assert [row.label for row in trip_rows(travelled.reader)] == ["Xanadu 2019"]


def test_an_unchanged_run_derives_nothing(
    travelled: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index_folder(travelled, tmp_path / "photos")

    def refuse(_: Collection) -> bool:
        raise AssertionError

    monkeypatch.setattr(indexing, "refresh_trips", refuse)
    index_folder(travelled, tmp_path / "photos")
    with pytest.raises(AssertionError):
        index_folder(travelled, picture(tmp_path / "photos/new.png", "blue"))


def test_forgetting_leaves_no_trace_of_a_trip(travelled: Collection, tmp_path: Path) -> None:
    forget(travelled, [tmp_path / f"photos/{n}.png" for n in range(4, 8)], without_trace=True)
    assert [row.label for row in trip_rows(travelled.reader)] == ["Xanadu 2019"]
    left = b"".join(path.read_bytes() for path in travelled.path.rglob("*") if path.is_file())
    assert b"Avalon" not in left
    assert b"Xanadu" in left


def test_a_forgotten_photo_leaves_its_trip(travelled: Collection, tmp_path: Path) -> None:
    forget(travelled, tmp_path / "photos/7.png")
    assert [(row.label, row.photos) for row in trip_rows(travelled.reader)] == [
        ("Xanadu 2019", 4),
        ("Avalon 2021", 3),
    ]


# --- tags -------------------------------------------------------------------------------------


@pytest.fixture
def coloured(collection: Collection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Collection:
    """Ten red, six green and three blue photos, and words for the three colours."""
    for count, (name, channel) in zip(
        (10, 6, 3), (("red", 0), ("green", 1), ("blue", 2)), strict=True
    ):
        for n in range(count):
            colour = [3 * n, 3 * n, 3 * n]
            colour[channel] = 255
            picture(tmp_path / f"photos/{name}-{n}.png", tuple(colour))
    index_folder(collection, tmp_path / "photos")
    words = tuple(Word(*pair) for pair in (("red", "红"), ("green", "绿"), ("blue", "蓝")))
    monkeypatch.setattr(tags_module, "vocabulary", lambda: words)
    return collection


def test_clusters_get_words(coloured: Collection) -> None:
    tags = find_tags(coloured, 3)
    assert [(tag.label, len(tag.photos)) for tag in tags] == [
        ("red", 10),
        ("green", 6),
        ("blue", 3),
    ]
    for tag in tags:
        assert all(f"{tag.label}-" in path for path in tag.examples)
    assert find_tags(coloured, 3) == tags


def test_clusters_of_one_word_are_one_tag(coloured: Collection) -> None:
    tags = find_tags(coloured, 12)
    assert [(tag.label, len(tag.photos)) for tag in tags] == [
        ("red", 10),
        ("green", 6),
        ("blue", 3),
    ]


def test_photos_that_are_gone_are_in_no_cluster(coloured: Collection, tmp_path: Path) -> None:
    for n in range(6):
        (tmp_path / f"photos/green-{n}.png").unlink()
    index_folder(coloured, tmp_path / "photos")
    assert [(tag.label, len(tag.photos)) for tag in find_tags(coloured, 5)] == [
        ("red", 10),
        ("blue", 3),
    ]


def test_words_for_one_photo(coloured: Collection, toy: list[ToyEncoder], tmp_path: Path) -> None:
    (best, *_) = tag_photo(coloured, tmp_path / "photos/green-2.png")
    assert (best.word, best.chinese) == ("green", "绿")
    assert best.share > 0.9
    seen = sum(encoder.images_seen for encoder in toy)
    tag_photo(coloured, tmp_path / "photos/red-2.png")
    assert sum(encoder.images_seen for encoder in toy) == seen  # its embedding is there
    elsewhere = picture(tmp_path / "elsewhere.png", "blue")
    assert tag_photo(coloured, elsewhere, 1)[0].word == "blue"
    with pytest.raises(ImageError, match="Choose another"):
        tag_photo(coloured, tmp_path / "nowhere.png")
    with pytest.raises(UsageError, match="k must lie"):
        find_tags(coloured, -1)


# --- the command line -------------------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.setenv("RETRIEVAL_COLLECTION", str(tmp_path / "collection"))

    def call(*arguments: str, code: int = 0) -> Result:
        result = CliRunner().invoke(main, list(arguments))
        assert result.exit_code == code, result.output
        return result

    return call


@pytest.mark.usefixtures("known")
class TestDupes:
    def test_for_people(self, run: Callable[..., Result], photos: Path) -> None:
        result = run("dupes")
        assert "Nothing was deleted." in result.stderr
        assert "the sharpest" in result.stdout
        assert "copies: 2 files beside 1 to keep" in result.stdout
        assert "bursts: 1 files beside 1 to keep" in result.stdout
        assert "bursts" not in run("dupes", "--exact").stdout
        assert "copies" not in run("dupes", "--near").stdout
        assert len(list(photos.rglob("*.png"))) == 7

    def test_as_json(self, run: Callable[..., Result], photos: Path) -> None:
        record = json.loads(run("dupes", "--json").stdout)
        assert record["deleted"] == 0
        assert record["bytes"]["exact"] == 2 * (photos / "red.png").stat().st_size
        kinds = {group["likeness"]: group for group in record["groups"]}
        assert set(kinds) == {"exact", "near", "burst"}
        assert kinds["near"]["keep"]["path"] == str(photos / "red.png")
        assert kinds["near"]["others"][0]["width"] == 32

    def test_as_paths(self, run: Callable[..., Result], photos: Path) -> None:
        """Only copies, unless more is asked for."""
        copies = {str(photos / "red (2).png"), str(photos / "sub/red.png")}
        near = {str(photos / "small.png"), str(photos / "burst-1.png")}
        assert set(run("dupes", "--paths").stdout.splitlines()) == copies
        assert set(run("dupes", "--paths", "--near").stdout.splitlines()) == near
        both = run("dupes", "--paths0", "--near", "--exact").stdout
        assert both.endswith("\0")
        assert set(both[:-1].split("\0")) == copies | near
        assert "one of" in run("dupes", "--paths", "--json", code=2).stderr

    def test_odd_names(self, run: Callable[..., Result], known: Collection, photos: Path) -> None:
        """A line break in a name would make two files of one."""
        odd = photos / "sub/x\ny.png"
        odd.write_bytes((photos / "red.png").read_bytes())
        index_folder(known, photos)
        result = run("dupes", "--paths")
        assert len(result.stdout.splitlines()) == 2
        assert "--paths0" in result.stderr
        assert str(odd) in run("dupes", "--paths0").stdout.split("\0")


@pytest.mark.usefixtures("travelled")
def test_trips_command(run: Callable[..., Result], tmp_path: Path) -> None:
    lines = run("trips").stdout.splitlines()
    assert len(lines) == 2
    assert "Xanadu 2019  2019-05-01 – 2019-05-04" in lines[0]
    assert len(run("trips", "--events").stdout.splitlines()) == 10
    records = json.loads(run("trips", "--json").stdout)
    assert [record["label"] for record in records] == ["Xanadu 2019", "Avalon 2021"]
    assert records[1]["place"] == {"city": "Avalon", "region": None, "country": "Somewhere"}
    assert records[1]["cover_path"].startswith(str(tmp_path / "photos"))


@pytest.mark.usefixtures("coloured")
def test_tags_command(run: Callable[..., Result], tmp_path: Path) -> None:
    assert [line.split()[:2] for line in run("tags", "-k", "3").stdout.splitlines()[::3]] == [
        ["10", "red,"],
        ["6", "green,"],
        ["3", "blue,"],
    ]
    records = json.loads(run("tags", "--json").stdout)
    assert [record["size"] for record in records] == [10, 6, 3]
    one = run("tags", str(tmp_path / "photos/blue-0.png")).stdout
    assert "blue (蓝)" in one.splitlines()[0]
    assert json.loads(run("tags", "--json", str(tmp_path / "photos/blue-0.png")).stdout)
    assert "cannot" in run("tags", str(tmp_path / "nothing.png"), code=1).stderr


def test_no_trips_yet(run: Callable[..., Result], collection: Collection) -> None:
    result = run("trips")
    assert result.stdout == ""
    assert "dates and places" in result.stderr
    assert run("trips", "--json").stdout.strip() == "[]"
