"""The encoder of a collection: loaded once, and refused if it is not the one that made it."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from retrieval.encoders import Encoder, EncoderSpec, is_certainly_other, load_chosen
from retrieval.errors import CorruptError, EncoderMismatchError, RetrievalError
from retrieval.records import NoticeCallback, Space


class MatchingEncoder:
    """Loads an encoder on first use, for any thread, and remembers if that failed."""

    def __init__(self, place: Path, spec: EncoderSpec, on_notice: NoticeCallback) -> None:
        self._place = place
        self._spec = spec
        self._on_notice = on_notice
        self._encoder: Encoder | None = None
        self.error: RetrievalError | None = None
        self._lock = threading.Lock()  # decode threads all want it first

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
            return self._encoder

    def _load(self, space: Space | None) -> Encoder:
        asked = self._spec.model
        if space is not None and asked == "auto":
            asked = space.encoder
        encoder = load_chosen(replace(self._spec, model=asked), self._on_notice)
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
