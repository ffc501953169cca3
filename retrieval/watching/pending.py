"""Which changes are worth a run, and what that run is to look at. Nothing here waits or indexes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence

from retrieval.scan import COLLECTION_MARKS

MOST_WAIT_S = 30.0  # changes that never end are indexed in between
MOST_PATHS = 20  # more are one run over their whole folders, which costs a walk


class Pending:
    """Paths that changed, until they have been quiet for `settle_s` seconds.

    A burst becomes one run: all wait for the last of them, but no longer than MOST_WAIT_S, or
    twice `settle_s` where that is more.
    """

    def __init__(self, settle_s: float) -> None:
        self.settle_s = settle_s
        self._last: dict[str, float] = {}  # path -> when it last changed
        self._since = 0.0  # when the first of them did

    def __len__(self) -> int:
        return len(self._last)

    def note(self, paths: Iterable[str], now: float) -> None:
        """Take in paths that have just changed."""
        for path in paths:
            if not self._last:
                self._since = now
            self._last[path] = now

    def take(self, now: float, is_busy: Callable[[str], bool]) -> list[str]:
        """Hand out what is due; what `is_busy` stays, and is asked for again."""
        if not self._last or now - max(self._last.values()) < self.settle_s:
            patience = max(MOST_WAIT_S, 2 * self.settle_s)
            if not self._last or now - self._since < patience:
                return []
        quiet = [path for path, last in self._last.items() if now - last >= self.settle_s]
        due = [path for path in quiet if not is_busy(path)]
        for path in due:
            del self._last[path]
        self.note(set(quiet) - set(due), now)
        self._since = now
        return sorted(due)


def is_of_interest(path: str, roots: Sequence[str], marked: dict[str, bool]) -> bool:
    """Whether indexing one of `roots` would look at `path`: not in hidden folders or collections.

    `marked` remembers which folders are collections.
    """
    root = root_of(path, roots)
    if root is None:
        return False
    folder = root
    names = [] if path == root else os.path.relpath(path, root).split(os.sep)
    for name in names:
        if name.startswith("."):
            return False
        if folder not in marked:
            marked[folder] = all(os.path.exists(os.path.join(folder, m)) for m in COLLECTION_MARKS)
        if marked[folder]:
            return False
        folder = os.path.join(folder, name)
    return True


def to_index(
    paths: Iterable[str], roots: Sequence[str], is_known: Callable[[str], bool]
) -> list[str]:
    """What to index so that the changes at `paths` are taken in: these, or whole `roots`.

    A folder stands for all in it. Of what is gone only the topmost folder counts, and only if it
    `is_known`. What lies behind a link is found by a walk of its root, as are very many paths.
    """
    chosen: set[str] = set()
    for path in paths:
        root = root_of(path, roots)
        if root is not None:
            chosen.add(root if _is_behind_link(path, root) else _topmost_gone(path, root))
    wanted = [p for p in _outermost(chosen) if os.path.lexists(p) or is_known(p)]
    if len(wanted) > MOST_PATHS:
        return _outermost({root for p in wanted if (root := root_of(p, roots)) is not None})
    return wanted


def root_of(path: str, roots: Sequence[str]) -> str | None:
    """The innermost of `roots` that is `path` or holds it."""
    holding = [root for root in roots if path == root or path.startswith(below(root))]
    return max(holding, key=len, default=None)


def below(folder: str) -> str:
    """What the paths of all in a folder begin with."""
    return folder.rstrip(os.sep) + os.sep


def _topmost_gone(path: str, root: str) -> str:
    while path != root and not os.path.lexists(path):
        parent = os.path.dirname(path)
        if parent == root or os.path.lexists(parent):
            return path
        path = parent
    return path


def _is_behind_link(path: str, root: str) -> bool:
    folder = path
    while folder != root:
        if os.path.islink(folder):
            return True
        folder = os.path.dirname(folder)
    return False


def _outermost(paths: Iterable[str]) -> list[str]:
    """Those that lie in no other of them, in order."""
    outer: list[str] = []
    for path in sorted(paths, key=below):
        if not outer or not path.startswith(below(outer[-1])):
            outer.append(path)
    return outer
