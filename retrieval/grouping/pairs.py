"""Which pairs of photos are near-duplicates or of one burst.

Two photos are near-duplicates if their perceptual hashes differ in few bits and their embeddings
agree, the more the more bits differ; a burst, if they were taken within seconds and look alike. A
hash alone takes one plain sky for another, an embedding alone one game of tennis for another, and a
mirror image for the picture itself.

The limits were measured with `mini` on 300 photos changed in 15 ways (JPEG at quality 20, a third
of the size, 5 % cropped, brightness, contrast, grey, a date printed on it, turned by 2 degrees) and
on the 5.7 million pairs of 3,370 different photos. Where in doubt two photos stay two.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BITS_APART = 12  # of 64, at most, for near-duplicates …
LEAST_COSINE = 0.5  # … whose embeddings agree so much where no bit differs …
COSINE_PER_BIT = 0.04  # … and by this more for each bit that does …
MOST_COSINE = 0.95  # … though no more than this is asked for
BURST_S = 3.0
BURST_BITS = 24
BURST_COSINE = 0.90
NO_VECTOR_BITS = 4  # where there is no embedding to ask

ALL_PAIRS = 1_500  # photos of which every pair is looked at
BANDS = 4  # of 16 bits each
SPLITS = 3  # ways of dealing the bits to bands
TIME_NEIGHBOURS = 20
CROWD = 128  # photos that share a band; more are plain pictures, whose hashes tell nothing
BLOCK = 65_536  # pairs that are compared at a time


class Marks(NamedTuple):
    """What n photos are compared by.

    `hashes` uint64 (n,) where `hashed` bool (n,); `seconds` float64 (n,), NaN where unknown;
    `rows` int64 (n,) are places in `vectors` (m, dim), -1 where there is none.
    """

    hashes: NDArray[np.uint64]
    hashed: NDArray[np.bool_]
    seconds: NDArray[np.float64]
    rows: NDArray[np.int64]
    vectors: NDArray[np.float16] | NDArray[np.float32]


class Pairs(NamedTuple):
    """Pairs of places a < b, int64 (m,); `bits` apart, and whether only the time tells: a burst."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    bits: NDArray[np.int64]
    burst: NDArray[np.bool_]


