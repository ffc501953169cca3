"""The open_clip encoder agrees with open_clip itself, on whatever device it runs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from retrieval.encoders import openclip
from retrieval.errors import DeviceMemoryError
from tests.checkpoints import TEXTS, save_clip
from tests.pairs import SIZES, Pair, cosines, edit_config, encode, generated, open_model

pytestmark = pytest.mark.usefixtures("no_real_hub")


PHOTOS = Path(__file__).parents[3] / "shared" / "data" / "flickr8k-700" / "images"


class TestAgreement:
    """Through file, PIL, prepare and encode_images, the embeddings are open_clip's own."""

    def test_real_photos(self, pair: Pair) -> None:
        paths = sorted(PHOTOS.glob("*.jpg"))[:20] if PHOTOS.is_dir() else []
        if not paths:
            pytest.skip(f"no photos in {PHOTOS}")
        ours = encode(pair.ours, [Image.open(path).convert("RGB") for path in paths])
        theirs = pair.image_rows([Image.open(path) for path in paths])
        assert cosines(ours, theirs).min() > 0.9999
        # A fault would show: the photos themselves are far apart.
        assert np.median(ours @ ours.T) < 0.9

    def test_generated_pictures(self, pair: Pair, tmp_path: Path) -> None:
        images = []
        for number, size in enumerate(SIZES):
            generated(size).save(tmp_path / f"{number}.png")
            images.append(Image.open(tmp_path / f"{number}.png").convert("RGB"))
        assert cosines(encode(pair.ours, images), pair.image_rows(images)).min() > 0.9999

    def test_texts(self, pair: Pair) -> None:
        rows = pair.ours.encode_texts(TEXTS)
        assert rows.dtype == np.float32
        assert rows.shape == (len(TEXTS), pair.ours.dim)
        assert cosines(rows, pair.text_rows(TEXTS)).min() > 0.9999
        assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)

    def test_more_texts_than_a_batch(self, pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = pair.ours.encode_texts(TEXTS)
        monkeypatch.setattr(openclip, "TEXT_BATCH", 7)
        assert np.allclose(pair.ours.encode_texts(TEXTS), whole, atol=1e-5)

    def test_nothing_to_encode(self, pair: Pair) -> None:
        height, width = pair.ours.prepare(generated((30, 30))).shape[1:3]
        empty = np.zeros((0, 1, height, width, 3), np.uint8)
        assert pair.ours.encode_images(empty).shape == (0, pair.ours.dim)
        assert pair.ours.encode_texts([]).shape == (0, pair.ours.dim)

    def test_read_only_batches_are_taken(self, pair: Pair) -> None:
        batch = pair.ours.prepare(generated((200, 100)))[None]
        rows = pair.ours.encode_images(batch)
        batch.setflags(write=False)
        assert np.array_equal(pair.ours.encode_images(batch), rows)

    def test_a_batch_of_another_shape_is_refused(self, pair: Pair) -> None:
        with pytest.raises(ValueError, match="expected"):
            pair.ours.encode_images(np.zeros((1, 1, 8, 8, 3), np.uint8))

    def test_lower_precision_stays_close(self, pair: Pair) -> None:
        images = [generated(size) for size in SIZES[:5]]
        low = open_model(pair.folder, precision="bf16")
        assert cosines(encode(low, images), pair.image_rows(images)).min() > 0.99
        assert cosines(low.encode_texts(TEXTS), pair.text_rows(TEXTS)).min() > 0.99
        assert low.fingerprint == pair.ours.fingerprint

    def test_what_it_says_of_itself(self, pair: Pair) -> None:
        assert pair.ours.name == str(pair.folder)
        assert pair.ours.image_size == pair.ours.prepare(generated((50, 60))).shape[1]
        assert pair.folder.name in pair.ours.quality
        assert open_model(pair.ours.name).fingerprint == pair.ours.fingerprint


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize(("precision", "floor"), [("fp32", 0.999), ("auto", 0.99), ("fp16", 0.99)])
def test_cuda_agrees_with_the_cpu(pair: Pair, precision: str, floor: float) -> None:
    images = [generated(size) for size in SIZES]
    ours = open_model(pair.folder, device="cuda", precision=precision)
    assert cosines(encode(ours, images), pair.image_rows(images)).min() > floor
    assert cosines(ours.encode_texts(TEXTS), pair.text_rows(TEXTS)).min() > floor
    assert ours.fingerprint == pair.ours.fingerprint


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_out_of_memory_is_told_apart(clip_folder: Path) -> None:
    ours = open_model(clip_folder, device="cuda")
    torch.cuda.set_per_process_memory_fraction(0.0001)
    try:
        with pytest.raises(DeviceMemoryError):
            ours.encode_images(np.zeros((4096, 1, 96, 96, 3), np.uint8))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert len(ours.encode_images(np.ones((2, 1, 96, 96, 3), np.uint8))) == 2


class TestFingerprint:
    def test_moving_a_checkpoint_keeps_it(self, clip: Pair, own_copy: Path) -> None:
        assert open_model(own_copy).fingerprint == clip.ours.fingerprint

    def test_the_hub_cache_gives_the_same(self, clip: Pair, own_copy: Path) -> None:
        file = own_copy / "open_clip_model.safetensors"
        blobs = own_copy / "blobs"
        blobs.mkdir()
        blob = file.rename(blobs / openclip._sha256(file))
        file.symlink_to(blob)
        assert open_model(own_copy).fingerprint == clip.ours.fingerprint

    def test_it_changes_with_the_weights(self, clip: Pair, tmp_path: Path) -> None:
        assert open_model(save_clip(tmp_path, seed=9)).fingerprint != clip.ours.fingerprint

    @pytest.mark.parametrize(
        ("section", "changes"),
        [
            ("preprocess_cfg", {"interpolation": "bilinear"}),
            ("preprocess_cfg", {"mean": [0.5, 0.5, 0.5]}),
            ("preprocess_cfg", {"resize_mode": "squash"}),
            ("model_cfg", {"quick_gelu": True}),
        ],
    )
    def test_it_changes_with_the_configuration(
        self, clip: Pair, own_copy: Path, section: str, changes: dict[str, Any]
    ) -> None:
        edit_config(own_copy, section, changes)
        assert open_model(own_copy).fingerprint != clip.ours.fingerprint

    def test_it_changes_with_the_tokenizer(self, siglip_folder: Path, tmp_path: Path) -> None:
        folder = Path(shutil.copytree(siglip_folder, tmp_path / "copy"))
        before = open_model(folder).fingerprint
        path = folder / "tokenizer.json"
        path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        assert open_model(folder).fingerprint != before
