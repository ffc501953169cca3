"""Whether a set of embeddings may be believed: its encoder, its numbers, a sample of its photos."""

from __future__ import annotations

import os
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrieval.errors import EncoderMismatchError, ExchangeError, ImageError
from retrieval.exchange.sets import EmbeddingSet
from retrieval.queries import embed_picture
from retrieval.records import Progress, ProgressCallback

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.collection import Collection

SAMPLE = 32  # photos of a set from elsewhere that are embedded again
LEAST_COSINE = 0.98  # of these with what the set has; another encoder's are far below
UNIT_TOLERANCE = 0.01  # of a length, before a row counts as rescaled


class Places:
    """Where the files of a set are here. With `by_hash` they may lie elsewhere below the root."""

    def __init__(self, root: str, *, by_hash: bool) -> None:
        self.root = root
        self._by_hash = by_hash

    def find(self, path: str) -> str:
        """The absolute path of a file that is there, "" if there is none."""
        if not path or "\0" in path:
            return ""
        place = os.path.abspath(os.path.join(self.root, path))
        if os.path.isfile(place):
            return place
        parts = path.split(os.sep)
        for start in range(1, len(parts)) if self._by_hash else ():
            place = os.path.abspath(os.path.join(self.root, *parts[start:]))
            if os.path.isfile(place):
                return place
        return ""


@dataclass(slots=True)
class Checked:
    """How many photos were embedded again, the least cosine, and how many rows are not unit."""

    compared: int = 0
    least: float | None = None
    rescaled: int = 0


def check(
    collection: Collection,
    found: EmbeddingSet,
    places: Places,
    trust: bool,
    sample: int,
    on_progress: ProgressCallback,
) -> Checked:
    """Refuse a set that does not fit the collection, before anything is written."""
    collection.check_encoder()
    space = collection.catalog.active_space()
    if found.note is not None:
        fingerprint = space.fingerprint if space else collection.encoder().fingerprint
        if fingerprint != found.note.fingerprint:
            raise EncoderMismatchError(
                f"The set in {found.folder} was made with the encoder {found.note.encoder}; this "
                f"collection has {space.encoder if space else collection.encoder().name}, or other "
                "weights of it. Import into another collection with --collection NAME."
            )
    elif not trust:
        raise ExchangeError(
            f"The set in {found.folder} does not say what made its embeddings. Name the encoder "
            "with --model and add --trust: some of its photos are then embedded again to compare."
        )
    dim = space.dim if space else collection.encoder().dim
    if found.dim != dim:
        raise EncoderMismatchError(
            f"The embeddings in {found.folder} have {found.dim:,} dimensions, those of the "
            f"encoder {dim:,}. Name the encoder that made them with --model."
        )
    checked = Checked()
    chosen = _look_through(found, places, sample, checked, on_progress)
    if found.note is None:
        _compare(collection, found, chosen, checked)
    return checked


def _look_through(
    found: EmbeddingSet,
    places: Places,
    sample: int,
    checked: Checked,
    on_progress: ProgressCallback,
) -> list[tuple[str, int]]:
    """Check all numbers; return a random `sample` of (path, row) whose file is there."""
    chosen: list[tuple[str, int]] = []
    there = done = 0
    for records, vectors in found.pieces():
        lengths = np.linalg.norm(vectors.astype(np.float64), axis=1)
        bad = np.flatnonzero(~np.isfinite(lengths) | (lengths == 0))
        if len(bad):
            raise ExchangeError(
                f"Row {done + int(bad[0]):,} of the set in {found.folder} (counted from 0) is "
                "empty or not finite, so it embeds no photo. Make the set anew."
            )
        checked.rescaled += int((np.abs(lengths - 1) > UNIT_TOLERANCE).sum())
        for offset, record in enumerate(records):
            if path := places.find(record.path):
                there += 1  # each is as likely to be chosen: reservoir sampling, algorithm R
                if len(chosen) < sample:
                    chosen.append((path, done + offset))
                elif (at := random.randrange(there)) < sample:
                    chosen[at] = path, done + offset
        done += len(records)
        on_progress(Progress("checking", done, found.rows))
    if not there:
        raise ExchangeError(
            f"None of the files that the set in {found.folder} names is there, below "
            f"{places.root} or elsewhere. Say where they lie with --root FOLDER."
        )
    return chosen


def _compare(
    collection: Collection,
    found: EmbeddingSet,
    chosen: Sequence[tuple[str, int]],
    checked: Checked,
) -> None:
    """Embed some photos again. Raises ExchangeError with the figures if they come out otherwise."""
    encoder = collection.encoder()
    cosines: list[float] = []
    for path, row in chosen:
        try:
            mine = embed_picture(path, encoder)
        except ImageError:
            continue  # left out of the import as well
        cosines.append(float(unit(found.vectors(row, 1))[0] @ mine))
    checked.compared = len(cosines)
    checked.least = min(cosines, default=None)
    good = sum(cosine >= LEAST_COSINE for cosine in cosines)
    if not cosines:
        raise ExchangeError(
            f"No photo of the set in {found.folder} could be read to compare its embedding. "
            "Say where the photos lie with --root FOLDER."
        )
    if good < len(cosines):
        raise ExchangeError(
            f"Of {len(cosines)} photos that were embedded again with {encoder.name}, {good} have a "
            f"cosine of at least {LEAST_COSINE} with the set in {found.folder} (least "
            f"{min(cosines):.3f}, median {float(np.median(cosines)):.3f}). Nothing was imported: "
            "name the encoder that made it with --model, or index the photos."
        )


def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows (n, dim) at unit length."""
    exact = vectors.astype(np.float64)
    unit: NDArray[np.float32] = (exact / np.linalg.norm(exact, axis=1, keepdims=True)).astype(
        np.float32
    )
    return unit
