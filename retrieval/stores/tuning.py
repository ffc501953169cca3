"""How long a shortlist must be: measured on queries that stand apart from what is searched.

An index that finds what pictures ask for may miss what texts ask for, as these lie elsewhere in the
space (the modality gap); so the measure is always taken with text-like queries that were not used
for learning.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrieval.stores.coded_store import MEASURED_K
from retrieval.stores.exact import search_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.stores.codes import Codes

GOAL = 0.98  # recall at MEASURED_K
SHORTEST = 200
LONGEST = 10_000  # candidates: more cost as much as the scan of a million codes
LONGEST_SHARES = (0.05, 0.003)  # of the rows: in a small collection, and in one of many millions
COMPARISONS = 128_000_000  # of a query with a row: as many queries as that allows are tested,
LEAST_TESTED = 128  # but at least so many
MARGIN = 1.25  # the queries are a sample


@dataclass(frozen=True, slots=True)
class Tuned:
    """The shortlist's length and the recall it has; `depth` is 0 where GOAL is out of reach."""

    depth: int
    recall: float
    tested: int


def tune(codes: Codes, rows: NDArray[np.float16], queries: NDArray[np.float32]) -> Tuned:
    """Find the least depth at which queries (q, dim) find what an exact search of rows finds.

    `rows` (n, dim) are those that `codes` covers; of a large number only some queries are asked.
    """
    queries = queries[: max(COMPARISONS // max(len(rows), 1), LEAST_TESTED)]
    _, truth = search_rows(rows, np.arange(len(rows)), queries, min(MEASURED_K, len(rows)))
    few, many = (int(share * len(rows)) for share in LONGEST_SHARES)
    most = max(min(LONGEST, few), many, SHORTEST)
    ranks = np.sort(_ranks(codes.shortlist(queries, most), truth), axis=None)
    needed = int(np.ceil(GOAL * len(ranks)))
    reached = int(ranks[needed - 1]) < most
    depth = min(max(int(MARGIN * (ranks[needed - 1] + 1)), SHORTEST), most) if reached else most
    recall = float(np.mean(ranks < depth))
    return Tuned(depth if reached else 0, recall, len(queries))


def _ranks(lists: NDArray[np.int64], truth: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where in its list (q, m) each true hit (q, k) stands; m if it is not there."""
    ranks = np.full(truth.shape, lists.shape[1])
    for row, (listed, hits) in enumerate(zip(lists, truth, strict=True)):
        order = np.argsort(listed)
        places = np.searchsorted(listed[order], hits).clip(max=len(order) - 1)
        there = listed[order[places]] == hits
        ranks[row, there] = order[places[there]]
    return ranks
