"""Filters are exact: the same items pass as by hand and by a filter written without SQL."""

from __future__ import annotations

import math
import re
import tempfile
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.errors import QueryError
from retrieval.metadata import FIELDS
from retrieval.records import Facts, Filter, Looks
from retrieval.storage import live
from retrieval.storage.filters import passing
from retrieval.storage.statements import HAS, SHAPES
from tests.known import Known, Trip, catalog_of

KYOTO = {"city": "Kyōto", "region": "Kyoto", "country": "Japan", "country_code": "JP"}
LISBON = {"city": "Lisbon", "region": "Lisbon", "country": "Portugal", "country_code": "PT"}
PHOTOS = (
    Known(
        Facts(
            **KYOTO,
            taken_at="2021-03-05T10:00:00.25",
            latitude=35.0,
            make="Sony",
            camera="ILCE-7M3",
            lens="FE 24-70mm",
            iso=100,
            rating=5,
            keywords=("Temple", "été"),
            caption="A red gate",
        ),
        Looks(1, 0.9, 0.5, ("red", "black")),
        paths=("/photos/2021/Japan trip/IMG_2041.jpg",),
        captions=("a gate", "red wood"),
    ),
    Known(
        Facts(**LISBON, taken_at="2021-05-31T23:59:59", make="Apple", camera="iPhone XS", iso=400),
        Looks(2, 0.2, 0.1, ("black", "white", "grey")),
        paths=("/photos/2021/Lisbon/IMG_2042.png", "/photos/copies/tram_28.png"),
        width=300,
        height=400,
        format="PNG",
        captions=("a tram",),
    ),
    Known(Facts(taken_at="2021-06", title="Über den Dächern"), width=900, height=300),
    Known(Facts(country="Japan", country_code="JP"), width=300, height=301, writing="Gate 27B"),
    Known(paths=("/photos/[odd] *?/100%_a.jpg",), captions=("nothing known",)),
    Known(Facts(**KYOTO, taken_at="2019-05-01"), live=False, paths=("/photos/gone.jpg",)),
)
TRIPS = (Trip("Japan 2021", "2021-03-01T00:00:00", "2021-03-09T12:00:00"),)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with catalog_of(tmp_path_factory.mktemp("catalog"), PHOTOS, TRIPS) as opened:
        yield opened


def between(field: str, first: Any, last: Any, negated: bool = False) -> Filter:
    return Filter(field, "between", (first, last), negated)


def has(field: str, *values: Any, negated: bool = False) -> Filter:
    return Filter(field, "contains", values, negated)


def equal(field: str, *values: Any, negated: bool = False) -> Filter:
    return Filter(field, "is", values, negated)


