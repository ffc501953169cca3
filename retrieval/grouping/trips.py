"""Trips: stretches of time away from home, with labels and with the events in them.

    moments ─ by time ─▶ stretches (no long gap, no photo at home between) ─▶ trips, with labels

The distances and gaps are constants and not fitted to the collection, so that photos which are
added elsewhere change nothing here.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from retrieval.grouping.stretches import (
    NOWHERE,
    Moment,
    Place,
    find_homes,
    hours_of,
    stops_of,
    stretches_of,
)
from retrieval.storage.groups import MomentRow, TripRow, dated_photos, trip_rows, write_trips

if TYPE_CHECKING:
    from retrieval.collection import Collection

LEAST_PHOTOS = 3
EVENT_GAP_H = 6.0
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class Event:
    """Photos of a trip that follow each other within hours; both ends are included."""

    begins: str
    ends: str
    photos: int


@dataclass(frozen=True, slots=True)
class Trip:
    """A stretch of time with all photos in it; trips do not overlap, both ends are included.

    `place` is what most of its photos share: a city, else a region or a country. `places` are its
    cities, those with most photos first; `cover` is the id of a photo that can stand for it.
    """

    label: str
    begins: str
    ends: str
    photos: int
    place: Place
    places: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    cover: int = 0


def find_trips(moments: Iterable[Moment]) -> list[Trip]:
    """Find the trips among photos, in order of time.

    Photos without a place go with those around them. Moments whose time cannot be read are left
    out, and so are stretches of fewer than LEAST_PHOTOS.
    """
    stops = stops_of(list(moments))
    stretches = [s for s in stretches_of(stops, find_homes(stops)) if len(s) >= LEAST_PHOTOS]
    trips: list[Trip] = []
    for stretch in stretches:
        trip = _trip([stop.moment for stop in stretch])
        if not trips or trip.begins > trips[-1].ends:  # else a clock stood still between them
            trips.append(trip)
    return _labelled(trips)


# --- events -----------------------------------------------------------------------------------


def split_events(moments: Sequence[Moment]) -> tuple[Event, ...]:
    """Split the photos of a trip, in order of time, wherever none was taken for EVENT_GAP_H.

    Mostly the nights. The adaptive rule of PhotoTOC (Platt and others, 2003) finds next to nothing
    where photos lie evenly over the day, as they do on a journey.
    """
    hours = [hours_of(moment.taken_at) or 0.0 for moment in moments]
    firsts = [0] + [i for i in range(1, len(hours)) if hours[i] - hours[i - 1] > EVENT_GAP_H]
    return tuple(
        Event(moments[a].taken_at, moments[b - 1].taken_at, b - a)
        for a, b in zip(firsts, [*firsts[1:], len(moments)], strict=True)
    )


# --- labels -----------------------------------------------------------------------------------


def _trip(moments: Sequence[Moment]) -> Trip:
    cities = Counter(m.place for m in moments if m.place.city)
    ordered = sorted(cities, key=lambda place: -cities[place])
    place = _shared(Counter(m.place for m in moments if any(m.place)))
    there = [m for m in moments if m.place == place] or moments
    return Trip(
        label=_name(place, ordered),
        begins=moments[0].taken_at,
        ends=moments[-1].taken_at,
        photos=len(moments),
        place=place,
        places=tuple(dict.fromkeys(str(place.city) for place in ordered)),
        events=split_events(moments),
        cover=there[len(there) // 2].photo,
    )


def _shared(places: Counter[Place]) -> Place:
    """The narrowest place that at least half of the placed photos lie in: city, region, country."""
    total = sum(places.values())
    for depth in (0, 1, 2):
        counts: Counter[Place] = Counter()
        for place, count in places.items():
            if place[depth]:
                counts[Place(*(None if i < depth else part for i, part in enumerate(place)))] += (
                    count
                )
        if counts:
            best, count = counts.most_common(1)[0]
            if 2 * count >= total:
                return best
    return NOWHERE


def _name(place: Place, cities: Sequence[Place]) -> str:
    name = place.city or place.region or place.country
    return name or " and ".join(str(each.city) for each in cities[:2]) or "Trip"


def _labelled(trips: Sequence[Trip]) -> list[Trip]:
    """Each trip with the shortest label that no other one has: by year, month, day, or time."""
    wanted = [_labels(trip) for trip in trips]
    for depth in range(4):
        counts = Counter(labels[min(depth, len(labels) - 1)] for labels in wanted)
        wanted = [
            [labels[depth]] if len(labels) > depth and counts[labels[depth]] == 1 else labels
            for labels in wanted
        ]
    return [replace(trip, label=labels[-1]) for trip, labels in zip(trips, wanted, strict=True)]


def _labels(trip: Trip) -> list[str]:
    """Labels of a trip, from the shortest to one that only one trip can have."""
    begins = datetime.fromisoformat(trip.begins)
    month = f"{MONTHS[begins.month - 1]} {begins.year:04d}"
    return [
        f"{trip.label} {begins.year:04d}",
        f"{trip.label} {month}",
        f"{trip.label} {begins.day} {month}",
        f"{trip.label} {trip.begins}",
    ]


# --- of a collection --------------------------------------------------------------------------


def refresh_trips(collection: Collection) -> bool:
    """Derive the table `trips` anew from the facts; whether that changed it.

    Must run inside `collection.writing`. One transaction, and none where nothing changes.
    """
    catalog = collection.catalog
    rows = [
        TripRow(trip.label, trip.begins, trip.ends, trip.photos, *trip.place)
        for trip in find_trips(map(_moment, dated_photos(catalog)))
    ]
    if rows == trip_rows(catalog):
        return False
    with catalog.writing() as connection:
        write_trips(connection, rows)
    return True


def list_trips(collection: Collection) -> list[Trip]:
    """The trips as the last indexing run found them, with their events, in order of time."""
    reader = collection.reader
    with reader.snapshot():
        dated = [_moment(row) for row in dated_photos(reader)]
        rows = trip_rows(reader)
    times = [moment.taken_at for moment in dated]
    found = []
    for row in rows:
        inside = dated[bisect_left(times, row.begins) : bisect_right(times, row.ends)]
        if inside:
            found.append(replace(_trip(inside), label=row.label))
    return found


def _moment(row: MomentRow) -> Moment:
    place = Place(row.city, row.region, row.country)
    return Moment(row.photo, row.taken_at, place, row.latitude, row.longitude)
