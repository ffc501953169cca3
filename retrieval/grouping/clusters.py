"""Spherical k-means in numpy: clusters of unit vectors, the same ones every time."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEARNED_FROM = 20_000  # vectors; the rest is only assigned
ROUNDS = 25
MOST_CLUSTERS = 64
BLOCK = 8_192  # rows that are widened at a time
SEED = 20_240_501  # any number, always the same


class Clusters(NamedTuple):
    """Unit centres (k, dim) float32, and the cluster of each vector (n,) int64."""

    centres: NDArray[np.float32]
    labels: NDArray[np.int64]


def clusters_for(count: int) -> int:
    """How many clusters suit `count` vectors: the root of half of them, from 2 to MOST_CLUSTERS.

    A rule of thumb (Mardia and others, 1979) that gives a screenful of labels for any collection.
    """
    return max(1, min(count, max(2, min(MOST_CLUSTERS, round(math.sqrt(count / 2))))))


def cluster(vectors: NDArray[np.float16] | NDArray[np.float32], k: int) -> Clusters:
    """Cluster unit vectors (n, dim) by cosine into at most k; n >= 1, k >= 1. None is empty.

    Spherical k-means (Dhillon and Modha, 2001) from a k-means++ start, learned from at most
    LEARNED_FROM of them. Equal input gives equal clusters.
    """
    generator = np.random.default_rng(SEED)
    chosen: slice | NDArray[np.int64] = slice(None)
    if len(vectors) > LEARNED_FROM:
        chosen = np.sort(generator.choice(len(vectors), LEARNED_FROM, replace=False))
    some = vectors[chosen].astype(np.float32)
    centres = _start(some, min(k, len(some)), generator)
    for _ in range(ROUNDS):
        labels = _nearest(some, centres)
        moved = _means(some, labels, centres)
        if np.array_equal(moved, centres):
            break
        centres = moved
    labels = _nearest(vectors, centres)
    used, labels = np.unique(labels, return_inverse=True)
    return Clusters(centres[used], labels.reshape(-1).astype(np.int64))


def _start(
    vectors: NDArray[np.float32], k: int, generator: np.random.Generator
) -> NDArray[np.float32]:
    """k of the vectors, each far from those before: k-means++ (Arthur and Vassilvitskii, 2007)."""
    chosen = [int(generator.integers(len(vectors)))]
    nearest = np.full(len(vectors), np.inf)
    while len(chosen) < k:
        away = np.maximum(1 - vectors @ vectors[chosen[-1]], 0).astype(np.float64)
        nearest = np.minimum(nearest, away)
        total = nearest.sum()
        if total <= 1e-6 * len(vectors):  # all that is left are copies
            break
        chosen.append(int(generator.choice(len(vectors), p=nearest / total)))
    return vectors[chosen]


def _nearest(
    vectors: NDArray[np.float16] | NDArray[np.float32], centres: NDArray[np.float32]
) -> NDArray[np.int64]:
    labels = np.empty(len(vectors), np.int64)
    for start in range(0, len(vectors), BLOCK):
        some = vectors[start : start + BLOCK].astype(np.float32)
        labels[start : start + BLOCK] = (some @ centres.T).argmax(axis=1)
    return labels


def _means(
    vectors: NDArray[np.float32], labels: NDArray[np.int64], centres: NDArray[np.float32]
) -> NDArray[np.float32]:
    """The mean direction of each cluster; one without vectors, or direction, keeps its centre."""
    order = np.argsort(labels, kind="stable")
    firsts = np.searchsorted(labels[order], np.arange(len(centres) + 1))
    moved = centres.copy()
    for number, (first, end) in enumerate(pairwise(firsts)):
        total = vectors[order[first:end]].sum(axis=0)
        length = float(np.linalg.norm(total))
        if length > 1e-6:
            moved[number] = total / length
    return moved
