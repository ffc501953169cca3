"""Encoding with random weights: on the device alone, from host memory, and from JPEG files.

Everything measured is the project's own CudaEncoder, BatchEmbedder and look_ahead.
"""

from __future__ import annotations

import copy
import io
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from gpu.machine import seconds
from retrieval.embedding import MOST_BATCH, BatchEmbedder, look_ahead
from retrieval.encoders._checkpoints import Checkpoint
from retrieval.encoders._compat import import_open_clip, import_torchvision
from retrieval.encoders._cuda import CudaEncoder
from retrieval.encoders._devices import pick_precision
from retrieval.encoders._pixels import Pixels
from retrieval.errors import DeviceMemoryError

#: Vision towers: pixels, patch, width, layers, width of the embedding, name in timm.
TOWERS: dict[str, tuple[int, int, int, int, int, str]] = {
    "ViT-B-32": (224, 32, 768, 12, 512, "vit_base_patch32_clip_224"),
    "ViT-L-14": (224, 14, 1024, 24, 768, "vit_large_patch14_clip_224"),
    "tiny": (64, 16, 64, 2, 48, "test_vit"),
}
MEAN = (0.48145466, 0.4578275, 0.40821073)
STD = (0.26862954, 0.26130258, 0.27577711)


def gflop(name: str) -> float:
    """GFLOP of the image tower for one picture: 2 x multiply-adds of all matrix products."""
    pixels, patch, width, layers, dim, _ = TOWERS[name]
    patches = (pixels // patch) ** 2
    tokens = patches + 1
    layer = 2 * tokens * 12 * width**2 + 4 * tokens**2 * width
    embedding = 2 * patches * 3 * patch**2 * width
    return (layers * layer + embedding + 2 * width * dim) / 1e9


class _TimmTower(torch.nn.Module):
    """What CudaEncoder needs of a model, where open_clip is not installed."""

    def __init__(self, name: str, dim: int, pixels: int) -> None:
        super().__init__()
        import_torchvision()
        import timm

        self.tower = timm.create_model(name, num_classes=dim, img_size=pixels)

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.tower(images)
        return found


def random_model(name: str) -> tuple[torch.nn.Module, str]:
    """The architecture with random weights in evaluation mode, and the package it is from."""
    pixels, patch, width, layers, dim, timm_name = TOWERS[name]
    torch.manual_seed(0)
    try:
        open_clip = import_open_clip()
    except ImportError:
        return _TimmTower(timm_name, dim, pixels).eval(), "timm"
    text = {"context_length": 77, "vocab_size": 49408, "width": 64, "heads": 2, "layers": 1}
    vision = {"image_size": pixels, "patch_size": patch, "width": width, "layers": layers}
    vision["head_width"] = 32 if name == "tiny" else 64
    return open_clip.CLIP(embed_dim=dim, vision_cfg=vision, text_cfg=text).eval(), "open_clip"


def make_encoder(name: str, model: torch.nn.Module, device: torch.device) -> CudaEncoder:
    """The project's encoder around `model`, on the device in the precision chosen for it."""
    pixels, *_, dim, _ = TOWERS[name]
    dtype = pick_precision("auto", device)
    checkpoint = Checkpoint(name, "Random.", {"embed_dim": dim}, {}, Path(__file__), None, False)
    shape = Pixels((pixels, pixels), MEAN, STD)
    placed = model.to(device=device, dtype=dtype)
    return CudaEncoder(checkpoint, placed, None, shape, device, dtype)


def jpegs(count: int, size: tuple[int, int]) -> list[bytes]:
    """Different pictures with edges and noise, as JPEG files of quality 90."""
    rng = np.random.default_rng(0)
    files = []
    for _ in range(count):
        coarse = rng.integers(0, 256, (size[1] // 40, size[0] // 40, 3), np.uint8)
        picture = np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BILINEAR))
        noise = rng.integers(-12, 13, picture.shape, np.int16)
        out = io.BytesIO()
        mixed = np.clip(picture + noise, 0, 255).astype(np.uint8)
        Image.fromarray(mixed).save(out, "JPEG", quality=90)
        files.append(out.getvalue())
    return files


def decode(file: bytes, encoder: CudaEncoder) -> NDArray[np.uint8]:
    """A JPEG to what the encoder takes, at the smallest scale that holds twice its side."""
    with Image.open(io.BytesIO(file)) as image:
        image.draft("RGB", (2 * encoder.image_size,) * 2)
        return encoder.prepare(image.convert("RGB"))


def agreement(found: NDArray[np.float32], expected: NDArray[np.float32]) -> dict[str, float]:
    """Least cosine of rows, as they are and after the mean row is taken away.

    Rows of random weights all point the same way; without their mean a fault shows.
    """
    centre = expected.mean(0)
    a, b = found - centre, expected - centre
    centred = (a * b).sum(1) / np.maximum(
        np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1), 1e-12
    )
    return {
        "least_cosine": float((found * expected).sum(1).min()),
        "least_centred_cosine": float(centred.min()),
    }


