"""Relevance feedback: photos that a user marked as right or wrong lead the query.

Rocchio (1971): the query moves towards the mean of the right ones and away from that of the wrong,

    q' = q + BETA mean(likes) - GAMMA mean(unlikes)

with two changes, both measured (scripts/evaluate_composing.py). Each of the three is scaled so
that its scores spread by 1 over the collection (see composing): the standard weights are for terms
of equal length, and a mean of photos scores other photos far more unevenly than a text does. And
the means are whitened, (I + C / (SHRINK mean variance))^-1 (mean - mean of the collection) with the
collection's covariance C: what any two photos have in common says nothing of why these were
marked. That is linear discriminant analysis against the collection (Hariharan, Malik & Ramanan
2012, "Discriminative decorrelation for clustering and classification").
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from retrieval.errors import QueryError
from retrieval.records import Part, Query

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BETA, GAMMA = 0.5, 0.15  # beside 1 for the query; as usually quoted: 0.75 and 0.15
SHRINK = 1.0
MOST_MARKED = 1_000


def with_feedback(
    query: Query, likes: Iterable[int | str] = (), unlikes: Iterable[int | str] = ()
) -> Query:
    """The query, led by photos of the collection that are right and wrong, named by their ids.

    Without words or pictures, likes alone are a query. Raises QueryError for what is no id, a
    photo that is marked both ways, too many, and unlikes without anything to start from.
    """
    right, wrong = [_photo_id(i) for i in likes], [_photo_id(i) for i in unlikes]
    if both := set(right) & set(wrong):
        raise QueryError(f"Photo {min(both)} is marked as right and as wrong. Choose one.")
    if len(right) + len(wrong) > MOST_MARKED:
        raise QueryError(
            f"{len(right) + len(wrong):,} photos are marked; at most {MOST_MARKED:,} are taken."
        )
    marked = [Part("like", str(i), 1.0) for i in dict.fromkeys(right)]
    marked += [Part("like", str(i), -1.0) for i in dict.fromkeys(wrong)]
    parts = (*query.parts, *marked)
    if marked and not any(part.weight > 0 for part in parts):
        raise QueryError("Only wrong photos are marked. Add words, or a photo that is right.")
    return replace(query, parts=parts)


def _photo_id(value: Any) -> int:
    try:
        number = int(value)
    except (TypeError, ValueError, OverflowError):
        number = -1
    if not 0 <= number < 1 << 63 or isinstance(value, (bool, float)):
        raise QueryError(
            f"A photo is marked by its id, a whole number, not by {str(value)!r:.60}. "
            "Take an id from a search's JSON."
        )
    return number


def marked_direction(
    marked: NDArray[np.float32], sample: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Where marked photos (n, dim) lead, as seen from a sample (m, dim) of the collection: (dim,).

    Their mean, whitened. Where the sample is too small to tell how photos vary, their mean.
    """
    import numpy as np

    mean = marked.mean(axis=0)
    if len(sample) < 2:
        return np.asarray(mean, np.float32)
    centre = sample.mean(axis=0)
    spread = sample - centre
    covariance = spread.T @ spread / len(sample)
    variance = float(np.trace(covariance)) / len(covariance)
    if variance <= 1e-9 or np.linalg.norm(mean - centre) < 1e-6:
        return np.asarray(mean, np.float32)
    covariance /= SHRINK * variance
    covariance[np.diag_indices_from(covariance)] += 1
    return np.asarray(np.linalg.solve(covariance, mean - centre), np.float32)
