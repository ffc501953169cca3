"""What stands in the catalog alone outlives its loss, and what was forgotten does not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from retrieval import Collection, compact, forget, index_folder, repair, verify
from retrieval.answering.history import Conversation, conversations, forget_conversations
from retrieval.records import Turn
from retrieval.storage import disk, kept
from retrieval.storage.edits import write_writing
from retrieval.storage.lexical import ranked
from tests.conftest import open_toy
from tests.integration.test_history import answered
from tests.pictures import picture
from tests.toy import ToyEncoder

SECRET = "what did the zeppelin carry"
WRITTEN = "LAKEHURST 1937"
COLOURS = ("red", "green", "blue")


@pytest.fixture
def place(tmp_path: Path, toy: list[ToyEncoder]) -> Path:
    """A collection with two conversations, of which one tells a secret, and with writing."""
    for number, colour in enumerate(COLOURS):
        picture(tmp_path / f"photos/{colour}.png", colour, (30 + number, 20))
    with open_toy(tmp_path / "kept") as collection:
        index_folder(collection, [tmp_path / "photos"])
        Conversation(collection, "monday").add(answered(collection, "a lake?", "blue"))
        talk = Conversation(collection, "tuesday")
        talk.add(answered(collection, SECRET, "red"))
        talk.add(answered(collection, "and then?", "blue", "green"))
        with collection.writing():
            with collection.catalog.writing() as connection:
                write_writing(connection, "toy 1", {id_of(collection, "red"): WRITTEN})
            kept.keep(collection.path, collection.catalog, kept.WRITING)
    return tmp_path / "kept"


def id_of(collection: Collection, name: str) -> int:
    ids: dict[str, int] = {}
    for path, photo in collection.reader.fetch("SELECT path, photo_id FROM files"):
        ids[Path(path).stem] = photo
    return ids[name]


def told(place: Path) -> list[tuple[str, int, str, str, str, tuple[str, ...]]]:
    """What every turn says, with its photos by their names."""
    with Collection.open(place) as collection:
        rows = dict(collection.reader.fetch("SELECT photo_id, path FROM files"))
        return [
            (name, t.number, t.question, t.answer, t.at, names(rows, t))
            for name, _, _ in conversations(collection)
            for t in Conversation(collection, name).turns
        ]


def names(rows: dict[int, str], turn: Turn) -> tuple[str, ...]:
    return tuple(Path(rows[photo]).stem for photo in (*turn.photos, *turn.plan.among))


def lose(place: Path, how: str) -> None:
    file = place / "catalog.db"
    if how == "lost":
        file.unlink()
    elif how == "emptied":
        os.truncate(file, 0)
    else:
        data = bytearray(file.read_bytes())
        data[len(data) // 2] ^= 1
        file.write_bytes(data)


def holders(place: Path, words: str) -> list[str]:
    return [p.name for p in place.rglob("*") if p.is_file() and words.encode() in p.read_bytes()]


class TestTheCatalogIsLost:
    @pytest.mark.parametrize("how", ["lost", "emptied", "flipped"])
    def test_conversations_and_writing_come_back(self, place: Path, how: str) -> None:
        before = told(place)
        assert len(before) == 3
        lose(place, how)
        report = repair(place)
        assert not report.left
        assert "kept 3 of the 3 questions of conversations" in report.done
        assert "kept what was read of the writing in 1 of 1 photos" in report.done
        assert told(place) == before
        with Collection.open(place) as collection:
            assert collection.catalog.writing_in(id_of(collection, "red")) == WRITTEN
            assert len(ranked(collection.reader, "lakehurst", 5)) == 1
        assert not verify(place).problems

    def test_again_and_again(self, place: Path) -> None:
        before = told(place)
        for _ in range(2):
            lose(place, "lost")
            repair(place)
        assert told(place) == before

    def test_a_turn_whose_photos_are_not_known_any_more_stays_away(self, place: Path) -> None:
        file = place / kept.CONVERSATIONS
        values = kept.read_checked(file)
        values["turns"][1]["photos"] = ["00" * 32]
        kept.write_checked(file, values)
        lose(place, "lost")
        assert "kept 2 of the 3 questions of conversations" in repair(place).done
        assert SECRET not in str(told(place))
        assert SECRET not in file.read_text()

    @pytest.mark.parametrize("values", [{}, {"turns": 7}, {"turns": [{"photos": 1}]}, {"a": []}])
    def test_a_file_that_says_something_else(self, place: Path, values: dict[str, object]) -> None:
        kept.write_checked(place / kept.CONVERSATIONS, values)
        lose(place, "lost")
        report = repair(place)
        assert not report.left
        (aside,) = place.glob("conversations.damaged-*.json")
        assert kept.read_checked(aside) == values
        assert aside.name in str(report.done)
        assert "the old one is kept" not in str(report.done)
        assert told(place) == []
        with Collection.open(place) as collection:
            forget_conversations(collection)
        assert not aside.exists()


class TestNothingForgottenStays:
    def test_of_a_photo(self, place: Path, tmp_path: Path) -> None:
        assert holders(place, SECRET)
        assert holders(place, WRITTEN)
        with Collection.open(place) as collection:
            forget(collection, tmp_path / "photos/red.png")
        assert holders(place, SECRET) == holders(place, WRITTEN) == []
        lose(place, "lost")
        repair(place)
        assert [turn[2] for turn in told(place)] == ["and then?", "a lake?"]

    @pytest.mark.parametrize("name", ["tuesday", None])
    def test_of_a_conversation(self, place: Path, name: str | None) -> None:
        lose(place, "flipped")
        repair(place)
        assert [f for f in holders(place, SECRET) if f.startswith("catalog.damaged-")]
        with Collection.open(place) as collection:
            assert forget_conversations(collection, name) == (2 if name else 3)
        assert holders(place, SECRET) == []
        assert (place / kept.CONVERSATIONS).exists() == (name is not None)

    def test_what_compaction_drops(self, place: Path, tmp_path: Path) -> None:
        (tmp_path / "photos/red.png").unlink()
        with Collection.open(place) as collection:
            index_folder(collection, [tmp_path / "photos"])
            assert holders(place, SECRET)
            compact(collection)
        assert holders(place, SECRET) == holders(place, WRITTEN) == []

    def test_the_old_bytes_are_overwritten(self, place: Path) -> None:
        """Whoever has the file open sees what becomes of its bytes."""
        with ExitStack() as stack:
            old = [stack.enter_context((place / name).open("rb")) for name in kept.KEPT]
            with Collection.open(place) as collection, collection.writing():
                kept.keep(place, collection.catalog)
            for file, name in zip(old, kept.KEPT, strict=True):
                data = file.read()
                assert data
                assert not data.strip(b"\0")
                assert (place / name).read_bytes().strip(b"\0")

    @pytest.mark.parametrize("link", [os.symlink, os.link])
    @pytest.mark.parametrize("name", [kept.CONVERSATIONS, "catalog.v4.backup.db"])
    def test_the_bytes_behind_a_link_stay(
        self, place: Path, tmp_path: Path, link: Callable[[Path, Path], None], name: str
    ) -> None:
        outside = tmp_path / "outside"
        outside.write_bytes(b"mine")
        (place / name).unlink(missing_ok=True)
        link(outside, place / name)
        with Collection.open(place) as collection:
            assert forget_conversations(collection) == 3
        assert outside.read_bytes() == b"mine"
        assert not os.path.lexists(place / name)

    @pytest.mark.parametrize("step", ["wipe", "commit", "keep"])
    def test_whenever_it_dies(
        self, place: Path, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """After the wipe, after the deletion, before the file is there again."""

        def dies(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        with Collection.open(place) as collection, monkeypatch.context() as patch:
            if step == "wipe":
                patch.setattr("retrieval.storage.edits.forget", dies)
            elif step == "commit":
                patch.setattr("retrieval.maintenance.forgetting.finish_forgetting", dies)
            else:
                patch.setattr("retrieval.maintenance.forgetting.keep", dies)
            with pytest.raises(KeyboardInterrupt):
                forget(collection, tmp_path / "photos/red.png")
        assert not (place / kept.CONVERSATIONS).exists()
        with Collection.open(place) as collection:
            forget(collection, tmp_path / "photos/red.png") if step == "wipe" else None
            with collection.writing():
                pass
        assert holders(place, SECRET) == holders(place, WRITTEN) == []
        assert (place / kept.CONVERSATIONS).exists()


def test_a_flipped_bit_is_noticed_and_mended(place: Path) -> None:
    for name in kept.KEPT:
        file = place / name
        whole = file.read_bytes()
        file.write_bytes(whole.replace(b"zeppelin", b"airplane").replace(b"1937", b"1938"))
        (problem,) = verify(place).problems
        assert problem.place == name
        assert f"wrote {name} anew" in repair(place).done
        assert file.read_bytes() == whole
        assert not verify(place).problems


def test_where_it_is_missing_the_next_that_writes_makes_it(place: Path) -> None:
    whole = (place / kept.CONVERSATIONS).read_bytes()
    (place / kept.CONVERSATIONS).unlink()
    with Collection.open(place) as collection:
        assert not (place / kept.CONVERSATIONS).exists()
        with collection.writing():
            pass
    assert (place / kept.CONVERSATIONS).read_bytes() == whole


def test_nothing_to_keep_makes_no_file(collection: Collection) -> None:
    with collection.writing():
        kept.keep(collection.path, collection.catalog)
    assert not [name for name in kept.KEPT if (collection.path / name).exists()]


def test_only_its_owner_may_read_it(place: Path) -> None:
    for name in kept.KEPT:
        assert (place / name).stat().st_mode & 0o777 == disk.FILE_MODE


def test_a_plan_of_another_form_is_kept_as_it_is(place: Path) -> None:
    with Collection.open(place) as collection, collection.writing():
        with collection.catalog.writing() as connection:
            connection.exec_driver_sql("UPDATE turns SET plan = 'no plan'")
        kept.keep(place, collection.catalog)
    lose(place, "lost")
    repair(place)
    assert len(told(place)) == 3
    assert json.loads((place / kept.CONVERSATIONS).read_text())["turns"][0]["plan"] == "no plan"