def near_pairs(marks: Marks) -> Pairs:
    """All pairs that are near-duplicates or of one burst, found by hash, time and embedding.

    Of more than ALL_PAIRS photos those are compared that share a band of their hashes but for one
    bit, and those that follow each other within seconds. So no near-duplicate within 7 bits is
    missed, where not more than CROWD photos share its bands; of those 12 bits apart about one in
    eight is.
    """
    count = len(marks.hashes)
    if count <= ALL_PAIRS:
        a, b = np.triu_indices(count, 1)
        return _verified(marks, a.astype(np.int64), b.astype(np.int64))
    keys = np.concatenate([*_by_bands(marks), _by_time(marks)])
    keys = np.unique(keys)
    return _verified(marks, keys // count, keys % count)


def _verified(marks: Marks, a: NDArray[np.int64], b: NDArray[np.int64]) -> Pairs:
    kept: list[tuple[NDArray[np.int64], ...]] = []
    for start in range(0, len(a), BLOCK):
        some = slice(start, start + BLOCK)
        kept.append(_near(marks, a[some], b[some]))
    if not kept:
        nothing = np.empty(0, np.int64)
        return Pairs(nothing, nothing, nothing, np.empty(0, bool))
    first, second, bits, burst = (np.concatenate(each) for each in zip(*kept, strict=True))
    return Pairs(first, second, bits, burst.astype(bool))


def _near(
    marks: Marks, a: NDArray[np.int64], b: NDArray[np.int64]
) -> tuple[NDArray[np.int64], ...]:
    """Those of some pairs that are near, with their bits and whether they are of a burst only."""
    bits = bits_apart(marks.hashes[a], marks.hashes[b])
    bits[~(marks.hashed[a] & marks.hashed[b])] = 65
    with np.errstate(invalid="ignore"):
        close = np.abs(marks.seconds[a] - marks.seconds[b]) <= BURST_S  # not where NaN
    maybe = np.flatnonzero((bits <= BITS_APART) | close & (bits <= BURST_BITS))
    a, b, bits, close = a[maybe], b[maybe], bits[maybe], close[maybe]
    cosines = _cosines(marks, a, b)
    unknown = np.isnan(cosines)
    cosines[unknown] = -1
    needed = np.minimum(LEAST_COSINE + COSINE_PER_BIT * bits, MOST_COSINE)
    same = (bits <= BITS_APART) & (cosines >= needed) | unknown & (bits <= NO_VECTOR_BITS)
    burst = close & (cosines >= BURST_COSINE)
    kept = same | burst
    return a[kept], b[kept], bits[kept], (burst & ~same)[kept].astype(np.int64)


def _cosines(marks: Marks, a: NDArray[np.int64], b: NDArray[np.int64]) -> NDArray[np.float32]:
    """The cosines of pairs; NaN where one has no vector."""
    cosines = np.full(len(a), np.nan, np.float32)
    known = np.flatnonzero((marks.rows[a] >= 0) & (marks.rows[b] >= 0))
    for start in range(0, len(known), 4_096):
        some = known[start : start + 4_096]
        left = marks.vectors[marks.rows[a[some]]].astype(np.float32)
        right = marks.vectors[marks.rows[b[some]]].astype(np.float32)
        cosines[some] = np.einsum("nd,nd->n", left, right)
    return cosines


def bits_apart(a: NDArray[np.uint64], b: NDArray[np.uint64]) -> NDArray[np.int64]:
    """In how many of 64 bits hashes differ, each with its partner: (n,)."""
    differing = np.bitwise_xor(a, b).view(np.uint16).reshape(-1, 4)
    bits: NDArray[np.int64] = _ONES[differing].sum(axis=1, dtype=np.int64)
    return bits


#: How many bits of a 16-bit number are set; numpy has that itself only since version 2.
_ONES = (
    np.unpackbits(np.arange(1 << 16, dtype=np.uint16).view(np.uint8))
    .reshape(-1, 16)
    .sum(1, np.uint8)
)


def _by_bands(marks: Marks) -> list[NDArray[np.int64]]:
    """Pairs a < b as a * n + b whose hashes share a band of 16 bits but for one bit at most."""
    there = np.flatnonzero(marks.hashed)
    bits = np.unpackbits(marks.hashes[there].view(np.uint8)).reshape(-1, 64)
    mixed = np.random.default_rng(0)  # the same for ever: other bands would find other pairs
    found = []
    for split in range(SPLITS):
        order = mixed.permutation(64) if split else np.arange(64)
        for band in np.split(order, BANDS):
            packed = np.packbits(np.ascontiguousarray(bits[:, band]), axis=1)
            values = packed.view(np.uint16).reshape(-1)
            found += _sharing(marks, there, values)
    return found


def _sharing(
    marks: Marks, there: NDArray[np.int64], values: NDArray[np.uint16]
) -> list[NDArray[np.int64]]:
    """Pairs as numbers of photos `there` (n,) whose values (n,) differ in one bit at most."""
    order = np.argsort(values, kind="stable")
    places, values = there[order], values[order]
    starts = np.searchsorted(values, np.arange((1 << 16) + 1))
    sizes = np.diff(starts)
    sizes[sizes > CROWD] = 0
    found = []
    for flip in (0, *(1 << bit for bit in range(16))):
        others = values ^ np.uint16(flip)
        counts = sizes[others]
        left = np.repeat(places, counts)
        before = np.repeat(np.cumsum(counts) - counts, counts)
        right = places[np.repeat(starts[others], counts) + np.arange(len(left)) - before]
        found.append(_keys(marks, left, right))
    return found


def _keys(marks: Marks, left: NDArray[np.int64], right: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs left < right that are few enough bits apart, as numbers."""
    once = left < right
    left, right = left[once], right[once]
    close = bits_apart(marks.hashes[left], marks.hashes[right]) <= BITS_APART
    return left[close] * len(marks.hashes) + right[close]


def _by_time(marks: Marks) -> NDArray[np.int64]:
    """Pairs as numbers that were taken within BURST_S, of the TIME_NEIGHBOURS that follow each."""
    count = len(marks.seconds)
    order = np.argsort(marks.seconds, kind="stable")
    order = order[: len(order) - np.count_nonzero(np.isnan(marks.seconds))]
    times = marks.seconds[order]
    found = [np.empty(0, np.int64)]
    for step in range(1, TIME_NEIGHBOURS + 1):
        close = times[step:] - times[:-step] <= BURST_S
        a, b = order[:-step][close], order[step:][close]
        found.append(np.minimum(a, b) * count + np.maximum(a, b))
    return np.concatenate(found)
