"""Index photo files: read and hash each, decode and embed only content that is new."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.corpora import NOT_TEXT, is_corpus
from retrieval.embedding import look_ahead
from retrieval.errors import ImageError
from retrieval.indexing.session import COMMIT_FILES, UNREADABLE, Session
from retrieval.pictures import decode
from retrieval.pictures.images import READER, FileContent, Picture, read_content
from retrieval.records import FileStat, Progress
from retrieval.storage.commits import Batch, FileEntry, NewPhoto

if TYPE_CHECKING:
    import numpy as np
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


class PhotoIndexer:
    """Decodes ahead in threads, embeds in batches, commits each batch."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.catalog = session.collection.catalog
        self._space = self.catalog.active_space()
        self._seen: set[bytes] = set()  # content hashes met in this run

    def index(self, stats: Sequence[FileStat]) -> None:
        """Index files that are fresh or changed."""
        session = self.session
        waiting: list[_Loaded] = []
        fresh = 0
        begun = time.monotonic()
        session.collection.expect_photos(len(stats))
        results = look_ahead(stats, self._load, session.threads, session.decode_ahead)
        for done, loaded in enumerate(results, 1):
            if not loaded.left_out:
                waiting.append(loaded)
            fresh += loaded.photo is not None
            full = fresh >= session.full_batch or len(waiting) - fresh >= COMMIT_FILES
            if full or done == len(stats):
                self._commit(waiting, len(stats) - done)
                waiting, fresh = [], 0
                rate = done / max(time.monotonic() - begun, 1e-6)
                session.on_progress(Progress("indexing", done, len(stats), rate))

    def _load(self, stat: FileStat) -> _Loaded:
        """Read, hash and, if its content is new, decode one file. Runs in threads."""
        try:
            content = read_content(stat.path)
        except ImageError as exc:
            return _Loaded(stat, reason=str(exc))
        except OSError as exc:
            return _Loaded(stat, reason=f"{UNREADABLE}: {exc.strerror or exc}")
        key = content.content_hash
        if self.catalog.embedded(self._space, "photos", [key]):
            lost = key in self.session.undescribed
            return _Loaded(stat, key, described=_describe(content) if lost else None)
        if self.session.known_only:
            return _left_out(stat, content)
        encoder = self.session.collection.encoder()
        try:
            picture = decode(content.data, 2 * encoder.image_size)
            prepared = encoder.prepare(picture.image)
        except ImageError as exc:
            return _Loaded(stat, reason=NOT_TEXT if is_corpus(stat.path) else str(exc))
        return _Loaded(stat, key, _new_photo(key, picture), prepared)

    def _commit(self, loaded: Sequence[_Loaded], to_come: int) -> None:
        batch = Batch()
        fresh = self._fresh(loaded)
        known_ids = self.catalog.photo_ids([item.content_hash for item in loaded])
        photos = self.catalog.photos_by_id(list(known_ids.values()))
        batch.described = [item.described for item in loaded if item.described is not None]
        for item in loaded:
            photo_id = known_ids.get(item.content_hash)
            has_files = photo_id is not None and bool(photos[photo_id].paths)
            entry = self._classify(item, photo_id, has_files, batch)
            if entry is not None:
                batch.entries.append(entry)
        rows = None
        if fresh:
            batch.photos = [item.photo for item in fresh if item.photo is not None]
            prepared = [item.prepared for item in fresh if item.prepared is not None]
            rows = self.session.embedder.embed_images(prepared, to_come)
            self.session.counts.embedded += len(prepared)
        self.session.collection.commit(batch, photos=rows)

    def _fresh(self, loaded: Sequence[_Loaded]) -> list[_Loaded]:
        """One item for each content that has no embedding yet."""
        new = {item.content_hash: item for item in loaded if item.photo is not None}
        space = self.catalog.active_space()
        embedded = self.catalog.embedded(space, "photos", list(new))
        return [item for key, item in new.items() if key not in embedded]

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
        elif old is not None and old.reason is None:
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


def _new_photo(content_hash: bytes, picture: Picture) -> NewPhoto:
    return NewPhoto(content_hash, picture.width, picture.height, picture.format, picture.frames)


def _left_out(stat: FileStat, content: FileContent) -> _Loaded:
    """A file that is new, or broken: the latter is told now, the former is for the next run."""
    try:
        decode(content.data, 1)
    except ImageError as exc:
        return _Loaded(stat, reason=str(exc))
    return _Loaded(stat, left_out=True)


def _describe(content: FileContent) -> NewPhoto | None:
    try:
        return _new_photo(content.content_hash, decode(content.data, 1))
    except ImageError:
        return None  # a decoder that once could read it is gone; the vector is as good as it was
