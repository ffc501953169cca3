"""What "auto" becomes: by what is on disk, by the hub's answer, and by the GPU."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from huggingface_hub import constants

from retrieval import machine
from retrieval.encoders import EncoderSpec, choosing
from retrieval.encoders.choosing import LIGHT, STRONG, Choice, Recommended, choose_model
from tests.hub import COMMIT, serve_hub, silent_server, use_empty_cache, use_hub

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_real_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_empty_cache(monkeypatch, tmp_path / "hub-cache")
    monkeypatch.setattr(choosing, "may_have_cuda", lambda device: device.startswith("cuda"))
    monkeypatch.setattr(choosing, "find_spec", lambda name: object())


@pytest.fixture
def put_in_cache(tmp_path: Path) -> Callable[[Recommended], None]:
    def put(recommended: Recommended, *without: str) -> None:
        root = tmp_path / "hub-cache" / f"models--{recommended.repo.replace('/', '--')}"
        (root / "refs").mkdir(parents=True)
        (root / "refs" / "main").write_text(COMMIT)
        (root / "snapshots" / COMMIT).mkdir(parents=True)
        for name in {"open_clip_pytorch_model.bin", *recommended.extra_files} - set(without):
            (root / "snapshots" / COMMIT / name).touch()

    return put


@pytest.mark.parametrize("model", ["mini", "ViT-L-14/openai", "/some/folder", "hf-hub:a/b"])
def test_definite_models_pass_through(model: str) -> None:
    assert choose_model(EncoderSpec(model)) == Choice(model, None)


@pytest.mark.parametrize(("device", "wanted"), [("cpu", LIGHT), ("auto", LIGHT), ("cuda", STRONG)])
def test_what_is_on_disk_is_taken_without_asking(
    device: str, wanted: Recommended, put_in_cache: Callable[..., None], monkeypatch
) -> None:
    put_in_cache(LIGHT)
    put_in_cache(STRONG)
    monkeypatch.setattr(choosing, "Probe", None)  # asking would fail
    assert choose_model(EncoderSpec(device=device)) == Choice(wanted.model)


def test_without_transformers_the_light_one_is_wanted(
    put_in_cache: Callable[..., None], monkeypatch
) -> None:
    put_in_cache(LIGHT)
    put_in_cache(STRONG)
    monkeypatch.setattr(choosing, "find_spec", lambda name: None)
    assert choose_model(EncoderSpec(device="cuda")) == Choice(LIGHT.model)


def test_a_model_half_on_disk_is_not_there(put_in_cache: Callable[..., None]) -> None:
    put_in_cache(LIGHT)
    put_in_cache(STRONG, "tokenizer.json")
    assert choose_model(EncoderSpec(device="cuda")).model == "mini"


@pytest.mark.parametrize(("device", "wanted"), [("cpu", LIGHT), ("cuda:0", STRONG)])
def test_a_hub_that_answers(device: str, wanted: Recommended, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "open_clip_config.json").touch()
    with serve_hub({LIGHT.repo: tmp_path}) as address:
        use_hub(monkeypatch, address)
        assert choose_model(EncoderSpec(device=device)) == Choice(wanted.model)


def test_a_hub_that_does_not_offer_it(monkeypatch) -> None:
    with serve_hub({}) as address:
        use_hub(monkeypatch, address)
        choice = choose_model(EncoderSpec())
    assert choice.model == "mini"
    assert "did not offer it" in (choice.notice or "")


def test_a_hub_that_is_silent(monkeypatch) -> None:
    with silent_server() as address:
        use_hub(monkeypatch, address)
        started = time.monotonic()
        choice = choose_model(EncoderSpec())
        assert time.monotonic() - started < 30  # without a limit it would wait for ever
    assert choice.model == "mini"
    assert choice.notice is not None
    assert "did not answer within 3 seconds" in choice.notice
    assert f"--model {LIGHT.model}" in choice.notice
    assert choice.notice.count(".") == 1


def test_offline(monkeypatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(choosing, "Probe", None)
    choice = choose_model(EncoderSpec(device="cuda"))
    assert choice.model == "mini"
    assert choice.notice is not None
    assert "HF_HUB_OFFLINE" in choice.notice
    assert STRONG.model in choice.notice


def test_offline_costs_little_and_imports_nothing_heavy() -> None:
    code = (
        "import time; start = time.process_time()\n"
        "from retrieval.encoders import EncoderSpec\n"
        "from retrieval.encoders.choosing import choose_model\n"
        "assert choose_model(EncoderSpec(device='cpu')).model == 'mini'\n"
        "import sys; assert not {'torch', 'open_clip', 'numpy', 'PIL'} & set(sys.modules)\n"
        "print(time.process_time() - start)\n"
    )
    env = {**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": "/nonexistent"}
    output = subprocess.check_output([sys.executable, "-c", code], env=env, cwd=ROOT, text=True)
    assert float(output) < 0.3


class TestCuda:
    @pytest.fixture(autouse=True)
    def _real(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.undo()
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)

    def test_a_stated_device_is_believed(self) -> None:
        assert choosing.may_have_cuda("cuda:1")
        assert choosing.has_cuda("cuda:1")
        assert not choosing.may_have_cuda("cpu")
        assert not choosing.has_cuda("mps")

    def test_the_driver_shows_itself(self, monkeypatch, tmp_path: Path) -> None:
        monkeypatch.setattr(machine, "DRIVER_SIGNS", (str(tmp_path),))
        assert choosing.may_have_cuda("auto")
        monkeypatch.setattr(machine, "DRIVER_SIGNS", (str(tmp_path / "none"),))
        monkeypatch.setenv("PATH", str(tmp_path))
        assert not choosing.may_have_cuda("auto")
        monkeypatch.setattr(machine.shutil, "which", lambda name: "/usr/bin/nvidia-smi")
        assert choosing.may_have_cuda("auto")

    @pytest.mark.parametrize("hidden", ["", "-1"])
    def test_a_hidden_gpu(self, hidden: str, monkeypatch, tmp_path: Path) -> None:
        monkeypatch.setattr(machine, "DRIVER_SIGNS", (str(tmp_path),))
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
        assert not choosing.may_have_cuda("auto")

    def test_torch_decides(self) -> None:
        import torch

        assert choosing.has_cuda("auto") is torch.cuda.is_available()


def test_the_repositories_are_those_of_open_clip() -> None:
    from retrieval.encoders._compat import import_open_clip

    open_clip = import_open_clip(1)
    for each in (LIGHT, STRONG):
        arch, tag = each.model.split("/")
        assert open_clip.get_pretrained_cfg(arch, tag)["hf_hub"] == f"{each.repo}/"
