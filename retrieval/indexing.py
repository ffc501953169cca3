"""Index folders: walk, compare with what is known, embed what is new, commit batch by batch.

Nothing that is unchanged is opened, nothing whose content is known is embedded again, and each
file met is counted in exactly one group of the report.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.commits import Batch, FileEntry, Line, NewDocument, NewPhoto
from retrieval.corpora import NOT_TEXT, Columns, is_corpus, read_passages
from retrieval.embedding import DEFAULT_BATCH, BatchEmbedder, look_ahead
from retrieval.errors import CorpusError, ImageError, NoPhotosError, NotTextError, UsageError
from retrieval.images import READER, decode, read_content
from retrieval.records import (
    FileStat,
    IndexReport,
    Progress,
    ProgressCallback,
    Skipped,
    ignore_progress,
)
from retrieval.scan import Difference, KnownFile, diff, walk

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.collection import Collection
    from retrieval.encoders import Encoder

COMMIT_FILES = 256  # files whose photo is known already are committed this many at a time
UNREADABLE = "cannot be read"  # may be readable next time: such files are tried again


def index_folder(
    collection: Collection,
    folders: Iterable[str | Path],
    *,
    columns: Columns = Columns(),  # noqa: B008 - frozen
    batch_size: int = 0,
    threads: int = 0,
    on_progress: ProgressCallback = ignore_progress,
) -> IndexReport:
    """Bring a collection up to date with folders (or single files); it keeps what else it has.

    Photos are found by their content and embedded once however many files hold them; .txt, .md,
    .csv and .jsonl become documents. A broken file is reported and never stops the run; a run that
    is interrupted keeps all committed batches and goes on from there. Raises UsageError for a
    folder that does not exist, NoPhotosError if there is nothing to index, LockedError,
    StorageError, EncoderError.
    """
    roots = existing_roots(folders)
    with collection.writing():
        return _Run(collection, roots, columns, batch_size, threads, on_progress).report()


def existing_roots(folders: Iterable[str | Path]) -> list[Path]:
    """Absolute paths of folders (or files) to index. Raises UsageError for one that is missing."""
    roots = [Path(os.path.abspath(os.path.expanduser(folder))) for folder in folders]
    for root in roots:
        if not os.path.exists(root):
            raise UsageError(f"There is no folder {root}. Check the path.")
    return roots


@dataclass(slots=True)
class _Loaded:
    """What a thread made of one file."""

    stat: FileStat
    content_hash: bytes = b""
    photo: NewPhoto | None = None  # None: its embedding exists, or it was skipped
    prepared: NDArray[np.uint8] | None = None
    reason: str | None = None


@dataclass(slots=True)
class _Counts:
    added: int = 0
    changed: int = 0
    moved: int = 0
    duplicates: int = 0
    unchanged: int = 0
    embedded: int = 0
    skipped: list[Skipped] = field(default_factory=list)


class _Run:
    """One indexing run: state that its steps share."""

    def __init__(
        self,
        collection: Collection,
        roots: Sequence[Path],
        columns: Columns,
        batch_size: int,
        threads: int,
        on_progress: ProgressCallback,
    ) -> None:
        self.collection = collection
        self.catalog = collection.catalog
        self.roots = roots
        self.columns = columns
        self.batch_size = batch_size
        self.threads = threads
        self.on_progress = on_progress
        self.counts = _Counts()
        self.started = time.monotonic()
        self.space = collection.catalog.active_space()
        self.embedder: BatchEmbedder | None = None
        self.missing_by_photo: dict[int, list[int]] = {}
        self.missing: set[int] = set()
        self.seen_hashes: set[bytes] = set()  # of photos without a file before this run

    def report(self) -> IndexReport:
        """Do the whole run and say what was done."""
        self.collection.check_encoder()
        difference = self._scan()
        fresh = [(None, stat) for stat in difference.fresh]
        work: list[tuple[KnownFile | None, FileStat]] = [*fresh, *difference.changed]
        before = {stat.path: known for known, stat in work if known is not None}
        pictures = [stat for _, stat in work if not is_corpus(stat.path)]
        texts = [stat for _, stat in work if is_corpus(stat.path)]
        self._index_pictures(pictures, before)
        misnamed = [stat for stat in texts if not self._index_corpus(stat, before.get(stat.path))]
        self._index_pictures(misnamed, before)
        removed = len(self.missing)
        if self.missing:
            self.collection.commit(Batch(gone=sorted(self.missing)))
        return self._finish(removed)

    def _finish(self, removed: int) -> IndexReport:
        held = self.catalog.counts()
        counts, space = self.counts, self.catalog.active_space()
        usable = counts.added + counts.changed + counts.moved + counts.duplicates + counts.unchanged
        report = IndexReport(
            added=counts.added,
            changed=counts.changed,
            moved=counts.moved,
            duplicates=counts.duplicates,
            unchanged=counts.unchanged,
            skipped=tuple(sorted(counts.skipped, key=lambda s: s.path)),
            removed=removed,
            photos=held["photos"],
            documents=held["documents"],
            embedded=counts.embedded,
            seconds=time.monotonic() - self.started,
            encoder=space.encoder if space else "",
        )
        if not usable and not removed:
            raise NoPhotosError(self._nothing(), report)
        return report

    def _nothing(self) -> str:
        places = ", ".join(str(root) for root in self.roots)
        if not self.counts.skipped:
            return f"There is no file in {places}. Name a folder that holds photos."
        first = self.counts.skipped[0]
        return (
            f"No photo could be indexed in {places}: {len(self.counts.skipped)} files were "
            f"skipped, such as {first.path} ({first.reason}). Name a folder that holds photos."
        )

    # --- finding out what to do -------------------------------------------------------------

    def _scan(self) -> Difference:
        met: list[FileStat] = []
        unseen: list[str] = []
        for entry in walk(self.roots):
            if isinstance(entry, Skipped):
                self.counts.skipped.append(entry)
                if UNREADABLE in entry.reason:
                    unseen.append(entry.path)
            else:
                met.append(entry)
            if (len(met) & 1023) == 0:
                self.on_progress(Progress("looking", len(met), None))
        known = self.catalog.known_files([str(root) for root in self.roots])
        difference = diff(known, met, unseen, READER)
        self._count_unchanged(difference)
        for file in difference.missing:
            self.missing.add(file.id)
            if file.photo_id is not None:
                self.missing_by_photo.setdefault(file.photo_id, []).append(file.id)
        return difference

    def _count_unchanged(self, difference: Difference) -> None:
        for file in difference.unchanged:
            if self.columns.chosen and is_corpus(file.path):  # may be read otherwise this time
                difference.changed.append((file, FileStat(file.path, file.size, file.mtime_ns)))
            elif file.reason is not None:
                self.counts.skipped.append(Skipped(file.path, file.reason))
            else:
                self.counts.unchanged += 1

    # --- pictures ---------------------------------------------------------------------------

    def _index_pictures(self, stats: Sequence[FileStat], before: dict[str, KnownFile]) -> None:
        waiting: list[_Loaded] = []
        fresh = 0
        begun = time.monotonic()
        for done, loaded in enumerate(look_ahead(stats, self._load, self.threads), 1):
            waiting.append(loaded)
            fresh += loaded.photo is not None
            full = fresh >= (self.batch_size or DEFAULT_BATCH) or len(waiting) >= COMMIT_FILES
            if full or done == len(stats):
                self._commit_pictures(waiting, before)
                waiting, fresh = [], 0
                rate = done / max(time.monotonic() - begun, 1e-6)
                self.on_progress(Progress("indexing", done, len(stats), rate))

    def _encoder(self) -> Encoder:
        return self.collection.encoder()

    def _load(self, stat: FileStat) -> _Loaded:
        """Read, hash and, if its content is new, decode one file. Runs in threads."""
        try:
            content = read_content(stat.path)
        except ImageError as exc:
            return _Loaded(stat, reason=str(exc))
        except OSError as exc:
            return _Loaded(stat, reason=f"{UNREADABLE}: {exc.strerror or exc}")
        if self.catalog.embedded(self.space, "photos", [content.content_hash]):
            return _Loaded(stat, content.content_hash)
        encoder = self._encoder()
        try:
            picture = decode(content.data, 2 * encoder.image_size)
            prepared = encoder.prepare(picture.image)
        except ImageError as exc:
            return _Loaded(stat, reason=NOT_TEXT if is_corpus(stat.path) else str(exc))
        photo = NewPhoto(content.content_hash, picture.width, picture.height, picture.format)
        return _Loaded(stat, content.content_hash, photo, prepared)

    def _commit_pictures(self, loaded: Sequence[_Loaded], before: dict[str, KnownFile]) -> None:
        batch = Batch()
        fresh: dict[bytes, _Loaded] = {}
        hashes = [item.content_hash for item in loaded if item.content_hash]
        embedded = self.catalog.embedded(self.catalog.active_space(), "photos", hashes)
        for item in loaded:
            if item.photo is not None and item.content_hash not in embedded:
                fresh.setdefault(item.content_hash, item)
        known_ids = self.catalog.photo_ids(hashes)
        photos = self.catalog.photos_by_id(list(known_ids.values()))
        for item in loaded:
            old = before.get(item.stat.path)
            photo_id = known_ids.get(item.content_hash)
            has_files = photo_id is not None and bool(photos[photo_id].paths)
            entry = self._classify(item, old, photo_id, has_files, batch)
            if entry is not None:
                batch.entries.append(entry)
        batch.photos = [item.photo for item in fresh.values() if item.photo is not None]
        rows = None
        if fresh:
            prepared = [item.prepared for item in fresh.values() if item.prepared is not None]
            rows = self._embedder().embed_images(prepared)
            self.counts.embedded += len(prepared)
        self.collection.commit(batch, photos=rows)

    def _classify(
        self,
        item: _Loaded,
        old: KnownFile | None,
        photo_id: int | None,
        has_files: bool,
        batch: Batch,
    ) -> FileEntry | None:
        """Count one file in its group, and say what the catalog should hold of it from now on."""
        counts = self.counts
        if item.reason is not None:
            counts.skipped.append(Skipped(item.stat.path, item.reason))
            if item.reason.startswith(UNREADABLE):
                return None  # perhaps for now only: what is known of it stays
            return FileEntry(item.stat, reason=item.reason, reader=READER)
        entry = FileEntry(item.stat, photo=item.content_hash)
        first = item.content_hash not in self.seen_hashes
        self.seen_hashes.add(item.content_hash)
        moved_from = self.missing_by_photo.get(photo_id) if photo_id is not None else None
        if old is not None and old.photo_id is not None and old.photo_id == photo_id:
            counts.unchanged += 1  # touched, or copied over itself
        elif old is not None and old.reason is None:
            counts.changed += 1
        elif moved_from:
            file_id = moved_from.pop()
            self.missing.discard(file_id)
            batch.gone.append(file_id)
            counts.moved += 1
        elif has_files or not first:
            counts.duplicates += 1
        else:
            counts.added += 1
        return entry

    def _embedder(self) -> BatchEmbedder:
        if self.embedder is None:
            self.embedder = BatchEmbedder(self._encoder(), self.batch_size)
        return self.embedder

    # --- text corpora -----------------------------------------------------------------------

    def _index_corpus(self, stat: FileStat, old: KnownFile | None) -> bool:
        """Index one text file; False if its content is no text, whatever its name says."""
        try:
            passages = read_passages(stat.path, self.columns)
        except NotTextError:
            return False
        except CorpusError as exc:
            reason = str(exc)
            self.counts.skipped.append(Skipped(stat.path, reason))
            if not reason.startswith(UNREADABLE):
                # a column that was asked for may be absent: without it the file can be read
                reader = None if self.columns.chosen else READER
                entry = FileEntry(stat, reason=reason, reader=reader)
                self.collection.commit(Batch(entries=[entry]))
            return True
        texts = {_hash_text(p.text): p.text for p in passages}
        for part in self._unembedded(list(texts)):
            rows = self._embedder().embed_texts([texts[key] for key in part])
            batch = Batch(documents=[NewDocument(key, texts[key]) for key in part])
            self.collection.commit(batch, documents=rows)
            self.counts.embedded += len(part)
        lines = tuple(Line(_hash_text(p.text), p.line, p.photo_path) for p in passages)
        self.collection.commit(Batch(entries=[FileEntry(stat, lines=lines)]))
        if old is None or old.reason is not None:
            self.counts.added += 1
        else:
            self.counts.changed += 1
        return True

    def _unembedded(self, hashes: list[bytes]) -> Iterator[list[bytes]]:
        for start in range(0, len(hashes), COMMIT_FILES):
            part = hashes[start : start + COMMIT_FILES]
            known = self.catalog.embedded(self.catalog.active_space(), "documents", part)
            unknown = [key for key in part if key not in known]
            if unknown:
                self.on_progress(Progress("reading texts", start, len(hashes)))
                yield unknown


def _hash_text(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
