"""What each source says of a query: photos and documents by their embeddings, and words.

Every source proposes photos; what the others think of those is then asked too, so that the fused
scores are whole and a list that ends early does not decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from retrieval.errors import CorruptError, StorageError
from retrieval.records import KINDS
from retrieval.searching.fusing import Ranking
from retrieval.storage.lexical import ranked
from retrieval.storage.links import documents_of_photos, photos_of_documents, rows_of_photos

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from retrieval.collection import Collection
    from retrieval.records import Space
    from retrieval.storage.readable import Readable
    from retrieval.stores import VectorStore

    Vector = NDArray[np.float32]
    Numbers = NDArray[np.int64]

DEPTH = 64  # photos that each source proposes
AT_ONCE = 4096  # documents that are read together
LEAST_LENGTH = 1e-6  # of a sum of embeddings: opposite ones may cancel out
SAMPLE = 256  # rows that tell what unrelated items score
#: Chosen on captioned photos that the encoder was not trained on (scripts/evaluate_fusion.py);
#: anything near does nearly as well.
BEST = 0.5  # share of the best document; the rest is what all of them say together
DOCUMENTS_WEIGHT = 2.0
DOCUMENTS_NEUTRAL = 4.0  # standard deviations: the best of a thousand unrelated texts come so far
WORDS_WEIGHT = 3.0
WORDS_NEUTRAL = 0.25  # of what all words of the query weigh


def rankings(
    collection: Collection,
    vector: Vector,
    text: str,
    *,
    depth: int = DEPTH,
    allowed: Numbers | None = None,
) -> list[Ranking] | None:
    """Rankings of photos for a query's vector (dim,) and the words in it, to be fused.

    The first is by the photos' embeddings and has at least the best `depth`; where `text` is not
    empty, documents and words follow. `allowed` int64 (n, 2) are rows and ids of the photos that
    may be found, as rows_of_photos gives them. None if the collection changed meanwhile: ask again.
    Raises what Collection.store does.
    """
    space, store = collection.store("photos")
    if len(vector) != space.dim:
        return None
    texts = _documents(collection, space) if text else None
    reader = collection.reader
    try:
        vectors = {kind: collection.vectors(space, kind) for kind in KINDS}
    except (CorruptError, StorageError):
        if reader.active_space() == space:
            raise
        return None  # compacted away just now
    with reader.snapshot():
        if reader.active_space() != space or (texts is not None and texts[0] != space):
            return None
        photos = _Photos(reader, space, store, vector, allowed)
        best = photos.best(depth)
        if not text:
            return [_by_photos(vectors["photos"], vector, best, best)]
        words = {match.id: match.score for match in ranked(reader, text, depth, photos.ids)}
        rows = vectors["documents"]
        documents = None if texts is None else _Documents(photos, texts[1], rows, vector)
        named = documents.named(depth) if documents else set()
        scored = {**best, **photos.scores_of((named | set(words)) - set(best))}
        known = documents.scores_of(sorted(scored)) if documents else {}
    words = {photo: score for photo, score in words.items() if photo in scored}
    return [
        _by_photos(vectors["photos"], vector, best, scored),
        _by_documents(vectors["documents"], vector, named, known),
        _ranking("words", words, words, WORDS_WEIGHT, (0.0, 1.0), WORDS_NEUTRAL),
    ]


def _documents(collection: Collection, space: Space) -> tuple[Space, VectorStore] | None:
    return collection.store("documents") if space.rows["documents"] else None


class _Photos:
    """The photos that may be found, and how near to a vector they are."""

    def __init__(
        self,
        reader: Readable,
        space: Space,
        store: VectorStore,
        vector: Vector,
        allowed: Numbers | None,
    ) -> None:
        self.reader, self.space, self.store, self.vector = reader, space, store, vector
        self.allowed = allowed
        #: Ids that may be found; None for all.
        self.ids = None if allowed is None else set(allowed[:, 1].tolist())

    def best(self, depth: int) -> dict[int, float]:
        """The ids of the nearest with their cosines, best first."""
        rows = None if self.allowed is None else self.allowed[:, 0]
        found = _search(self.store, self.vector, depth, rows)
        items = self.reader.items_at(self.space, "photos", list(found))
        return {items[row]: score for row, score in found.items() if row in items}

    def scores_of(self, ids: set[int]) -> dict[int, float]:
        """The cosines of these photos, of those that are live."""
        pairs = rows_of_photos(self.reader, self.space, sorted(ids))
        items = dict(pairs.tolist())
        found = _search(self.store, self.vector, len(pairs), pairs[:, 0])
        return {items[row]: score for row, score in found.items()}


class _Documents:
    """The documents that name photos, and how near to a vector they are."""

    def __init__(
        self, photos: _Photos, store: VectorStore, vectors: NDArray[np.float16], vector: Vector
    ) -> None:
        self.reader, self.space, self.ids = photos.reader, photos.space, photos.ids
        self.store, self.vectors, self.vector = store, vectors, vector

    def named(self, depth: int) -> set[int]:
        """Photos that the nearest documents name; of few allowed ones all, as that is cheap."""
        if self.ids is not None and len(self.ids) <= depth:
            return self.ids
        rows = list(_search(self.store, self.vector, depth))
        named = set(photos_of_documents(self.reader, self.space, rows)[:, 1].tolist())
        return named if self.ids is None else named & self.ids

    def scores_of(self, ids: Sequence[int]) -> dict[int, float]:
        """How near the documents that name each photo are, of those photos that have any."""
        pairs = documents_of_photos(self.reader, self.space, ids)
        return together(self.vectors, self.vector, pairs)


def _search(
    store: VectorStore, vector: Vector, k: int, allowed: Numbers | None = None
) -> dict[int, float]:
    """Rows and their cosines, best first."""
    count = min(k, len(store) if allowed is None else len(allowed))
    if count == 0:
        return {}
    scores, rows = store.search(vector[None], count, allowed)
    pairs = zip(rows[0].tolist(), scores[0].clip(-1, 1).tolist(), strict=True)
    return {row: score for row, score in pairs if row >= 0}


def together(vectors: NDArray[np.float16], vector: Vector, pairs: Numbers) -> dict[int, float]:
    """How near the documents of each photo are to a query's `vector` (dim,): of pairs (row, photo).

    The mean of two cosines, in shares BEST and 1 - BEST: that of the best one, and that of all of
    them together, the direction of their sum. A caption tells a part of what a photo shows, in
    words of one person; what several have in common lies nearer to what others say, as class means
    do (Snell et al., Prototypical Networks for Few-shot Learning, NeurIPS 2017). The best one still
    speaks for a photo whose documents are about different things. `vectors` (n, dim) are the rows
    of all documents; a pair counts once.
    """
    if not len(pairs):
        return {}
    photos, place = np.unique(pairs[:, 1], return_inverse=True)
    once = np.unique(place * len(vectors) + pairs[:, 0])  # files of a photo may share a document
    place, row = np.divmod(once, len(vectors))
    sums = np.zeros((len(photos), vectors.shape[1]), np.float32)
    best = np.full(len(photos), -1.0, np.float32)
    for start in range(0, len(row), AT_ONCE):
        own, first = np.unique(place[start : start + AT_ONCE], return_index=True)
        rows = np.asarray(vectors[row[start : start + AT_ONCE]], np.float32)
        sums[own] += np.add.reduceat(rows, first)
        best[own] = np.maximum(best[own], np.maximum.reduceat(rows @ vector, first))
    length = np.maximum(np.linalg.norm(sums, axis=1), LEAST_LENGTH)
    near = BEST * best + (1 - BEST) * (sums @ vector) / length
    return dict(zip(photos.tolist(), near.clip(-1, 1).tolist(), strict=True))


def _by_photos(
    vectors: NDArray[np.float16], vector: Vector, own: dict[int, float], scored: dict[int, float]
) -> Ranking:
    mean, spread, _ = unrelated(vectors, vector)
    return _ranking("photos", own, scored, 1.0, (mean, spread))


def _by_documents(
    vectors: NDArray[np.float16], vector: Vector, named: set[int], known: dict[int, float]
) -> Ranking:
    mean, spread, count = unrelated(vectors, vector)
    # Of n numbers none can stand more than sqrt(n) deviations above their mean.
    neutral = min(DOCUMENTS_NEUTRAL, count**0.5 / 2)
    own = {photo: score for photo, score in known.items() if photo in named}
    return _ranking("documents", own, known, DOCUMENTS_WEIGHT, (mean, spread), neutral)


def _ranking(
    source: str,
    own: dict[int, float],
    scored: dict[int, float],
    weight: float,
    null: tuple[float, float],
    neutral: float = 0.0,
) -> Ranking:
    """A ranking of `scored`: those that are the source's `own` first, each part best first."""
    order = sorted(scored, key=lambda photo: (photo not in own, -scored[photo], photo))
    ids = np.array(order, np.int64)
    scores = np.array([scored[photo] for photo in order], np.float32)
    return Ranking(source, ids, scores, weight, *null, neutral, found=len(own))


def unrelated(vectors: NDArray[np.float16], vector: Vector) -> tuple[float, float, int]:
    """Mean and standard deviation of a query's cosine with some rows, and how many those are.

    `vectors` (n, dim) are all rows of a kind; most of them have nothing to do with the query, so
    what an evenly spaced sample scores is what unrelated items do. Empty rows were forgotten.
    """
    rows = np.linspace(0, len(vectors) - 1, min(len(vectors), SAMPLE)).astype(np.int64)
    sample = np.asarray(vectors[rows], np.float32)  # (m, dim)
    cosines = (sample @ vector)[sample.any(axis=1)]
    if not len(cosines):
        return 0.0, 0.0, 0
    return float(cosines.mean()), float(cosines.std()), len(cosines)
