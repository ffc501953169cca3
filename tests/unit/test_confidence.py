"""How sure an answer may be: probabilities of hits, from what a search tells."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.answering.confidence import GROUNDED, probabilities
from retrieval.records import Hit, Query, SearchResult

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
