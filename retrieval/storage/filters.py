"""Which items pass the filters of a query, in plain SQL and numpy.

Each filter gives the ids of the photos that pass it; these sets are united (alternatives of one
field) and intersected. Statements are constants and every value is bound. A set travels as one text
of numbers: 80,000 of them take a tenth of the time that as many rows would. Filters that an index
answers come first, and where few photos are left only those are looked at.

Names are compared in Python, with the few different ones that there are: case and accents are folded
there, and the photos are then found by the names as they are written.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import QueryError
from retrieval.metadata import Field, field_named
from retrieval.records import Filter, Kind, Space
from retrieval.storage.matching import FolderMatcher, Matcher, NameMatcher
from retrieval.storage.readable import Readable, as_path
from retrieval.storage.vocabulary import gear_of, places_of
from retrieval.storage.words import match_of

Ids = NDArray[np.int64]  # ascending, each once

FEW = 2_000  # photos that are looked up one by one rather than by a scan
_AMONG = "AND photo_id IN (SELECT value FROM json_each(?))"
_BEYOND = "~"  # sorts behind all that follows in a date: "2021" + this ends the year

#: field: what a scan selects from, in constant pieces. The alternative names the field's column.
_NUMBERS = {
    "exposure": "SELECT group_concat(photo_id) FROM facts WHERE exposure",
    "aperture": "SELECT group_concat(photo_id) FROM facts WHERE aperture",
    "iso": "SELECT group_concat(photo_id) FROM facts WHERE iso",
    "focal": "SELECT group_concat(photo_id) FROM facts WHERE focal",
    "rating": "SELECT group_concat(photo_id) FROM facts WHERE rating",
    "sharpness": "SELECT group_concat(photo_id) FROM looks WHERE sharpness",
    "brightness": "SELECT group_concat(photo_id) FROM looks WHERE brightness",
    "width": "SELECT group_concat(photo_id) FROM (SELECT id AS photo_id, nullif(width, 0) AS n"
    " FROM photos) WHERE n",
    "height": "SELECT group_concat(photo_id) FROM (SELECT id AS photo_id, nullif(height, 0) AS n"
    " FROM photos) WHERE n",
}
_TEXTS = {
    "keyword": "SELECT photo_id, keywords FROM facts WHERE keywords IS NOT NULL",
    "title": "SELECT photo_id, title FROM facts WHERE title IS NOT NULL",
    "caption": "SELECT photo_id, caption FROM facts WHERE caption IS NOT NULL",
}
_HAS = {
    "gps": "SELECT group_concat(photo_id) FROM facts WHERE latitude IS NOT NULL",
    "date": "SELECT group_concat(photo_id) FROM facts WHERE taken_at IS NOT NULL",
    "camera": "SELECT group_concat(photo_id) FROM facts WHERE coalesce(camera, make) IS NOT NULL",
    "caption": "SELECT group_concat(photo_id) FROM facts WHERE caption <> ''",
    "keywords": "SELECT group_concat(photo_id) FROM facts WHERE keywords <> '[]'",
    "writing": "SELECT group_concat(photo_id) FROM writing WHERE text <> ''",
    "rating": "SELECT group_concat(photo_id) FROM facts WHERE rating IS NOT NULL",
}
_PHOTO = (
    "SELECT group_concat(photo_id) FROM (SELECT id AS photo_id, width, height, format FROM photos"
)
_SHAPES = {
    "square": _PHOTO + ") WHERE width > 0 AND abs(width - height) * 20 <= max(width, height)",
    "landscape": _PHOTO + ") WHERE width > 0 AND (width - height) * 20 > width",
    "portrait": _PHOTO + ") WHERE width > 0 AND (height - width) * 20 > height",
    "panorama": _PHOTO + ") WHERE width > 0 AND width >= 2 * height",
}
#: What `shape:` and `has:` may be followed by.
SHAPES, HAS = tuple(_SHAPES), tuple(_HAS)
#: A picture of these alone has no colour.
_NO_COLOUR = "black and white"

#: The order in which filters are looked at: those by an index first, scans of texts last.
_COST = (
    *("trip", "taken", "place", "city", "region", "country", "camera", "lens", "text"),
    *("sharpness", "brightness", "colour", "format", "shape", "width", "height", "rating", "iso"),
    *("aperture", "exposure", "focal", "has", "folder", "file", "keyword", "title", "caption"),
)


def passing(reader: Readable, space: Space, kind: Kind, filters: Sequence[Filter]) -> Ids:
    """The live vector rows of the items of `kind` that pass all filters, int64 (n,), ascending.

    Filters of one field are alternatives, those of different fields all hold, as does each negated
    one. A photo of which the field is not known passes neither a filter nor its negation; what is
    listed (keywords, words, files, `has`) is known to be absent where it is not there. A document
    passes when a photo that it is linked to does. Raises QueryError for a filter that makes no
    sense, CorruptError, StorageError.
    """
    with reader.snapshot():
        photos = _photos(reader, filters)
        return _Rows.of(reader, space, kind).holding(reader, photos)


def photos_at(reader: Readable, space: Space, rows: Ids) -> Ids:
    """The photos at live vector rows (n,), ascending: ids int64 (n,) in that order."""
    with reader.snapshot():
        owners, places = _Rows.of(reader, space, "photos").pairs(reader)
    at = np.searchsorted(places, rows)
    there = at < len(places)
    there[there] = places[at[there]] == rows[there]
    return owners[at[there]]


def _photos(reader: Readable, filters: Sequence[Filter]) -> Ids | None:
    """The photos that pass; None for all."""
    groups: dict[tuple[str, int], list[Filter]] = {}
    for number, each in enumerate(filters):
        groups.setdefault((each.field, number if each.negated else -1), []).append(each)
    kept: Ids | None = None
    order = {name: place for place, name in enumerate(_COST)}
    for (name, _), alternatives in sorted(
        groups.items(), key=lambda group: (order.get(group[0][0], 0), group[0][1])
    ):
        select = _Select(reader, kept)
        found = _union(select.passing(each) for each in alternatives)
        kept = found if kept is None else kept[np.isin(kept, found)]
        if not len(kept):
            break
    return kept


def _union(sets: Iterable[Ids]) -> Ids:
    united: Ids | None = None
    for each in sets:
        united = each if united is None else _ascending(np.concatenate((united, each)))
    return np.empty(0, np.int64) if united is None else united


def _ids(text: str | None) -> Ids:
    """The numbers of a group_concat, ascending; empty for None, which is that of no rows."""
    if not text:
        return np.empty(0, np.int64)
    return _ascending(np.fromstring(str(text), np.int64, sep=","))


def _ascending(numbers: Ids) -> Ids:
    """The same numbers, each once; most come in order, so that is looked at first."""
    if np.all(numbers[1:] > numbers[:-1]):
        return numbers
    numbers.sort()
    return numbers[np.concatenate(([True], numbers[1:] != numbers[:-1]))]


class _Select:
    """Finds the photos that pass one filter; where few are `kept` so far, only among those."""

    def __init__(self, reader: Readable, kept: Ids | None) -> None:
        self._reader = reader
        few = kept is not None and len(kept) <= FEW
        self._among: tuple[str, ...] = (
            (json.dumps(kept.tolist()),) if few and kept is not None else ()
        )

    def passing(self, asked: Filter) -> Ids:
        field = field_named(asked.field)
        if asked.field == "text":
            return self._negatable(self._text(asked), asked)
        if field is None or field.name != asked.field:
            raise QueryError(
                f"There is no field {asked.field!r} to filter by. See the list of fields."
            )
        if not asked.values or asked.op not in ("is", "between", "contains"):
            raise QueryError(f"The filter of {field.name} says nothing. Give it a value.")
        if asked.op == "between" and len(asked.values) != 2:
            raise QueryError(
                f"The filter of {field.name} needs two ends. Leave one open with None."
            )
        special: dict[str, Callable[[Filter], Ids]] = {
            "shape": self._shape,
            "has": self._has,
            "trip": self._trip,
            "colour": self._colour,
            "format": self._format,
            "file": self._path,
            "folder": self._path,
        }
        if field.name in special:
            return special[field.name](asked)
        if field.sort == "date":
            return self._date(asked)
        if field.sort == "number":
            return self._number(field, asked)
        if field.name in _TEXTS:
            return self._texts(field, asked)
        return self._names(field, asked)

    # --- by sort ----------------------------------------------------------------------------

    def _date(self, asked: Filter) -> Ids:
        ends = [None if value is None else str(value) for value in asked.values]
        if asked.op == "between":
            return self._between(ends[0], ends[1], asked.negated)
        sets = []
        for value in ends:
            if value is not None and value.startswith("*"):
                same = "substr(taken_at, 5, ?) = ?"
                test = f"NOT {same}" if asked.negated else same
                sets.append(self._run(_TAKEN, test, len(value) - 1, value[1:]))
            elif value is not None:
                sets.append(self._between(value, value, asked.negated))
        return self._intersect(sets) if asked.negated else _union(sets)

    def _between(self, first: str | None, last: str | None, negated: bool) -> Ids:
        test = "NOT BETWEEN ? AND ?" if negated else "BETWEEN ? AND ?"
        return self._run(_TAKEN, f"taken_at {test}", first or "", (last or _BEYOND) + _BEYOND)

    def _number(self, field: Field, asked: Filter) -> Ids:
        numbers = [_number_of(field, value) for value in asked.values]
        test = "NOT BETWEEN ? AND ?" if asked.negated else "BETWEEN ? AND ?"
        head = _NUMBERS[field.name]
        if asked.op == "between":
            low = -math.inf if numbers[0] is None else numbers[0]
            high = math.inf if numbers[1] is None else numbers[1]
            return self._run(head, test, low, high)
        sets = [self._run(head, test, number, number) for number in numbers if number is not None]
        return self._intersect(sets) if asked.negated else _union(sets)

    def _names(self, field: Field, asked: Filter) -> Ids:
        """Places and gear: the different ones that match, then the photos that have those."""
        gear = field.name in ("camera", "lens")
        rows: Iterable[tuple[str | None, ...]] = (
            gear_of(self._reader) if gear else places_of(self._reader)
        )
        columns = _GEAR_COLUMNS if gear else _PLACE_COLUMNS
        chosen = [columns.index(column.partition(".")[2]) for column in field.columns]
        matcher, wanted = Matcher(asked), []
        for row in rows:
            known = [name for name in (row[place] for place in chosen) if name]
            if known and matcher.holds(known) != asked.negated:
                wanted.append(row)
        statement = _WITH_GEAR if gear else _WITH_PLACE
        (found,) = self._reader.fetch(statement, json.dumps(wanted))
        return _ids(found[0])

    def _texts(self, field: Field, asked: Filter) -> Ids:
        matcher, listed = Matcher(asked), field.name == "keyword"
        known: dict[str, bool] = {}  # many photos have the same
        found = []
        for photo, value in self._fetch(_TEXTS[field.name]):
            holds = known.get(value)
            if holds is None:
                names = json.loads(value) if listed else [str(value)]
                holds = known[value] = matcher.holds(names) != asked.negated
            if holds:
                found.append(photo)
        return np.array(sorted(found), np.int64)

    # --- fields of their own ----------------------------------------------------------------

    def _text(self, asked: Filter) -> Ids:
        sets = []
        for value in asked.values:
            expression = match_of(str(value), prefix=str(value).endswith("*"))
            if expression:
                (found,) = self._reader.fetch(
                    "SELECT group_concat(rowid) FROM words WHERE words MATCH ?", expression
                )
                sets.append(_ids(found[0]))
        return _union(sets)

    def _trip(self, asked: Filter) -> Ids:
        trips = self._reader.fetch("SELECT label, begins, ends FROM trips")
        matcher = Matcher(asked)
        spans = [
            self._between(begins, ends, asked.negated)
            for label, begins, ends in trips
            if matcher.holds([label])
        ]
        if asked.negated:
            return self._intersect(spans) if spans else self._between(None, None, False)
        return _union(spans)

    def _colour(self, asked: Filter) -> Ids:
        sets = []
        for value in asked.values:
            name = str(value).casefold()
            if name == _NO_COLOUR:
                test = _COLOURLESS
                sets.append(self._run(_LOOKS, f"NOT {test}" if asked.negated else test))
            else:
                test = "instr(colours, ?) = 0" if asked.negated else "instr(colours, ?) > 0"
                sets.append(self._run(_LOOKS, test, json.dumps(name)))
        return self._intersect(sets) if asked.negated else _union(sets)

    def _format(self, asked: Filter) -> Ids:
        wanted = json.dumps([str(value).upper() for value in asked.values])
        test = "upper(format) IN (SELECT value FROM json_each(?))"
        return self._run(_FORMAT, f"NOT {test}" if asked.negated else test, wanted)

    def _shape(self, asked: Filter) -> Ids:
        found = _union(self._run(_known(_SHAPES, "shape", value), "") for value in asked.values)
        if not asked.negated:
            return found
        known = self._run(_PHOTO + ") WHERE width > 0", "")
        return known[~np.isin(known, found)]

    def _has(self, asked: Filter) -> Ids:
        found = _union(self._run(_known(_HAS, "has", value), "") for value in asked.values)
        return self._negatable(found, asked)

    def _path(self, asked: Filter) -> Ids:
        matcher = FolderMatcher(asked) if asked.field == "folder" else NameMatcher(asked)
        rows = self._fetch(_PATHS)
        found = {photo for photo, stored in rows if matcher.holds(as_path(stored))}
        return self._negatable(np.array(sorted(found), np.int64), asked)

    # --- running ----------------------------------------------------------------------------

    def _run(self, head: str, test: str, *values: Any) -> Ids:
        statement = " ".join((head, test, *(_AMONG for _ in self._among)))
        (found,) = self._reader.fetch(statement, *values, *self._among)
        return _ids(found[0])

    def _fetch(self, head: str) -> list[tuple[Any, ...]]:
        return self._reader.fetch(" ".join((head, *(_AMONG for _ in self._among))), *self._among)

    def _negatable(self, found: Ids, asked: Filter) -> Ids:
        """`found`, or all other photos."""
        if not asked.negated:
            return found
        everything = self._run(
            "SELECT group_concat(photo_id) FROM (SELECT id AS photo_id FROM", "photos) WHERE 1"
        )
        return everything[~np.isin(everything, found)]

    def _intersect(self, sets: list[Ids]) -> Ids:
        kept = sets[0] if sets else np.empty(0, np.int64)
        for each in sets[1:]:
            kept = kept[np.isin(kept, each)]
        return kept


_TAKEN = "SELECT group_concat(photo_id) FROM facts WHERE"
_LOOKS = "SELECT group_concat(photo_id) FROM looks WHERE"
_FORMAT = _PHOTO + ") WHERE"
_PATHS = "SELECT photo_id, path FROM files WHERE photo_id IS NOT NULL"
_COLOURLESS = (
    "(colours <> '[]' AND trim(replace(replace(replace(replace(colours, '\"black\"', ''),"
    " '\"white\"', ''), '\"grey\"', ''), '\"gray\"', ''), '[], ') = '')"
)
_PLACE_COLUMNS = ("city", "region", "country", "country_code")
_GEAR_COLUMNS = ("make", "camera", "lens")
_WITH_PLACE = (
    "SELECT group_concat(photo_id) FROM json_each(?) AS j CROSS JOIN facts ON"
    " city IS json_extract(j.value, '$[0]') AND region IS json_extract(j.value, '$[1]')"
    " AND country IS json_extract(j.value, '$[2]') AND country_code IS json_extract(j.value, '$[3]')"
)
_WITH_GEAR = (
    "SELECT group_concat(photo_id) FROM json_each(?) AS j CROSS JOIN facts ON"
    " make IS json_extract(j.value, '$[0]') AND camera IS json_extract(j.value, '$[1]')"
    " AND lens IS json_extract(j.value, '$[2]')"
)


def _known(table: dict[str, str], name: str, value: Any) -> str:
    statement = table.get(str(value).casefold())
    if statement is None:
        raise QueryError(f"{name} is one of {', '.join(table)}, not {value!r:.40}.")
    return statement


def _number_of(field: Field, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or math.isnan(value):
        raise QueryError(f"{field.name} is compared with numbers, not with {value!r:.40}.")
    return float(value)


class _Rows:
    """The live rows of one kind and the photos that they belong to, kept for one generation."""

    _kept: WeakKeyDictionary[Readable, dict[tuple[int, Kind], tuple[int, _Rows]]] = (
        WeakKeyDictionary()
    )

    def __init__(self, space: Space, kind: Kind) -> None:
        self._space, self._kind = space, kind
        self._pairs: tuple[Ids, Ids] | None = None  # photo and row, ascending by row

    @classmethod
    def of(cls, reader: Readable, space: Space, kind: Kind) -> _Rows:
        """Those of the state that is read; made anew after any commit."""
        kept = cls._kept.setdefault(reader, {})
        generation = reader.generation()
        found = kept.get((space.id, kind))
        if found is None or found[0] != generation:
            found = generation, cls(space, kind)
            kept[space.id, kind] = found
        return found[1]

    def holding(self, reader: Readable, photos: Ids | None) -> Ids:
        """The rows whose photo is one of these, ascending; all for None."""
        if photos is not None and len(photos) <= FEW and self._pairs is None:
            return self._looked_up(reader, photos)
        if photos is None and self._kind == "documents":
            (found,) = reader.fetch(_LIVE, self._space.id, self._kind)
            return _ids(found[0])
        owners, rows = self.pairs(reader)
        if photos is None:
            return rows
        return _ascending(rows[np.isin(owners, photos)])

    def _looked_up(self, reader: Readable, photos: Ids) -> Ids:
        listed = json.dumps(photos.tolist())
        statement = _ROWS_OF_PHOTOS if self._kind == "photos" else _ROWS_OF_LINKED
        (found,) = reader.fetch(statement, self._space.id, listed)
        return _ids(found[0])

    def pairs(self, reader: Readable) -> tuple[Ids, Ids]:
        """All photos and their rows, ascending by row."""
        if self._pairs is None:
            statement = _ALL_PHOTOS if self._kind == "photos" else _ALL_LINKED
            (found,) = reader.fetch(statement, self._space.id)
            owners, rows = (
                np.fromstring(text or "", np.int64, sep=",") if text else np.empty(0, np.int64)
                for text in found
            )
            order = np.argsort(rows, kind="stable")
            self._pairs = owners[order], rows[order]
        return self._pairs


_LIVE = "SELECT group_concat(row) FROM embeddings WHERE space_id = ? AND kind = ? AND live = 1"
_ROWS_OF_PHOTOS = (
    "SELECT group_concat(row) FROM json_each(?2) AS j CROSS JOIN embeddings"
    " ON space_id = ?1 AND kind = 'photos' AND item_id = j.value AND live = 1"
)
_ROWS_OF_LINKED = (
    "SELECT group_concat(row) FROM (SELECT DISTINCT document_id FROM sources WHERE photo_path IN"
    "  (SELECT path FROM files WHERE photo_id IN (SELECT value FROM json_each(?2)))) CROSS JOIN"
    " embeddings ON space_id = ?1 AND kind = 'documents' AND item_id = document_id AND live = 1"
)
_ALL_PHOTOS = (
    "SELECT group_concat(item_id), group_concat(row) FROM embeddings"
    " WHERE space_id = ? AND kind = 'photos' AND live = 1"
)
_ALL_LINKED = (
    "SELECT group_concat(files.photo_id), group_concat(row) FROM sources"
    " JOIN files ON files.path = sources.photo_path AND files.photo_id IS NOT NULL"
    " JOIN embeddings ON item_id = document_id AND space_id = ? AND kind = 'documents' AND live = 1"
)
