"""Fitting the image and text heads on cached features: kernel ridge regression, then InfoNCE.

Kernel ridge regression predicts a photo's mean caption vector. Its leave-one-out predictions of the
training photos, which have a closed form, are as imperfect as those of new photos; so the two
linear maps that are then trained with InfoNCE (van den Oord et al. 2018) do not overfit them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from retrieval.encoders._mini_heads import BLOCKS, Features, describe, rbf


@dataclass(frozen=True)
class Settings:
    """The recipe's numbers, chosen on held-out photos (docs/mini.md)."""

    components: int = 192  # of each block's PCA
    gamma: float = 0.5
    ridge: float = 0.1
    epochs: int = 60
    batch: int = 256
    rate: float = 1e-3
    temperature: float = 0.05
    pull: float = 5.0  # weight of the squared distance of the linear maps from identity
    dropout: float = 0.1
    seeds: int = 4  # the linear maps of several runs are averaged


def fit(
    features: Features,
    pooled: Tensor,
    captions: Sequence[Sequence[int]],
    classes: Tensor,
    text_mean: Tensor,
    settings: Settings,
) -> dict[str, Tensor]:
    """Fit all heads on n photos; returns the tensors that `ImageHead` and `TextHead` read.

    `pooled` float32 (texts, 384) are unit MiniLM vectors, `captions[i]` the rows of photo i,
    `classes` float32 (1000, 384) the vectors of the ImageNet class names.
    """
    state = {"classes": classes, "image.gamma": torch.tensor(settings.gamma)}
    state |= _standardise(features, classes, settings.components)
    support = describe(features, state)  # (n, d)
    targets = torch.stack([pooled[list(rows)].mean(0) for rows in captions]) - text_mean  # (n, 384)
    kernel = rbf(support, support, state["image.gamma"]).double()
    inverse = torch.linalg.inv(kernel + settings.ridge * torch.eye(len(kernel)).double())
    coefficients = inverse @ targets.double()
    left_out = targets - (coefficients / inverse.diagonal()[:, None]).float()
    state |= {"image.support": support, "image.coefficients": coefficients.float()}
    return state | _align(left_out, pooled - text_mean, captions, text_mean, settings)


def _standardise(features: Features, classes: Tensor, components: int) -> dict[str, Tensor]:
    """Means, scales and PCA projections of the feature blocks; mean and scale of ConSE."""
    state: dict[str, Tensor] = {}
    for block in BLOCKS:
        x = getattr(features, block)
        state[f"{block}.mean"], state[f"{block}.scale"] = _moments(x)
        unit = functional.normalize((x - state[f"{block}.mean"]) / state[f"{block}.scale"], dim=-1)
        _, _, axes = torch.linalg.svd(unit - unit.mean(0), full_matrices=False)
        state[f"{block}.projection"] = axes[:components].T.contiguous()  # (1280, components)
    conse = functional.normalize(features.classes.sqrt() @ classes, dim=-1)
    state["conse.mean"], state["conse.scale"] = _moments(conse)
    return state


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of each column; the deviation is kept off zero."""
    return x.mean(0), x.std(0) + 0.05 * x.std()


def _align(
    predicted: Tensor,
    texts: Tensor,
    captions: Sequence[Sequence[int]],
    text_mean: Tensor,
    settings: Settings,
) -> dict[str, Tensor]:
    """Two linear maps (n, 384) -> (n, 384), image and text, averaged over seeds."""
    size = predicted.norm(dim=1).mean()
    centre = predicted.mean(0) / size
    text_centre = torch.stack([texts[list(rows)].mean(0) for rows in captions]).mean(0)
    runs = [
        _train_maps(predicted / size - centre, texts - text_centre, captions, settings, seed)
        for seed in range(settings.seeds)
    ]
    image, image_bias, text, text_bias = (torch.stack(c).mean(0) for c in zip(*runs, strict=True))
    # The centring is folded into the biases, so that the encoder has nothing to subtract.
    return {
        "image.weight": image / size,
        "image.bias": image_bias - image @ centre,
        "text.weight": text,
        "text.bias": text_bias - text @ (text_mean + text_centre),
    }


def _train_maps(
    images: Tensor,
    texts: Tensor,
    captions: Sequence[Sequence[int]],
    settings: Settings,
    seed: int,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """InfoNCE over batches of (photo, one of its captions); weights stay near the identity."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    identity = torch.eye(images.shape[1])
    weights = [identity.clone().requires_grad_() for _ in range(2)]
    biases = [torch.zeros(images.shape[1], requires_grad=True) for _ in range(2)]
    scale = torch.tensor(float(np.log(1 / settings.temperature)), requires_grad=True)
    optimiser = torch.optim.AdamW([*weights, *biases, scale], lr=settings.rate, weight_decay=0.0)
    batches = max(1, len(images) // settings.batch)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, settings.epochs * batches)
    for _ in range(settings.epochs):
        for rows in np.array_split(random.permutation(len(images)), batches):
            chosen = [int(random.choice(captions[i])) for i in rows]
            image = functional.dropout(images[rows], settings.dropout)
            left = functional.normalize(functional.linear(image, weights[0], biases[0]), dim=-1)
            right = functional.linear(texts[chosen], weights[1], biases[1])
            right = functional.normalize(right, dim=-1)
            scores = left @ right.T * scale.exp().clamp(max=100)
            own = torch.arange(len(rows))
            loss = functional.cross_entropy(scores, own) + functional.cross_entropy(scores.T, own)
            drift = sum(((w - identity) ** 2).sum() for w in weights)
            (loss / 2 + settings.pull * drift / len(identity)).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            schedule.step()
            optimiser.zero_grad()
    image_weight, text_weight = (w.detach() for w in weights)
    return image_weight, biases[0].detach(), text_weight, biases[1].detach()
