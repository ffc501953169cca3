"""Where to spend the bits of a code, so that the products with text-like queries stay right.

A product quantiser (Jégou et al. 2011) errs by q.(x - x'), and what counts is that error for the
queries that will be asked. With S the second moments of such queries its square is
(x - x')' S (x - x') on average: least squares after the map A = S^(1/2) (compare the score-aware
losses of Guo et al. 2020, and OOD-DiskANN, Jaiswal et al. 2022, on queries that lie apart from
what is searched). So A x is what is quantised, in its principal axes; queries take the inverse map,
which keeps every product. Axes are given to the parts of the code by dynamic programming: a part of
four bits holds one axis where the variance is large, up to four where it is small, and the least
axes are left out altogether. numpy only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

AXES = 4  # at most, in one part of a code
OWN_SHARE = 0.5  # of the second moments come from the rows, so that pictures are good queries too
#: What is left of the variance of 1 to 4 Gaussian axes, each of variance 1, after k-means with 16
#: centroids on them all (measured: 20,000 points, 15 rounds).
LEFT = (0.0120, 0.1112, 0.2439, 0.3491)
LEAST = 1e-9  # relative variance below which an axis is taken to be empty


def fit(
    rows: NDArray[np.float32], queries: NDArray[np.float32], parts: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Find the maps (AXES * parts, dim) of rows and of queries into the space that is quantised.

    `rows` (n, dim) and `queries` (m, dim) are samples. For all x and q the product of map x and
    map q is q.x less a constant and what is left out.
    """
    wide = rows.astype(np.float64)
    moments = OWN_SHARE * _moments(wide) + (1 - OWN_SHARE) * _moments(queries.astype(np.float64))
    weights, axes = np.linalg.eigh(moments)
    roots = np.sqrt(np.maximum(weights, LEAST * weights[-1]))
    there, back = (axes * roots) @ axes.T, (axes / roots) @ axes.T
    mapped = wide @ there
    mapped -= mapped.mean(axis=0)
    variances, turn = np.linalg.eigh(mapped.T @ mapped / len(mapped))
    variances, turn = variances[::-1], turn[:, ::-1]
    sizes = allocate(np.maximum(variances, LEAST * max(variances[0], LEAST)), parts)
    chosen = np.zeros((AXES * parts, rows.shape[1]))
    axis = 0
    for part, size in enumerate(sizes):
        for place in range(size):
            chosen[AXES * part + place] = turn[:, axis]
            axis += 1
    return (chosen @ there).astype(np.float32), (chosen @ back).astype(np.float32)


def _moments(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Second moments (dim, dim) of rows (n, dim), scaled to trace 1."""
    moments: NDArray[np.float64] = rows.T @ rows
    return moments / max(float(np.trace(moments)), LEAST)


def allocate(variances: NDArray[np.float64], parts: int) -> list[int]:
    """How many of the axes, by descending variance (d,), each of `parts` parts takes; at most AXES.

    The sizes (parts,) make the expected error least: that of a part with r axes is r times the
    geometric mean of their variances times LEFT[r], and axes beyond the last part are lost.
    """
    count = len(variances)
    logs = np.concatenate([[0.0], np.cumsum(np.log(variances))])
    lost = np.concatenate([np.cumsum(variances[::-1])[::-1], [0.0]])
    least = np.full((parts + 1, count + 1), np.inf)
    taken = np.zeros((parts + 1, count + 1), np.int64)
    least[0, 0] = 0.0
    for part in range(1, parts + 1):
        least[part] = least[part - 1]  # a part may stay empty
        for size in range(1, min(AXES, count) + 1):
            error = size * LEFT[size - 1] * np.exp((logs[size:] - logs[:-size]) / size)
            total = least[part - 1, : count + 1 - size] + error
            better = total < least[part, size:]
            least[part, size:][better] = total[better]
            taken[part, size:][better] = size
    sizes, end = [0] * parts, int(np.argmin(least[parts] + lost))
    for part in range(parts, 0, -1):
        sizes[part - 1] = int(taken[part, end])
        end -= sizes[part - 1]
    return sizes
