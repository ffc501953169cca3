"""Where the time of a run went, quick batches that share a commit, and --fast."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pytest

from retrieval import Collection, embedding, index_folder, search
from retrieval.indexing import photos as photos_module
from retrieval.indexing import session as session_module
from retrieval.indexing.stages import Stages, Stopwatch
from retrieval.queries import make_query
from retrieval.records import StageTimes
from tests.pictures import picture
from tests.toy import ToyEncoder

NAMES = {field.name for field in fields(StageTimes)}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder with 20 pictures of different colours."""
    for number in range(20):
        picture(tmp_path / f"photos/{number:02}.jpg", (number * 10, 200, 90), (96, 72))
    return tmp_path / "photos"


@pytest.fixture
def commits(collection: Collection, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many photos each commit of an indexing run embedded."""
    sizes: list[int] = []
    commit = collection.commit

    def counting(batch: Any, photos: Any = None, documents: Any = None) -> None:
        sizes.append(len(batch.photos))
        commit(batch, photos, documents)

    monkeypatch.setattr(collection, "commit", counting)
    return sizes


class TestStages:
    def test_seconds_add_up(self) -> None:
        now = [0.0]
        stages = Stages(lambda: now[0])

        def results() -> Generator[str, None, None]:
            for name, seconds in (("a", 5), ("b", 1)):
                now[0] += seconds
                yield name

        for _ in stages.waiting_for(results()):
            with stages.timed("encode"):
                now[0] += 10
            with stages.timed("write"):
                now[0] += 0.5
        for load in (0.25, 4):  # two threads wait for the same encoder
            spent = Stopwatch()
            spent.seconds.update(read=2, decode=3, load=load)
            stages.note_file(spent)
        assert stages.times() == StageTimes(load=4, read=4, decode=6, waiting=2, encode=20, write=1)
        assert now[0] == 27  # load, waiting, encode and write

    def test_results_are_let_go_when_the_work_fails(self) -> None:
        closed = []

        def results() -> Generator[int, None, None]:
            try:
                yield from range(5)
            finally:
                closed.append(True)

        waiting = Stages().waiting_for(results())
        assert next(waiting) == 0
        waiting.close()  # type: ignore[attr-defined]
        assert closed

    @pytest.mark.parametrize(
        ("times", "bottleneck"),
        [
            (StageTimes(), ""),
            (StageTimes(waiting=9, decode=9), ""),  # nothing was encoded
            (StageTimes(waiting=9, decode=5, read=4, encode=8, write=7), "decoding"),
            (StageTimes(waiting=9, decode=5, read=6, encode=8, write=7), "reading"),
            (StageTimes(waiting=1, decode=50, read=4, encode=8, write=7), "encoding"),
            (StageTimes(waiting=1, decode=50, read=4, encode=8, write=9), "writing"),
        ],
    )
    def test_the_bottleneck_is_what_the_run_waits_for(
        self, times: StageTimes, bottleneck: str
    ) -> None:
        assert times.bottleneck == bottleneck

    def test_every_run_knows_them(self, collection: Collection, photos: Path) -> None:
        (photos / "notes.txt").write_text("red\n\ngreen\n")
        picture(photos / "moving.gif", "red", (96, 72))  # decoded by a worker process
        report = index_folder(collection, [photos])
        times = asdict(report.stages)
        assert set(times) == NAMES
        assert all(seconds >= 0 for seconds in times.values())
        for name in ("scan", "read", "decode", "encode", "write", "texts"):
            assert times[name] > 0, name
        assert report.stages.bottleneck
        counts = collection.info().runs[0].counts
        assert {f"{name}_ms" for name in NAMES} >= {n for n in counts if n.endswith("_ms")}
        assert counts["decode_ms"] == round(1000 * report.stages.decode)

    def test_a_run_with_nothing_to_do(self, collection: Collection, photos: Path) -> None:
        index_folder(collection, [photos])
        stages = index_folder(collection, [photos]).stages
        assert stages.scan > 0
        assert (stages.decode, stages.encode, stages.write, stages.bottleneck) == (0, 0, 0, "")


class TestCommits:
    def test_quick_batches_share_one(
        self,
        collection: Collection,
        photos: Path,
        commits: list[int],
        toy: list[ToyEncoder],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for module in (embedding, session_module):
            monkeypatch.setattr(module, "DEFAULT_BATCH", 4)
        monkeypatch.setattr(photos_module, "COMMIT_SECONDS", 1e9)
        (photos / "05 again.jpg").write_bytes((photos / "05.jpg").read_bytes())
        report = index_folder(collection, [photos])
        assert commits == [20]
        assert (report.added, report.duplicates, report.embedded) == (20, 1, 20)
        assert toy[0].images_seen == 20  # what two files of one group hold is embedded once
        for path in photos.glob("*.jpg"):
            best = search(collection, make_query(images=[path])).hits[0]
            assert path.name[:2] == Path(best.path).name[:2]

    def test_slow_ones_do_not(
        self,
        collection: Collection,
        photos: Path,
        commits: list[int],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        for module in (embedding, session_module):
            monkeypatch.setattr(module, "DEFAULT_BATCH", 8)
        monkeypatch.setattr(photos_module, "COMMIT_SECONDS", 0)
        index_folder(collection, [photos])
        assert commits == [8, 8, 4]

    def test_a_size_that_was_chosen_is_kept(
        self, collection: Collection, photos: Path, commits: list[int]
    ) -> None:
        index_folder(collection, [photos], batch_size=6)
        assert commits == [6, 6, 6, 2]

    def test_a_batch_that_does_not_fill_up_is_not_held_for_ever(
        self,
        collection: Collection,
        photos: Path,
        commits: list[int],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(photos_module, "HELD_SECONDS", 0)
        index_folder(collection, [photos])
        assert commits == [1] * 20

    def test_a_batch_larger_than_a_commit(
        self,
        collection: Collection,
        photos: Path,
        commits: list[int],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(photos_module, "COMMIT_FILES", 3)
        index_folder(collection, [photos], batch_size=15)
        assert commits == [15, 5]


class TestFast:
    def test_report_and_journal_say_so(self, collection: Collection, photos: Path) -> None:
        slow = index_folder(collection, [photos / "00.jpg"])
        fast = index_folder(collection, [photos], fast=True)
        assert (slow.fast, fast.fast) == (False, True)
        last, first = collection.info().runs
        assert "embedded_fast" not in first.counts
        assert last.counts["embedded_fast"] == 19

    def test_jpegs_are_decoded_at_a_smaller_scale(
        self,
        collection: Collection,
        photos: Path,
        toy: list[ToyEncoder],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(photos_module, "LEAST_SIDE", 1)  # looks need more pixels than the toy
        sizes: list[tuple[int, int]] = []
        encoder = collection.encoder()
        prepare = encoder.prepare

        def watching(image: Any) -> Any:
            sizes.append(image.size)
            return prepare(image)

        encoder.prepare = watching  # type: ignore[method-assign]
        picture(photos / "a.png", "red", (96, 72))
        index_folder(collection, [photos / "00.jpg"])
        index_folder(collection, [photos / "01.jpg", photos / "a.png"], fast=True, threads=1)
        # The toy has 8 pixels: a quarter of 72 is more than twice as many, an eighth is enough.
        assert sizes == [(24, 18), (12, 9), (24, 18)]
