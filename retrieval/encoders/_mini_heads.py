"""The trained part of the encoder `mini`: from backbone outputs to the shared space.

Image side: class probabilities become one text-like vector (ConSE, Norouzi et al. 2014), joined
with pooled features reduced by PCA; kernel ridge regression over the training photos predicts the
mean caption vector; one linear map finishes. Text side: low-rank corrections (LoRA, Hu et al. 2022)
of MiniLM's two last layers, then one linear map. All of it is a few matrix products.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.errors import EncoderError

if TYPE_CHECKING:
    from torch import Tensor

TUNED_LAYERS = (4, 5)
#: The blocks of image features, in the order in which they are joined.
BLOCKS = ("wide_mean", "wide_max", "centre_mean")


@dataclass(frozen=True, slots=True)
class Features:
    """What the image backbones say about n photos, float32."""

    wide_mean: Tensor  # (n, 1280) Lite2, whole photo, mean over places
    wide_max: Tensor  # (n, 1280) the same, maximum over places
    centre_mean: Tensor  # (n, 1280) Lite0, centre, mean over places
    classes: Tensor  # (n, 1000) Lite2's ImageNet probabilities


class ImageHead:
    """Features -> float32 (n, 384), rows of unit length."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self._state = state

    def __call__(self, features: Features) -> Tensor:
        from torch.nn import functional

        state = self._state
        kernel = rbf(describe(features, state), state["image.support"], state["image.gamma"])
        predicted = kernel @ state["image.coefficients"]  # (n, 384): an expected caption
        joint = functional.linear(predicted, state["image.weight"], state["image.bias"])
        unit: Tensor = functional.normalize(joint, dim=-1)
        return unit


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
    return torch.cat(parts, dim=1) / len(parts) ** 0.5


def rbf(x: Tensor, support: Tensor, gamma: Tensor) -> Tensor:
    """exp(-gamma |x - s|^2) for all pairs: (n, d), (m, d) -> (n, m)."""
    squares = x.square().sum(1)[:, None] + support.square().sum(1)[None] - 2 * x @ support.T
    kernel: Tensor = (-gamma * squares.clamp_min(0)).exp()
    return kernel


class TextHead:
    """Mean MiniLM states (n, 384) -> float32 (n, 384), rows of unit length."""

    def __init__(self, state: Mapping[str, Tensor]) -> None:
        self._state = state

    def __call__(self, pooled: Tensor) -> Tensor:
        from torch.nn import functional

        weight, bias = self._state["text.weight"], self._state["text.bias"]
        joint = functional.linear(functional.normalize(pooled, dim=-1), weight, bias)
        unit: Tensor = functional.normalize(joint, dim=-1)
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
    """The tensors of a heads file as float32; raises EncoderError when the bytes are not one."""
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        tensors = {name: value.float() for name, value in load(data).items()}
    except (SafetensorError, ValueError) as error:
        raise EncoderError(
            f"The built-in encoder's heads are damaged ({error}): install retrieval again"
        ) from error
    needed = {"classes", "image.support", "image.coefficients", "image.weight", "text.weight"}
    if missing := needed - tensors.keys():
        raise EncoderError(
            f"The built-in encoder's heads lack {', '.join(sorted(missing))}: "
            "install retrieval again"
        )
    return tensors
