"""Counts over the whole match set of a question, made by SQL and not by reading ten photos.

Also of those photos of which it is not known whether they match.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from retrieval.answerers.citing import MOST_CITED
from retrieval.metadata.naming import camera_name
from retrieval.records import Filter, QuestionPlan, Total
from retrieval.storage.totals import GroupRow, grouped

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.records import SearchResult

#: The label of photos of which the plan's group is not known.
UNKNOWN = "?"
#: Fields that a photo may lack, so that it passes neither a filter of them nor its negation; a trip
#: goes by the date.
_LACKED = {"trip": "taken"} | {
    name: name
    for name in (
        *("taken", "place", "city", "region", "country", "latitude", "longitude", "altitude"),
        *("camera", "lens", "iso", "aperture", "exposure", "focal", "rating"),
    )
}


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


# --- photos that may match ----------------------------------------------------------------------


def unknown(collection: Collection, plan: QuestionPlan, result: SearchResult) -> tuple[Total, ...]:
    """How many photos lack what a search filters by, one Total a field, labelled by it.

    Only where some of them may match as well: they pass each filter of which the field is known.
    () where something matches; but a filter that says what is not so leaves them out in silence,
    and so they are told. Counted are all photos, or those of `plan.among`. Raises CorruptError,
    StorageError.
    """
    filters = result.query.filters
    told = not result.relevant or any(each.negated for each in filters)
    lacked = {_LACKED[each.field]: each for each in filters if each.field in _LACKED}
    if result.kind != "photos" or plan.alternatives or not told or not lacked:
        return ()
    passing = _Passing(collection, plan.among)
    lacking = {field: passing.lacking(asked) for field, asked in lacked.items()}
    may = passing.may_pass(filters, lacking)
    counts = {field: len(rows) for field, rows in lacking.items() if rows & may}
    for part in ("city", "region", "country"):  # who lacks the place lacks its parts
        if counts.get(part) == counts.get("place"):
            counts.pop(part, None)
    return tuple(Total(field, count) for field, count in counts.items())


class _Passing:
    """Which photos pass filters, by the rows of their vectors."""

    def __init__(self, collection: Collection, among: Sequence[int]) -> None:
        self._reader = collection.reader
        self._space, _ = collection.store("photos")
        self._everything = self.all_of(())
        if among:
            from retrieval.storage.stored import rows_of

            rows = rows_of(self._reader, self._space, "photos", list(among))
            self._everything &= set(rows.values())

    def all_of(self, filters: Sequence[Filter]) -> set[int]:
        """Photos that pass them all."""
        from retrieval.storage.filters import passing

        return set(passing(self._reader, self._space, "photos", filters).tolist())

    def lacking(self, asked: Filter) -> set[int]:
        """Photos that pass neither a filter nor its negation."""
        known = self.all_of([asked]) | self.all_of([replace(asked, negated=not asked.negated)])
        return self._everything - known

    def may_pass(self, filters: Sequence[Filter], lacking: Mapping[str, set[int]]) -> set[int]:
        """Photos that pass each filter, or lack its field."""
        may = self._everything
        for field in dict.fromkeys(each.field for each in filters):
            alike = [each for each in filters if each.field == field]
            may = may & (self.all_of(alike) | lacking.get(_LACKED.get(field, ""), set()))
        return may
