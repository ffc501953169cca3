"""How the parts of a query come together: texts, pictures, photos of the collection, marks.

Summing embeddings as they are (w_1 e_1 + w_2 e_2 + …) lets pictures decide: an encoder puts texts
and pictures into different corners of its space (the modality gap: Liang et al. 2022, "Mind the
gap"), and the cosines of a picture to photos vary more than those of a text. So

1. a text loses what all texts share: d = e - share n, with n the mean embedding of a few texts that
   say next to nothing (NEUTRAL), and less of it the more the text says (`neutral_share`); a picture
   stays as it is;
2. each part is scaled by the spread of its scores over the collection, s = sqrt(d' C d) with the
   covariance C of a sample of its vectors. Then z = (v - mean) d / s has standard deviation 1 over
   the collection for every part, whatever its modality, and equal weights mean equal say;
3. early fusion: one vector, q = sum_i w_i d_i / s_i, finds the candidates. It orders photos exactly
   as the weighted sum of their standardised scores would (late fusion by z-scores). What is
   subtracted counts MINUS as much: fully, the farthest from it comes before what is wanted;
4. late fusion: candidates are ordered by a soft minimum over what is wanted, less what is not,

       -TAU log sum_i (w_i / W) exp(-z_i / TAU) - MINUS sum_j |w_j| z_j / W,   W = sum of w_i > 0

   so that a photo has to have all of it: without it, the one photo that looks just like the example
   makes up for lacking the word. TAU = infinity would be the sum of 3 again.

Marked photos (feedback) are added to both. A query of one part is its embedding, untouched.

Average precision on photos that mini's heads had not seen (scripts/evaluate_composing.py, mean of
three splits of 500 photos):

                 image + text  image - text  text + text  text - text  two images
    plain sum        .149          .364         .197         .476         .108
    steps 2, 3       .167          .365         .197         .495         .105
    and 1            .204          .364         .297         .498         .105
    and 4            .208          .364         .302         .498         .109
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from retrieval.errors import QueryError
from retrieval.queries import embed_picture
from retrieval.records import Kind, Query
from retrieval.searching.feedback import (
    BETA,
    GAMMA,
    disliked_direction,
    liked_direction,
    strength,
)
from retrieval.storage.words import tokens

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.collection import Collection
    from retrieval.encoders import Encoder

NEUTRAL = (
    *("a photo", "a picture", "an image", "something", "someone", "somewhere", "things"),
    *("a photo of something", "a picture of a place"),
)
MOST_SHARE = 0.7
FULL_WORDS = 6  # texts of no more words lose the most
MINUS = 0.7
TAU = 5.0
SHORTLIST = 200  # candidates that are ordered by the soft minimum
PRIOR = 16  # photos that the spreads of all parts being equal counts for


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """An embedded part: unit vector (dim,), and whether it is a text, a picture or a mark.

    `text` is what was typed, and `words` counts its words.
    """

    kind: Literal["text", "picture", "like"]
    vector: NDArray[np.float32]
    weight: float
    words: int = 1
    text: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Composition:
    """What a query became.

    `vector` is the unit vector (dim,) to search with. `wanted` (p, dim) are the scaled directions
    of the parts that are wanted, of `shares` (p,) that sum to 1, `besides` (dim,) all that is added
    or subtracted beside them, `centre` (dim,) the mean of the collection.
    """

    vector: NDArray[np.float32]
    wanted: NDArray[np.float32]
    shares: NDArray[np.float32]
    besides: NDArray[np.float32]
    centre: NDArray[np.float32]

    @property
    def reorders(self) -> bool:
        """Whether `scores` order otherwise than the vector: two parts or more are wanted."""
        return len(self.wanted) > 1

    def scores(self, rows: NDArray[np.floating]) -> NDArray[np.float32]:
        """Scores (n,) of embeddings (n, dim) by late fusion, in standard deviations."""
        shifted = np.asarray(rows, np.float32) - self.centre
        total = shifted @ self.besides
        if len(self.wanted):
            z = shifted @ self.wanted.T / -TAU
            highest = z.max(axis=1, keepdims=True)
            total -= TAU * (np.log(np.exp(z - highest) @ self.shares) + highest[:, 0])
        return np.asarray(total, np.float32)

    def best_first(
        self, rows: NDArray[np.int64], vectors: NDArray[np.floating]
    ) -> NDArray[np.int64]:
        """Positions (n,) in `rows` (n,) by the scores of their vectors (n, dim); ties by row."""
        return np.lexsort((rows, -self.scores(vectors)))


def composed(collection: Collection, query: Query, kind: Kind = "photos") -> Composition:
    """Embed the parts of a query and bring them together, for searching the items of `kind`.

    A query of photos of the collection alone loads no encoder. Raises QueryError (unknown photos,
    parts that cancel out), ImageError, and what loading the encoder raises.
    """
    while True:
        found = brought_together(collection, embedded(collection, query), kind)
        if found is not None:
            return found


class Embedded(NamedTuple):
    """The parts of a query, and the encoder that embedded them, if one was needed."""

    pieces: list[Piece]
    encoder: Encoder | None


def embedded(collection: Collection, query: Query) -> Embedded:
    """The parts of a query, embedded by one encoder. Raises as `composed`."""
    used: list[Encoder] = []

    def encoder() -> Encoder:
        if not used:  # it may be another one the next time, where the collection changes its model
            used.append(collection.query_encoder())
        return used[0]

    pieces = embed_parts(query, encoder, collection.photo_vectors)
    return Embedded(pieces, used[0] if used else None)


def brought_together(
    collection: Collection, parts: Embedded, kind: Kind = "photos", *, less: bool = False
) -> Composition | None:
    """One composition of embedded parts, for searching the items of `kind`.

    With `less` it may only lead away from something, as filters say what is wanted. None if the
    collection was changed to another encoder meanwhile. Raises QueryError.
    """
    pieces, encoder = parts
    if _is_plain(pieces):
        return compose(pieces)
    if less and not any(piece.weight > 0 for piece in pieces):
        away = sum(np.float32(piece.weight) * piece.vector for piece in pieces)
        return compose([Piece("text", np.asarray(away, np.float32), 1.0)])
    neutral = neutral_text(encoder) if encoder is not None and _has_text(pieces) else None
    sample = collection.sample_vectors(kind)
    if sample.shape[1] != len(pieces[0].vector):
        return None
    return compose(pieces, sample, neutral)


def embed_parts(
    query: Query,
    encoder: Callable[[], Encoder],
    photo_vectors: Callable[[Sequence[int]], NDArray[np.float32]],
) -> list[Piece]:
    """The parts of a query, embedded; `encoder` is called only if a part needs it.

    `photo_vectors` gives embeddings (n, dim) of photos by id. Raises as `composed`.
    """
    texts = [part.value for part in query.parts if part.kind in ("text", "box")]
    ids = [int(part.value) for part in query.parts if part.kind in ("photo", "like")]
    embedded = iter(encoder().encode_texts(texts) if texts else ())
    stored = iter(photo_vectors(ids) if ids else ())
    pieces = []
    for part in query.parts:
        if part.kind in ("text", "box"):
            words = len(tokens(part.value))
            pieces.append(Piece("text", next(embedded), part.weight, words, part.value))
        elif part.kind == "image":
            pieces.append(Piece("picture", embed_picture(part.value, encoder()), part.weight))
        else:
            kind: Literal["like", "picture"] = "like" if part.kind == "like" else "picture"
            pieces.append(Piece(kind, next(stored), part.weight))
    return pieces


def compose(
    pieces: Sequence[Piece],
    sample: NDArray[np.float32] | None = None,
    neutral: NDArray[np.float32] | None = None,
) -> Composition:
    """Bring pieces together: see the module. Pure.

    `sample` (m, dim) are embeddings of the collection, `neutral` (dim,) the mean of texts that say
    nothing; without them parts are summed as they are. Raises QueryError if the parts cancel out,
    or if nothing is wanted.
    """
    if not any(piece.weight > 0 for piece in pieces):
        raise QueryError("The query only subtracts. Add words or a picture that you do want.")
    dim = len(pieces[0].vector)
    if _is_plain(pieces):
        nothing = np.zeros((0, dim), np.float32)
        only = _unit(pieces[0].vector)
        return Composition(only, nothing, nothing[:, 0], only, np.zeros(dim, np.float32))
    seen = np.zeros((0, dim), np.float32) if sample is None else sample
    parts = [piece for piece in pieces if piece.kind != "like"]
    weights = [piece.weight for piece in parts]
    total = sum(weight for weight in weights if weight > 0) or 1.0
    weights = [weight / total for weight in weights]
    directions = [_direction(piece, neutral) for piece in parts]
    for direction, weight in _led_by(pieces, seen):
        directions.append(direction)
        weights.append(weight)
    scaled = _equally_spread(np.stack(directions), seen)
    return _combined(scaled, np.array(weights, np.float32), len(parts), seen)


def _led_by(
    pieces: Sequence[Piece], seen: NDArray[np.float32]
) -> Iterator[tuple[NDArray[np.float32], float]]:
    """Where the marks lead, and how strongly."""
    likes = [piece.vector for piece in pieces if piece.kind == "like" and piece.weight > 0]
    if likes:
        yield liked_direction(np.stack(likes), seen), strength(len(likes), BETA)
    unlikes = [piece.vector for piece in pieces if piece.kind == "like" and piece.weight < 0]
    if unlikes:
        yield disliked_direction(np.stack(unlikes), seen), -strength(len(unlikes), GAMMA)


def _combined(
    scaled: NDArray[np.float32],
    weights: NDArray[np.float32],
    parts: int,
    seen: NDArray[np.float32],
) -> Composition:
    """Scaled directions (p, dim) with weights (p,); the first `parts` are no marks."""
    softened = weights.copy()
    softened[:parts][weights[:parts] < 0] *= MINUS
    least = 1e-5 * float(np.linalg.norm(scaled, axis=1).max())
    if min(np.linalg.norm(weights @ scaled), np.linalg.norm(softened @ scaled)) < least:
        raise QueryError("The parts of the query cancel each other out. Change a weight.")
    wanted = np.flatnonzero(weights[:parts] > 0)
    besides = np.setdiff1d(np.arange(len(weights)), wanted)
    return Composition(
        _unit(softened @ scaled),
        scaled[wanted],
        weights[wanted],
        softened[besides] @ scaled[besides],
        seen.mean(axis=0) if len(seen) else np.zeros(scaled.shape[1], np.float32),
    )


def _direction(piece: Piece, neutral: NDArray[np.float32] | None) -> NDArray[np.float32]:
    if piece.kind != "text" or neutral is None:
        return piece.vector
    left = piece.vector - np.float32(neutral_share(piece.words)) * neutral
    # A text that says nothing itself ("a photo") is left as it is.
    return left if np.linalg.norm(left) > 0.05 else piece.vector


def neutral_share(words: int) -> float:
    """How much of the neutral text a text of so many words loses: a caption less than a word."""
    return MOST_SHARE * min(1.0, FULL_WORDS / max(1, words))


def _equally_spread(
    directions: NDArray[np.float32], seen: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Directions (p, dim) scaled to scores of standard deviation 1 over the sample (m, dim).

    A small sample tells little: the variances are drawn together as if PRIOR more items had been
    seen for which all directions vary alike; without any, all have unit length. What does not vary
    at all counts as varying a hundredth of the others' mean.
    """
    unit = directions / np.maximum(np.linalg.norm(directions, axis=1, keepdims=True), 1e-9)
    if not len(seen):
        return np.asarray(unit, np.float32)
    variances = ((seen - seen.mean(axis=0)) @ unit.T).var(axis=0)
    mean = float(variances.mean())
    if mean < 1e-12:
        return np.asarray(unit, np.float32)
    drawn = (len(seen) * variances + PRIOR * mean) / (len(seen) + PRIOR)
    deviations = np.sqrt(np.maximum(drawn, 1e-4 * mean))
    return np.asarray(unit / deviations[:, None], np.float32)


_neutral: dict[str, NDArray[np.float32]] = {}


def neutral_text(encoder: Encoder) -> NDArray[np.float32]:
    """The mean embedding (dim,) of NEUTRAL, remembered by the encoder's fingerprint."""
    known = _neutral.get(encoder.fingerprint)
    if known is None:
        known = np.asarray(encoder.encode_texts(list(NEUTRAL)).mean(axis=0), np.float32)
        _neutral[encoder.fingerprint] = known
    return known


def _is_plain(pieces: Sequence[Piece]) -> bool:
    return len(pieces) == 1 and pieces[0].kind != "like" and pieces[0].weight > 0


def _has_text(pieces: Sequence[Piece]) -> bool:
    return any(piece.kind == "text" for piece in pieces)


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(vector / np.linalg.norm(vector), np.float32)
