"""Relevance feedback: photos that a user marked as right or wrong lead the query.

Rocchio (1971): the query moves towards the mean of the right ones and away from that of the wrong,

    q' = q + b mean(likes) - c mean(unlikes),    b = BETA n / (n + 1),  c = GAMMA m / (m + 1)

for n likes and m unlikes (Manning, Raghavan & Schütze 2008, 9.1.1, with BETA .75), with three
changes, each measured (scripts/evaluate_composing.py). One mark counts half, as one photo tells
less than five. Each of the three is scaled so that its scores spread by 1 over the collection (see
composing): the quoted values are for terms of equal length, and a mean of photos scores other
photos far more unevenly than a text does. And the mean of the likes, less that of the collection,
is whitened by (I + C / (SHRINK v))^-1, with the collection's covariance C and mean variance v: what
any photos have in common does not tell why these were marked. That is linear discriminant analysis
against the collection (Hariharan, Malik & Ramanan 2012, "Discriminative decorrelation for
clustering and classification").
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

BETA, GAMMA = 0.5, 0.15  # usually 0.75 and 0.15
SHRINK = 2.0
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


def strength(count: int, most: float) -> float:
    """How much so many marks weigh beside the query, which weighs 1; they near `most`."""
    return most * count / (count + 1)


def liked_direction(liked: NDArray[np.float32], sample: NDArray[np.float32]) -> NDArray[np.float32]:
    """Where liked photos (n, dim) lead, as seen from a sample (m, dim) of the collection: (dim,).

    Their mean, whitened. Where the sample cannot tell how photos vary, their mean.
    """
    import numpy as np

    mean = disliked_direction(liked, sample)
    if len(sample) < 2:
        return mean
    spread = sample - sample.mean(axis=0)
    variance = float((spread**2).mean())
    if variance <= 1e-9:
        return mean
    return _whitened(mean, spread / np.float32(np.sqrt(len(sample) * SHRINK * variance)))


def _whitened(
    vector: NDArray[np.float32], rows: NDArray[np.float32], steps: int = 50
) -> NDArray[np.float32]:
    """Solve (I + rows' rows) x = vector for x (dim,), with rows (m, dim), to one in a thousand.

    By conjugate gradients (Hestenes & Stiefel 1952), as solving it at once takes 60 ms at 768
    dimensions and this a few.
    """
    import numpy as np

    found, left = np.zeros_like(vector), vector.copy()
    direction, length = left.copy(), float(left @ left)
    enough = 1e-6 * length
    for _ in range(steps):
        if length <= enough:
            break
        mapped = direction + (rows @ direction) @ rows
        step = np.float32(length / float(direction @ mapped))
        found += step * direction
        left -= step * mapped
        before, length = length, float(left @ left)
        direction = left + np.float32(length / before) * direction
    return found


def disliked_direction(
    disliked: NDArray[np.float32], sample: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What wrong photos (n, dim) have in common: their mean less the sample's (m, dim), (dim,).

    Not whitened: wrong photos are wrong for different reasons. Where they are just as the sample
    is, their mean.
    """
    import numpy as np

    mean = np.asarray(disliked.mean(axis=0), np.float32)
    if not len(sample):
        return mean
    centred = np.asarray(mean - sample.mean(axis=0), np.float32)
    return centred if np.linalg.norm(centred) > 1e-3 else mean
