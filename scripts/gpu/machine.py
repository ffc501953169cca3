"""What the device can do at most: matrix products and memory, and how times are taken on it."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch

#: Dense bf16 TFLOP/s without sparsity, from NVIDIA's data sheets; the first name that is in the
#: device's name counts. Consumer cards: with float32 sums.
NOMINAL_TFLOPS = {
    "GB200": 2500.0,
    "B200": 2250.0,
    "GH200": 989.0,
    "H200": 989.0,
    "H100 PCIe": 756.0,
    "H100 NVL": 835.0,
    "H100": 989.0,
    "H800": 989.0,
    "A100": 312.0,
    "A800": 312.0,
    "A40": 149.7,
    "A10G": 70.0,
    "A10": 125.0,
    "L40S": 362.0,
    "L40": 181.0,
    "L4": 121.0,
    "RTX 5090": 209.5,
    "RTX 4090": 165.2,
    "RTX 3090": 71.0,
}
PACKAGES = ("torch", "torchvision", "open_clip_torch", "timm", "numpy", "pillow", "triton")


def describe(device: torch.device) -> dict[str, Any]:
    """Name the device, the driver's limits and the versions of what runs on it."""
    facts: dict[str, Any] = {
        "device": platform.processor() or platform.machine(),
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
        "cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
    }
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        facts |= {
            "device": properties.name,
            "capability": f"{properties.major}.{properties.minor}",
            "memory_gib": round(properties.total_memory / 2**30, 1),
            "processors": properties.multi_processor_count,
        }
    return facts


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def nominal_tflops(name: str) -> float | None:
    """Dense bf16 TFLOP/s of a device by its name, None for one that is not in the table."""
    return next((value for key, value in NOMINAL_TFLOPS.items() if key in name), None)


def synchronize(device: torch.device) -> None:
    """Wait until the device has done all it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds(run: Callable[[], object], device: torch.device, repeats: int) -> dict[str, float]:
    """The median, least and most seconds of `repeats` runs, after two to warm up.

    Wall time from a device at rest until it is at rest again, as a caller meets it.
    """
    times = []
    for _ in range(repeats + 2):
        synchronize(device)
        begun = time.perf_counter()
        run()
        synchronize(device)
        times.append(time.perf_counter() - begun)
    times = times[2:]
    return {"median": statistics.median(times), "least": min(times), "most": max(times)}


def measure(device: torch.device, tiny: bool) -> dict[str, Any]:
    """Peak TFLOP/s of dense products, and GB/s of memory for copying and for reading only."""
    side, repeats = (128, 3) if tiny else (8192, 20)
    found: dict[str, Any] = {"matmul_side": side}
    for name, dtype in (("bf16", torch.bfloat16), ("fp16", torch.float16)):
        left, right = (torch.randn(side, side, device=device).to(dtype) for _ in range(2))
        out = torch.empty_like(left)

        def multiply(
            a: torch.Tensor = left, b: torch.Tensor = right, c: torch.Tensor = out
        ) -> None:
            for _ in range(4):
                torch.mm(a, b, out=c)

        taken = seconds(multiply, device, repeats)
        found[f"{name}_tflops"] = 4 * 2 * side**3 / taken["least"] / 1e12
    size = (1 << 20) if tiny else (2 << 30)  # bytes
    source = torch.zeros(size // 4, dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    taken = seconds(lambda: target.copy_(source), device, repeats)
    found["copy_gb_s"] = 2 * size / taken["least"] / 1e9
    taken = seconds(source.sum, device, repeats)
    found["read_gb_s"] = size / taken["least"] / 1e9
    found["bandwidth_gb_s"] = max(found["copy_gb_s"], found["read_gb_s"])
    if device.type == "cuda":
        found["nominal_bf16_tflops"] = nominal_tflops(torch.cuda.get_device_name(device))
    return found
