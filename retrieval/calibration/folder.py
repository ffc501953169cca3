"""Where an embedded bank of texts lies on this machine, and the note that says what it is.

    <cache>/calibration/<fingerprint>/   and /tags/<fingerprint>/ for the words of tags
      bank.json     which texts, how many rows, and the CRC-32 of the file beside it
      bank.f16      float16 rows (m, dim), the bank of texts through the encoder's text tower

Derived: removing the folder costs some seconds of embedding. A bank whose note or bytes do not fit,
or that was made of other texts, is not used.
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrieval.errors import CollectionError
from retrieval.storage import disk
from retrieval.storage.checked import read_checked, write_checked
from retrieval.storage.layout import cache_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Note:
    """What an embedded bank was made of."""

    texts: int  # CRC-32 of the texts
    rows: int
    dim: int
    checksum: int  # CRC-32 of the file
    format: int = FORMAT


class BankFolder:
    """The embedded bank of one encoder."""

    def __init__(self, fingerprint: str, cache: str = "", kind: str = "calibration") -> None:
        """`cache` is the folder that all lie in; "" for $RETRIEVAL_CACHE or the platform's.

        `kind` tells banks of one encoder apart.
        """
        self.path = cache_folder(cache) / kind / fingerprint

    def read(self, texts: int) -> NDArray[np.float16] | None:
        """The rows (m, dim) made of the texts of this CRC-32; None where there are none."""
        try:
            note = Note(**read_checked(self.path / "bank.json"))
            data = (self.path / "bank.f16").read_bytes()
        except (OSError, CollectionError, TypeError):
            return None
        if (note.format, note.texts, note.checksum) != (FORMAT, texts, zlib.crc32(data)):
            return None
        if len(data) != 2 * note.rows * note.dim:
            return None
        return np.frombuffer(data, np.float16).reshape(note.rows, note.dim)

    def write(self, texts: int, rows: NDArray[np.float32]) -> None:
        """Keep the rows (m, dim), durably; the note that makes them count comes last.

        Raises OSError.
        """
        data = rows.astype(np.float16).tobytes()
        disk.make_folders(self.path)
        disk.remove(self.path / "bank.json")
        disk.write_atomically(self.path / "bank.f16", data)
        note = Note(texts, len(rows), rows.shape[1], zlib.crc32(data))
        write_checked(self.path / "bank.json", asdict(note))
