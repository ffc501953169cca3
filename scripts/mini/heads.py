"""Fitting the heads on cached features: kernel ridge regression, then two linear maps.

Kernel ridge regression predicts a photo's mean caption vector, and the vector of its class prompt
for photos that have only a class. Its leave-one-out predictions of the training photos, which have
a closed form, are as imperfect as those of new photos; so the linear maps that are then trained
with InfoNCE (van den Oord et al. 2018) do not learn to trust what was learnt by heart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor
from torch.nn import functional

from retrieval.encoders._mini_heads import (
    BLOCKS,
    HUB_IMAGES,
    HUB_TEXTS,
    Features,
    describe,
    nearness,
    rbf,
)


@dataclass(frozen=True)
class Settings:
    """The recipe's numbers, chosen on held-out photos (docs/mini.md)."""

    components: int = 256  # of each block's PCA
    gamma: float = 0.5
    ridge: float = 0.1  # of captioned photos
    class_ridge: float = 1.0  # of photos with a class only: trusted less
    epochs: int = 60
    batch: int = 256
    rate: float = 1e-3
    temperature: float = 0.05
    pull: float = 15.0  # weight of the squared distance of the linear maps from identity
    dropout: float = 0.1
    seeds: int = 3  # the linear maps of several runs are averaged
    hub_images: int = 400  # photos and clusters of texts in the banks against hubs
    hub_texts: int = 300


@dataclass(frozen=True)
class Texts:
    """Unit MiniLM vectors, after tuning, of everything that was said of the photos."""

    vectors: Tensor  # float32 (texts, 384)
    captions: Sequence[Sequence[int]]  # for each captioned photo, its rows of `vectors`
    classes: Tensor  # float32 (1000, 384), the prompts of the ImageNet classes
    mean: Tensor  # float32 (384,), of captions of other photos
    others: Tensor  # float32 (m, 384), one caption of each other photo


def fit(
    photos: Features, class_photos: Features, texts: Texts, settings: Settings
) -> dict[str, Tensor]:
    """Fit all heads on captioned photos and one photo for each class; returns their tensors."""
    state = {"classes": texts.classes, "image.gamma": torch.tensor(settings.gamma)}
    state |= _standardise(photos, texts.classes, settings.components)
    support = describe(_joined(photos, class_photos), state)  # (n + 1000, d)
    captioned = torch.stack([texts.vectors[list(rows)].mean(0) for rows in texts.captions])
    targets = torch.cat([captioned, texts.classes]) - texts.mean  # (n + 1000, 384)
    ridge = torch.full((len(targets),), settings.class_ridge)
    ridge[: len(captioned)] = settings.ridge
    kernel = rbf(support, support, state["image.gamma"]).double()
    inverse = torch.linalg.inv(kernel + torch.diag(ridge).double())
    coefficients = inverse @ targets.double()
    left_out = (targets - coefficients / inverse.diagonal()[:, None])[: len(captioned)].float()
    weight, state["image.bias"], text = _align(left_out, texts, settings)
    state |= text | _hub_banks(left_out @ weight.T + state["image.bias"], texts, text, settings)
    # One matrix product does the regression and the linear map after it.
    folded = coefficients.float() @ weight.T
    return state | {"image.support": support, "image.coefficients": folded}


def _hub_banks(
    images: Tensor, texts: Texts, text: Mapping[str, Tensor], settings: Settings
) -> dict[str, Tensor]:
    """Banks of photos and of texts that say how near a new one is to everything (see TextHead).

    The photos are leave-one-out predictions; the texts, of which there are many more, centres of
    clusters.
    """
    random = torch.Generator().manual_seed(0)
    photos = functional.normalize(images, dim=-1)
    said = functional.linear(texts.others, text["text.weight"], text["text.bias"])
    said = functional.normalize(said, dim=-1)
    chosen = torch.randperm(len(photos), generator=random)[: settings.hub_images]
    bank, centres = photos[chosen], _centres(said, settings.hub_texts, random)
    return {
        "hub.images": bank,
        "hub.images.mean": nearness(said, bank, HUB_IMAGES).mean(),
        "hub.texts": centres,
        "hub.texts.mean": nearness(photos, centres, HUB_TEXTS).mean(),
    }


def _centres(unit: Tensor, count: int, random: torch.Generator) -> Tensor:
    """Spherical k-means (Dhillon & Modha 2001): unit rows (n, d) -> unit centres (count, d)."""
    centres = unit[torch.randperm(len(unit), generator=random)[:count]]
    for _ in range(8):
        nearest = (unit @ centres.T).argmax(1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, unit)
        centres = functional.normalize(sums, dim=-1)
    return centres


def pack(state: Mapping[str, Tensor], metadata: dict[str, str]) -> bytes:
    """A heads file: the large matrices as int8 with a step for each column, the rest as float16."""
    tensors: dict[str, Tensor] = {}
    for name, value in state.items():
        if name.endswith(".projection") or name in _WIDE:
            step = value.abs().amax(0) / 127  # (columns,)
            tensors[name] = (value / step).round().to(torch.int8).contiguous()
            tensors[f"{name}.step"] = step
        else:
            tensors[name] = value.half().contiguous()
    return save(tensors, metadata)


# Not the coefficients: theirs nearly cancel, and int8 costs 0.7 points of recall.
_WIDE = {"classes", "image.support", "hub.images", "hub.texts"}


def _joined(first: Features, second: Features) -> Features:
    pairs = ((getattr(first, f.name), getattr(second, f.name)) for f in fields(Features))
    return Features(*(torch.cat(pair) for pair in pairs))


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
    predicted: Tensor, texts: Texts, settings: Settings
) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """The image map's weight and bias, and the tensors of the text map, averaged over seeds."""
    size = predicted.norm(dim=1).mean()
    centre = predicted.mean(0) / size
    text_centre = torch.stack([texts.vectors[list(rows)].mean(0) for rows in texts.captions]).mean(
        0
    )
    images, vectors = predicted / size - centre, texts.vectors - text_centre
    runs = [
        _train_maps(images, vectors, texts.captions, settings, seed)
        for seed in range(settings.seeds)
    ]
    image, image_bias, text, text_bias = (torch.stack(c).mean(0) for c in zip(*runs, strict=True))
    # Scale and centring are folded in, so that the encoder has nothing to subtract.
    text_state = {"text.weight": text, "text.bias": text_bias - text @ text_centre}
    return image / size, image_bias - image @ centre, text_state


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
