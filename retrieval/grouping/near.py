"""Folds: near-duplicates and bursts behind their best picture.

Which photos are near each other, `pairs` tells.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import numpy as np

from retrieval.errors import CorruptError, StorageError
from retrieval.grouping.pairs import Marks, Pairs, near_pairs
from retrieval.storage.groups import looks_among

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.collection import Collection


@dataclass(frozen=True, slots=True)
class Member:
    """A photo that may be folded. `vector` is its embedding (dim,), of unit length.

    `quality` orders photos of one group, the greatest is shown (`quality_of`); None is unknown.
    """

    id: int
    phash: int | None
    vector: NDArray[np.float16] | NDArray[np.float32] | None
    taken_at: str | None
    quality: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class Fold:
    """Photos that show the same: the id of the best one, and those that stand behind it."""

    best: int
    behind: tuple[int, ...] = ()


def quality_of(width: int, height: int, sharpness: float | None) -> tuple[float, float]:
    """What makes one of several near-duplicates the best: more pixels, then more sharpness."""
    return float(width * height), -1.0 if sharpness is None else sharpness


def fold(members: Sequence[Member]) -> list[Fold]:
    """Put near-duplicates and bursts behind their best picture; members come best ranked first.

    A fold has the rank of its first member, and everything in it is near that member. Each member
    is in exactly one fold.
    """
    pairs = near_pairs(_marks(members))
    folds = []
    for group in stars(pairs, range(len(members))):
        best = max(group, key=lambda place: (members[place].quality, -place))
        folds.append(Fold(members[best].id, tuple(members[i].id for i in group if i != best)))
    return folds


def fold_photos(collection: Collection, photos: Sequence[int]) -> list[Fold]:
    """Fold photos of a collection, given by their ids, best ranked first; see `fold`."""
    while True:
        with collection.reader.snapshot():
            space = collection.reader.active_space()
            if space is None:
                return [Fold(photo) for photo in photos]
            known = looks_among(collection.reader, space, photos)
        try:
            vectors = collection.vectors(space, "photos")
            break
        except (CorruptError, StorageError):
            if collection.reader.active_space() == space:
                raise
            # Otherwise a writer replaced the rows meanwhile: look again.
    members = []
    for photo in photos:
        row = known.get(photo)
        if row is None:
            members.append(Member(photo, None, None, None))
            continue
        vector = None if row.row is None else vectors[row.row]
        quality = quality_of(row.width, row.height, row.sharpness)
        members.append(Member(photo, row.phash, vector, row.taken_at, quality))
    return fold(members)


def stars(pairs: Pairs, order: Iterable[int]) -> list[list[int]]:
    """Groups of the places in `order`, each around the first that is not in one yet.

    Everything in a group is near its first place, so that no chain leads from one photo to another
    one that looks quite different.
    """
    near: dict[int, list[int]] = {}
    for a, b in zip(pairs.a.tolist(), pairs.b.tolist(), strict=True):
        near.setdefault(a, []).append(b)
        near.setdefault(b, []).append(a)
    taken: set[int] = set()
    groups = []
    for place in order:
        if place not in taken:
            others = sorted(i for i in near.get(place, ()) if i not in taken)
            taken.update((place, *others))
            groups.append([place, *others])
    return groups


def _marks(members: Sequence[Member]) -> Marks:
    vectors = [np.asarray(m.vector, np.float32) for m in members if m.vector is not None]
    rows, number = [], 0
    for member in members:
        rows.append(-1 if member.vector is None else number)
        number += member.vector is not None
    return Marks(
        np.array([(m.phash or 0) & (1 << 64) - 1 for m in members], np.uint64),
        np.array([bool(m.phash) for m in members], bool),  # 0 is a plain picture's
        np.array([seconds_of(m.taken_at) for m in members], np.float64),
        np.array(rows, np.int64),
        np.stack(vectors) if vectors else np.empty((0, 1), np.float32),
    )


def seconds_of(taken_at: str | None) -> float:
    """A time as in Facts.taken_at in seconds; NaN where there is none, or only a day."""
    if taken_at is None or len(taken_at) < len("2021-04-03T17:20:05"):
        return math.nan
    try:
        time = datetime.fromisoformat(taken_at).replace(tzinfo=None)
    except ValueError:
        return math.nan
    return (time - datetime.min).total_seconds()
