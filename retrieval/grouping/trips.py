"""Trips: stretches of time away from home, found by gaps of time and by place.

    moments ─ by time ─▶ stretches (no long gap, no photo at home between) ─▶ trips, with labels

A home is a place that comes back for months; a place that was visited once or twice is none, so an
album of journeys alone gives one trip for each. The distances and gaps are constants and not
fitted to the collection, so that photos which are added elsewhere change nothing here.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from retrieval.storage.groups import MomentRow, TripRow, dated_photos, trip_rows, write_trips

if TYPE_CHECKING:
    from retrieval.collection import Collection

HOME_KM = 40.0  # as far as people go and come back within an ordinary day
HOME_WEEKS = 12  # different weeks with photos that make a place a home …
HOME_SHARE = 0.25  # … if they are this part of all weeks with photos between its first and last
HOME_MONTHS = 6  # of the calendar: who comes every summer does not live there
SAME_AREA_KM = 150.0
SAME_AREA_GAP_H = 7 * 24.0  # who is in one area before and after has stayed there
OTHER_AREA_GAP_H = 3 * 24.0
LOOSE_GAP_H = 12.0  # a photo without place goes with its neighbour within a night
LEAST_PHOTOS = 3
EVENT_GAP_H = 6.0
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


class Place(NamedTuple):
    """A place by name, as far as it is known."""

    city: str | None = None
    region: str | None = None
    country: str | None = None


NOWHERE = Place()


@dataclass(frozen=True, slots=True)
class Moment:
    """When and where a photo was taken, as in Facts. Degrees; None is unknown."""

    photo: int
    taken_at: str
    place: Place = NOWHERE
    latitude: float | None = None
    longitude: float | None = None


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


class _Stop(NamedTuple):
    """A moment with its time in hours, and its position: its own, or that of its city."""

    hours: float
    moment: Moment
    at: tuple[float, float] | None

    @property
    def is_placed(self) -> bool:
        return self.at is not None or self.moment.place.city is not None


def find_trips(moments: Iterable[Moment]) -> list[Trip]:
    """Find the trips among photos, in order of time.

    Photos without a place go with those around them. Moments whose time cannot be read are left
    out, and so are stretches of fewer than LEAST_PHOTOS.
    """
    stops = _stops(list(moments))
    stretches = [s for s in _stretches(stops, _homes(stops)) if len(s) >= LEAST_PHOTOS]
    trips: list[Trip] = []
    for stretch in stretches:
        trip = _trip([stop.moment for stop in stretch])
        if not trips or trip.begins > trips[-1].ends:  # else a clock stood still between them
            trips.append(trip)
    return _labelled(trips)


def _stops(moments: Sequence[Moment]) -> list[_Stop]:
    """The moments in order of time."""
    positions: dict[Place, list[tuple[float, float]]] = {}
    for moment in moments:
        if moment.place.city and (at := _position(moment)):
            positions.setdefault(moment.place, []).append(at)
    # The middle one: a mean would break at the 180th meridian.
    centres = {place: sorted(all_at)[len(all_at) // 2] for place, all_at in positions.items()}
    stops = []
    for moment in moments:
        hours = hours_of(moment.taken_at)
        if hours is not None:
            stops.append(_Stop(hours, moment, _position(moment) or centres.get(moment.place)))
    return sorted(stops, key=lambda stop: (stop.moment.taken_at, stop.moment.photo))


def hours_of(taken_at: str) -> float | None:
    """A time as in Facts.taken_at in hours since the year 1; None if it is none."""
    try:
        time = datetime.fromisoformat(taken_at).replace(tzinfo=None)
    except ValueError:
        return None
    return (time - datetime.min).total_seconds() / 3600


def _position(moment: Moment) -> tuple[float, float] | None:
    if moment.latitude is None or moment.longitude is None:
        return None
    return moment.latitude, moment.longitude


def distance_km(a: tuple[float, float], b: tuple[float, float]) -> float:
    """The great-circle distance of two positions in degrees (haversine)."""
    la, lb = math.radians(a[0]), math.radians(b[0])
    half = math.sin((lb - la) / 2) ** 2
    half += math.cos(la) * math.cos(lb) * math.sin(math.radians(b[1] - a[1]) / 2) ** 2
    return 2 * 6371.0 * math.asin(min(1.0, math.sqrt(half)))


def _apart(a: _Stop, b: _Stop) -> float:
    """How far apart two placed stops are, in km; without positions their cities tell."""
    if a.at is not None and b.at is not None:
        return distance_km(a.at, b.at)
    return 0.0 if a.moment.place == b.moment.place else math.inf


def _homes(stops: Sequence[_Stop]) -> list[_Stop]:
    """One stop for each city that is a home: photos there, or near it, come back for months."""
    weeks: dict[Place, set[int]] = {}
    months: dict[Place, set[str]] = {}
    samples: dict[Place, _Stop] = {}
    for stop in stops:
        if stop.is_placed:
            place = stop.moment.place
            weeks.setdefault(place, set()).add(int(stop.hours // 168))
            months.setdefault(place, set()).add(stop.moment.taken_at[5:7])
            samples.setdefault(place, stop)
    every_week = sorted(set().union(*weeks.values()))
    homes = []
    for place, sample in samples.items():
        if len(weeks[place]) < HOME_WEEKS / 2:
            continue
        near = [p for p, other in samples.items() if _apart(sample, other) <= HOME_KM]
        mine = set().union(*(weeks[p] for p in near))
        meanwhile = sum(min(mine) <= week <= max(mine) for week in every_week)
        often = len(mine) >= HOME_WEEKS and len(mine) >= HOME_SHARE * meanwhile
        if often and len(set().union(*(months[p] for p in near))) >= HOME_MONTHS:
            homes.append(sample)
    return homes


def _stretches(stops: Sequence[_Stop], homes: Sequence[_Stop]) -> list[list[_Stop]]:
    """Runs of stops away from home, cut at long gaps; each begins and ends with its photos."""
    away: list[list[_Stop]] = []
    loose: list[_Stop] = []  # without a place, since the last stop that has one
    last: _Stop | None = None  # the last one with a place, if it is away from home
    for stop in stops:
        if not stop.is_placed:
            loose.append(stop)
            continue
        if any(_apart(stop, home) <= HOME_KM for home in homes):
            if last is not None:
                away[-1] += _next_to(loose, last.hours)
            last, loose = None, []
            continue
        if last is not None and stop.hours - last.hours <= _longest_gap(last, stop):
            away[-1] += [*loose, stop]
        else:
            if last is not None:
                after = _next_to(loose, last.hours)
                away[-1] += after
                loose = loose[len(after) :]
            away.append([*_next_to(loose[::-1], stop.hours)[::-1], stop])
        last, loose = stop, []
    if last is not None:
        away[-1] += _next_to(loose, last.hours)
    return away


def _longest_gap(before: _Stop, after: _Stop) -> float:
    return SAME_AREA_GAP_H if _apart(before, after) <= SAME_AREA_KM else OTHER_AREA_GAP_H


def _next_to(loose: Sequence[_Stop], hours: float) -> list[_Stop]:
    """Those of the stops without a place that follow from `hours` on, one within a night."""
    found: list[_Stop] = []
    for stop in loose:
        if abs(stop.hours - hours) > LOOSE_GAP_H:
            break
        found.append(stop)
        hours = stop.hours
    return found


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
