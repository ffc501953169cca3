"""The names that a collection knows, read by jumping through an index."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.records import Facts
from retrieval.storage.vocabulary import Vocabulary, gear_of, places_of, read_vocabulary
from tests.known import Known, Trip, catalog_of


def test_what_is_there(tmp_path: Path) -> None:
    photos = [
        Known(Facts(city="Kyoto", region="Kyoto", country="Japan", country_code="JP")),
        Known(Facts(city="Kyoto", region="Kyoto", country="Japan", country_code="JP")),
        Known(Facts(country="Japan", country_code="JP", taken_at="2019-04-02T07:22:20")),
        Known(Facts(make="Canon", camera="Canon EOS 80D", lens="EF50mm", taken_at="2024")),
        Known(Facts()),
        Known(),
    ]
    with catalog_of(tmp_path, photos, [Trip("Kyoto 2023", "2023", "2023")]) as (reader, _):
        found = read_vocabulary(reader)
    assert found.places == ((None, None, "Japan", "JP"), ("Kyoto", "Kyoto", "Japan", "JP"))
    assert (found.cities, found.regions, found.countries) == (("Kyoto",), ("Kyoto",), ("Japan",))
    assert found.gear == (("Canon", "Canon EOS 80D", "EF50mm"),)
    assert (found.cameras, found.lenses) == (("Canon EOS 80D",), ("EF50mm",))
    assert found.trips == ("Kyoto 2023",)
    assert found.years == (2019, 2024)


@pytest.mark.parametrize("photos", [[], [Known()], [Known(Facts(title="x"))]])
def test_nothing(tmp_path: Path, photos: list[Known]) -> None:
    with catalog_of(tmp_path, photos) as (reader, _):
        found = read_vocabulary(reader)
    assert vars(found) == vars(Vocabulary())


names = st.none() | st.sampled_from(["a", "b", "B", "é", "zz"])


@settings(max_examples=60)
@given(st.lists(st.tuples(names, names, names, names), max_size=12))
def test_each_combination_once(rows: list[tuple[str | None, ...]]) -> None:
    photos = [
        Known(
            Facts(
                **dict(zip(("city", "region", "country", "country_code"), row, strict=True)),
                **dict(zip(("make", "camera", "lens"), row, strict=False)),
            )
        )
        for row in rows
    ]
    with tempfile.TemporaryDirectory() as folder, catalog_of(Path(folder), photos) as (reader, _):
        places, gear = places_of(reader), gear_of(reader)
    assert len(places) == len(set(places))
    assert set(places) == {row for row in rows if any(row)}
    assert len(gear) == len(set(gear))
    assert set(gear) == {row[:3] for row in rows if any(row[:3])}
