"""A cross-encoder as a judge: a model that reads a photo and a text together (BLIP's ITM head).

Li and others, "BLIP", 2022 (section 3.1: image-text matching). The weights are the user's, a folder
as transformers saves it; nothing is downloaded.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.errors import ConfigError, ImageError, ModelError
from retrieval.pictures import load_picture, side_for
from retrieval.records import Evidence

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

MATCHING = 1  # the column of the head that says that both belong together
FALLBACK_SIDE = 384  # pixels, what BLIP's published ITM models take


class CrossEncoder:
    """Implements Judge with a BlipForImageTextRetrieval, loaded on first use.

    Raises ConfigError for a folder that holds no such model.
    """

    batch = 8

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder).expanduser()
        self.name = self._folder.name
        self.image_size = _image_size(self._folder)
        self._loaded: tuple[Any, Any] | None = None

    def judge(self, claim: str, evidence: Sequence[Evidence]) -> list[float] | None:
        """See Judge. NaN for photos whose file cannot be read."""
        judged = [math.nan] * len(evidence)
        images: list[Image.Image] = []
        places: list[int] = []
        for place, piece in enumerate(evidence):
            try:
                images.append(load_picture(piece.path, side_for(self.image_size)).image)
            except ImageError:
                continue
            places.append(place)
        for place, score in zip(places, self.scores(claim, images), strict=True):
            judged[place] = float(score)
        return judged

    def scores(self, claim: str, images: Sequence[Image.Image]) -> NDArray[np.float32]:
        """The probability that each image (n,) belongs to the text: softmax of the head, (n,)."""
        if not images:
            return np.zeros(0, np.float32)
        model, processor = self._load()
        import torch

        inputs = processor(
            images=[image.convert("RGB") for image in images],
            text=[claim] * len(images),
            truncation=True,
            max_length=model.config.text_config.max_position_embeddings,
            return_tensors="pt",
        )
        with torch.inference_mode():
            logits = model(**inputs, use_itm_head=True).itm_score  # (n, 2)
            found = torch.softmax(logits.float(), dim=1)[:, MATCHING].numpy()
        return np.asarray(found, np.float32)

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            self._loaded = _load(self._folder)
        return self._loaded


def _image_size(folder: Path) -> int:
    """Pixels of a side, from the configuration. Raises ConfigError."""
    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError) as exc:
        raise ConfigError(
            f"{folder} holds no model: its config.json cannot be read ({exc}). Name the folder of "
            "a BLIP model with an ITM head, as transformers saves it."
        ) from exc
    if not isinstance(config, dict) or config.get("model_type") != "blip":
        raise ConfigError(f"The model in {folder} is no BLIP model. Name the folder of one.")
    size = (config.get("vision_config") or {}).get("image_size", FALLBACK_SIDE)
    return size if isinstance(size, int) and 0 < size <= 4096 else FALLBACK_SIDE


def _load(folder: Path) -> tuple[Any, Any]:
    from retrieval.encoders._compat import import_torchvision, prepare_torch

    prepare_torch()
    try:
        import_torchvision()
        import transformers

        logging: Any = transformers.utils.logging
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        blip: Any = transformers.BlipForImageTextRetrieval
        processor = transformers.BlipProcessor.from_pretrained(folder, local_files_only=True)
        model, report = blip.from_pretrained(
            folder, local_files_only=True, output_loading_info=True
        )
    except Exception as exc:  # of the libraries below, which know dozens
        raise ModelError(
            f"The model in {folder} cannot be loaded: {exc}. Save it again with transformers."
        ) from exc
    if report["missing_keys"]:  # transformers would go on with random ones
        missing = ", ".join(sorted(report["missing_keys"])[:3])
        raise ModelError(
            f"The model in {folder} lacks weights ({missing}). Name one with an ITM head, "
            "BlipForImageTextRetrieval."
        )
    return model.eval(), processor
