"""An encoder whose vectors can be worked out by hand: the mean colour of a picture or a text.

A picture becomes (red, green, blue) of its mean colour, each minus 64 of 255, at unit length; a
text the sum of the colours it names. So "red" finds red pictures, and "red green" yellow ones.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from retrieval.encoders import EncoderSpec
from retrieval.errors import DeviceMemoryError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "white": (255, 255, 255),
    "black": (0, 0, 0),
}


class ToyEncoder:
    """See the module. `most` is the largest batch that "fits into memory"."""

    dim = 3
    image_size = 8
    quality = "Knows six colours."

    def __init__(self, name: str = "toy", most: int = 10_000) -> None:
        self.name = name
        self.fingerprint = hashlib.sha256(name.encode()).hexdigest()
        self.most = most
        self.images_seen = 0
        self.texts_seen = 0

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        from PIL import Image  # here, since texts need none

        return np.asarray(image.resize((8, 8), Image.Resampling.BOX))[None]

    def encode_images(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        assert batch.dtype == np.uint8
        assert batch.shape[1:] == (1, 8, 8, 3)
        if len(batch) > self.most:
            raise DeviceMemoryError("too many for the toy; use fewer")
        self.images_seen += len(batch)
        return _unit(batch.reshape(len(batch), -1, 3).mean(axis=1))

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts_seen += len(texts)
        sums = [
            sum(
                (np.array(COLOURS[w]) for w in re.findall(r"\w+", t.lower()) if w in COLOURS),
                start=np.full(3, 70.0),
            )
            for t in texts
        ]
        return _unit(np.array(sums))


class TurnedToy(ToyEncoder):
    """Another encoder of as many dimensions: the same colours, in another order.

    So a query of one in the space of the other finds wrong photos, and no error tells.
    """

    def encode_images(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.roll(super().encode_images(batch), 1, axis=1)

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.roll(super().encode_texts(texts), 1, axis=1)


class StreamingToy(ToyEncoder):
    """The toy encoder on a device of its own; it computes when it is waited for."""

    def __init__(self, most: int = 10_000, fails: str | None = None) -> None:
        super().__init__(most=most)
        self.flying = self.most_flying = 0
        self.sizes: list[int] = []
        self.compiled: list[int] = []
        self.fails = fails

    def submit_images(self, prepared: Sequence[NDArray[np.uint8]]) -> ToyPending:
        if len(prepared) > self.most:
            raise DeviceMemoryError("too many for the toy; use fewer")
        self.flying += 1
        self.most_flying = max(self.most_flying, self.flying)
        self.sizes.append(len(prepared))
        return ToyPending(self, np.stack(prepared))

    def first_batch(self) -> int:
        return 4

    def compile_images(self, batch_size: int) -> str | None:
        self.compiled.append(batch_size)
        return self.fails


class ToyPending:
    def __init__(self, encoder: StreamingToy, batch: NDArray[np.uint8]) -> None:
        self.encoder, self.batch = encoder, batch

    def result(self) -> NDArray[np.float32]:
        self.encoder.flying -= 1
        return self.encoder.encode_images(self.batch)


def _unit(colours: NDArray[np.floating]) -> NDArray[np.float32]:
    shifted = colours.astype(np.float64) - 64.0
    return (shifted / np.linalg.norm(shifted, axis=1, keepdims=True)).astype(np.float32)


def make(model: str) -> ToyEncoder:
    """The encoder of this name."""
    return TurnedToy(model) if model == "turned" else ToyEncoder(model)


def load(spec: EncoderSpec) -> ToyEncoder:
    return make(spec.model)
