"""Searching by words and by pictures, scores and ranks."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrieval import Collection, index_folder, make_query, search
from retrieval.errors import QueryError
from retrieval.searching import MAX_K
from retrieval.stores import STORES
from tests.pictures import picture
from tests.toy import ToyEncoder

COLOURS = ("red", "green", "blue", "yellow", "white")


@pytest.fixture
def full(collection: Collection, tmp_path: Path) -> Collection:
    for colour in COLOURS:
        picture(tmp_path / f"photos/{colour}.png", colour, (30, 20))
    (tmp_path / "photos/notes.txt").write_text("red\ngreen\nblue\n")
    index_folder(collection, [tmp_path / "photos"])
    return collection


def names(result: object) -> list[str]:
    return [Path(hit.path).stem for hit in result.hits]  # type: ignore[attr-defined]


@pytest.mark.parametrize("recipe", sorted(STORES))
def test_by_words_in_every_store(
    full: Collection, recipe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if recipe != "exact-numpy":
        pytest.importorskip("faiss", reason="exact-faiss needs faiss")
    for name in ("choose_recipe", "exact_recipe"):
        monkeypatch.setattr(f"retrieval.loading.{name}", lambda *_, **__: recipe)
    for colour in ("red", "green", "blue"):
        assert names(search(full, colour, k=1)) == [colour]
    assert names(search(full, "red green", k=1)) == ["yellow"]


def test_what_a_result_says(full: Collection) -> None:
    result = search(full, "red", k=2)
    first, second = result.hits
    assert (first.rank, second.rank) == (1, 2)
    assert (first.kind, first.width, first.height) == ("photo", 30, 20)
    assert -1 <= second.score <= first.score <= 1
    red = ToyEncoder().encode_texts(["red"])[0] @ [0.9036, -0.3028, -0.3028]  # worked out by hand
    assert first.score == pytest.approx(red, abs=1e-3)
    assert (result.considered, result.encoder, result.kind) == (5, "toy", "photos")
    assert str(result.query) == "red"
    assert result.elapsed_ms > 0


def test_by_a_picture_and_words(full: Collection, tmp_path: Path) -> None:
    red = tmp_path / "photos/red.png"
    assert names(search(full, make_query(images=[red]), k=1)) == ["red"]
    assert names(search(full, make_query("green", images=[red]), k=1, fusion="early")) == ["yellow"]
    less_red = make_query(["red green"], minus=["2:red"])
    hits = search(full, less_red, fusion="early").hits
    assert Path(max(hits, key=lambda hit: hit.score or 0).path).stem == "green"


def test_documents_by_a_picture(full: Collection, tmp_path: Path) -> None:
    query = make_query(images=[tmp_path / "photos/blue.png"])
    result = search(full, query, kind="documents", k=1)
    assert [hit.text for hit in result.hits] == ["blue"]
    assert result.considered == 3


@pytest.mark.parametrize("k", [0, -1, MAX_K + 1, 10**9])
def test_an_impossible_k(full: Collection, k: int) -> None:
    with pytest.raises(QueryError, match="k must lie between 1 and 100,000"):
        search(full, "red", k=k)


def test_a_k_beyond_the_collection(full: Collection) -> None:
    assert len(search(full, "red", k=MAX_K).hits) == len(COLOURS)


def test_scores_never_exceed_one(collection: Collection, tmp_path: Path) -> None:
    for n in range(60):  # float16 rows: some have a length above 1
        picture(tmp_path / f"photos/{n}.png", (n * 4, 255 - n, 70 + n))
    index_folder(collection, [tmp_path / "photos"])
    for path in sorted((tmp_path / "photos").iterdir())[:20]:
        assert all(hit.score <= 1 for hit in search(collection, make_query(images=[path])).hits)


def test_equal_photos_come_in_the_order_they_were_added(
    collection: Collection, tmp_path: Path
) -> None:
    for n in range(20):  # different files, the same embedding
        picture(tmp_path / f"photos/{n:02}.png", "red", (10 + n, 10))
    index_folder(collection, [tmp_path / "photos"])
    assert names(search(collection, "red", k=5, fold=False)) == ["00", "01", "02", "03", "04"]


@pytest.mark.parametrize(
    ("kind", "describe"), [("photos", "photos_by_id"), ("documents", "documents_by_id")]
)
def test_items_that_leave_while_a_search_runs(
    full: Collection, kind: Any, describe: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = getattr(full.reader, describe)
    places = "paths" if kind == "photos" else "sources"

    def without_the_first(ids: list[int]) -> Any:
        found = real(ids)
        return found | {ids[0]: replace(found[ids[0]], **{places: ()})}

    monkeypatch.setattr(full.reader, describe, without_the_first)
    result = search(full, "red", kind=kind, k=3)
    assert [hit.rank for hit in result.hits] == [1, 2]


def test_a_list_is_taken_like_a_query_of_several_parts(full: Collection) -> None:
    assert names(search(full, ["red", "green"], k=1, fusion="early")) == ["yellow"]


def test_wrong_arguments(full: Collection) -> None:
    bad: Any
    for bad in ("bogus", "photo", "", None, 3):
        with pytest.raises(QueryError, match="kind must be one of photos, documents, not"):
            search(full, "red", kind=bad)
    for bad in ("3", 2.0, None, True):
        with pytest.raises(QueryError, match="k must be a whole number between 1 and 100,000"):
            search(full, "red", k=bad)
    for bad in (b"red", None, 7, [b"red"]):
        with pytest.raises(QueryError, match="A query is made of texts"):
            search(full, bad)


def test_numpys_whole_numbers_are_whole_numbers(full: Collection) -> None:
    assert len(search(full, "red", k=np.int64(2)).hits) == 2  # type: ignore[arg-type]


def test_a_file_that_exists_is_shown_first(collection: Collection, tmp_path: Path) -> None:
    paths = [picture(tmp_path / f"photos/{name}.png") for name in "abc"]
    index_folder(collection, [tmp_path / "photos"])
    for gone, first in ((0, 1), (1, 2), (2, 0)):
        paths[gone].unlink()
        (hit,) = search(collection, "red").hits
        assert hit.path == str(paths[first])
        assert {hit.path, *hit.also} == {str(path) for path in paths}


class TestAmong:
    def test_whole_numbers_of_any_sort(self, full: Collection) -> None:
        ids = [hit.id for hit in search(full, "red", k=2).hits]
        plain = search(full, "red", among=ids).hits
        assert [hit.id for hit in plain] == ids
        assert search(full, "red", among=np.array(ids)).hits == plain
        assert search(full, "red", among=[*ids, 2**70, -5, 10**9]).hits == plain

    @pytest.mark.parametrize("ids", [["1"], [1.0], [None]])
    def test_anything_else_is_refused(self, full: Collection, ids: list[Any]) -> None:
        with pytest.raises(QueryError, match="whole numbers"):
            search(full, "red", among=ids)