@pytest.mark.parametrize(
    ("filters", "photos"),
    [
        ((), [1, 2, 3, 4, 5]),
        ((between("taken", "2021-03", "2021-05"),), [1, 2]),
        ((between("taken", "2021-03-05", "2021-03-05"),), [1]),
        ((between("taken", "2021-03-05T10", "2021-03-05T10"),), [1]),
        ((between("taken", "2021-06", None),), [3]),
        ((between("taken", None, "2021-05-31"),), [1, 2]),
        ((between("taken", "2021", "2021"),), [1, 2, 3]),
        ((between("taken", "2021-06-01", None),), []),  # only its month is known
        ((between("taken", "2021-03", "2021-05", negated=True),), [3]),
        ((equal("taken", "*-05"),), [2]),
        ((equal("taken", "*-05", "2021-06"),), [2, 3]),
        ((between("taken", "*-05", "*-08"),), [2, 3]),
        ((between("taken", "*-12", "*-03"),), [1]),
        ((between("taken", "*-12", "*-03", negated=True),), [2, 3]),
        ((between("taken", "*T05", "*T11"),), [1]),
        ((between("taken", "*T22", "*T04"),), [2]),
        ((between("taken", "*T05", "*T11", negated=True),), [2]),  # of one no hour is known
        ((equal("taken", "*W1"),), [2]),
        ((equal("taken", "*W1", negated=True),), [1]),
        ((between("taken", "2021", "2021"), between("taken", "*T05", "*T11")), [1]),
        ((between("taken", "2021", "2021"), between("taken", "*-05", "*-08")), [2, 3]),
        ((equal("taken", "*-03"), between("taken", "*-05", "*-08")), [1, 2, 3]),
        ((equal("taken", "*-05", negated=True),), [1, 3]),
        ((equal("taken", "2021-03", "2021-05", negated=True),), [3]),
        ((has("place", "kyo"),), [1]),
        ((has("place", "jap"),), [1, 4]),
        ((equal("place", "kyoto"),), [1]),
        ((equal("place", "Japan"),), [1, 4]),
        ((equal("place", "jp"),), [1, 4]),
        ((equal("place", "kyo"),), []),
        ((has("place", "kyoto", negated=True),), [2, 4]),
        ((equal("country", "Japan"), equal("city", "Kyoto")), [1]),
        ((equal("place", "Kyoto"), equal("place", "Lisbon")), [1, 2]),
        ((equal("place", "Kyoto", negated=True), equal("place", "Lisbon", negated=True)), [4]),
        ((has("camera", "sony"),), [1]),
        ((has("camera", "sony ilce"),), [1]),
        ((has("camera", "iphone x"),), [2]),
        ((equal("camera", "ILCE-7M3"), has("lens", "24")), [1]),
        ((between("iso", 200, None),), [2]),
        ((between("iso", 100, None), between("iso", None, 200)), [1]),  # both ends hold
        ((between("iso", 100, 200), between("iso", 300, 400)), [1, 2]),
        ((between("latitude", 30, 40),), [1]),
        ((between("iso", None, 200, negated=True),), [2]),
        ((between("iso", math.nextafter(100, 200), None),), [2]),
        ((equal("iso", 100, 400),), [1, 2]),
        ((equal("iso", 100, negated=True),), [2]),
        ((between("rating", 5, 5),), [1]),
        ((between("width", 301, None),), [1, 3, 5]),
        ((between("sharpness", 0.5, None),), [1]),
        ((between("sharpness", 0.5, None, negated=True),), [2]),
        ((equal("colour", "red"),), [1]),
        ((equal("colour", "black"),), [1, 2]),
        ((equal("colour", "red", negated=True),), [2]),
        ((equal("colour", "black and white"),), [2]),
        ((equal("format", "png"),), [2]),
        ((equal("format", "PNG", negated=True),), [1, 3, 4, 5]),
        ((equal("shape", "landscape"),), [1, 3, 5]),
        ((equal("shape", "portrait"),), [2]),
        ((equal("shape", "square"),), [4]),
        ((equal("shape", "panorama"),), [3]),
        ((equal("shape", "landscape", negated=True),), [2, 4]),
        ((has("keyword", "temp"),), [1]),
        ((equal("keyword", "ete"),), [1]),
        ((equal("keyword", "Temple", negated=True),), [2, 3, 4]),  # a list that lacks it
        ((has("title", "uber dachern"),), [3]),
        ((has("caption", "GATE"),), [1]),
        ((has("caption", "gate", negated=True),), []),
        ((equal("has", "gps"),), [1]),
        ((equal("has", "gps", "writing"),), [1, 4]),
        ((equal("has", "date", negated=True),), [4, 5]),
        ((equal("has", "keywords"),), [1]),
        ((equal("has", "rating"), equal("has", "caption")), [1]),
        ((equal("trip", "japan 2021"),), [1]),
        ((equal("trip", "Japan 2021", negated=True),), [2, 3]),
        ((equal("trip", "Rome"),), []),
        ((has("file", "img_20"),), [1, 2]),
        ((has("file", "tram"),), [2]),
        ((equal("file", "IMG_2041"),), [1]),
        ((equal("file", "img_2041.JPG"),), [1]),
        ((has("file", "img", negated=True),), [3, 4, 5]),
        ((has("file", "*"),), []),
        ((has("folder", "lisbon"),), [2]),
        ((has("folder", "japan"),), [1]),
        ((equal("folder", "Japan"),), []),
        ((has("folder", "/photos/2021"),), [1, 2]),
        ((has("folder", "2021/Lisbon"),), [2]),
        ((has("folder", "/2021"),), []),
        ((has("folder", "/photos/[odd] *?"),), [5]),
        ((has("folder", "2021", negated=True),), [3, 4, 5]),
        ((has("text", "IMG_2041"),), [1]),
        ((has("text", "img 20*"),), [1, 2]),
        ((has("text", "gate"),), [1, 4]),
        ((has("text", "gate", negated=True),), [2, 3, 5]),
        ((has("text", 'NEAR(" OR *'),), []),
        ((has("text", "gate"), has("text", "tram")), [1, 2, 4]),
        ((has("text", "…"),), []),
        ((between("taken", "2021", "2021"), equal("place", "Kyoto"), between("iso", 1, 200)), [1]),
    ],
)
def test_by_hand(catalog: Any, filters: tuple[Filter, ...], photos: list[int]) -> None:
    reader, space = catalog
    rows = passing(reader, space, "photos", filters)
    assert rows.dtype == np.int64
    assert [row + 1 for row in rows.tolist()] == photos


