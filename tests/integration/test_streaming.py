"""Indexing with an encoder on a device of its own: larger batches, the same collection."""

from __future__ import annotations

from pathlib import Path

import pytest

from retrieval import Collection, index_folder, search
from retrieval.embedding import IN_FLIGHT, TRIES
from retrieval.encoders import ENCODERS, EncoderSpec
from tests import toy
from tests.pictures import picture
from tests.toy import COLOURS, StreamingToy

COUNT = 75


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> StreamingToy:
    streaming = StreamingToy(most=9)
    monkeypatch.setitem(ENCODERS, "toy", "tests.toy:load")
    monkeypatch.setattr(toy, "load", lambda spec: streaming)
    return streaming


def test_photos_come_in_full_batches(
    encoder: StreamingToy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = sorted(COLOURS)
    for number in range(COUNT):
        size = (20 + number, 30)
        picture(tmp_path / f"photos/{number:03}.png", names[number % len(names)], size)
    with Collection.open(tmp_path / "c", create=True, spec=EncoderSpec("toy")) as collection:
        report = index_folder(collection, [tmp_path / "photos"], batch_size=5)
        assert report.added == COUNT
        assert encoder.images_seen == COUNT
        assert encoder.sizes == [5] * (COUNT // 5)
        # Once each size was timed on its own, a call gets as many as can be in flight.
        assert encoder.most_flying == IN_FLIGHT
        assert len(encoder.sizes) > TRIES
        hits = search(collection, "red", k=COUNT).hits
    assert len(hits) == COUNT
    reds = {f"{number:03}.png" for number in range(names.index("red"), COUNT, len(names))}
    assert {Path(hit.path).name for hit in hits[: len(reds)]} == reds


def test_a_batch_that_does_not_fit_costs_no_photo(encoder: StreamingToy, tmp_path: Path) -> None:
    for number in range(20):
        picture(tmp_path / f"photos/{number:03}.png", "red", (20 + number, 30))
    with Collection.open(tmp_path / "c", create=True, spec=EncoderSpec("toy")) as collection:
        report = index_folder(collection, [tmp_path / "photos"], batch_size=16)
    assert report.added == encoder.images_seen == 20
    assert max(encoder.sizes) == 8
