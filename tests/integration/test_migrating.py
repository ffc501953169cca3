"""Changing the encoder: nothing is lost, searches go on, and no query meets the wrong space."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from retrieval import (
    Collection,
    EncoderSpec,
    compact,
    forget,
    index_folder,
    make_query,
    repair,
    search,
    verify,
)
from retrieval.daemon import client
from retrieval.daemon.server import Server
from retrieval.errors import (
    EncoderError,
    EncoderMismatchError,
    NoCollectionError,
    QueryError,
    UsageError,
)
from retrieval.migrating import building, drop_space, migrate
from retrieval.records import SearchOptions, Space
from retrieval.searching import candidates
from retrieval.storage.vectors import vector_file
from tests.conftest import LONGEST_S, open_toy, until
from tests.pictures import picture
from tests.toy import ToyEncoder

COLOURS = ("red", "green", "blue", "yellow", "white", "black")
TURNED = EncoderSpec("turned")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Photos, one in two files, and two texts."""
    folder = tmp_path / "photos"
    for colour in COLOURS:
        picture(folder / f"{colour}.png", colour)
    shutil.copy(folder / "red.png", folder / "again.png")
    (folder / "notes.txt").write_text("a red thing\n\na blue thing\n")
    return folder


@pytest.fixture
def place(tmp_path: Path, photos: Path, toy: list[ToyEncoder]) -> Path:
    with open_toy(tmp_path / "collection") as made:
        index_folder(made, [photos])
    return tmp_path / "collection"


@pytest.fixture
def opened(place: Path) -> Iterator[Collection]:
    with Collection.open(place) as collection:
        yield collection


def first(collection: Collection, query: str = "red", kind: Any = "photos") -> str:
    """The name of what a query finds first, after comparing scores with the active encoder."""
    result = search(collection, query, kind=kind, k=100)
    space = collection.catalog.active_space()
    assert space is not None
    assert result.encoder == space.encoder
    return Path(result.hits[0].path).name if kind == "photos" else str(result.hits[0].text)


def spaces(collection: Collection) -> dict[str, tuple[bool, int, int]]:
    """Whether each is active, and how many photos and documents are found in it."""
    told = collection.info().spaces
    return {space.encoder: (space.active, space.photos, space.documents) for space in told}


def is_well(place: Path) -> None:
    assert verify(place, content=True).problems == ()


# --- there and back ---------------------------------------------------------------------------


def test_everything_is_found_with_the_new_encoder(opened: Collection, place: Path) -> None:
    before = [first(opened, colour) for colour in COLOURS[:4]]
    report = migrate(opened, TURNED)
    assert (report.encoder, report.previous, report.switched) == ("turned", "toy", True)
    assert (report.photos, report.documents, report.embedded) == (6, 2, 8)
    assert (report.dropped, report.unread) == (False, ())
    assert spaces(opened) == {"turned": (True, 6, 2), "toy": (False, 6, 2)}
    assert [first(opened, colour) for colour in COLOURS[:4]] == before
    assert first(opened, "blue", "documents") == "a blue thing"
    with Collection.open(place) as again:
        assert again.encoder().name == "turned"
        assert first(again, "green") == "green.png"
    is_well(place)


def test_the_way_back_only_catches_up(opened: Collection, photos: Path, place: Path) -> None:
    migrate(opened, TURNED)
    picture(photos / "new.png", (200, 10, 200))
    index_folder(opened, [photos])
    assert spaces(opened) == {"turned": (True, 7, 2), "toy": (False, 6, 2)}
    report = migrate(opened, EncoderSpec("toy"))
    assert (report.embedded, report.photos, report.switched) == (1, 7, True)
    assert spaces(opened) == {"toy": (True, 7, 2), "turned": (False, 7, 2)}
    assert migrate(opened, TURNED).embedded == 0
    is_well(place)