@pytest.mark.parametrize(
    ("filters", "rows"),
    [
        ((), [0, 1, 2, 3]),
        ((equal("place", "Kyoto"),), [0, 1]),
        ((equal("format", "PNG"),), [2]),
        ((equal("format", "PNG", negated=True),), [0, 1, 3]),
        ((equal("place", "Oslo"),), []),
    ],
)
@pytest.mark.parametrize("few", [0, 2_000])
def test_documents_pass_with_their_photo(
    catalog: Any,
    filters: tuple[Filter, ...],
    rows: list[int],
    few: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "FEW", few)
    live._KEPT.clear()
    reader, space = catalog
    assert passing(reader, space, "documents", filters).tolist() == rows


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (equal("no such", "x"), "There is no field 'no such'. Filter by one of taken"),
        (equal("color", "red"), "There is no field"),  # a name of the query language, not of ours
        (equal("iso", "many"), "iso is compared with numbers"),
        (between("iso", math.nan, None), "iso is compared with numbers"),
        (between("iso", 10**400, None), "smaller numbers"),
        (Filter("iso", "between", (1,)), "needs two ends"),
        (Filter("iso", "is", ()), "says nothing"),
        (equal("shape", "round"), "shape is one of square"),
        (equal("has", "wings"), "has is one of gps"),
    ],
)
def test_refusals(catalog: Any, asked: Filter, sentence: str) -> None:
    reader, space = catalog
    with pytest.raises(QueryError, match=re.escape(sentence)):
        passing(reader, space, "photos", [asked])


@pytest.mark.parametrize("value", ["\ud800", "' OR 1 = 1 --", "\0", "a" * 5_000, '"', "*-99", "🐶"])
def test_odd_values_find_nothing(catalog: Any, value: str) -> None:
    reader, space = catalog
    for each in FIELDS:
        if each.sort != "number" and each.name not in ("shape", "has"):
            assert passing(reader, space, "photos", [equal(each.name, value)]).tolist() == []
    assert passing(reader, space, "photos", [has("text", value)]).tolist() == []


def test_both_readers_agree(catalog: Any) -> None:
    from retrieval.storage.catalog import Catalog
    from retrieval.storage.vocabulary import read_vocabulary

    reader, space = catalog
    other = Catalog(reader.path)
    filters = [equal("place", "Kyoto"), between("taken", "2021", None), has("text", "gate")]
    for kind in ("photos", "documents"):
        found = passing(other, space, kind, filters)
        assert found.tolist() == passing(reader, space, kind, filters).tolist() != []
    assert vars(read_vocabulary(other)) == vars(read_vocabulary(reader))
    other.close()


def test_what_is_kept_is_of_one_generation(tmp_path: Path) -> None:
    import sqlite3

    from retrieval.storage.readable import generation_checksum

    with catalog_of(tmp_path, [Known(), Known(paths=("/b.jpg",))]) as (reader, space):
        assert passing(reader, space, "photos", ()).tolist() == [0, 1]
        other = sqlite3.connect(reader.path)
        with other:
            other.execute("UPDATE embeddings SET live = 0 WHERE row = 1")
            other.execute("UPDATE state SET generation = 7, checksum = ?", [generation_checksum(7)])
        other.close()
        assert passing(reader, space, "photos", ()).tolist() == [0]


