"""Counts over the whole match set of a question, made by SQL and not by reading ten photos."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from retrieval.answerers.citing import MOST_CITED
from retrieval.metadata.naming import camera_name
from retrieval.records import QuestionPlan, Total
from retrieval.storage.totals import GroupRow, grouped

if TYPE_CHECKING:
    from retrieval.collection import Collection

#: The label of photos of which the plan's group is not known.
UNKNOWN = "?"


def totals(
    collection: Collection, plan: QuestionPlan, ids: Sequence[int], certain: bool
) -> tuple[Total, ...]:
    """Count the photos `ids`, which are in the order of their citations: the first has number 1.

    The first Total, labelled "", is for all of them. Where `plan.group` is set one for each of its
    values follows, the largest first, and at the end one labelled UNKNOWN for photos of which it is
    not known, if there are any. Only the first MOST_CITED photos have numbers. `certain` says that
    exact filters alone chose. Raises QueryError for a group that is none, CorruptError,
    StorageError.
    """
    everything = Total("", len(ids), tuple(range(1, min(len(ids), MOST_CITED) + 1)), certain)
    if not plan.group or not ids:
        return (everything,)
    rows = grouped(collection.reader, plan.group, ids, MOST_CITED)
    return (everything, *_labelled(plan.group, rows, certain))


def _labelled(group: str, rows: Sequence[GroupRow], certain: bool) -> list[Total]:
    counts: dict[str, int] = defaultdict(int)
    numbers: dict[str, list[int]] = defaultdict(list)
    for label, row in zip(_labels(group, rows), rows, strict=True):
        counts[label] += row.photos
        numbers[label] += row.places
    found = [
        Total(label, counts[label], tuple(sorted(numbers[label])), certain) for label in counts
    ]
    return sorted(found, key=lambda each: (each.label == UNKNOWN, -each.count, each.label))


def _labels(group: str, rows: Sequence[GroupRow]) -> list[str]:
    if group == "city":
        return _cities([(row.values[0], row.values[1]) for row in rows])
    if group == "camera":
        return [camera_name(*row.values) or UNKNOWN for row in rows]
    return [row.values[0] or UNKNOWN for row in rows]


def _cities(places: Sequence[tuple[str | None, str | None]]) -> list[str]:
    """Cities by name, with their country where two countries have one of that name."""
    countries: dict[str, set[str]] = defaultdict(set)
    for city, country in places:
        if city and country:
            countries[city].add(country)
    return [
        UNKNOWN
        if not city
        else f"{city}, {country}"
        if _several(countries[city], country)
        else city
        for city, country in places
    ]


def _several(countries: Iterable[str], country: str | None) -> bool:
    return country is not None and len(set(countries)) > 1
