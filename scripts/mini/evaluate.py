"""Recall on held-out photos: captions look for their photo, photos for one of their captions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mini.data import Photo

LEVELS = (1, 5, 10)


@dataclass(frozen=True)
class Split:
    """Positions of photos: those to train on, and a gallery to measure on for each data set."""

    train: list[int]
    galleries: dict[str, list[int]]


@dataclass(frozen=True)
class Recall:
    """Shares of hits in the first 1, 5 and 10."""

    text_to_image: tuple[float, ...]
    image_to_text: tuple[float, ...]


def split(photos: Sequence[Photo], held_out: dict[str, int], seed: int) -> Split:
    """Draw the galleries (`held_out` photos of each data set) at random; the rest trains."""
    random = np.random.default_rng(seed)
    galleries = {
        dataset: random.choice(
            [i for i, photo in enumerate(photos) if photo.dataset == dataset], count, replace=False
        ).tolist()
        for dataset, count in held_out.items()
    }
    taken = {i for gallery in galleries.values() for i in gallery}
    return Split([i for i in range(len(photos)) if i not in taken], galleries)


def recall(images: Tensor, texts: Tensor, owners: Tensor) -> Recall:
    """Unit vectors (n, d) of photos and (m, d) of captions, whose photos are `owners` (m,).

    The gallery of a caption are the n photos; that of a photo all m captions, where the first of
    its own counts. A tie counts as a hit for neither side's favour: only better ones rank before.
    """
    scores = texts @ images.T  # (m, n)
    own = scores.gather(1, owners[:, None])  # (m, 1)
    text_ranks = (scores > own).sum(1)
    others = scores.scatter(1, owners[:, None], -2.0)
    best = torch.full((len(images),), -2.0).scatter_reduce(0, owners, own[:, 0], "amax")
    image_ranks = (others > best[None]).sum(0)
    return Recall(_shares(text_ranks), _shares(image_ranks))


def mean(recalls: Sequence[Recall]) -> Recall:
    """The mean over splits."""
    return Recall(
        tuple(np.mean([r.text_to_image for r in recalls], axis=0).tolist()),
        tuple(np.mean([r.image_to_text for r in recalls], axis=0).tolist()),
    )


def line(name: str, value: Recall) -> str:
    """One row of the table, in percent."""
    cells = [
        "/".join(f"{100 * x:.1f}" for x in side)
        for side in (value.text_to_image, value.image_to_text)
    ]
    return f"{name:44s} {cells[0]:>16s}   {cells[1]:>16s}"


def _shares(ranks: Tensor) -> tuple[float, ...]:
    return tuple((ranks < k).float().mean().item() for k in LEVELS)
