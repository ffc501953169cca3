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
from retrieval.records import Box
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
            off = np.abs(ours(image)[0].astype(int) - np.asarray(expected))
            assert off.max() <= 1, each
            assert (off > 0).mean() < 0.01, each  # only the middle is resized: other roundings
            assert mode == "shortest" or not off.any(), each

    def test_a_line_of_pixels_is_padded(self) -> None:
        pixels = Pixels((96, 96), (0.5,) * 3, (0.5,) * 3, resize_mode="longest", fill_color=9)
        whole = pixels(generated((640, 1)))
        assert whole.shape == (1, 96, 96, 3)
        assert (whole[0, 0] == 9).all()

    def test_a_strip_needs_little_memory(self) -> None:
        pixels = Pixels((96, 96), (0.5,) * 3, (0.5,) * 3)
        assert (pixels(Image.new("RGB", (900_000, 2), "red"))[0] == (255, 0, 0)).all()

    def test_only_what_is_picture_is_looked_at(self) -> None:
        pixels = Pixels((96, 96), (0.5,) * 3, (0.5,) * 3)
        image = generated((300, 500))
        framed = Image.new("RGB", (310, 505), "white")
        framed.paste(image, (7, 3))
        framed.info["box"] = Box(7, 3, 307, 503)
        inner = np.s_[0, 1:-1, 1:-1]  # at the edges the filter reaches beyond
        off = np.abs(pixels(framed)[inner].astype(int) - pixels(image)[inner])
        assert (off > 1).mean() < 0.02
        framed.info["box"] = "7 3 307 503"  # a text that stood in a PNG
        assert np.abs(pixels(framed)[inner].astype(int) - pixels(image)[inner]).max() > 9

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
