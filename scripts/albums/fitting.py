"""Fit what linked texts are worth (calibration.judging.HEARD) and how sharp shares are (fusing)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from albums.asking import ABSENT_WAYS, WAYS
from retrieval import Collection, SearchOptions, make_query
from retrieval.searching.attempt import Attempt
from retrieval.searching.candidates import SHORTLIST
from retrieval.searching.composing import brought_together, embedded
from retrieval.searching.fusing import by_score
from retrieval.searching.judging import judge_of
from retrieval.searching.sources import rankings
from retrieval.storage.groups import photo_at


@dataclass(frozen=True)
class Observed:
    """A description: log-odds that there is any before texts are heard, what they say of the first.

    `scores` (n,) are those of all candidates by `by_score`, best first; `right` the place of the
    photo that is meant, None for descriptions of nothing or if it is no candidate.
    """

    there: bool
    odds: float
    told: float | None
    scores: NDArray[np.float64]
    right: int | None


def observe(
    collection: Collection, album: Path, asked: Sequence[dict[str, Any]]
) -> Iterator[Observed]:
    """What a collection says of the descriptions in questions, those for filters left out."""
    for question in asked:
        text = _description(question["question"])
        if text is None:
            continue
        query = make_query(text, raw=True)
        attempt = Attempt.begin(collection, query, SearchOptions(), None)
        parts = embedded(collection, query)
        composition = brought_together(collection, parts, "photos")
        judge = judge_of(collection, attempt.space, attempt.store, parts, query)
        if composition is None or judge is None or judge.present is None:
            continue
        found = rankings(collection, composition.vector, text, depth=SHORTLIST) or []
        fused = by_score(found)
        told = {each.id: each.score for each in by_score(found[1:])}
        ids = [each.id for each in fused]
        own = {photo_at(collection.reader, str(album / file)) for file in question["files"]}
        yield Observed(
            there=bool(question["files"]),
            odds=float(np.log(judge.present / (1 - judge.present))),
            told=told.get(ids[0]),
            scores=np.array([each.score for each in fused]),
            right=next((place for place, item in enumerate(ids) if item in own), None),
        )


def _description(question: str) -> str | None:
    for way in (*WAYS.values(), *ABSENT_WAYS):
        found = re.fullmatch(re.escape(way).replace(r"\{\}", "(.+)"), question)
        if found:
            return found[1]
    return None


def sharpness(observed: Sequence[Observed]) -> float:
    """The sharpness of the softmax that makes the right photos likeliest."""
    meant = [(each.scores, each.right) for each in observed if each.right is not None]

    def surprise(sharp: float) -> float:
        told = [sharp * scores - np.logaddexp.reduce(sharp * scores) for scores, _ in meant]
        return -float(np.mean([t[right] for t, (_, right) in zip(told, meant, strict=True)]))

    return min(np.arange(0.2, 8, 0.05).round(2).tolist(), key=surprise)


def heard(observed: Sequence[Observed]) -> tuple[float, float, float]:
    """The numbers of HEARD: own, told, silence. Present and absent descriptions weigh the same."""
    from sklearn.linear_model import LogisticRegression

    some = [each for each in observed if each.told is not None]
    there = np.array([each.there for each in some])
    weights = np.where(there, 1 / there.sum(), 1 / (~there).sum()) * 1000
    features = np.array([[each.odds, each.told] for each in some])
    fitted = LogisticRegression(C=1e5).fit(features, there, weights)
    own, told = fitted.coef_[0].round(2).tolist()
    return own, told, round(float(fitted.intercept_[0]), 2)
