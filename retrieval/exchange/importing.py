"""Import embeddings that were made elsewhere: photos are read and hashed, and not embedded again.

A set that an export of ours wrote says which encoder made it and what each photo's hash is. Of any
other set nothing is believed: its numbers are checked, and a random sample of its photos is
embedded again and must come out the same.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.coding import refresh
from retrieval.embedding import look_ahead
from retrieval.errors import ImageError, UsageError
from retrieval.exchange.checking import SAMPLE, Places, check, unit
from retrieval.exchange.sets import EmbeddingSet, SetRow, read_set
from retrieval.indexing.photos import describe
from retrieval.journal import recorded
from retrieval.pictures.images import read_content
from retrieval.records import (
    FileStat,
    ImportReport,
    Progress,
    ProgressCallback,
    Skipped,
    ignore_progress,
)
from retrieval.scan import FORGOTTEN, KnownFile, stat_file
from retrieval.storage.commits import Batch, FileEntry, NewPhoto
from retrieval.storage.layout import remember_roots

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.collection import Collection


def import_set(
    collection: Collection,
    source: str | Path,
    *,
    root: str | Path | None = None,
    trust: bool = False,
    sample: int = SAMPLE,
    threads: int = 0,
    on_progress: ProgressCallback = ignore_progress,
) -> ImportReport:
    """Take photos with their embeddings from the set in the folder `source`.

    Photos are found at the paths that the set names, those that are not absolute below `root` (or
    the working directory); those of an export of ours also by the ends of their paths below `root`,
    since their hashes tell. A set from elsewhere is taken only with `trust`, for the encoder that
    the collection has or was opened with, and if `sample` of its photos, embedded again, come out
    with a cosine of at least .98. Files that are missing or broken are reported and left out.
    Raises UsageError, ExchangeError, EncoderMismatchError, LockedError, StorageError, EncoderError.
    """
    begun = time.monotonic()
    found = read_set(source)
    places = Places(_root(root), by_hash=found.note is not None)
    checked = check(collection, found, places, trust, sample, on_progress)
    with collection.writing():
        with recorded(collection, "import", [found.folder]) as counts:
            run = _Import(collection, found, places, threads, on_progress)
            run.run()
            counts.update(added=run.imported, duplicates=run.linked, unchanged=run.unchanged)
        remember_roots(collection.path, _outermost(run.folders))
        refresh(collection.path, collection.catalog, collection.encode_texts, on_progress)
    space = collection.catalog.active_space()
    return ImportReport(
        source=str(found.folder),
        rows=found.rows,
        imported=run.imported,
        linked=run.linked,
        unchanged=run.unchanged,
        left_out=tuple(sorted(run.left_out, key=lambda skipped: skipped.path)),
        checked=checked.compared,
        least=checked.least,
        rescaled=checked.rescaled,
        photos=collection.catalog.counts()["photos"],
        encoder=space.encoder if space else "",
        seconds=time.monotonic() - begun,
    )


def _root(root: str | Path | None) -> str:
    place = os.path.abspath(os.path.expanduser(root or "."))
    if not os.path.isdir(place):
        raise UsageError(f"There is no folder {place}. Name the folder that the photos lie in.")
    return place


@dataclass(slots=True)
class _Read:
    """What a thread made of one file; `row` of the piece embeds it."""

    stat: FileStat
    row: int
    content_hash: bytes = b""
    photo: NewPhoto | None = None  # None: its embedding exists
    unchanged: bool = False
    why: str = ""  # it is left out


@dataclass
class _Import:
    """Takes a set piece by piece; each is one commit."""

    collection: Collection
    found: EmbeddingSet
    places: Places
    threads: int
    on_progress: ProgressCallback
    imported: int = 0
    linked: int = 0
    unchanged: int = 0
    left_out: list[Skipped] = field(default_factory=list)
    folders: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Take all of it."""
        done, begun = 0, time.monotonic()
        for records, vectors in self.found.pieces():
            self._take(records, vectors)
            done += len(records)
            rate = done / max(time.monotonic() - begun, 1e-6)
            self.on_progress(Progress("importing", done, self.found.rows, rate))

    def _take(self, records: Sequence[SetRow], vectors: NDArray[np.float32]) -> None:
        files = list(self._files(records))
        known = self.collection.catalog.files_at([path for path, _, _ in files])
        loaded = look_ahead(files, lambda file: self._read(*file, known), self.threads)
        self._commit(loaded, vectors)

    def _files(self, records: Sequence[SetRow]) -> Iterator[tuple[str, int, bytes | None]]:
        """(path, row, hash if it was told) of each file that is there, once."""
        met: set[str] = set()
        for row, record in enumerate(records):
            for named in (record.path, *record.also):
                path = self.places.find(named)
                if not path:
                    self.left_out.append(Skipped(named, "there is no such file"))
                elif path not in met:
                    met.add(path)
                    yield path, row, record.content_hash

    def _read(
        self, path: str, row: int, told: bytes | None, known: Mapping[str, KnownFile]
    ) -> _Read:
        """Read and hash one file, and look at its head if it is new. Runs in threads."""
        stat, before = stat_file(path), known.get(path)
        if isinstance(stat, Skipped):
            return _Read(FileStat(path, 0, 0), row, why=stat.reason)
        loaded = _Read(stat, row)
        if before is not None and before.reader == FORGOTTEN:
            loaded.why = "it was forgotten; to have it again, index it by its name"
        elif before is not None and before.photo_id is not None and _is_same(before, stat):
            loaded.unchanged = True
        else:
            try:
                self._look_into(loaded, told)
            except ImageError as exc:
                loaded.why = str(exc)
            except OSError as exc:
                loaded.why = f"cannot be read: {exc.strerror or exc}"
        return loaded

    def _look_into(self, loaded: _Read, told: bytes | None) -> None:
        content = read_content(loaded.stat.path)
        if told is not None and content.content_hash != told:
            loaded.why = "it is not the photo that was exported, or has changed since"
            return
        catalog = self.collection.catalog
        loaded.content_hash = content.content_hash
        if not catalog.embedded(catalog.active_space(), "photos", [content.content_hash]):
            loaded.photo = describe(content)

    def _commit(self, loaded: Iterable[_Read], vectors: NDArray[np.float32]) -> None:
        batch, rows = Batch(), dict[bytes, int]()
        for item in loaded:
            if item.why:
                self.left_out.append(Skipped(item.stat.path, item.why))
                continue
            self.folders.add(os.path.dirname(item.stat.path))
            if item.unchanged:
                self.unchanged += 1
                continue
            batch.entries.append(FileEntry(item.stat, photo=item.content_hash))
            if item.photo is None or item.content_hash in rows:
                self.linked += 1
            else:
                rows[item.content_hash] = item.row
                batch.photos.append(item.photo)
                self.imported += 1
        if batch.entries:
            new = unit(vectors[list(rows.values())]) if rows else None
            self.collection.commit(batch, photos=new)


def _is_same(before: KnownFile, now: FileStat) -> bool:
    return (before.size, before.mtime_ns) == (now.size, now.mtime_ns)


def _outermost(folders: Iterable[str]) -> list[Path]:
    """The folders that lie in no other of them."""
    outer: list[str] = []
    for folder in sorted(folders, key=lambda folder: folder.rstrip(os.sep) + os.sep):
        if not outer or not (folder + os.sep).startswith(outer[-1].rstrip(os.sep) + os.sep):
            outer.append(folder)
    return [Path(folder) for folder in outer]
