"""Duplicates in a whole collection: equal files, near-duplicates and bursts. Only a report.

It names what could go and what should stay, and is careful about it: files are looked at again, and
one that is gone, was changed since it was indexed, or is another name of the same bytes on disk is
never called superfluous.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

import numpy as np

from retrieval.grouping.near import quality_of, seconds_of, stars
from retrieval.grouping.pairs import Marks, near_pairs
from retrieval.storage import groups

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.collection import Collection
    from retrieval.storage.groups import FileRow, LooksRow

#: "exact": files of the same bytes; "near": pictures that show the same; "burst": taken in a row.
Likeness = Literal["exact", "near", "burst"]
LIKENESSES: tuple[Likeness, ...] = ("exact", "near", "burst")


@dataclass(frozen=True, slots=True)
class DuplicateFile:
    """A file of a group. Size in bytes; width and height of its photo in pixels."""

    path: str
    size: int
    photo: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Files that show the same: the one to keep, why that one, and the others."""

    likeness: Likeness
    keep: DuplicateFile
    why: str
    others: tuple[DuplicateFile, ...]

    @property
    def superfluous(self) -> int:
        """How many bytes the others take on disk."""
        return sum(file.size for file in self.others)


@dataclass(frozen=True, slots=True)
class DuplicateReport:
    """All groups, the largest saving first; no file is among the others of two.

    `photos` were looked at, `unknown` of them have no hash yet (they were indexed by an older
    version), and `left_out` counts files that are gone or changed, or are links to another one.
    """

    groups: tuple[DuplicateGroup, ...]
    photos: int
    unknown: int
    left_out: int
    seconds: float

    def superfluous(self, likeness: Likeness) -> int:
        """How many bytes on disk the others of one kind of group take."""
        return sum(group.superfluous for group in self.groups if group.likeness == likeness)


class _There(NamedTuple):
    """Files that are still what was indexed, by photo, each inode once."""

    files: dict[int, list[DuplicateFile]]
    left_out: int


def find_duplicates(
    collection: Collection, likenesses: Iterable[Likeness] = LIKENESSES
) -> DuplicateReport:
    """Find what a collection holds more than once. Nothing is changed, in it or on disk.

    Raises CorruptError, StorageError.
    """
    begun = time.monotonic()
    wanted = set(likenesses)
    reader = collection.reader
    with reader.snapshot():
        space = reader.active_space()
        rows = groups.looks(reader, space) if space else []
        files = groups.photo_files(reader)
        vectors = collection.vectors(space, "photos") if space else None
    alike: list[tuple[Likeness, list[LooksRow]]] = []
    if vectors is not None and wanted & {"near", "burst"}:
        alike = [group for group in _alike(rows, vectors) if group[0] in wanted]
    there = _look(rows, files, {row.photo for _, group in alike for row in group})
    found = [
        *(_copies(there) if "exact" in wanted else ()),
        *(group for each in alike if (group := _group(*each, there)) is not None),
    ]
    return DuplicateReport(
        groups=tuple(sorted(found, key=lambda group: (-group.superfluous, group.keep.path))),
        photos=len(rows),
        unknown=sum(row.phash is None for row in rows),
        left_out=there.left_out,
        seconds=time.monotonic() - begun,
    )


def _alike(
    rows: Sequence[LooksRow], vectors: NDArray[np.float16]
) -> list[tuple[Likeness, list[LooksRow]]]:
    """Groups of photos that are near the best of them, which comes first."""
    marks = Marks(
        np.array([(row.phash or 0) & (1 << 64) - 1 for row in rows], np.uint64),
        np.array([bool(row.phash) for row in rows], bool),  # 0 is a plain picture's
        np.array([seconds_of(row.taken_at) for row in rows], np.float64),
        np.array([-1 if row.row is None else row.row for row in rows], np.int64),
        vectors,
    )
    pairs = near_pairs(marks)
    in_pairs = sorted({*pairs.a.tolist(), *pairs.b.tolist()})
    order = sorted(in_pairs, key=lambda i: (*(-part for part in _quality(rows[i])), rows[i].photo))
    bursts = set(zip(pairs.a[pairs.burst].tolist(), pairs.b[pairs.burst].tolist(), strict=True))
    found: list[tuple[Likeness, list[LooksRow]]] = []
    for best, *others in stars(pairs, order):
        in_burst = [i for i in others if (min(best, i), max(best, i)) in bursts]
        near = [i for i in others if i not in in_burst]
        for likeness, mine in (("near", near), ("burst", in_burst)):
            if mine:
                found.append((cast("Likeness", likeness), [rows[i] for i in (best, *mine)]))
    return found


def _quality(row: LooksRow) -> tuple[float, float]:
    return quality_of(row.width, row.height, row.sharpness)


# --- files ------------------------------------------------------------------------------------


def _look(rows: Sequence[LooksRow], files: Sequence[FileRow], needed: set[int]) -> _There:
    """Look at the files of photos that have several, or are `needed`."""
    sizes = {row.photo: (row.width, row.height) for row in rows}
    by_photo: dict[int, list[FileRow]] = {}
    for file in files:
        by_photo.setdefault(file.photo, []).append(file)
    found: dict[int, list[DuplicateFile]] = {}
    left_out = 0
    for photo, all_files in by_photo.items():
        if photo not in sizes or (len(all_files) == 1 and photo not in needed):
            continue
        own = _own_files(all_files)
        left_out += len(all_files) - len(own)
        found[photo] = [DuplicateFile(f.path, f.size, photo, *sizes[photo]) for f in own]
    return _There(found, left_out)


def _own_files(files: Sequence[FileRow]) -> list[FileRow]:
    """Those that are as they were indexed, one for each inode; the one to keep comes first.

    Of several names of one inode the one that is no link stays, since a link to it is no file.
    """
    own: dict[tuple[int, int], FileRow] = {}
    for file in sorted(files, key=_plainness):
        try:
            stat = os.stat(file.path)
        except (OSError, ValueError):
            continue
        if (stat.st_size, stat.st_mtime_ns) == (file.size, file.mtime_ns):
            own.setdefault((stat.st_dev, stat.st_ino), file)
    return list(own.values())


def _plainness(file: FileRow) -> tuple[bool, int, str]:
    """Links last, then by length of the name: "IMG_1.jpg" comes before "IMG_1 (2).jpg"."""
    return os.path.realpath(file.path) != file.path, len(file.path), file.path


def _copies(there: _There) -> list[DuplicateGroup]:
    return [
        DuplicateGroup("exact", files[0], "the shortest name", tuple(files[1:]))
        for files in there.files.values()
        if len(files) > 1
    ]


def _group(likeness: Likeness, photos: Sequence[LooksRow], there: _There) -> DuplicateGroup | None:
    """A group of photos as files, the first of each; None if the best, or all others, are gone."""
    best, *others = (there.files.get(row.photo, [])[:1] for row in photos)
    behind = tuple(file for files in others for file in files)
    if not best or not behind:
        return None
    return DuplicateGroup(likeness, best[0], _why(photos), behind)


def _why(photos: Sequence[LooksRow]) -> str:
    """What the first of them has that the second best has not."""
    best, second = photos[0], max(photos[1:], key=_quality)
    if best.width * best.height > second.width * second.height:
        return "the most pixels"
    if (best.sharpness or 0.0) > (second.sharpness or 0.0):
        return "the sharpest"
    return "the first that was indexed"
