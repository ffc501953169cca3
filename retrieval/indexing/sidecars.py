"""Index XMP sidecars: remember them as files, and have the photos beside them read again."""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.errors import ImageError
from retrieval.indexing.session import COMMIT_FILES, UNREADABLE, Session
from retrieval.metadata.reading import sidecars_of
from retrieval.metadata.xmp import read_xmp
from retrieval.pictures.images import READER, read_content
from retrieval.records import FileStat
from retrieval.scan import KnownFile
from retrieval.storage.commits import Batch, FileEntry

SIDECAR = "sidecar"  # the `reader` of those that were read
DAMAGED = "damaged XMP sidecar"
_MARKUP = (b"<", b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")  # how a text of XML may begin


class SidecarIndexer:
    """Runs before photos are indexed: those that are new read their sidecars themselves."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.catalog = session.collection.catalog

    def index(self, stats: Sequence[FileStat]) -> list[FileStat]:
        """Index sidecars that are fresh or changed; returns those whose content is no text."""
        misnamed: list[FileStat] = []
        for start in range(0, len(stats), COMMIT_FILES):
            part = stats[start : start + COMMIT_FILES]
            entries = [entry for stat in part if (entry := self._entry(stat, misnamed))]
            self._commit([stat.path for stat in part], entries)
        return misnamed

    def note_gone(self, files: Sequence[KnownFile]) -> None:
        """Have photos read again whose sidecars are no more."""
        for start in range(0, len(files), COMMIT_FILES):
            self._commit([file.path for file in files[start : start + COMMIT_FILES]], [])

    def note_left(self, files: Sequence[KnownFile]) -> None:
        """Have photos read again whose files, with a sidecar beside, are gone or changed.

        They may stand elsewhere, where that sidecar does not count.
        """
        known = {name for file in files for name in sidecars_of(file.path)}
        there = {*self.session.sidecars, *self.catalog.files_at(sorted(known))}
        left = {
            file.photo_id
            for file in files
            if file.photo_id is not None and not there.isdisjoint(sidecars_of(file.path))
        }
        photos = self.catalog.photos_by_id(sorted(left))
        if photos:
            hashes = [photo.content_hash for photo in photos.values()]
            self.session.collection.commit(Batch(outdated=hashes))

    def _entry(self, stat: FileStat, misnamed: list[FileStat]) -> FileEntry | None:
        """What the catalog should hold of a sidecar from now on, which is counted in its group."""
        session = self.session
        try:
            data = read_content(stat.path).data
        except ImageError as exc:
            return self._skipped(stat, f"{DAMAGED}: {exc}")
        except OSError as exc:
            reason = f"{UNREADABLE}: {exc.strerror or exc}"
            session.skip(stat.path, reason)
            return session.entry_to_retry(stat, reason)
        if not data.lstrip().startswith(_MARKUP):
            misnamed.append(stat)
            return None
        if read_xmp(data) is None:
            return self._skipped(stat, DAMAGED)
        old = session.before.get(stat.path)
        if old is None or old.reason is not None:
            session.counts.added += 1
        else:
            session.counts.changed += 1
        session.counts.sidecars += 1
        return FileEntry(stat, reader=SIDECAR)

    def _skipped(self, stat: FileStat, reason: str) -> FileEntry:
        self.session.skip(stat.path, reason)
        return FileEntry(stat, reason=reason, reader=READER)

    def _commit(self, paths: Sequence[str], entries: list[FileEntry]) -> None:
        """In one transaction, so that no sidecar counts as known before its photos are marked."""
        outdated = self.catalog.photos_beside(paths)
        if outdated or entries:
            self.session.collection.commit(Batch(entries=entries, outdated=outdated))
