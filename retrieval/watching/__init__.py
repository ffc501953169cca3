"""Keep a collection up to date with folders: an indexing run, and more whenever files change.

Changes come from the system (inotify and its like, through watchfiles). They wait until files have
settled, become one run however many they are, and only what they concern is looked at. Since the
system may lose some, a run over everything follows every hour, and after any trouble.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.corpora import Columns
from retrieval.errors import LockedError, NoPhotosError, StorageError, UsageError
from retrieval.indexing import existing_roots, index_folder
from retrieval.indexing.session import BEING_WRITTEN
from retrieval.records import (
    IndexReport,
    ProgressCallback,
    WatchReport,
    ignore_progress,
)
from retrieval.scan import FORGOTTEN
from retrieval.watching.pending import Pending, is_of_interest, to_index
from retrieval.watching.writers import is_being_written

if TYPE_CHECKING:
    from retrieval.collection import Collection

SETTLE_S = 2.0
TICK_S = 1.0  # between two looks at what is due
STEP_MS = 200  # between two looks at what the system told
RETRY_S = 5.0  # after a run that failed; doubled each time, up to
MOST_RETRY_S = 60.0
EVERYTHING_S = 3600.0
POLL_MS = 5_000

Changes = set[tuple[int, str]]


@dataclass(frozen=True, slots=True)
class Ways:
    """How runs are carried out, as `index_folder` takes it."""

    columns: Columns = Columns()
    batch_size: int = 0
    threads: int = 0
    fast: bool = False


def watch(
    collection: Collection,
    folders: str | Path | Iterable[str | Path],
    *,
    ways: Ways = Ways(),
    settle_s: float = SETTLE_S,
    poll: bool = False,
    stop: threading.Event | None = None,
    on_run: Callable[[IndexReport], None] = lambda _: None,
    on_progress: ProgressCallback = ignore_progress,
) -> WatchReport:
    """Index folders, then again what changes in them, until `stop` is set or Ctrl-C is pressed.

    Files are taken when nothing changed for `settle_s` seconds and nobody writes to them. `poll`
    looks for changes every few seconds, for disks of other machines, which tell of none; so it is
    done by itself where the system cannot watch. `on_run` gets the first report and those that
    changed something. While another process writes to the collection, or a disk is away, it says
    so through the collection's notices and tries again; what was in a folder that is gone stays.
    Raises as `index_folder` does for the first run, and later CorruptError, EncoderError.
    """
    roots = [str(root) for root in existing_roots(folders)]
    watcher = Watcher(collection, roots, ways, settle_s, poll, stop or threading.Event())
    watcher.on_run, watcher.on_progress = on_run, on_progress
    return watcher.run()


class Watcher:
    """See `watch`."""

    def __init__(
        self,
        collection: Collection,
        roots: list[str],
        ways: Ways,
        settle_s: float,
        poll: bool,
        stop: threading.Event,
    ) -> None:
        self.on_run: Callable[[IndexReport], None] = lambda _: None
        self.on_progress: ProgressCallback = ignore_progress
        self._collection = collection
        self._roots = roots
        self._ways = ways
        self._poll = poll
        self._stop = stop
        self._tick_s = min(TICK_S, settle_s)
        self._pending = Pending(settle_s)
        self._known_as = {root: _identity(root) for root in roots}  # before: gone or replaced?
        self._gone: set[str] = set()  # roots of which that was said
        self._told = ""  # the last notice of trouble
        self._retry_s = RETRY_S
        self._not_before = 0.0  # when to try again after a failure
        self._everything_at = 0.0
        self._first = True
        self._sums = dict.fromkeys(("runs", "added", "changed", "moved", "removed", "failures"), 0)

    def run(self) -> WatchReport:
        """Watch until told to stop; a Ctrl-C during a run keeps what it committed."""
        begun = time.monotonic()
        try:
            while not self._stop.is_set():
                self._follow()
        except KeyboardInterrupt:
            pass
        return WatchReport(**self._sums, seconds=time.monotonic() - begun)

    # --- what the system tells --------------------------------------------------------------

    def _follow(self) -> None:
        """Index everything, then what changes, until the folders must be watched anew."""
        roots = self._reachable()
        if not roots:
            self._stop.wait(self._tick_s)
            return
        with closing(self._changes(roots)) as stream:
            changes = self._next(stream)  # from here on nothing is missed
            self._everything_at = 0.0
            while changes is not None and self._reachable() == roots:
                self._note(changes, roots)
                self._work(roots)
                changes = self._next(stream)

    def _next(self, stream: Iterator[Changes]) -> Changes | None:
        """What changed since, often nothing; None if the folders must be watched anew, or no more.

        watchfiles has an error of its own, which is a RuntimeError.
        """
        try:
            return next(stream, None)
        except FileNotFoundError:
            pass  # a root vanished while it was being set up
        except (OSError, RuntimeError) as exc:
            self._cannot_watch(exc)
        return None

    def _changes(self, roots: list[str]) -> Generator[Changes, None, None]:
        import watchfiles

        return watchfiles.watch(  # type: ignore[return-value]
            *roots,
            watch_filter=None,
            debounce=max(round(1000 * self._tick_s), 50),
            step=min(STEP_MS, max(round(1000 * self._tick_s / 2), 10)),
            rust_timeout=max(round(1000 * self._tick_s), 50),
            yield_on_timeout=True,
            stop_event=self._stop,
            force_polling=self._poll or None,
            poll_delay_ms=min(POLL_MS, max(round(1000 * self._pending.settle_s), 50)),
            ignore_permission_denied=True,
        )

    def _note(self, changes: Changes, roots: list[str]) -> None:
        marked: dict[str, bool] = {}
        paths = {
            path
            for kind, path in changes
            if not (kind == 2 and os.path.isdir(path))  # modified: what is in it, which is told
            and is_of_interest(path, roots, marked)
        }
        self._pending.note(paths, time.monotonic())

    def _cannot_watch(self, exc: Exception) -> None:
        if "decode" in str(exc):  # the name of a file is not UTF-8, which watchfiles cannot tell
            self._pending.note(self._roots, time.monotonic())
            self._stop.wait(self._tick_s)
        elif not self._poll:
            self._tell(
                f"The system cannot watch these folders ({exc}), so they are looked through every "
                f"{POLL_MS // 1000} seconds. On Linux raise fs.inotify.max_user_watches instead."
            )
            self._poll = True
        else:
            self._failed(exc)
            self._stop.wait(self._retry_s)

    def _reachable(self) -> list[str]:
        """The roots that are there. One that is gone, or an empty folder in its place, is not."""
        there = []
        for root in self._roots:
            now, before = _identity(root), self._known_as[root]
            if now is not None and (now == before or before is None or not _is_empty(root)):
                self._known_as[root] = now
                self._gone.discard(root)
                there.append(root)
            elif root not in self._gone:
                self._gone.add(root)
                self._collection.on_notice(
                    f"{root} is gone; its photos stay in the collection until it is back, or until "
                    "it is indexed by its name."
                )
        return there

    # --- runs -------------------------------------------------------------------------------

    def _work(self, roots: list[str]) -> None:
        """Do what is due now."""
        now = time.monotonic()
        if now < self._not_before:
            return
        if now >= self._everything_at:
            if self._index(roots):
                self._everything_at = time.monotonic() + EVERYTHING_S
            return
        due = self._pending.take(now, is_being_written)
        wanted = to_index(due, roots, self._is_known) if due else []
        wanted = [path for path in wanted if not self._is_forgotten(path)]
        if wanted and not self._index(wanted):
            self._everything_at = 0.0  # once it goes again

    def _is_known(self, path: str) -> bool:
        return bool(self._collection.catalog.known_files([path]))

    def _is_forgotten(self, path: str) -> bool:
        """Whether a file was to be forgotten: that it changed is not to name it again."""
        known = self._collection.catalog.files_at([path]).get(path)
        return known is not None and known.reader == FORGOTTEN

    def _index(self, paths: list[str]) -> bool:
        """One run; False if it failed in a way that may pass."""
        try:
            report = index_folder(
                self._collection,
                paths,
                columns=self._ways.columns,
                batch_size=self._ways.batch_size,
                threads=self._ways.threads,
                fast=self._ways.fast,
                is_busy=is_being_written,
                on_progress=self.on_progress,
            )
        except NoPhotosError as exc:
            report = exc.report
        except (LockedError, StorageError, UsageError) as exc:
            if any(not os.path.exists(path) and not self._is_known(path) for path in paths):
                return True  # a file came and went, which is told as well
            self._failed(exc)
            return False
        self._told, self._retry_s = "", RETRY_S
        busy = [s.path for s in report.skipped if s.reason.endswith(BEING_WRITTEN)]
        self._pending.note(busy, time.monotonic())
        self._report(report)
        return True

    def _report(self, report: IndexReport) -> None:
        changed = report.added + report.changed + report.moved + report.duplicates + report.removed
        for name in ("added", "changed", "moved", "removed"):
            self._sums[name] += getattr(report, name)
        self._sums["added"] += report.duplicates
        self._sums["runs"] += changed > 0
        if changed or self._first:
            self.on_run(report)
        self._first = False

    def _failed(self, exc: Exception) -> None:
        self._sums["failures"] += 1
        self._tell(f"{exc} Trying again.")
        self._not_before = time.monotonic() + self._retry_s
        self._retry_s = min(2 * self._retry_s, MOST_RETRY_S)

    def _tell(self, notice: str) -> None:
        """Say what the matter is, once."""
        if notice != self._told:
            self._told = notice
            self._collection.on_notice(notice)


def _identity(path: str) -> tuple[int, int] | None:
    """Device and inode of what is at a path; None if nothing can be seen there."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _is_empty(path: str) -> bool:
    try:
        with os.scandir(path) as entries:
            return next(entries, None) is None
    except NotADirectoryError:
        return False
    except OSError:
        return True
