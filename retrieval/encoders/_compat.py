"""Bringing torch and open_clip up: quiet threads, and a torchvision that does not fit its torch.

Shared by every encoder that runs on torch, because both settings belong to the whole process.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from retrieval.machine import available_cpus

# The two operators that torchvision declares while it is imported; only their schemas are needed.
_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_MISSING_OPERATOR = "operator torchvision::nms does not exist"

# A torch Library takes its definitions back when it is collected, so one reference stays here.
_kept_alive: list[Any] = []

# What torch.nn.init and timm call to fill fresh weights with random numbers.
_RANDOM_FILLS = {"normal_", "uniform_", "trunc_normal_", "kaiming_uniform_"}
_RANDOM_TENSORS = {"rand", "randn"}
# What timm then does to them, to make a normal distribution of a uniform one.
_AFTERWARDS = {"erfinv_", "mul_", "add_", "clamp_"}


def prepare_torch(threads: int = 0) -> None:
    """Import torch with passive waiting, and set how many threads it computes with.

    `threads` 0 means the processors this process may use, or OMP_NUM_THREADS where it is set.
    OpenMP threads that spin while they wait cost ten times the work on a shared machine, so
    OMP_WAIT_POLICY becomes "passive" unless the user chose; OpenMP reads it only once, at import.
    """
    if "torch" not in sys.modules:
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    import torch

    if threads > 0:
        torch.set_num_threads(threads)
    elif not os.environ.get("OMP_NUM_THREADS"):
        torch.set_num_threads(available_cpus())


def single_threaded_pool() -> ThreadPoolExecutor:
    """As many threads as torch computes with, each of which computes alone.

    Torch's setting is one a thread, but its matrix library has one for the process, which is why
    this thread's own is set again once all of the pool have been started.
    """
    import torch

    count = torch.get_num_threads()
    all_started = threading.Barrier(count)

    def alone(_: int) -> None:
        torch.set_num_threads(1)
        all_started.wait()

    pool = ThreadPoolExecutor(count, thread_name_prefix="encode")
    list(pool.map(alone, range(count)))
    torch.set_num_threads(count)
    return pool


def import_torchvision() -> None:
    """Import torchvision, also where its compiled part does not load beside this torch.

    The torchvision wheels for CUDA do not load their operators beside a CPU build of torch and
    then fail on the first one they refine. Transforms need no operator, so the schemas alone make
    it usable. They are declared only after that very error: a working torchvision has them, and a
    second declaration would be an error of its own.
    """
    try:
        import_module("torchvision")
    except RuntimeError as error:
        if _MISSING_OPERATOR not in str(error):
            raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]  # half imported; a second import would find the pieces
        torch_library: Any = import_module("torch.library")
        library = torch_library.Library("torchvision", "DEF")
        for schema in _SCHEMAS:
            library.define(schema)
        _kept_alive.append(library)
        import_module("torchvision")


def import_open_clip(threads: int = 0) -> Any:
    """Return the open_clip module, with torch and torchvision made ready for it."""
    prepare_torch(threads)
    import_torchvision()
    return import_module("open_clip")


@contextmanager
def without_random_init() -> Iterator[None]:
    """Leave fresh weights unfilled while a model is built whose every weight is loaded afterwards.

    Filling ViT-B-32 costs 3.5 s of CPU, leaving it out 0.05 s. Constant fills still happen, and
    only this thread is affected.
    """
    unfilled: dict[int, Any] = {}  # by id; kept alive, so that no other tensor gets the same one
    import torch
    from torch.overrides import TorchFunctionMode

    class SkipRandom(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            kwargs = kwargs or {}
            name = getattr(func, "__name__", "")
            target = args[0] if args else kwargs.get("tensor")
            if name in _RANDOM_FILLS:
                unfilled[id(target)] = target
                return target
            if name in _AFTERWARDS and id(target) in unfilled:
                return target
            return (torch.empty if name in _RANDOM_TENSORS else func)(*args, **kwargs)

    with SkipRandom():
        yield