# --- against a filter in plain Python -------------------------------------------------------

names = st.sampled_from(["Kyoto", "New York", "York", "Évora", "evora", "Lisbon", "O'Hara"])
times = st.builds(
    "{}-{:02d}-{:02d}T{:02d}:00:00".format,
    st.integers(2018, 2022),
    st.integers(1, 12),
    st.integers(1, 28),
    st.integers(0, 23),
) | st.sampled_from(["2020", "2020-05", "2021-03-04"])
numbers = st.sampled_from([0, 1, 2.5, 3, 100, 400])
facts = st.builds(
    Facts,
    taken_at=st.none() | times,
    latitude=st.none() | st.just(1.0),
    city=st.none() | names,
    region=st.none() | names,
    country=st.none() | names,
    country_code=st.none() | st.sampled_from(["JP", "US"]),
    make=st.none() | names,
    camera=st.none() | names,
    lens=st.none() | names,
    iso=st.none() | st.sampled_from([100, 400]),
    exposure=st.none() | numbers,
    rating=st.none() | st.integers(-1, 5),
    title=st.none() | names,
    caption=st.none() | names,
    keywords=st.lists(names, max_size=2).map(tuple),
)
colours = st.lists(st.sampled_from(["red", "black", "white"]), max_size=2, unique=True).map(tuple)
looks = st.builds(Looks, st.just(0), numbers, numbers, colours)
known = st.builds(
    Known,
    facts=st.none() | facts,
    looks=st.none() | looks,
    width=st.sampled_from([0, 100, 104, 300]),
    height=st.sampled_from([100, 106, 300]),
    format=st.sampled_from(["JPEG", "PNG"]),
    writing=st.sampled_from(["", "Gate York"]),
    live=st.sampled_from([True, True, True, False]),
)
prefixes = times | st.sampled_from(["2019", "2020-05", "2021-03-04", "2021-03-04T12"])
CHOICES = {
    "shape": sorted(SHAPES),
    "has": sorted(HAS),
    "colour": ["red", "black"],
    "format": ["JPEG", "png"],
}
WORDS = ("place", "city", "region", "country", "camera", "lens", "title", "caption", "keyword")
NUMBERS = ("iso", "exposure", "rating", "width", "height", "sharpness", "brightness")
values = st.lists(
    names | st.sampled_from(["ev", "yo", "new", "us", "new yo"]), min_size=1, max_size=2
)
ends = st.tuples(st.none() | numbers, st.none() | numbers)
dates = st.lists(prefixes | st.sampled_from(["*-05", "*-03-04"]), min_size=1, max_size=2).map(tuple)


def filters_of(field: str) -> st.SearchStrategy[Filter]:
    """Filters of one field, negated or not."""

    def build(op: str, values: st.SearchStrategy[Any]) -> st.SearchStrategy[Filter]:
        return st.builds(Filter, st.just(field), st.just(op), values, st.booleans())

    if field in CHOICES:
        choices = st.sampled_from(CHOICES[field])
        return build("is", st.lists(choices, min_size=1, max_size=2).map(tuple))
    if field in NUMBERS:
        return build("between", ends)
    if field == "taken":
        open_dates = st.tuples(st.none() | prefixes, st.none() | prefixes)
        return build("is", dates) | build("between", open_dates)
    return build("is", values.map(tuple)) | build("contains", values.map(tuple))


#: Mostly of one or two fields, so that alternatives and unknown values meet.
some_fields = st.lists(
    st.sampled_from([*WORDS, *NUMBERS, *CHOICES, *["taken"] * 5]), min_size=1, max_size=2
)
several = some_fields.flatmap(
    lambda fields: st.lists(st.one_of(*map(filters_of, fields)), min_size=1, max_size=3)
)


def folded(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.casefold().replace("'", ""))
    return "".join(c for c in plain if not unicodedata.combining(c))


