"""Tuning MiniLM's two last layers on captions: captions of one photo should be neighbours.

Only low-rank corrections (LoRA, Hu et al. 2022) of the matrices and plain ones of the vectors are
trained, with InfoNCE over pairs of captions of the same photo. The states that enter the first
tuned layer never change, so they are computed once and kept (1.2 GB for 108,000 captions).
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load as load_tensors
from torch import Tensor
from torch.nn import functional

from retrieval.encoders._mini_heads import TUNED_LAYERS, with_corrections
from retrieval.encoders._minilm import WIDTH, MiniLM, Tokenizer, layer, mean_pool, padded
from retrieval.encoders.mini import MINILM, TOKENIZER

TOKENS = 48  # training captions are cut here; the 99th percentile is 25


@dataclass(frozen=True)
class Tuning:
    """The numbers of the recipe."""

    rank: int = 64
    steps: int = 400
    batch: int = 256
    rate: float = 1e-3
    vector_rate: float = 3e-4
    warm_up: int = 30
    temperature: float = 0.05
    seed: int = 0


class States:
    """The layer-4 states of all captions, ragged, in one file of float16 rows."""

    def __init__(self, texts: Sequence[str], cache: Path) -> None:
        self._model = MiniLM(load_tensors(MINILM.read()))
        ids = [row[:TOKENS] for row in Tokenizer(TOKENIZER.read())(texts)]
        self._starts = np.concatenate([[0], np.cumsum([len(row) for row in ids])])
        shape = (int(self._starts[-1]), WIDTH)
        if not cache.is_file() or cache.stat().st_size != 2 * shape[0] * shape[1]:
            self._fill(ids, np.memmap(cache, np.float16, "w+", shape=shape))
        self._rows = np.memmap(cache, np.float16, "r", shape=shape)
        self.base = [self._model.layers[i] for i in TUNED_LAYERS]

    def _fill(self, ids: Sequence[Sequence[int]], out: NDArray[np.float16]) -> None:
        order = sorted(range(len(ids)), key=lambda i: len(ids[i]))
        for start in range(0, len(order), 128):
            chosen = order[start : start + 128]
            table, mask = (torch.from_numpy(x) for x in padded([ids[i] for i in chosen]))
            with torch.inference_mode():
                states = self._model.hidden(table, mask, TUNED_LAYERS[0]).half().numpy()
            for row, i in enumerate(chosen):
                out[self._starts[i] : self._starts[i + 1]] = states[row, : len(ids[i])]

    def lengths(self, rows: Sequence[int]) -> NDArray[np.int64]:
        """Tokens of each of these captions."""
        index = np.asarray(rows)
        lengths: NDArray[np.int64] = self._starts[index + 1] - self._starts[index]
        return lengths

    def batch(self, rows: Sequence[int]) -> tuple[Tensor, Tensor]:
        """float32 (n, t, 384) padded with zeros, bool (n, t)."""
        lengths = self.lengths(rows)
        out = np.zeros((len(rows), int(lengths.max()), WIDTH), dtype=np.float32)
        for position, i in enumerate(rows):
            out[position, : lengths[position]] = self._rows[self._starts[i] : self._starts[i + 1]]
        mask = np.arange(out.shape[1])[None] < lengths[:, None]
        return torch.from_numpy(out), torch.from_numpy(mask)


def tune(states: States, groups: Sequence[tuple[int, ...]], tuning: Tuning) -> dict[str, Tensor]:
    """Train the corrections on groups of captions of one photo each."""
    torch.manual_seed(tuning.seed)
    random = np.random.default_rng(tuning.seed)
    corrections = _initial(states.base, tuning.rank)
    matrices = [value for value in corrections.values() if value.ndim == 2]
    vectors = [value for value in corrections.values() if value.ndim == 1]
    scale = torch.tensor(math.log(1 / tuning.temperature), requires_grad=True)
    parameters: list[dict[str, Any]] = [
        {"params": matrices},
        {"params": [*vectors, scale], "lr": tuning.vector_rate},
    ]
    optimiser = torch.optim.AdamW(
        parameters,
        lr=tuning.rate,
        betas=(0.9, 0.98),
        weight_decay=0.0,
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, tuning))
    started = time.monotonic()
    for step in range(tuning.steps):
        chosen = random.choice(len(groups), tuning.batch, replace=False)
        pairs = [random.choice(groups[i], 2, replace=False).tolist() for i in chosen]
        with torch.autocast("cpu", dtype=torch.bfloat16):
            left_right = _encode(states, corrections, [p[0] for p in pairs] + [p[1] for p in pairs])
        left, right = left_right[: tuning.batch], left_right[tuning.batch :]
        scores = left @ right.T * scale.exp().clamp(max=50)
        own = torch.arange(tuning.batch)
        loss = functional.cross_entropy(scores, own) + functional.cross_entropy(scores.T, own)
        optimiser.zero_grad()
        (loss / 2).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([*matrices, *vectors, scale], 1.0)
        optimiser.step()
        schedule.step()
        if step % 20 == 19:
            elapsed = time.monotonic() - started
            print(f"text: step {step + 1}, loss {loss.item() / 2:.3f}, {elapsed:.0f} s", flush=True)
    return {name: value.detach() for name, value in corrections.items()}


def encode_all(states: States, corrections: Mapping[str, Tensor], count: int) -> Tensor:
    """Unit vectors of all `count` captions, float32 (count, 384)."""
    order = np.argsort(states.lengths(range(count)), kind="stable")
    out = torch.zeros(count, WIDTH)
    with torch.inference_mode():
        for start in range(0, count, 256):
            rows = order[start : start + 256]
            out[torch.from_numpy(rows)] = _encode(states, corrections, rows.tolist(), parts=1)
    return out


def encode_new(states: States, corrections: Mapping[str, Tensor], texts: Sequence[str]) -> Tensor:
    """Unit vectors of texts that are not in `states`, float32 (n, 384)."""
    table, mask = (torch.from_numpy(x) for x in padded(Tokenizer(TOKENIZER.read())(texts)))
    with torch.inference_mode():
        x = states._model.hidden(table, mask, TUNED_LAYERS[0])
        for index, base in zip(TUNED_LAYERS, states.base, strict=True):
            x = layer(x, mask, with_corrections(base, corrections, index))
        return functional.normalize(mean_pool(x, mask), dim=-1)


def _encode(
    states: States, corrections: Mapping[str, Tensor], rows: Sequence[int], parts: int = 4
) -> Tensor:
    """Unit vectors (n, 384) of captions, in `parts` of like length to save padding."""
    tuned = [
        with_corrections(base, corrections, index)
        for index, base in zip(TUNED_LAYERS, states.base, strict=True)
    ]
    order = np.argsort(states.lengths(rows), kind="stable")
    pooled = []
    for part in np.array_split(order, parts):
        x, mask = states.batch([rows[i] for i in part])
        for weights in tuned:
            x = layer(x, mask, weights)
        pooled.append(mean_pool(x.float(), mask))
    back = torch.from_numpy(np.argsort(order))
    return functional.normalize(torch.cat(pooled)[back], dim=-1)


def _initial(base: Sequence[Mapping[str, Tensor]], rank: int) -> dict[str, Tensor]:
    """Corrections that change nothing yet: `up` and the vectors start at zero."""
    corrections: dict[str, Tensor] = {}
    for index, weights in zip(TUNED_LAYERS, base, strict=True):
        for name, value in weights.items():
            key = f"text.layer.{index}.{name}"
            if value.ndim == 1:
                corrections[key] = torch.zeros_like(value)
            else:
                rows, columns = value.shape
                corrections[f"{key}.down"] = torch.randn(rank, columns) / columns**0.5
                corrections[f"{key}.up"] = torch.zeros(rows, rank)
    return {name: value.requires_grad_() for name, value in corrections.items()}


def _rate(step: int, tuning: Tuning) -> float:
    """Warm up, then fall along a cosine."""
    fall = 0.5 + 0.5 * math.cos(math.pi * step / tuning.steps)
    return min(1.0, (step + 1) / tuning.warm_up) * fall
