"""Fusion as arithmetic: formulas worked out by hand, and rules that hold for any rankings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.records import FUSIONS
from retrieval.searching.fusing import (
    SHARP_ALONE,
    SHARP_TOLD,
    Fused,
    Ranking,
    by_rank,
    by_score,
    fuse,
    shares,
)


def ranking(source: str, scores: dict[int, float], **more: Any) -> Ranking:
    order = sorted(scores, key=lambda item: (-scores[item], item))
    ids = np.array(order, np.int64)
    return Ranking(source, ids, np.array([scores[i] for i in order], np.float32), **more)


def test_by_rank_is_the_formula() -> None:
    first, second = ranking("photos", {1: 0.9, 2: 0.5}), ranking("words", {2: 7.0, 3: 7.0, 4: 1.0})
    found = {hit.id: hit.score for hit in by_rank([first, second])}
    expected = {1: 1 / 61, 2: 1 / 62 + 1 / 61, 3: 1 / 61, 4: 1 / 63}  # 2 and 3 tie in words
    assert found == pytest.approx(expected)
    assert [hit.id for hit in by_rank([first, second])] == [2, 1, 3, 4]


def test_by_rank_takes_weights_and_only_what_a_source_found() -> None:
    minus = ranking("photos", {1: 0.9, 2: 0.5}, weight=-2.0)
    completed = ranking("words", {1: 1.0, 2: 0.1}, found=1)
    found = {hit.id: hit.score for hit in by_rank([minus, completed])}
    assert found == pytest.approx({1: -2 / 61 + 1 / 61, 2: -2 / 62})


def test_by_score_is_the_formula() -> None:
    photos = ranking("photos", {1: 0.3, 2: 0.2}, mean=0.1, spread=0.1)
    documents = ranking("documents", {2: 0.9}, mean=0.1, spread=0.2, weight=1.5, neutral=3.0)
    hits = by_score([photos, documents])
    assert [hit.id for hit in hits] == [2, 1]
    assert [hit.score for hit in hits] == pytest.approx([1.0 + 1.5 * (4.0 - 3.0), 2.0])
    assert [hit.sources for hit in hits] == [("photos", "documents"), ("photos",)]


def test_documents_of_the_usual_kind_speak_against_a_photo() -> None:
    """Where a photo without documents stands level, one whose documents do not fit loses."""
    photos = ranking("photos", {1: 0.5, 2: 0.5})
    documents = ranking("documents", {1: 0.2}, spread=0.1, neutral=3.0)
    assert [hit.id for hit in by_score([photos, documents])] == [2, 1]


def test_scores_that_are_all_the_same_change_nothing() -> None:
    photos = ranking("photos", {1: 0.5, 2: 0.4})
    flat = ranking("words", {1: 3.0, 2: 3.0}, mean=3.0, spread=0.0)
    assert [hit.id for hit in by_score([photos, flat])] == [1, 2]
    assert len(by_score([flat])) == 2


def test_early_is_the_first_as_it_is() -> None:
    photos = ranking("photos", {1: 0.5, 2: 0.4}, mean=0.3, spread=0.1)
    words = ranking("words", {2: 100.0})
    assert [(hit.id, hit.sources) for hit in fuse([photos, words], "early")] == [
        (1, ("photos",)),
        (2, ("photos",)),
    ]


scores = st.dictionaries(
    st.integers(1, 30), st.floats(-5, 5).map(lambda score: round(score, 3)), max_size=12
)
several = st.lists(scores, min_size=1, max_size=4)


@given(several, st.sampled_from(FUSIONS))
def test_nothing_is_lost_or_doubled(parts: list[dict[int, float]], mode: Any) -> None:
    rankings = [ranking(f"source {n}", part) for n, part in enumerate(parts)]
    hits = fuse(rankings, mode)
    ids = [hit.id for hit in hits]
    expected = set(parts[0]) if mode == "early" else set().union(*parts)
    assert sorted(ids) == sorted(expected)
    order = [(-hit.score, hit.id) for hit in hits]
    assert order == sorted(order)
    for hit in hits:
        assert set(hit.sources) <= {f"source {n}" for n, part in enumerate(parts) if hit.id in part}


@given(several, st.sampled_from(FUSIONS))
def test_an_empty_ranking_changes_nothing(parts: list[dict[int, float]], mode: Any) -> None:
    rankings = [ranking(f"source {n}", part) for n, part in enumerate(parts)]
    assert fuse([*rankings, ranking("words", {})], mode) == fuse(rankings, mode)


@given(scores, st.sampled_from(FUSIONS))
def test_one_ranking_keeps_its_order(part: dict[int, float], mode: Any) -> None:
    alone = ranking("photos", part, mean=0.5, spread=2.0, neutral=1.0)
    assert [hit.id for hit in fuse([alone], mode)] == (
        [hit.id for hit in (by_rank if mode == "late" else by_score)([alone])]
    )
    by_place = [round(part[hit.id], 9) for hit in fuse([alone], mode)]
    assert by_place == sorted(by_place, reverse=True)


numbers = st.lists(st.floats(-40, 40), min_size=1, max_size=20)


@given(numbers, st.sets(st.integers(0, 19)))
def test_shares_are_probabilities_in_the_order_of_scores(
    scores: list[float], told: set[int]
) -> None:
    fused = [Fused(item, score, ("photos",)) for item, score in enumerate(scores)]
    found = shares(fused, told)
    assert sum(found.values()) == pytest.approx(1)
    assert all(0 <= share <= 1 for share in found.values())
    for one in fused:
        for other in fused:
            assert one.score <= other.score or found[one.id] >= found[other.id]


def test_shares_are_a_softmax_less_sharp_where_texts_speak() -> None:
    fused = [Fused(7, 1.0, ()), Fused(8, 0.0, ())]
    assert shares(fused)[7] == pytest.approx(1 / (1 + np.exp(-SHARP_ALONE)))
    assert shares(fused, {7, 8})[7] == pytest.approx(1 / (1 + np.exp(-SHARP_TOLD)))
    assert shares(fused, {7, 8})[7] < shares(fused, {8})[7] < shares(fused)[7]
    assert shares([]) == {}
