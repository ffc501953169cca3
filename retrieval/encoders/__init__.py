"""The front door of the encoders: the protocol, the table, and the choice of one.

An encoder maps photos and texts into one space. Backends live in the modules that `ENCODERS`
names and are imported only when loaded, so that nothing here costs a torch import.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image

    from retrieval.encoders.towers.encoder import TowerEncoder

#: Backend name -> "module:function"; the function takes an EncoderSpec and returns an Encoder.
ENCODERS: dict[str, str] = {
    "mini": "retrieval.encoders.mini:load",
    "openclip": "retrieval.encoders.openclip:load",
}

#: Backends whose encoders can be exported (`towers`).
EXPORTABLE = ("mini", "openclip")

#: How good the built-in encoder is: held-out figures of docs/mini.md. Here, since to say it costs
#: no import.
MINI_QUALITY = (
    "of 300 everyday photos it puts the right one among its first ten for 79 % of English "
    "captions, which is well below CLIP"
)


@dataclass(frozen=True)
class EncoderSpec:
    """Which encoder to load, and where it should run.

    `model` is "auto", "mini", an open_clip name ("ViT-B-32-256/datacomp_s34b_b86k"), a path of a
    checkpoint file or folder, or an "hf-hub:" name. `device` is "auto", "cpu", "cuda", "cuda:1" or
    "mps"; `precision` "auto", "fp32", "bf16" or "fp16"; `threads` 0 lets the encoder choose;
    `cache` is the folder of exported towers ("" for $RETRIEVAL_CACHE or the platform's).
    """

    model: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    threads: int = 0
    cache: str = ""


class Encoder(Protocol):
    """A model with an image tower and a text tower that share one space.

    `name` is how a user asks for it again (`--model NAME`); `fingerprint` is hex and changes when
    weights, preprocessing, tokenizer or dim do, so that embeddings of two encoders never mix;
    `image_size` is the short side in pixels that `prepare` resizes to, which lets loaders decode
    large JPEGs at reduced scale; `quality` is one honest sentence on how good it is.
    """

    name: str
    fingerprint: str
    dim: int
    image_size: int
    quality: str

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Turn an upright RGB image into uint8 (views, H, W, 3). Thread-safe, no torch."""
        ...

    def encode_images(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode uint8 (n, views, H, W, 3) into float32 (n, dim), rows of unit length.

        Raises DeviceMemoryError when the batch does not fit the device.
        """
        ...

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode n texts into float32 (n, dim), rows of unit length."""
        ...


class Pending(Protocol):
    """Photos on their way through an encoder."""

    def result(self) -> NDArray[np.float32]:
        """Wait for them: float32 (n, dim), rows of unit length. Raises EncoderError."""
        ...


@runtime_checkable
class StreamingEncoder(Encoder, Protocol):
    """An encoder on a device of its own, which computes while the host does something else."""

    def submit_images(self, prepared: Sequence[NDArray[np.uint8]]) -> Pending:
        """Start encoding n arrays of `prepare`, and return at once.

        What was submitted first is done first. Raises DeviceMemoryError when they do not fit.
        """
        ...

    def first_batch(self) -> int:
        """A batch size that surely fits; larger ones may be faster."""
        ...

    def compile_images(self, batch_size: int) -> str | None:
        """Spend tens of seconds on making batches of just this size faster.

        Returns a sentence for the user when that failed; then nothing has changed.
        """
        ...


def backend_of(model: str) -> str:
    """Name the row of ENCODERS that serves `model`: its own name, or open_clip for the rest."""
    return model if model in ENCODERS else "openclip"


def load_encoder(spec: EncoderSpec) -> Encoder:
    """Load the encoder of `spec`, whose model is a definite one (`choose_model` resolves "auto").

    Raises UnknownModelError, EncoderError or MissingExtraError.
    """
    # OpenMP threads that spin while they wait cost ten times the work on a shared machine; the
    # policy is read once, when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    module_name, function_name = ENCODERS[backend_of(spec.model)].split(":")
    load = cast(
        "Callable[[EncoderSpec], Encoder]", getattr(import_module(module_name), function_name)
    )
    return load(spec)


def is_certainly_other(model: str, encoder: str) -> bool:
    """Whether `model` is known without loading it not to be the encoder named `encoder`.

    A local checkpoint may be the same one in another place: that takes loading it. Raises
    UnknownModelError for a name that means nothing.
    """
    if model in ENCODERS and model != "openclip":
        return model != encoder
    from retrieval.encoders.openclip import published

    name = published(model)
    return name is not None and name != encoder


def load_chosen(spec: EncoderSpec, on_notice: Callable[[str], None]) -> Encoder:
    """Resolve "auto", tell why where it is not the recommended model, and load the encoder."""
    from retrieval.encoders.choosing import choose_model

    choice = choose_model(spec)
    if choice.notice:
        on_notice(choice.notice)
    return load_encoder(replace(spec, model=choice.model))


def runs_on_towers(spec: EncoderSpec, *, many: bool = False) -> bool:
    """Whether exported towers may encode for `spec`, which run on the CPU as they see fit.

    Not where another device or a number format was asked for; and for `many` items not where a GPU
    would be taken, which is faster.
    """
    from retrieval.encoders._devices import sees_accelerator

    if spec.precision != "auto" or spec.device not in ("auto", "cpu"):
        return False
    return not (many and spec.device == "auto" and sees_accelerator())


def on_towers(
    encoder: Encoder, cache: str, on_notice: Callable[[str], None], threads: int = 0
) -> Encoder:
    """The same encoder, run on exported towers as soon as there are good ones (`towers`).

    Encoders that cannot be exported, or run on a device that is faster, are returned as they are.
    """
    if not getattr(encoder, "exportable", False):
        return encoder
    from retrieval.encoders.towers import wrap

    return wrap(encoder, cache, on_notice, threads)


def exported(
    fingerprint: str,
    cache: str,
    model: Callable[[], Encoder],
    on_notice: Callable[[str], None],
    threads: int = 0,
) -> TowerEncoder | None:
    """The encoder of this fingerprint from its towers alone; None if none was exported here.

    `model` loads the encoder in torch, should what is asked of it need that after all.
    """
    from retrieval.encoders.towers import unwrap

    return unwrap(fingerprint, cache, model, on_notice, threads)


def towers_in_words(fingerprint: str, cache: str) -> dict[str, str]:
    """How texts and pictures are encoded on this machine's CPU: exported towers, or torch."""
    from retrieval.encoders.towers.folder import SIDES, TowerFolder, in_words

    folder = TowerFolder(fingerprint, cache)
    return {side: in_words(folder.read(side)) for side in SIDES}
