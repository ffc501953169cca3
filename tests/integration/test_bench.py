"""The benchmarks of decoding and the pipeline run at a tiny size, and return what JSON takes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from scripts.bench import decode, photos, pipeline
from tests.toy import ToyEncoder


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(photos, "SIZES", {"12 MP": (1000, 750), "2 MP": (640, 480)})


def test_decode() -> None:
    report = json.loads(json.dumps(decode.measure(count=1, rounds=2)))
    for size in photos.SIZES:
        speed = report[size]["speed"]
        assert set(speed) == {"open_clip", "default", "with hash", "sideways", "fast"}
        assert all(row["cpu_ms"]["median"] > 0 for row in speed.values())
        assert speed["open_clip"]["times_faster"]["median"] == 1
        assert report[size]["fidelity"]["default"]["psnr_min"] > 40


def test_pipeline(toy: list[ToyEncoder]) -> None:
    report = json.loads(json.dumps(pipeline.measure("toy", count=2, rounds=1, size="2 MP")))
    assert toy[0].images_seen == 2 * 2 * 3  # photos, rounds with the one before, ways to encode
    for name in ("cpu_over_parts", "rate_over_bound", "times_naive_cpu", "times_naive_wall"):
        assert report[name]["median"] > 0
    assert report["stages"]["bottleneck"]


def test_photos_are_made_alike(tmp_path: Path) -> None:
    one, other = (photos.make(tmp_path / name, 2, (300, 200), 6) for name in ("a", "b"))
    assert [p.read_bytes() for p in one] == [p.read_bytes() for p in other]
    with Image.open(one[0]) as image:
        assert image.getexif()[0x0112] == 6
        assert sorted(image.size) == [200, 300]
