"""Questions that people ask of an album, compiled and answered by filters alone."""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from retrieval.queries.compiling import compile_query
from retrieval.records import Facts, Part, Query, Space
from retrieval.storage.filters import passing
from retrieval.storage.reading import CatalogReader
from retrieval.storage.vocabulary import Vocabulary, read_vocabulary
from tests.known import Known, catalog_of

COUNTRIES = {
    "DE": "Germany",
    "ZA": "South Africa",
    "US": "United States",
    "PE": "Peru",
    "JP": "Japan",
    "PT": "Portugal",
    "IS": "Iceland",
    "CA": "Canada",
}
ELSEWHERE = {"ulaanbaatar", "paris", "santa", "reading", "earth"}


@pytest.fixture
def album(shared: Path, tmp_path: Path) -> Iterator[tuple[list[Any], CatalogReader, Space]]:
    truth = json.loads((shared / "album-truth.json").read_text())
    photos = [
        Known(
            Facts(
                taken_at=photo["taken_at"],
                latitude=1.0 if photo["gps"] else None,
                city=photo["city"],
                country=COUNTRIES.get(photo["country"]),
                country_code=photo["country"],
                camera=photo["camera"],
            ),
            paths=(f"/album/{photo['file']}",),
        )
        for photo in truth
    ]
    with catalog_of(tmp_path, photos) as (reader, space):
        yield [photo["file"] for photo in truth], reader, space


def compiled(text: str, vocabulary: Vocabulary) -> Query:
    box = Query((Part("box", text),))
    day = datetime.date(2026, 11, 24)
    return compile_query(box, vocabulary, day, lambda name: name.casefold() in ELSEWHERE)


def test_counts_are_exact_and_the_rest_is_meant(
    shared: Path, album: tuple[list[str], CatalogReader, Space]
) -> None:
    files, reader, space = album
    vocabulary = read_vocabulary(reader)
    counted = 0
    for asked in json.loads((shared / "album-questions.json").read_text()):
        query = compiled(asked["question"], vocabulary)
        found = [files[row] for row in passing(reader, space, "photos", query.filters)]
        if asked["kind"] == "count":
            assert query.parts == (), asked
            assert found == asked["files"], asked
            counted += 1
        elif asked["question"].startswith("How many"):  # Ulaanbaatar, 1987
            assert (query.parts, found) == ((), [])
        else:
            assert query.filters == ()
            (part,) = query.parts
            assert part.value in asked["question"]
            assert len(part.value) > len(asked["question"]) / 2
    assert counted == 9


def test_captions_are_hardly_ever_taken_for_filters(
    shared: Path, album: tuple[list[str], CatalogReader, Space]
) -> None:
    """Captions say what a photo shows; of 2,000, fewer than one in 200 holds a filter.

    Quoted words and what is said of the photo ("a blurry picture") are meant as filters.
    """
    import csv

    _, reader, _ = album
    vocabulary = read_vocabulary(reader)
    with (shared / "album-captions.csv").open() as file:
        captions = [row["caption"] for row in csv.DictReader(file)][:2_000]
    taken = []
    for caption in captions:
        filters = compiled(caption, vocabulary).filters
        if any(f.field in ("taken", "place", "country", "camera", "lens") for f in filters):
            taken.append(caption)
    assert len(captions) == 2_000
    assert len(taken) < 10, taken


def test_names_that_people_use(album: tuple[list[str], CatalogReader, Space]) -> None:
    files, reader, space = album
    vocabulary = read_vocabulary(reader)
    counts = {
        "photos from Japan": 63,
        "Kyoto in April 2019": 33,
        "iphone xs": 123,
        "photos taken in 2019 with the canon eos 80d": 33,
        "Cape Town or Lisbon": 103,
        "-has:gps": 49,
    }
    for text, count in counts.items():
        filters = compiled(text, vocabulary).filters
        assert len(passing(reader, space, "photos", filters)) == count, text
    assert len(files) == 500
