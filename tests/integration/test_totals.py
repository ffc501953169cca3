"""Counts by SQL, against counts made by hand and by brute force."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.answerers.citing import MOST_CITED
from retrieval.answering.totals import UNKNOWN, totals, unknown
from retrieval.errors import QueryError
from retrieval.metadata.naming import camera_name
from retrieval.records import Facts, Filter, Query, QuestionPlan, SearchResult
from retrieval.storage.totals import GROUPS
from tests.known import Known, Trip, catalog_of

TRIPS = (
    Trip("Kyoto 2019", "2019-04-03T10:00:00", "2019-04-05T20:00:00"),
    Trip("Lisbon 2019", "2019-08-01T08:00:00", "2019-08-09T08:00:00"),
)

facts = st.builds(
    Facts,
    taken_at=st.sampled_from(
        [
            *(None, "2019-04-03T10:00:00", "2019-04-05T20:00:00.5", "2019-04-03", "2020-01-01"),
            *("2019-08-02T00:00:00", "2021-12-31T23:59:59"),
        ]
    ),
    city=st.sampled_from([None, "", "Kyoto", "Springfield", "O'Hare\"; --", "京都"]),
    country=st.sampled_from([None, "Japan", "United States", "Australia"]),
    make=st.sampled_from([None, "Canon", "SONY"]),
    camera=st.sampled_from([None, "Canon EOS 80D", "ILCE-7M3", "canon eos 80d"]),
    lens=st.sampled_from([None, "EF 50mm f/1.8"]),
)


def counted(reader, group, ids, certain=True):
    plan = QuestionPlan("?", "compare", "", group=group)
    return totals(SimpleNamespace(reader=reader), plan, ids, certain)


def label_of(group: str, each: Facts | None) -> str | None:
    each = each or Facts()
    if group in ("year", "month", "day"):
        return each.taken_at and each.taken_at[: {"year": 4, "month": 7, "day": 10}[group]]
    if group == "trip":
        for trip in TRIPS:
            if each.taken_at and trip.begins <= each.taken_at <= trip.ends + "~":
                return trip.label
        return None
    if group == "camera":
        return camera_name(each.make, each.camera)
    return getattr(each, group) or None


@settings(max_examples=25)
@given(st.lists(st.one_of(st.none(), facts), max_size=30), st.randoms())
def test_as_counted_one_by_one(tmp_path: Path, known: list[Facts | None], random) -> None:
    ids = list(range(1, len(known) + 1))
    random.shuffle(ids)
    ids = ids[: max(1, len(ids) * 3 // 4)]
    with catalog_of(tmp_path / "c", [Known(each) for each in known], TRIPS) as (reader, _):
        for group in GROUPS:
            first, *groups = counted(reader, group, ids)
            assert (first.label, first.count) == ("", len(ids))
            assert sum(each.count for each in groups) == len(ids)
            assert sorted(n for each in groups for n in each.numbers) == list(first.numbers)
            merged: Counter[str] = Counter()
            for each in groups:
                said = each.label.partition(", ")[0] if group == "city" else each.label
                merged[said] += each.count
                for number in each.numbers:
                    truth = label_of(group, known[ids[number - 1] - 1]) or UNKNOWN
                    assert said == truth
            truths = (label_of(group, known[photo - 1]) or UNKNOWN for photo in ids)
            assert merged == Counter(truths)
            sizes = [each.count for each in groups if each.label != UNKNOWN]
            assert sizes == sorted(sizes, reverse=True)
            assert UNKNOWN not in [each.label for each in groups[:-1]]


def test_cities_of_one_name(tmp_path: Path) -> None:
    places = [("Paris", "France"), ("Paris", "United States"), ("Paris", None), ("Rome", "Italy")]
    photos = [Known(Facts(city=city, country=country)) for city, country in places]
    photos.append(Known(Facts(city="Rome")))
    with catalog_of(tmp_path, photos) as (reader, _):
        found = {each.label: each.numbers for each in counted(reader, "city", [1, 2, 3, 4, 5])}
    assert found == {
        "": (1, 2, 3, 4, 5),
        "Rome": (4, 5),
        "Paris": (3,),
        "Paris, France": (1,),
        "Paris, United States": (2,),
    }


def test_only_so_many_are_numbered(tmp_path: Path) -> None:
    known = Known(Facts(taken_at="2019-04-03"))
    with catalog_of(tmp_path, [known] * (MOST_CITED + 5)) as (reader, _):
        found = counted(reader, "year", list(range(1, MOST_CITED + 6)), certain=False)
    assert [(each.label, each.count, len(each.numbers)) for each in found] == [
        ("", MOST_CITED + 5, MOST_CITED),
        ("2019", MOST_CITED + 5, MOST_CITED),
    ]
    assert not any(each.certain for each in found)


def test_nothing_and_no_such_group(tmp_path: Path) -> None:
    with catalog_of(tmp_path, [Known()]) as (reader, _):
        assert [each.count for each in counted(reader, "year", [])] == [0]
        assert [(each.label, each.count) for each in counted(reader, "trip", [1])] == [
            ("", 1),
            (UNKNOWN, 1),
        ]
        with pytest.raises(QueryError, match="no group 'mood'"):
            counted(reader, "mood", [1])


# --- what is not known --------------------------------------------------------------------------

DATED = Facts(taken_at="2021-05-01T10:00:00")
KYOTO = Facts(taken_at="2021-05-02T10:00:00", city="Kyoto", country="Japan")
OSLO = Facts(city="Oslo", country="Norway")
PHOTOS = [Known(DATED), Known(KYOTO), Known(OSLO), Known(None)]


def lacked(folder: Path, *filters: Filter, relevant: int = 0, among=(), photos=PHOTOS):
    result = SearchResult(Query(filters=filters), "photos", (), 4, 0.0, "toy", relevant=relevant)
    with catalog_of(folder, photos) as (reader, space):
        collection = SimpleNamespace(reader=reader, store=lambda kind: (space, None))
        found = unknown(collection, QuestionPlan("?", "count", "", among=among), result)
    return {each.label: each.count for each in found}


def at(*values, field="taken", negated=False):
    return Filter(field, "is", values, negated)


def test_photos_without_a_date_or_a_place_may_match(tmp_path: Path) -> None:
    kyoto = at("Kyoto", field="place")
    for number, (asked, found) in enumerate(
        [
            ([at("2019")], {"taken": 2}),
            ([at("Rome", field="place")], {"place": 2}),
            ([at("Rome", field="place"), at("Italy", field="country")], {"place": 2}),
            ([kyoto, at("2019")], {"place": 2, "taken": 2}),  # the last photo lacks both
            ([kyoto, at("2021-05-01")], {"place": 2, "taken": 2}),
            ([at("Nikon", field="camera")], {"camera": 4}),
            ([at("Kyoto 2019", field="trip")], {"taken": 2}),
            ([at("x", field="file")], {}),
            ([], {}),
        ]
    ):
        assert lacked(tmp_path / str(number), *asked) == found, asked


def test_what_may_not_match_is_not_counted(tmp_path: Path) -> None:
    photos = [Known(DATED), Known(KYOTO), Known(OSLO)]
    rome, may_2019 = at("Rome", field="place"), at("2019-05")
    # Who lacks a place is of 2021, and who lacks a date is in Oslo.
    assert lacked(tmp_path / "1", rome, may_2019, photos=photos) == {}
    assert lacked(tmp_path / "2", rome, at("2021"), photos=photos) == {"place": 1}
    assert lacked(tmp_path / "3", at("Oslo", field="place"), may_2019, photos=photos) == {
        "taken": 1
    }


def test_what_is_unknown_is_told_where_nothing_matches_or_something_is_not_so(
    tmp_path: Path,
) -> None:
    assert lacked(tmp_path / "1", at("2021"), relevant=2) == {}
    assert lacked(tmp_path / "2", at("2019", negated=True), relevant=2) == {"taken": 2}
    assert lacked(tmp_path / "3", at("2019"), among=(2, 3)) == {"taken": 1}
    assert lacked(tmp_path / "4", at("2019"), among=(1, 2)) == {}
