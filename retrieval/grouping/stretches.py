"""Stretches of time away from home: moments in order, where home is, and where to cut.

A home is a place that comes back for months; one that was visited now and then is none, so an album
of journeys alone is all away from home.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

HOME_KM = 40.0  # as far as people go and come back within an ordinary day
HOME_WEEKS = 12  # different weeks with photos that make a place a home …
HOME_SHARE = 0.25  # … if they are this part of all weeks with photos between its first and last
HOME_MONTHS = 6  # of the calendar: who comes every summer does not live there
SAME_AREA_KM = 150.0
SAME_AREA_GAP_H = 7 * 24.0  # who is in one area before and after has stayed there
OTHER_AREA_GAP_H = 3 * 24.0
LOOSE_GAP_H = 12.0  # a photo without place goes with its neighbour within a night


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


class Stop(NamedTuple):
    """A moment with its time in hours, and its position: its own, or that of its city."""

    hours: float
    moment: Moment
    at: tuple[float, float] | None

    @property
    def is_placed(self) -> bool:
        return self.at is not None or self.moment.place.city is not None


def stops_of(moments: Sequence[Moment]) -> list[Stop]:
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
            stops.append(Stop(hours, moment, _position(moment) or centres.get(moment.place)))
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


def _apart(a: Stop, b: Stop) -> float:
    """How far apart two placed stops are, in km; without positions their cities tell."""
    if a.at is not None and b.at is not None:
        return distance_km(a.at, b.at)
    return 0.0 if a.moment.place == b.moment.place else math.inf


def find_homes(stops: Sequence[Stop]) -> list[Stop]:
    """One stop for each city that is a home: photos there, or near it, come back for months."""
    weeks: dict[Place, set[int]] = {}
    months: dict[Place, set[str]] = {}
    samples: dict[Place, Stop] = {}
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


def stretches_of(stops: Sequence[Stop], homes: Sequence[Stop]) -> list[list[Stop]]:
    """Runs of stops away from home, cut at long gaps; each begins and ends with its photos."""
    away: list[list[Stop]] = []
    loose: list[Stop] = []  # without a place, since the last stop that has one
    last: Stop | None = None  # the last one with a place, if it is away from home
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


def _longest_gap(before: Stop, after: Stop) -> float:
    return SAME_AREA_GAP_H if _apart(before, after) <= SAME_AREA_KM else OTHER_AREA_GAP_H


def _next_to(loose: Sequence[Stop], hours: float) -> list[Stop]:
    """Those of the stops without a place that follow from `hours` on, one within a night."""
    found: list[Stop] = []
    for stop in loose:
        if abs(stop.hours - hours) > LOOSE_GAP_H:
            break
        found.append(stop)
        hours = stop.hours
    return found
