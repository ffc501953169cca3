"""Small runs that faults are injected into.

Each scenario is prepared once; its photos then stay as they are, so that an operation can be run
again and again on copies of the same collection.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from retrieval import (
    Collection,
    EncoderSpec,
    compact,
    forget,
    index_folder,
    migrating,
    repair,
    search,
    verify,
)
from retrieval.errors import RetrievalError
from retrieval.migrating import drop_space, migrate
from retrieval.storage.checked import read_checked
from retrieval.storage.layout import space_folder
from tests.judging import (
    OWN,
    SPEC,
    Results,
    State,
    difference,
    judge_fault,
    leftovers,
    read_results,
)
from tests.pictures import picture, touch

TURNED = EncoderSpec("turned")
GOLDEN = Path(__file__).parent / "golden"
BROKEN = b"\x89PNG\r\n\x1a\nno picture"


@dataclass(frozen=True)
class Scenario:
    """An operation on a copy of a prepared collection; running it twice is as running it once."""

    #: Makes photos and, unless the operation makes it, the collection. Takes the folders of both,
    #: and how many times larger than in CI all is.
    prepare: Callable[[Path, Path, int], None]
    operate: Callable[[Path, Path], None]
    damaged: bool = False  # before it; so only what comes out in the end is judged
    after: Callable[[Path, Path], None] = lambda place, photos: None  # what must hold in the end
    sealing_share: float = 0  # seal after each commit; or, if large, only at the end


def _write_photos(photos: Path, scale: int) -> None:
    """Photos of colours that are far apart, one broken, one twice, and texts."""
    for number in range(4 * scale):
        picture(photos / f"{number:03}.png", _colour(number, 4 * scale))
    (photos / "broken.png").write_bytes(BROKEN)
    shutil.copy(photos / "001.png", photos / "twice.png")
    (photos / "notes.txt").write_text("a red thing\n\na blue thing\n")


def _colour(number: int, of: int) -> tuple[int, int, int]:
    angle = 2 * np.pi * number / of
    wave = [128 + 127 * np.cos(angle + shift) for shift in (0.1, 2.3, 4.2)]
    return int(wave[0]), int(wave[1]), int(wave[2])


def _index(place: Path, photos: Path) -> None:
    with Collection.open(place, create=True, spec=SPEC) as collection:
        report = index_folder(collection, [photos], batch_size=2, threads=1)
    met = report.unchanged + report.added + report.changed + report.moved + report.duplicates
    there = sum(1 for path in photos.rglob("*") if path.is_file())
    if met + len(report.skipped) != there:
        raise AssertionError(f"{there} files, and the report counts {met}: {report}")


def _prepare_add(place: Path, photos: Path, scale: int) -> None:
    _write_photos(photos, scale)


def _prepare_change(place: Path, photos: Path, scale: int) -> None:
    _write_photos(photos, scale)
    _index(place, photos)
    for number in range(2 * scale):
        path = picture(photos / f"{number:03}.png", (250, 90 + 60 * number // scale, 200))
        touch(path)
    (photos / "notes.txt").write_text("a red thing\n\na green thing, and more\n")


def _prepare_move(place: Path, photos: Path, scale: int) -> None:
    _write_photos(photos, scale)
    _index(place, photos)
    (photos / "below").mkdir()
    for number in range(scale):
        (photos / f"{number:03}.png").rename(photos / f"below/{number:03}.png")
    (photos / "notes.txt").rename(photos / "below/notes.txt")
    shutil.copy(photos / "003.png", photos / "copy.png")


def _prepare_delete(place: Path, photos: Path, scale: int) -> None:
    _write_photos(photos, scale)
    _index(place, photos)
    for number in range(scale):
        (photos / f"{number:03}.png").unlink()
    (photos / "notes.txt").unlink()


def _prepare_upgrade(place: Path, photos: Path, scale: int) -> None:
    shutil.copytree(GOLDEN / "photos", photos)
    shutil.copytree(GOLDEN / "format-1", place)


def _open(place: Path, photos: Path) -> None:
    Collection.open(place, spec=SPEC).close()


def _prepare_forget(place: Path, photos: Path, scale: int) -> None:
    _write_photos(photos, scale)
    _index(place, photos)
    with Collection.open(place, spec=SPEC) as collection:
        for photo in collection.catalog.photos_by_id(range(1, 100)).values():
            collection.thumbnail(photo)


def _forget(place: Path, photos: Path) -> None:
    """Forget a photo that lies there twice, and a text."""
    with Collection.open(place, spec=SPEC) as collection:
        forget(collection, [photos / "001.png", photos / "notes.txt"])


def _is_forgotten(place: Path, photos: Path) -> None:
    """Nothing of a forgotten photo is in any file any more."""
    content = hashlib.sha256((photos / "001.png").read_bytes())
    for path in place.rglob("*"):
        assert not path.name.startswith(content.hexdigest()), f"{path} is still there"
        assert path.is_dir() or content.digest() not in path.read_bytes(), f"{path} names it"
        assert path.is_dir() or b"blue thing" not in path.read_bytes(), f"{path} holds the text"


def _prepare_compact(place: Path, photos: Path, scale: int) -> None:
    _prepare_delete(place, photos, scale)
    _index(place, photos)


def _compact(place: Path, photos: Path) -> None:
    with Collection.open(place, spec=SPEC) as collection:
        compact(collection)


def _prepare_lost_catalog(place: Path, photos: Path, scale: int) -> None:
    _write_photos(photos, scale)
    _index(place, photos)
    (place / "catalog.db").unlink()


def _prepare_damaged_rows(place: Path, photos: Path, scale: int) -> None:
    _write_photos(photos, scale)
    _index(place, photos)
    (path,) = (place / "spaces").glob("*/photos.f16")
    data = bytearray(path.read_bytes())
    data[1] ^= 0x10
    path.write_bytes(data)


def _repair(place: Path, photos: Path) -> None:
    report = repair(place, spec=SPEC)
    assert not report.left, report.left


def _repair_and_index(place: Path, photos: Path) -> None:
    """What a repair that died could only set aside, indexing takes in again."""
    _repair(place, photos)
    _index(place, photos)


def _prepare_thumbnails(place: Path, photos: Path, scale: int) -> None:
    _write_photos(photos, scale)
    _index(place, photos)


def _thumbnails(place: Path, photos: Path) -> None:
    with Collection.open(place, spec=SPEC) as collection:
        for hit in search(collection, "red", k=1).hits:
            photo = collection.catalog.photos_by_id([hit.id])[hit.id]
            collection.thumbnail(photo)


def _migrate(place: Path, photos: Path) -> None:
    """Embed all with another encoder, a few at a time, and switch to it; the old one is kept.

    All is embedded before the lock is taken for the switch, as with more photos than these.
    """
    migrating.FEW = 0
    with Collection.open(place, spec=OWN) as collection:
        migrate(collection, TURNED, batch_size=2, threads=1)


def _migrate_and_drop(place: Path, photos: Path) -> None:
    with Collection.open(place, spec=OWN) as collection:
        migrate(collection, TURNED, keep_old=False, batch_size=4, threads=1)


def _is_switched(place: Path, photos: Path) -> None:
    """Both spaces are complete, and their folders say which one is searched."""
    with Collection.open(place, spec=OWN) as collection:
        told = collection.info().spaces
    assert [(s.encoder, s.active) for s in told] == [("turned", True), ("toy", False)]
    assert len({(s.photos, s.documents) for s in told}) == 1
    for space in told:
        noted = read_checked(space_folder(place, space.fingerprint) / "space.json")
        assert noted["active"] == space.active


def _is_dropped(place: Path, photos: Path) -> None:
    with Collection.open(place, spec=OWN) as collection:
        (space,) = collection.info().spaces
    assert (space.encoder, space.active) == ("turned", True)
    assert len([*(place / "spaces").iterdir()]) == 1


def _prepare_two_spaces(place: Path, photos: Path, scale: int) -> None:
    _prepare_thumbnails(place, photos, scale)
    _migrate(place, photos)


def _drop(place: Path, photos: Path) -> None:
    with Collection.open(place, spec=OWN) as collection:
        if len(collection.catalog.spaces()) > 1:
            drop_space(collection, "toy")
        else:
            with collection.writing():
                pass  # whoever writes next finishes what was begun


def _prepare_two_spaces_without_catalog(place: Path, photos: Path, scale: int) -> None:
    _prepare_two_spaces(place, photos, scale)
    (place / "catalog.db").unlink()


def _repair_two_spaces(place: Path, photos: Path) -> None:
    report = repair(place, spec=OWN)
    assert not report.left, report.left


SCENARIOS = {
    "add": Scenario(_prepare_add, _index),
    "change": Scenario(_prepare_change, _index, sealing_share=1e9),
    "move": Scenario(_prepare_move, _index),
    "delete": Scenario(_prepare_delete, _index),
    "upgrade": Scenario(_prepare_upgrade, _open),
    "forget": Scenario(_prepare_forget, _forget, after=_is_forgotten),
    "compact": Scenario(_prepare_compact, _compact),
    "repair, no catalog": Scenario(_prepare_lost_catalog, _repair, damaged=True),
    "thumbnails": Scenario(_prepare_thumbnails, _thumbnails),
    "migrate": Scenario(_prepare_thumbnails, _migrate, after=_is_switched),
    "migrate, drop": Scenario(
        _prepare_thumbnails, _migrate_and_drop, after=_is_dropped, sealing_share=1e9
    ),
    "drop": Scenario(_prepare_two_spaces, _drop, after=_is_dropped),
}
LONG_SCENARIOS = {
    "add, sealed at the end": Scenario(_prepare_add, _index, sealing_share=1e9),
    "repair, two spaces": Scenario(
        _prepare_two_spaces_without_catalog, _repair_two_spaces, damaged=True, after=_is_switched
    ),
    "repair, bad rows": Scenario(_prepare_damaged_rows, _repair_and_index, damaged=True),
}


# --- the judge ------------------------------------------------------------------------------


def judge(
    scenario: Scenario, place: Path, photos: Path, committed: State, whole: Results
) -> list[str]:
    """What is wrong with a collection after a fault, and after running the operation again."""
    problems = [] if scenario.damaged else judge_fault(place, photos, committed)
    try:
        scenario.operate(place, photos)
        results = read_results(place, photos, check=False)  # verify does
        if results != whole:
            problems.append(f"after running it again: {difference(results, whole)}")
        problems += [f"left behind: {name}" for name in leftovers(place)]
        problems += [f"verify: {problem}" for problem in verify(place, spec=OWN).problems]
        scenario.after(place, photos)
    except (AssertionError, RetrievalError) as exc:
        problems.append(f"when run again: {type(exc).__name__}: {exc}")
    return problems
