"""all-MiniLM-L6-v2 in a few plain torch calls: a six-layer BERT read from its safetensors file.

Wang et al., MiniLM (NeurIPS 2020), fine-tuned for sentences by Reimers & Gurevych's
sentence-transformers. Only inference is offered; the training script reuses `layer` with gradients.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

WIDTH = 384
LAYERS = 6
HEADS = 12
MAX_TOKENS = 128
_NORM_EPSILON = 1e-12


class Tokenizer:
    """Texts to WordPiece ids, at most 128 of them, through the `tokenizers` library."""

    def __init__(self, data: bytes) -> None:
        """Read `data`, the content of a tokenizer.json."""
        from tokenizers import Tokenizer as Backend

        self._backend = Backend.from_buffer(data)
        self._backend.enable_truncation(MAX_TOKENS)
        self._backend.no_padding()  # the file asks for 128 everywhere, ten times the work

    def __call__(self, texts: Sequence[str]) -> list[list[int]]:
        """One list of ids for each text, [CLS] and [SEP] included, so never empty."""
        # A lone surrogate cannot cross into Rust as UTF-8; it becomes a question mark.
        clean = [text.encode("utf-8", "replace").decode("utf-8") for text in texts]
        return [encoding.ids for encoding in self._backend.encode_batch(clean)]


class MiniLM:
    """The frozen text backbone: token ids in, one vector for each token out."""

    def __init__(self, state: Mapping[str, Tensor], device: torch.device | str = "cpu") -> None:
        """Read `state` as in the published model.safetensors."""
        self._embeddings = _part(state, "embeddings.", device)
        #: The weights of each layer; a caller may replace some.
        self.layers = [_part(state, f"encoder.layer.{i}.", device) for i in range(LAYERS)]

    def embed(self, ids: Tensor) -> Tensor:
        """int64 (n, t) -> (n, t, 384), the input of the first layer."""
        from torch.nn import functional

        state = self._embeddings
        x = state["word_embeddings.weight"][ids]
        x = x + state["token_type_embeddings.weight"][0]
        x = x + state["position_embeddings.weight"][: ids.shape[1]]
        norm = state["LayerNorm.weight"], state["LayerNorm.bias"]
        return functional.layer_norm(x, (WIDTH,), *norm, _NORM_EPSILON)

    def hidden(self, ids: Tensor, mask: Tensor, layers: int = LAYERS) -> Tensor:
        """int64 (n, t) ids, bool (n, t) mask (True = a real token) -> (n, t, 384)."""
        x = self.embed(ids)
        for state in self.layers[:layers]:
            x = layer(x, mask, state)
        return x


def _part(
    state: Mapping[str, Tensor], prefix: str, device: torch.device | str
) -> dict[str, Tensor]:
    return {
        name.removeprefix(prefix): value.to(device)
        for name, value in state.items()
        if name.startswith(prefix)
    }


def mean_pool(x: Tensor, mask: Tensor) -> Tensor:
    """(n, t, 384) and bool mask (n, t) -> (n, 384), the mean over the real tokens."""
    weights = mask[..., None].to(x.dtype)
    return (x * weights).sum(1) / weights.sum(1)


def layer(x: Tensor, mask: Tensor, state: Mapping[str, Tensor]) -> Tensor:
    """One BERT layer (post-norm): (n, t, 384) and bool mask (n, t) -> (n, t, 384)."""
    from torch.nn import functional

    def linear(value: Tensor, name: str) -> Tensor:
        return functional.linear(value, state[f"{name}.weight"], state[f"{name}.bias"])

    def norm(value: Tensor, name: str) -> Tensor:
        return functional.layer_norm(
            value, (WIDTH,), state[f"{name}.weight"], state[f"{name}.bias"], _NORM_EPSILON
        )

    n, t, _ = x.shape
    query, key, value = (
        linear(x, f"attention.self.{part}").view(n, t, HEADS, WIDTH // HEADS).transpose(1, 2)
        for part in ("query", "key", "value")
    )  # each (n, heads, t, 32)
    attended = functional.scaled_dot_product_attention(
        query, key, value, attn_mask=mask[:, None, None, :]
    )
    attended = attended.transpose(1, 2).reshape(n, t, WIDTH)
    x = norm(linear(attended, "attention.output.dense") + x, "attention.output.LayerNorm")
    inner = functional.gelu(linear(x, "intermediate.dense"))
    return norm(linear(inner, "output.dense") + x, "output.LayerNorm")


def padded(ids: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Ragged ids -> int64 (n, longest) filled with 0 and bool (n, longest) of real tokens."""
    lengths = np.array([len(row) for row in ids])
    longest = int(lengths.max(initial=1))
    mask = np.arange(longest)[None, :] < lengths[:, None]
    table = np.zeros((len(ids), longest), dtype=np.int64)
    table[mask] = np.concatenate([np.asarray(row, dtype=np.int64) for row in ids])
    return table, mask
