"""How likely an item is what a query means, part by part: see retrieval.calibration.

A text has a null distribution of its own; several that are wanted are judged as one. An item is
relevant if it is to what is wanted, and to none of what is not:

    relevance = min(p of what is wanted, 1 - p_j of each that is not)

A minimum and not a product, so that the cut means the same however many parts there are. What
linked documents and words say for an item counts as evidence, added to the log-odds of the texts
that are wanted. Pictures have no null distribution, so a query with one is not judged; marks are
left out of account.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from retrieval.calibration import count_words, rarity
from retrieval.searching.composing import Piece
from retrieval.storage.lexical import stands_somewhere

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.calibration import Judgement
    from retrieval.collection import Collection
    from retrieval.records import Query, Space
    from retrieval.searching.composing import Embedded
    from retrieval.stores import VectorStore

BEST = 10  # hits of a text by which it is judged
#: What a unit of evidence (searching.fusing) adds to the log-odds, and from which amount on it
#: alone makes an item a match. Chosen with scripts/evaluate_album.py --captions.
EVIDENCE, ENOUGH = 0.5, 6.0
SAID = 0.5  # relevance, at least, of what says itself that it is meant
UNWANTED = 0.5  # probability from which on an item is what is not wanted


class Verdict(NamedTuple):
    """Probabilities (n,) of being relevant, and which items count as matches, bool (n,)."""

    relevance: NDArray[np.float64]
    likely: NDArray[np.bool_]


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
    joined: bool = False  # the wanted text was put together of several

    @property
    def only(self) -> JudgedText | None:
        """The one text that decides alone, and ranks alone; None where there are several."""
        one = len(self.texts) == 1 and self.texts[0].weight > 0 and not self.joined
        return self.texts[0] if one else None

    @property
    def wants(self) -> bool:
        """Whether anything is wanted, and not only unwanted."""
        return any(text.weight > 0 for text in self.texts)

    @property
    def present(self) -> float | None:
        """The probability that there is anything of what is wanted; None if nothing is."""
        wanted = [text.judgement.present for text in self.texts if text.weight > 0]
        return min(wanted, default=None)

    def hearing(self, told: float) -> Judge:
        """The same after hearing how far linked texts speak for the photo that is ranked first."""
        texts = [
            replace(text, judgement=text.judgement.hearing(told)) if text.weight > 0 else text
            for text in self.texts
        ]
        return replace(self, texts=tuple(texts))

    def verdict(
        self,
        vectors: NDArray[np.floating],
        evidence: NDArray[np.float64],
        says_so: NDArray[np.bool_],
    ) -> Verdict:
        """Judge items of these embeddings (n, dim), for which so much else speaks (n,).

        Where it `says_so` (n,), in all words of the query, an item is a match for that alone.
        """
        rows = np.asarray(vectors, np.float32)
        least, likely = np.ones(len(rows), np.float64), np.ones(len(rows), bool)
        for text in self.texts:
            scores = rows @ text.vector
            known = text.judgement.relevance(scores)
            if text.weight < 0:
                np.minimum(least, 1 - known, out=least)
                likely &= known < UNWANTED
                continue
            known = np.where(says_so, np.maximum(known, SAID), known)
            np.minimum(least, _with(known, evidence), out=least)
            cut = text.judgement.cut - EVIDENCE * evidence.clip(0, 40) / text.judgement.slope
            likely &= (scores >= cut) | (evidence >= ENOUGH) | says_so
        return Verdict(least, likely)


def judge_of(
    collection: Collection, space: Space, store: VectorStore, parts: Embedded, query: Query
) -> Judge | None:
    """What judges the photos of a collection for an embedded query; None where nothing can.

    Raises CorruptError, StorageError, and what the encoder raises.
    """
    pieces, encoder = parts
    if encoder is None or any(piece.kind == "picture" for piece in pieces) or not len(store):
        return None
    texts = [piece for piece in pieces if piece.kind == "text"]
    wanted = [piece for piece in texts if piece.weight > 0]
    if len(wanted) > 1:
        told = [part.value for part in query.parts if part.kind == "text" and part.weight > 0]
        whole = " ".join(told)
        joined = Piece("text", encoder.encode_texts([whole])[0], 1.0, count_words(whole), whole)
        texts = [joined, *(piece for piece in texts if piece.weight < 0)]
    if not texts:
        return None
    background, reader = collection.background(space), collection.reader
    judged = []
    for piece in texts:
        scores, rows = store.search(piece.vector[None], min(BEST, len(store)))
        there = rows[0] >= 0
        found = collection.vectors_at(space, "photos", rows[0][there])
        if found is None:
            return None
        rare = rarity(piece.text, partial(stands_somewhere, reader))
        judgement = background.judge(scores[0][there].clip(-1, 1), found, piece.words, rare)
        judged.append(JudgedText(piece.vector, judgement, piece.weight))
    return Judge(tuple(judged), joined=len(wanted) > 1)


def _with(known: NDArray[np.float64], evidence: NDArray[np.float64]) -> NDArray[np.float64]:
    bounded = known.clip(1e-12, 1 - 1e-12)
    odds = np.log(bounded / (1 - bounded)) + EVIDENCE * evidence.clip(0, 40)
    found: NDArray[np.float64] = 1 / (1 + np.exp(-odds.clip(-60, 60)))
    return found
