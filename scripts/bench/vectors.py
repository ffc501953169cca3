"""Vectors that resemble CLIP's, and how searching them is measured.

Images lie in a narrow cone (mean cosine .34), in 2,000 clusters whose sizes follow Zipf's law, with
an effective dimension near 93. Queries are of two sorts: "img", drawn as the images are, and "txt",
which stand apart from all images (best cosine near .46), as texts do in CLIP's space (the
modality gap, Liang et al. 2022). What is good at the first may be bad at the second.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

CLUSTERS = 2_000
BLOCK = 50_000  # vectors made at a time: 100 MB at 512 dimensions
CONE, CLUSTER, WITHIN = 0.33, 0.34, 0.33  # shares of an image's squared length
CONTENT, APART, NOISE = 0.27, 0.48, 0.25  # the same of a text's


class ClipLike:
    """A source of image and text vectors of one space, all float32 rows of unit length."""

    def __init__(self, dim: int = 512, seed: int = 0) -> None:
        self.dim, self.seed = dim, seed
        rng = np.random.default_rng(seed)
        turn, _ = np.linalg.qr(rng.standard_normal((dim, dim)))
        spread = (np.arange(dim) + 60.0) ** -0.75
        self._basis = (turn * (spread / np.linalg.norm(spread))).T.astype(np.float32)
        self._cone = turn[:, -1].astype(np.float32)  # the image side's mean
        self._gap = turn[:, -2].astype(np.float32)  # the text side's
        self._clusters = self._spread(rng, CLUSTERS)
        weights = 1 / (np.arange(CLUSTERS) + 1.0)
        self._weights = weights / weights.sum()

    def _spread(self, rng: np.random.Generator, n: int) -> NDArray[np.float32]:
        """Vectors (n, dim) of unit length on average, with the spectrum of the space."""
        rows: NDArray[np.float32] = rng.standard_normal((n, self.dim), np.float32) @ self._basis
        return rows

    def images(self, n: int, seed: int = 1) -> NDArray[np.float32]:
        """Image vectors (n, dim); the same for the same seed."""
        return self._images(np.random.default_rng((self.seed, seed)), n)

    def _images(self, rng: np.random.Generator, n: int) -> NDArray[np.float32]:
        cluster = rng.choice(CLUSTERS, n, p=self._weights)
        rows = self._spread(rng, n)
        rows *= np.float32(np.sqrt(WITHIN))
        rows += np.float32(np.sqrt(CLUSTER)) * self._clusters[cluster]
        rows += np.float32(np.sqrt(CONE)) * self._cone
        return unit(rows)

    def blocks(self, n: int, seed: int = 1) -> Iterator[NDArray[np.float32]]:
        """As many image vectors as wanted, block by block."""
        for number, start in enumerate(range(0, n, BLOCK)):
            yield self._images(
                np.random.default_rng((self.seed, seed, number)), min(BLOCK, n - start)
            )

    def texts(self, n: int, seed: int = 2) -> NDArray[np.float32]:
        """Text-like vectors (n, dim): part of an image's content, a common offset, and noise."""
        rng = np.random.default_rng((self.seed, seed))
        content = unit(self._images(rng, n) - np.float32(np.sqrt(CONE)) * self._cone)
        noise = unit(rng.standard_normal((n, self.dim), np.float32) + 4 * self._spread(rng, n))
        return unit(
            np.float32(np.sqrt(CONTENT)) * content
            + np.float32(np.sqrt(APART)) * unit((self._gap + 0.5 * self._cone)[None])
            + np.float32(np.sqrt(NOISE)) * noise
        )


def unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows (n, dim) scaled to length 1."""
    scaled: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return scaled


def cpu_ms(act: Callable[[int], object], runs: int) -> dict[str, float]:
    """CPU time of act(0), act(1), … in ms: the median, and the quartiles as its spread."""
    times = []
    for run in range(runs):
        begun = time.process_time()
        act(run)
        times.append((time.process_time() - begun) * 1000)
    low, middle, high = np.percentile(times, [25, 50, 75])
    return {"median": float(middle), "low": float(low), "high": float(high)}


def brute_force(rows: NDArray[np.float32], query: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """What all is measured against: numpy's product with each row (n, dim), then the k best."""
    scores = rows @ query
    if k >= len(scores):
        return np.argsort(-scores)
    best = np.argpartition(-scores, k)[:k]
    return best[np.argsort(-scores[best])]


def overlap(found: NDArray[np.int64], truth: NDArray[np.int64]) -> float:
    """The share of true ids (q, k) that were found (q, k): recall@k."""
    hits = sum(len(np.intersect1d(*pair)) for pair in zip(found, truth, strict=True))
    return hits / truth.size
