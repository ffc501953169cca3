"""Saved queries: what goes in comes out, whatever it holds."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval import Collection, index_folder, repair
from retrieval.errors import UsageError
from retrieval.saving import remove_query, save_query, saved_queries, saved_query
from tests.pictures import picture


def test_kept_listed_and_removed(collection: Collection) -> None:
    assert saved_queries(collection) == {}
    save_query(collection, "winter", "dogs in the snow")
    save_query(collection, "beach", 'the sea "IMG_2041" camera:sony')
    assert list(saved_queries(collection)) == ["beach", "winter"]
    assert saved_query(collection, "winter") == "dogs in the snow"
    remove_query(collection, "winter")
    assert list(saved_queries(collection)) == ["beach"]
    for act in (saved_query, remove_query):
        with pytest.raises(UsageError, match="No query is kept as 'beech'; there are beach"):
            act(collection, "beech")


def test_a_name_is_not_taken_twice(collection: Collection) -> None:
    save_query(collection, "winter", "snow")
    save_query(collection, " winter ", "snow")  # the same again does no harm
    with pytest.raises(UsageError, match="'winter' is kept already, for: snow"):
        save_query(collection, "winter", "ice")
    save_query(collection, "winter", "ice", replace=True)
    assert saved_queries(collection) == {"winter": "ice"}


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", "a\0b", "\x1b[31m", "\u200b"])
def test_names_that_are_none(collection: Collection, name: str) -> None:
    with pytest.raises(UsageError, match="is no name for a query"):
        save_query(collection, name, "snow")


@pytest.mark.parametrize(
    ("query", "why"),
    [("", "is empty"), (" \n", "is empty"), ("x" * 2001, "at most 2,000"), ("a\0", "NUL")],
)
def test_queries_that_are_none(collection: Collection, query: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        save_query(collection, "winter", query)
    assert saved_queries(collection) == {}


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=60))
def test_whatever_is_taken_comes_back(collection: Collection, name: str, query: str) -> None:
    try:
        save_query(collection, name, query, replace=True)
    except UsageError:
        return
    kept = name.encode("utf-8", "replace").decode().strip()
    expected = query.encode("utf-8", "replace").decode().strip()
    assert saved_query(collection, name) == saved_queries(collection)[kept] == expected


def test_they_outlast_a_damaged_catalog(collection: Collection, tmp_path: Path) -> None:
    picture(tmp_path / "photos/red.png", "red")
    index_folder(collection, [tmp_path / "photos"])
    save_query(collection, "winter", "snow, Kyoto, 雪")
    place = collection.path
    collection.close()
    with closing(sqlite3.connect(place / "catalog.db")) as database, database:
        database.execute("UPDATE runs SET outcome = 'flipped'")  # bytes that the seal does not fit
    report = repair(place)
    assert report.left == ()
    assert any("made the catalog anew" in text for text in report.done)
    with Collection.open(place) as again:
        assert saved_queries(again) == {"winter": "snow, Kyoto, 雪"}
