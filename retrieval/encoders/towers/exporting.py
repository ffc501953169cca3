"""Export a tower of a torch model, make candidates of it, and keep the fastest that agrees.

The tower goes to ONNX once. Candidates, fastest first: int8 and float32, for OpenVINO where that is
installed and for ONNX Runtime. Each is compared with the model itself on probes; the first that
agrees (`agreement.py`) and is faster than the model is kept.
"""

from __future__ import annotations

import io
import logging
import shutil
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.encoders.towers import quantising
from retrieval.encoders.towers.agreement import Agreement, compare
from retrieval.encoders.towers.folder import (
    TOKENIZER_FILE,
    Note,
    Side,
    TowerFolder,
    checksum,
    versions,
)
from retrieval.encoders.towers.running import Tower
from retrieval.errors import DeviceMemoryError, EncoderError, RetrievalError
from retrieval.storage import disk

if TYPE_CHECKING:
    from numpy.typing import NDArray

OPSET = 17
TIMED = 16  # items
ABANDONED_S = 3600.0  # age of what a process that died was making
MAKING = "making-"

Arrays = dict[str, "NDArray[Any]"]


@dataclass(frozen=True, slots=True)
class Graph:
    """A tower as a torch module, and what its input takes.

    `module` maps one tensor for each of `names` to float32 (n, dim), rows of unit length; `axes`
    says which of their axes vary beside the first; `inputs` goes into the note, and `tokenizer` is
    the content of TOKENIZER_FILE where the inputs need one.
    """

    module: Any
    names: tuple[str, ...]
    inputs: dict[str, Any]
    axes: dict[str, dict[int, str]] = field(default_factory=dict)
    tokenizer: str = ""


@dataclass(frozen=True, slots=True)
class Probes:
    """Items that were encoded by the model itself: batches of arrays, and the rows (n, dim)."""

    batches: Sequence[Arrays]
    rows: NDArray[np.float32]
    #: Encodes arrays with the model itself, for its time.
    model: Callable[[Arrays], object]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A form that a tower can take; `make` writes it and names the file to load."""

    runtime: str
    precision: str
    make: Callable[[], Path]

    def __str__(self) -> str:
        return f"{self.precision} in {self.runtime}"


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a candidate: its file, loaded, and how far it agrees."""

    candidate: Candidate
    path: Path
    tower: Tower
    agreement: Agreement


def export(folder: TowerFolder, side: Side, note: Note, graph: Graph, probes: Probes) -> Note:
    """Export a tower and keep the best candidate, or the reason why there is none.

    Returns the note that was kept; `note` gives what is known of the encoder. Waits for another
    process that exports into the same folder, and takes what it made. Raises OSError where the
    folder cannot be written, EncoderError for a failure that another time need not meet.
    """
    from filelock import FileLock

    note = replace(note, inputs=graph.inputs, made_with=versions())
    disk.make_folders(folder.path)
    with FileLock(folder.path / "lock"):
        there = folder.usable(side)
        if there is not None and (there.failed or folder.is_whole(there)):
            return there
        _clear_away(folder.path)
        with tempfile.TemporaryDirectory(dir=folder.path, prefix=MAKING) as temporary:
            note = _tried(Path(temporary), folder, side, note, graph, probes)
        folder.write(side, note)
    return note


def _clear_away(place: Path) -> None:
    """Remove what processes that died left half made."""
    for left in place.glob(f"{MAKING}*"):
        if time.time() - left.stat().st_mtime > ABANDONED_S:
            shutil.rmtree(left, ignore_errors=True)


def _tried(
    place: Path, folder: TowerFolder, side: Side, note: Note, graph: Graph, probes: Probes
) -> Note:
    """The note of the best candidate, or one that says why there is none."""
    try:
        return _best(place, folder, side, note, graph, probes)
    except OSError:
        raise
    except (ImportError, MemoryError, DeviceMemoryError) as error:
        raise EncoderError(_first_line(error)) from error
    except RetrievalError as error:
        return replace(note, failed=_first_line(error))
    except Exception as error:  # the exporters and quantisers raise classes of their own
        return replace(note, failed=f"{type(error).__name__}: {_first_line(error)}")


def _best(
    place: Path, folder: TowerFolder, side: Side, note: Note, graph: Graph, probes: Probes
) -> Note:
    """Keep the first candidate that agrees, and for pictures is faster than the model."""
    batch = probes.batches[0]
    # A text tower need not be faster than the model: it saves loading torch.
    limit = seconds_of(probes.model, batch) if side == "image" else 0.0
    rejected: list[str] = []
    for trial in trials(place, side, note.dim, graph, probes):
        if not trial.agreement.enough:
            rejected.append(f"{trial.candidate} does not agree with the model ({trial.agreement})")
        elif limit and seconds_of(trial.tower, batch) > limit:
            rejected.append(f"{trial.candidate} is not faster than the model")
        else:
            note = replace(note, rejected=tuple(rejected))
            return _published(folder, side, trial, graph.tokenizer, note)
    raise EncoderError("; ".join(rejected))


