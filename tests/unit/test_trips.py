"""Trips: on moments made by hand, and on the album whose trips are known."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.grouping.stretches import Moment, Place, distance_km
from retrieval.grouping.trips import LEAST_PHOTOS, Trip, find_trips

WHERE = {
    "Berlin": (Place("Berlin", "Berlin", "Germany"), 52.52, 13.41),
    "Potsdam": (Place("Potsdam", "Brandenburg", "Germany"), 52.40, 13.06),
    "Kyoto": (Place("Kyoto", "Kyoto", "Japan"), 35.02, 135.75),
    "Osaka": (Place("Osaka", "Osaka", "Japan"), 34.69, 135.50),
    "Tokyo": (Place("Tokyo", "Tokyo", "Japan"), 35.69, 139.69),
    "Suva": (Place("Suva", "Central", "Fiji"), -18.14, 178.44),
}


def moments(city: str | None, begins: str, count: int = 5, hours: float = 5.0) -> Iterator[Moment]:
    """Photos in a city (None: nobody knows where), one every few hours."""
    first = datetime.fromisoformat(begins)
    place, latitude, longitude = WHERE[city] if city else (Place(), None, None)
    for number in range(count):
        time = (first + timedelta(hours=hours * number)).isoformat()
        yield Moment(zlib.crc32(f"{city} {time}".encode()), time, place, latitude, longitude)


def at_home(city: str = "Berlin", year: int = 2020, weeks: int = 40) -> list[Moment]:
    """A photo a week."""
    return list(moments(city, f"{year}-01-05T12:00:00", weeks, 7 * 24))


def labels(*parts: Iterator[Moment] | list[Moment]) -> list[str]:
    return [trip.label for trip in find_trips([moment for part in parts for moment in part])]


def members(trip: Trip, among: list[Moment]) -> set[int]:
    return {moment.photo for moment in among if trip.begins <= moment.taken_at <= trip.ends}


def test_album(shared: Path) -> None:
    """Nine journeys, none of them home, some photos without GPS in each."""
    truth = json.loads((shared / "album-truth.json").read_text("utf-8"))
    album = [
        Moment(i, each["taken_at"], Place(each["city"], None, each["country"]))
        for i, each in enumerate(truth)
    ]
    trips = find_trips(album)
    assert [trip.label for trip in trips] == [
        *("Kyoto 2019", "Lisbon 2019", "Berlin 2019", "Cusco 2021", "Reykjavik 2021"),
        *("Chicago 2022", "Cape Town 2023", "Kyoto 2023", "Toronto 2024"),
    ]
    months: dict[str, set[int]] = {}
    for i, each in enumerate(truth):
        months.setdefault(each["taken_at"][:7], set()).add(i)
    assert [members(trip, album) for trip in trips] == [months[m] for m in sorted(months)]
    assert sum(trip.photos for trip in trips) == 500


def test_home_is_no_trip() -> None:
    home = at_home()
    assert labels(home) == []
    assert labels(home, moments("Kyoto", "2020-05-13T08:00:00")) == ["Kyoto 2020"]
    assert labels(home, moments("Potsdam", "2020-05-13T08:00:00")) == []  # 26 km from home


def test_two_homes_one_after_the_other() -> None:
    moved = [*at_home("Berlin", 2018), *at_home("Osaka", 2019)]
    assert labels(moved, moments("Tokyo", "2018-05-16T08:00:00")) == ["Tokyo 2018"]


def test_a_place_of_a_few_visits_is_no_home() -> None:
    visits = [m for year in range(2010, 2024) for m in moments("Kyoto", f"{year}-08-01T08:00:00")]
    assert len(find_trips(visits)) == 14


def test_labels_are_as_short_as_can_be() -> None:
    assert labels(
        moments("Kyoto", "2021-04-02T08:00:00"),
        moments("Kyoto", "2021-11-02T08:00:00"),
        moments("Kyoto", "2023-04-02T08:00:00"),
        moments("Tokyo", "2021-06-01T08:00:00"),
        moments("Tokyo", "2021-06-20T08:00:00"),
    ) == [
        *("Kyoto April 2021", "Tokyo 1 June 2021", "Tokyo 20 June 2021"),
        *("Kyoto November 2021", "Kyoto 2023"),
    ]


def test_a_journey_through_a_country() -> None:
    trips = find_trips(
        [
            *moments("Osaka", "2021-04-01T08:00:00", 4),
            *moments("Kyoto", "2021-04-03T08:00:00", 5),
            *moments("Tokyo", "2021-04-06T08:00:00", 4),
        ]
    )
    assert [(trip.label, trip.place) for trip in trips] == [
        ("Japan 2021", Place(None, None, "Japan"))
    ]
    assert trips[0].places == ("Kyoto", "Osaka", "Tokyo")


def test_gaps_and_distance() -> None:
    early = moments("Osaka", "2021-04-01T08:00:00")
    assert labels(early, moments("Kyoto", "2021-04-07T08:00:00")) == ["Osaka 2021"]  # one area
    early = moments("Osaka", "2021-04-01T08:00:00")
    assert labels(early, moments("Tokyo", "2021-04-07T08:00:00")) == ["Osaka 2021", "Tokyo 2021"]


def test_photos_without_a_place_go_with_their_neighbours() -> None:
    album = [
        *moments(None, "2021-04-01T06:00:00", 1),
        *moments("Kyoto", "2021-04-01T09:00:00", 5),
        *moments(None, "2021-04-01T10:30:00", 2),
        *moments(None, "2021-04-02T15:00:00", 2, 6),
        *moments(None, "2021-04-20T20:00:00", 4),  # weeks later: no trip, nobody knows where
    ]
    (trip,) = find_trips(album)
    assert (trip.begins, trip.ends) == ("2021-04-01T06:00:00", "2021-04-02T21:00:00")
    assert trip.photos == 10
    assert trip.label == "Kyoto 2021"


def test_photos_without_a_place_near_home_are_no_trip() -> None:
    assert labels(at_home(), moments(None, "2020-05-13T08:00:00")) == []


def test_places_by_name_alone() -> None:
    """A city written into the file counts as well, with or without a position."""
    named = [Moment(i, f"2021-04-0{i}T12:00:00", Place("Atlantis")) for i in range(1, 6)]
    assert labels(named) == ["Atlantis 2021"]


def test_events_are_parted_by_nights() -> None:
    (trip,) = find_trips(
        [
            *moments("Kyoto", "2021-04-01T09:00:00", 4, 1.0),
            *moments("Kyoto", "2021-04-02T09:00:00", 3, 2.0),
        ]
    )
    assert [event.photos for event in trip.events] == [4, 3]
    assert trip.events[0].begins == trip.begins
    assert trip.events[-1].ends == trip.ends


def test_the_date_line_is_no_gap() -> None:
    assert distance_km((-18.0, 179.9), (-18.0, -179.9)) < 25


@pytest.mark.parametrize("taken_at", ["", "2021", "2021-02-31T12:00:00", "yesterday", "'; DROP"])
def test_what_is_no_time_is_left_out(taken_at: str) -> None:
    odd = Moment(1, taken_at, *WHERE["Kyoto"])
    assert find_trips([odd] * 5) == []
    assert labels([odd], moments("Kyoto", "2021-04-01T08:00:00")) == ["Kyoto 2021"]


def test_a_clock_that_stands_still() -> None:
    """All at one moment, at home and away: labels and times stay apart."""
    still = [Moment(i, "2020-03-01T12:00:00", *WHERE["Kyoto"]) for i in range(1, 9)]
    still[4] = Moment(5, "2020-03-01T12:00:00", *WHERE["Berlin"])
    assert labels(at_home(), still) == ["Kyoto 2020"]


cities = st.sampled_from([*WHERE, None])
stays = st.lists(st.tuples(cities, st.integers(0, 2_000), st.integers(1, 8)), max_size=12)


def drawn(stay: list[tuple[str | None, int, int]]) -> list[Moment]:
    start = datetime(2015, 1, 1, 9)
    found = [
        moment
        for city, day, count in stay
        for moment in moments(city, (start + timedelta(days=day)).isoformat(), count)
    ]
    return [Moment(i, m.taken_at, m.place, m.latitude, m.longitude) for i, m in enumerate(found)]


@given(stays)
def test_trips_do_not_overlap_and_labels_are_unique(
    stay: list[tuple[str | None, int, int]],
) -> None:
    album = drawn(stay)
    trips = find_trips(album)
    assert len({trip.label for trip in trips}) == len(trips)
    assert all(a.ends < b.begins for a, b in pairwise(trips))
    for trip in trips:
        inside = members(trip, album)
        assert trip.photos == len(inside) >= LEAST_PHOTOS
        assert trip.cover in inside
        assert sum(event.photos for event in trip.events) == trip.photos
    assert find_trips(album[::-1]) == trips


@given(stays, st.data())
def test_a_photo_more_of_a_trip_changes_nothing_else(
    stay: list[tuple[str | None, int, int]], data: st.DataObject
) -> None:
    album = drawn(stay)
    trips = find_trips(album)
    if not trips:
        return
    trip = data.draw(st.sampled_from(trips))
    inside = sorted(members(trip, album))
    one = album[data.draw(st.sampled_from(inside))]
    after = find_trips([*album, Moment(10**6, one.taken_at)])  # without a place
    assert [(t.label, t.begins, t.ends) for t in after] == [
        (t.label, t.begins, t.ends) for t in trips
    ]
    assert sum(t.photos for t in after) == sum(t.photos for t in trips) + 1