def measure(name: str, device: torch.device, peak: dict[str, Any], tiny: bool) -> dict[str, Any]:
    """All figures of one tower; `peak` is what machine.measure found."""
    model, package = random_model(name)
    reference = make_encoder(name, copy.deepcopy(model), torch.device("cpu"))
    encoder = make_encoder(name, model, device)
    photos = [decode(file, encoder) for file in jpegs(8 if tiny else 32, (320, 240))]
    expected = reference.encode_images(np.stack(photos))
    work = gflop(name)

    def rated(batch: int, taken: float) -> dict[str, Any]:
        tflops = batch * work / taken / 1e3
        nominal = peak.get("nominal_bf16_tflops")
        return {
            "batch": batch,
            "images_s": batch / taken,
            "of_measured_bf16": tflops / peak["bf16_tflops"],
            "of_nominal_bf16": tflops / nominal if nominal else None,
        }

    found: dict[str, Any] = {
        "package": package,
        "gflop": work,
        "precision": str(encoder.dtype).removeprefix("torch."),
        "against_cpu_fp32": agreement(encoder.encode_images(np.stack(photos)), expected),
        "on_device": [],
    }
    for batch in [2, 4] if tiny else [64, 128, 256, 512, 1024]:
        try:
            taken = _device_seconds(encoder, batch, tiny)
        except (DeviceMemoryError, torch.cuda.OutOfMemoryError):
            break
        found["on_device"].append(rated(batch, taken))
    best = max(found["on_device"], key=lambda row: row["images_s"])["batch"]
    if device.type == "cuda":
        begun = time.perf_counter()
        found["not_compiled"] = encoder.compile_images(best)
        found["compiling_s"] = time.perf_counter() - begun
        if found["not_compiled"] is None:
            found["compiled"] = rated(best, _device_seconds(encoder, best, tiny))
            repeated = np.stack([photos[i % len(photos)] for i in range(best)])
            rows = encoder.encode_images(repeated)[: len(photos)]
            found["compiled"] |= agreement(rows, expected[:best])
    found["from_host_memory"] = _from_host(encoder, photos, best, tiny)
    return found


def _device_seconds(encoder: CudaEncoder, batch: int, tiny: bool) -> float:
    """Median seconds of one batch whose bytes lie on the device already."""
    pixels = TOWERS[encoder.name][0]
    shape = (batch, pixels, pixels, 3)
    noise = torch.randint(0, 256, shape, dtype=torch.uint8, device=encoder.device)
    with torch.inference_mode():
        taken = seconds(lambda: encoder.image_rows(noise), encoder.device, 3 if tiny else 15)
    return taken["median"]


def _from_host(
    encoder: CudaEncoder, photos: list[NDArray[np.uint8]], batch: int, tiny: bool
) -> dict[str, float]:
    """Images a second from prepared photos in host memory to rows there, batches in flight."""
    count = batch * (6 if tiny else 40)
    many = [photos[i % len(photos)] for i in range(count)]
    embedder = BatchEmbedder(encoder, batch)
    embedder.embed_images(many[: 3 * batch])  # these are timed on their own
    begun = time.perf_counter()
    embedder.embed_images(many)
    return {"batch": batch, "images_s": count / (time.perf_counter() - begun)}


def pipeline(name: str, device: torch.device, tiny: bool) -> dict[str, Any]:
    """JPEG files to rows, with decoding threads beside the encoder, against either alone."""
    encoder = make_encoder(name, random_model(name)[0], device)
    size, count = ((320, 240), 24) if tiny else ((1600, 1200), 8192)
    files = jpegs(4 if tiny else 64, size)
    threads = os.cpu_count() or 1
    work = [files[i % len(files)] for i in range(count)]
    embedder = BatchEmbedder(encoder)
    photos = [decode(file, encoder) for file in files]
    sample = [photos[i % len(photos)] for i in range(min(count, 16 * MOST_BATCH))]
    embedder.embed_images(sample)  # finds the batch size
    begun = time.perf_counter()
    embedder.embed_images(sample)
    encode_s = len(sample) / (time.perf_counter() - begun)

    def run(encode: bool) -> float:
        gathered: list[NDArray[np.uint8]] = []
        begun = time.perf_counter()
        ahead = embedder.decode_ahead
        for photo in look_ahead(work, lambda file: decode(file, encoder), threads, ahead):
            gathered.append(photo)
            if encode and len(gathered) >= embedder.worth_gathering:
                embedder.embed_images(gathered)
                gathered = []
        if encode:
            embedder.embed_images(gathered)
        return count / (time.perf_counter() - begun)

    decode_s = run(encode=False)
    whole_s = run(encode=True)
    return {
        "model": name,
        "jpeg": f"{size[0]} x {size[1]}",
        "photos": count,
        "decode_threads": threads,
        "batch": embedder.batch_size,
        "decode_images_s": decode_s,
        "encode_images_s": encode_s,
        "pipeline_images_s": whole_s,
        "of_the_slower": whole_s / min(decode_s, encode_s),
        # On a CPU both share the cores, and this is the bound.
        "of_both_in_turn": whole_s * (1 / decode_s + 1 / encode_s),
    }
