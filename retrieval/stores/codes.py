"""Short codes of vectors, scanned to find a shortlist: FAISS's FastScan (André et al. 2015).

A code has four bits for each of `parts` parts, so that a row of 512 numbers becomes 32 bytes; the
sums of looked-up products are scanned from registers at 2 ns a row. The maps of `quantiser` are
what makes so short a code do for text queries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.errors import CorruptError
from retrieval.stores.exact import SCALE, shrunk
from retrieval.stores.faiss_store import import_faiss
from retrieval.stores.quantiser import AXES, fit

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SAMPLE = 20_000  # rows that codes are learned from
LEAST_SAMPLE = 16  # centroids of four bits: fewer rows cannot teach them
BLOCK = 4_096  # rows that are encoded at a time
PARTS = 64  # of a code, for a large collection
LARGE = 300_000  # rows: from here on a scan costs more than rescoring a longer list


def parts_for(dim: int, count: int) -> int:
    """How many parts the codes of `count` vectors have: an even number, as FastScan pairs them.

    One for every fourth axis; of a large collection PARTS, but one for every eighth axis at least.
    """
    parts = dim / 4 if count < LARGE else max(dim / 8, min(dim / 4, PARTS))
    return max(2 * round(parts / 2), 2)


class Codes:
    """Codes of the first `len` rows of a vector file."""

    def __init__(self, index: Any, row_map: NDArray[np.float32], dim: int) -> None:
        self._index, self._row_map, self.dim = index, row_map, dim

    @classmethod
    def learn(
        cls, rows: NDArray[np.float16], queries: NDArray[np.float32], count: int = 0
    ) -> Codes:
        """Learn from a sample of rows (n, dim) and of queries (m, dim); it has no codes yet.

        `count` vectors are to be coded. Needs LEAST_SAMPLE rows and one query.
        """
        faiss, dim = import_faiss(), rows.shape[1]
        parts = parts_for(dim, count)
        sample = rows.astype(np.float32)
        row_map, query_map = fit(sample, queries, parts)
        inner = faiss.IndexPQFastScan(AXES * parts, parts, 4, faiss.METRIC_INNER_PRODUCT)
        inner.pq.cp.min_points_per_centroid = 1  # a small sample is no cause for a warning
        inner.train(np.ascontiguousarray(sample @ row_map.T))
        to_query = faiss.LinearTransform(dim, AXES * parts, False)
        faiss.copy_array_to_vector(query_map.ravel(), to_query.A)
        to_query.is_trained = True
        return cls(faiss.IndexPreTransform(to_query, inner), row_map, dim)

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def add(self, rows: NDArray[np.float16]) -> None:
        """Encode rows (n, dim) that follow those which have codes."""
        faiss = import_faiss()
        inner = faiss.downcast_index(self._index.index)
        scaled = (self._row_map * SCALE).T
        for start in range(0, len(rows), BLOCK):
            inner.add(shrunk(rows[start : start + BLOCK]) @ scaled)
        self._index.ntotal = inner.ntotal

    def clear(self) -> None:
        """Forget all codes; what was learned stays."""
        self._index.reset()

    def shortlist(self, vectors: NDArray[np.float32], length: int) -> NDArray[np.int64]:
        """Rows (q, length) whose codes promise the largest products with vectors (q, dim).

        The largest first; -1 where there are fewer.
        """
        queries = np.ascontiguousarray(vectors, np.float32)
        _, rows = self._index.search(queries, min(length, max(len(self), 1)))
        found: NDArray[np.int64] = rows
        return found

    def to_bytes(self) -> bytes:
        """All of it: codes and map of queries as FAISS writes them, then the map of rows."""
        data: NDArray[np.uint8] = import_faiss().serialize_index(self._index)
        return data.tobytes() + self._row_map.tobytes()

    @classmethod
    def from_file(cls, path: Path, dim: int) -> Codes:
        """Read what to_bytes made. Raises CorruptError; OSError."""
        faiss = import_faiss()
        try:
            index = faiss.read_index(str(path))
            shape = faiss.downcast_index(index.index).d, dim
            start = path.stat().st_size - 4 * shape[0] * shape[1]
            row_map = np.memmap(path, np.float32, "r", start, shape)  # only writers need it
        except (RuntimeError, ValueError, AttributeError) as exc:
            raise CorruptError(f"{path} cannot be read. Mend it with: retrieval repair") from exc
        if index.d != dim:
            raise CorruptError(f"{path} holds other codes. Mend it with: retrieval repair")
        return cls(index, row_map, dim)
