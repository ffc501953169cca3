"""A collection: catalog, vector files and thumbnails in one folder, and how a batch is committed.

    indexes/<name>/
      manifest.json                  format version, made by; written last when it is created
      catalog.db                     SQLite: the truth about everything but vector values
      spaces/<fingerprint>/photos.f16, documents.f16
                                     float16 rows (n, dim), only appended; the catalog says how
                                     many count
      thumbs/ab/abcdef….jpg          derived, made when first asked for
      lock                           held by the one process that writes

A batch is committed in two steps: append the rows and fsync, then one catalog transaction that
also states the new number of rows. A process that dies between the two leaves rows that do not
count; the next writer overwrites them.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval.catalog import Catalog
from retrieval.encoders import Encoder, EncoderSpec, is_certainly_other, load_chosen
from retrieval.errors import (
    CorruptError,
    EncoderMismatchError,
    NoCollectionError,
    RetrievalError,
)
from retrieval.layout import (
    collection_path,
    create_folder,
    read_manifest,
    remove_folder,
    sizes_on_disk,
    storage_errors,
    write_lock,
)
from retrieval.records import (
    CollectionInfo,
    Kind,
    NoticeCallback,
    Photo,
    Space,
    ignore_notice,
)
from retrieval.stores import VectorStore, default_recipe, make_store
from retrieval.thumbnails import thumbnail_data, thumbnail_file
from retrieval.vectors import append_rows, read_rows

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    from retrieval.commits import Batch

LOCK_TIMEOUT_S = 2.0


class Collection:
    """An open collection. Use `Collection.open`, and close it (it is a context manager)."""

    def __init__(
        self, path: Path, catalog: Catalog, spec: EncoderSpec, on_notice: NoticeCallback
    ) -> None:
        self.path = path
        self.catalog = catalog
        self._spec = spec
        self._on_notice = on_notice
        self._encoder: Encoder | None = None
        self._encoder_error: RetrievalError | None = None
        self._encoder_lock = threading.Lock()  # decode threads all want it first
        self._stores: dict[Kind, tuple[Space, VectorStore]] = {}
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
        NoCollectionError, FormatError, CollectionError, StorageError.
        """
        path = where.absolute() if isinstance(where, Path) else collection_path(where, home)
        made = False
        with storage_errors(path):
            exists = (path / "manifest.json").is_file()
        if not exists:
            if not create:
                named = f" --collection {where}" if str(where) else ""
                raise NoCollectionError(
                    f"There is no collection at {path}. Make one with: "
                    f"retrieval index FOLDER{named}"
                )
            made = create_folder(path, _migrate, LOCK_TIMEOUT_S)
        read_manifest(path)
        if not os.path.isfile(path / "catalog.db"):
            raise CorruptError(
                f"{path} has lost its catalog.db. Restore it from a backup, or index again into "
                "a new collection."
            )
        catalog = Catalog(path / "catalog.db")
        try:
            # A lock only where there is something to write: the place may be read-only.
            with write_lock(path, LOCK_TIMEOUT_S) if catalog.is_old() else nullcontext():
                catalog.migrate()
        except RetrievalError:
            catalog.close()
            raise
        collection = cls(path, catalog, spec or EncoderSpec(), on_notice)
        collection._made = made
        return collection

    def close(self) -> None:
        """Let go of the files. The collection cannot be used afterwards."""
        self._stores.clear()
        if self._made and self._encoder_error is not None:
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
        with self._encoder_lock:
            if self._encoder_error is not None:
                raise self._encoder_error  # to each waiting thread, without trying again
            if self._encoder is None:
                try:
                    self._encoder = self._load_encoder()
                except RetrievalError as exc:
                    self._encoder_error = exc
                    raise
            return self._encoder

    def _load_encoder(self) -> Encoder:
        space = self.catalog.active_space()
        asked = self._spec.model
        if space is not None and asked == "auto":
            asked = space.encoder
        encoder = load_chosen(replace(self._spec, model=asked), self._on_notice)
        if space is not None:
            self._check_same(space, encoder)
        return encoder

    def check_encoder(self) -> None:
        """Refuse a definite other encoder than the collection's, before any work is done."""
        space, asked = self.catalog.active_space(), self._spec.model
        if space is None or asked in ("auto", space.encoder):
            return
        if is_certainly_other(asked, space.encoder):
            raise _mismatch(space, asked)
        self.encoder()  # a local checkpoint: only its fingerprint can tell

    def _check_same(self, space: Space, encoder: Encoder) -> None:
        if encoder.fingerprint == space.fingerprint:
            if encoder.dim != space.dim:
                raise CorruptError(
                    f"The catalog states {space.dim!r} dimensions where {encoder.name} has "
                    f"{encoder.dim}. Restore {self.path} from a backup, or index again into a new "
                    "collection."
                )
            return
        if encoder.name != space.encoder:
            raise _mismatch(space, encoder.name)
        raise EncoderMismatchError(
            f"The encoder {encoder.name} is not the one this collection was made with: its "
            "weights, preprocessing or tokenizer have changed. Restore the old ones, or index "
            "into a new collection with --collection NAME."
        )

    # --- vectors ----------------------------------------------------------------------------

    def _vectors_path(self, space: Space, kind: Kind) -> Path:
        return self.path / "spaces" / space.fingerprint[:32] / f"{kind}.f16"

    def vectors(self, space: Space, kind: Kind) -> NDArray[np.float16]:
        """The committed rows (n, dim), memory-mapped. Raises CorruptError, StorageError."""
        return read_rows(self._vectors_path(space, kind), space.rows[kind], space.dim)

    def store(self, kind: Kind) -> tuple[Space, VectorStore]:
        """The live vectors of a kind, loaded on first use and again after any commit."""
        space = self.catalog.active_space()
        if space is None or space.rows[kind] == 0:
            raise NoCollectionError(
                f"The collection at {self.path} holds no {kind} yet. "
                "Add some with: retrieval index FOLDER"
            )
        loaded = self._stores.get(kind)
        if loaded is None or loaded[0] != space:
            vectors = self.vectors(space, kind)  # first: it refuses what a damaged catalog says
            store = make_store(default_recipe(), space.dim)
            store.add(np.arange(len(vectors)), vectors)
            store.remove(np.array(self.catalog.dead_rows(space, kind), np.int64))
            loaded = self._stores[kind] = (space, store)
        return loaded

    # --- writing ----------------------------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the collection's write lock. Raises LockedError if another process does."""
        self.catalog.check_open()
        with write_lock(self.path, LOCK_TIMEOUT_S):
            if not (self.path / "manifest.json").is_file():
                raise NoCollectionError(
                    f"The collection at {self.path} was removed meanwhile. Run the command again."
                )
            yield

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
            encoder = self.encoder()
            self.catalog.add_space(encoder.fingerprint, encoder.name, encoder.dim)
            space = self.catalog.active_space()
        if space is not None:
            embedded: dict[Kind, NDArray[np.float32] | None]
            embedded = {"photos": photos, "documents": documents}
            for kind, rows in embedded.items():
                if rows is not None and len(rows):
                    append_rows(self._vectors_path(space, kind), space.rows[kind], rows)
        self.catalog.commit(space, batch)

    # --- looking in -------------------------------------------------------------------------

    def info(self) -> CollectionInfo:
        """Count what is in the collection and on disk."""
        space = self.catalog.active_space()
        counts = self.catalog.counts()
        manifest = read_manifest(self.path)
        return CollectionInfo(
            path=str(self.path),
            photos=counts["photos"],
            files=counts["files"],
            documents=counts["documents"],
            skipped=counts["skipped"],
            encoder=space.encoder if space else "none yet",
            fingerprint=space.fingerprint if space else "",
            dim=space.dim if space else 0,
            recipe=default_recipe(),
            sizes=sizes_on_disk(self.path),
            format=manifest["format"],
            created_by=manifest.get("created_by", "unknown"),
        )

    def thumbnail(self, photo: Photo) -> Path:
        """The file of a small picture of a photo, made when first asked for.

        Raises ImageError; StorageError where it cannot be kept.
        """
        return thumbnail_file(self.path / "thumbs", photo)

    def thumbnail_data(self, photo: Photo) -> bytes:
        """The same as bytes, also where it cannot be kept. Raises ImageError."""
        return thumbnail_data(self.path / "thumbs", photo)


def _mismatch(space: Space, asked: str) -> EncoderMismatchError:
    return EncoderMismatchError(
        f"This collection was made with the encoder {space.encoder}; {asked} cannot search it, "
        "because embeddings of two encoders do not compare. Leave out --model, or index into a new "
        "collection with --collection NAME."
    )


def _migrate(path: Path) -> None:
    catalog = Catalog(path)
    catalog.migrate()
    catalog.close()
