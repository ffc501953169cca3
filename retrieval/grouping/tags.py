"""Tags: clusters of a collection with words for them, and words for one photo.

Both go by `zero_shot`: how much better a word fits than it fits the photos of the collection at
large. No word is learned from the photos, so any encoder can do this, as well as it knows words.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from retrieval.calibration.folder import BankFolder
from retrieval.errors import NoCollectionError, UsageError
from retrieval.grouping.clusters import BLOCK, MOST_CLUSTERS, cluster, clusters_for
from retrieval.storage.groups import live_photos, photo_at

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from retrieval.collection import Collection
    from retrieval.encoders import Encoder

    Vectors = NDArray[np.float16] | NDArray[np.float32]

TEMPLATES = ("{}", "a photo of {}")
#: How much of a word's usual score is taken off. One half is CSLS (Conneau and others, 2018), 2 cos
#: minus the mean, with the whole collection as neighbourhood; measured best of 0, .5, .75 and 1.
USUAL = 0.5
TEMPERATURE = 0.02  # of the softmax that turns scores into shares
WORDS_OF_TAG = 3
EXAMPLES = 6
MOST_BACKGROUND = 20_000  # photos that a word's usual score is taken from


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the vocabulary, and the same in Chinese."""

    english: str
    chinese: str


@dataclass(frozen=True, slots=True)
class Scored:
    """A word that fits. `score` is that of `zero_shot`; `share` its part of all words' softmax.

    `margin` is how far the score lies above the next word's. Shares compare words for one picture;
    they are no probability that the word is right.
    """

    word: str
    chinese: str
    score: float
    share: float
    margin: float


@dataclass(frozen=True, slots=True)
class Tag:
    """A cluster: its words, the best first, and its photos' ids, the most typical first."""

    label: str
    words: tuple[Scored, ...]
    photos: tuple[int, ...]
    examples: tuple[str, ...]


@cache
def vocabulary() -> tuple[Word, ...]:
    """Everyday things, scenes and activities: vocabulary.tsv beside this module."""
    lines = (files("retrieval.grouping") / "vocabulary.tsv").read_text("utf-8").splitlines()
    return tuple(Word(*line.split("\t")) for line in lines)


def embed_words(encoder: Encoder, words: Sequence[str]) -> NDArray[np.float32]:
    """Unit vectors (v, dim) of words, each the mean of what the encoder makes of TEMPLATES."""
    total = np.zeros((len(words), encoder.dim), np.float32)
    for template in TEMPLATES:
        total += encoder.encode_texts([template.format(word) for word in words])
    unit: NDArray[np.float32] = total / np.linalg.norm(total, axis=1, keepdims=True)
    return unit


def zero_shot(
    vectors: Vectors, words: NDArray[np.float32], background: Vectors | None = None
) -> NDArray[np.float32]:
    """How well words (v, dim) fit pictures (n, dim), all of unit length: float32 (n, v).

    The cosine, less USUAL times the word's mean cosine over the `background` (m, dim): words that
    are near to every picture would else win everywhere. Without background it is the cosine.
    """
    scores = np.asarray(vectors, np.float32) @ words.T
    if background is not None and len(background):
        scores -= USUAL * usual_scores(background, words)
    return scores


