"""EfficientNet-Lite forward pass in a few plain torch calls.

The architecture is Tan & Le, EfficientNet (ICML 2019), in its Lite form: no squeeze-excitation,
ReLU6 instead of swish. Batch normalisation is folded into the convolutions when the weights are
read, which saves a quarter of the time on a CPU. Only inference is offered.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

_BN_EPSILON = 1e-3  # TensorFlow's value, which the weights were trained with
# repeats before the depth multiplier, and the stride of the first block, of each stage.
_STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))


@dataclass(frozen=True, slots=True)
class _Conv:
    weight: Tensor  # (out, in / groups, k, k)
    bias: Tensor  # (out,)
    stride: int = 1
    groups: int = 1

    def __call__(self, x: Tensor) -> Tensor:
        from torch.nn import functional

        kernel = self.weight.shape[-1]
        before, after = _same_padding(x.shape[-1], kernel, self.stride)
        if before == after:
            return functional.conv2d(
                x, self.weight, self.bias, self.stride, padding=before, groups=self.groups
            )
        x = functional.pad(x, (before, after, before, after))
        return functional.conv2d(x, self.weight, self.bias, self.stride, groups=self.groups)


@dataclass(frozen=True, slots=True)
class _Block:
    expand: _Conv | None
    depthwise: _Conv
    project: _Conv

    def __call__(self, x: Tensor) -> Tensor:
        hidden = x if self.expand is None else self.expand(x).clamp_(0, 6)
        hidden = self.project(self.depthwise(hidden).clamp_(0, 6))
        # A residual wherever the shape allows it, as in MobileNetV2.
        return hidden.add_(x) if hidden.shape == x.shape else hidden


class EfficientNetLite:
    """A frozen backbone: pictures in, the last feature map and class logits out."""

    def __init__(
        self, state: Mapping[str, Tensor], depth: float, device: torch.device | str = "cpu"
    ) -> None:
        """Read `state` (the published PyTorch weights) for the given depth multiplier."""
        strides = _block_strides(depth)
        self._stem = _folded(state, "_conv_stem", "_bn0", device, stride=2)
        self._blocks = [
            _read_block(state, f"_blocks.{i}", stride, device) for i, stride in enumerate(strides)
        ]
        self._head = _folded(state, "_conv_head", "_bn1", device)
        self.class_weight = state["_fc.weight"].to(device)  # (1000, features)
        self.class_bias = state["_fc.bias"].to(device)  # (1000,)

    def feature_map(self, pixels: Tensor) -> Tensor:
        """uint8 (n, H, W, 3) square pictures -> float32 (n, 1280, h, w), h = w = ceil(H / 32)."""
        import torch

        x = pixels.permute(0, 3, 1, 2).to(torch.float32)  # a channels-last view: (n, 3, H, W)
        # These weights expect (x - 127) / 128, not the ImageNet mean and deviation, which would
        # cost 12 points of top-1 accuracy.
        x = x.sub_(127.0).mul_(1 / 128.0)
        x = self._stem(x).clamp_(0, 6)
        for block in self._blocks:
            x = block(x)
        return self._head(x).clamp_(0, 6)

    def logits(self, features: Tensor) -> Tensor:
        """Pooled features (..., 1280) -> ImageNet logits (..., 1000)."""
        return features @ self.class_weight.T + self.class_bias


def _block_strides(depth: float) -> list[int]:
    """The stride of every block; the first and last stage keep one block at every depth."""
    strides: list[int] = []
    for index, (repeats, stride) in enumerate(_STAGES):
        scaled = 0 < index < len(_STAGES) - 1
        count = math.ceil(repeats * depth) if scaled else repeats
        strides += [stride] + [1] * (count - 1)
    return strides


def _read_block(
    state: Mapping[str, Tensor], name: str, stride: int, device: torch.device | str
) -> _Block:
    has_expand = f"{name}._expand_conv.weight" in state
    expand = _folded(state, f"{name}._expand_conv", f"{name}._bn0", device) if has_expand else None
    channels = state[f"{name}._depthwise_conv.weight"].shape[0]
    depthwise = _folded(
        state, f"{name}._depthwise_conv", f"{name}._bn1", device, stride=stride, groups=channels
    )
    return _Block(
        expand, depthwise, _folded(state, f"{name}._project_conv", f"{name}._bn2", device)
    )


def _folded(
    state: Mapping[str, Tensor],
    conv: str,
    norm: str,
    device: torch.device | str,
    stride: int = 1,
    groups: int = 1,
) -> _Conv:
    """One convolution with its batch normalisation multiplied in (in float64, then rounded)."""
    import torch

    weight = state[f"{conv}.weight"].double()
    scale = state[f"{norm}.weight"].double()
    scale = scale / (state[f"{norm}.running_var"].double() + _BN_EPSILON).sqrt()
    bias = state[f"{norm}.bias"].double() - state[f"{norm}.running_mean"].double() * scale
    weight = weight * scale[:, None, None, None]
    return _Conv(
        weight.float().to(device, memory_format=torch.channels_last),
        bias.float().to(device),
        stride,
        groups,
    )


def _same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """TensorFlow's "SAME" padding before and after, uneven where the sum is odd."""
    total = max((math.ceil(size / stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2
