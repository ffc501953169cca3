"""One model with random weights in every form that peers load.

Speed does not depend on what the weights are, and no download is needed: the architecture is
ViT-B-32 at 256 pixels, what this project and rclip both use on a CPU. Its folder gets
open_clip_config.json and open_clip_model.safetensors (this project, clip-retrieval,
DeepImageSearch) and, in the places where rclip looks, visual.onnx, textual.onnx in float32 as rclip
publishes them, and the vocabulary. `towers` is the cache of this project after a long run.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.bench.common import photos

if TYPE_CHECKING:
    from retrieval.encoders import Encoder
    from retrieval.encoders.towers.encoder import TowerEncoder

ARCHITECTURE = "ViT-B-32-256"
RCLIP_FOLDER = "ViT-B-32-256-datacomp_s34b_b86k"
_VOCABULARY = "bpe_simple_vocab_16e6.txt.gz"


def make(folder: Path) -> None:
    """Write all forms into `folder`, which then says so by a file named complete."""
    from retrieval.encoders import EncoderSpec, load_encoder
    from retrieval.encoders._compat import import_open_clip

    open_clip = import_open_clip()
    model = checkpoint(folder, open_clip.get_model_config(ARCHITECTURE))
    (folder / "rclip" / RCLIP_FOLDER).mkdir(parents=True, exist_ok=True)
    (folder / "rclip" / "tokenizer").mkdir(exist_ok=True)
    shutil.copyfile(
        Path(open_clip.__file__).with_name(_VOCABULARY), folder / "rclip/tokenizer" / _VOCABULARY
    )
    _export(model, folder / "rclip" / RCLIP_FOLDER)
    export_towers(load_encoder(EncoderSpec(str(folder), "cpu")), folder / "towers")
    (folder / "complete").touch()


def checkpoint(folder: Path, model_cfg: dict[str, Any]) -> Any:
    """Write open_clip_config.json and random weights for it into `folder`; return the model."""
    import torch
    from safetensors.torch import save_file

    from retrieval.encoders._compat import import_open_clip

    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    model = import_open_clip().CLIP(**model_cfg).eval()
    state = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    save_file(state, folder / "open_clip_model.safetensors")
    pixels = {
        "mean": [0.48145466, 0.4578275, 0.40821073],
        "std": [0.26862954, 0.26130258, 0.27577711],
        "interpolation": "bicubic",
        "resize_mode": "shortest",
    }
    config = {"model_cfg": model_cfg, "preprocess_cfg": pixels}
    (folder / "open_clip_config.json").write_text(json.dumps(config, indent=2), "utf-8")
    return model


def export_towers(encoder: Encoder, cache: Path, threads: int = 0) -> TowerEncoder:
    """The encoder after a run that was long enough to export both its towers into `cache`."""
    from PIL import Image

    from retrieval.encoders.towers import wrap
    from retrieval.encoders.towers.encoder import IMAGE_PROBES

    towers = wrap(encoder, str(cache), lambda text: print(text, file=sys.stderr), threads)
    towers.expect(images=1 << 20)
    with tempfile.TemporaryDirectory() as temporary:
        for path in sorted(photos(IMAGE_PROBES, Path(temporary) / "probes").iterdir()):
            with Image.open(path) as image:
                towers.encode_images(encoder.prepare(image.convert("RGB"))[None])
    towers.export_text()
    return towers


def _export(model: Any, folder: Path) -> None:
    """Both towers as rclip's two files: one input "input", one output "output", any batch."""
    import torch

    class TextTower(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, tokens: torch.Tensor) -> Any:
            return self.model.encode_text(tokens)  # (n, 77) -> (n, 512)

    side = model.visual.image_size[0]
    towers = (
        ("visual.onnx", model.visual, torch.zeros(1, 3, side, side)),
        ("textual.onnx", TextTower(), torch.zeros(1, 77, dtype=torch.int64)),
    )
    for name, tower, example in towers:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the older exporter, which writes one file
            torch.onnx.export(
                tower.eval(), (example,), str(folder / name), dynamo=False, opset_version=18,
                input_names=["input"], output_names=["output"],
                dynamic_axes={"input": {0: "n"}, "output": {0: "n"}},
            )  # fmt: skip


if __name__ == "__main__":
    make(Path(sys.argv[1]))
