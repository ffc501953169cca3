"""Where exported towers lie on this machine, and the note beside each that says what it is.

    <cache>/towers/<fingerprint>/
      text.json, image.json      what the tower is, how its input is prepared, how far it agrees
      text.onnx, text.data       the tower and its weights, likewise image.onnx, image.data;
                                 image.xml and .bin where OpenVINO runs it
      tokenizer.json             of models that do not use CLIP's vocabulary

They are derived: removing the folder costs a new export. A tower whose note or bytes do not fit is
not used.
"""

from __future__ import annotations

import zlib
from dataclasses import asdict, dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

from retrieval.encoders.towers.agreement import Agreement
from retrieval.errors import CollectionError
from retrieval.storage import disk
from retrieval.storage.checked import read_checked, write_checked
from retrieval.storage.layout import cache_folder

#: Counts up whenever a tower made by an older version must not be used any more.
FORMAT = 2  # of 1 some of mini's gave texts no numbers
Side = Literal["text", "image"]
SIDES: tuple[Side, ...] = ("text", "image")
TOKENIZER_FILE = "tokenizer.json"
PACKAGES = ("torch", "onnx", "onnxruntime", "openvino", "nncf")
PIECE = 1 << 22


@dataclass(frozen=True, slots=True)
class Note:
    """What is known of one exported tower, or why there is none (`failed`)."""

    name: str
    dim: int
    image_size: int
    quality: str
    inputs: dict[str, Any]  # how texts or pictures are prepared (`inputs.py`)
    runtime: str = ""  # a name of `running.RUNTIMES`
    precision: str = ""  # "int8" or "fp32"
    files: dict[str, list[int]] = field(default_factory=dict)  # name -> bytes, CRC-32
    agreement: dict[str, float] = field(default_factory=dict)
    rejected: tuple[str, ...] = ()  # faster candidates, and why they were not taken
    failed: str = ""  # why there is no tower at all
    made_with: dict[str, str] = field(default_factory=dict)
    source: list[Any] = field(default_factory=list)  # path, bytes and mtime_ns of the weights
    format: int = FORMAT

    @property
    def is_outdated(self) -> bool:
        """Whether the weights have changed, or what failed with other versions may now succeed."""
        if self.failed and self.made_with != versions():
            return True
        return bool(self.source) and stamp_of(Path(self.source[0])) not in ([], self.source)

    @property
    def agrees(self) -> Agreement:
        """How far the tower agrees with its model."""
        return Agreement(
            float(self.agreement["cosine"]),
            float(self.agreement["overlap"]),
            int(self.agreement["probes"]),
        )


def versions() -> dict[str, str]:
    """What towers are made with, and in which version."""
    from importlib.metadata import version  # costs a search more than opening its collection

    return {name: version(name) for name in PACKAGES if find_spec(name)}


def stamp_of(weights: Path | None) -> list[Any]:
    """What tells that a weights file has changed; empty where there is none."""
    try:
        status = weights.stat() if weights else None
    except OSError:
        status = None
    return [str(weights), status.st_size, status.st_mtime_ns] if status else []


def in_words(note: Note | None) -> str:
    """How a side is computed on this machine, in a few words."""
    if note is None:
        return "torch"
    if note.failed:
        return f"torch; the exported form was not taken: {note.failed}"
    return f"{note.precision} ({note.runtime}), {note.agrees}"


class TowerFolder:
    """The exported towers of one encoder."""

    def __init__(self, fingerprint: str, cache: str = "") -> None:
        """`cache` is the folder that all lie in; "" for $RETRIEVAL_CACHE or the platform's."""
        self.path = cache_folder(cache) / "towers" / fingerprint

    def read(self, side: Side) -> Note | None:
        """The note of a tower; None where there is none, or it is damaged or of an older format."""
        try:
            values = read_checked(self.path / f"{side}.json")
            note = Note(**{**values, "rejected": tuple(values["rejected"])})
        except (OSError, CollectionError, TypeError, KeyError):
            return None
        return note if note.format == FORMAT else None

    def usable(self, side: Side) -> Note | None:
        """The same, unless it is outdated."""
        note = self.read(side)
        return None if note is None or note.is_outdated else note

    def trust(self, source: list[Any]) -> None:
        """Take notes for those of the weights as they are now, whose fingerprint was compared."""
        for side in SIDES:
            note = self.read(side)
            if note is not None and note.source and note.source != source:
                self.write(side, replace(note, source=source))

    def write(self, side: Side, note: Note) -> None:
        """Keep a note, which makes its tower count. Raises OSError."""
        disk.make_folders(self.path)
        write_checked(self.path / f"{side}.json", asdict(note))

    def write_tokenizer(self, content: str) -> None:
        """Keep the file that `inputs.py` reads, where a tower needs one. Raises OSError."""
        if content:
            disk.make_folders(self.path)
            disk.write_atomically(self.path / TOKENIZER_FILE, content.encode("utf-8"))

    def is_whole(self, note: Note) -> bool:
        """Whether the files of a tower are, byte for byte, those that were checked."""
        try:
            return all(
                list(checksum(self.path / name)) == facts for name, facts in note.files.items()
            )
        except OSError:
            return False


def checksum(path: Path) -> tuple[int, int]:
    """Length in bytes and CRC-32 of a file. Raises OSError."""
    size = crc32 = 0
    with path.open("rb", buffering=0) as file:
        while piece := file.read(PIECE):
            size, crc32 = size + len(piece), zlib.crc32(piece, crc32)
    return size, crc32
