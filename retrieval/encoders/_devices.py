"""Where a torch encoder runs, in which numbers, and what its failures mean in plain words."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from retrieval.errors import DeviceMemoryError, EncoderError
from retrieval.machine import has_nvidia_driver

if TYPE_CHECKING:
    import torch

PRECISIONS = ("auto", "fp32", "bf16", "fp16")

# torch reports a lack of memory as its own class on CUDA and as a RuntimeError elsewhere.
_OUT_OF_MEMORY = re.compile(
    r"out of memory|not enough memory|can't allocate memory|ALLOC_FAILED", re.IGNORECASE
)


def pick_device(name: str) -> torch.device:
    """Turn "auto", "cpu", "cuda", "cuda:N" or "mps" into a device that this computer has.

    Raises EncoderError for another name and for a device that is not there.
    """
    import torch

    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", name):
        raise EncoderError(f'There is no device "{name}"; use auto, cpu, cuda, cuda:N or mps.')
    device = torch.device(name)
    if device.type == "cuda" and not torch.cuda.is_available():
        raise EncoderError(
            "torch finds no CUDA device here; use --device cpu, or install a CUDA build of torch "
            "and the driver."
        )
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise EncoderError(
            f"{name} does not exist, the last CUDA device is cuda:{torch.cuda.device_count() - 1}; "
            "use --device cuda for the first one."
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise EncoderError("torch finds no Apple GPU here; use --device cpu.")
    return device


def sees_accelerator() -> bool:
    """Whether this computer seems to have a GPU that torch would take; imports nothing."""
    return sys.platform == "darwin" or has_nvidia_driver()


def pick_precision(name: str, device: torch.device) -> torch.dtype:
    """Turn "auto", "fp32", "bf16" or "fp16" into a torch dtype that suits `device`.

    "auto" is fp32 on CPU and MPS (bf16 is slower there), and on CUDA bf16 from compute capability
    8.0 on, else fp16. Raises EncoderError for another name.
    """
    import torch

    if name not in PRECISIONS:
        raise EncoderError(f'There is no precision "{name}"; use {", ".join(PRECISIONS)}.')
    if name == "auto":
        if device.type != "cuda":
            return torch.float32
        # is_bf16_supported() also says yes where bf16 is only emulated.
        capable = torch.cuda.get_device_capability(device) >= (8, 0)
        return torch.bfloat16 if capable else torch.float16
    return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[name]


@contextmanager
def plain_errors(device: torch.device) -> Iterator[None]:
    """Translate torch's errors: a lack of memory to DeviceMemoryError, the rest to EncoderError."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if isinstance(error, MemoryError) or _OUT_OF_MEMORY.search(str(error)):
            release_memory(device)
            raise DeviceMemoryError(
                f"The batch does not fit the memory of {device}; use a smaller --batch-size."
            ) from error
        raise EncoderError(
            f"The model failed on {device} ({first_line(error)}); try --device cpu --precision "
            "fp32."
        ) from error


def release_memory(device: torch.device) -> None:
    """Hand cached blocks back, so that half the batch has a chance where the whole one failed."""
    import torch

    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


def first_line(error: BaseException, limit: int = 160) -> str:
    """Return the first sentence of an error, at most `limit` characters, or its class name."""
    lines = str(error).strip().splitlines()
    if not lines:
        return type(error).__name__
    return lines[0].split(". ")[0].rstrip(" .:")[:limit]
