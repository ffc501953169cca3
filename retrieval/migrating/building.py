"""Fill the space of another encoder while the collection is searched and written to.

The write lock is held for one batch at a time, so that others can write in between. What is lacking
is asked of the catalog, so a run that was interrupted goes on where it was, and what was added
meanwhile is embedded in a further pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from retrieval.embedding import BatchEmbedder, look_ahead
from retrieval.errors import EncoderMismatchError, ImageError, LockedError, NoCollectionError
from retrieval.matching import MatchingEncoder
from retrieval.pictures import decode, side_for
from retrieval.pictures.images import read_content
from retrieval.records import Kind, Photo, Progress, ProgressCallback, Skipped, Space
from retrieval.storage import audits, spaces

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.collection import Collection
    from retrieval.encoders import Encoder, EncoderSpec

COMMIT_SECONDS = 5.0  # each commit waits for the lock and the disk
COMMIT_TEXTS = 512
FEW = 64  # items that are embedded under the lock, when all others are done
FETCHED = 1_000  # photos whose paths are looked up at a time

#: Holds the write lock while a batch is committed.
Lock = Callable[[], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True)
class Work:
    """How a space is filled: sizes as in `Settings`, and who is told."""

    batch_size: int
    threads: int
    fast: bool
    on_progress: ProgressCallback


@dataclass(slots=True)
class _Read:
    """What a thread made of a photo's files."""

    photo: Photo
    prepared: NDArray[np.uint8] | None = None
    reason: str = ""


