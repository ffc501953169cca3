"""Load a collection's vectors for searching: the recipe that suits them, from files that fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.errors import CorruptError, DeviceMemoryError
from retrieval.records import Kind, Space
from retrieval.storage.codefile import CodeFile, code_file
from retrieval.storage.vectors import checksums, vector_file
from retrieval.stores import CODED, VectorStore, choose_recipe, exact_recipe, make_store

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.stores.coded_store import CodedStore
    from retrieval.stores.codes import Codes


@dataclass(frozen=True, slots=True)
class Loaded:
    """Vectors in memory, and the keys of their rows.

    `unchecked` are the rows where they were not compared with their keys.
    """

    space: Space
    store: VectorStore
    keys: NDArray[Any]
    unchecked: NDArray[np.float16] | None = None

    def fits(self, hashes: Mapping[int, bytes]) -> bool:
        """Whether the rows embed the items with these hashes, and are not damaged."""
        rows = list(hashes)
        keys = self.keys[rows]
        if any(key["hash"].tobytes() != hashes[row] for row, key in zip(rows, keys, strict=True)):
            return False
        if self.unchecked is None:
            return True
        found = checksums(np.asarray(self.unchecked[rows]), keys["hash"])
        return bool((found == keys["crc32"]).all())


def load(place: Path, space: Space, kind: Kind, dead: list[int], *, once: bool) -> Loaded:
    """The living rows of a kind in the collection at `place`.

    Every row is compared with its key, unless codes choose those to look at. `once` says that a
    single query will be asked. Raises CorruptError if any row is damaged, StorageError.
    """
    file, count = vector_file(place, space, kind), space.rows[kind]
    vectors, keys = file.rows(count), file.keys(count)
    removed = np.array(dead, np.int64)
    recipe = choose_recipe(count, space.dim, once=once)
    coded = coded_store(place, space, kind) if recipe == CODED else None
    if coded is not None:
        coded.remove(removed)
        return Loaded(space, coded, keys, vectors)
    damaged = file.damaged(count, dead, quick=True)
    if len(damaged):
        raise CorruptError(
            f"{len(damaged):,} of {count:,} rows of {file.path} are damaged. "
            "Mend them with: retrieval repair"
        )
    exact = exact_recipe(count, once=once)
    try:
        store = _filled(exact if recipe == CODED else recipe, space.dim, vectors)
    except DeviceMemoryError:  # another program took the GPU's memory
        store = _filled(exact, space.dim, vectors)
    store.remove(removed)
    return Loaded(space, store, keys)


def _filled(recipe: str, dim: int, vectors: NDArray[np.float16]) -> VectorStore:
    store = make_store(recipe, dim)
    store.add(np.arange(len(vectors)), vectors)
    return store


def coded_store(place: Path, space: Space, kind: Kind) -> CodedStore | None:
    """A store with the published codes and all committed rows, memory-mapped, none of them removed.

    None where there are no codes that can be used. Raises CorruptError, StorageError for vectors.
    """
    from retrieval.stores.coded_store import CodedStore

    count, file = space.rows[kind], code_file(place, space, kind)
    note = file.usable_note(count)
    codes = read_codes(file, space.dim) if note and note.depth else None
    if note is None or codes is None or len(codes) != note.rows:
        return None
    rows = vector_file(place, space, kind).rows(count)
    store = CodedStore(space.dim)
    store.add(np.arange(count), rows)
    store.cover(codes, note.depth)
    return store


def read_codes(file: CodeFile, dim: int) -> Codes | None:
    """Codes that were not replaced while they were read; None if they cannot be."""
    from retrieval.stores.codes import Codes

    before = file.note()
    try:
        codes = Codes.from_file(file.path, dim)
    except (CorruptError, OSError):
        return None
    return codes if file.note() == before else None


def recipe_in_words(place: Path, space: Space | None, kind: Kind = "photos") -> str:
    """Which recipe a search uses, and what is known of its recall."""
    count, dim = (space.rows[kind], space.dim) if space else (0, 0)
    chosen = choose_recipe(count, dim)
    if space is None or chosen != CODED:
        return chosen
    note = code_file(place, space, kind).usable_note(count)
    exact = exact_recipe(count)
    if note is None:
        return f"{exact} (no codes yet: the next indexing run makes them)"
    how = f"recall@10 {note.recall:.3f} on {note.tested} {note.queries}, of {note.learned:,} rows"
    if not note.depth:
        return f"{exact} (codes would have {how})"
    return f"{CODED}, {note.depth:,} candidates rescored, {how}"
