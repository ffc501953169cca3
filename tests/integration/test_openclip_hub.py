"""Published models: from the hub or its cache, unknown names, a hub out of reach."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants

from retrieval.encoders import _checkpoints, _hub, _towers
from retrieval.errors import EncoderError, UnknownModelError
from tests.checkpoints import CLIP_CONFIG, TEXTS
from tests.hub import refused_address, serve_hub, silent_server, use_hub
from tests.pairs import SIZES, Pair, cosines, encode, generated, open_clip, open_model

pytestmark = pytest.mark.usefixtures("no_real_hub")


@pytest.mark.usefixtures("tiny_archs")
class TestPublished:
    @pytest.fixture(autouse=True)
    def _hub(
        self,
        clip_folder: Path,
        siglip_folder: Path,
        no_real_hub: None,
        monkeypatch: pytest.MonkeyPatch,
    ) -> Iterator[None]:
        with serve_hub({"test/clip": clip_folder, "test/siglip": siglip_folder}) as address:
            use_hub(monkeypatch, address)
            yield

    @pytest.mark.parametrize("name", ["Tiny/v1", "Tiny-SigLIP/webli"])
    def test_a_tag_is_downloaded_once(
        self, name: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ours = open_model(name)
        assert ours.name == name
        assert ours.quality == f"open_clip {name.replace('/', ', weights ')}"
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        arch, tag = name.split("/")
        model, _, transform = open_clip.create_model_and_transforms(arch, pretrained=tag)
        folder = request.getfixturevalue("siglip_folder" if "SigLIP" in arch else "clip_folder")
        tokenize = open_clip.get_tokenizer(f"local-dir:{folder}")
        theirs = Pair(folder, ours, model.eval(), transform, tokenize)
        images = [generated(size) for size in SIZES]
        assert cosines(encode(ours, images), theirs.image_rows(images)).min() > 0.9999
        assert cosines(ours.encode_texts(TEXTS), theirs.text_rows(TEXTS)).min() > 0.9999
        assert open_model(name).fingerprint == ours.fingerprint

    def test_an_architecture_with_one_tag_needs_none(self) -> None:
        assert open_model("Tiny").name == "Tiny/v1"

    @pytest.mark.parametrize("repo", ["test/clip", "test/siglip"])
    def test_a_hub_repository(self, repo: str, request: pytest.FixtureRequest) -> None:
        folder = request.getfixturevalue(f"{repo.split('/')[1]}_folder")
        ours = open_model(f"hf-hub:{repo}")
        assert ours.name == f"hf-hub:{repo}"
        assert ours.fingerprint == open_model(folder).fingerprint

    def test_a_repository_that_is_not_there(self) -> None:
        with pytest.raises(EncoderError, match="test/none could not be downloaded"):
            open_model("hf-hub:test/none")

    def test_a_repository_without_weights(
        self, clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        shutil.copy(clip_folder / "open_clip_config.json", tmp_path)
        with serve_hub({"test/empty": tmp_path}) as address:
            use_hub(monkeypatch, address)
            with pytest.raises(EncoderError, match="holds none of open_clip_model"):
                open_model("hf-hub:test/empty")
            with pytest.raises(EncoderError, match="holds no tokenizer"):
                _hub.fetch_tokenizer("test/empty")
            with pytest.raises(EncoderError, match="could not be downloaded"):
                _hub.fetch_tokenizer("test/none")

    @pytest.mark.parametrize("name", ["hf-hub:clip", "hf-hub:", "hf-hub:a/b/c", "hf-hub:/x"])
    def test_no_repository_name(self, name: str) -> None:
        with pytest.raises(EncoderError, match="hf-hub:ORG/NAME"):
            open_model(name)

    def test_a_file_of_a_stated_architecture(self, clip_folder: Path, tmp_path: Path) -> None:
        file = Path(
            shutil.copy(clip_folder / "open_clip_model.safetensors", tmp_path / "w.safetensors")
        )
        stated = open_model(f"Tiny/v1@{file}")
        assert stated.name == f"Tiny/v1@{file}"
        assert open_model(f"Tiny@{file}").fingerprint == stated.fingerprint
        assert open_model(clip_folder).fingerprint == stated.fingerprint

    def test_siglip_by_path_keeps_its_preprocessing(
        self, siglip_folder: Path, tmp_path: Path
    ) -> None:
        # open_clip issue 1068: given by path, these weights got CLIP's mean, std and crop.
        source = siglip_folder / "open_clip_model.safetensors"
        file = shutil.copy(source, tmp_path / "siglip2.safetensors")
        assert (
            open_model(f"Tiny-SigLIP@{file}").fingerprint == open_model(siglip_folder).fingerprint
        )

    def test_tags_that_differ_must_be_chosen(
        self, clip_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        published = {"hf_hub": "test/clip/", **CLIP_CONFIG["preprocess_cfg"]}
        tags = {"v1": published, "openai": {**published, "quick_gelu": True}}
        monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "Tiny", tags)
        file = clip_folder / "open_clip_model.safetensors"
        with pytest.raises(EncoderError, match=r"Tiny/v1@.* \(or openai\)"):
            open_model(f"Tiny@{file}")
        with pytest.raises(UnknownModelError, match="several published weights"):
            open_model("Tiny")
        quick = open_model(f"Tiny/openai@{file}")
        plain = open_model(f"Tiny/v1@{file}")
        assert quick.fingerprint != plain.fingerprint
        assert not np.allclose(quick.encode_texts(["x"]), plain.encode_texts(["x"]), atol=1e-3)

    def test_stated_files_that_cannot_be_served(self, clip_folder: Path) -> None:
        file = clip_folder / "open_clip_model.safetensors"
        with pytest.raises(UnknownModelError, match="There is no checkpoint file"):
            open_model("Tiny@/none.pt")
        with pytest.raises(UnknownModelError, match="it has v1"):
            open_model(f"Tiny/v9@{file}")
        with pytest.raises(EncoderError, match="does not say how pictures are prepared"):
            open_model(f"ViT-S-32@{file}")
        with pytest.raises(UnknownModelError, match="did you mean Tiny"):
            open_model(f"Tinny@{file}")

    def test_a_tag_without_a_repository(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "Tiny", {"old": {"url": "x"}})
        with pytest.raises(EncoderError, match="Tiny/old@FILE"):
            open_model("Tiny/old")

    def test_a_text_tower_named_by_repository(
        self, clip_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        # Its shape is fetched through the same short question as everything else.
        text_cfg = {"hf_model_name": "test/bert", "hf_tokenizer_name": "test/bert"}
        cfg = {**CLIP_CONFIG["model_cfg"], "text_cfg": text_cfg}
        use_hub(monkeypatch, refused_address())
        with pytest.raises(EncoderError, match=r"config\.json of test/bert"):
            _towers._construction(cfg)
        with serve_hub({"test/bert": tmp_path}) as address:
            (tmp_path / "config.json").write_text("{}", encoding="utf-8")
            use_hub(monkeypatch, address)
            assert Path(_towers._construction(cfg)["text_cfg"]["hf_model_name"]).is_dir()


class TestUnknownNames:
    @pytest.mark.parametrize(
        ("asked", "near"),
        [
            ("ViT-B-32-25/datacomp_s34b_b86k", "ViT-B-32-256/datacomp_s34b_b86k"),
            ("vit-b-32:openai", "ViT-B-32/openai"),
            ("ViT-B-16-SigLIP2-265", "ViT-B-16-SigLIP2-256"),
            ("minii", "mini"),
            ("ViT-B-32/openia", "openai"),
        ],
    )
    def test_near_names_are_suggested(self, asked: str, near: str) -> None:
        with pytest.raises(UnknownModelError, match=near) as caught:
            open_model(asked)
        assert caught.value.exit_code == 2

    def test_nothing_near(self) -> None:
        with pytest.raises(UnknownModelError, match="try mini"):
            open_model("%%%%")

    def test_an_architecture_without_weights(self) -> None:
        with pytest.raises(UnknownModelError, match="has no published weights"):
            open_model("ViT-S-32")


class TestUnreachableHub:
    NAME = "ViT-B-32-256/datacomp_s34b_b86k"

    def _refused_soon(self, name: str = NAME) -> str:
        """Within PROBE_S, that is, on a busy machine too; the hub's own client waits for longer."""
        started = time.monotonic()
        with pytest.raises(EncoderError) as caught:
            open_model(name)
        assert time.monotonic() - started < constants.HF_HUB_ETAG_TIMEOUT
        message = str(caught.value)
        assert "\n" not in message
        assert "--model mini" in message
        return message

    def test_nobody_listens(self) -> None:
        assert "does not answer" in self._refused_soon()
        assert "does not answer" in self._refused_soon("hf-hub:org/name")
        assert "does not answer" in self._refused_soon("ViT-B-16-SigLIP2-256")

    def test_somebody_listens_and_is_silent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with silent_server() as address:
            use_hub(monkeypatch, address)
            assert "does not answer" in self._refused_soon()

    def test_a_slow_name_server(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_hub, "_head", lambda *_: time.sleep(1.0))
        assert _hub.Probe("http://x", timeout_s=0.05).status() is None

    def test_the_hub_is_broken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with serve_hub({}, status=503) as address:
            use_hub(monkeypatch, address)
            assert "does not answer" in self._refused_soon()

    def test_a_redirect_is_an_answer(self) -> None:
        with serve_hub({}, status=302) as address:
            assert _hub.Probe(address).status() == 302

    def test_offline(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
        monkeypatch.setattr(_hub, "Probe", None)  # asking would fail
        assert "HF_HUB_OFFLINE forbids" in self._refused_soon()


def test_some_names_are_joined() -> None:
    assert _checkpoints._some([]) == "another"
    assert _checkpoints._some(["a"]) == "a"
    assert _checkpoints._some(["a", "b", "c"]) == "a, b or c"
    assert _checkpoints._some(list("abcdef")) == "a, b, c, d and 2 more"
