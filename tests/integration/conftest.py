"""Small checkpoints and a hub that is not there, for the tests of open_clip."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.pairs import Pair


@pytest.fixture(scope="session")
def clip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.checkpoints import save_clip

    return save_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture(scope="session")
def siglip_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tests.checkpoints import save_siglip

    return save_siglip(tmp_path_factory.mktemp("siglip"))


@pytest.fixture(scope="session")
def clip(clip_folder: Path) -> Pair:
    from tests.pairs import make_pair

    return make_pair(clip_folder)


@pytest.fixture(scope="session", params=["clip", "siglip"])
def pair(request: pytest.FixtureRequest) -> Pair:
    from tests.pairs import make_pair

    return make_pair(request.getfixturevalue(f"{request.param}_folder"))


@pytest.fixture
def own_copy(clip_folder: Path, tmp_path: Path) -> Path:
    """A copy of the small CLIP that a test may damage."""
    return Path(shutil.copytree(clip_folder, tmp_path / "copy"))


@pytest.fixture
def no_real_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from tests.hub import use_empty_cache

    use_empty_cache(monkeypatch, tmp_path / "hub-cache")


@pytest.fixture
def tiny_archs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two small architectures in open_clip's tables, as if it had come with them."""
    from tests.checkpoints import CLIP_CONFIG, SIGLIP_CONFIG
    from tests.pairs import open_clip

    models = dict(open_clip.factory._MODEL_CONFIGS)
    models |= {"Tiny": CLIP_CONFIG["model_cfg"], "Tiny-SigLIP": SIGLIP_CONFIG["model_cfg"]}
    monkeypatch.setattr(open_clip.factory, "_MODEL_CONFIGS", models)
    table = open_clip.pretrained._PRETRAINED
    clip, siglip = CLIP_CONFIG["preprocess_cfg"], SIGLIP_CONFIG["preprocess_cfg"]
    monkeypatch.setitem(table, "Tiny", {"v1": {"hf_hub": "test/clip/", **clip}})
    monkeypatch.setitem(
        table, "Tiny-SigLIP", {"webli": {"hf_hub": "test/siglip/open_clip_model.bin", **siglip}}
    )
