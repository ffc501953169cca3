"""Index photo files: read and hash each, decode and embed only content that is new."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from retrieval.corpora import NOT_TEXT, is_corpus
from retrieval.embedding import look_ahead
from retrieval.errors import ImageError
from retrieval.indexing.session import (
    BEING_WRITTEN,
    COMMIT_FILES,
    COMMIT_SECONDS,
    HELD_SECONDS,
    UNREADABLE,
    Session,
)
from retrieval.indexing.sidecars import DAMAGED
from retrieval.indexing.stages import Stopwatch
from retrieval.knowing import facts_in
from retrieval.metadata.file_names import date_in_name
from retrieval.metadata.reading import is_sidecar
from retrieval.pictures import decode, side_for
from retrieval.pictures.images import READER, FileContent, Picture, read_content
from retrieval.pictures.looks import LEAST_SIDE, measure_looks
from retrieval.records import FileStat, Progress
from retrieval.storage.commits import Batch, FileEntry, NewPhoto

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(slots=True)
class _Loaded:
    """What a thread made of one file."""

    stat: FileStat
    content_hash: bytes = b""
    photo: NewPhoto | None = None  # None: its embedding exists, or it was skipped
    prepared: NDArray[np.uint8] | None = None
    described: NewPhoto | None = None  # what a known photo is like, where that was lost
    reason: str | None = None
    left_out: bool = False
    spent: Stopwatch = field(default_factory=Stopwatch)


class PhotoIndexer:
    """Decodes ahead in threads, embeds in batches, commits each batch or several quick ones."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.catalog = session.collection.catalog
        self._space = self.catalog.active_space()
        self._seen: set[bytes] = set()  # content hashes met in this run
        self._embedded: set[bytes] = set()  # and those embedded in it, or just about to be
        self._held: list[_Loaded] = []  # files to be committed
        self._fresh: list[_Loaded] = []  # those of them that are to be embedded before
        self._photos: list[NewPhoto] = []  # embedded, to be committed
        self._rows: list[NDArray[np.float32]] = []  # their embeddings, (n, dim) a batch

    def index(self, stats: Sequence[FileStat]) -> None:
        """Index files that are fresh or changed."""
        session, stages = self.session, self.session.stages
        session.collection.expect_photos(len(stats))
        results = look_ahead(stats, self._load, session.threads, session.decode_ahead)
        begun = committed = stages.clock()
        for done, loaded in enumerate(stages.waiting_for(results), 1):
            self._take(loaded)
            batch = session.full_batch
            full = len(self._fresh) >= batch
            if full:
                self._embed(len(stats) - done)
            age = stages.clock() - committed
            # Batches of a size that the user chose are committed one by one.
            due = full and (session.batch_size or age >= COMMIT_SECONDS)
            due = due or len(self._held) >= max(COMMIT_FILES, batch) or age >= HELD_SECONDS
            if due or done == len(stats):
                self._embed(len(stats) - done)
                self._commit()
                committed = stages.clock()
                rate = done / max(committed - begun, 1e-6)
                session.on_progress(Progress("indexing", done, len(stats), rate))

    def _load(self, stat: FileStat) -> _Loaded:
        """Read, hash and, if its content is new, decode one file. Runs in threads."""
        loaded = _Loaded(stat)
        if self.session.is_busy(stat.path):
            loaded.reason = f"{UNREADABLE}: {BEING_WRITTEN}"
            return loaded
        try:
            with loaded.spent.reading():
                content = read_content(stat.path)
        except ImageError as exc:
            loaded.reason = str(exc)
        except OSError as exc:
            loaded.reason = f"{UNREADABLE}: {exc.strerror or exc}"
        else:
            self._look_into(loaded, content)
        return loaded

    def _look_into(self, loaded: _Loaded, content: FileContent) -> None:
        key = content.content_hash
        if self.catalog.embedded(self._space, "photos", [key]):
            loaded.content_hash = key
            if key in self.session.undescribed:
                loaded.described = self._describe(loaded.stat.path, content)
        elif self.session.known_only:  # new ones are for the next run, broken ones are told now
            loaded.reason = _why_broken(content)
            loaded.left_out = loaded.reason is None
        else:
            self._prepare(loaded, content)

    def _prepare(self, loaded: _Loaded, content: FileContent) -> None:
        with loaded.spent.loading():
            encoder = self.session.collection.encoder()
        size = encoder.image_size
        try:
            with loaded.spent.decoding():
                side, draft = max(side_for(size), LEAST_SIDE), max(size, LEAST_SIDE)
                picture = decode(content.data, side, draft if self.session.fast else 0)
                loaded.prepared = encoder.prepare(picture.image)
                loaded.photo = self._new_photo(loaded.stat.path, content, picture)
        except ImageError as exc:
            path = loaded.stat.path
            named = NOT_TEXT if is_corpus(path) else DAMAGED if is_sidecar(path) else ""
            loaded.reason = named or str(exc)
            return
        loaded.content_hash = content.content_hash

    def _new_photo(self, path: str, content: FileContent, picture: Picture) -> NewPhoto:
        return NewPhoto(
            content.content_hash,
            picture.width,
            picture.height,
            picture.format,
            picture.frames,
            facts=facts_in([path], content.data, self.session.collection.cache),
            looks=measure_looks(picture.image),
        )

    def _describe(self, path: str, content: FileContent) -> NewPhoto | None:
        try:
            return self._new_photo(path, content, decode(content.data, LEAST_SIDE))
        except ImageError:
            return None  # a decoder that once read it is gone; the vector is as good as it was

    def _take(self, loaded: _Loaded) -> None:
        """Hold a file until it is embedded and committed; content met twice is embedded once."""
        self.session.stages.note_file(loaded.spent)
        if loaded.left_out:
            return
        self._held.append(loaded)
        if loaded.photo is not None and loaded.content_hash not in self._embedded:
            self._embedded.add(loaded.content_hash)
            self._fresh.append(loaded)
        else:
            loaded.prepared = None

    def _embed(self, to_come: int) -> None:
        """Embed what is fresh, and let its pixels go; about `to_come` files follow."""
        prepared = [item.prepared for item in self._fresh if item.prepared is not None]
        if not prepared:
            return
        embedder = self.session.embedder
        with self.session.stages.timed("encode"):
            self._rows.append(embedder.embed_images(prepared, to_come))
        self._photos += [item.photo for item in self._fresh if item.photo is not None]
        for item in self._fresh:
            item.prepared = None
        self._fresh = []

    def _commit(self) -> None:
        """Commit all files held, with what was embedded of them."""
        if not self._held:
            return
        with self.session.stages.timed("write"):
            batch = self._batch()
            rows = np.concatenate(self._rows) if self._rows else None
            self.session.collection.commit(batch, photos=rows)
        self.session.counts.embedded += len(self._photos)
        self._held, self._photos, self._rows = [], [], []

    def _batch(self) -> Batch:
        batch = Batch(photos=self._photos)
        known_ids = self.catalog.photo_ids([item.content_hash for item in self._held])
        in_files = self.catalog.in_files(list(known_ids.values()))
        batch.described = [item.described for item in self._held if item.described is not None]
        for item in self._held:
            photo_id = known_ids.get(item.content_hash)
            entry = self._classify(item, photo_id, photo_id in in_files, batch)
            if entry is not None:
                batch.entries.append(entry)
        return batch

    def _note_known(self, item: _Loaded, batch: Batch) -> None:
        """A known photo at another path: its sidecar there, or its name, may tell more of it."""
        if self.session.sidecar_of(item.stat.path):
            batch.outdated.append(item.content_hash)
        elif date_in_name(item.stat.path):
            batch.renamed.append(item.content_hash)

    def _classify(
        self, item: _Loaded, photo_id: int | None, has_files: bool, batch: Batch
    ) -> FileEntry | None:
        """Count one file in its group, and say what the catalog should hold of it from now on."""
        session, counts = self.session, self.session.counts
        if item.reason is not None:
            session.skip(item.stat.path, item.reason)
            if item.reason.startswith(UNREADABLE):
                return session.entry_to_retry(item.stat, item.reason)
            return FileEntry(item.stat, reason=item.reason, reader=READER)
        old = session.before.get(item.stat.path)
        first = item.content_hash not in self._seen
        self._seen.add(item.content_hash)
        moved_from = session.missing_by_photo.get(photo_id) if photo_id is not None else None
        if old is not None and old.photo_id is not None and old.photo_id == photo_id:
            counts.unchanged += 1  # touched, or copied over itself
            return FileEntry(item.stat, photo=item.content_hash)
        if photo_id is not None or not first:
            self._note_known(item, batch)
        if old is not None and old.reason is None:
            counts.changed += 1
        elif moved_from:
            file_id = moved_from.pop()
            session.missing.discard(file_id)
            batch.gone.append(file_id)
            counts.moved += 1
        elif has_files or not first:
            counts.duplicates += 1
        else:
            counts.added += 1
        return FileEntry(item.stat, photo=item.content_hash)


def describe(content: FileContent) -> NewPhoto:
    """What a photo is like, without its facts, which the next run reads. Raises ImageError."""
    picture = decode(content.data, LEAST_SIDE)
    return NewPhoto(
        content.content_hash,
        picture.width,
        picture.height,
        picture.format,
        picture.frames,
        looks=measure_looks(picture.image),
    )


def _why_broken(content: FileContent) -> str | None:
    try:
        decode(content.data, 1)
    except ImageError as exc:
        return str(exc)
    return None