def test_the_encoder_that_is_used_already(opened: Collection) -> None:
    report = migrate(opened, EncoderSpec("toy"), keep_old=False)
    assert (report.switched, report.dropped, report.embedded) == (False, False, 0)
    assert spaces(opened) == {"toy": (True, 6, 2)}


def test_build_now_and_switch_later(opened: Collection) -> None:
    report = migrate(opened, TURNED, switch=False)
    assert (report.switched, report.embedded) == (False, 8)
    assert first(opened) == "again.png"
    assert spaces(opened) == {"toy": (True, 6, 2), "turned": (False, 6, 2)}
    report = migrate(opened, TURNED)
    assert (report.switched, report.embedded) == (True, 0)


def test_an_empty_collection_has_nothing_to_change(collection: Collection) -> None:
    with pytest.raises(NoCollectionError, match="index FOLDER --model turned"):
        migrate(collection, TURNED)


def test_an_encoder_that_cannot_be_loaded_changes_nothing(
    opened: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: EncoderSpec) -> ToyEncoder:
        raise EncoderError("its weights are gone; fetch them")

    monkeypatch.setattr("tests.toy.load", fail)
    with pytest.raises(EncoderError, match="its weights are gone"):
        migrate(opened, TURNED)
    assert list(spaces(opened)) == ["toy"]