def holds(photo: Known, asked: Filter) -> bool | None:
    """Whether a photo is what is asked, before negation; None where that is not known."""
    each, by = asked.field, photo.facts or Facts()
    if each == "taken":
        return None if by.taken_at is None else in_time(by.taken_at, asked)
    if each in WORDS:
        return has_words(by, photo, asked)
    if each in NUMBERS:
        value = getattr(by, each, None) if each not in ("width", "height") else getattr(photo, each)
        if each in ("sharpness", "brightness"):
            value = getattr(photo.looks, each, None)
        if value is None or (each in ("width", "height") and value == 0):
            return None
        low, high = asked.values
        return (low is None or value >= low) and (high is None or value <= high)
    if each == "format":
        return photo.format in [str(value).upper() for value in asked.values]
    if each == "colour":
        return None if photo.looks is None else bool({*photo.looks.colours} & {*asked.values})
    if each == "shape":
        return None if photo.width == 0 else any(in_shape(photo, str(v)) for v in asked.values)
    there = {
        "gps": by.latitude is not None,
        "date": by.taken_at is not None,
        "camera": (by.camera or by.make) is not None,
        "caption": bool(by.caption),
        "keywords": bool(by.keywords),
        "writing": bool(photo.writing),
        "rating": by.rating is not None,
    }
    return any(there[str(value)] for value in asked.values)


def in_time(taken: str, asked: Filter) -> bool:
    if asked.op == "is":
        return any(
            taken[4:].startswith(str(v)[1:]) if str(v).startswith("*") else taken.startswith(str(v))
            for v in asked.values
        )
    first, last = asked.values
    return (first is None or taken >= str(first)) and (
        last is None or taken[: len(str(last))] <= str(last)
    )


def has_words(by: Facts, photo: Known, asked: Filter) -> bool | None:
    if asked.field == "keyword":
        found = None if photo.facts is None else list(by.keywords)
    else:
        columns = next(field.columns for field in FIELDS if field.name == asked.field)
        taken = [getattr(by, column.partition(".")[2]) for column in columns]
        found = [value for value in taken if value is not None] or None
    if found is None:
        return None
    if asked.op == "is":
        return bool({folded(v) for v in found} & {folded(str(v)) for v in asked.values})
    words = [word for value in found for word in re.findall(r"\w+", folded(value))]
    return any(
        all(any(w.startswith(part) for w in words) for part in re.findall(r"\w+", folded(str(v))))
        for v in asked.values
    )


def in_shape(photo: Known, shape: str) -> bool:
    wide, high = photo.width, photo.height
    square = abs(wide - high) * 20 <= max(wide, high)
    return {
        "square": square,
        "landscape": wide > high and not square,
        "portrait": high > wide and not square,
        "panorama": wide >= 2 * high,
    }[shape]


@settings(max_examples=200)
@given(st.lists(known, min_size=1, max_size=8), several, st.booleans())
def test_against_plain_python(photos: list[Known], filters: list[Filter], scan: bool) -> None:
    for number, photo in enumerate(photos):
        photo.paths = (f"/photos/{number}.jpg",)
        photo.captions = (f"caption {number}",) if photo.live else ()
    groups: dict[str, list[Filter]] = {}
    for each in filters:
        alone = each.negated or (each.op == "between" and None in each.values)
        groups.setdefault(repr(each) if alone else each.field, []).append(each)
    expected = [
        row
        for row, photo in enumerate(photos)
        if photo.live
        and all(
            any(holds(photo, each) is (not each.negated) for each in group)
            for group in groups.values()
        )
    ]
    limit = pytest.MonkeyPatch()
    with tempfile.TemporaryDirectory() as folder, limit.context() as patch:
        if scan:
            patch.setattr(live, "FEW", -1)
            patch.setattr("retrieval.storage.filters.FEW", -1)
        with catalog_of(Path(folder), photos) as (reader, space):
            assert passing(reader, space, "photos", filters).tolist() == expected
            documents = passing(reader, space, "documents", filters).tolist()
    captioned = [row for row, photo in enumerate(photos) if photo.captions]
    assert documents == [at for at, row in enumerate(captioned) if row in expected]
