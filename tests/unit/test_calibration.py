"""Calibrated relevance: what must hold whatever the numbers of its curves are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from retrieval.calibration import (
    Calibration,
    Judgement,
    bank_texts,
    count_words,
    load_calibration,
    make_calibration,
)
from retrieval.calibration.folder import BankFolder
from tests.toy import ToyEncoder

DIM = 64


def unit(rows: NDArray[np.floating]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(
        np.float32
    )
    return found


def space(photos: int, seed: int = 0) -> tuple[Calibration, NDArray[np.float32]]:
    """A bank of 400 texts and `photos` photos that none of them describes."""
    random = np.random.default_rng(seed)
    bank = unit(random.normal(size=(400, DIM)) + 0.5)
    return Calibration(bank.astype(np.float16)), unit(random.normal(size=(photos, DIM)) + 0.2)


def judged(photos: NDArray[np.float32], bank: Calibration, query: NDArray[np.float32]) -> Judgement:
    scores = photos @ query
    order = scores.argsort()[::-1][:20]
    background = bank.background(photos.astype(np.float16))
    return background.judge(scores[order], photos[order])


def test_what_is_there_is_told_from_what_is_not() -> None:
    bank, photos = space(300)
    shown = unit(photos[7:8] + 0.1 * bank.middle)[0]
    judgement = judged(photos, bank, shown)
    assert judgement.present > 0.9
    assert ((photos @ shown) >= judgement.cut).nonzero()[0].tolist() == [7]
    other = unit(np.random.default_rng(5).normal(size=(1, DIM)))[0]
    absent = judged(photos, bank, other)
    assert absent.present < 0.5
    assert absent.cut == np.inf


@given(scale=st.floats(0.05, 1.0), shift=st.floats(-0.5, 0.5))
def test_where_cosines_lie_means_nothing(scale: float, shift: float) -> None:
    """One more column that all photos share moves and shrinks all cosines alike."""
    bank, photos = space(100)
    query = unit(photos[:1] + 0.3)[0]
    plain = judged(photos, bank, query)

    def moved(rows: NDArray[np.floating], last: float) -> NDArray[np.float32]:
        tail = np.full((len(rows), 1), last)
        return np.concatenate([rows * np.sqrt(scale), tail], axis=1).astype(np.float32)

    other = Calibration(moved(bank.bank, shift).astype(np.float16))
    found = judged(moved(photos, 1.0), other, moved(query[None], shift)[0])
    assert found.present == pytest.approx(plain.present, abs=0.03)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=20), st.integers(1, 100_000))
def test_a_better_score_is_never_less_relevant(scores: list[float], count: int) -> None:
    bank, photos = space(50)
    best = np.array(sorted(scores, reverse=True), np.float32)
    background = bank.background(photos.astype(np.float16))
    background.count = count
    judgement = background.judge(best, photos[: len(best)])
    relevance = judgement.relevance(best)
    assert (np.diff(relevance) <= 1e-12).all()
    assert ((relevance >= 0) & (relevance <= judgement.present)).all()
    assert judgement.cut <= best[0] or judgement.cut == np.inf


def test_more_photos_ask_for_more() -> None:
    bank, photos = space(50)
    background = bank.background(photos.astype(np.float16))
    told = []
    for count in (50, 500, 100_000):
        background.count = count
        told.append(background.judge(np.array([0.5], np.float32), photos[:1]).present)
    assert told == sorted(told, reverse=True)


@pytest.mark.parametrize("count", [0, 1, 2])
def test_hardly_any_photos(count: int) -> None:
    bank, photos = space(count)
    background = bank.background(photos.astype(np.float16))
    query = np.ones(DIM, np.float32) / 8
    judgement = background.judge(np.sort(photos @ query)[::-1], photos)
    assert np.isfinite(judgement.present)
    if not count:
        assert judgement.present == 0
        assert judgement.cut == np.inf


def test_photos_that_are_all_the_same() -> None:
    bank, photos = space(1)
    same = np.repeat(photos, 30, axis=0)
    judgement = judged(same, bank, photos[0])
    assert np.isfinite(judgement.relevance(same @ photos[0])).all()


@pytest.mark.parametrize(
    ("text", "words"),
    [("dog", 1), ("a dog, running!", 3), ("", 1), ("😀", 1), ("雪里的狗", 2), ("狗 dog", 2)],
)
def test_words_are_counted_in_any_script(text: str, words: int) -> None:
    assert count_words(text) == words


# --- the bank ---------------------------------------------------------------------------------


def test_the_bank_is_made_once(tmp_path: Path) -> None:
    encoder = ToyEncoder()
    assert load_calibration(encoder.fingerprint, str(tmp_path)) is None
    made = make_calibration(encoder, str(tmp_path))
    assert encoder.texts_seen == len(bank_texts()) == len(made.bank)
    again = make_calibration(encoder, str(tmp_path))
    kept = load_calibration(encoder.fingerprint, str(tmp_path))
    assert encoder.texts_seen == len(bank_texts())
    assert kept is not None
    assert (kept.bank == made.bank).all()
    assert (again.bank == made.bank).all()


@pytest.mark.parametrize("name", ["bank.f16", "bank.json"])
@pytest.mark.parametrize("how", ["flip", "cut", "gone"])
def test_a_damaged_bank_is_not_used_but_made_again(tmp_path: Path, name: str, how: str) -> None:
    encoder = ToyEncoder()
    made = make_calibration(encoder, str(tmp_path))
    path = BankFolder(encoder.fingerprint, str(tmp_path)).path / name
    data = bytearray(path.read_bytes())
    if how == "gone":
        path.unlink()
    else:
        data[len(data) // 2] ^= 4
        path.write_bytes(data if how == "flip" else data[: len(data) // 2])
    assert load_calibration(encoder.fingerprint, str(tmp_path)) is None
    assert (make_calibration(encoder, str(tmp_path)).bank == made.bank).all()
    assert load_calibration(encoder.fingerprint, str(tmp_path)) is not None


def test_a_bank_of_other_texts_is_not_used(tmp_path: Path) -> None:
    folder = BankFolder("ab" * 32, str(tmp_path))
    folder.write(1, np.ones((4, 3), np.float32))
    assert folder.read(1) is not None
    assert folder.read(2) is None


def test_a_cache_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    made = make_calibration(ToyEncoder(), str(tmp_path / "file"))
    assert made.bank.shape == (len(bank_texts()), 3)


def test_the_texts_are_different_ones() -> None:
    texts = bank_texts()
    assert len(set(texts)) == len(texts) > 2_000
    assert max(map(len, texts)) <= 120


def test_a_judgement_needs_neither_torch_nor_sql() -> None:
    from tests.unit.test_imports import HEAVY, imported

    found = imported(
        "import numpy as np\n"
        "from retrieval.calibration import Calibration\n"
        "rows = np.eye(16, dtype=np.float16)\n"
        "Calibration(rows).background(rows).judge(np.ones(3), rows[:3])"
    )
    assert not found & (set(HEAVY) - {"numpy"})


def test_linked_texts_that_fit_the_first_photo_make_it_likelier_that_there_is_one() -> None:
    judgement = Judgement(0.5, 0.3, 40.0, 0.4)
    told = [judgement.hearing(told).present for told in (-2.0, 0.0, 2.0, 6.0)]
    assert told == sorted(told)
    assert told[1] < 0.5 < told[3]  # silence speaks against it
    assert judgement.cut <= 0.4
    assert judgement.hearing(-2.0).cut == float("inf")
    for present in (0.0, 1.0):
        assert 0 <= Judgement(present, 0.3, 40.0, 0.4).hearing(3.0).present <= 1
