"""An encoder that runs on exported towers where there are good ones, and else on its model.

The model itself (torch) is loaded only when it is needed: to encode what no tower encodes, and to
export one. Pictures are exported in the middle of a long run, compared on photos of that run that
the model encoded anyway.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.encoders.towers.folder import SIDES, Note, Side, TowerFolder, in_words, stamp_of
from retrieval.encoders.towers.inputs import Texts, preparation
from retrieval.encoders.towers.probes import TEXTS
from retrieval.encoders.towers.running import Tower
from retrieval.errors import RetrievalError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from retrieval.encoders import Encoder
    from retrieval.encoders.towers.exporting import Graph, Probes

IMAGE_PROBES = 64
EXPORTING_S = 15.0  # what exporting an image tower takes, about: a run must save more
GAIN = 0.6  # of the time that encoding takes, if a model does not state its own
TEXT_BATCH = 64
PREPARING: dict[Side, str] = {"text": "quick text queries", "image": "faster indexing"}


@dataclass(frozen=True, slots=True)
class Facts:
    """What an encoder is, without its weights."""

    name: str
    fingerprint: str
    dim: int
    image_size: int
    quality: str


class TowerEncoder:
    """Exported towers and the model they were made of. See `Encoder` for the contract."""

    def __init__(
        self,
        facts: Facts,
        folder: TowerFolder,
        model: Callable[[], Encoder],
        on_notice: Callable[[str], None],
        threads: int = 0,
    ) -> None:
        """`model` loads the encoder in torch; it is called once, when it is first needed."""
        self.name = facts.name
        self.fingerprint = facts.fingerprint
        self.dim = facts.dim
        self.image_size = facts.image_size
        self.quality = facts.quality
        self._folder = folder
        self._load_model = model
        self._model: Encoder | None = None
        self._lock = threading.Lock()
        self._on_notice = on_notice
        self._threads = threads
        self._notes: dict[Side, Note | None] = {side: folder.usable(side) for side in SIDES}
        self._towers: dict[Side, Tower | None] = {}
        self._prepare: Callable[[Image.Image], NDArray[np.uint8]] | None = None
        self._texts: Texts | None = None
        self._probes: list[NDArray[np.uint8]] = []
        self._probe_rows: list[NDArray[np.float32]] = []
        self._to_come = 0

    # --- the contract -----------------------------------------------------------------------

    def prepare(self, image: Image.Image) -> NDArray[np.uint8]:
        """Turn an upright RGB image into uint8 (views, H, W, 3). Thread-safe, no torch."""
        if self._prepare is None:
            note = self._notes["image"]
            known = note is not None and not note.failed
            self._prepare = preparation(note.inputs) if note and known else self.model().prepare
        return self._prepare(image)

    def encode_images(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Encode uint8 (n, views, H, W, 3) into float32 (n, dim), rows of unit length.

        Raises DeviceMemoryError when the batch does not fit the device, EncoderError.
        """
        tower = self._tower("image")
        if tower is not None:
            return tower({"pixels": batch})
        model = self.model()
        begun = time.perf_counter()
        rows = model.encode_images(batch)
        self._to_come -= len(batch)
        each = (time.perf_counter() - begun) / max(len(batch), 1)
        if self._to_come * each * getattr(model, "export_gain", GAIN) > EXPORTING_S:
            self._keep_probes(batch, rows)
        return rows

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Encode n texts into float32 (n, dim), rows of unit length. Raises EncoderError."""
        tower = self._tower("text")
        if tower is None or self._texts is None:
            return self.model().encode_texts(texts)
        rows = np.zeros((len(texts), self.dim), np.float32)
        for places, arrays in self._texts.batches(texts, TEXT_BATCH):
            rows[places] = tower(arrays)
        return rows

    # --- the model and its towers -----------------------------------------------------------

    def model(self) -> Encoder:
        """The encoder in torch, loaded on first use. Raises what loading it raises."""
        with self._lock:  # decode threads all want it first
            if self._model is None:
                self._model = self._load_model()
            return self._model

    def expect(self, images: int) -> None:
        """Say how many photos are to be encoded, at most: exporting must be worth it."""
        self._to_come = images

    def export_text(self) -> None:
        """Export the text tower unless that was done or tried; queries then need no torch."""
        if not self.is_settled("text"):
            self._export("text", None)

    def has(self, side: Side) -> bool:
        """Whether a tower is there that agreed with the model, and is whole; loads it."""
        return self._tower(side) is not None

    def is_settled(self, side: Side) -> bool:
        """Whether a tower is there, or it is known that there is none that agrees."""
        note = self._notes[side]
        return (note is not None and bool(note.failed)) or self.has(side)

    def describe(self, side: Side) -> str:
        """How a side is computed, in a few words."""
        return in_words(self._notes[side])

    def _tower(self, side: Side) -> Tower | None:
        """The tower of a side, loaded on first use; None where there is none that can be used."""
        if side not in self._towers:
            note = self._notes[side]
            self._towers[side] = self._load(side, note) if note and not note.failed else None
        return self._towers[side]

    def _load(self, side: Side, note: Note) -> Tower | None:
        if not self._folder.is_whole(note):
            self._notes[side] = None  # and made again
            return None
        main = next(n for n in note.files if n.endswith((".onnx", ".xml")))
        try:
            if side == "text":
                self._texts = Texts(note.inputs, self._folder.path)
            path = self._folder.path / main
            return Tower(note.runtime, path, self.dim, self._threads, quick=side == "text")
        except RetrievalError as error:
            self._on_notice(f"The exported {side} tower is not used: {error}")
            self._notes[side] = None
            return None

    def _keep_probes(self, batch: NDArray[np.uint8], rows: NDArray[np.float32]) -> None:
        """Remember the first photos of a long run, and export once there are enough of them."""
        if self._notes["image"] is not None:
            return
        self._probes.append(batch)
        self._probe_rows.append(rows)
        if sum(map(len, self._probes)) >= IMAGE_PROBES:
            self._export("image", ([{"pixels": each} for each in self._probes], self._probe_rows))
            self._probes, self._probe_rows = [], []

    def _export(self, side: Side, given: tuple[Any, list[NDArray[np.float32]]] | None) -> None:
        """Export one side; on failure the model goes on being used, and a notice says why."""
        from retrieval.encoders.towers.exporting import Probes, export

        model: Any = self.model()
        if not hasattr(model, f"{side}_graph"):
            return
        self._on_notice(
            f"Preparing {PREPARING[side]} for this computer, once for this model: takes some "
            "seconds, for large models a minute or two."
        )
        source = stamp_of(getattr(model, "source", None))
        blank = Note(self.name, self.dim, self.image_size, self.quality, {}, source=source)
        try:
            graph: Graph = getattr(model, f"{side}_graph")()
            if side == "image":
                assert given is not None
                batches, rows = given
                probes = Probes(batches, np.concatenate(rows), self._in_torch(side))
            else:
                probes = self._text_probes(graph)
            note = export(self._folder, side, blank, graph, probes)
        except (RetrievalError, OSError) as error:
            self._on_notice(
                f"The {side} tower could not be exported ({error}); torch runs it, and the next "
                "run tries again."
            )
            self._notes[side] = replace(blank, failed=str(error))  # of this run only
            return
        self._notes[side] = note
        self._towers.pop(side, None)
        if note.failed:
            self._on_notice(
                f"The {side} tower runs in torch, its exported form was not taken: {note.failed}."
            )
        elif note.precision == "fp32" and note.rejected:
            self._on_notice(f"The {side} tower runs in float32: {'; '.join(note.rejected)}.")

    def _text_probes(self, graph: Graph) -> Probes:
        """TEXTS as the tower takes them, and what the model makes of them."""
        from retrieval.encoders.towers.exporting import Probes

        self._folder.write_tokenizer(graph.tokenizer)
        found = [*Texts(graph.inputs, self._folder.path).batches(TEXTS, TEXT_BATCH)]
        rows = self.model().encode_texts([TEXTS[at] for places, _ in found for at in places])
        return Probes([arrays for _, arrays in found], rows, self._in_torch("text"))

    def _in_torch(self, side: Side) -> Callable[[dict[str, NDArray[Any]]], object]:
        model = self.model()
        if side == "image":
            return lambda arrays: model.encode_images(arrays["pixels"])
        return lambda arrays: model.encode_texts(TEXTS[: len(arrays["ids"])])
