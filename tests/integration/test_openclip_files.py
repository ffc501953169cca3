"""Checkpoints of your own: loaded as stated, refused in a sentence, never guessed at."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from retrieval.encoders import _towers
from retrieval.errors import EncoderError, MissingExtraError, UnknownModelError
from tests.checkpoints import SIGLIP_CONFIG, TEXTS
from tests.pairs import Pair, edit_config, open_model

pytestmark = pytest.mark.usefixtures("no_real_hub")


class TestLocalCheckpoints:
    def test_a_file_beside_its_configuration(self, clip: Pair) -> None:
        file = clip.folder / "open_clip_model.safetensors"
        ours = open_model(file)
        assert ours.name == str(file)
        assert ours.fingerprint == clip.ours.fingerprint
        assert np.array_equal(ours.encode_texts(TEXTS), clip.ours.encode_texts(TEXTS))

    def test_the_local_dir_prefix(self, clip: Pair) -> None:
        assert open_model(f"local-dir:{clip.folder}").name == str(clip.folder)

    @pytest.mark.parametrize("wrapped", [False, True])
    def test_torch_files(self, own_copy: Path, clip: Pair, wrapped: bool) -> None:
        state = _towers.read_state(own_copy / "open_clip_model.safetensors")
        if wrapped:  # as open_clip's training saves them
            state = {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in state.items()}}
        torch.save(state, own_copy / "epoch_3.pt")
        (own_copy / "open_clip_model.safetensors").unlink()
        ours = open_model(own_copy)
        assert np.array_equal(ours.encode_texts(["x"]), clip.ours.encode_texts(["x"]))

    def test_files_that_run_code_are_not_loaded(self, own_copy: Path) -> None:
        class Evil:
            def __reduce__(self) -> tuple[Any, ...]:
                return (Path.touch, (own_copy / "touched",))

        torch.save({"state_dict": Evil()}, own_copy / "evil.pt")
        with pytest.raises(EncoderError, match="cannot be read as weights"):
            open_model(own_copy / "evil.pt")
        assert not (own_copy / "touched").exists()

    @pytest.mark.parametrize(
        ("name", "content"),
        [("model.safetensors", b"\x08\0\0\0\0\0\0\0{}junk"), ("model.pt", b"junk"), ("m.bin", b"")],
    )
    def test_damaged_weights(self, own_copy: Path, name: str, content: bytes) -> None:
        (own_copy / name).write_bytes(content)
        with pytest.raises(EncoderError, match="cannot be read as weights"):
            open_model(own_copy / name)

    @pytest.mark.parametrize("content", [[1, 2], {}, {"state_dict": {"epoch": 1}}])
    def test_files_without_weights(self, own_copy: Path, content: Any) -> None:
        torch.save(content, own_copy / "list.pt")
        with pytest.raises(EncoderError, match="no named weights"):
            open_model(own_copy / "list.pt")

    def test_weights_of_another_model_are_refused(
        self, own_copy: Path, siglip_folder: Path
    ) -> None:
        shutil.copy(siglip_folder / "open_clip_model.safetensors", own_copy)
        with pytest.raises(EncoderError) as caught:
            open_model(own_copy)
        message = str(caught.value)
        assert "do not fit" in message
        assert "missing, as " in message
        assert "unexpected, as " in message
        assert "\n" not in message
        assert len(message) < 700

    def test_weights_of_another_image_size_are_refused(self, own_copy: Path) -> None:
        # open_clip would stretch the position embedding without a word.
        config = json.loads((own_copy / "open_clip_config.json").read_text())["model_cfg"]
        edit_config(
            own_copy, "model_cfg", {"vision_cfg": {**config["vision_cfg"], "image_size": 128}}
        )
        with pytest.raises(EncoderError, match=r"1 of another shape, as visual\.positional"):
            open_model(own_copy)

    def test_a_file_alone_is_refused_and_told_why(self, own_copy: Path) -> None:
        (own_copy / "open_clip_config.json").unlink()
        file = own_copy / "open_clip_model.safetensors"
        with pytest.raises(EncoderError, match=r"--model ARCH/TAG@"):
            open_model(file)
        with pytest.raises(EncoderError, match=r"put its open_clip_config\.json into"):
            open_model(own_copy)

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("{", "not a complete"),
            ("[]", "not a complete"),
            ('{"model_cfg": {}}', "not a complete"),
            ('{"model_cfg": {}, "preprocess_cfg": {"mean": [0, 0, 0]}}', "lacks embed_dim"),
        ],
    )
    def test_unusable_configurations(self, own_copy: Path, text: str, reason: str) -> None:
        (own_copy / "open_clip_config.json").write_text(text, encoding="utf-8")
        with pytest.raises(EncoderError, match=reason):
            open_model(own_copy)

    def test_an_impossible_architecture(self, own_copy: Path) -> None:
        edit_config(own_copy, "model_cfg", {"no_such_option": 1})
        with pytest.raises(EncoderError, match="cannot build the model"):
            open_model(own_copy)

    def test_weights_must_be_unambiguous(self, own_copy: Path) -> None:
        weights = own_copy / "open_clip_model.safetensors"
        shutil.copy(weights, own_copy / "a.safetensors")
        weights.rename(own_copy / "b.safetensors")
        with pytest.raises(EncoderError, match="several weight files"):
            open_model(own_copy)
        (own_copy / "a.safetensors").unlink()
        assert open_model(own_copy).dim == 48
        (own_copy / "b.safetensors").unlink()
        with pytest.raises(EncoderError, match="holds no weights"):
            open_model(own_copy)

    def test_a_missing_path(self, tmp_path: Path) -> None:
        for name in (tmp_path / "none", "./none", "none.safetensors", "local-dir:none"):
            with pytest.raises(UnknownModelError, match="There is no checkpoint file or folder"):
                open_model(name)

    def test_a_tokenizer_is_never_guessed(self, siglip_folder: Path, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(siglip_folder, tmp_path / "copy"))
        (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
        with pytest.raises(EncoderError, match=r"tokenizer of .* cannot be read"):
            open_model(folder)
        (folder / "tokenizer.json").unlink()
        with pytest.raises(EncoderError, match="tokenizer files of test/siglip are missing"):
            open_model(folder)
        text_cfg = {**SIGLIP_CONFIG["model_cfg"]["text_cfg"]}
        del text_cfg["hf_tokenizer_name"]
        edit_config(folder, "model_cfg", {"text_cfg": text_cfg})
        with pytest.raises(EncoderError, match="names no tokenizer"):
            open_model(folder)

    def test_a_configuration_cannot_ask_for_code(self, siglip_folder: Path, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(siglip_folder, tmp_path / "copy"))
        options = {"clean": "canonicalize", "trust_remote_code": True}
        text_cfg = {**SIGLIP_CONFIG["model_cfg"]["text_cfg"], "tokenizer_kwargs": options}
        edit_config(folder, "model_cfg", {"text_cfg": text_cfg})
        path = folder / "tokenizer_config.json"
        config = json.loads(path.read_text(encoding="utf-8"))
        config |= {"tokenizer_class": "Own", "auto_map": {"AutoTokenizer": ["own.Own", None]}}
        path.write_text(json.dumps(config), encoding="utf-8")
        (folder / "own.py").write_text("raise SystemExit('code was run')", encoding="utf-8")
        with pytest.raises(EncoderError, match=r"tokenizer of .* cannot be read"):
            open_model(folder)

    def test_a_tokenizer_without_its_package(
        self, siglip_folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "transformers", None)
        with pytest.raises(MissingExtraError, match="pip install transformers"):
            open_model(siglip_folder)

    def test_numbers_that_are_not_finite(self, own_copy: Path) -> None:
        from safetensors.torch import save_file

        file = own_copy / "open_clip_model.safetensors"
        state = _towers.read_state(file)
        state["text_projection"][0, 0] = float("nan")
        save_file(state, file)
        with pytest.raises(EncoderError, match="not finite"):
            open_model(own_copy).encode_texts(["a dog"])
