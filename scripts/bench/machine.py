"""The machine that was measured: pinning its threads, and saying what it is.

`pin_threads` must run before numpy, torch or faiss are imported: OpenMP and OpenBLAS read their
environment once, while they are loaded.
"""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from scripts.bench.common import ROOT

#: How many threads a matrix library computes with.
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
#: Processor features that decide how fast an encoder can be.
_FLAGS = (
    *("avx2", "avx512f", "avx512_vnni", "avx_vnni", "avx512_bf16", "avx512_fp16"),
    *("amx_tile", "amx_int8", "amx_bf16", "asimd", "i8mm", "bf16"),
)
_PACKAGES = (
    *("retrieval", "numpy", "torch", "torchvision", "open_clip_torch", "onnxruntime", "openvino"),
    *("faiss-cpu", "faiss-gpu", "usearch", "hnswlib", "pillow", "sqlalchemy", "tokenizers"),
)


def pin_threads(count: int) -> None:
    """Let matrix libraries compute with that many threads, which sleep while they wait.

    Threads that spin are charged as CPU time, many times the work on a machine that is shared.
    Raises RuntimeError where numpy or torch is loaded already.
    """
    late = {"numpy", "torch"} & set(sys.modules)
    if late:
        raise RuntimeError(f"{' and '.join(sorted(late))} must not be imported before pinning")
    os.environ["OMP_WAIT_POLICY"] = "passive"
    os.environ["HF_HUB_OFFLINE"] = "1"
    for name in THREAD_VARIABLES:
        os.environ[name] = str(count)


def pin_cores(count: int) -> int:
    """Keep this process, and what it starts, on that many processors; return how many it has."""
    if not hasattr(os, "sched_setaffinity"):  # pragma: no cover - macOS only
        return os.cpu_count() or 1
    allowed = sorted(os.sched_getaffinity(0))[:count]
    os.sched_setaffinity(0, allowed)
    return len(allowed)


def describe() -> dict[str, Any]:
    """What a reader must know to compare figures: processor, memory, versions, threads, commit."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "processor": _processor(),
        "flags": [flag for flag in _FLAGS if flag in _flags()],
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0,
        "memory_gib": _memory_gib(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "versions": _versions(_PACKAGES),
        "environment": _environment(),
        "load": [round(load, 2) for load in os.getloadavg()],
    }


def _versions(names: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in names:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _environment() -> dict[str, str]:
    """Variables that make a matrix library faster or slower."""
    prefixes = ("OMP_", "OPENBLAS_", "MKL_", "NUMEXPR_", "KMP_")
    return {k: v for k, v in sorted(os.environ.items()) if k.startswith(prefixes)}


def _commit() -> str:
    """The commit of this checkout, with a + where it has changes."""
    command = ["git", "-C", str(ROOT), "describe", "--always", "--dirty=+", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _cpuinfo(key: str) -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return ""
    values = (line.partition(":")[2].strip() for line in lines if line.startswith(key))
    return next(values, "")


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor() or platform.machine()


def _flags() -> set[str]:
    return set((_cpuinfo("flags") or _cpuinfo("Features")).split())


def _memory_gib() -> float:
    try:
        pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0.0
    return round(pages * size / 2**30, 1)
