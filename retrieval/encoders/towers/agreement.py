"""How well an exported tower agrees with the model it was made of, and whether that is enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MIN_COSINE = 0.999
MIN_OVERLAP = 0.95
NEIGHBOURS = 10
MIN_PROBES = 3 * NEIGHBOURS  # with fewer, ten neighbours are nearly all there are


@dataclass(frozen=True, slots=True)
class Agreement:
    """`cosine` is the mean of the centred cosines, `overlap` that of the shared ten neighbours."""

    cosine: float
    overlap: float
    probes: int

    @property
    def enough(self) -> bool:
        """Whether the embeddings may stand in for the model's own."""
        return (
            self.probes >= MIN_PROBES and self.cosine >= MIN_COSINE and self.overlap >= MIN_OVERLAP
        )

    def __str__(self) -> str:
        return (
            f"cosine {self.cosine:.4f}, {self.overlap:.1%} of the ten nearest, "
            f"on {self.probes} probes"
        )


def compare(reference: NDArray[np.float32], candidate: NDArray[np.float32]) -> Agreement:
    """Compare embeddings (n, dim) of the same n items, rows of unit length.

    Embeddings of one model share a large common part, so that all cosines look high; the mean of
    the reference is taken off both before. Each row's ten nearest others must mostly be the same.
    """
    centre = reference.mean(axis=0)
    cosine = (_unit(reference - centre) * _unit(candidate - centre)).sum(axis=1).mean()
    ours, theirs = _nearest(reference), _nearest(candidate)
    shared = [len(np.intersect1d(a, b)) for a, b in zip(ours, theirs, strict=True)]
    overlap = float(np.mean(shared)) / max(ours.shape[1], 1)
    return Agreement(float(cosine), overlap, len(reference))


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float32] = rows / np.maximum(lengths, 1e-12)
    return unit


def _nearest(rows: NDArray[np.float32]) -> NDArray[np.int64]:
    """The indices (n, at most 10) of each row's nearest others."""
    scores = rows @ rows.T
    np.fill_diagonal(scores, -np.inf)
    count = min(NEIGHBOURS, len(rows) - 1)
    return np.argsort(-scores, axis=1, kind="stable")[:, :count]
