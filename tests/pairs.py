"""Our encoder beside open_clip's own pipeline, and pictures to compare them on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from retrieval.encoders import Encoder, EncoderSpec, load_encoder
from retrieval.encoders._compat import import_open_clip

open_clip = import_open_clip(1)  # makes torchvision importable, which others need too

# Portrait, landscape, square, smaller than the model wants, one pixel high, panorama, large.
SIZES = [
    (300, 500),
    (500, 333),
    (96, 96),
    (40, 30),
    (33, 97),
    (7, 200),
    (1, 1),
    (640, 1),
    (161, 160),
    (1999, 150),
    (1200, 1600),
]


@dataclass(frozen=True)
class Pair:
    """Our encoder and open_clip's own pipeline, loaded from the same folder."""

    folder: Path
    ours: Encoder
    model: Any
    transform: Any
    tokenize: Any

    def image_rows(self, images: list[Image.Image]) -> np.ndarray:
        import torch

        with torch.inference_mode():
            batch = torch.stack([self.transform(image) for image in images])
            return self.model.encode_image(batch, normalize=True).numpy()

    def text_rows(self, texts: list[str]) -> np.ndarray:
        import torch

        with torch.inference_mode():
            return self.model.encode_text(self.tokenize(texts), normalize=True).numpy()


def open_model(model: str | Path, **options: Any) -> Encoder:
    return load_encoder(EncoderSpec(str(model), **{"device": "cpu", "threads": 1, **options}))


def encode(encoder: Encoder, images: list[Image.Image]) -> np.ndarray:
    return encoder.encode_images(np.stack([encoder.prepare(image) for image in images]))


def cosines(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    return (ours.astype(np.float64) * theirs).sum(axis=1)


def generated(size: tuple[int, int], seed: int = 0) -> Image.Image:
    """Soft colour patches with some noise: a picture whose resizing is not trivial."""
    rng = np.random.default_rng([seed, *size])
    patches = Image.fromarray(rng.integers(0, 256, (5, 7, 3), np.uint8)).resize(size)
    noise = rng.integers(-20, 21, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.asarray(patches) + noise, 0, 255).astype(np.uint8))


def make_pair(folder: Path) -> Pair:
    """Load `folder` twice."""
    name = f"local-dir:{folder}"
    model, transform = open_clip.create_model_from_pretrained(name)
    return Pair(folder, open_model(folder), model, transform, open_clip.get_tokenizer(name))


def edit_config(folder: Path, section: str, changes: dict[str, Any]) -> None:
    """Change a section of the folder's open_clip_config.json."""
    path = folder / "open_clip_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    config[section].update(changes)
    path.write_text(json.dumps(config), encoding="utf-8")
