"""The encoder of a collection: loaded once, and refused if it is not the one that made it."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.encoders import (
    EXPORTABLE,
    Encoder,
    EncoderSpec,
    backend_of,
    exported,
    is_certainly_other,
    load_chosen,
    on_towers,
    runs_on_towers,
)
from retrieval.errors import CorruptError, EncoderMismatchError, RetrievalError
from retrieval.records import NoticeCallback, Space

if TYPE_CHECKING:
    from retrieval.encoders.towers.encoder import TowerEncoder


class MatchingEncoder:
    """Loads an encoder on first use, for any thread, and remembers if that failed."""

    def __init__(self, place: Path, spec: EncoderSpec, on_notice: NoticeCallback) -> None:
        self._place = place
        self._spec = spec
        self._on_notice = on_notice
        self._encoder: Encoder | None = None
        self._for_queries: Encoder | None = None
        self._photos_to_come = 0
        self.error: RetrievalError | None = None
        self._lock = threading.RLock()  # decode threads all want it first

    @property
    def cache(self) -> str:
        """The folder of exported towers, as it was given."""
        return self._spec.cache

    @property
    def is_loaded(self) -> bool:
        """Whether the encoder, or what stands in for it, is in memory already."""
        return self._encoder is not None or self._for_queries is not None

    def load(self, space: Space | None) -> Encoder:
        """The encoder of `space`, or the one to start a collection with.

        Raises EncoderMismatchError if another one was asked for or its weights have changed.
        """
        with self._lock:
            if self.error is not None:
                raise self.error  # to each waiting thread, without trying again
            if self._encoder is None:
                try:
                    self._encoder = self._load(space)
                except RetrievalError as exc:
                    self.error = exc
                    raise
                self.expect(self._photos_to_come)
            return self._encoder

    def load_for_queries(self, space: Space | None) -> Encoder:
        """The same for a few texts or pictures: on exported towers wherever there are some.

        One query is sooner answered by them than torch is loaded, also where there is a GPU.
        """
        with self._lock:
            if self._encoder is not None or self.error is not None:
                return self.load(space)
            if self._for_queries is None:
                towers = self._exported(space) if runs_on_towers(self._spec) else None
                self._for_queries = towers or self.load(space)
            return self._for_queries

    def expect(self, photos: int) -> None:
        """Say how many photos are to be encoded, at most: what that is worth preparing for."""
        self._photos_to_come = photos
        encoder: Any = self._encoder
        if hasattr(encoder, "expect"):
            encoder.expect(photos)

    def export_for_queries(self, space: Space | None) -> None:
        """Export the text tower of the encoder of `space`, unless that was done or tried."""
        if space is None or not runs_on_towers(self._spec):
            return
        towers = self._exported(space)
        if towers is not None and towers.is_settled("text"):
            return
        encoder: Any = self._encoder
        if not hasattr(encoder, "export_text") and backend_of(space.encoder) in EXPORTABLE:
            spec = replace(self._spec, device="cpu", precision="fp32")  # queries run there
            try:
                model = self.load_model(space, spec)
            except RetrievalError as error:
                self._on_notice(f"Searches will load the model each time: {error}")
                return
            encoder = on_towers(model, spec.cache, self._on_notice, spec.threads)
        if hasattr(encoder, "export_text"):
            encoder.export_text()

    def _load(self, space: Space | None) -> Encoder:
        towers = None
        if runs_on_towers(self._spec, many=True):
            towers = self._exported(space)
        if towers is not None and towers.has("image"):
            return towers
        encoder = self.load_model(space)
        if not runs_on_towers(self._spec, many=True):
            return encoder
        return on_towers(encoder, self._spec.cache, self._on_notice, self._spec.threads)

    def _exported(self, space: Space | None) -> TowerEncoder | None:
        """The encoder of `space` from exported towers; None where there are none for it."""
        if space is None or self._spec.model not in ("auto", space.encoder):
            return None
        spec = self._spec
        return exported(
            space.fingerprint,
            spec.cache,
            lambda: self.load_model(space),
            self._on_notice,
            spec.threads,
        )

    def load_model(self, space: Space | None, spec: EncoderSpec | None = None) -> Encoder:
        """The encoder as its weights are now, not what was once exported of it."""
        spec = spec or self._spec
        asked = spec.model
        if space is not None and asked == "auto":
            asked = space.encoder
        encoder = load_chosen(replace(spec, model=asked), self._on_notice)
        if space is not None:
            self._check_same(space, encoder)
        return encoder

    def check(self, space: Space | None) -> None:
        """Refuse a definite other encoder than that of `space`, before any work is done."""
        asked = self._spec.model
        if space is None or asked in ("auto", space.encoder):
            return
        if is_certainly_other(asked, space.encoder):
            raise _mismatch(space, asked)
        self.load(space)  # a local checkpoint: only its fingerprint can tell

    def _check_same(self, space: Space, encoder: Encoder) -> None:
        if encoder.fingerprint == space.fingerprint:
            if encoder.dim != space.dim:
                raise CorruptError(
                    f"The catalog states {space.dim!r} dimensions where {encoder.name} has "
                    f"{encoder.dim}. Mend {self._place} with: retrieval repair"
                )
            return
        if encoder.name != space.encoder:
            raise _mismatch(space, encoder.name)
        raise EncoderMismatchError(
            f"The encoder {encoder.name} is not the one this collection was made with: its "
            "weights, preprocessing or tokenizer have changed. Restore the old ones, or index "
            "into a new collection with --collection NAME."
        )


def _mismatch(space: Space, asked: str) -> EncoderMismatchError:
    return EncoderMismatchError(
        f"This collection was made with the encoder {space.encoder}; {asked} cannot search it, "
        "because embeddings of two encoders do not compare. Leave out --model, or index into a new "
        "collection with --collection NAME."
    )
