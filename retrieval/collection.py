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
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.encoders import Encoder, EncoderSpec
from retrieval.errors import NoCollectionError, RetrievalError
from retrieval.matching import MatchingEncoder
from retrieval.records import CollectionInfo, Kind, NoticeCallback, Photo, Space, ignore_notice
from retrieval.searchable import Searchable
from retrieval.storage import disk
from retrieval.storage.creating import Made, create_folder, refuse_half, remove_made
from retrieval.storage.layout import (
    collection_path,
    space_folder,
    storage_errors,
    write_lock,
    write_space,
)
from retrieval.storage.readable import Readable
from retrieval.storage.reading import open_reader

if TYPE_CHECKING:
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

    from retrieval.storage.catalog import Catalog
    from retrieval.storage.commits import Batch

LOCK_TIMEOUT_S = 2.0


class Collection(Searchable):
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
        super().__init__(path, reader, spec, on_notice, one_shot=one_shot)
        #: Seconds to wait for another process that writes.
        self.patience = LOCK_TIMEOUT_S
        self._catalog: Catalog | None = None
        self._opening = threading.Lock()
        self._made: Made | None = None  # by this very opening
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
        made = None
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
        self._let_go()
        if self._made and (self._failed or self._encoder.error is not None):
            self._discard(self._made)
        self._made = None
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

    def _discard(self, made: Made) -> None:
        """Remove what was made for a run that failed, where it holds nothing."""
        with suppress(RetrievalError), write_lock(self.path, 0):
            noted = self.reader.fetch("SELECT EXISTS (SELECT 1 FROM files)")[0][0]
            if self.reader.active_space() is None and not noted:
                self._close_catalog()
                remove_made(made)

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
