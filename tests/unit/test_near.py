"""Which photos are near, and how hits are folded: on hashes and vectors made by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.grouping import pairs
from retrieval.grouping.near import Member, fold, quality_of
from retrieval.grouping.pairs import Marks, bits_apart, near_pairs

EAST = np.array([1, 0], np.float32)
NOON = "2021-04-03T12:00:00"


def flipped(value: int, *bits: int) -> int:
    for bit in bits:
        value ^= 1 << bit
    return value - (1 << 64) if value >= 1 << 63 else value


def at(cosine: float) -> np.ndarray:
    """A vector at this cosine from EAST."""
    return np.array([cosine, math.sqrt(1 - cosine**2)], np.float32)


def are_near(a: Member, b: Member) -> bool:
    return len(fold([a, b])) == 1


HASH = 1 << 40  # any but 0, which is a plain picture's


def member(
    number: int,
    bits: int = 0,
    cosine: float = 1.0,
    taken_at: str | None = None,
    quality: tuple[float, ...] = (),
) -> Member:
    return Member(number, flipped(HASH, *range(bits)), at(cosine), taken_at, quality)


@pytest.mark.parametrize(
    ("bits", "cosine", "expected"),
    [
        (0, 0.51, True),
        (0, 0.4, False),
        (6, 0.75, True),
        (6, 0.70, False),
        (12, 0.96, True),
        (12, 0.94, False),
        (13, 1.0, False),
        (32, 0.99, False),  # what a mirror image is
    ],
)
def test_the_more_bits_differ_the_more_embeddings_must_agree(
    bits: int, cosine: float, expected: bool
) -> None:
    assert are_near(member(1), member(2, bits, cosine)) is expected


@pytest.mark.parametrize(
    ("taken_at", "bits", "cosine", "expected"),
    [
        ("2021-04-03T12:00:02.5", 20, 0.95, True),
        ("2021-04-03T12:00:04", 20, 0.95, False),
        ("2021-04-03T12:00:02", 20, 0.85, False),
        ("2021-04-03T12:00:02", 30, 0.95, False),
        ("2021-04-03", 20, 0.95, False),  # only the day is known
        ("the third of April", 20, 0.95, False),
        (None, 20, 0.95, False),
    ],
)
def test_a_burst_is_taken_within_seconds(
    taken_at: str | None, bits: int, cosine: float, expected: bool
) -> None:
    assert are_near(member(1, taken_at=NOON), member(2, bits, cosine, taken_at)) is expected


def test_without_an_embedding_the_hash_must_be_nearly_the_same() -> None:
    blind = Member(1, HASH, None, None)
    assert are_near(blind, member(2, 4))
    assert not are_near(blind, member(2, 6))
    assert not are_near(Member(1, None, EAST, NOON), Member(2, None, EAST, NOON))


def test_the_best_picture_is_shown_at_the_rank_of_the_first() -> None:
    small, other, large = (
        quality_of(100, 80, 0.9),
        quality_of(50, 50, 0.9),
        quality_of(400, 320, 0.2),
    )
    sharp = quality_of(400, 320, 0.7)
    members = [
        member(1, 0, 1.0, quality=small),
        member(2, 40, 0.1, quality=other),
        member(3, 2, 0.99, quality=large),
        member(4, 4, 0.98, quality=sharp),
    ]
    folds = fold(members)
    assert [(f.best, f.behind) for f in folds] == [(4, (1, 3)), (2, ())]


def test_no_chain_leads_away() -> None:
    """3 is near 2 and 2 near 1, but 3 is not near 1: it stays by itself."""
    folds = fold([member(1, 0), member(2, 10), member(3, 20)])
    assert [(f.best, f.behind) for f in folds] == [(1, (2,)), (3, ())]


members_of_any_kind = st.lists(
    st.builds(
        lambda bits, cosine, blind, hashed, second, size: Member(
            0,
            flipped(0, *bits) if hashed else None,
            None if blind else at(cosine),
            None if second is None else f"2021-04-03T12:00:{second:02d}",
            (float(size),),
        ),
        st.sets(st.integers(0, 63), max_size=8),
        st.sampled_from([1.0, 0.99, 0.9, 0.3]),
        st.booleans(),
        st.booleans(),
        st.none() | st.integers(0, 59),
        st.integers(0, 3),
    ),
    max_size=25,
)


@given(members_of_any_kind)
def test_every_member_is_in_one_fold(drawn: list[Member]) -> None:
    members = [Member(i, m.phash, m.vector, m.taken_at, m.quality) for i, m in enumerate(drawn)]
    folds = fold(members)
    assert sorted(i for f in folds for i in (f.best, *f.behind)) == list(range(len(members)))
    firsts = [min((f.best, *f.behind)) for f in folds]
    assert firsts == sorted(firsts)
    for each, first in zip(folds, firsts, strict=True):
        assert all(members[each.best].quality >= members[i].quality for i in each.behind)
        for other in {each.best, *each.behind} - {first}:
            assert are_near(members[first], members[other])


@given(st.lists(st.tuples(*[st.integers(0, (1 << 64) - 1)] * 2), max_size=20))
def test_bits_apart(pairs: list[tuple[int, int]]) -> None:
    a, b = (np.array([pair[i] for pair in pairs], np.uint64) for i in (0, 1))
    assert bits_apart(a, b).tolist() == [(x ^ y).bit_count() for x, y in pairs]


def marks(hashes: np.ndarray, seconds: np.ndarray) -> Marks:
    count = len(hashes)
    vectors = np.tile(EAST.astype(np.float16), (count, 1))
    return Marks(hashes, np.ones(count, bool), seconds, np.arange(count), vectors)


def test_many_photos_are_compared_by_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    """What all pairs would give, of near ones; none within 7 bits and none of a burst missing."""
    random = np.random.default_rng(0)
    hashes = random.integers(0, 1 << 64, 600, np.uint64)
    for copy in range(300, 600):
        hashes[copy] = hashes[copy - 300] ^ _some_bits(random, copy % 13)
    seconds = np.where(np.arange(600) % 3 == 0, np.arange(600) // 3 * 2.0, np.nan)
    hashes[3] = hashes[0] ^ np.uint64((1 << 20) - 1)  # a burst: 20 bits apart
    monkeypatch.setattr(pairs, "ALL_PAIRS", 10_000)
    every = near_pairs(marks(hashes, seconds))
    monkeypatch.setattr(pairs, "ALL_PAIRS", 0)
    some = near_pairs(marks(hashes, seconds))
    every_pair = set(zip(every.a.tolist(), every.b.tolist(), every.bits.tolist(), strict=True))
    some_pair = set(zip(some.a.tolist(), some.b.tolist(), some.bits.tolist(), strict=True))
    assert some_pair <= every_pair
    assert {p for p in every_pair if p[2] <= 7} <= some_pair
    assert (0, 3, 20) in some_pair
    assert len(some_pair) > 0.9 * len(every_pair) > 200


def _some_bits(random: np.random.Generator, count: int) -> np.uint64:
    mask = np.uint64(0)
    for bit in random.choice(64, count, replace=False):
        mask |= np.uint64(1) << np.uint64(bit)
    return mask


def test_a_crowd_of_plain_pictures_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "ALL_PAIRS", 0)
    crowd = np.zeros(pairs.CROWD + 50, np.uint64)
    found = near_pairs(marks(crowd, np.full(len(crowd), np.nan)))
    assert len(found.a) == 0


def test_nothing_at_all() -> None:
    assert fold([]) == []
    assert fold([Member(7, None, None, None)])[0].best == 7
