"""A collection: catalog, vector files and thumbnails in one folder, and how a batch is committed.

    indexes/<name>/
      manifest.json                  format version, made by; written last when it is created
      catalog.db, catalog.seal       SQLite: the truth about everything but vector values; and what
                                     its file was like when it was last known to be whole
      spaces/<fingerprint>/space.json, photos.f16, photos.keys, documents.f16, documents.keys
                                     float16 rows (n, dim) and a key for each; the catalog says how
                                     many count
      thumbs/ab/abcdef….jpg          derived, made when first asked for
      lock                           held by the one process that writes

A batch is committed in two steps: append the rows and their keys and fsync, then one catalog
transaction that also states the new number of rows. A process that dies between the two leaves rows
that do not count; the next writer overwrites them.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
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
from retrieval.records import (
    CollectionInfo,
    Kind,
    NoticeCallback,
    Photo,
    Space,
    ignore_notice,
)
from retrieval.storage import disk
from retrieval.storage.layout import (
    collection_path,
    create_folder,
    refuse_half,
    remove_folder,
    space_folder,
    storage_errors,
    write_lock,
    write_space,
)
from retrieval.storage.readable import Readable
from retrieval.storage.reading import open_reader
from retrieval.storage.stored import read_rows, rows_of, sample
from retrieval.storage.vectors import VectorFile, vector_file
from retrieval.storage.vocabulary import Vocabulary, read_vocabulary
from retrieval.stores import VectorStore

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    from retrieval.storage.catalog import Catalog
    from retrieval.storage.commits import Batch

LOCK_TIMEOUT_S = 2.0


class Collection:
    """An open collection. Use `Collection.open`, and close it (it is a context manager)."""

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
        #: Seconds to wait for another process that writes.
        self.patience = LOCK_TIMEOUT_S
        self.on_notice = on_notice
        self._catalog: Catalog | None = None
        self._opening = threading.Lock()
        self._encoder = MatchingEncoder(path, spec, on_notice)
        self._loaded: dict[Kind, Loaded] = {}
        self._samples: dict[Kind, tuple[Space, NDArray[np.float32]]] = {}
        self._vocabulary: tuple[int, Vocabulary] | None = None
        self._background: tuple[Space, Background] | None = None
        self._one_shot = one_shot
        self._made = False  # by this very opening
        self._failed = False  # whether what it was opened for ended by an error

    # --- opening ----------------------------------------------------------------------------

    @classmethod
    def open(
        cls,
        where: str | Path = "",
        *,
        create: bool = False,
        home: str = "",
        spec: EncoderSpec | None = None,
        on_notice: NoticeCallback = ignore_notice,
        one_shot: bool = False,
    ) -> Collection:
        """Open the collection `where` (a name or a path), or make it if `create`.

        `spec` says which encoder to use and on which device; by default the one that the
        collection was made with. `on_notice` is called with sentences the user should see.
        `one_shot` is for a process that searches once: it chooses what starts fastest. Raises
        NoCollectionError, FormatError, CorruptError, CollectionError, StorageError.
        """
        path = where.absolute() if isinstance(where, Path) else collection_path(where, home)
        made = False
        with storage_errors(path):
            exists = (path / "manifest.json").is_file()
        if not exists:
            refuse_half(path)
            if not create:
                named = f" --collection {where}" if str(where) else ""
                raise NoCollectionError(
                    f"There is no collection at {path}. Make one with: "
                    f"retrieval index FOLDER{named}"
                )
            made = create_folder(path, _migrate, LOCK_TIMEOUT_S)
        reader = open_reader(path)
        while reader is None:
            from retrieval.storage.upgrading import bring_up_to_date

            bring_up_to_date(path, LOCK_TIMEOUT_S, on_notice)
            reader = open_reader(path)
        collection = cls(path, reader, spec or EncoderSpec(), on_notice, one_shot=one_shot)
        collection._made = made
        return collection

    def close(self) -> None:
        """Let go of the files. The collection cannot be used afterwards."""
        self._loaded.clear()
        self._samples.clear()
        self._vocabulary = self._background = None
        if self._made and (self._failed or self._encoder.error is not None):
            self._discard()
        self._made = False
        self._close_catalog()

    def _close_catalog(self) -> None:
        with self._opening:
            if self._catalog is not None:
                self._catalog.close()
            self.reader.close()

    @property
    def catalog(self) -> Catalog:
        """All of the catalog, opened when first asked for.

        Raises CollectionError after `close`, NoCollectionError if its file was taken away.
        """
        from retrieval.storage.catalog import Catalog

        with self._opening:
            if isinstance(self.reader, Catalog):
                return self.reader
            self.reader.check_open()
            if self._catalog is None:
                file = self.path / "catalog.db"
                with storage_errors(file):
                    if not file.is_file():
                        raise _removed(self.path)
                self._catalog = Catalog(file)
            return self._catalog

    def _discard(self) -> None:
        """Remove what was made for a run that failed, where it holds nothing."""
        with suppress(RetrievalError), write_lock(self.path, 0):
            noted = self.reader.fetch("SELECT EXISTS (SELECT 1 FROM files)")[0][0]
            if self.reader.active_space() is None and not noted:
                self._close_catalog()
                remove_folder(self.path)

    def __enter__(self) -> Collection:
        self.reader.check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._failed = error is not None
        self.close()

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

    # --- writing ----------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the collection's write lock. Raises LockedError if another process does.

        What a process that died left half done is finished or taken away first, and the catalog
        is sealed at the end.
        """
        from retrieval.storage.leftovers import tidy

        self.reader.check_open()
        with write_lock(self.path, self.patience):
            if not (self.path / "manifest.json").is_file():
                raise _removed(self.path)
            tidy(self.path, self.catalog)
            try:
                yield
            except BaseException:
                with suppress(RetrievalError):
                    self.catalog.seal()
                raise
            self.catalog.seal()

    def finish_erasing(self, space: Space, kind: Kind) -> None:
        """Overwrite the rows whose items were forgotten, and note that it is done."""
        from retrieval.storage.leftovers import erase

        if erase(self.path, self.catalog, space, kind):
            self.catalog.note_erased(space, kind)

    def commit(
        self,
        batch: Batch,
        photos: NDArray[np.float32] | None = None,
        documents: NDArray[np.float32] | None = None,
    ) -> None:
        """Commit a batch and the embeddings (n, dim) of its new photos and documents, in order.

        Must run inside `writing`. Raises StorageError; then nothing of the batch counts.
        """
        space = self.catalog.active_space()
        if space is None and (photos is not None or documents is not None):
            space = self.add_space(self.encoder())
        if space is not None:
            self._append(space, "photos", photos, [p.content_hash for p in batch.photos])
            self._append(space, "documents", documents, [d.content_hash for d in batch.documents])
        self.catalog.commit(space, batch)

    def _append(
        self, space: Space, kind: Kind, rows: NDArray[np.float32] | None, hashes: list[bytes]
    ) -> None:
        if rows is not None and len(rows):
            self.vector_file(space, kind).append(space.rows[kind], rows, hashes)

    def add_space(self, encoder: Encoder, *, active: bool = True) -> Space | None:
        """Make room for the embeddings of an encoder, inside `writing`; returns its space.

        If `active` it is what searches use from then on; that of another encoder stays as it is.
        """
        names = (encoder.fingerprint, encoder.name, encoder.dim)
        folder = space_folder(self.path, encoder.fingerprint)
        with storage_errors(folder):
            disk.make_folders(folder)
            write_space(folder, *names, active=active)
        self.catalog.add_space(*names, active=active)
        return self.catalog.space_of(encoder.fingerprint)

    def looking_at(self, space: Space, encoder: MatchingEncoder) -> Collection:
        """This collection with another of its spaces in place of the active one, to be searched.

        It is to be closed, and not to be written to. Raises CorruptError, StorageError.
        """
        reader = open_reader(self.path)
        if reader is None:
            raise _removed(self.path)
        reader.pinned = space.fingerprint
        there = Collection(self.path, reader, EncoderSpec(), self.on_notice)
        there._encoder = encoder
        return there

    # --- looking in -------------------------------------------------------------------------

    def info(self) -> CollectionInfo:
        """Count what is in the collection and on disk."""
        from retrieval.describing import describe

        return describe(self.path, self.catalog, self._encoder.cache)

    def thumbnail(self, photo: Photo) -> Path:
        """The file of a small picture of a photo, made when first asked for.

        Raises ImageError; StorageError where it cannot be kept.
        """
        from retrieval.pictures.thumbnails import thumbnail_file

        path = thumbnail_file(self.path / "thumbs", photo)
        self._drop_if_forgotten(photo)
        return path

    def thumbnail_data(self, photo: Photo) -> bytes:
        """The same as bytes, also where it cannot be kept. Raises ImageError."""
        from retrieval.pictures.thumbnails import thumbnail_data

        data = thumbnail_data(self.path / "thumbs", photo)
        self._drop_if_forgotten(photo)
        return data

    def _drop_if_forgotten(self, photo: Photo) -> None:
        """Take back the thumbnail of a photo that was forgotten while it was made."""
        from retrieval.pictures.thumbnails import thumbnail_path

        if not self.catalog.photo_ids([photo.content_hash]):
            with suppress(OSError):
                disk.remove(thumbnail_path(self.path / "thumbs", photo.content_hash))


def _removed(path: Path) -> NoCollectionError:
    return NoCollectionError(
        f"The collection at {path} was removed meanwhile. Run the command again."
    )


def _migrate(path: Path) -> None:
    from retrieval.storage.catalog import Catalog

    catalog = Catalog(path)
    catalog.migrate()
    catalog.close()
