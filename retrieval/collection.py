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

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.coding import coded_store
from retrieval.describing import describe
from retrieval.encoders import Encoder, EncoderSpec
from retrieval.errors import CorruptError, NoCollectionError, RetrievalError, StorageError
from retrieval.matching import MatchingEncoder
from retrieval.pictures.thumbnails import thumbnail_data, thumbnail_file, thumbnail_path
from retrieval.records import (
    CollectionInfo,
    Kind,
    NoticeCallback,
    Photo,
    Space,
    ignore_notice,
)
from retrieval.storage import disk
from retrieval.storage.catalog import Catalog
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
from retrieval.storage.leftovers import erase, tidy
from retrieval.storage.upgrading import open_catalog
from retrieval.storage.vectors import VectorFile, checksums, vector_file
from retrieval.stores import VectorStore, exact_recipe, make_store

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    from retrieval.storage.commits import Batch

LOCK_TIMEOUT_S = 2.0


@dataclass(frozen=True, slots=True)
class _Loaded:
    """Vectors in memory, and the keys of their rows.

    `unchecked` are the rows where they were not compared with their keys.
    """

    space: Space
    store: VectorStore
    keys: NDArray[Any]
    unchecked: NDArray[np.float16] | None = None

    def fits(self, hashes: Mapping[int, bytes]) -> bool:
        """Whether the rows embed the items with these hashes, and are not damaged."""
        rows = list(hashes)
        keys = self.keys[rows]
        if any(key["hash"].tobytes() != hashes[row] for row, key in zip(rows, keys, strict=True)):
            return False
        if self.unchecked is None:
            return True
        found = checksums(np.asarray(self.unchecked[rows]), keys["hash"])
        return bool((found == keys["crc32"]).all())


