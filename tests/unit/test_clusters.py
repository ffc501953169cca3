"""Clusters of vectors, and words for pictures, on vectors made by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.grouping import clusters
from retrieval.grouping.clusters import cluster, clusters_for
from retrieval.grouping.tags import Word, best_words, usual_scores, vocabulary, zero_shot


def heaps(count: int, each: int, dim: int = 16) -> np.ndarray:
    """`count` heaps of `each` unit vectors close to each other, one after the other."""
    random = np.random.default_rng(0)
    centres = np.eye(dim, dtype=np.float32)[:count]
    rows = np.repeat(centres, each, axis=0)
    rows = rows + 0.05 * random.standard_normal(rows.shape).astype(np.float32)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float16)


def test_heaps_are_found() -> None:
    found = cluster(heaps(6, 40), 6)
    by_heap = found.labels.reshape(6, 40)
    assert (by_heap == by_heap[:, :1]).all()
    assert len(set(by_heap[:, 0].tolist())) == 6
    assert np.allclose(np.linalg.norm(found.centres, axis=1), 1, atol=1e-5)


def test_learned_from_some_and_told_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clusters, "LEARNED_FROM", 60)
    monkeypatch.setattr(clusters, "BLOCK", 7)
    by_heap = cluster(heaps(3, 100), 3).labels.reshape(3, 100)
    assert (by_heap == by_heap[:, :1]).all()


@given(st.integers(1, 40), st.integers(1, 12), st.integers(0, 5))
def test_the_same_every_time_and_none_empty(count: int, k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = random.integers(-1, 2, (count, 3)) + np.array([0.0, 0.0, 0.1])
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    found, again = cluster(vectors, k), cluster(vectors, k)
    assert np.array_equal(found.labels, again.labels)
    assert len(found.labels) == count
    assert 1 <= len(found.centres) <= min(k, count)
    assert set(found.labels.tolist()) == set(range(len(found.centres)))


def test_copies_make_one_cluster() -> None:
    assert len(cluster(np.tile(heaps(1, 1), (9, 1)), 4).centres) == 1


def test_how_many() -> None:
    assert [clusters_for(n) for n in (1, 2, 50, 500, 3_370, 10**6)] == [1, 2, 5, 16, 41, 64]


# --- words ------------------------------------------------------------------------------------


def test_a_word_that_is_near_to_everything_does_not_win() -> None:
    pictures = np.array([[0.8, 0.6, 0], [0.8, 0, 0.6]], np.float32)
    hub, left = [1.0, 0.0, 0.0], [0.6, 0.8, 0.0]
    words = np.array([hub, [0.2, 0.98, 0.0], left], np.float32)
    plain = zero_shot(pictures[:1], words[:2])
    assert plain.argmax() == 0
    assert zero_shot(pictures[:1], words[:2], pictures).argmax() == 1
    assert np.allclose(usual_scores(pictures, words[:1]), [0.8])


def test_scores_of_words() -> None:
    words = (Word("dog", "狗"), Word("cat", "猫"), Word("car", "汽车"))
    best = best_words(np.array([0.1, 0.3, 0.25], np.float32), words, 5)
    assert [word.word for word in best] == ["cat", "car", "dog"]
    assert best[0].margin == pytest.approx(0.05)
    assert best[-1].margin == 0
    assert sum(word.share for word in best) == pytest.approx(1)
    assert best[0].chinese == "猫"


def test_the_vocabulary() -> None:
    words = vocabulary()
    assert len(words) > 400
    assert len({word.english for word in words}) == len(words)
    assert all(word.english.strip() and word.chinese.strip() for word in words)