def test_new_weights_behind_the_same_name(
    opened: Collection, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collection whose encoder was replaced refuses to be searched, and is mended so."""

    def other(spec: EncoderSpec) -> ToyEncoder:
        encoder = ToyEncoder(spec.model)
        encoder.fingerprint = encoder.fingerprint[::-1]
        return encoder

    monkeypatch.setattr("tests.toy.load", other)
    with pytest.raises(EncoderMismatchError, match="retrieval migrate --model toy"):
        first(opened)
    with Collection.open(place) as again:
        assert migrate(again, EncoderSpec("toy")).switched
        assert first(again, "green") == "green.png"
        old = next(space for space in again.info().spaces if not space.active)
        with pytest.raises(UsageError, match="Several spaces are called 'toy'"):
            drop_space(again, "toy")
        assert drop_space(again, old.fingerprint[:8]).encoder == "toy"
        assert len(again.info().spaces) == 1


# --- while others work ------------------------------------------------------------------------


def test_an_open_collection_follows_the_switch(opened: Collection, place: Path) -> None:
    with Collection.open(place) as other:
        assert first(other, "green") == "green.png"
        for model in ("turned", "toy", "turned"):
            migrate(opened, EncoderSpec(model), keep_old=model != "toy")
            assert other.encoder().name == model
            assert first(other, "green") == "green.png"
    with (
        open_toy(place, "toy") as asked,
        pytest.raises(EncoderMismatchError, match="retrieval migrate --model toy"),
    ):
        search(asked, "red")


def test_the_daemon_follows_the_switch(opened: Collection, place: Path, daemon: Server) -> None:
    for model in ("toy", "turned", "toy"):
        if model != "toy" or daemon.served:
            migrate(opened, EncoderSpec(model), keep_old=model == "toy")
        answer = client.search(
            place, ("auto", "auto", "auto", ""), make_query("green"), SearchOptions(k=3)
        )
        assert answer is not None
        assert (answer[0].encoder, Path(answer[0].hits[0].path).name) == (model, "green.png")
    assert daemon.served == 3


def test_a_search_that_meets_the_switch(
    opened: Collection, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The query was embedded with the old encoder when searches change to the new one."""
    migrate(opened, TURNED, switch=False)
    embed, switched = candidates.embedded, []

    def slowly(*given: Any) -> Any:
        pieces = embed(*given)
        if not switched:
            switched.append(migrate(opened, TURNED).switched)
        return pieces

    monkeypatch.setattr(candidates, "embedded", slowly)
    with Collection.open(place) as other:
        met, after = (search(other, "green", k=10) for _ in range(2))
    assert switched == [True]
    assert met.encoder == "turned"
    assert met.hits == after.hits
    assert Path(met.hits[0].path).name == "green.png"


def test_indexing_and_forgetting_in_between(
    opened: Collection, photos: Path, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two batches, with the pixels of all decoded already."""
    monkeypatch.setattr("retrieval.migrating.FEW", 0)
    commits = []
    commit = building.Builder._commit

    def meanwhile(self: building.Builder, *given: Any) -> None:
        commits.append(given[0])
        if len(commits) == 1:
            with Collection.open(place) as other:
                forget(other, [photos / "blue.png"], without_trace=True)
                picture(photos / "new.png", (200, 10, 200))
                index_folder(other, [photos / "new.png"])
        commit(self, *given)

    monkeypatch.setattr(building.Builder, "_commit", meanwhile)
    report = migrate(opened, TURNED, batch_size=2)
    assert report.photos == 6
    assert len(commits) >= 3
    assert spaces(opened)["turned"] == (True, 6, 2)
    assert {Path(h.path).name for h in search(opened, "red", k=100).hits} >= {"new.png"}
    assert "blue.png" not in {Path(h.path).name for h in search(opened, "blue", k=100).hits}
    is_well(place)


def test_another_writer_is_waited_for(opened: Collection, place: Path) -> None:
    told: list[str] = []
    holding, go = threading.Event(), threading.Event()

    def tell(text: str) -> None:
        told.append(text)
        go.set()

    opened.on_notice, opened.patience = tell, 0.01

    def hold() -> None:
        with Collection.open(place) as other, other.writing():
            holding.set()
            go.wait(LONGEST_S)

    thread = threading.Thread(target=hold)
    thread.start()
    assert holding.wait(LONGEST_S)
    assert migrate(opened, TURNED).switched
    thread.join()
    assert any("is writing; going on when it is done" in text for text in told)
    assert len([text for text in told if "is writing" in text]) == 1


def test_the_lock_is_free_while_photos_are_embedded(
    opened: Collection, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of the photos but a few, that is."""
    monkeypatch.setattr("retrieval.migrating.FEW", 0)
    encode, busy = ToyEncoder.encode_images, []

    def watched(self: ToyEncoder, batch: Any) -> Any:
        from retrieval.storage.layout import is_being_written

        busy.append(is_being_written(place))
        return encode(self, batch)

    monkeypatch.setattr(ToyEncoder, "encode_images", watched)
    migrate(opened, TURNED)
    assert busy
    assert not any(busy)


def test_an_interrupted_run_goes_on(
    opened: Collection, toy: list[ToyEncoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retrieval.migrating.FEW", 0)
    encode, calls = ToyEncoder.encode_images, []

    def interrupted(self: ToyEncoder, batch: Any) -> Any:
        calls.append(len(batch))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return encode(self, batch)

    monkeypatch.setattr(ToyEncoder, "encode_images", interrupted)
    with pytest.raises(KeyboardInterrupt):
        migrate(opened, TURNED, batch_size=2)
    assert spaces(opened) == {"toy": (True, 6, 2), "turned": (False, 4, 0)}
    assert first(opened) == "again.png"
    report = migrate(opened, TURNED, batch_size=2)
    assert (report.embedded, report.photos, report.documents) == (4, 6, 2)


# --- photos that cannot be read -----------------------------------------------------------------


@pytest.fixture
def one_away(opened: Collection, photos: Path, tmp_path: Path) -> Path:
    """A photo that lies elsewhere now; its place in the collection is empty."""
    return Path(shutil.move(photos / "green.png", tmp_path / "away.png"))


def test_an_unreadable_photo_comes_in_later(
    opened: Collection, photos: Path, place: Path, one_away: Path
) -> None:
    report = migrate(opened, TURNED)
    assert [Path(skipped.path).name for skipped in report.unread] == ["green.png"]
    assert "No such file" in report.unread[0].reason
    assert not report.switched  # it would not be found
    assert spaces(opened) == {"toy": (True, 6, 2), "turned": (False, 5, 2)}
    report = migrate(opened, TURNED, force=True)
    assert report.switched
    assert spaces(opened) == {"turned": (True, 5, 2), "toy": (False, 6, 2)}
    found = verify(place)
    assert found.problems == ()
    assert any("1 photos could not be read when the encoder was changed" in n for n in found.notes)
    assert repair(place).done == ()
    shutil.move(one_away, photos / "green.png")
    assert index_folder(opened, [photos]).embedded == 1
    assert spaces(opened)["turned"] == (True, 6, 2)
    assert first(opened, "green") == "green.png"
    assert verify(place).notes == ()


def test_a_changed_photo_is_not_taken_for_what_it_was(opened: Collection, photos: Path) -> None:
    picture(photos / "green.png", (1, 2, 3))
    report = migrate(opened, TURNED)
    assert "changed since it was indexed" in report.unread[0].reason


def test_the_old_space_is_not_dropped_when_that_loses_something(
    opened: Collection, photos: Path, place: Path, one_away: Path
) -> None:
    with pytest.raises(UsageError, match=r"1 photos would not be found .*green\.png.*--force"):
        migrate(opened, TURNED, keep_old=False)
    assert spaces(opened) == {"toy": (True, 6, 2), "turned": (False, 5, 2)}
    report = migrate(opened, TURNED, keep_old=False, force=True)
    assert (report.dropped, report.embedded) == (True, 0)
    assert spaces(opened) == {"turned": (True, 5, 2)}
    (skipped,) = opened.catalog.skipped()
    assert "could not be read when its embeddings were dropped" in skipped.reason
    is_well(place)
    shutil.move(one_away, photos / "green.png")
    index_folder(opened, [photos])
    assert spaces(opened) == {"turned": (True, 6, 2)}


# --- dropping -----------------------------------------------------------------------------------


def test_the_old_space_goes_with_its_files(opened: Collection, place: Path) -> None:
    old = opened.catalog.active_space()
    assert old is not None
    assert migrate(opened, TURNED, keep_old=False).dropped
    assert spaces(opened) == {"turned": (True, 6, 2)}
    (folder,) = (place / "spaces").iterdir()
    assert folder.name != old.fingerprint[:32]
    assert first(opened, "green") == "green.png"
    is_well(place)


def test_the_old_space_goes_also_after_the_switch(opened: Collection, place: Path) -> None:
    migrate(opened, TURNED)
    report = migrate(opened, TURNED, keep_old=False)
    assert (report.switched, report.dropped, report.previous) == (False, True, "toy")
    assert spaces(opened) == {"turned": (True, 6, 2)}
    assert len([*(place / "spaces").iterdir()]) == 1
    assert not migrate(opened, TURNED, keep_old=False).dropped
    is_well(place)


def test_a_kept_space_is_dropped_by_its_name(opened: Collection, place: Path) -> None:
    migrate(opened, TURNED)
    with pytest.raises(UsageError, match="Searches use the space of turned"):
        drop_space(opened, "turned")
    for wrong in ("", "nothing", "%", "' OR 1=1"):
        with pytest.raises(UsageError, match="No space is"):
            drop_space(opened, wrong)
    report = drop_space(opened, "toy")
    assert (report.encoder, report.lost) == ("toy", ())
    assert report.bytes_freed > 0
    assert len([*(place / "spaces").iterdir()]) == 1
    is_well(place)
    with pytest.raises(UsageError, match="Old embeddings are only dropped with a switch"):
        migrate(opened, TURNED, keep_old=False, switch=False)


def test_half_a_removal_is_finished(opened: Collection, place: Path) -> None:
    migrate(opened, TURNED)
    kept = place / "copy"
    old = next(space for space in opened.catalog.spaces() if space.encoder == "toy")
    folder = vector_file(place, old, "photos").path.parent
    shutil.copytree(folder, kept)
    drop_space(opened, "toy")
    (kept / "space.json").unlink()
    shutil.move(kept, folder)
    (folder / "mine.txt").write_text("what somebody else put there stays")
    with opened.writing():
        pass
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


# --- the rest of the house with two spaces --------------------------------------------------------


@pytest.fixture
def both(opened: Collection) -> Collection:
    migrate(opened, TURNED)
    return opened


def other_space(collection: Collection) -> Space:
    return next(s for s in collection.catalog.spaces() if s != collection.catalog.active_space())


def test_forgetting_wipes_both(both: Collection, photos: Path, place: Path) -> None:
    key = _key(both, photos / "blue.png")
    files = [path for path in (place / "spaces").rglob("photos.keys")]
    assert [key in path.read_bytes() for path in files] == [True, True]
    forget(both, [photos / "blue.png"])
    assert [key in path.read_bytes() for path in files] == [False, False]
    assert {n for _, n, _ in spaces(both).values()} == {5}
    is_well(place)


def _key(collection: Collection, path: Path) -> bytes:
    (photo,) = [
        photo
        for photo in collection.catalog.photos_by_id(range(20)).values()
        if str(path) in photo.paths
    ]
    return photo.content_hash


def test_compacting_both(both: Collection, photos: Path, place: Path) -> None:
    for name in ("blue.png", "green.png"):
        (photos / name).unlink()
    index_folder(both, [photos])
    report = compact(both)
    assert (report.rows_before, report.rows_after) == (16, 12)
    assert {n for _, n, _ in spaces(both).values()} == {4}
    is_well(place)
    assert migrate(both, EncoderSpec("toy")).embedded == 0
    assert first(both, "yellow") == "yellow.png"


def test_damage_in_the_space_that_is_not_searched(both: Collection, place: Path) -> None:
    file = vector_file(place, other_space(both), "photos").path
    data = bytearray(file.read_bytes())
    data[1] ^= 0x10
    file.write_bytes(data)
    assert first(both, "green") == "green.png"
    (problem,) = verify(place).problems
    assert str(file) in problem.place
    report = repair(place)
    assert report.left == ()
    assert "gave up 1 damaged rows of photos of toy, which is not searched" in report.done
    assert report.embedded_again == 0
    assert spaces(both) == {"turned": (True, 6, 2), "toy": (False, 5, 2)}
    assert migrate(both, EncoderSpec("toy")).embedded == 1
    assert spaces(both)["toy"] == (True, 6, 2)
    is_well(place)


def test_damage_in_the_space_that_is_searched(both: Collection, place: Path) -> None:
    active = both.catalog.active_space()
    assert active is not None
    file = vector_file(place, active, "photos").path
    data = bytearray(file.read_bytes())
    data[1] ^= 0x10
    file.write_bytes(data)
    report = repair(place)
    assert (report.left, report.embedded_again) == ((), 1)
    assert spaces(both) == {"turned": (True, 6, 2), "toy": (False, 6, 2)}
    is_well(place)


def test_a_lost_folder_of_the_other_space(both: Collection, place: Path) -> None:
    shutil.rmtree(vector_file(place, other_space(both), "photos").path.parent)
    assert first(both, "green") == "green.png"
    assert verify(place).problems
    assert repair(place).left == ()
    assert spaces(both) == {"turned": (True, 6, 2), "toy": (False, 0, 0)}
    assert migrate(both, EncoderSpec("toy")).embedded == 8
    is_well(place)


@pytest.mark.parametrize("how", ["lost", "damaged"])
@pytest.mark.parametrize("active", ["turned", "toy"])
def test_a_new_catalog_keeps_both_and_the_active_one(place: Path, how: str, active: str) -> None:
    with Collection.open(place) as collection:
        migrate(collection, TURNED)
        if active == "toy":
            migrate(collection, EncoderSpec("toy"))
    catalog = place / "catalog.db"
    if how == "lost":
        catalog.unlink()
    else:
        data = bytearray(catalog.read_bytes())
        data[-3000:] = bytes(3000)
        catalog.write_bytes(data)
    report = repair(place)
    assert (report.left, report.embedded_again) == ((), 0)
    with Collection.open(place) as collection:
        index_folder(collection, [place.parent / "photos"])
        assert {name for name, told in spaces(collection).items() if told[0]} == {active}
        assert {told[1:] for told in spaces(collection).values()} == {(6, 2)}
        assert first(collection, "green") == "green.png"
    is_well(place)


def test_an_unfinished_space_is_not_searched_after_the_catalog_was_lost(place: Path) -> None:
    """Though it is newer, and though its folder is whole."""
    with Collection.open(place) as collection:
        migrate(collection, TURNED, switch=False)
    (place / "catalog.db").unlink()
    repair(place)
    with Collection.open(place) as collection:
        assert spaces(collection)["toy"][0]
        assert not spaces(collection)["turned"][0]


def test_two_active_spaces_are_damage(both: Collection, place: Path) -> None:
    with closing(sqlite3.connect(place / "catalog.db")) as database, database:
        database.execute("UPDATE spaces SET active = 1")
    assert verify(place).problems


# --- comparing ------------------------------------------------------------------------------------


def test_comparing_on_queries(opened: Collection) -> None:
    report = migrate(opened, TURNED, switch=False, queries=["red", "green"])
    assert [c.query for c in report.queries] == ["red", "green"]
    assert {(c.overlap, c.of, c.moved) for c in report.queries} == {(1.0, 6, ())}
    assert not report.switched
    for wrong in ([""], ["x" * 5000], ["a"] * 1001):
        with pytest.raises((QueryError, UsageError)):
            migrate(opened, EncoderSpec("toy2"), queries=wrong)
    assert set(spaces(opened)) == {"toy", "turned"}


def test_only_the_new_encoder_embeds(opened: Collection, toy: list[ToyEncoder]) -> None:
    before = len(toy)
    migrate(opened, TURNED, queries=["red"])
    made = toy[before:]
    assert {encoder.name: encoder.images_seen for encoder in made} == {"toy": 0, "turned": 6}


def test_real_photos_and_real_encoders(shared: Path, tmp_path: Path) -> None:
    """The built-in encoder, then an open_clip checkpoint (of random weights), and back."""
    from tests.checkpoints import save_clip
    from tests.pairs import open_clip

    assert open_clip
    photos, checkpoint = tmp_path / "photos", str(save_clip(tmp_path / "clip"))
    photos.mkdir()
    for path in sorted((shared / "flickr8k-700/images").glob("*.jpg"))[:12]:
        (photos / path.name).symlink_to(path)
    place = tmp_path / "collection"
    with Collection.open(place, create=True, spec=EncoderSpec("mini")) as collection:
        index_folder(collection, [photos])
        collection.prepare_queries()  # or else the first searches run in torch, later ones do not
    over, seen, errors = threading.Event(), set[tuple[Any, ...]](), []
    shown: set[str] = set()  # since the last change

    def watch() -> None:
        with Collection.open(place) as other:
            while not over.is_set():
                try:
                    result = search(other, "a dog runs over grass", k=12)
                    hits = tuple((hit.id, round(hit.score or 0, 4)) for hit in result.hits)
                    seen.add((result.encoder, hits))
                    shown.add(result.encoder)
                except Exception as exc:
                    errors.append(exc)
                over.wait(0.02)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        with Collection.open(place) as collection:
            for model, embedded in ((checkpoint, 12), ("mini", 0)):
                report = migrate(collection, EncoderSpec(model), batch_size=4)
                assert (report.embedded, report.switched, report.photos) == (embedded, True, 12)
                expected = search(collection, "a dog runs over grass", k=12)
                assert len(expected.hits) == 12
                shown.clear()
                assert until(lambda name=expected.encoder: name in shown or errors)
    finally:
        over.set()
        thread.join()
    assert errors == []
    assert len(seen) == 2, "each encoder has one answer: what is more comes of mixing them"
    is_well(place)
