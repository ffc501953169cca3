"""The built-in encoder: photos and texts into one space, without a model hub or a download.

Two small pretrained backbones come as PyPI packages and stay frozen: EfficientNet-Lite2 (Tan & Le
2019) sees, all-MiniLM-L6-v2 (Wang et al. 2020) reads. Small trained heads, shipped beside this file
as `mini_heads.safetensors`, bring the two together. docs/mini.md says how they were trained
(scripts/train_mini.py), what they reach and what they do not.
"""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval.encoders import MINI_QUALITY
from retrieval.encoders._compat import prepare_torch, single_threaded_pool
from retrieval.encoders._devices import pick_device, plain_errors, sees_accelerator
from retrieval.encoders._efficientnet import EfficientNetLite
from retrieval.encoders._mini_heads import (
    TUNED_LAYERS,
    Features,
    ImageHead,
    TextHead,
    read_head_tensors,
    with_corrections,
)
from retrieval.encoders._mini_weights import LITE0, LITE2, MINILM, TOKENIZER, WeightFile
from retrieval.encoders._minilm import MiniLM, Tokenizer, mean_pool, padded
from retrieval.encoders._pixels import picture_box
from retrieval.errors import EncoderError

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    import torch
    from numpy.typing import NDArray
    from PIL import Image
    from torch import Tensor

    from retrieval.encoders import Encoder, EncoderSpec
    from retrieval.encoders.towers.exporting import Graph

DIM = 388  # 384 of meaning, 4 against hubs (_mini_heads)
WIDE_PX = 304  # the whole photo squashed to a square, for Lite2
CENTRE_PX = 224  # the centre crop, for Lite0: what it was trained at
CENTRE_SHORT_SIDE_PX = 250  # the crop is cut from a copy of this short side
PREPROCESSING = "whole squashed to 304 + centre 224 of 250, bicubic; 128 tokens; version 1"
TEXT_BATCH = 64
HEADS_PATH = Path(__file__).with_name("mini_heads.safetensors")


WEIGHTS = (LITE2, LITE0, MINILM, TOKENIZER)


def load(spec: EncoderSpec) -> Encoder:
    """Load the encoder for `spec` (ENCODERS names this function); weights are read on first use."""
    return MiniEncoder(spec.device, spec.threads)


