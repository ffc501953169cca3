"""How parts come together: pure arithmetic on small vectors, and what it gives on captions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import QueryError
from retrieval.queries import make_query
from retrieval.records import Part, Query
from retrieval.searching import composing
from retrieval.searching.composing import (
    Composition,
    Piece,
    compose,
    embed_parts,
    neutral_share,
    neutral_text,
)
from retrieval.searching.feedback import MOST_MARKED, SHRINK, liked_direction, with_feedback
from tests.toy import ToyEncoder

DIM = 12


def unit(*values: float) -> np.ndarray:
    vector = np.zeros(DIM, np.float32)
    vector[: len(values)] = values
    return vector / np.linalg.norm(vector)


def around(centre: Sequence[float], count: int, seed: int, width: float = 0.3) -> np.ndarray:
    rows = unit(*centre) + np.random.default_rng(seed).normal(0, width, (count, DIM))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


#: "Photos" that share their first number and vary in the others; "texts" share the fourth.
PHOTOS = around([2], 300, 0)


class TestCompose:
    def test_one_part_is_its_embedding(self) -> None:
        piece = Piece("text", unit(1, 2, 3), 7.0)
        made = compose([piece], PHOTOS, unit(1))
        np.testing.assert_allclose(made.vector, piece.vector, atol=1e-6)
        assert not made.reorders
        np.testing.assert_allclose(made.scores(PHOTOS), PHOTOS @ piece.vector, atol=1e-6)

    def test_a_text_has_as_much_say_as_a_picture(self) -> None:
        text = Piece("text", unit(0, 0.1, 0, 5), 1.0)  # its cosines hardly vary
        picture = Piece("picture", PHOTOS[0], 1.0)
        narrow = PHOTOS * np.where(np.arange(DIM) == 3, 0.2, 1).astype(np.float32)
        made = compose([text, picture], narrow)
        parts = [
            np.corrcoef(narrow @ made.vector, narrow @ p.vector)[0, 1] for p in (text, picture)
        ]
        summed = narrow @ (text.vector + picture.vector)
        before = [np.corrcoef(summed, narrow @ p.vector)[0, 1] for p in (text, picture)]
        assert abs(parts[0] - parts[1]) < 0.15 < abs(before[0] - before[1])

    def test_without_photos_it_is_the_sum_of_unit_vectors(self) -> None:
        made = compose([Piece("picture", unit(1), 1.0), Piece("picture", unit(0, 1), 1.0)])
        np.testing.assert_allclose(made.vector, unit(1, 1), atol=1e-6)

    def test_early_fusion_orders_as_the_sum_of_standard_scores(self) -> None:
        pieces = [Piece("picture", PHOTOS[at], weight) for at, weight in ((3, 1.0), (7, 2.5))]
        made = compose(pieces, PHOTOS)
        scores = [(PHOTOS @ p.vector, p.weight) for p in pieces]
        # Variances are drawn together a little, as by so many more photos.
        var = np.array([s.var() for s, _ in scores])
        drawn = (len(PHOTOS) * var + composing.PRIOR * var.mean()) / (len(PHOTOS) + composing.PRIOR)
        expected = sum(w * s / np.sqrt(v) for (s, w), v in zip(scores, drawn, strict=True))
        assert np.corrcoef(PHOTOS @ made.vector, expected)[0, 1] > 0.99999

    def test_late_fusion_wants_all(self) -> None:
        made = compose([Piece("picture", unit(1), 1.0), Piece("picture", unit(0, 1), 1.0)], PHOTOS)
        both, one = unit(1, 1), unit(1.0, 0.0)
        scores = made.scores(np.stack([both, one]))
        assert scores[0] > scores[1]
        assert made.reorders

    def test_what_is_subtracted_comes_last(self) -> None:
        made = compose([Piece("picture", unit(1, 1), 1.0), Piece("text", unit(0, 1), -1.0)], PHOTOS)
        with_it, without = unit(1, 1), unit(1, 0)
        assert made.vector @ without > made.vector @ with_it
        scores = made.scores(np.stack([with_it, without]))
        assert scores[1] > scores[0]

    def test_parts_that_cancel(self) -> None:
        same = unit(1, 2)
        for other in (-1.0, -1 / composing.MINUS):
            with pytest.raises(QueryError, match="cancel each other out"):
                compose([Piece("text", same, 1.0), Piece("text", same, other)], PHOTOS)

    def test_only_negative(self) -> None:
        with pytest.raises(QueryError, match="only subtracts"):
            compose([Piece("text", unit(1), -1.0)])

    @given(
        st.lists(st.tuples(st.integers(0, 299), st.floats(0.1, 10)), min_size=2, max_size=5),
        st.floats(0.01, 100),
    )
    def test_scaling_all_weights_changes_nothing(
        self, parts: list[tuple[int, float]], factor: float
    ) -> None:
        one, other = (
            compose([Piece("picture", PHOTOS[at], w * f) for at, w in parts], PHOTOS)
            for f in (1, factor)
        )
        np.testing.assert_allclose(one.vector, other.vector, atol=1e-4)
        np.testing.assert_allclose(one.scores(PHOTOS), other.scores(PHOTOS), atol=1e-2)

    @pytest.mark.parametrize("count", [0, 1, 2, 5, 300])
    def test_any_number_of_photos(self, count: int) -> None:
        pieces = [
            Piece("text", unit(1, 1), 1.0),
            Piece("picture", PHOTOS[0], 2.0),
            Piece("text", unit(0, 0, 1), -0.5),
            Piece("like", PHOTOS[1], 1.0),
            Piece("like", PHOTOS[2], -1.0),
        ]
        for photos in (PHOTOS[:count], np.repeat(PHOTOS[:1], count, axis=0)):
            made = compose(pieces, photos, unit(1))
            assert np.linalg.norm(made.vector) == pytest.approx(1, abs=1e-5)
            assert np.isfinite(made.scores(PHOTOS)).all()

    def test_ties_by_row(self) -> None:
        made = compose([Piece("picture", unit(1), 1.0), Piece("picture", unit(0, 1), 1.0)], PHOTOS)
        same = np.repeat(unit(1, 1)[None], 3, axis=0)
        assert made.best_first(np.array([7, 3, 5]), same).tolist() == [1, 2, 0]

    def test_long_texts_lose_less(self) -> None:
        shares = [neutral_share(words) for words in (0, 1, 3, 6, 12, 60)]
        assert shares == sorted(shares, reverse=True)
        assert shares[1] == shares[3] == composing.MOST_SHARE
        assert shares[-1] < 0.1


class TestParts:
    def test_only_what_is_needed_is_loaded(self) -> None:
        def never() -> Any:
            raise AssertionError("the encoder was loaded")

        query = Query((Part("photo", "3"), Part("like", "5", -1.0)))
        pieces = embed_parts(query, never, lambda ids: PHOTOS[list(ids)])
        assert [piece.kind for piece in pieces] == ["picture", "like"]
        np.testing.assert_array_equal(pieces[1].vector, PHOTOS[5])

    def test_texts_are_embedded_at_once(self) -> None:
        encoder = ToyEncoder()
        query = make_query(["red", "2:green dog"], minus="blue")
        pieces = embed_parts(query, lambda: encoder, lambda ids: PHOTOS[list(ids)])
        assert [(p.weight, p.words) for p in pieces] == [(1, 1), (2, 2), (-1, 1)]
        assert encoder.texts_seen == 3

    def test_the_neutral_text_is_embedded_once(self) -> None:
        encoder = ToyEncoder("neutral-once")
        first = neutral_text(encoder)
        assert neutral_text(encoder) is first
        assert encoder.texts_seen == len(composing.NEUTRAL)


class TestFeedback:
    def test_marks_are_parts(self) -> None:
        query = with_feedback(make_query("red"), [4, "7", 4], [9])
        assert query.parts[1:] == (
            Part("like", "4", 1.0),
            Part("like", "7", 1.0),
            Part("like", "9", -1.0),
        )
        assert str(query) == "red + like:4 + like:7 − like:9"

    def test_likes_alone(self) -> None:
        assert with_feedback(Query(), [1]).parts == (Part("like", "1", 1.0),)
        assert with_feedback(make_query("red")) == make_query("red")

    @pytest.mark.parametrize("count", [2, 5, 300])
    def test_liked_photos_are_whitened(self, count: int) -> None:
        sample, liked = PHOTOS[:count], PHOTOS[1:4]
        found = liked_direction(liked, sample)
        spread = (sample - sample.mean(axis=0)).astype(np.float64)
        covariance = spread.T @ spread / count
        ridge = SHRINK * np.trace(covariance) / DIM
        mean = liked.mean(axis=0) - sample.mean(axis=0)
        expected = np.linalg.solve(np.eye(DIM) + covariance / ridge, mean)
        np.testing.assert_allclose(found, expected, atol=2e-3 * np.linalg.norm(expected))

    @pytest.mark.parametrize(
        ("likes", "unlikes", "sentence"),
        [
            ([1], ["1"], "marked as right and as wrong"),
            (["x"], [], "not by 'x'"),
            ([-1], [], "not by '-1'"),
            ([1.5], [], "not by '1.5'"),
            ([True], [], "not by 'True'"),
            ([1 << 63], [], "not by"),
            (["9" * 5000], [], "not by"),
            ([None], [], "not by 'None'"),
            (["1; DROP TABLE photos"], [], "not by"),
            (range(MOST_MARKED + 1), [], "at most 1,000"),
        ],
    )
    def test_refusals(self, likes: Any, unlikes: Any, sentence: str) -> None:
        with pytest.raises(QueryError, match=sentence):
            with_feedback(make_query("red"), likes, unlikes)

    def test_only_wrong_ones(self) -> None:
        with pytest.raises(QueryError, match="Only wrong photos"):
            with_feedback(Query(), [], [1])

    def test_likes_draw_and_unlikes_push(self) -> None:
        text = Piece("text", unit(1, 1, 1), 1.0)
        near = around([2, 2], 20, 1)
        for weight in (1.0, -1.0):
            marks = [Piece("like", row, weight) for row in near[:3]]
            made = compose([text, *marks], PHOTOS)
            before = compose([text, text], PHOTOS)
            moved = mean_rank(made, near[3:]) - mean_rank(before, near[3:])
            assert moved * weight < 0  # a smaller rank is better

    def test_helps_to_find_what_a_word_cannot_tell(self) -> None:
        """Two sorts of photos fit the text as well; marks of one bring the others of that sort."""
        one, other = around([2, 1, 1], 60, 2, 0.15), around([2, 1, 0, 0, 1], 60, 3, 0.15)
        photos = np.concatenate([PHOTOS, one, other])
        text = Piece("text", unit(0, 1), 1.0)
        before = compose([text, text], photos)
        marks = [Piece("like", row, 1.0) for row in one[:3]]
        marks += [Piece("like", row, -1.0) for row in other[:3]]
        after = compose([text, *marks], photos)
        rest = np.concatenate([PHOTOS, one[3:], other[3:]])
        right = np.arange(len(rest))[len(PHOTOS) : len(PHOTOS) + 57]
        assert precision(after, rest, right) > precision(before, rest, right) + 0.2


def mean_rank(made: Composition, rows: np.ndarray) -> float:
    scores = made.scores(PHOTOS)
    return float(np.mean([(scores > score).sum() for score in made.scores(rows)]))


def precision(made: Composition, rows: np.ndarray, right: np.ndarray) -> float:
    first = np.argsort(-made.scores(rows))[: len(right)]
    return float(np.isin(first, right).mean())