class Builder:
    """Fills the space of the encoder that `spec` names."""

    def __init__(self, collection: Collection, spec: EncoderSpec, work: Work) -> None:
        """Load the encoder. Raises as loading one does, NoCollectionError for an empty collection.

        The space of that name is gone on with, unless the weights behind the name have changed.
        """
        self.collection = collection
        self.catalog = collection.catalog
        self.work = work
        active = self.catalog.active_space()
        if active is None:
            raise NoCollectionError(
                f"The collection at {collection.path} holds nothing yet. Start it with the model "
                f"you want: retrieval index FOLDER --model {spec.model}"
            )
        #: What searches used when this began.
        self.old = active
        self.spec = spec
        self.matching, self.encoder = self._load(spec)
        self._embedder = BatchEmbedder(self.encoder, work.batch_size, collection.on_notice)
        self.embedded = 0
        #: Photos (ids) whose files could not be read in this run.
        self.unread: dict[int, Skipped] = {}

    def _load(self, spec: EncoderSpec) -> tuple[MatchingEncoder, Encoder]:
        named: list[Space | None] = [s for s in self.catalog.spaces() if s.encoder == spec.model]
        for space in [*named, None]:
            matching = MatchingEncoder(self.collection.path, spec, self.collection.on_notice)
            try:
                return matching, matching.load(space)
            except EncoderMismatchError:
                if space is None:
                    raise
        raise AssertionError("the last one returns or raises")

    # --- the space --------------------------------------------------------------------------

    @property
    def space(self) -> Space | None:
        """The space that is filled, as it is now; None before it was begun."""
        return self.catalog.space_of(self.encoder.fingerprint)

    def _begun(self) -> Space:
        """The same; made if need be, inside of the lock."""
        space = self.space or self.collection.add_space(self.encoder, active=False)
        assert space is not None
        return space

    def lacking(self, kind: Kind) -> list[int]:
        """Items (ids) that stand in a file and are not in the space yet, but can be."""
        space = self.space or Space(0, "", "", 0)
        ids = audits.without_embedding(self.catalog, space, kind)
        return ids if kind == "documents" else [i for i in ids if i not in self.unread]

    def export_for_queries(self) -> None:
        """Have searches need no torch as soon as the space is the active one."""
        if (space := self.space) is not None:
            self.matching.export_for_queries(space)

    # --- filling it -------------------------------------------------------------------------

    def build(self, leave: int = FEW) -> None:
        """Embed what is lacking, but for `leave` items that may be added meanwhile."""
        if self.space is None:
            with self.locked():
                self._begun()
        embed: tuple[tuple[Kind, Callable[[Sequence[int], Lock], None]], ...] = (
            ("photos", self._embed_photos),
            ("documents", self._embed_documents),
        )
        for kind, fill in embed:
            before: list[int] = []
            while len(ids := self.lacking(kind)) > leave and ids != before:
                fill(ids, self.locked)
                before = ids

    def finish(self) -> Space:
        """Embed the rest, inside of the lock; returns the space, which then lacks nothing."""
        space = self._begun()
        self._embed_photos(self.lacking("photos"), nullcontext)
        self._embed_documents(self.lacking("documents"), nullcontext)
        return self.space or space

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the write lock, waiting for another process that writes as long as that takes."""
        with ExitStack() as held:
            told = False
            while True:
                try:
                    held.enter_context(self.collection.writing())
                    break
                except LockedError as exc:
                    if not told:
                        who, _, _ = str(exc).partition(" is writing to")
                        self.collection.on_notice(f"{who} is writing; going on when it is done.")
                    told = True
            yield

    def _embed_photos(self, ids: Sequence[int], lock: Lock) -> None:
        """Decode ahead in threads, embed in batches, commit every few seconds."""
        if not ids:
            return
        self.matching.expect(len(ids))
        reads = look_ahead(
            self._photos(ids), self._read, self.work.threads, self._embedder.decode_ahead
        )
        fresh: list[_Read] = []
        hashes: list[bytes] = []
        rows: list[NDArray[np.float32]] = []
        begun = committed = time.monotonic()
        with closing(reads):
            for done, read in enumerate(reads, 1):
                if read.reason:
                    path = read.photo.paths[0]
                    self.unread[read.photo.id] = Skipped(path, read.reason)
                else:
                    fresh.append(read)
                full = len(fresh) >= self._embedder.worth_gathering
                due = full and bool(self.work.batch_size)  # commits of a size that the user chose
                due = due or time.monotonic() - committed >= COMMIT_SECONDS
                if full or due:
                    self._encode(fresh, hashes, rows, len(ids) - done)
                if due:
                    self._commit("photos", hashes, rows, lock)
                    committed = time.monotonic()
                    rate = done / max(committed - begun, 1e-6)
                    self.work.on_progress(Progress("embedding photos", done, len(ids), rate))
        self._encode(fresh, hashes, rows, 0)
        self._commit("photos", hashes, rows, lock)
        self.work.on_progress(Progress("embedding photos", len(ids), len(ids)))

    def _photos(self, ids: Sequence[int]) -> Iterator[Photo]:
        """Those of the photos that still stand in a file, with its path."""
        for start in range(0, len(ids), FETCHED):
            found = self.catalog.photos_by_id(ids[start : start + FETCHED])
            yield from (photo for photo in found.values() if photo.paths)

    def _read(self, photo: Photo) -> _Read:
        """Decode the first of a photo's files that still holds it. Runs in threads."""
        reason = ""
        for path in photo.paths:
            try:
                content = read_content(path)
                if content.content_hash != photo.content_hash:
                    reason = "changed since it was indexed; index its folder again"
                    continue
                size = self.encoder.image_size
                picture = decode(content.data, side_for(size), size if self.work.fast else 0)
                return _Read(photo, self.encoder.prepare(picture.image))
            except ImageError as exc:
                reason = str(exc)
            except OSError as exc:
                reason = f"cannot be read: {exc.strerror or exc}"
        return _Read(photo, reason=reason)

    def _encode(
        self,
        fresh: list[_Read],
        hashes: list[bytes],
        rows: list[NDArray[np.float32]],
        to_come: int,
    ) -> None:
        """Move photos from `fresh` to the embedded ones, and let their pixels go."""
        prepared = [read.prepared for read in fresh if read.prepared is not None]
        if prepared:
            rows.append(self._embedder.embed_images(prepared, to_come))
            hashes += [read.photo.content_hash for read in fresh]
            fresh.clear()

    def _embed_documents(self, ids: Sequence[int], lock: Lock) -> None:
        for start in range(0, len(ids), COMMIT_TEXTS):
            part = ids[start : start + COMMIT_TEXTS]
            known = spaces.texts_of(self.catalog, part)
            rows = [self._embedder.embed_texts([text for _, text in known])]
            self._commit("documents", [key for key, _ in known], rows, lock)
            self.work.on_progress(Progress("embedding texts", start + len(part), len(ids)))

    def _commit(
        self, kind: Kind, hashes: list[bytes], rows: list[NDArray[np.float32]], lock: Lock
    ) -> None:
        """Commit embeddings (n, dim) of items, and clear both lists.

        What was forgotten, or embedded by another process, since they were read is left out.
        """
        if not hashes:
            return
        with lock():
            space = self._begun()
            ids = spaces.ids_of(self.catalog, kind, hashes)
            there = self.catalog.embedded(space, kind, hashes)
            kept = [at for at, key in enumerate(hashes) if key in ids and key not in there]
            names = [hashes[at] for at in kept]
            if names:
                self.collection.vector_file(space, kind).append(
                    space.rows[kind], np.concatenate(rows)[kept], names
                )
                with self.catalog.writing() as connection:
                    spaces.add_embeddings(connection, space, kind, [ids[key] for key in names])
                self.embedded += len(names)
        hashes.clear()
        rows.clear()
