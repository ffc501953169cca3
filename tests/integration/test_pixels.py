"""prepare makes the pixels that open_clip makes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from retrieval.encoders import openclip
from retrieval.encoders._pixels import Pixels
from retrieval.errors import EncoderError
from tests.pairs import SIZES, edit_config, generated, open_clip, open_model

pytestmark = pytest.mark.usefixtures("no_real_hub")


class TestPixels:
    """prepare gives the very pixels of open_clip's evaluation transform."""

    @pytest.mark.parametrize("mode", ["shortest", "longest", "squash"])
    @pytest.mark.parametrize("interpolation", ["bicubic", "bilinear", "random"])
    @pytest.mark.parametrize("size", [(96, 96), (64, 112)])
    def test_every_mode(self, mode: str, interpolation: str, size: tuple[int, int]) -> None:
        mean = std = (0.5, 0.5, 0.5)
        ours = Pixels(size, mean, std, interpolation, mode, fill_color=37)
        theirs = open_clip.image_transform(
            size,
            is_train=False,
            resize_mode=mode,
            interpolation=interpolation,
            fill_color=37,
        )
        for each in SIZES:
            if mode == "longest" and min(each) * 96 < max(each):
                continue  # open_clip fails on these, see below
            image = generated(each)
            expected = image
            for step in theirs.transforms[:-2]:  # all but ToTensor and Normalize
                expected = step(expected)
            assert np.array_equal(ours(image)[0], np.asarray(expected)), each

    def test_a_line_of_pixels_is_padded(self) -> None:
        pixels = Pixels((96, 96), (0.5,) * 3, (0.5,) * 3, resize_mode="longest", fill_color=9)
        whole = pixels(generated((640, 1)))
        assert whole.shape == (1, 96, 96, 3)
        assert (whole[0, 0] == 9).all()

    def test_a_strip_needs_little_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        pixels = Pixels((96, 96), (0.5,) * 3, (0.5,) * 3)
        assert (pixels(Image.new("RGB", (900_000, 2), "red"))[0] == (255, 0, 0)).all()
        image = generated((1999, 150))
        whole = pixels(image).astype(int)
        monkeypatch.setattr("retrieval.encoders._pixels._MAX_RESIZED_PIXELS", 0)
        assert np.abs(pixels(image) - whole).max() <= 1

    def test_other_modes_become_rgb(self) -> None:
        pixels = Pixels((32, 32), (0.5,) * 3, (0.5,) * 3, fill_color=(1, 2, 3))
        assert (pixels(Image.new("L", (40, 40), 7))[0] == 7).all()
        assert pixels.describe()["fill_color"] == [1, 2, 3]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"interpolation": "nearest"},
            {"resize_mode": "stretch"},
            {"std": [0.5, 0, 0.5]},
            {"std": [1, 1]},
            {"mean": "x"},
            {"fill_color": "red"},
            {"fill_color": [1, 2]},
        ],
    )
    def test_wrong_settings_are_refused(self, own_copy: Path, wrong: dict[str, Any]) -> None:
        edit_config(own_copy, "preprocess_cfg", wrong)
        with pytest.raises(EncoderError, match="correct its preprocess_cfg"):
            open_model(own_copy)

    def test_numbers_mean_the_same_however_written(self, own_copy: Path) -> None:
        edit_config(own_copy, "preprocess_cfg", {"mean": [0, 0, 0], "std": [1, 1, 1]})
        before = open_model(own_copy).fingerprint
        edit_config(own_copy, "preprocess_cfg", {"mean": [0.0, 0.0, 0.0], "std": 1.0})
        assert open_model(own_copy).fingerprint == before

    def test_one_number_serves_three_channels(self, own_copy: Path) -> None:
        edit_config(own_copy, "preprocess_cfg", {"mean": 0.5, "std": 0.25})
        ours = open_model(own_copy)
        assert isinstance(ours, openclip.OpenClipEncoder)
        assert ours._pixels.mean == (0.5, 0.5, 0.5)
