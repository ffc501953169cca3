"""Running an exported tower, without torch: one thread a piece of the batch, none of them spins."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.errors import EncoderError, MissingExtraError
from retrieval.machine import available_cpus

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIECE = 8  # items that one thread encodes at a time: what fits its cache; more is not faster

#: From named arrays to float32 (n, dim); safe for several threads.
Run = Callable[[Mapping[str, "NDArray[Any]"]], "NDArray[np.float32]"]


def onnx_runtime(path: Path, quick: bool) -> Run:
    """Load a tower for ONNX Runtime on the CPU. Raises EncoderError, MissingExtraError.

    `quick` leaves out what would take longer than it saves in a few calls.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingExtraError(
            f"ONNX Runtime cannot be loaded ({error}): pip install onnxruntime"
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors
    # A call computes in the thread that makes it; `Tower` brings the threads. A pool inside the
    # session would have them wait for each other at every layer.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if quick:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    try:
        session = onnxruntime.InferenceSession(
            str(path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its own classes, which share nothing but Exception
        raise EncoderError(f"{path} cannot be loaded ({str(error)[:160]})") from error

    def run(inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        rows: NDArray[np.float32] = session.run(None, dict(inputs))[0]
        return rows

    return run


def openvino(path: Path, quick: bool) -> Run:
    """Load a tower for OpenVINO on the CPU. Raises EncoderError, MissingExtraError."""
    try:
        import openvino as ov
    except ImportError as error:
        raise MissingExtraError(
            f"OpenVINO cannot be loaded ({error}): pip install 'retrieval[openvino]'"
        ) from error
    # f32: by itself it would compute in bfloat16 where the processor has it, which is not what
    # was asked for and fails the comparison with the model.
    settings = {"INFERENCE_NUM_THREADS": 1, "INFERENCE_PRECISION_HINT": "f32"}
    try:
        compiled = ov.Core().compile_model(str(path), "CPU", settings)
    except Exception as error:
        raise EncoderError(f"{path} cannot be loaded ({str(error)[:160]})") from error

    def run(inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        found = compiled.create_infer_request().infer(dict(inputs))
        rows: NDArray[np.float32] = np.array(found[0])
        return rows

    return run


#: Name -> what loads a file, and is told whether it is to be quick about it.
RUNTIMES: dict[str, Callable[[Path, bool], Run]] = {"onnx": onnx_runtime, "openvino": openvino}


class Tower:
    """An exported tower that spreads a batch over threads."""

    def __init__(
        self, runtime: str, path: Path, dim: int, threads: int = 0, *, quick: bool = False
    ) -> None:
        """Load it, with `quick` for a few calls. Raises EncoderError, MissingExtraError."""
        self.dim = dim
        self._run = RUNTIMES[runtime](path, quick)
        self._threads = threads or int(os.environ.get("OMP_NUM_THREADS") or available_cpus())
        self._pool: ThreadPoolExecutor | None = None

    def __call__(self, inputs: Mapping[str, NDArray[Any]]) -> NDArray[np.float32]:
        """Encode n items, given as arrays of n rows, into float32 (n, dim) of unit length.

        Raises EncoderError if a row is not finite.
        """
        count = len(next(iter(inputs.values())))
        if count == 0:
            return np.zeros((0, self.dim), np.float32)
        size = min(-(-count // self._threads), PIECE)
        pieces = [
            {name: array[start : start + size] for name, array in inputs.items()}
            for start in range(0, count, size)
        ]
        rows = np.concatenate([*self._map(pieces)])
        if not np.isfinite(rows).all():
            raise EncoderError(
                "The exported model yields numbers that are not finite; use --precision fp32."
            )
        return rows

    def _map(self, pieces: list[dict[str, NDArray[Any]]]) -> list[NDArray[np.float32]]:
        if len(pieces) == 1 or self._threads == 1:
            return [self._run(piece) for piece in pieces]
        if self._pool is None:
            self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="encode")
        return list(self._pool.map(self._run, pieces))
