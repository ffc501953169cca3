"""Which places are quarters of a city: people who are there say that they are in the city."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence

from retrieval.places.spots import KM, WHOLE, Spot, band, distance, folded, plain_name

_LARGE = 100_000  # people of what has quarters
_FARTHEST = 1.5  # in radii of a city: where nothing counts as a part of it any more

#: Those of what is more than a city with its quarters; in America a county is, too.
_WIDE = frozenset(("province", "prefecture", "region", "district", "metropolitan"))
#: What parts of a city are called beside its name.
_PARTS = frozenset(
    (
        *("north", "south", "east", "west", "central", "inner", "old", "new", "upper", "lower"),
        *("kreis", "centro", "centre", "center", "mitte", "nord", "sud", "ost", "est", "ouest"),
    )
)
_CITY_STATES = ("HK", "MO", "SG", "MC")


def find_quarters(spots: Sequence[Spot]) -> None:
    """Set `whole` of every spot that is a quarter of a city; of several the largest one counts."""
    cities = sorted((s for s in spots if s.population >= _LARGE), key=lambda s: s.population)
    at: dict[tuple[str, int], list[Spot]] = defaultdict(list)
    for spot in spots:
        at[spot.code, band(spot.latitude)].append(spot)
    for city in cities:
        for spot in _beside(city, at):
            if _is_quarter(spot, city):
                spot.whole = city.number
    by_number = {spot.number: spot for spot in spots}
    for spot in spots:  # a quarter of what is itself a quarter
        while by_number[spot.whole].whole != spot.whole:
            spot.whole = by_number[spot.whole].whole


def _beside(city: Spot, at: dict[tuple[str, int], list[Spot]]) -> Iterable[Spot]:
    reach = _FARTHEST * WHOLE * math.sqrt(city.population) / KM
    for number in range(band(city.latitude - reach), band(city.latitude + reach) + 1):
        yield from at.get((city.code, number), ())


def _is_quarter(spot: Spot, city: Spot) -> bool:
    """Whether people who are at `spot` say that they are in `city`.

    They do in its middle, in a county (or where there are none, a region) that is named after it,
    where the place itself is ("Zürich (Kreis 2)", "South Boston"), and where a small place shares
    its county; the farther the less.
    """
    radius = WHOLE * math.sqrt(city.population)
    if abs(spot.latitude - city.latitude) * KM > _FARTHEST * radius:
        return False
    km = distance(spot.latitude, spot.longitude, city.latitude, city.longitude)
    if km > _FARTHEST * radius:  # most are: names, which take longer, are compared for the others
        return False
    if spot.population > (1.0 if _is_called_after(spot.name, city.name) else 0.5) * city.population:
        return False
    is_ward = spot.county.casefold().endswith(("-ku", " ku"))  # of a Japanese city
    area = spot.region if is_ward or not spot.county else spot.county
    within = city.code in _CITY_STATES or _is_named_after(area, city)
    if spot.region != city.region and not within:
        return False
    return km <= radius * _reach(spot, city, within)


def _reach(spot: Spot, city: Spot, within: bool) -> float:
    """How far out, in radii of the city, such a place still counts as a part of it."""
    if within:
        return _FARTHEST
    share = spot.population / city.population
    if _is_called_after(spot.name, city.name) or (
        share < 0.1 and _is_named_after(spot.region, city)
    ):
        return 1.0
    if spot.county == city.county and share < 0.15:
        return 0.7 if spot.county else 0.6
    return 0.5 if share < 0.05 else 0.35


def _is_called_after(name: str, city: str) -> bool:
    """ "Lyon 01", "Zürich (Kreis 2)", "South Boston": its name is the city's with more."""
    words, whole = folded(name).split(), folded(city).split()
    if len(words) <= len(whole):
        return False
    if words[: len(whole)] == whole:
        return all(word in _PARTS or word.isdigit() for word in words[len(whole) : len(whole) + 1])
    return words[0] in _PARTS and words[1:] == whole


def _is_named_after(area: str, city: Spot) -> bool:
    words = folded(area).split()
    wide = _WIDE | {"county"} if city.code == "US" else _WIDE
    return not wide & set(words) and plain_name(area) == folded(city.name)
