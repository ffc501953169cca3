"""One indexing run from the walk to the report."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from retrieval.corpora import is_corpus
from retrieval.errors import NoPhotosError
from retrieval.indexing.photos import PhotoIndexer
from retrieval.indexing.rereading import reread
from retrieval.indexing.session import NOT_OPENED, UNREADABLE, Session
from retrieval.indexing.sidecars import DAMAGED, SIDECAR, SidecarIndexer
from retrieval.indexing.texts import TextIndexer
from retrieval.metadata.reading import is_sidecar
from retrieval.pictures.images import READER
from retrieval.records import FileStat, IndexReport, Progress, Skipped
from retrieval.scan import FORGOTTEN, LINK_TO_NOTHING, Difference, KnownFile, diff, walk
from retrieval.storage.commits import Batch, FileEntry


class Run:
    """Finds out what there is to do, has it done, and reports."""

    def __init__(self, session: Session, roots: Sequence[Path], gone: Sequence[Path] = ()) -> None:
        """`gone` are roots that were deleted: what was known there is removed."""
        self.session = session
        self.roots = roots
        self.gone = gone
        self.started = time.monotonic()
        self._not_opened: list[FileEntry] = []
        self._met: set[str] = set()

    def report(self) -> IndexReport:
        """Do the whole run and say what was done."""
        session = self.session
        session.collection.check_encoder()
        with session.stages.timed("scan"):
            difference = self._scan()
        session.before = {known.path: known for known, _ in difference.changed}
        work = [*difference.fresh, *(stat for _, stat in difference.changed)]
        beside = [stat for stat in work if is_sidecar(stat.path)]
        work = [stat for stat in work if not is_sidecar(stat.path)]
        sidecars = SidecarIndexer(session)
        sidecars.note_left([*(known for known, _ in difference.changed), *difference.missing])
        sidecars.note_gone([f for f in difference.missing if f.reader == SIDECAR])
        misnamed = sidecars.index(beside)
        photos = PhotoIndexer(session)
        photos.index([*(stat for stat in work if not is_corpus(stat.path)), *misnamed])
        with session.stages.timed("texts"):
            misnamed = TextIndexer(session).index([stat for stat in work if is_corpus(stat.path)])
        photos.index(misnamed)
        leaving = sorted([*session.missing, *session.outdated])
        if leaving or self._not_opened:
            session.collection.commit(Batch(gone=leaving, entries=self._not_opened))
        with session.stages.timed("read"):
            reread(session, self._met)
        return self._finish()

    def _scan(self) -> Difference:
        session = self.session
        met: list[FileStat] = []
        unseen: list[str] = []
        known = self._known()
        for entry in walk([root for root in self.roots if root not in self.gone]):
            if isinstance(entry, Skipped) and UNREADABLE in entry.reason:
                unseen.append(entry.path)
            if isinstance(entry, FileStat):
                met.append(entry)
            elif entry.path in known and known[entry.path].reader == FORGOTTEN:
                met.append(FileStat(entry.path, 0, 0))  # whatever stands in its place now
            else:
                session.counts.skipped.append(entry)
            if (len(met) & 1023) == 0:
                session.on_progress(Progress("looking", len(met), None))
        self._met = {file.path for file in met}
        session.sidecars = {path for path in self._met if is_sidecar(path)}
        unseen += self._out_of_reach(known)
        difference = diff(known, met, unseen, READER)
        self._not_opened = self._entries_of_skipped(known)
        self._count_unchanged(difference)
        self._note_missing(difference)
        return difference

    def _out_of_reach(self, known: Mapping[str, KnownFile]) -> list[str]:
        """Links to nothing where there were known files below: a disk may not be connected."""
        return [
            link.path
            for link in self.session.counts.skipped
            if link.reason == LINK_TO_NOTHING
            and any(path.startswith(link.path + os.sep) for path in known)
        ]

    def _known(self) -> dict[str, KnownFile]:
        """What is known below the roots; a forgotten file that is named itself comes back."""
        roots = {str(root) for root in self.roots}
        known = self.session.collection.catalog.known_files(roots)
        return {
            path: file
            for path, file in known.items()
            if path not in roots or file.reader != FORGOTTEN
        }

    def _entries_of_skipped(self, known: Mapping[str, KnownFile]) -> list[FileEntry]:
        """What to remember of the files and folders that the walk left out, where it is new."""
        entries: list[FileEntry] = []
        for skipped in self.session.counts.skipped:
            old = known.get(skipped.path)
            if old is not None and old.reason is None and UNREADABLE in skipped.reason:
                continue  # perhaps for now only: what is known of it stays
            if old is None or (old.reason, old.reader) != (skipped.reason, NOT_OPENED):
                stat = FileStat(skipped.path, 0, 0)
                entries.append(FileEntry(stat, reason=skipped.reason, reader=NOT_OPENED))
        return entries

    def _note_missing(self, difference: Difference) -> None:
        session = self.session
        left_out = {skipped.path for skipped in session.counts.skipped}
        for file in difference.missing:
            if file.reader == FORGOTTEN:
                continue  # it may come back with its disk, and must not come in again
            if file.reader == NOT_OPENED:
                if file.path not in left_out:
                    session.outdated.append(file.id)
                continue
            session.missing.add(file.id)
            if file.photo_id is not None:
                session.missing_by_photo.setdefault(file.photo_id, []).append(file.id)

    def _count_unchanged(self, difference: Difference) -> None:
        session = self.session
        for file in difference.unchanged:
            if self._is_read_otherwise(file):
                difference.changed.append((file, FileStat(file.path, file.size, file.mtime_ns)))
            elif file.reason is not None:
                session.skip(file.path, file.reason)
            else:
                session.counts.unchanged += 1
                session.counts.sidecars += file.reader == SIDECAR

    def _is_read_otherwise(self, file: KnownFile) -> bool:
        """Whether the user names other columns than those a text corpus was read with.

        Or whether an older version took a sidecar for a broken picture.
        """
        columns = self.session.columns
        if file.reader == FORGOTTEN:
            return False
        if is_sidecar(file.path):
            return file.reason is not None and not file.reason.startswith(DAMAGED)
        return columns.chosen and is_corpus(file.path) and file.reader != columns.signature

    def _finish(self) -> IndexReport:
        session, counts = self.session, self.session.counts
        held = session.collection.catalog.counts()
        space = session.collection.catalog.active_space()
        report = IndexReport(
            added=counts.added,
            changed=counts.changed,
            moved=counts.moved,
            duplicates=counts.duplicates,
            unchanged=counts.unchanged,
            skipped=tuple(sorted(counts.skipped, key=lambda s: s.path)),
            removed=len(session.missing),
            photos=held["photos"],
            documents=held["documents"],
            embedded=counts.embedded,
            seconds=time.monotonic() - self.started,
            encoder=space.encoder if space else "",
            fast=session.fast,
            stages=session.stages.times(),
        )
        if not counts.usable and not report.removed:
            raise NoPhotosError(self._nothing(), report)
        return report

    def _nothing(self) -> str:
        places = ", ".join(str(root) for root in self.roots)
        skipped = self.session.counts.skipped
        if not skipped:
            return f"There is no file in {places}. Name a folder that holds photos."
        what = "1 file was" if len(skipped) == 1 else f"{len(skipped):,} files were"
        return (
            f"No photo could be indexed in {places}: {what} skipped, such as {skipped[0].path} "
            f"({skipped[0].reason}). Name a folder that holds photos."
        )
