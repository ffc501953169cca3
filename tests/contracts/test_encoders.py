"""What every encoder promises, tried on each that can be loaded without a network."""

from __future__ import annotations

import string
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import retrieval.encoders
from retrieval.encoders import ENCODERS, Encoder, EncoderSpec, backend_of, load_encoder
from tests.pictures import corners, paint
from tests.toy import ToyEncoder

HEADS = Path(retrieval.encoders.__file__).with_name("mini_heads.safetensors")
TEXTS = ["a dog in the snow", "red", "", "🐕 犬 пёс", "word " * 400]
ELSEWHERE = {"openclip": "needs a checkpoint; tests/integration/test_openclip.py has small ones"}


@pytest.fixture(scope="module", params=[*sorted(ENCODERS), "toy"])
def encoder(request: pytest.FixtureRequest) -> Iterator[Encoder]:
    if reason := ELSEWHERE.get(request.param):
        pytest.skip(reason)
    if request.param == "mini" and not HEADS.exists():
        pytest.skip(f"{HEADS.name} is not there yet: scripts/train_mini.py makes it")
    if request.param == "toy":
        yield ToyEncoder()
    else:
        yield load_encoder(EncoderSpec(request.param, device="cpu"))


def pictures() -> list[Image.Image]:
    sizes = [(1, 1), (2000, 2), (2, 2000), (300, 200), (64, 64)]
    return [*(paint("red", size) for size in sizes), corners((90, 60)), paint("blue", (50, 70))]


def test_what_it_says_of_itself(encoder: Encoder) -> None:
    assert encoder.name
    assert encoder.dim > 0
    assert encoder.image_size > 0
    assert set(encoder.fingerprint) <= set(string.hexdigits)
    assert len(encoder.fingerprint) >= 32
    assert encoder.quality.endswith(".")


def test_prepare_gives_views_of_one_shape(encoder: Encoder) -> None:
    prepared = [encoder.prepare(image) for image in pictures()]
    assert {array.shape for array in prepared} == {prepared[0].shape}
    views, height, width, channels = prepared[0].shape
    assert views >= 1
    assert min(height, width) >= 1
    assert channels == 3
    assert {array.dtype for array in prepared} == {np.dtype(np.uint8)}


def test_images_become_unit_rows(encoder: Encoder) -> None:
    batch = np.stack([encoder.prepare(image) for image in pictures()])
    check_rows(encoder.encode_images(batch), len(batch), encoder.dim)


def test_texts_become_unit_rows(encoder: Encoder) -> None:
    check_rows(encoder.encode_texts(TEXTS), len(TEXTS), encoder.dim)


def check_rows(found: np.ndarray, count: int, dim: int) -> None:
    assert found.shape == (count, dim)
    assert found.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-3)


def test_the_same_again(encoder: Encoder) -> None:
    batch = np.stack([encoder.prepare(image) for image in pictures()])
    np.testing.assert_array_equal(encoder.encode_images(batch), encoder.encode_images(batch))
    np.testing.assert_array_equal(encoder.encode_texts(TEXTS), encoder.encode_texts(TEXTS))


def test_neighbours_in_the_batch_do_not_matter(encoder: Encoder) -> None:
    batch = np.stack([encoder.prepare(image) for image in pictures()])
    together, texts = encoder.encode_images(batch), encoder.encode_texts(TEXTS)
    for row, one in zip(together, batch, strict=True):
        np.testing.assert_allclose(encoder.encode_images(one[None])[0], row, atol=1e-4)
    for row, text in zip(texts, TEXTS, strict=True):
        np.testing.assert_allclose(encoder.encode_texts([text])[0], row, atol=1e-4)


def test_prepare_leaves_the_picture_alone(encoder: Encoder) -> None:
    image = corners((90, 60))
    before = image.tobytes()
    encoder.prepare(image)
    assert image.tobytes() == before


def test_colours_are_not_mistaken(encoder: Encoder) -> None:
    shown = {name: encoder.prepare(paint(name, (64, 64))) for name in ("red", "green", "blue")}
    again = encoder.encode_images(np.stack([encoder.prepare(paint(n, (80, 60))) for n in shown]))
    first = encoder.encode_images(np.stack(list(shown.values())))
    assert (first @ again.T).argmax(1).tolist() == [0, 1, 2]


def test_which_backend_serves_a_name() -> None:
    assert backend_of("mini") == "mini"
    assert backend_of("ViT-B-32/openai") == "openclip"
