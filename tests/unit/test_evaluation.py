"""Ranks and their summary, checked against the slow and obvious way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from retrieval import EncoderSpec
from retrieval.errors import UsageError
from retrieval.evaluation import (
    compare,
    evaluate_folder,
    first_right_ranks,
    folders,
    summarize,
)
from tests.pictures import picture
from tests.toy import ToyEncoder


def naive_rank(scores: list[float], right: list[bool]) -> int:
    """Rank of the first right item when wrong ones of the same score come first."""
    order = sorted(range(len(scores)), key=lambda i: (-scores[i], right[i]))
    return 1 + next(place for place, i in enumerate(order) if right[i])


@st.composite
def galleries(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.float32], list[int]]:
    images = draw(st.integers(1, 6))
    extra = draw(st.lists(st.integers(0, images - 1), max_size=6))
    owner = sorted([*range(images), *extra])
    numbers = st.integers(-2, 2).map(float)
    vectors = st.lists(st.tuples(numbers, numbers), min_size=40, max_size=40)
    values = np.array(draw(vectors), np.float32)
    return values[:images], values[images : images + len(owner)], owner


class TestRanks:
    @given(galleries(), st.integers(1, 3))
    def test_equal_the_naive_ones(self, gallery: tuple, block: int) -> None:
        images, texts, owner = gallery
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(folders, "BLOCK", block)
            to_image, to_text = first_right_ranks(images, texts, np.array(owner))
        for t, rank in enumerate(to_image):
            scores = [float(texts[t] @ image) for image in images]
            assert rank == naive_rank(scores, [i == owner[t] for i in range(len(images))])
        for i, rank in enumerate(to_text):
            scores = [float(images[i] @ text) for text in texts]
            assert rank == naive_rank(scores, [o == i for o in owner])

    def test_a_constant_encoder_scores_badly(self) -> None:
        same = np.ones((50, 4), np.float32)
        to_image, to_text = first_right_ranks(same, same, np.arange(50))
        assert set(to_image) == set(to_text) == {50}


class TestComparison:
    ranks = st.integers(2, 40).flatmap(
        lambda n: st.tuples(*(st.lists(st.integers(1, 30), min_size=n, max_size=n),) * 2)
    )

    @given(ranks)
    def test_is_the_difference_of_both(self, ranks: tuple[list[int], list[int]]) -> None:
        old, new = map(np.array, ranks)
        group = np.arange(len(old)) // 2
        found, back = compare(old, new, group), compare(new, old, group)
        before, after = summarize(old, group).values, summarize(new, group).values
        for name, value in found.values.items():
            low, high = found.intervals[name]
            assert value == pytest.approx(after[name] - before[name])
            assert (-high, -low) == pytest.approx(back.intervals[name])
            assert low <= high

    def test_no_difference_is_surely_none(self) -> None:
        ranks = np.random.default_rng(0).integers(1, 30, 200)
        found = compare(ranks, ranks, np.arange(200))
        assert set(found.intervals.values()) == {(0.0, 0.0)}

    def test_pairs_tell_more_than_two_intervals(self) -> None:
        """Each rank is better by one: clear in pairs, though both intervals overlap."""
        new = np.random.default_rng(0).integers(1, 30, 200)
        old, group = new + 1, np.arange(200)
        assert compare(old, new, group).intervals["MRR"][0] > 0
        assert summarize(old, group).intervals["MRR"][1] > summarize(new, group).intervals["MRR"][0]


class TestSummary:
    def test_by_hand(self) -> None:
        found = summarize(np.array([1, 2, 6, 20]), np.arange(4))
        assert found.values == pytest.approx(
            {"R@1": 0.25, "R@5": 0.5, "R@10": 0.75, "MRR": (1 + 1 / 2 + 1 / 6 + 1 / 20) / 4}
        )

    @given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 5)), min_size=1, max_size=40))
    def test_the_interval_holds_the_value(self, rows: list[tuple[int, int]]) -> None:
        ranks = np.array([rank for rank, _ in rows])
        group = np.unique([owner for _, owner in rows], return_inverse=True)[1]
        found = summarize(ranks, group)
        for name, value in found.values.items():
            low, high = found.intervals[name]
            assert 0 <= low <= high <= 1 + 1e-9
            if len(set(group)) > 3 and np.bincount(group).max() == np.bincount(group).min():
                assert low - 1e-9 <= value <= high + 1e-9

    def test_resampling_takes_photos_with_all_their_texts(self) -> None:
        # two photos, each right or wrong with all its texts: as wide as it can be
        found = summarize(np.array([1] * 50 + [99] * 50), np.repeat([0, 1], 50))
        assert found.intervals["R@1"] == (0.0, 1.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for colour in ("red", "green", "blue"):
        picture(tmp_path / f"images/{colour}.jpg", colour)
    (tmp_path / "captions.csv").write_text(
        "image,caption\nred.jpg,all red\nred.jpg,red again\ngreen.jpg,green\nblue.jpg,blue\n,\n"
    )
    return tmp_path


TOY = EncoderSpec("toy")


class TestFolder:
    def test_a_perfect_encoder(self, folder: Path, toy: list[ToyEncoder]) -> None:
        seen = []
        found = evaluate_folder(folder, TOY, batch_size=2, on_progress=seen.append)
        assert (found.images, found.texts, found.encoder) == (3, 4, "toy")
        assert set(found.text_to_image.values.values()) == {1.0}
        assert set(found.image_to_text.values.values()) == {1.0}
        assert found.skipped == ()
        assert [(p.done, p.total) for p in seen] == [(1, 3), (2, 3), (3, 3)]

    def test_broken_and_missing_photos_are_left_out(
        self, folder: Path, toy: list[ToyEncoder]
    ) -> None:
        (folder / "images/red.jpg").write_bytes(b"no")
        (folder / "images/blue.jpg").unlink()
        found = evaluate_folder(folder, TOY)
        assert (found.images, found.texts) == (1, 1)
        assert [Path(s.path).name for s in found.skipped] == ["red.jpg", "blue.jpg"]

    def test_no_photo_left(self, folder: Path, toy: list[ToyEncoder]) -> None:
        for path in (folder / "images").iterdir():
            path.unlink()
        with pytest.raises(UsageError, match="None of the photos"):
            evaluate_folder(folder, TOY)

    @pytest.mark.parametrize(
        ("content", "sentence"),
        [
            (b"a,b\n1,2\n", "must be: image,caption"),
            (b"image,caption\n", "holds no captions"),
            (b"image,caption\nx,\xff\n", "is not a UTF-8 CSV table"),
            (b"", "must be: image,caption"),
        ],
    )
    def test_wrong_tables(self, folder: Path, content: bytes, sentence: str) -> None:
        (folder / "captions.csv").write_bytes(content)
        with pytest.raises(UsageError, match=sentence):
            evaluate_folder(folder, TOY)

    @pytest.mark.parametrize("name", [".", "none", "~nobody-of-that-name/x"])
    def test_wrong_folders(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(
            UsageError, match=r"must hold a folder images/ and a file captions\.csv"
        ):
            evaluate_folder(name, TOY)
