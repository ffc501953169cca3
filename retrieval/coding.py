"""Codes of a collection's vectors: made where scanning them would be slow, and published.

They are derived from the vectors under the write lock, and a search that finds none, or stale or
damaged ones, is an exact one. What was forgotten leaves with them: `storage.leftovers` removes the
codes when it overwrites rows, and they are made anew here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval.captions import made_up
from retrieval.errors import RetrievalError, StorageError
from retrieval.loading import read_codes
from retrieval.records import (
    KINDS,
    Kind,
    Progress,
    ProgressCallback,
    Space,
    ignore_progress,
)
from retrieval.storage.catalog import Catalog
from retrieval.storage.codefile import CodeFile, Note, code_file
from retrieval.storage.vectors import vector_file
from retrieval.stores import CODED, choose_recipe
from retrieval.stores.codes import SAMPLE, Codes
from retrieval.stores.tuning import tune

if TYPE_CHECKING:
    from numpy.typing import NDArray

    #: Embeds texts: float32 (n, dim), rows of unit length. Raises RetrievalError.
    EncodeTexts = Callable[[Sequence[str]], NDArray[np.float32]]

QUERIES = 1_056  # texts that are learned from and tested with
TESTED = 256  # of these
TAIL_SHARE = 0.1  # of rows without codes, from which on they get some


# --- writing --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Learned:
    """How codes are made, without any: what they were learned from is no longer needed."""

    note: Note
    codes: Codes


def learned(place: Path, catalog: Catalog, space: Space | None = None) -> dict[Kind, Learned]:
    """What is known of how the codes of a space (the active one) are made, to outlast them."""
    space = space or catalog.active_space()
    found: dict[Kind, Learned] = {}
    if space is None:
        return found
    for kind in KINDS:
        file = code_file(place, space, kind)
        for old in (file, *_other_editions(file, kind)):
            note = old.note()
            codes = read_codes(old, space.dim) if note and note.depth else None
            if note and codes:
                codes.clear()
                found.setdefault(kind, Learned(note, codes))
    return found


def refresh(
    place: Path,
    catalog: Catalog,
    encode: EncodeTexts | None = None,
    on_progress: ProgressCallback = ignore_progress,
    known: Mapping[Kind, Learned] | None = None,
    space: Space | None = None,
) -> None:
    """Bring the codes of a space (the active one) up to its vectors, under the write lock.

    Codes are learned anew when the rows have doubled, extended when more than TAIL_SHARE have
    none, and removed where an exact search does as well. `encode` embeds captions where there are
    too few texts in the collection; `known` is what was learned before codes were removed. Raises
    CorruptError for vectors that are cut short.
    """
    space = space or catalog.active_space()
    if space is None:
        return
    known = learned(place, catalog, space) if known is None else known
    for kind in KINDS:
        with suppress(StorageError):  # a disk too full for codes is no failure of a run
            _refresh(place, catalog, space, kind, known.get(kind), encode, on_progress)


def _refresh(
    place: Path,
    catalog: Catalog,
    space: Space,
    kind: Kind,
    known: Learned | None,
    encode: EncodeTexts | None,
    on_progress: ProgressCallback,
) -> None:
    count, file = space.rows[kind], code_file(place, space, kind)
    if choose_recipe(count, space.dim, once=True) == CODED:
        note = file.usable_note(count)
        if note is None or count >= 2 * note.learned:
            on_progress(Progress(f"coding {kind}", 0, count))
            _make(place, catalog, space, kind, known, encode)
            on_progress(Progress(f"coding {kind}", count, count))
        elif note.depth and count - note.rows > TAIL_SHARE * count:
            _extend(place, space, kind, note)
    elif file.path.exists() or file.note_path.exists():
        file.remove()
    for other in _other_editions(file, kind):
        other.remove()


def _other_editions(file: CodeFile, kind: Kind) -> list[CodeFile]:
    """Codes of vectors that do not count any more, the newest first."""
    found = {path.with_suffix("") for path in file.path.parent.glob(f"{kind}*.codes.json")}
    found |= {*file.path.parent.glob(f"{kind}*.codes")}
    return [CodeFile(path) for path in sorted(found - {file.path}, reverse=True)]


def _extend(place: Path, space: Space, kind: Kind, note: Note) -> None:
    file, count = code_file(place, space, kind), space.rows[kind]
    codes = read_codes(file, space.dim)
    if codes is None or len(codes) != note.rows:
        file.remove()  # the next run makes them
        return
    codes.add(vector_file(place, space, kind).rows(count)[note.rows :])
    file.write(replace(note, rows=count), codes.to_bytes())


def _make(
    place: Path,
    catalog: Catalog,
    space: Space,
    kind: Kind,
    known: Learned | None,
    encode: EncodeTexts | None,
) -> None:
    """Make codes of all rows, as it is known, or learned from a sample."""
    file, count = code_file(place, space, kind), space.rows[kind]
    rows = vector_file(place, space, kind).rows(count)
    if known is not None and count < 2 * known.note.learned:
        known.codes.clear()
        known.codes.add(rows)
        file.write(replace(known.note, rows=count), known.codes.to_bytes())
        return
    sample = rows[_chosen(count, catalog.dead_rows(space, kind), SAMPLE)]
    queries, sort = _queries(place, catalog, space, sample, encode)
    codes = Codes.learn(sample, queries[TESTED:], count)
    codes.add(rows)
    tuned = tune(codes, rows, queries[:TESTED])
    note = Note(count, count, tuned.depth, tuned.recall, tuned.tested, sort)
    if tuned.depth:
        file.write(note, codes.to_bytes())
    else:
        file.refuse(note)


def _chosen(count: int, dead: list[int], most: int) -> NDArray[np.int64]:
    """So many of the living rows at most, by lot, ascending; the same each time."""
    living = np.setdiff1d(np.arange(count), np.array(dead, np.int64), assume_unique=True)
    lots = np.random.default_rng(0)
    return np.sort(lots.choice(living, min(most, len(living)), replace=False))


# --- queries --------------------------------------------------------------------------------


def _queries(
    place: Path,
    catalog: Catalog,
    space: Space,
    sample: NDArray[np.float16],
    encode: EncodeTexts | None,
) -> tuple[NDArray[np.float32], str]:
    """Vectors (QUERIES, dim) such as texts have, by lot, and in words what they are.

    The collection's own texts where there are enough, else captions that are embedded now, else,
    without an encoder, what the sample of rows is turned into.
    """
    count = space.rows["documents"]
    dead = catalog.dead_rows(space, "documents") if count >= QUERIES else []
    if count - len(dead) >= QUERIES:
        texts = vector_file(place, space, "documents").rows(count)
        chosen = texts[_chosen(count, dead, QUERIES)].astype(np.float32)
        return np.random.default_rng(0).permutation(chosen), "stored texts"
    if encode is not None:
        try:
            return encode(made_up(QUERIES)), "made-up captions"
        except RetrievalError:
            pass  # an encoder that cannot be loaded is no reason to do without codes
    return shifted(sample, QUERIES), "photos shifted as texts are"


def shifted(rows: NDArray[np.float16], count: int) -> NDArray[np.float32]:
    """Vectors (count, dim) that stand to rows (n, dim) as CLIP's texts do to its images.

    Each is part of what sets one row apart, an offset that all share, and noise; its largest
    cosine with a row is near .5.
    """
    lots, dim = np.random.default_rng(1), rows.shape[1]
    some = rows[lots.choice(len(rows), count)].astype(np.float32)
    content = _unit(some - rows.astype(np.float32).mean(axis=0))
    offset = _unit(lots.standard_normal((1, dim)).astype(np.float32))
    noise = _unit(lots.standard_normal((count, dim)).astype(np.float32))
    return _unit(0.52 * content + 0.69 * offset + 0.5 * noise)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float32] = rows / np.maximum(lengths, 1e-12)
    return unit
