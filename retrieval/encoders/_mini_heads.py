"""The trained part of the encoder `mini`: from backbone outputs to the shared space.

Image side: class probabilities become one text-like vector (ConSE, Norouzi et al. 2014), joined
with pooled features reduced by PCA; kernel ridge regression over the training photos predicts the
mean caption vector, with a linear map folded in. Text side: low-rank corrections (LoRA, Hu et al.
2022) of MiniLM's two last layers, then one linear map. All of it is a few matrix products.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.errors import EncoderError

if TYPE_CHECKING:
    from torch import Tensor

TUNED_LAYERS = (4, 5)
HUB_WEIGHT = 0.5  # of each side's hubness: that of CSLS
HUB_IMAGES, HUB_TEXTS = 10, 3  # nearest of the banks; the texts' are centres of clusters
HUB_STEP = 0.4  # takes up a hubness of 2 * 0.4^2 = 0.32 on either side of the mean
#: The blocks of image features, in the order in which they are joined.
BLOCKS = ("wide_mean", "wide_max", "centre_mean")
NEEDED = {
    *("classes", "conse.mean", "conse.scale", "text.weight", "text.bias"),
    *("image.support", "image.coefficients", "image.bias", "image.gamma"),
    *("hub.images", "hub.images.mean", "hub.texts", "hub.texts.mean"),
    *(f"{block}.{part}" for block in BLOCKS for part in ("mean", "scale", "projection")),
}


@dataclass(frozen=True, slots=True)
class Features:
    """What the image backbones say about n photos, float32."""

    wide_mean: Tensor  # (n, 1280) Lite2, whole photo, mean over places
    wide_max: Tensor  # (n, 1280) the same, maximum over places
    centre_mean: Tensor  # (n, 1280) Lite0, centre, mean over places
    classes: Tensor  # (n, 1000) Lite2's ImageNet probabilities


class ImageHead:
    """Features -> float32 (n, DIM), rows of unit length."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self._state = state
        self._squares = state["image.support"].square().sum(1)  # (support,)

    def __call__(self, features: Features) -> Tensor:
        import torch
        from torch.nn import functional

        state = self._state
        x = describe(features, state)
        kernel = rbf(x, state["image.support"], state["image.gamma"], self._squares)
        joint = kernel @ state["image.coefficients"] + state["image.bias"]  # (n, 384)
        unit = functional.normalize(joint, dim=-1)
        hubness = nearness(unit, state["hub.texts"], HUB_TEXTS) - state["hub.texts.mean"]
        step, tilt, level = _hub_columns(hubness)
        return _of_unit_length([unit, step, tilt, level, torch.zeros_like(step)])


def describe(features: Features, state: Mapping[str, Tensor]) -> Tensor:
    """Features -> (n, d): each block standardised, made unit length, reduced by PCA, then ConSE."""
    import torch
    from torch.nn import functional

    parts = []
    for block in BLOCKS:
        x = (getattr(features, block) - state[f"{block}.mean"]) / state[f"{block}.scale"]
        parts.append(functional.normalize(x, dim=-1) @ state[f"{block}.projection"])
    # The square root lifts the less certain classes: a photo shows more than its first label.
    conse = functional.normalize(features.classes.sqrt() @ state["classes"], dim=-1)
    conse = (conse - state["conse.mean"]) / state["conse.scale"]
    parts.append(functional.normalize(conse, dim=-1))
    return torch.cat(parts, dim=1) / math.sqrt(len(parts))


def rbf(x: Tensor, support: Tensor, gamma: Tensor, squares: Tensor | None = None) -> Tensor:
    """exp(-gamma |x - s|^2) for all pairs: (n, d), (m, d) -> (n, m).

    `squares` (m,) may give the squared lengths of `support` where they are known.
    """
    if squares is None:
        squares = support.square().sum(1)
    distances = x.square().sum(1)[:, None] + squares[None] - 2 * (x @ support.T)
    kernel: Tensor = (-gamma * distances.clamp_min(0)).exp()
    return kernel


class TextHead:
    """Mean MiniLM states (n, 384) -> float32 (n, DIM), rows of unit length."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self._state = state

    def __call__(self, pooled: Tensor) -> Tensor:
        import torch
        from torch.nn import functional

        weight, bias = self._state["text.weight"], self._state["text.bias"]
        joint = functional.linear(functional.normalize(pooled, dim=-1), weight, bias)
        unit = functional.normalize(joint, dim=-1)
        hubness = nearness(unit, self._state["hub.images"], HUB_IMAGES)
        step, tilt, level = _hub_columns(hubness - self._state["hub.images.mean"])
        return _of_unit_length([unit, tilt, step, torch.zeros_like(step), level])


def nearness(unit: Tensor, bank: Tensor, count: int) -> Tensor:
    """How near each row of `unit` (n, d) is to its `count` nearest of `bank` (m, d): (n, 1)."""
    return (unit @ bank.T).topk(count, dim=1).values.mean(1, keepdim=True)


def _hub_columns(hubness: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Four more columns turn the inner product into CSLS (Conneau et al. 2018), less two constants.

    Photos that are near to all texts, and texts that are near to all photos, crowd others out of
    the first ranks. CSLS takes half of each side's nearness to a bank of the other side off the
    score. Photos get (step, tilt, level, 0) and texts (tilt, step, 0, level), so the product gains
    step * (both tilts); `level` keeps every row at one length, so nothing else changes.
    """
    import torch

    tilt = (-HUB_WEIGHT / HUB_STEP * hubness).clamp(-HUB_STEP, HUB_STEP)  # (n, 1)
    level = (HUB_STEP**2 - tilt**2).clamp_min(0).sqrt()  # float32's 0.4 is more than 0.4
    return torch.full_like(tilt, HUB_STEP), tilt, level


def _of_unit_length(columns: list[Tensor]) -> Tensor:
    import torch
    from torch.nn import functional

    unit: Tensor = functional.normalize(torch.cat(columns, dim=1), dim=-1)
    return unit


def with_corrections(
    backbone: Mapping[str, Tensor], heads: Mapping[str, Tensor], index: int
) -> dict[str, Tensor]:
    """The weights of MiniLM layer `index` with the trained corrections added.

    Matrices are corrected by `up @ down` of low rank, vectors by a plain difference.
    """
    tuned = dict(backbone)
    for name, value in backbone.items():
        key = f"text.layer.{index}.{name}"
        if f"{key}.up" in heads:
            tuned[name] = value + heads[f"{key}.up"] @ heads[f"{key}.down"]
        elif key in heads:
            tuned[name] = value + heads[key]
    return tuned


def read_head_tensors(data: bytes) -> dict[str, Tensor]:
    """The tensors of a heads file as float32; raises EncoderError when the bytes are not one.

    Large matrices are stored as int8, column by column in steps of `NAME.step`.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        stored = load(data)
    except (SafetensorError, ValueError) as error:
        raise EncoderError(
            f"The built-in encoder's heads are damaged ({error}): install retrieval again."
        ) from error
    tensors = {name: value.float() for name, value in stored.items() if ".step" not in name}
    for name, value in stored.items():
        if value.dtype == torch.int8 and f"{name}.step" in stored:
            tensors[name] *= stored[f"{name}.step"]
    if missing := NEEDED - tensors.keys():
        raise EncoderError(
            f"The built-in encoder's heads lack {', '.join(sorted(missing))}: "
            "install retrieval again."
        )
    return tensors
