"""What the calibration says about each question, and how good that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from relevance.questions import PRESENT, Question
from retrieval.calibration.judging import (
    CURVES,
    SHARE,
    USUAL,
    Background,
    Calibration,
    Curves,
    brevity,
    count_words,
)
from retrieval.calibration.rarity import rarity

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOOKED_AT = 60  # hits of a query that its hit curve is fitted on


@dataclass(frozen=True)
class Asked:
    """One question to one gallery: all its cosines, best first, and which photos are right."""

    kind: str
    words: int
    rare: float
    background: Background
    scores: NDArray[np.float32]
    vectors: NDArray[np.float32]  # of the ten best
    right: NDArray[np.bool_]
    alike: NDArray[np.bool_]

    @property
    def size(self) -> float:
        """The logarithm of the number of photos over the usual one."""
        return float(np.log(len(self.scores) / USUAL))


def ask(
    photos: NDArray[np.float32],
    calibration: Calibration,
    asked: Sequence[Question],
    vectors: NDArray[np.float32],
    most: int,
) -> list[Asked]:
    """Ask all questions, embedded as `vectors`, to at most `most` photos; right ones stay in."""
    random = np.random.default_rng(most)
    backgrounds: dict[bytes, tuple[NDArray[np.int64], Background]] = {}
    found = []
    for question, query in zip(asked, vectors, strict=True):
        key = question.kept.tobytes()
        if key not in backgrounds:
            drawn = random.permutation(np.flatnonzero(question.kept))[:most]
            rows = photos[drawn].astype(np.float16)
            backgrounds[key] = drawn, calibration.background(rows)
        places, background = backgrounds[key]
        if question.right.any() and not question.right[places].any():
            places = places.copy()
            places[-1] = random.choice(np.flatnonzero(question.right))
        scores = photos[places] @ query
        order = scores.argsort()[::-1]
        places = places[order]
        best = photos[places[:10]]
        right, alike = question.right[places], question.alike[places]
        found.append(
            Asked(
                question.kind,
                count_words(question.text),
                rarity(question.text),
                background,
                scores[order],
                best,
                right,
                alike,
            )
        )
    return found


def fit(asked: Sequence[Asked], weights: dict[str, float], hit_cut: float) -> Curves:
    """Fit both curves. Kinds of questions weigh as `weights` says, whatever their numbers."""
    from sklearn.linear_model import LogisticRegression

    reach = [a.background.reach(a.scores, a.vectors) for a in asked]
    x = np.array(
        [
            [best - SHARE * a.background.excess, a.size, brevity(a.words), a.rare]
            for (_, best), a in zip(reach, asked, strict=True)
        ]
    )
    used = np.array([a.kind in weights for a in asked])
    counts = {kind: sum(a.kind == kind for a in asked) for kind in weights}
    weight = np.array([weights.get(a.kind, 0) / counts.get(a.kind, 1) for a in asked])
    there = np.array([bool(a.right.any()) for a in asked])
    any_ = LogisticRegression(C=1e4).fit(x[used], there[used], 1e4 * weight[used])

    hits, labels = [], []
    for (offset, _), a in zip(reach, asked, strict=True):
        if a.right.any() and a.kind in PRESENT:
            own = (a.scores[:LOOKED_AT] - offset) / a.background.step
            hits.append(np.stack([own, np.full(len(own), own[0])], axis=1))
            labels.append(a.alike[:LOOKED_AT])
    one = LogisticRegression(C=1e4).fit(np.concatenate(hits), np.concatenate(labels))
    best, size, brief, rare = any_.coef_[0].astype(np.float64).round(3).tolist()
    hit, leader = one.coef_[0].astype(np.float64).round(3).tolist()
    chance, share = round(float(any_.intercept_[0]), 3), round(float(one.intercept_[0]), 3)
    cuts = CURVES.present_cut, hit_cut
    return Curves(best, size, brief, rare, chance, hit, leader, share, *cuts)


@dataclass(frozen=True)
class Result:
    """What came of the questions of one kind."""

    answered: float  # share for which anything stands above the cut
    right_kept: float  # share of right photos above the cut, mean over questions
    precision: float  # of what stands above it
    shown: float  # hits above it, mean over all questions
    presence: NDArray[np.float64]


def judge(asked: Sequence[Asked], kind: str, curves: Curves) -> Result:
    """Judge all questions of a kind."""
    kept: list[float] = []
    precise: list[float] = []
    shown: list[int] = []
    presence: list[float] = []
    for a in asked:
        if a.kind != kind:
            continue
        judgement = a.background.judge(a.scores, a.vectors, a.words, a.rare, curves=curves)
        above = a.scores >= judgement.cut
        shown.append(int(above.sum()))
        presence.append(judgement.present)
        if a.right.any():
            kept.append(float((a.right & above).sum() / a.right.sum()))
            if above.any():
                precise.append(float((a.alike & above).sum() / above.sum()))
    return Result(
        float(np.mean(np.array(shown) > 0)) if shown else np.nan,
        float(np.mean(kept)) if kept else np.nan,
        float(np.mean(precise)) if precise else np.nan,
        float(np.mean(shown)) if shown else np.nan,
        np.array(presence),
    )


def auc(present: NDArray[np.float64], absent: NDArray[np.float64]) -> float:
    """The probability that a present question stands above an absent one; ties count half."""
    below = np.searchsorted(np.sort(absent), present, "left")
    up_to = np.searchsorted(np.sort(absent), present, "right")
    return float((below + up_to).mean() / 2 / len(absent))


def reliability(
    asked: Sequence[Asked], curves: Curves, kinds: Sequence[str]
) -> tuple[float, list[tuple[float, float, int]]]:
    """Expected calibration error of the ten best hits' relevance; per tenth what was found."""
    said, true = [], []
    for a in asked:
        if a.kind in kinds:
            judgement = a.background.judge(a.scores, a.vectors, a.words, a.rare, curves=curves)
            said.append(judgement.relevance(a.scores[:10]))
            true.append(a.alike[:10])
    p, y = np.concatenate(said), np.concatenate(true)
    at = np.minimum((p * 10).astype(int), 9)
    rows = [
        (float(p[at == b].mean()), float(y[at == b].mean()), int((at == b).sum()))
        for b in range(10)
        if (at == b).any()
    ]
    error = sum(n * abs(told - found) for told, found, n in rows) / len(p)
    return error, rows


def with_cuts(curves: Curves, present: float, hit: float) -> Curves:
    """The same curves with other cuts."""
    return replace(curves, present_cut=present, hit_cut=hit)
