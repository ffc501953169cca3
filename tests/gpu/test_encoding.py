"""Encoding on a GPU computes what the CPU does in float32, and survives a lack of memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from retrieval.embedding import BatchEmbedder
from retrieval.encoders._cuda import CudaEncoder
from retrieval.errors import DeviceMemoryError
from tests.checkpoints import TEXTS
from tests.pairs import SIZES, cosines, generated, open_model

MODELS = ["clip", "siglip"]
PRECISIONS = ["fp32", "fp16", "bf16"]


def on_gpu(folder: Path, **options: Any) -> CudaEncoder:
    encoder = open_model(folder, device="cuda", **options)
    assert isinstance(encoder, CudaEncoder)
    return encoder


def prepared(encoder: Any, count: int) -> list[np.ndarray]:
    pictures = [generated(SIZES[i % len(SIZES)], seed=i) for i in range(count)]
    return [encoder.prepare(picture) for picture in pictures]


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("precision", PRECISIONS)
class TestAgainstTheCpu:
    def test_images(self, folders: dict[str, Path], model: str, precision: str) -> None:
        encoder, reference = on_gpu(folders[model], precision=precision), open_model(folders[model])
        photos = prepared(reference, 40)
        expected = reference.encode_images(np.stack(photos))
        together = encoder.encode_images(np.stack(photos))
        streamed = BatchEmbedder(encoder, 7).embed_images(photos)
        for found in (together, streamed):
            assert found.dtype == np.float32
            np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3)
            assert cosines(found, expected).min() > 0.999

    def test_texts(self, folders: dict[str, Path], model: str, precision: str) -> None:
        encoder, reference = on_gpu(folders[model], precision=precision), open_model(folders[model])
        found, expected = encoder.encode_texts(TEXTS), reference.encode_texts(TEXTS)
        assert cosines(found, expected).min() > 0.999


@pytest.mark.parametrize("model", MODELS)
def test_compiled(folders: dict[str, Path], model: str) -> None:
    encoder = on_gpu(folders[model])
    photos = prepared(encoder, 19)
    expected = encoder.encode_images(np.stack(photos))
    assert encoder.compile_images(8) is None
    found = BatchEmbedder(encoder, 8).embed_images(photos)  # 8, 8 and the rest
    assert cosines(found, expected).min() > 0.999


def test_results_do_not_mix_while_many_are_in_flight(folders: dict[str, Path]) -> None:
    """Page-locked memory and memory of the copy stream are used again and again."""
    encoder = on_gpu(folders["clip"], precision="fp32")
    photos = prepared(encoder, 64)
    expected = encoder.encode_images(np.stack(photos))
    order = np.random.default_rng(0).integers(0, 64, (200, 16))
    flying = [encoder.submit_images([photos[i] for i in some]) for some in order]
    for some, pending in zip(order, flying, strict=True):
        np.testing.assert_allclose(pending.result(), expected[some], atol=1e-3)


def test_the_batch_size_is_found(folders: dict[str, Path]) -> None:
    encoder = on_gpu(folders["clip"])
    embedder = BatchEmbedder(encoder)
    first = embedder.batch_size
    embedder.embed_images(prepared(encoder, 16) * 300)
    assert embedder._search.done
    assert embedder.batch_size >= first
    assert embedder._search.rate > 0


def test_a_real_lack_of_memory_halves_the_batch(folders: dict[str, Path]) -> None:
    encoder = on_gpu(folders["clip"])
    photos = prepared(encoder, 16) * 128
    expected = encoder.encode_images(np.stack(photos[:16]))
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(encoder.device).total_memory
    # What is in use, and 64 MB more: a batch of 2,048 needs about 220 MB for its float32 pixels.
    limit = torch.cuda.memory_reserved(encoder.device) + (64 << 20)
    torch.cuda.set_per_process_memory_fraction(limit / total, encoder.device)
    try:
        with pytest.raises(DeviceMemoryError):
            encoder.submit_images(photos)
        embedder = BatchEmbedder(encoder, 2048)
        found = embedder.embed_images(photos)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, encoder.device)
    assert embedder.batch_size < 2048
    assert cosines(found, np.tile(expected, (128, 1))).min() > 0.999