class MiniEncoder:
    """The two towers. Each is read when first needed, so that a text query reads no image weights.

    All weights are checked to be there at once, and their SHA-256 when they are read.
    """

    name = "mini"
    dim = DIM
    image_size = WIDE_PX
    export_gain = 0.2  # convolutions are not faster in int8 here, only without torch
    quality = f"Built in: {MINI_QUALITY}."

    def __init__(self, device: str = "auto", threads: int = 0, heads: Path = HEADS_PATH) -> None:
        for weights in WEIGHTS:
            weights.locate()
        self._device = device
        self._threads = threads
        self._heads = _read_heads_file(heads)
        self.fingerprint = _fingerprint(self._heads)
        self._lock = threading.Lock()
        self._image: ImageTower | None = None
        self._text: TextTower | None = None

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Turn an upright RGB image into uint8 (2, 304, 304, 3). Thread-safe, no torch."""
        return prepare(image)

    def encode_images(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode uint8 (n, 2, 304, 304, 3) into float32 (n, 388), rows of unit length.

        Raises DeviceMemoryError when the batch does not fit the device.
        """
        tower = self._image_tower()
        with plain_errors(tower.device):
            return tower.encode(batch)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode n texts into float32 (n, 388), rows of unit length; 128 tokens of each count."""
        tower = self._text_tower()
        with plain_errors(tower.device):
            return tower.encode(texts)

    @property
    def exportable(self) -> bool:
        """Whether towers exported for the CPU can stand in: it would run there."""
        return self._device == "cpu" or (self._device == "auto" and not sees_accelerator())

    def image_graph(self) -> Graph:
        """The image tower, to be exported."""
        from retrieval.encoders._mini_graphs import image_graph

        return image_graph(self._image_tower())

    def text_graph(self) -> Graph:
        """The text tower, to be exported."""
        from retrieval.encoders._mini_graphs import text_graph

        return text_graph(self._text_tower())

    def _image_tower(self) -> ImageTower:
        with self._lock:
            if self._image is None:
                self._image = ImageTower(read_head_tensors(self._heads), self._place())
            return self._image

    def _text_tower(self) -> TextTower:
        with self._lock:
            if self._text is None:
                self._text = TextTower(read_head_tensors(self._heads), self._place())
            return self._text

    def _place(self) -> torch.device:
        """The torch device to use; brings torch up with passive waiting on the way."""
        prepare_torch(self._threads)
        return pick_device(self._device)


class ImageTower:
    """Both image backbones and their head."""

    def __init__(self, heads: Mapping[str, Tensor] | None, device: torch.device) -> None:
        """`heads` may be None for the features alone, which is what training starts from."""
        self.device = device
        self._wide = EfficientNetLite(_read_torch(LITE2), depth=1.2, device=device)
        self._centre = EfficientNetLite(_read_torch(LITE0), depth=1.0, device=device)
        self.head = ImageHead(_moved(heads, device)) if heads is not None else _no_head
        self._pool: ThreadPoolExecutor | None = None

    def features(self, batch: NDArray[np.uint8]) -> Features:
        """What the backbones say about prepared photos, uint8 (n, 2, 304, 304, 3)."""
        import torch

        with torch.inference_mode():
            return self.describe(torch.from_numpy(batch).to(self.device))

    def describe(self, pixels: Tensor) -> Features:
        """The same of a tensor uint8 (n, 2, 304, 304, 3) on the device."""
        wide = self._wide.feature_map(pixels[:, 0])  # (n, 1280, 10, 10)
        centre = self._centre.feature_map(pixels[:, 1, :CENTRE_PX, :CENTRE_PX])  # 7 x 7
        mean = wide.mean((2, 3))
        classes = self._wide.logits(mean).softmax(-1)
        return Features(mean, wide.amax((2, 3)), centre.mean((2, 3)), classes)

    def encode(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Prepared photos -> float32 (n, 388), rows of unit length."""
        if self.device.type != "cpu" or len(batch) < 2:
            return self._encode_together(batch)
        # On a CPU one photo at a time is a third faster than a batch, whose activations overflow
        # the cache, and one thread a photo faster than all threads on one: small convolutions
        # spend their time waiting for each other.
        if self._pool is None:
            self._pool = single_threaded_pool()
        singles = [batch[i : i + 1] for i in range(len(batch))]
        return np.concatenate(list(self._pool.map(self._encode_together, singles)))

    def _encode_together(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        import torch

        if not len(batch):
            return np.zeros((0, DIM), dtype=np.float32)
        with torch.inference_mode():
            return _to_numpy(self.head(self.features(batch)))


class TextTower:
    """Tokenizer, MiniLM with its corrections, and the text head."""

    def __init__(self, heads: Mapping[str, Tensor], device: torch.device) -> None:
        self.device = device
        self._tokenizer = Tokenizer(TOKENIZER.read())
        self._backbone = MiniLM(_read_safetensors(MINILM), device)
        heads = _moved(heads, device)
        for index in TUNED_LAYERS:
            layer = self._backbone.layers[index]
            self._backbone.layers[index] = with_corrections(layer, heads, index)
        self.head = TextHead(heads)

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Texts -> float32 (n, 388), rows of unit length."""
        import torch

        ids = self._tokenizer(texts)
        out = np.zeros((len(ids), DIM), dtype=np.float32)
        by_length = sorted(range(len(ids)), key=lambda i: len(ids[i]))  # little padding
        with torch.inference_mode():
            for start in range(0, len(ids), TEXT_BATCH):
                rows = by_length[start : start + TEXT_BATCH]
                arrays = padded([ids[i] for i in rows])
                table, mask = (torch.from_numpy(x).to(self.device) for x in arrays)
                out[rows] = _to_numpy(self.head(self.pooled(table, mask)))
        return out

    def pooled(self, ids: Tensor, mask: Tensor) -> Tensor:
        """int64 (n, t) ids, bool (n, t) mask -> (n, 384), the mean over each text's tokens."""
        return mean_pool(self._backbone.hidden(ids, mask), mask)


def prepare(image: Image.Image) -> NDArray[np.uint8]:
    """An upright picture -> uint8 (2, 304, 304, 3): the whole and the centre.

    View 0 is the whole photo squashed to a square. View 1 holds the centre crop in its top left
    224 pixels and is black elsewhere: both views must have one shape, and Lite0 wants 224.
    """
    from PIL import Image as Pillow

    image = image if image.mode == "RGB" else image.convert("RGB")
    views = np.zeros((2, WIDE_PX, WIDE_PX, 3), dtype=np.uint8)
    bicubic = Pillow.Resampling.BICUBIC
    whole = picture_box(image)
    views[0] = np.asarray(image.resize((WIDE_PX, WIDE_PX), bicubic, whole))
    short = min(whole.right - whole.left, whole.bottom - whole.top)
    half = short * CENTRE_PX / CENTRE_SHORT_SIDE_PX / 2  # of the crop's side, in source pixels
    x, y = (whole.left + whole.right) / 2, (whole.top + whole.bottom) / 2
    box = (x - half, y - half, x + half, y + half)
    views[1, :CENTRE_PX, :CENTRE_PX] = np.asarray(image.resize((CENTRE_PX,) * 2, bicubic, box))
    return views


def _fingerprint(heads: bytes) -> str:
    """Hex SHA-256 of everything that decides an embedding; reads no backbone."""
    parts = [weights.sha256 for weights in WEIGHTS]
    parts += [hashlib.sha256(heads).hexdigest(), PREPROCESSING, str(DIM)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _read_heads_file(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise EncoderError(
            f"The built-in encoder's heads cannot be read ({error}): install retrieval again"
        ) from error


def _read_torch(weights: WeightFile) -> dict[str, Tensor]:
    import torch

    state: dict[str, Tensor] = torch.load(io.BytesIO(weights.read()), weights_only=True)
    return state


def _read_safetensors(weights: WeightFile) -> dict[str, Tensor]:
    from safetensors.torch import load as load_tensors

    return load_tensors(weights.read())


def _no_head(_: Features) -> Tensor:
    raise AssertionError("this tower was made for its features alone")


def _moved(state: Mapping[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    return {name: value.to(device) for name, value in state.items()}


def _to_numpy(x: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = x.cpu().numpy()
    return array
