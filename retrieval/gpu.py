"""Whether an NVIDIA GPU may be here, told without importing torch, which takes seconds."""

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
