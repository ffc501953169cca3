"""How sure an answer may be: probabilities of hits, from what a search tells."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.answering.confidence import (
    GROUNDED,
    at_most,
    presence,
    probabilities,
    seen,
)
from retrieval.answering.elsewhere import with_elsewhere
from retrieval.answering.looking import Sight, is_exact
from retrieval.records import (
    Chip,
    Evidence,
    Facts,
    Filter,
    Hit,
    Part,
    Query,
    SearchOptions,
    SearchResult,
)

HIT = Hit(rank=1, kind="photo", id=1, score=0.3, path="/a.jpg", relevance=1.0, share=0.5)


def result(hits: list[Hit], present: float | None = 0.8) -> SearchResult:
    return SearchResult(Query(), "photos", tuple(hits), 100, 0.0, "toy", present=present)


def test_a_photo_is_meant_if_there_is_one_and_it_is_that() -> None:
    assert probabilities(result([HIT, replace(HIT, share=0.25)])) == pytest.approx([0.4, 0.2])


def test_no_photo_is_likelier_meant_than_like_it() -> None:
    assert probabilities(result([replace(HIT, relevance=0.1)])) == [0.1]


def test_nothing_is_told_where_nothing_was_judged() -> None:
    assert probabilities(result([HIT], present=None)) == []
    assert probabilities(result([])) == []


shares = st.lists(st.floats(0, 1), min_size=1, max_size=10).map(
    lambda values: [value / max(sum(values), 1) for value in values]
)
unit = st.floats(0, 1)


@given(shares, unit, st.lists(unit, min_size=10, max_size=10))
def test_probabilities_are_some(
    shares: list[float], present: float, relevance: list[float]
) -> None:
    hits = [
        replace(HIT, share=share, relevance=relevant)
        for share, relevant in zip(shares, relevance, strict=False)
    ]
    found = probabilities(result(hits, present))
    assert len(found) == len(hits)
    assert all(0 <= p <= 1 for p in found)
    assert sum(found) <= 1 + 1e-9


def test_an_answer_is_called_grounded_only_if_it_is_likely() -> None:
    assert 0.5 < GROUNDED < 1


# --- whether there is any -------------------------------------------------------------------

ELEPHANT = Evidence(
    *(1, 1, "a.jpg"), captions=("A grey elephant in the grass.",), relevance=0.97, relevant=True
)


def test_what_captions_say_of_a_photo_counts() -> None:
    there, not_there = presence("an elephant", ELEPHANT), presence("a pink elephant", ELEPHANT)
    assert there is not None
    assert not_there is not None
    assert there > GROUNDED > not_there
    assert not_there < presence("an elephant", replace(ELEPHANT, captions=()))  # type: ignore[operator]


def test_other_words_for_a_thing_are_heard() -> None:
    man = replace(ELEPHANT, captions=("A guy is sitting on a couch.",))
    assert presence("a man sits on a sofa", man) == presence("a guy sitting on a couch", man)


@pytest.mark.parametrize("text", ["", "大象", "the photo"])
def test_without_words_to_compare_only_the_picture_counts(text: str) -> None:
    assert presence(text, ELEPHANT) == presence("an elephant", replace(ELEPHANT, captions=()))


def test_who_asks_whether_there_is_any_is_doubted_where_texts_lack_a_word() -> None:
    for text, less in (("an elephant", False), ("a pink elephant", True)):
        doubted = presence(text, ELEPHANT, doubted=True)
        assert doubted is not None
        assert (doubted < presence(text, ELEPHANT)) is less  # type: ignore[operator]


def test_the_more_a_lacking_word_tells_the_less_is_told() -> None:
    usual, telling = (seen(f"{each} elephant", ELEPHANT) for each in ("a standing", "a clockwork"))
    assert usual.told > telling.told
    assert usual.missing < telling.missing


def test_a_long_text_means_one_photo_and_a_short_one_any() -> None:
    long, short = "a grey elephant walking through tall grass", "an elephant"
    assert presence(long, ELEPHANT, 0.1) < presence(long, ELEPHANT, 0.9)  # type: ignore[operator]
    assert presence(short, ELEPHANT, 0.1) == presence(short, ELEPHANT, 0.9)


def test_keywords_are_texts_too() -> None:
    tagged = replace(ELEPHANT, captions=(), facts=Facts(keywords=("elephant",)))
    assert presence("an elephant", tagged) == presence("an elephant", ELEPHANT)


@given(unit, unit, st.text())
def test_presence_grows_with_relevance(one: float, other: float, text: str) -> None:
    low, high = sorted((one, other))
    less, more = (presence(text, replace(ELEPHANT, relevance=each)) for each in (low, high))
    assert less is not None
    assert more is not None
    assert 0 <= less <= more <= 1


def test_no_photo_is_likelier_than_that_there_is_one() -> None:
    (limited,) = at_most([replace(ELEPHANT, probability=0.9)], 0.4)
    assert limited.probability == 0.4
    assert at_most([ELEPHANT], 0.4) == (ELEPHANT,)
    assert presence("an elephant", replace(ELEPHANT, relevance=None)) is None


# --- elsewhere ------------------------------------------------------------------------------

CUSCO, YEAR = Filter("place", "is", ("Cusco",)), Filter("taken", "between", ("2021", "2021"))
ASKED = Query(
    (Part("text", "two horses"),),
    (CUSCO, YEAR),
    (
        Chip("place", "place: Cusco", "in Cusco", "", CUSCO),
        Chip("taken", "taken: 2021", "in 2021", "", YEAR),
    ),
)
HERE = replace(HIT, id=1, share=0.9, relevant=True)
THERE = replace(HIT, id=2, share=0.8, relevant=True)


def sight_of(query: Query, hits: tuple[Hit, ...]) -> Sight:
    return Sight(replace(result(list(hits)), query=query), hits, tuple(h.id for h in hits))


def searcher(hits: list[Hit], passes: Filter | None = None):  # type: ignore[no-untyped-def]
    """Finds these photos by meaning; the best of them passes one filter alone."""

    def search(query: Query, options: SearchOptions, among: object = None) -> SearchResult:
        if query.parts:
            assert query.filters == ()
            return replace(result(hits, present=0.9), query=query)
        assert among == (2,)
        return replace(result([]), query=query, matched=int(passes in query.filters))

    return search


def test_a_better_photo_elsewhere_is_found() -> None:
    better = [THERE, replace(HERE, share=0.1)]
    found = with_elsewhere(sight_of(ASKED, (HERE,)), searcher(better, YEAR))
    assert found.elsewhere is not None
    assert (found.elsewhere.field, found.elsewhere.asked) == ("place", ("in Cusco",))
    assert [(hit.id, hit.relevant) for hit in found.hits] == [(1, True), (2, False)]
    assert found.ids == (1,)  # it is no match
    when = with_elsewhere(sight_of(ASKED, (HERE,)), searcher(better, CUSCO))
    assert when.elsewhere is not None
    assert (when.elsewhere.field, when.elsewhere.asked) == ("taken", ("in 2021",))


@pytest.mark.parametrize(
    "everywhere",
    [
        [replace(HERE, share=0.8), replace(THERE, share=0.1)],  # the best one is here
        [replace(THERE, share=0.6), replace(HERE, share=0.3)],  # it is not much better
        [replace(THERE, relevant=False), replace(HERE, share=0.0)],
        [replace(THERE, relevance=0.3), replace(HERE, share=0.0)],  # it is hardly the one
        [],
    ],
)
def test_no_better_photo_elsewhere(everywhere: list[Hit]) -> None:
    sight = sight_of(ASKED, (HERE,))
    assert with_elsewhere(sight, searcher(everywhere)) is sight


def test_where_no_place_or_time_is_said_nothing_is_elsewhere() -> None:
    def none(*_: object) -> SearchResult:
        raise AssertionError("nothing is searched")

    for query in (Query(ASKED.parts), Query((), ASKED.filters, ASKED.chips)):
        sight = sight_of(query, (HERE,))
        assert with_elsewhere(sight, none) is sight


def test_no_colour_only_hints_at_black_and_white() -> None:
    assert is_exact(Query(filters=(CUSCO,)))
    assert is_exact(Query(filters=(Filter("colour", "is", ("red",)),)))
    assert not is_exact(Query(filters=(CUSCO, Filter("colour", "is", ("black and white",)))))
    assert not is_exact(ASKED)
