"""No flipped bit goes unnoticed, none is served, and every one is mended."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from retrieval import Collection, index_folder
from retrieval.errors import RetrievalError
from tests.conftest import open_toy
from tests.flips import answers, flip, make, run
from tests.toy import ToyEncoder


def test_each_is_noticed_and_mended(toy: list[ToyEncoder], tmp_path: Path) -> None:
    figures = run(60, seed=3, folder=tmp_path)
    assert figures["served"] == []
    assert figures["unnoticed"] == []
    assert figures["not_mended"] == []
    assert figures["flips"] == figures["mended"] == 60
    assert len(figures["by_file"]) >= 11  # every kind of file had its turn


def test_the_judge_can_fail(
    toy: list[ToyEncoder], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the checks the same flips are served: it is they that notice."""
    monkeypatch.setattr("retrieval.storage.readable.Readable.check_seal", lambda *_, **__: None)
    monkeypatch.setattr("retrieval.storage.vectors.VectorFile.damaged", lambda *_, **__: _none())
    monkeypatch.setattr(
        "retrieval.pictures.thumbnails._checksum", lambda data: b"\xff\xd9\x00\x00"[:4]
    )
    figures = run(60, seed=3, folder=tmp_path, mend=False)
    assert figures["served"]


def _none() -> object:
    import numpy as np

    return np.empty(0, np.int64)


def test_in_the_log_of_a_process_that_died(toy: list[ToyEncoder], tmp_path: Path) -> None:
    """SQLite ignores a log from its first damaged frame on: commits would be lost silently."""
    whole = make(tmp_path)
    with open_toy(whole) as collection, closing(sqlite3.connect(whole / "catalog.db")) as reader:
        # A reader that lingers keeps the log from being settled, so that it holds commits.
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM files").fetchone()
        (tmp_path / "photos/blue.png").unlink()
        index_folder(collection, [tmp_path / "photos"])
        shutil.copytree(whole, tmp_path / "left")  # what a killed process leaves
    expected = answers(whole)
    log = tmp_path / "left/catalog.db-wal"
    size, dice, noticed = log.stat().st_size, random.Random(0), 0
    assert size > 0
    for _ in range(40):
        damaged = tmp_path / "damaged"
        shutil.rmtree(damaged, ignore_errors=True)
        shutil.copytree(tmp_path / "left", damaged)
        flip(damaged / "catalog.db-wal", dice.randrange(size), dice.randrange(1, 256))
        try:
            assert answers(damaged) == expected
        except RetrievalError:
            noticed += 1
    assert noticed > 0


def test_what_is_not_damaged_is_not_touched(toy: list[ToyEncoder], tmp_path: Path) -> None:
    from retrieval.maintenance.repairing import repair

    whole = make(tmp_path)
    before = {p: p.read_bytes() for p in whole.rglob("*") if p.is_file() and p.name != "lock"}
    report = repair(whole)
    assert (report.done, report.left, report.embedded_again) == ((), (), 0)
    after = {p: p.read_bytes() for p in whole.rglob("*") if p.is_file() and p.name != "lock"}
    differing = {p.name for p in before.keys() | after.keys() if before.get(p) != after.get(p)}
    assert differing <= {"catalog.db-shm"}
    assert isinstance(answers(whole), dict)
    with Collection.open(whole) as collection:
        collection.catalog.check_seal()
