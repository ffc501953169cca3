"""Encoders of open_clip: published weights, hub repositories, and checkpoints of your own.

`_checkpoints` says which names are understood. Photos go through the model's own preprocessing
(`_pixels`), are normalised on the device, and are encoded in the chosen precision; embeddings
leave as float32 rows of unit length. Accuracy against open_clip's own pipeline is tested to a
cosine above 0.9999.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.encoders import Encoder, EncoderSpec
from retrieval.encoders._checkpoints import Checkpoint, published_name, resolve
from retrieval.encoders._compat import import_open_clip
from retrieval.encoders._devices import pick_device, pick_precision, plain_errors
from retrieval.encoders._hub import TOKENIZER_FILES
from retrieval.encoders._pixels import Pixels
from retrieval.encoders._towers import build_model, build_tokenizer
from retrieval.errors import EncoderError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from PIL import Image

    from retrieval.encoders.towers.exporting import Graph

TEXT_BATCH = 256

# They say where something was fetched from, not what it computes.
_SOURCE_KEYS = {
    "hf_model_pretrained",
    "hf_tokenizer_name",
    "timm_model_pretrained",
}


def load(spec: EncoderSpec) -> Encoder:
    """Load the open_clip model of `spec`.

    Raises UnknownModelError with near names, MissingExtraError for a tokenizer without its package,
    or EncoderError: no such device, weights that cannot be downloaded, read or fitted.
    """
    open_clip = import_open_clip(spec.threads)
    device = pick_device(spec.device)
    dtype = pick_precision(spec.precision, device)
    checkpoint = resolve(spec.model, open_clip)
    model = build_model(checkpoint, open_clip)
    pixels = _pixels(checkpoint, model.visual.image_size)
    tokenizer = build_tokenizer(checkpoint, open_clip)
    with plain_errors(device):
        model = model.to(device=device, dtype=dtype)
    parts = (checkpoint, model, tokenizer, pixels, device, dtype)
    if device.type != "cuda":
        return OpenClipEncoder(*parts)
    from retrieval.encoders._cuda import CudaEncoder

    return CudaEncoder(*parts)


def published(model: str) -> str | None:
    """The canonical name of published weights, without fetching them; None for a local checkpoint.

    Raises UnknownModelError with near names.
    """
    return published_name(model, import_open_clip())


class OpenClipEncoder:
    """An open_clip model on one device, in one precision. See `Encoder` for the contract."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        model: Any,
        tokenizer: Any,
        pixels: Pixels,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        import torch

        self.name = checkpoint.name
        self.quality = checkpoint.quality
        self.source = checkpoint.weights
        self.dim = int(checkpoint.model_cfg["embed_dim"])
        # The longer side where they differ: a loader that keeps this much never keeps too little.
        self.image_size = max(pixels.size)
        self.fingerprint = fingerprint(checkpoint, pixels)
        self.device = device
        self.dtype = dtype
        if device.type == "cuda":
            # Batches arrive as (n, H, W, 3), which is this layout already.
            model = model.to(memory_format=torch.channels_last)
        self._model = model
        self._tokenizer = tokenizer
        self._pixels = pixels
        shape = (1, 3, 1, 1)
        self._mean = torch.tensor(pixels.mean, device=device).view(shape)
        self._std = torch.tensor(pixels.std, device=device).view(shape)

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Turn an upright RGB image into uint8 (1, H, W, 3), as open_clip would. Thread-safe."""
        return self._pixels(image)

    def encode_images(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode uint8 (n, 1, H, W, 3) into float32 (n, dim), rows of unit length.

        Raises DeviceMemoryError when the batch does not fit the device, EncoderError when the
        model yields numbers that are not finite.
        """
        import numpy as np
        import torch

        self._check(batch.shape[1:])
        if not len(batch):
            return np.zeros((0, self.dim), np.float32)
        with plain_errors(self.device), torch.inference_mode():
            # W: a read-only array, such as one on a memory map, is copied first.
            pixels = torch.from_numpy(np.require(batch[:, 0], requirements=["C", "W"]))
            return self.finite(self.image_rows(pixels.to(self.device)))

    def _check(self, shape: tuple[int, ...]) -> None:
        if shape != (1, *self._pixels.size, 3):
            raise ValueError(f"expected photos of shape (1, {self._pixels.size}, 3), not {shape}")

    def image_rows(self, pixels: torch.Tensor) -> torch.Tensor:
        """Encode uint8 (n, H, W, 3) into float32 (n, dim), rows of unit length, on the device."""
        images = pixels.permute(0, 3, 1, 2).float()  # (n, 3, H, W), in memory still channels-last
        images = images.div_(255).sub_(self._mean).div_(self._std)
        return _unit_rows(self._model.encode_image(images.to(self.dtype)))

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode n texts into float32 (n, dim), rows of unit length. Long ones are cut.

        Raises DeviceMemoryError and EncoderError as `encode_images` does.
        """
        import numpy as np
        import torch

        rows = [np.zeros((0, self.dim), np.float32)]
        for start in range(0, len(texts), TEXT_BATCH):
            tokens = self._tokenizer(list(texts[start : start + TEXT_BATCH]))  # (n, length)
            with plain_errors(self.device), torch.inference_mode():
                features = self._model.encode_text(tokens.to(self.device))
                rows.append(self.finite(_unit_rows(features)))
        return np.concatenate(rows)

    @property
    def exportable(self) -> bool:
        """Whether towers exported for the CPU can stand in: it runs there, in float32."""
        return self.device.type == "cpu" and str(self.dtype) == "torch.float32"

    def image_graph(self) -> Graph:
        """The image tower, to be exported."""
        from retrieval.encoders._clip_graphs import image_graph

        return image_graph(self._model, self._pixels)

    def text_graph(self) -> Graph:
        """The text tower, to be exported. Raises EncoderError for a tokenizer that needs torch."""
        from retrieval.encoders._clip_graphs import text_graph

        return text_graph(self._model, self._tokenizer)

    def finite(self, tensor: torch.Tensor) -> NDArray[np.float32]:
        """Bring rows to the host. Raises EncoderError when some are not finite."""
        import numpy as np

        rows: NDArray[np.float32] = tensor.cpu().numpy()
        if not np.isfinite(rows).all():
            raise EncoderError(
                f"{self.name} yields numbers that are not finite in {self.dtype}; use --precision "
                "fp32, and if that does not help get its weights again."
            )
        return rows


def _unit_rows(features: torch.Tensor) -> torch.Tensor:
    """Scale rows (n, dim) to unit length in float32, whatever the model computed in."""
    rows = features.float()
    return rows / rows.norm(dim=-1, keepdim=True)  # type: ignore[no-any-return]


def _pixels(checkpoint: Checkpoint, image_size: int | Sequence[int]) -> Pixels:
    """Join the preprocessing settings with the size that the built image tower expects."""
    size = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    cfg = dict(checkpoint.pixel_cfg)
    try:
        for key in ("mean", "std"):
            value = cfg[key]
            values = [value] * 3 if isinstance(value, (int, float)) else value
            cfg[key] = tuple(float(each) for each in values)
        return Pixels(size=(int(size[0]), int(size[1])), **cfg)
    except (ValueError, TypeError) as error:
        raise EncoderError(
            f"The preprocessing of {checkpoint.name} is unusable ({error}); correct its "
            "preprocess_cfg."
        ) from error


def fingerprint(checkpoint: Checkpoint, pixels: Pixels) -> str:
    """Return hex that changes with weights, architecture, preprocessing, tokenizer and dim.

    Where the checkpoint lies, on which device it runs and in which precision does not matter, so
    a collection stays valid when a checkpoint is moved.
    """
    facts = {
        "weights": _sha256(checkpoint.weights),
        "model": _without_sources(checkpoint.model_cfg),
        "pixels": pixels.describe(),
        "tokenizer": _tokenizer_facts(checkpoint.tokenizer),
        "dim": checkpoint.model_cfg["embed_dim"],
    }
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def _tokenizer_facts(folder: Path | None) -> dict[str, str]:
    """Name the files of a tokenizer and their content; its options stand in the model's cfg."""
    if folder is None:
        return {"type": "SimpleTokenizer"}
    files = {name: folder / name for name in TOKENIZER_FILES}
    files |= {path.name: path for path in folder.glob("*.model")}
    found = {name: _sha256(path) for name, path in sorted(files.items()) if path.is_file()}
    return {"type": "HFTokenizer", **found}


def _without_sources(cfg: dict[str, Any]) -> dict[str, Any]:
    return {
        key: _without_sources(value) if isinstance(value, dict) else value
        for key, value in cfg.items()
        if key not in _SOURCE_KEYS
    }


def _sha256(path: Path) -> str:
    target = path.resolve()
    # The hub's cache names large files by this very hash and links to them.
    if target.parent.name == "blobs" and re.fullmatch(r"[0-9a-f]{64}", target.name):
        return target.name
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