class Collection:
    """An open collection. Use `Collection.open`, and close it (it is a context manager)."""

    def __init__(
        self, path: Path, catalog: Catalog, spec: EncoderSpec, on_notice: NoticeCallback
    ) -> None:
        self.path = path
        self.catalog = catalog
        #: Seconds to wait for another process that writes.
        self.patience = LOCK_TIMEOUT_S
        #: Whether a single search will be asked: then a small collection is searched in numpy.
        self.once = False
        self._encoder = MatchingEncoder(path, spec, on_notice)
        self._loaded: dict[Kind, _Loaded] = {}
        self._made = False  # by this very opening

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
    ) -> Collection:
        """Open the collection `where` (a name or a path), or make it if `create`.

        `spec` says which encoder to use and on which device; by default the one that the
        collection was made with. `on_notice` is called with sentences the user should see. Raises
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
        catalog = open_catalog(path, LOCK_TIMEOUT_S, on_notice)
        collection = cls(path, catalog, spec or EncoderSpec(), on_notice)
        collection._made = made
        return collection

    def close(self) -> None:
        """Let go of the files. The collection cannot be used afterwards."""
        self._loaded.clear()
        if self._made and self._encoder.error is not None:
            self._discard()
        self._made = False
        self.catalog.close()

    def _discard(self) -> None:
        """Remove what was made for a run whose encoder could not be loaded: it holds nothing."""
        with suppress(RetrievalError), write_lock(self.path, 0):
            if self.catalog.active_space() is None:
                self.catalog.close()
                remove_folder(self.path)

    def __enter__(self) -> Collection:
        self.catalog.check_open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    # --- the encoder ------------------------------------------------------------------------

    def encoder(self) -> Encoder:
        """Load the encoder on first use: the collection's own, or the one to start it with.

        Raises EncoderMismatchError if another one was asked for or its weights have changed.
        """
        self.catalog.check_open()
        return self._encoder.load(self.catalog.active_space())

    def check_encoder(self) -> None:
        """Refuse a definite other encoder than the collection's, before any work is done."""
        self._encoder.check(self.catalog.active_space())

    # --- vectors ----------------------------------------------------------------------------

    def vector_file(self, space: Space, kind: Kind, edition: int | None = None) -> VectorFile:
        """The vectors of a kind; those that count, or another edition of them."""
        return vector_file(self.path, space, kind, edition)

    def vectors(self, space: Space, kind: Kind) -> NDArray[np.float16]:
        """The committed rows (n, dim), memory-mapped. Raises CorruptError, StorageError."""
        return self.vector_file(space, kind).rows(space.rows[kind])

    def store(self, kind: Kind) -> tuple[Space, VectorStore]:
        """The live vectors of a kind, loaded on first use and again after any commit.

        Every row is compared with its key; where codes choose the rows to look at, those that are
        shown (`are_these`). Raises NoCollectionError if there are none, CorruptError if any is
        damaged.
        """
        while True:
            with self.catalog.snapshot():
                space = self.catalog.active_space()
                if space is None or space.rows[kind] == 0:
                    raise NoCollectionError(
                        f"The collection at {self.path} holds no {kind} yet. "
                        "Add some with: retrieval index FOLDER"
                    )
                loaded = self._loaded.get(kind)
                if loaded is not None and loaded.space == space:
                    return loaded.space, loaded.store
                dead = self.catalog.dead_rows(space, kind)
            try:
                self._loaded[kind] = self._load(space, kind, dead)
            except (CorruptError, StorageError):
                if self.catalog.active_space() == space:
                    raise
                # Otherwise a writer replaced the files meanwhile: look again.

    def _load(self, space: Space, kind: Kind, dead: list[int]) -> _Loaded:
        file, count = self.vector_file(space, kind), space.rows[kind]
        vectors, keys = file.rows(count), file.keys(count)
        coded = coded_store(self.path, space, kind)
        if coded is not None:
            coded.remove(np.array(dead, np.int64))
            return _Loaded(space, coded, keys, vectors)
        damaged = file.damaged(count, dead, quick=True)
        if len(damaged):
            raise CorruptError(
                f"{len(damaged):,} of {count:,} rows of {file.path} are damaged. "
                "Mend them with: retrieval repair"
            )
        store = make_store(exact_recipe(count, once=self.once), space.dim)
        store.add(np.arange(count), vectors)
        store.remove(np.array(dead, np.int64))
        return _Loaded(space, store, keys)

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
        if self.catalog.active_space() != space:
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
        self.catalog.check_open()
        with write_lock(self.path, self.patience):
            if not (self.path / "manifest.json").is_file():
                raise NoCollectionError(
                    f"The collection at {self.path} was removed meanwhile. Run the command again."
                )
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
            space = self._add_space()
        if space is not None:
            self._append(space, "photos", photos, [p.content_hash for p in batch.photos])
            self._append(space, "documents", documents, [d.content_hash for d in batch.documents])
        self.catalog.commit(space, batch)

    def _append(
        self, space: Space, kind: Kind, rows: NDArray[np.float32] | None, hashes: list[bytes]
    ) -> None:
        if rows is not None and len(rows):
            self.vector_file(space, kind).append(space.rows[kind], rows, hashes)

    def _add_space(self) -> Space | None:
        encoder = self.encoder()
        folder = space_folder(self.path, encoder.fingerprint)
        with storage_errors(folder):
            disk.make_folders(folder)
            write_space(folder, encoder.fingerprint, encoder.name, encoder.dim)
        self.catalog.add_space(encoder.fingerprint, encoder.name, encoder.dim)
        return self.catalog.active_space()

    # --- looking in -------------------------------------------------------------------------

    def info(self) -> CollectionInfo:
        """Count what is in the collection and on disk."""
        return describe(self.path, self.catalog)

    def thumbnail(self, photo: Photo) -> Path:
        """The file of a small picture of a photo, made when first asked for.

        Raises ImageError; StorageError where it cannot be kept.
        """
        path = thumbnail_file(self.path / "thumbs", photo)
        self._drop_if_forgotten(photo)
        return path

    def thumbnail_data(self, photo: Photo) -> bytes:
        """The same as bytes, also where it cannot be kept. Raises ImageError."""
        data = thumbnail_data(self.path / "thumbs", photo)
        self._drop_if_forgotten(photo)
        return data

    def _drop_if_forgotten(self, photo: Photo) -> None:
        """Take back the thumbnail of a photo that was forgotten while it was made."""
        if not self.catalog.photo_ids([photo.content_hash]):
            with suppress(OSError):
                disk.remove(thumbnail_path(self.path / "thumbs", photo.content_hash))


def _migrate(path: Path) -> None:
    catalog = Catalog(path)
    catalog.migrate()
    catalog.close()
