"""Devices, precisions, a lack of memory, and bringing torch and open_clip up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from retrieval.encoders import _compat, _devices, openclip
from retrieval.errors import DeviceMemoryError, EncoderError
from tests.pairs import Pair, open_model

pytestmark = pytest.mark.usefixtures("no_real_hub")


class TestDevices:
    @pytest.mark.parametrize(
        ("device", "reason"),
        [("tpu", "no device"), ("cuda:x", "no device"), ("CPU", "no device")],
    )
    def test_unknown_devices(self, clip_folder: Path, device: str, reason: str) -> None:
        with pytest.raises(EncoderError, match=reason):
            open_model(clip_folder, device=device)

    def test_absent_devices(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
        with pytest.raises(EncoderError, match="no CUDA device here; use --device cpu"):
            _devices.pick_device("cuda:1")
        with pytest.raises(EncoderError, match="no Apple GPU"):
            _devices.pick_device("mps")
        assert _devices.pick_device("auto").type == "cpu"

    def test_present_devices(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        assert _devices.pick_device("auto").type == "mps"
        monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
        assert _devices.pick_device("auto").type == "cuda"
        assert _devices.pick_device("cuda:1").index == 1
        with pytest.raises(EncoderError, match="the last CUDA device is cuda:1"):
            _devices.pick_device("cuda:2")

    def test_precisions(self, monkeypatch: pytest.MonkeyPatch) -> None:
        cpu, cuda = torch.device("cpu"), torch.device("cuda")
        assert _devices.pick_precision("auto", cpu) is torch.float32
        assert _devices.pick_precision("fp16", cpu) is torch.float16
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (7, 5))
        assert _devices.pick_precision("auto", cuda) is torch.float16
        monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: (9, 0))
        assert _devices.pick_precision("auto", cuda) is torch.bfloat16
        with pytest.raises(EncoderError, match="auto, fp32, bf16, fp16"):
            _devices.pick_precision("int8", cpu)

    @pytest.mark.parametrize(
        "error",
        [
            torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB"),
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"),
            RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes"),
            RuntimeError("MPS backend out of memory (MPS allocated: 5 GB)"),
            RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate"),
            MemoryError(),
        ],
    )
    def test_lack_of_memory_is_told_apart(
        self, clip: Pair, error: Exception, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fail(*_: Any) -> None:
            raise error

        assert isinstance(clip.ours, openclip.OpenClipEncoder)
        monkeypatch.setattr(clip.ours, "_model", type("M", (), {"encode_image": fail})())
        with pytest.raises(DeviceMemoryError, match="smaller --batch-size"):
            clip.ours.encode_images(np.zeros((1, 1, 96, 96, 3), np.uint8))

    def test_a_real_lack_of_memory(self) -> None:
        with pytest.raises(DeviceMemoryError), _devices.plain_errors(torch.device("cpu")):
            torch.empty(1 << 60)

    def test_other_failures_are_one_sentence(self) -> None:
        with (
            pytest.raises(EncoderError, match=r"\(bad kernel\); try --device cpu") as caught,
            _devices.plain_errors(torch.device("cpu")),
        ):
            raise RuntimeError("bad kernel:\nfour\nmore\nlines")
        assert not isinstance(caught.value, DeviceMemoryError)
        assert _devices.first_line(KeyError()) == "KeyError"

    @pytest.mark.parametrize("kind", ["cuda", "mps"])
    def test_cached_blocks_are_handed_back(
        self, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = []
        monkeypatch.setattr(getattr(torch, kind), "empty_cache", lambda: calls.append(kind))
        _devices.release_memory(torch.device(kind))
        assert calls == [kind]


def _run(code: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **env},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )


class TestBringingUp:
    """In processes of their own, because all of it happens once per process."""

    def test_open_clip_imports_and_threads_wait_passively(self) -> None:
        code = (
            "import os\n"
            "for name in ('OMP_WAIT_POLICY', 'OMP_NUM_THREADS'): os.environ.pop(name, None)\n"
            "from retrieval.encoders._compat import available_cpus, import_open_clip\n"
            "module = import_open_clip()\n"
            "import torch, torchvision\n"
            "assert module.list_models() and torchvision.transforms.CenterCrop(3)\n"
            "assert os.environ['OMP_WAIT_POLICY'] == 'passive'\n"
            "assert torch.get_num_threads() == available_cpus()\n"
            "assert import_open_clip(1) is module and torch.get_num_threads() == 1\n"
        )
        result = _run(code)
        assert result.returncode == 0, result.stderr
        assert result.stdout == result.stderr == ""

    def test_the_guard_acts_on_that_error_only(self, tmp_path: Path) -> None:
        # A torchvision that fails as the mismatched one does, until its operators exist.
        package = tmp_path / "torchvision"
        package.mkdir()
        (package / "part.py").write_text("")
        (package / "__init__.py").write_text(
            "import os, torch, torchvision.part\n"
            "if os.environ.get('OTHER'): raise RuntimeError('another error')\n"
            "try: torch.ops.torchvision.nms\n"
            "except AttributeError as error:\n"
            "    raise RuntimeError('operator torchvision::nms does not exist') from error\n"
        )
        code = (
            f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
            "from retrieval.encoders._compat import import_torchvision\n"
            "import_torchvision(); import_torchvision()\n"
            f"import torchvision; assert torchvision.__file__.startswith({str(tmp_path)!r})\n"
        )
        assert _run(code).returncode == 0
        other = _run(code, OTHER="1")
        assert other.returncode == 1
        assert "RuntimeError: another error" in other.stderr

    def test_the_guard_in_this_process(self, monkeypatch: pytest.MonkeyPatch) -> None:

        def broken(name: str) -> Any:
            raise RuntimeError("something else")

        monkeypatch.setattr(_compat, "import_module", broken)
        with pytest.raises(RuntimeError, match="something else"):
            _compat.import_torchvision()
