"""Backbone outputs of photos, computed once with the encoder's own code and kept in a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps

from retrieval.encoders._mini_heads import Features
from retrieval.encoders.mini import PREPROCESSING, ImageTower, prepare


def image_features(paths: Sequence[Path], cache: Path) -> Features:
    """Features of the photos at `paths`, in order; read from the file `cache` if it fits them."""
    names = [PREPROCESSING, *(path.name for path in paths)]
    if cache.is_file():
        with np.load(cache) as stored:
            if stored["names"].tolist() == names:
                return Features(*(torch.from_numpy(stored[f.name]) for f in fields(Features)))
    tower = ImageTower(None, torch.device("cpu"))
    parts = []
    for number, path in enumerate(paths, 1):
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image).convert("RGB")
        parts.append(tower.features(prepare(upright)[None]))
        if number % 200 == 0:
            print(f"{cache.stem}: {number} of {len(paths)} photos", flush=True)
    features = Features(*(torch.cat([getattr(p, f.name) for p in parts]) for f in fields(Features)))
    arrays = {f.name: getattr(features, f.name).numpy() for f in fields(Features)}
    np.savez(cache, names=np.array(names), **arrays)
    return features


def rows(features: Features, chosen: Sequence[int]) -> Features:
    """The features of some photos."""
    index = torch.as_tensor(chosen)
    return Features(*(getattr(features, f.name)[index] for f in fields(Features)))
