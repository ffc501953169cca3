"""What this computer has, told without importing torch, which takes seconds."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

# Where a Linux NVIDIA driver shows itself; the last is the one of Windows' subsystem for Linux.
DRIVER_SIGNS = ("/dev/nvidia0", "/dev/nvidiactl", "/proc/driver/nvidia/version", "/dev/dxg")


def has_nvidia_driver() -> bool:
    """Say whether a driver shows itself and CUDA_VISIBLE_DEVICES does not hide its GPUs."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1"):
        return False
    signs = any(Path(sign).exists() for sign in DRIVER_SIGNS)
    return signs or shutil.which("nvidia-smi") is not None


def available_cpus() -> int:
    """Count the processors this process may use, which in a container is fewer than exist."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # pragma: no cover - macOS only
