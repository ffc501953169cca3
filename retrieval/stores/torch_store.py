"""Exact search in plain torch: the rows stay on a GPU and one scan of them serves all queries.

A scan is bound by memory bandwidth, so rows are kept as the float16 of the vector file and read
once. A query is split into two float16 parts whose sum is the float32 query to 2^-22, and both go
through one matrix product with float32 sums: scores are as good as float32 ones, at the cost of a
float16 scan. On a CPU, and on CUDA before torch 2.8, which has no such product, rows are widened
to float32 piece by piece.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from retrieval.errors import DeviceMemoryError
from retrieval.machine import has_nvidia_driver
from retrieval.stores.planning import Plan, exact_plan

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

SCAN_BYTES = 1 << 30  # working memory of a search on a GPU, which should see few large pieces
CPU_SCAN_BYTES = 64 << 20  # the same on a CPU
COPY_ROWS = 1 << 16  # rows copied to the device at a time: 64 MB at 512 dimensions
MOST_QUERIES = 1024  # that share one scan
#: Up to this share of the rows, those allowed are gathered; above, all are scanned and masked.
GATHER_SHARE = 1 / 8
#: The second part of a query is scaled by it, or it would fall below what float16 can hold.
LOW_SCALE = 2048.0


class TorchStore:
    """Float16 rows in one block of device memory. See VectorStore for the contract.

    `device` is a torch device or its name; "auto" is the first GPU, else the CPU. Raises
    DeviceMemoryError when rows do not fit; what was added before is still there. Removed rows keep
    their memory and are left out of every search at once.
    """

    def __init__(self, dim: int, device: torch.device | str = "auto") -> None:
        import torch

        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        self.dim = dim
        self.device = torch.device(device)
        self._ids: NDArray[np.int64] = np.empty(0, np.int64)  # ascending, those of removed rows too
        self._rows = torch.empty((0, dim), dtype=torch.float16, device=self.device)
        self._dead = torch.empty(0, dtype=torch.bool, device=self.device)  # as long as _rows
        self._living = 0

    def __len__(self) -> int:
        return self._living

    def add(self, ids: NDArray[np.int64], vectors: NDArray[np.float16] | torch.Tensor) -> None:
        """See VectorStore; `vectors` may also be a tensor, such as one on the device."""
        held, count = len(self._ids), len(ids)
        with self._plain_errors(held + count):
            if held + count > len(self._rows):
                self.reserve(held + count if held == 0 else max(held + count, held * 3 // 2))
            rows = self._rows[held : held + count]
            if isinstance(vectors, np.ndarray):
                self._copy(vectors, rows)
            else:
                rows.copy_(vectors)
        self._ids = np.concatenate([self._ids, ids])
        self._living += count

    def _copy(self, vectors: NDArray[np.float16], rows: torch.Tensor) -> None:
        """Copy by way of page-locked memory, as that is fast; torch takes no read-only array."""
        import torch

        shape = (min(len(rows), COPY_ROWS), self.dim)
        staging = torch.empty(shape, dtype=torch.float16, pin_memory=self._on_cuda)
        for start in range(0, len(rows), COPY_ROWS):
            part = vectors[start : start + COPY_ROWS]
            staging.numpy()[: len(part)] = part
            rows[start : start + len(part)].copy_(staging[: len(part)])

    @property
    def _on_cuda(self) -> bool:
        return self.device.type == "cuda"

    @contextmanager
    def _plain_errors(self, count: int) -> Iterator[None]:
        import torch

        try:
            yield
        except torch.cuda.OutOfMemoryError as error:
            raise DeviceMemoryError(
                f"{count:,} vectors ({2 * self.dim * count / 2**30:.1f} GiB) and a search of them "
                f"do not fit the memory of {self.device}; search them on the CPU."
            ) from error

    def reserve(self, count: int) -> None:
        """Make room for `count` rows in all, so that adding up to that many copies none."""
        import torch

        if count <= len(self._rows):
            return
        held = len(self._ids)
        rows = torch.empty((count, self.dim), dtype=torch.float16, device=self.device)
        dead = torch.zeros(count, dtype=torch.bool, device=self.device)
        rows[:held], dead[:held] = self._rows[:held], self._dead[:held]
        self._rows, self._dead = rows, dead

    def rows(self, count: int) -> torch.Tensor:
        """The first `count` rows that were added, also those removed since: float16, a view."""
        return self._rows[: min(count, len(self._ids))]

    def remove(self, ids: NDArray[np.int64]) -> None:
        dead = self._dead[: len(self._ids)]
        dead |= self._are(ids)
        self._living = len(dead) - int(dead.sum())

    def _are(self, ids: NDArray[np.int64]) -> torch.Tensor:
        """Which rows have one of these ids, bool (n,) on the device."""
        import torch

        count = len(self._ids)
        found = torch.zeros(count, dtype=torch.bool, device=self.device)
        if count and self._ids[-1] - self._ids[0] == count - 1:  # they ascend: no gaps
            places = torch.from_numpy(np.array(ids, np.int64)).to(self.device) - int(self._ids[0])
            places = places[(places >= 0) & (places < count)]
        else:
            near = np.searchsorted(self._ids, ids)
            known = near < count
            known[known] = self._ids[near[known]] == ids[known]
            places = torch.from_numpy(near[known]).to(self.device)
        found[places] = True
        return found

    def plan(self, k: int, kept: int | None = None) -> Plan:
        return exact_plan(len(self), kept)

    def search(
        self, vectors: NDArray[np.float32], k: int, allowed: NDArray[np.int64] | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        import torch

        scores = np.full((len(vectors), k), -np.inf, np.float32)
        places = np.zeros((len(vectors), k), np.int64)
        with torch.inference_mode(), self._plain_errors(len(self._ids)):
            asked = torch.from_numpy(np.array(vectors, np.float32)).to(self.device)
            chosen, out = self._selected(allowed)
            for start in range(0, len(asked), MOST_QUERIES):
                part = slice(start, start + MOST_QUERIES)
                best, where = self._scan(asked[part], k, chosen, out)
                scores[part, : best.shape[1]] = best.cpu().numpy()
                places[part, : where.shape[1]] = where.cpu().numpy()
        ids = self._ids[places] if len(self._ids) else places
        return scores, np.where(np.isneginf(scores), -1, ids)

    def _selected(
        self, allowed: NDArray[np.int64] | None
    ) -> tuple[torch.Tensor | None, torch.Tensor | None]:
        """The only places to look at, int64 (m,), and what to leave out of all, bool (n,)."""
        count = len(self._ids)
        dead = self._dead[:count]
        if allowed is None:
            return None, dead if self._living < count else None
        kept = self._are(allowed) & ~dead
        if int(kept.sum()) <= count * GATHER_SHARE:
            return kept.nonzero()[:, 0], None
        return None, ~kept

    def _scan(
        self,
        queries: torch.Tensor,
        k: int,
        chosen: torch.Tensor | None,
        out: torch.Tensor | None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The best of one scan: scores and places (q, <= k), score -inf for what was left out."""
        import torch

        best = torch.empty((len(queries), 0), device=self.device)
        where = torch.empty((len(queries), 0), dtype=torch.int64, device=self.device)
        for start, rows in self._pieces(len(queries), chosen):
            scores = score(queries, rows)
            if out is not None:
                scores.masked_fill_(out[start : start + len(rows)], -torch.inf)
            new, places = best_of(scores, k)
            places += start
            # What was found before lies at lower places, so a stable sort keeps ties in order.
            best, order = torch.cat([best, new], 1).sort(dim=1, descending=True, stable=True)
            where = torch.cat([where, places], 1).gather(1, order)[:, :k]
            best = best[:, :k]
        return best, where if chosen is None else chosen[where]

    def _pieces(
        self, queries: int, chosen: torch.Tensor | None
    ) -> Iterator[tuple[int, torch.Tensor]]:
        """Pieces of the rows, or of the chosen ones, and where each starts."""
        rows = self.rows(len(self._ids))
        copied = 0 if chosen is None else 2 * self.dim
        if not sums_in_float32(rows):
            copied += 4 * self.dim
        size = piece_rows(queries, copied, SCAN_BYTES if self._on_cuda else CPU_SCAN_BYTES)
        for start in range(0, len(rows if chosen is None else chosen), size):
            if chosen is None:
                yield start, rows[start : start + size]
            else:
                yield start, rows[chosen[start : start + size]]