def trials(place: Path, side: Side, dim: int, graph: Graph, probes: Probes) -> Iterator[Trial]:
    """Make one candidate after the other in the folder `place`, the fastest first, and try it."""
    whole = _to_onnx(graph, probes.batches[0], place / "traced.onnx")
    for candidate in _candidates(side, whole, probes):
        with _quiet():
            path = candidate.make()
            if candidate.runtime == "onnx":
                path = quantising.weights_apart(path, _own_folder(path) / f"{side}.onnx")
        tower = Tower(candidate.runtime, path, dim)
        rows = np.concatenate([tower(batch) for batch in probes.batches])
        yield Trial(candidate, path, tower, compare(probes.rows, rows))


def _own_folder(path: Path) -> Path:
    folder = path.with_suffix("")
    disk.make_folders(folder)
    return folder


def _candidates(side: Side, whole: Path, probes: Probes) -> Iterator[Candidate]:
    """What can be tried here, the fastest first."""
    matrices = quantising.share_of_matrices(whole) > 0.5  # else int8 would change next to nothing
    vino = side == "image" and find_spec("openvino") is not None
    if vino and matrices and find_spec("nncf") is not None:
        yield Candidate("openvino", "int8", lambda: quantising.to_openvino_int8(whole, probes))
    if matrices:
        yield Candidate("onnx", "int8", lambda: quantising.to_int8(whole))
    if matrices and find_spec("onnx_ir") is not None:
        yield Candidate("onnx", "int8 blocks", lambda: quantising.to_int8_blocks(whole))
    if vino:
        yield Candidate("openvino", "fp32", lambda: quantising.to_openvino(whole))
    yield Candidate("onnx", "fp32", lambda: whole)


def _to_onnx(graph: Graph, example: Arrays, path: Path) -> Path:
    """Trace the module with two items and write it, constants folded."""
    import torch

    tensors = tuple(torch.from_numpy(example[name][:2]) for name in graph.names)
    axes = {name: {0: "n", **graph.axes.get(name, {})} for name in graph.names}
    with _quiet(), _plain_attention(), torch.no_grad():
        torch.onnx.export(
            graph.module,
            tensors,
            str(path),
            dynamo=False,  # traces in a third of the time, and needs no onnxscript
            opset_version=OPSET,
            input_names=list(graph.names),
            output_names=["rows"],
            dynamic_axes={**axes, "rows": {0: "n"}},
        )
    return quantising.fold_constants(path)


def seconds_of(encode: Callable[[Arrays], object], batch: Arrays) -> float:
    """Wall seconds for a few items on all threads, the best of three."""
    few = {name: array[:TIMED] for name, array in batch.items()}
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        encode(few)
        times.append(time.perf_counter() - begun)
    return min(times)


def _published(folder: TowerFolder, side: Side, trial: Trial, tokenizer: str, note: Note) -> Note:
    """Move the files of a candidate to their place, durably."""
    names = []
    for part in sorted(trial.path.parent.glob(f"{trial.path.stem}.*")):
        target = folder.path / f"{side}{part.suffix}"
        part.chmod(disk.FILE_MODE)
        disk.sync_file(part)
        disk.rename(part, target)
        names.append(target.name)
    if tokenizer:
        folder.write_tokenizer(tokenizer)
        names.append(TOKENIZER_FILE)
    return replace(
        note,
        runtime=trial.candidate.runtime,
        precision=trial.candidate.precision,
        files={name: list(checksum(folder.path / name)) for name in names},
        agreement=asdict(trial.agreement),
    )


@contextmanager
def _plain_attention() -> Iterator[None]:
    """Have torch compute attention step by step.

    Its fused form cannot be exported, and its usual one fixes the length of the sequence.
    """
    import torch

    layer: Any = torch.nn.MultiheadAttention
    before = layer.forward

    def forward(self: Any, query: Any, key: Any, value: Any, **options: Any) -> Any:
        given = {name for name, each in options.items() if each is not None and each is not False}
        if not self._qkv_same_embed_dim or not self.batch_first or given - {"attn_mask"}:
            return before(self, query, key, value, **options)
        return _attention(self, query, key, value, options.get("attn_mask")), None

    layer.forward = forward
    try:
        yield
    finally:
        layer.forward = before


def _attention(layer: Any, query: Any, key: Any, value: Any, mask: Any) -> Any:
    """Multi-head attention (Vaswani et al. 2017) with the weights of torch's own layer."""
    from torch.nn import functional

    weights = layer.in_proj_weight.chunk(3)
    biases = (None,) * 3 if layer.in_proj_bias is None else layer.in_proj_bias.chunk(3)
    q, k, v = (
        functional.linear(x, weight, bias)
        .reshape(*x.shape[:2], layer.num_heads, layer.head_dim)
        .transpose(1, 2)
        for x, weight, bias in zip((query, key, value), weights, biases, strict=True)
    )  # each (n, heads, t, width)
    attended = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
    return layer.out_proj(attended.transpose(1, 2).flatten(2))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporters tell their own developers off the user's screen."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(io.StringIO()):
            # Tracing warns of every shape that it takes for a constant; comparing with the model
            # says if one is wrong.
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__
