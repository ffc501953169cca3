"""Whether the things that a question combines stand together in one photo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.answering.looking import Sight
from retrieval.answering.together import apart, having_all, things_in
from retrieval.records import Hit, Part, Query, SearchOptions, SearchResult

HIT = Hit(1, "photo", 1, 0.3, "/a.jpg", relevance=0.9, relevant=True, found_by=("documents",))
BEAR, GLASSES = "polar bear", "sunglasses"
ASKED = Query((Part("text", "a polar bear wearing sunglasses"),))


@pytest.mark.parametrize(
    ("text", "things"),
    [
        ("a polar bear wearing sunglasses", ["a polar bear", "sunglasses"]),
        ("a Formula 1 car in a cathedral", ["a Formula 1 car", "a cathedral"]),
        ("both a dog and a cat", ["a dog", "a cat"]),
        ("a dog running", ["a dog"]),
        ("the building at night", ["the building", "night"]),
        ("a dog without a collar", []),
        ("a dog or a cat", []),
        ("一只狗", ["一只狗"]),
        ("", []),
    ],
)
def test_a_text_is_parted_into_the_things_that_it_combines(text: str, things: list[str]) -> None:
    assert [each.said for each in things_in(text)] == things


@given(st.text())
def test_things_are_said_as_they_were_typed(text: str) -> None:
    assert all(each.said in text and each.name for each in things_in(text))


def searcher(shown: Mapping[str, Mapping[int, float]], cut: float = 0.1):  # type: ignore[no-untyped-def]
    """Searches for things of which each photo has a known relevance."""

    def search(
        query: Query, options: SearchOptions, among: Sequence[int] | None = None
    ) -> SearchResult:
        known = shown[query.parts[0].value]
        of = {i: p for i, p in known.items() if among is None or i in among}
        order = sorted(of, key=lambda item: -of[item])
        hits = tuple(
            replace(HIT, id=item, relevance=of[item], relevant=of[item] > cut) for item in order
        )
        relevant = sum(hit.relevant for hit in hits)
        return SearchResult(query, "photos", hits[: options.k], 9, 0.0, "toy", relevant=relevant)

    return search


def untold(hits: Sequence[Hit]) -> dict[int, tuple[str, ...]]:
    return {}


SIGHT = Sight(SearchResult(ASKED, "photos", (HIT,), 9, 0.0, "toy", relevant=1), (HIT,), (1,))


def test_both_are_there_but_not_in_one_photo() -> None:
    shown = {BEAR: {1: 0.9, 2: 0.5, 3: 0.0}, GLASSES: {1: 0.0, 2: 0.0, 3: 0.8}}
    found = apart(SIGHT, searcher(shown), untold)
    assert found is not None
    assert [each.said for each in found.things] == ["a polar bear", "sunglasses"]
    assert [[hit.id for hit in each] for each in found.hits] == [[1, 2], [3]]


@pytest.mark.parametrize(
    "shown",
    [
        {BEAR: {1: 0.9}, GLASSES: {1: 0.05, 3: 0.8}},  # the best photo may have both
        {BEAR: {1: 0.9}, GLASSES: {1: 0.0, 3: 0.1}},  # whether there are any nobody can tell
        {BEAR: {1: 0.1}, GLASSES: {1: 0.0, 3: 0.8}},
    ],
)
def test_they_are_apart_only_if_that_is_plain(shown: Mapping[str, Mapping[int, float]]) -> None:
    assert apart(SIGHT, searcher(shown), untold) is None


def test_what_captions_say_of_a_photo_it_has() -> None:
    shown = {BEAR: {1: 0.9, 2: 0.5}, GLASSES: {1: 0.0, 3: 0.8}}
    assert apart(SIGHT, searcher(shown), lambda hits: {1: ("A bear with sunglasses.",)}) is None


def test_counted_is_what_has_all() -> None:
    shown = {BEAR: {1: 0.9, 2: 0.5, 3: 0.0}, GLASSES: {1: 0.0, 2: 0.4, 3: 0.8}}
    assert having_all(ASKED, [3, 2, 1], searcher(shown)) == (2,)


def test_counted_is_what_surely_shows_the_whole() -> None:
    shown = {BEAR: {1: 0.9, 2: 0.5}, GLASSES: {1: 0.0, 2: 0.4}}
    assert having_all(ASKED, [1, 2], searcher(shown), [HIT]) == (1, 2)


def test_a_thing_that_is_not_found_alone_does_not_count_against_any() -> None:
    shown = {BEAR: {1: 0.9, 2: 0.0}, GLASSES: {1: 0.0, 2: 0.01}}
    assert having_all(ASKED, [1, 2], searcher(shown)) == (1,)


@given(st.lists(st.integers(1, 9), unique=True), st.data())
def test_what_has_all_is_some_of_it_in_its_order(ids: list[int], data: st.DataObject) -> None:
    chances = st.fixed_dictionaries(dict.fromkeys(range(1, 10), st.floats(0, 1)))
    search = searcher({BEAR: data.draw(chances), GLASSES: data.draw(chances)})
    kept = having_all(ASKED, ids, search)
    assert [item for item in ids if item in kept] == list(kept)


@pytest.mark.parametrize(
    "query",
    [
        Query((Part("text", "a polar bear"),)),
        Query((Part("text", "a bear in snow"), Part("text", "people", -1.0))),
        Query((Part("image", "a in b.jpg"),)),
        Query(),
    ],
)
def test_what_combines_nothing_is_not_searched_again(query: Query) -> None:
    def never(*asked: object) -> SearchResult:
        raise AssertionError

    sight = replace(SIGHT, result=replace(SIGHT.result, query=query))
    assert apart(sight, never, untold) is None
    assert having_all(query, [1, 2], never) == (1, 2)
