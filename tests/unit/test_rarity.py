"""How rare words make it less likely that there is such a photo."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.calibration import Calibration, rarity


@pytest.mark.parametrize(
    "text", ["a dog on the beach", "Two men don't walk", "children playing in the snow", "", "  7 "]
)
def test_what_people_photograph_is_not_rare(text: str) -> None:
    assert rarity(text) == 0


def test_the_rarest_word_counts() -> None:
    assert 0 < rarity("a castle in the snow") < rarity("a submarine in the snow")
    assert rarity("a castle and a submarine in the snow") == rarity("a submarine in the snow")
    assert rarity("Submarines, in the SNOW!") == pytest.approx(rarity("submarines in the snow"))


def test_words_that_the_collection_has_are_not_rare_in_it() -> None:
    text = "a castle and a submarine in the snow"
    assert rarity(text, {"submarine"}.__contains__) == rarity("a castle in the snow")
    assert rarity(text, {"submarine", "castle"}.__contains__) == 0


@pytest.mark.parametrize("text", ["Ein Hund spielt am Strand", "海滩上的狗", "собака на пляже"])
def test_of_other_languages_nothing_is_known(text: str) -> None:
    assert rarity(text) == 0


@given(st.text(max_size=200))
def test_any_text_has_a_rarity(text: str) -> None:
    assert 0 <= rarity(text) < 5


def test_a_rare_text_must_reach_further() -> None:
    rows = np.random.default_rng(0).normal(size=(200, 16)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    background = Calibration(rows.astype(np.float16)).background(rows.astype(np.float16))
    scores, best = np.array([0.5], np.float32), rows[:1]
    told = [background.judge(scores, best, 5, rare).present for rare in (0.0, 1.0, 4.0)]
    assert told == sorted(told, reverse=True)
    assert told[0] > told[2]