def piece_rows(queries: int, copied: int, budget: int) -> int:
    """How many rows to scan at a time within `budget` bytes, a multiple of 1024.

    A row costs 12 bytes of scores a query, and `copied` bytes for copies of itself.
    """
    return max(budget // (12 * queries + copied) // 1024, 1) * 1024


def split(queries: torch.Tensor) -> torch.Tensor:
    """Float32 (q, dim) to float16 (2q, dim): rounded queries, then LOW_SCALE x what that lost."""
    import torch

    high = queries.half()
    low = (queries - high.float()) * LOW_SCALE
    return torch.cat([high, low.half()])


def score(queries: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Inner products, float32 (q, n), of float32 queries (q, dim) and float16 rows (n, dim)."""
    import torch

    if not sums_in_float32(rows):
        return queries @ rows.float().T
    both = torch.mm(split(queries), rows.T, out_dtype=torch.float32)
    return join(both)


def join(both: torch.Tensor) -> torch.Tensor:
    """Scores (2q, n) of queries that were split to those (q, n) of the queries."""
    count = len(both) // 2
    return both[:count].add_(both[count:], alpha=1 / LOW_SCALE)


def sums_in_float32(rows: torch.Tensor) -> bool:
    """Whether torch can multiply float16 into float32 here: on CUDA, from torch 2.8 on."""
    import torch

    version = tuple(int(part) for part in torch.__version__.split(".")[:2])
    return rows.is_cuda and torch.version.hip is None and version >= (2, 8)


def best_of(scores: torch.Tensor, k: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The k best of each row (q, n), or all n: values and places, best first, ties by place."""
    count = scores.shape[1]
    values, places = scores.topk(min(k + 1, count), dim=1)
    if count > k:
        # topk keeps any of those that tie at the cut. -inf is no score: it may fall out anyhow.
        tied = (values[:, k - 1] == values[:, k]) & (values[:, k] > float("-inf"))
        values, places = values[:, :k].clone(), places[:, :k].clone()
        for row in tied.nonzero()[:, 0].tolist():
            equal = values[row] == values[row, -1]
            lowest = (scores[row] == values[row, -1]).nonzero()[:, 0]
            places[row, equal] = lowest[: int(equal.sum())]
    places, order = places.sort(dim=1)
    values, order = values.gather(1, order).sort(dim=1, descending=True, stable=True)
    return values, places.gather(1, order)


def gpu_recipe_available(count: int = 0, dim: int = 0) -> bool:
    """Whether a GPU is here that has memory free for `count` vectors and for searching them.

    Imports torch only where an NVIDIA driver shows itself.
    """
    if not has_nvidia_driver():
        return False
    import torch

    if not torch.cuda.is_available():
        return False
    free, _ = torch.cuda.mem_get_info()
    return free >= 2 * dim * count + 2 * SCAN_BYTES
