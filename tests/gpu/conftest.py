"""Tests that need an NVIDIA GPU; without one they are skipped, and say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checkpoints import save_clip, save_siglip

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what lies in this folder, and skip it where torch finds no GPU."""
    import torch

    skip = pytest.mark.skip(reason="needs an NVIDIA GPU; torch finds none here")
    for item in items:
        if item.path.is_relative_to(FOLDER):
            item.add_marker(pytest.mark.gpu)
            if not torch.cuda.is_available():
                item.add_marker(skip)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small CLIP and a small SigLIP with random weights."""
    from retrieval.encoders._compat import import_open_clip

    import_open_clip()
    base = tmp_path_factory.mktemp("checkpoints")
    return {"clip": save_clip(base / "clip"), "siglip": save_siglip(base / "siglip")}
