"""Make an encoder's calibration once, keep it in the cache folder, and load it in milliseconds."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

import numpy as np

from retrieval.calibration.bank import bank_texts, texts_crc32
from retrieval.calibration.folder import BankFolder
from retrieval.calibration.judging import Calibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

BATCH = 512  # texts that are handed to the encoder at a time


class TextEncoder(Protocol):
    """What is needed of an encoder."""

    @property
    def fingerprint(self) -> str: ...

    @property
    def dim(self) -> int: ...

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


def load_calibration(fingerprint: str, cache: str = "") -> Calibration | None:
    """The calibration of an encoder as it is kept on this machine; None if none was made.

    Takes milliseconds and loads no model. `cache` is as in EncoderSpec.
    """
    rows = BankFolder(fingerprint, cache).read(texts_crc32(bank_texts()))
    return None if rows is None else Calibration(rows)


def make_calibration(encoder: TextEncoder, cache: str = "") -> Calibration:
    """The same, made and kept where there is none: embeds the bank, which takes some seconds.

    A folder that cannot be written is no error: it is made again next time. Raises what the
    encoder raises.
    """
    kept = load_calibration(encoder.fingerprint, cache)
    if kept is not None:
        return kept
    texts = bank_texts()
    rows = np.zeros((len(texts), encoder.dim), np.float32)
    for start in range(0, len(texts), BATCH):
        rows[start : start + BATCH] = encoder.encode_texts(texts[start : start + BATCH])
    with suppress(OSError):
        BankFolder(encoder.fingerprint, cache).write(texts_crc32(texts), rows)
    return Calibration(rows.astype(np.float16))
