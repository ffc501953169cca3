"""Encoding on the CPU: exported towers beside torch float32, and float32 beside the hardware.

One thread each, CPU time, works in turn. The model is an open_clip ViT-B-32 with random weights:
speed does not depend on what they are, and agreement is hardest there, since embeddings of random
weights lie close together.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scripts.bench.common import cpu_seconds, figure_of, median_of, paired, photos
from scripts.bench.random_weights import checkpoint

if TYPE_CHECKING:
    from retrieval.encoders.towers.exporting import Probes
    from retrieval.encoders.towers.folder import Side

BATCH = 8
TINY: dict[str, Any] = {
    "embed_dim": 48,
    "vision_cfg": {"image_size": 96, "layers": 2, "width": 64, "head_width": 32, "patch_size": 16},
    "text_cfg": {
        "context_length": 77,
        "vocab_size": 49408,
        "width": 64,
        "heads": 2,
        "layers": 2,
    },
}


def measure(size: str) -> dict[str, Any]:
    """Figures of the image and of the text tower, and how far each candidate agrees."""
    from retrieval.encoders import EncoderSpec, load_encoder
    from retrieval.encoders._compat import import_open_clip, prepare_torch

    prepare_torch(1)
    open_clip = import_open_clip(1)
    runs, probes = {"tiny": (2, 32), "small": (5, 64), "full": (9, 128)}[size]
    config = TINY if size == "tiny" else open_clip.get_model_config("ViT-B-32")
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary)
        checkpoint(place, config)
        model = load_encoder(EncoderSpec(str(place), "cpu", threads=1))
        pixels = _pixels(model, probes, place)
        image = _image(model, pixels, runs, place)
        text = _text(model, runs, place)
    ratios = [one["times_torch"]["median"] for one in image["candidates"].values()]
    return {
        "threads": 1,
        "model": "tiny" if size == "tiny" else "ViT-B-32, random weights",
        **image,
        "text": text,
        "ratio_text": text["times_torch"],
        "ratio_int8": image["candidates"].get("int8 in onnx", {}).get("times_torch"),
        "ratio_best": max(ratios),
        "ratio_openvino": image["candidates"].get("int8 in openvino", {}).get("times_torch"),
    }


def _pixels(model: Any, count: int, place: Path) -> NDArray[np.uint8]:
    """Prepared photos: real ones beside the repository, or made."""
    folder = photos(count, place / "photos")
    images = (Image.open(path).convert("RGB") for path in sorted(folder.iterdir()))
    return np.stack([model.prepare(image) for image in images])


def _image(model: Any, pixels: NDArray[np.uint8], runs: int, place: Path) -> dict[str, Any]:
    from retrieval.encoders.towers.exporting import Probes

    batches = [{"pixels": pixels[at : at + BATCH]} for at in range(0, len(pixels), BATCH)]
    rows = np.concatenate([model.encode_images(batch["pixels"]) for batch in batches])
    probes = Probes(batches, rows, lambda arrays: model.encode_images(arrays["pixels"]))

    def in_torch() -> float:
        return 1000 * cpu_seconds(lambda: model.encode_images(pixels[:BATCH])) / BATCH

    found = _candidates("image", model, probes, batches[0], in_torch, runs, place)
    torch_figure = median_of(in_torch, runs, "ms/item")
    return {
        "torch_fp32": torch_figure.as_dict(),
        "candidates": found,
        **_share_of_peak(model, pixels, torch_figure.low),
    }


def _candidates(
    side: Side,
    model: Any,
    probes: Probes,
    batch: dict[str, NDArray[Any]],
    in_torch: Callable[[], float],
    runs: int,
    place: Path,
) -> dict[str, Any]:
    """Every candidate beside torch, on one thread and the items of `batch`."""
    from retrieval.encoders.towers.exporting import trials
    from retrieval.encoders.towers.running import Tower

    (place / side).mkdir()
    graph = getattr(model, f"{side}_graph")()
    count = len(next(iter(batch.values())))
    found: dict[str, Any] = {}
    for trial in trials(place / side, side, model.dim, graph, probes):
        tower = Tower(trial.candidate.runtime, trial.path, model.dim, threads=1)

        def exported(tower: Tower = tower) -> float:
            return 1000 * cpu_seconds(lambda: tower(batch)) / count

        pair = paired(in_torch, exported, runs, "ms/item")
        found[str(trial.candidate)] = {
            "ms": pair.second.as_dict(),
            "times_torch": pair.ratio.as_dict(),
            "agreement": str(trial.agreement),
            "accepted": trial.agreement.enough,
        }
    return found


def _share_of_peak(model: Any, pixels: NDArray[np.uint8], ms: float) -> dict[str, Any]:
    """What float32 encoding reaches of the rate of a large matrix product on the same thread."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    torch.backends.mha.set_fastpath_enabled(False)  # whose work would not be counted
    with FlopCounterMode(display=False) as counter:
        model.encode_images(pixels[:1])
    torch.backends.mha.set_fastpath_enabled(True)
    work = counter.get_total_flops()
    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    a @ b
    peak = 2 * 2048**3 / min(cpu_seconds(lambda: a @ b) for _ in range(5))
    return {
        "gflop_per_image": work / 1e9,
        "peak_gflops": peak / 1e9,
        "share_of_peak": work / (ms / 1000) / peak,
    }


def _text(model: Any, runs: int, place: Path) -> dict[str, Any]:
    """One query of about 12 tokens: exported towers beside torch, which pads to 77."""
    from retrieval.encoders.towers import unwrap, wrap
    from retrieval.encoders.towers.exporting import Probes
    from retrieval.encoders.towers.inputs import Texts
    from retrieval.encoders.towers.probes import TEXTS

    query = ["a brown dog that runs over the snow"]

    def in_torch() -> float:
        return 1000 * cpu_seconds(lambda: model.encode_texts(query))

    texts = Texts(model.text_graph().inputs, place)
    ((_, one),) = texts.batches(query, 1)
    batches = [*texts.batches(TEXTS, 32)]
    rows = model.encode_texts([TEXTS[at] for places, _ in batches for at in places])
    probes = Probes([arrays for _, arrays in batches], rows, lambda arrays: in_torch())
    found = _candidates("text", model, probes, one, in_torch, 4 * runs, place)
    wrap(model, str(place / "cache"), lambda _: None, 1).export_text()
    begun = time.process_time()
    towers = unwrap(model.fingerprint, str(place / "cache"), lambda: model, lambda _: None, 1)
    assert towers is not None
    towers.encode_texts(query)
    load = time.process_time() - begun
    accepted = next(each for each in found.values() if each["accepted"])
    return {
        "torch_padded": median_of(in_torch, runs, "ms/query").as_dict(),
        "candidates": found,
        "times_torch": accepted["times_torch"],
        "load_cpu_s": figure_of([load], "s").as_dict(),
        "how": towers.describe("text"),
    }
