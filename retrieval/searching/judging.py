"""How likely an item is what a query means, part by part: see retrieval.calibration.

Each text of a query has a null distribution of its own. An item is relevant to the whole if it is
to every text that is wanted, and to none that is not:

    relevance = min over texts of (p_i if wanted, else 1 - p_i)

A minimum and not a product, so that the cut means the same however many parts there are. What
linked documents and words say for an item counts as evidence, added to the log-odds of the texts
that are wanted. Pictures, examples and marks have no null distribution; a query of these alone is
not judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrieval.calibration import CUT, Judgement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retrieval.collection import Collection
    from retrieval.records import Query, Space
    from retrieval.stores import VectorStore

BEST = 10  # hits of a text by which it is judged
#: What a unit of evidence (searching.fusing) adds to the log-odds.
EVIDENCE = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class JudgedText:
    """A text of the query: its embedding (dim,), what a cosine with it means, and its weight."""

    vector: NDArray[np.float32]
    judgement: Judgement
    weight: float


@dataclass(frozen=True, slots=True, eq=False)
class Judge:
    """Judges items for one query in one collection."""

    texts: tuple[JudgedText, ...]

    @property
    def only(self) -> JudgedText | None:
        """The one text that decides alone; None where there are several."""
        one = len(self.texts) == 1 and self.texts[0].weight > 0
        return self.texts[0] if one else None

    def relevance(
        self, vectors: NDArray[np.floating], evidence: NDArray[np.float64] | None = None
    ) -> NDArray[np.float64]:
        """Probabilities (n,) for items of these embeddings (n, dim) and this evidence (n,)."""
        rows = np.asarray(vectors, np.float32)
        least = np.ones(len(rows), np.float64)
        for text in self.texts:
            likely = text.judgement.relevance(rows @ text.vector)
            if text.weight > 0 and evidence is not None:
                likely = _with(likely, evidence)
            np.minimum(least, likely if text.weight > 0 else 1 - likely, out=least)
        return least


def judge_of(
    collection: Collection, space: Space, store: VectorStore, query: Query
) -> Judge | None:
    """What judges the photos of a collection for a query; None where nothing can.

    Raises CorruptError, StorageError, and what loading the encoder raises.
    """
    wanted = [part for part in query.parts if part.kind == "text"]
    if not any(part.weight > 0 for part in wanted) or not len(store):
        return None
    background = collection.background(space)
    embedded = collection.query_encoder().encode_texts([part.value for part in wanted])
    texts = []
    for part, vector in zip(wanted, embedded, strict=True):
        scores, rows = store.search(vector[None], min(BEST, max(len(store), 1)))
        there = rows[0] >= 0
        found = collection.vectors_at(space, "photos", rows[0][there])
        if found is None:
            return None
        judgement = background.judge(vector, scores[0][there].clip(-1, 1), found)
        texts.append(JudgedText(vector, judgement, part.weight))
    return Judge(tuple(texts))


def above(relevance: Sequence[float] | NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of these probabilities reach the cut."""
    return np.asarray(relevance, np.float64) >= CUT


def _with(likely: NDArray[np.float64], evidence: NDArray[np.float64]) -> NDArray[np.float64]:
    bounded = likely.clip(1e-12, 1 - 1e-12)
    odds = np.log(bounded / (1 - bounded)) + EVIDENCE * evidence.clip(0, 40)
    found: NDArray[np.float64] = 1 / (1 + np.exp(-odds.clip(-60, 60)))
    return found
