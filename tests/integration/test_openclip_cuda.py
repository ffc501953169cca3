"""The encoder for GPUs on a CPU device: all of it but the overlap; tests/gpu/ has the real one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from retrieval.embedding import BatchEmbedder
from retrieval.encoders import StreamingEncoder, _cuda, openclip
from retrieval.encoders._cuda import CudaEncoder, fitting_batch
from retrieval.errors import DeviceMemoryError, EncoderError
from tests.pairs import SIZES, Pair, generated, open_model

pytestmark = pytest.mark.usefixtures("no_real_hub")


@pytest.fixture
def encoder(clip_folder: Path, monkeypatch: pytest.MonkeyPatch) -> CudaEncoder:
    monkeypatch.setattr(openclip, "OpenClipEncoder", CudaEncoder)  # what `load` makes on a CPU
    found = open_model(clip_folder)
    assert isinstance(found, CudaEncoder)
    return found


@pytest.fixture
def prepared(encoder: CudaEncoder) -> list[np.ndarray]:
    return [encoder.prepare(generated(size)) for size in SIZES]


def test_it_streams(encoder: CudaEncoder, clip: Pair) -> None:
    assert isinstance(encoder, StreamingEncoder)
    assert not isinstance(clip.ours, StreamingEncoder)
    assert encoder.fingerprint == clip.ours.fingerprint


def test_rows_are_those_of_the_plain_encoder(
    encoder: CudaEncoder, clip: Pair, prepared: list[np.ndarray]
) -> None:
    expected = clip.ours.encode_images(np.stack(prepared))
    first, second = encoder.submit_images(prepared[:5]), encoder.submit_images(prepared[5:])
    found = np.concatenate([first.result(), second.result()])
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(encoder.encode_images(np.stack(prepared)), expected, atol=1e-5)
    np.testing.assert_allclose(
        BatchEmbedder(encoder, 4).embed_images(prepared), expected, atol=1e-5
    )
    assert found.dtype == np.float32
    assert encoder.encode_images(np.zeros((0, 1, 96, 96, 3), np.uint8)).shape == (0, encoder.dim)


def test_read_only_photos_and_wrong_ones(encoder: CudaEncoder) -> None:
    frozen = np.zeros((1, 96, 96, 3), np.uint8)
    frozen.flags.writeable = False
    assert encoder.submit_images([frozen]).result().shape == (1, encoder.dim)
    with pytest.raises(ValueError, match="expected photos of shape"):
        encoder.submit_images([np.zeros((2, 96, 96, 3), np.uint8)])


def test_failures_are_plain(encoder: CudaEncoder, monkeypatch: pytest.MonkeyPatch) -> None:
    blank = [np.zeros((1, 96, 96, 3), np.uint8)]

    def full(*_: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    def no_number(self: Any, images: torch.Tensor) -> torch.Tensor:
        return torch.full((len(images), encoder.dim), torch.nan)

    monkeypatch.setattr(encoder, "_model", type("M", (), {"encode_image": no_number})())
    pending = encoder.submit_images(blank)
    with pytest.raises(EncoderError, match="not finite"):
        pending.result()
    monkeypatch.setattr(encoder, "_model", type("M", (), {"encode_image": full})())
    with pytest.raises(DeviceMemoryError, match="smaller --batch-size"):
        encoder.submit_images(blank)


class TestCompiling:
    @pytest.fixture(autouse=True)
    def _traced_only(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Trace for real, but let no compiler loose: it takes half a minute."""
        real: Callable[..., Any] = torch.compile
        torch.compiler.reset()
        monkeypatch.setattr(
            torch, "compile", lambda run, **options: real(run, backend="eager", **options)
        )

    def test_full_batches_are_compiled_and_others_are_not(
        self, encoder: CudaEncoder, prepared: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = encoder.submit_images(prepared).result()
        assert encoder.compile_images(4) is None
        compiled = encoder._compiled
        assert compiled is not None
        sizes: list[int] = []
        monkeypatch.setattr(
            encoder, "_compiled", lambda pixels: (sizes.append(len(pixels)), compiled(pixels))[1]
        )
        found = BatchEmbedder(encoder, 4).embed_images(prepared)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert sizes == [4] * (len(prepared) // 4)

    def test_a_failure_changes_nothing(
        self, encoder: CudaEncoder, prepared: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = encoder.submit_images(prepared).result()

        def broken(*_: Any, **__: Any) -> Any:
            def run(_: torch.Tensor) -> torch.Tensor:
                raise RuntimeError("Failed to find a C compiler. Please specify one")

            return run

        monkeypatch.setattr(torch, "compile", broken)
        sentence = encoder.compile_images(len(prepared))
        assert sentence is not None
        assert "could not be compiled (Failed to find a C compiler)" in sentence
        np.testing.assert_array_equal(encoder.submit_images(prepared).result(), expected)

    def test_other_results_are_refused(
        self, encoder: CudaEncoder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            torch, "compile", lambda run, **_: lambda pixels: run(pixels).roll(1, dims=1)
        )
        sentence = encoder.compile_images(2)
        assert sentence is not None
        assert "its results differ" in sentence
        assert encoder._compiled is None


def test_the_first_batch_fits() -> None:
    assert fitting_batch(80 << 30) == _cuda.MOST_FIRST_BATCH
    assert fitting_batch(3 << 30) == 32
    assert fitting_batch(0) == 1
    for free in range(0, 6 << 30, 97 << 20):
        assert fitting_batch(free) * _cuda.IMAGE_BYTES <= max(free, _cuda.IMAGE_BYTES)
