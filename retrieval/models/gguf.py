"""The head of a GGUF file: what kind of model it holds, and whether all of it is there.

Read here, in pure Python, because the loader says only that it failed. The layout is that of
GGUF versions 2 and 3 (ggml's docs/gguf.md): a head of key-value pairs, one entry for each tensor,
then their data, aligned.
"""

from __future__ import annotations

import mmap
import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from retrieval.errors import ConfigError, ModelError

MAGIC = b"GGUF"
MOST_DIMENSIONS = 4  # GGML_MAX_DIMS
MOST_ALIGNMENT = 1 << 20
STRING, ARRAY = 8, 9

#: struct formats of the values of fixed size, by GGUF's number of their type.
_FIXED = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}

#: Elements and bytes of a block, by ggml's number of the type (ggml.h, ggml-common.h). Of a type
#: that is not here only the place where its data begins is checked.
_BLOCKS = {
    0: (1, 4),  # F32
    1: (1, 2),  # F16
    2: (32, 18),  # Q4_0
    3: (32, 20),  # Q4_1
    6: (32, 22),  # Q5_0
    7: (32, 24),  # Q5_1
    8: (32, 34),  # Q8_0
    10: (256, 84),  # Q2_K
    11: (256, 110),  # Q3_K
    12: (256, 144),  # Q4_K
    13: (256, 176),  # Q5_K
    14: (256, 210),  # Q6_K
    16: (256, 66),  # IQ2_XXS
    17: (256, 74),  # IQ2_XS
    18: (256, 98),  # IQ3_XXS
    19: (256, 50),  # IQ1_S
    20: (32, 18),  # IQ4_NL
    21: (256, 110),  # IQ3_S
    22: (256, 82),  # IQ2_S
    23: (256, 136),  # IQ4_XS
    24: (1, 1),  # I8
    25: (1, 2),  # I16
    26: (1, 4),  # I32
    27: (1, 8),  # I64
    28: (1, 8),  # F64
    29: (256, 56),  # IQ1_M
    30: (1, 2),  # BF16
    34: (256, 54),  # TQ1_0
    35: (256, 66),  # TQ2_0
    39: (32, 17),  # MXFP4
}

#: What llama.cpp asserts of these numbers, instead of saying so: it would end the process.
_BOUNDS = {
    "block_count": (1, 512),  # LLAMA_MAX_LAYERS
    "vision.block_count": (0, 512),
    "context_length": (64, (1 << 31) - 1),  # fewer tokens hold no chat
    "embedding_length": (1, 1 << 20),
}


@dataclass(frozen=True, slots=True)
class Head:
    """What a GGUF file says of itself. `context` is the number of tokens it was trained to read.

    `architecture` is "clip" for the part that lets another model see; `bytes` is the least size of
    a file that holds all tensors.
    """

    architecture: str
    context: int
    bytes: int


def read_head(path: Path) -> Head:
    """The head of a file that is all there.

    Raises ConfigError where there is no such file or it is no GGUF file, ModelError where it is
    damaged or a part of it is missing.
    """
    if os.path.exists(path) and not os.path.isfile(path):  # a folder; a pipe, which would never end
        raise ConfigError(f"{path} is not a file. Name a language model in the format GGUF.")
    try:
        with open(path, "rb") as file:
            if file.read(4) != MAGIC:
                raise ConfigError(
                    f"{path} is not a GGUF file. Name a language model in that format (*.gguf)."
                )
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _checked(path, data)
    except (OSError, ValueError) as exc:  # absent, no right to read it; a name with NUL
        reason = getattr(exc, "strerror", None) or exc
        raise ConfigError(
            f"The language model {path} cannot be read: {reason}. Correct the path."
        ) from exc


def _checked(path: Path, data: mmap.mmap) -> Head:
    try:
        head = _Reader(data).head()
    except (struct.error, UnicodeDecodeError, _Damaged) as exc:
        raise ModelError(
            f"{path} is damaged or only a part of a file. Copy or download it again."
        ) from exc
    if head.bytes > len(data):
        raise ModelError(
            f"{path} is not complete: {len(data):,} bytes of {head.bytes:,}. Copy or download it "
            "again."
        )
    return head


class _Damaged(Exception):
    """What cannot stand in a GGUF file."""


def _check_bounds(values: Mapping[str, Any]) -> None:
    """Raises _Damaged for a number that no model has; "llama.block_count" ends in its name."""
    for key, value in values.items():
        least, most = _BOUNDS.get(key.partition(".")[2], (value, value))
        if isinstance(value, int) and not least <= value <= most:
            raise _Damaged(f"{key} {value}")


class _Reader:
    """Reads on from a place in `data`; struct.error at its end."""

    def __init__(self, data: mmap.mmap) -> None:
        self.data = data
        self.at = len(MAGIC)

    def head(self) -> Head:
        version = self.number("I")
        if version not in (2, 3):
            raise _Damaged(f"version {version}")
        tensors, pairs = self.number("Q"), self.number("Q")
        values: dict[str, Any] = {}
        for _ in range(pairs):
            key = self.string()
            values[key] = self.value(self.number("I"))
        ends = [self.tensor_end() for _ in range(tensors)]
        alignment = values.get("general.alignment", 32)
        if not isinstance(alignment, int) or not 0 < alignment <= MOST_ALIGNMENT:
            raise _Damaged(f"alignment {alignment}")
        start = -(-self.at // alignment) * alignment
        architecture = str(values.get("general.architecture", ""))
        _check_bounds(values)
        context = values.get(f"{architecture}.context_length", 0)
        return Head(
            architecture,
            context if isinstance(context, int) and context > 0 else 0,
            start + max(ends, default=0),
        )

    def tensor_end(self) -> int:
        """Where the data of the next tensor ends, counted from where all data begins."""
        self.string()
        dimensions = self.number("I")
        if not 0 < dimensions <= MOST_DIMENSIONS:
            raise _Damaged(f"{dimensions} dimensions")
        elements = prod(self.number("Q") for _ in range(dimensions))
        per_block, size = _BLOCKS.get(self.number("I"), (1, 0))
        return self.number("Q") + elements // per_block * size

    def number(self, form: str) -> int:
        (value,) = struct.unpack_from(f"<{form}", self.data, self.at)
        self.at += struct.calcsize(f"<{form}")
        return value  # type: ignore[no-any-return]

    def string(self) -> str:
        start = self.skip(self.number("Q"))
        return self.data[start : self.at].decode("utf-8", "replace")

    def value(self, kind: int) -> Any:
        """A value; of an array nothing is kept."""
        if kind == STRING:
            return self.string()
        if kind != ARRAY:
            return self.number(self.form(kind))
        of, count = self.number("I"), self.number("Q")
        if of == STRING:
            for _ in range(count):
                self.skip(self.number("Q"))
        else:
            self.skip(count * struct.calcsize(self.form(of)))
        return None

    def form(self, kind: int) -> str:
        if kind not in _FIXED:  # arrays of arrays as well: no loader takes them
            raise _Damaged(f"type {kind}")
        return _FIXED[kind]

    def skip(self, size: int) -> int:
        """Go on by `size` bytes; returns where that began."""
        start = self.at
        if size > len(self.data) - start:
            raise _Damaged("it ends too early")
        self.at += size
        return start
