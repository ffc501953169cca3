"""The bank of texts: what photos in general are described by.

`bank.txt` holds captions of COCO photos (Lin et al. 2014, Chen et al. 2015; CC BY 4.0,
https://cocodataset.org) and the names of the 1,000 ImageNet classes. No photo is needed to use it.
"""

from __future__ import annotations

import zlib
from importlib.resources import files


def bank_texts() -> list[str]:
    """The texts of the bank, always the same ones in the same order."""
    text = files("retrieval.calibration").joinpath("bank.txt").read_text("utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("#")]


def texts_crc32(texts: list[str]) -> int:
    """What tells one bank of texts from another."""
    return zlib.crc32("\n".join(texts).encode())