def usual_scores(background: Vectors, words: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean cosine (v,) of each word with pictures (m, dim), of evenly chosen ones if many."""
    step = -(-len(background) // MOST_BACKGROUND)
    mean = np.asarray(background[::step], np.float32).mean(axis=0)
    usual: NDArray[np.float32] = words @ mean
    return usual


def best_words(
    scores: NDArray[np.float32], words: Sequence[Word], count: int
) -> tuple[Scored, ...]:
    """The `count` best of `words` by their scores (v,) of zero_shot, best first."""
    order = np.argsort(-scores, kind="stable")
    weights = np.exp((scores - scores.max()) / TEMPERATURE)
    shares = weights / weights.sum()
    best = []
    for place, number in enumerate(order[:count]):
        after = order[place + 1] if place + 1 < len(order) else number
        best.append(
            Scored(
                words[number].english,
                words[number].chinese,
                float(scores[number]),
                float(shares[number]),
                float(scores[number] - scores[after]),
            )
        )
    return tuple(best)


# --- of a collection --------------------------------------------------------------------------


def find_tags(collection: Collection, k: int = 0) -> list[Tag]:
    """Cluster a collection's photos into at most k (0: by its size) and name the clusters.

    Clusters whose best word is the same are one tag. The largest tag comes first. Raises
    UsageError for an impossible k, NoCollectionError where there are no photos.
    """
    if not 0 <= k <= MOST_CLUSTERS * 16:
        raise UsageError(f"k must lie between 1 and {MOST_CLUSTERS * 16:,}, not {k:,}.")
    vectors, photos = photo_vectors(collection)
    texts = vocabulary_vectors(collection)
    found = cluster(vectors, k or clusters_for(len(vectors)))
    usual = USUAL * usual_scores(vectors, texts)
    scores = _means(vectors, found.labels, len(found.centres)) @ texts.T - usual
    groups: dict[int, list[int]] = {}
    for number, best in enumerate(scores.argmax(axis=1)):
        groups.setdefault(int(best), []).append(number)
    tags = []
    for numbers in groups.values():
        rows = np.flatnonzero(np.isin(found.labels, numbers))
        tags.append((rows, _mean(vectors, rows)))
    tags.sort(key=lambda tag: (-len(tag[0]), int(tag[0][0])))
    return [
        _tag(collection, vectors, photos, rows, mean, mean @ texts.T - usual) for rows, mean in tags
    ]


def tag_photo(collection: Collection, path: str | Path, count: int = 10) -> tuple[Scored, ...]:
    """The words that fit a picture file best, whether or not the collection holds it.

    Its embedding is taken from the collection where that has it. Raises ImageError for a file that
    is no picture, NoCollectionError where there are no photos to compare with.
    """
    vectors, photos = photo_vectors(collection)
    place = os.path.abspath(os.path.expanduser(path))
    photo = photo_at(collection.reader, place)
    there = np.flatnonzero(photos == photo) if photo is not None else np.empty(0, np.int64)
    encoder = collection.query_encoder()
    if len(there):
        vector = np.asarray(vectors[there[:1]], np.float32)
    else:
        from retrieval.queries import embed_picture

        vector = embed_picture(place, encoder)[None]
    texts = vocabulary_vectors(collection)
    return best_words(zero_shot(vector, texts, vectors)[0], vocabulary(), count)


def tags_of(
    collection: Collection, photos: Sequence[int], count: int = 5
) -> dict[int, tuple[Scored, ...]]:
    """The words that fit photos of the collection best, by their ids; unknown ones are left out.

    Raises NoCollectionError where there are no photos.
    """
    vectors, ids = photo_vectors(collection)
    rows = {int(photo): row for row, photo in enumerate(ids)}
    there = [photo for photo in photos if photo in rows]
    if not there:
        return {}
    words = vocabulary_vectors(collection)
    chosen = np.asarray(vectors[[rows[photo] for photo in there]], np.float32)
    scores = zero_shot(chosen, words, vectors)
    return {
        photo: best_words(row, vocabulary(), count)
        for photo, row in zip(there, scores, strict=True)
    }


def vocabulary_vectors(collection: Collection) -> NDArray[np.float32]:
    """Unit vectors (v, dim) of the vocabulary by the collection's encoder, kept in the cache."""
    words = [word.english for word in vocabulary()]
    encoder = collection.query_encoder()
    folder = BankFolder(encoder.fingerprint, collection.cache, "tags")
    made_of = zlib.crc32("\n".join((*TEMPLATES, *words)).encode())
    kept = folder.read(made_of)
    if kept is not None and kept.shape == (len(words), encoder.dim):
        return kept.astype(np.float32)
    vectors = embed_words(encoder, words)
    with suppress(OSError):  # it is made again next time
        folder.write(made_of, vectors)
    return vectors.astype(np.float16).astype(np.float32)  # as it is read the next time


def photo_vectors(collection: Collection) -> tuple[Vectors, NDArray[np.int64]]:
    """The vectors (n, dim) of all photos that are searched, and the photos' ids (n,).

    Raises NoCollectionError if there are none.
    """
    with collection.reader.snapshot():
        space = collection.reader.active_space()
        live = live_photos(collection.reader, space) if space else []
        if space is None or not live:
            raise NoCollectionError(
                f"The collection at {collection.path} holds no photos yet. "
                "Add some with: retrieval index FOLDER"
            )
        vectors = collection.vectors(space, "photos")
    rows, photos = np.array(live, np.int64).T
    if len(rows) != len(vectors):
        return vectors[rows], photos  # a copy, of those that are searched
    return vectors, photos


def _means(vectors: Vectors, labels: NDArray[np.int64], k: int) -> NDArray[np.float32]:
    return np.stack([_mean(vectors, np.flatnonzero(labels == number)) for number in range(k)])


def _mean(vectors: Vectors, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """The mean of some rows, block by block: (dim,)."""
    total = np.zeros(vectors.shape[1], np.float32)
    for start in range(0, len(rows), BLOCK):
        total += vectors[rows[start : start + BLOCK]].astype(np.float32).sum(axis=0)
    return total / np.float32(len(rows))


def _tag(
    collection: Collection,
    vectors: Vectors,
    photos: NDArray[np.int64],
    rows: NDArray[np.int64],
    mean: NDArray[np.float32],
    scores: NDArray[np.float32],
) -> Tag:
    words = best_words(scores, vocabulary(), WORDS_OF_TAG)
    typical = rows[np.argsort(-(vectors[rows].astype(np.float32) @ mean), kind="stable")]
    ids = [int(photo) for photo in photos[typical]]
    shown = collection.reader.photos_by_id(ids[:EXAMPLES])
    paths = (shown[i].paths for i in ids[:EXAMPLES] if i in shown)
    return Tag(words[0].word, words, tuple(ids), tuple(p[0] for p in paths if p))
