"""Random sequences of file operations, compared with a simple model of what should come out."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval import Collection, IndexReport, index_folder, search
from retrieval.errors import NoCollectionError, NoPhotosError
from retrieval.records import Facts
from tests.conftest import open_toy
from tests.pictures import encoded, paint, sidecar
from tests.toy import ToyEncoder

PICTURES = {name: encoded(paint(name)) for name in ("red", "green", "blue", "yellow")}
TEXTS = {"few": b"red\n\ngreen", "more": b"green\n\nblue\n\nred"}
BROKEN = {"broken": b"\xff\xd8 no", "empty": b""}
SIDECARS = {f"{stars} stars": sidecar(rating=stars) for stars in (1, 2)}
CONTENTS = {**PICTURES, **TEXTS, **BROKEN, **SIDECARS}

names = st.sampled_from(
    ["a.png", "b.png", "d/c.png", "d/20210304_171500.png", "d/t.txt", "u.txt", ".h.png"]
)
sidecars = st.sampled_from(["a.xmp", "b.png.xmp", "d/20210304_171500.xmp"])
operations = st.one_of(
    st.tuples(st.just("write"), sidecars, st.sampled_from([*SIDECARS, "red", "few", "empty"])),
    st.tuples(st.sampled_from(["touch", "delete"]), sidecars, sidecars),
    st.tuples(st.just("write"), names, st.sampled_from(sorted({*CONTENTS} - {*SIDECARS}))),
    st.tuples(st.just("move"), names, names),
    st.tuples(st.just("copy"), names, names),
    st.tuples(st.just("touch"), names, names),
    st.tuples(st.just("delete"), names, names),
)
rounds = st.lists(st.lists(operations, min_size=1, max_size=6), min_size=1, max_size=4)


@dataclass
class Disk:
    """A folder and what is in it: (content name, modification time) by path."""

    root: Path
    files: dict[str, tuple[str, int]] = field(default_factory=dict)
    clock: int = 10**18

    def apply(self, operation: tuple[str, str, str]) -> None:
        action, name, other = operation
        self.clock += 10**9
        if action == "write":
            self._put(name, other, self.clock)
        elif name in self.files:
            content, mtime = self.files[name]
            if action == "touch":
                self._put(name, content, self.clock)
            elif action == "copy":
                self._put(other, content, self.clock)
            else:
                (self.root / name).unlink()
                del self.files[name]
                if action == "move":
                    self._put(other, content, mtime)

    def _put(self, name: str, content: str, mtime: int) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(CONTENTS[content])
        os.utime(path, ns=(mtime, mtime))
        self.files[name] = (content, mtime)


def is_usable(name: str, content: str) -> bool:
    if name.startswith("."):
        return False
    if content in SIDECARS:
        return name.endswith(".xmp")
    return content in PICTURES or (content in TEXTS and name.endswith(".txt"))


def index(collection: Collection, root: Path) -> IndexReport:
    try:
        return index_folder(collection, [root], batch_size=2, threads=1)
    except NoPhotosError as exc:
        report = exc.report
        met = report.added + report.changed + report.moved + report.duplicates + report.unchanged
        assert met == sum(path.suffix == ".xmp" for path in root.rglob("*")) - sum(
            skipped.path.endswith(".xmp") for skipped in report.skipped
        )
        assert report.removed == 0
        return report


def check_report(report: IndexReport, before: dict, now: dict) -> None:
    met = report.added + report.changed + report.moved + report.duplicates + report.unchanged
    assert met + len(report.skipped) == len(now)
    usable = {name for name, (content, _) in now.items() if is_usable(name, content)}
    assert met == len(usable)
    known = {name for name in before if not name.startswith(".")}
    vanished = known - set(now)
    assert report.removed + report.moved == len(vanished)
    were_usable = {name for name in known if is_usable(name, before[name][0])}
    unchanged = {
        name
        for name in usable & were_usable
        if before[name] == now[name]
        or (before[name][0] == now[name][0] and now[name][0] in PICTURES)
    }
    assert report.unchanged == len(unchanged)
    assert report.changed == len((usable & were_usable) - unchanged)


def contents(now: dict, of: dict[str, bytes]) -> set[str]:
    return {
        content for name, (content, _) in now.items() if is_usable(name, content) and content in of
    }


def results(collection: Collection, kind: str) -> dict[frozenset[str], float]:
    try:
        found = search(collection, "red", kind=kind, k=50)  # type: ignore[arg-type]
    except NoCollectionError:
        return {}
    hits = found.hits
    assert found.considered == len(hits), "what stands in no file must not be compared"
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    assert [hit.rank for hit in hits] == list(range(1, len(hits) + 1))
    return {frozenset([hit.path, *hit.also, hit.text or ""]): round(hit.score, 6) for hit in hits}


@settings(max_examples=30)
@given(rounds)
def test_whatever_happens_to_the_files(
    toy: list[ToyEncoder], plan: list[list[tuple[str, str, str]]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        disk = Disk(Path(folder) / "photos")
        disk.root.mkdir()
        embedded: set[str] = set()
        with open_toy(Path(folder) / "collection") as collection:
            for operations in plan:
                before = dict(disk.files)
                for operation in operations:
                    disk.apply(operation)
                report = index(collection, disk.root)
                check_report(report, before, disk.files)
                assert tuple(collection.catalog.skipped()) == report.skipped
                assert collection.info().skipped == len(report.skipped)
                pictures = contents(disk.files, PICTURES)
                lines = {
                    line for text in contents(disk.files, TEXTS) for line in TEXTS[text].split()
                }
                words = {line.decode() for line in lines}
                assert (report.photos, report.documents) == (len(pictures), len(words))
                new = pictures | {f"text {word}" for word in words}
                assert report.embedded == len(new - embedded)
                embedded |= new
            check_like_fresh(collection, disk.root, Path(folder) / "fresh")
            generation = generation_of(collection)
            again = index(collection, disk.root)
            assert generation_of(collection) == generation, "nothing is written for nothing"
            assert (again.unchanged, again.embedded) == (sum_usable(disk.files), 0)


def generation_of(collection: Collection) -> int:
    space = collection.catalog.active_space()
    return space.generation if space else 0


def sum_usable(now: dict) -> int:
    return sum(is_usable(name, content) for name, (content, _) in now.items())


def facts(collection: Collection) -> dict[tuple[str, ...], Facts]:
    """What is known of each photo, by its paths."""
    catalog = collection.reader
    ids = [row[0] for row in catalog.fetch("SELECT photo_id FROM files WHERE photo_id NOT NULL")]
    known = catalog.facts_of(ids)
    return {tuple(sorted(p.paths)): known[i] for i, p in catalog.photos_by_id(ids).items()}


def check_like_fresh(collection: Collection, root: Path, place: Path) -> None:
    with open_toy(place) as fresh:
        index(fresh, root)
        assert facts(collection) == facts(fresh)
        for kind in ("photos", "documents"):
            assert results(collection, kind) == results(fresh, kind)
        assert collection.catalog.counts() == fresh.catalog.counts()
        assert sorted(collection.catalog.skipped(), key=str) == sorted(
            fresh.catalog.skipped(), key=str
        )
