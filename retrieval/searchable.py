"""What searching reads of an open collection: its encoder, its vectors, what queries mean in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval.calibration import Background, Calibration, load_calibration, make_calibration
from retrieval.encoders import Encoder, EncoderSpec
from retrieval.errors import (
    CorruptError,
    NoCollectionError,
    QueryError,
    RetrievalError,
    StorageError,
)
from retrieval.loading import Loaded, load
from retrieval.matching import MatchingEncoder
from retrieval.records import Kind, NoticeCallback, Space
from retrieval.storage.readable import Readable
from retrieval.storage.stored import read_rows, rows_of, sample
from retrieval.storage.vectors import VectorFile, vector_file
from retrieval.storage.vocabulary import Vocabulary, read_vocabulary
from retrieval.stores import VectorStore

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Searchable:
    """A collection as searches see it; `Collection` is one, and also opens and writes it."""

    def __init__(
        self,
        path: Path,
        reader: Readable,
        spec: EncoderSpec,
        on_notice: NoticeCallback,
        *,
        one_shot: bool = False,
    ) -> None:
        self.path = path
        #: What searching reads; the whole catalog, where that was given.
        self.reader = reader
        self.on_notice = on_notice
        self._encoder = MatchingEncoder(path, spec, on_notice)
        self._loaded: dict[Kind, Loaded] = {}
        self._samples: dict[Kind, tuple[Space, NDArray[np.float32]]] = {}
        self._vocabulary: tuple[int, Vocabulary] | None = None
        self._background: tuple[Space, Background] | None = None
        self._one_shot = one_shot

    def _let_go(self) -> None:
        """Forget what was loaded, so that its files are let go of."""
        self._loaded.clear()
        self._samples.clear()
        self._vocabulary = self._background = None

    # --- the encoder ------------------------------------------------------------------------

    def encoder(self) -> Encoder:
        """Load the encoder on first use: the collection's own, or the one to start it with.

        Raises EncoderMismatchError if another one was asked for or its weights have changed.
        """
        self.reader.check_open()
        return self._encoder.load(self.reader.active_space())

    def query_encoder(self) -> Encoder:
        """The same for queries: without torch where this machine has exported its towers."""
        self.reader.check_open()
        return self._encoder.load_for_queries(self.reader.active_space())

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embed n texts into float32 (n, dim); loads the encoder if need be."""
        return self.encoder().encode_texts(texts)

    def expect_photos(self, count: int) -> None:
        """Say how many photos are to be embedded, at most, so that the encoder can prepare."""
        self._encoder.expect(count)

    def prepare_queries(self) -> None:
        """Have queries need no torch from now on; `retrieval index` does this at its end.

        Exports the encoder's text tower and embeds the texts that relevance is judged by, once for
        an encoder on a machine: takes some seconds, for large models a minute or two. Where the
        export fails a notice says so, and queries load the model.
        """
        self.reader.check_open()
        space = self.reader.active_space()
        self._encoder.export_for_queries(space)
        if space is not None and self._encoder.is_at_hand(space):
            # A run that changed nothing loads no model for this; a search makes it otherwise.
            with suppress(RetrievalError):  # then a search says what is wrong with the encoder
                self.calibration(space)

    def calibration(self, space: Space) -> Calibration:
        """What tells a relevant hit from a chance one, for the encoder of `space`.

        Loaded in milliseconds where it was made before, else made: embeds some thousand texts.
        Raises what loading the encoder raises.
        """
        made = load_calibration(space.fingerprint, self.cache)
        return made or make_calibration(self.query_encoder(), self.cache)

    def check_encoder(self) -> None:
        """Refuse a definite other encoder than the collection's, before any work is done."""
        self._encoder.check(self.reader.active_space())

    # --- what queries are understood and judged by -------------------------------------------

    @property
    def cache(self) -> str:
        """The folder of what is made once for a machine, as it was given; "" for the usual one."""
        return self._encoder.cache

    def vocabulary(self) -> Vocabulary:
        """The places, cameras, lenses and trips that photos are of. Raises CorruptError."""
        generation = self.reader.generation()
        if self._vocabulary is None or self._vocabulary[0] != generation:
            self._vocabulary = generation, read_vocabulary(self.reader)
        return self._vocabulary[1]

    def background(self, space: Space) -> Background:
        """What the cosines of a query mean among the photos of `space`, told by a sample of them.

        Embeds the texts of the calibration's bank where that was not done on this machine yet.
        Raises CorruptError, StorageError, and what the encoder raises.
        """
        if self._background is None or self._background[0] != space:
            calibration, sample = self.calibration(space), self.sample_vectors("photos")
            self._background = space, Background(calibration, sample, space.rows["photos"])
        return self._background[1]

    # --- vectors ----------------------------------------------------------------------------

    def vector_file(self, space: Space, kind: Kind, edition: int | None = None) -> VectorFile:
        """The vectors of a kind; those that count, or another edition of them."""
        return vector_file(self.path, space, kind, edition)

    def vectors(self, space: Space, kind: Kind) -> NDArray[np.float16]:
        """The committed rows (n, dim), memory-mapped. Raises CorruptError, StorageError."""
        return self.vector_file(space, kind).rows(space.rows[kind])

    def photo_vectors(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """The stored embeddings (n, dim) of photos of the collection, in the order of `ids`.

        No picture is decoded; each row is compared with its key. Raises QueryError for an id that
        is no photo of the collection (any more), CorruptError, StorageError.
        """
        while True:
            with self.reader.snapshot():
                space = self.reader.active_space()
                rows = rows_of(self.reader, space, "photos", ids) if space else {}
                photos = self.reader.photos_by_id(list(rows))
            unknown = next((i for i in ids if i not in rows or i not in photos), None)
            if space is None or unknown is not None:
                raise QueryError(
                    f"The collection at {self.path} holds no photo of id {unknown}. "
                    "Take an id from a search's JSON."
                )
            places, hashes = [rows[i] for i in ids], [photos[i].content_hash for i in ids]
            try:
                return read_rows(self.path, space, "photos", places, hashes)
            except (CorruptError, StorageError):
                if self.reader.active_space() == space:
                    raise
                # Otherwise a writer replaced the rows meanwhile: look again.

    def sample_vectors(self, kind: Kind) -> NDArray[np.float32]:
        """Up to a thousand embeddings (m, dim) of a kind, spread over all that are searched.

        They show how the scores of a query lie. Raises CorruptError, StorageError.
        """
        while True:
            with self.reader.snapshot():
                space = self.reader.active_space()
                if space is None or space.rows[kind] == 0:
                    return np.empty((0, space.dim if space else 0), np.float32)
                known = self._samples.get(kind)
                if known is not None and known[0] == space:
                    return known[1]
                dead = self.reader.dead_rows(space, kind)
            try:
                self._samples[kind] = (space, sample(self.path, space, kind, dead))
            except (CorruptError, StorageError):
                if self.reader.active_space() == space:
                    raise

    def vectors_at(
        self, space: Space, kind: Kind, rows: NDArray[np.int64]
    ) -> NDArray[np.float16] | None:
        """These rows (n, dim); None if a writer has replaced the files since `space` was read.

        Raises CorruptError, StorageError.
        """
        if len(rows) and rows.max() >= space.rows[kind]:
            return None  # added since
        try:
            return np.asarray(self.vectors(space, kind)[rows])
        except (CorruptError, StorageError):
            if self.reader.active_space() == space:
                raise
            return None

    def store(self, kind: Kind) -> tuple[Space, VectorStore]:
        """The live vectors of a kind, loaded on first use and again after any commit.

        Every row is compared with its key; where codes choose the rows to look at, those that are
        shown (`are_these`). Raises NoCollectionError if there are none, CorruptError if any is
        damaged.
        """
        while True:
            with self.reader.snapshot():
                space = self.reader.active_space()
                if space is None or space.rows[kind] == 0:
                    raise NoCollectionError(
                        f"The collection at {self.path} holds no {kind} yet. "
                        "Add some with: retrieval index FOLDER"
                    )
                loaded = self._loaded.get(kind)
                if loaded is not None and loaded.space == space:
                    return loaded.space, loaded.store
                dead = self.reader.dead_rows(space, kind)
            try:
                self._loaded[kind] = load(self.path, space, kind, dead, once=self._one_shot)
            except (CorruptError, StorageError):
                if self.reader.active_space() == space:
                    raise
                # Otherwise a writer replaced the files meanwhile: look again.

    def are_these(
        self, space: Space, kind: Kind, hashes: Mapping[int, bytes], then: Space | None
    ) -> bool:
        """Whether the catalog's items at these rows are those that the vectors were made of.

        Rows that were not compared with their keys before are now.

        `then` is the space as of the snapshot that the items come from. Where they are not, either
        a writer was faster, then the answer is False and it is worth searching again; or the
        catalog is damaged: CorruptError. Must be called outside of that snapshot.
        """
        loaded = self._loaded.get(kind)
        if loaded is None or then is None or loaded.space != space:
            return False
        if (then.id, then.editions[kind]) != (space.id, space.editions[kind]):
            return False
        if loaded.fits(hashes):
            return True
        if self.reader.active_space() != space:
            return False  # rows are overwritten in place only after a commit that gives them up
        raise CorruptError(
            f"The catalog at {self.path} and its vectors contradict each other. "
            "Mend them with: retrieval repair"
        )
