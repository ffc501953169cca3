"""Walk folders, and compare what is met with what is known. No picture is opened here.

`walk` touches the disk; `diff` is pure, so its promise (each file met falls into exactly one
group) is tested on random input.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from retrieval.records import FileStat, Skipped

#: A folder that holds both of these is a collection of ours; its thumbnails are no photos.
COLLECTION_MARKS = ("manifest.json", "catalog.db")
#: Reason and `reader` of a file that was to be forgotten: it is never opened again unasked.
FORGOTTEN = "forgotten"
LINK_TO_NOTHING = "link to nothing"


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file as the catalog knows it. `reader` names the decoders that refused a skipped one."""

    id: int
    path: str
    size: int
    mtime_ns: int
    photo_id: int | None = None
    reason: str | None = None
    reader: str | None = None


@dataclass(frozen=True, slots=True)
class Difference:
    """Every file met is in exactly one of `unchanged`, `fresh` and `changed`.

    `missing` are known files under a walked root that were not met, except those in folders that
    could not be read this time: what cannot be seen is not taken for deleted.
    """

    unchanged: list[KnownFile] = field(default_factory=list)
    fresh: list[FileStat] = field(default_factory=list)
    changed: list[tuple[KnownFile, FileStat]] = field(default_factory=list)
    missing: list[KnownFile] = field(default_factory=list)


def walk(roots: Iterable[Path]) -> Iterator[FileStat | Skipped]:
    """Yield every file under `roots` once, in a stable order; a root may itself be a file.

    Hidden folders and collections are not entered. Links are followed, each real folder once, so
    a loop ends. Files that are not regular (FIFOs, devices, sockets) are never opened: they and
    unreadable folders come as Skipped.
    """
    seen_folders: set[tuple[int, int]] = set()
    seen_paths: set[str] = set()
    for root in roots:
        path = os.path.abspath(root)
        found = _walk_folder(path, seen_folders) if os.path.isdir(path) else [stat_file(path)]
        for entry in found:
            if entry.path not in seen_paths:
                seen_paths.add(entry.path)
                yield entry


def _walk_folder(folder: str, seen: set[tuple[int, int]]) -> Iterator[FileStat | Skipped]:
    pending = [folder]
    while pending:
        current = pending.pop()
        try:
            status = os.stat(current)
            with os.scandir(current) as entries:
                listing = sorted(entries, key=lambda entry: entry.name)
        except OSError as exc:
            yield Skipped(current, f"folder cannot be read: {exc.strerror}")
            continue
        names = {entry.name for entry in listing}
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            continue
        if names.issuperset(COLLECTION_MARKS):
            yield Skipped(current, "holds a collection, not photos")
            continue
        seen.add(identity)
        folders = []
        for entry in listing:
            if _is_folder(entry):
                if entry.name.startswith("."):
                    yield Skipped(entry.path, "hidden folder")
                else:
                    folders.append(entry.path)
            else:
                yield _stat_entry(entry)
        pending.extend(reversed(folders))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _stat_entry(entry: os.DirEntry[str]) -> FileStat | Skipped:
    if entry.name.startswith("."):
        return Skipped(entry.path, "hidden file")
    return stat_file(entry.path)


def stat_file(path: str) -> FileStat | Skipped:
    """Look at one file without opening it; Skipped if it cannot be a photo or a text."""
    try:
        status = os.stat(path)
    except OSError as exc:
        reason = LINK_TO_NOTHING if os.path.islink(path) else f"cannot be read: {exc.strerror}"
        return Skipped(path, reason)
    if not stat.S_ISREG(status.st_mode):
        return Skipped(path, "not a regular file")
    return FileStat(path, status.st_size, status.st_mtime_ns)


def diff(
    known: Mapping[str, KnownFile],
    met: Iterable[FileStat],
    unseen: Iterable[str] = (),
    reader: str | None = None,
) -> Difference:
    """Sort the files met into unchanged, fresh and changed; the rest of `known` is missing.

    A file is unchanged when size and modification time are; a skipped one only if the same
    `reader` refused it, so that a newly installed decoder gets its chance; a forgotten one always
    is. `unseen` are paths that were met but could not be examined: they and all below them are not
    missing.
    """
    result = Difference()
    met_paths: set[str] = set()
    for file in met:
        met_paths.add(file.path)
        before = known.get(file.path)
        if before is None:
            result.fresh.append(file)
        elif _is_unchanged(before, file, reader):
            result.unchanged.append(before)
        else:
            result.changed.append((before, file))
    hidden = set(unseen)
    for path, before in known.items():
        if path not in met_paths and hidden.isdisjoint(_with_parents(path)):
            result.missing.append(before)
    return result


def _with_parents(path: str) -> Iterator[str]:
    yield path
    while (parent := os.path.dirname(path)) != path:
        yield parent
        path = parent


def _is_unchanged(before: KnownFile, now: FileStat, reader: str | None) -> bool:
    if before.reader == FORGOTTEN:
        return True
    same = (before.size, before.mtime_ns) == (now.size, now.mtime_ns)
    return same and (before.reason is None or before.reader == reader)
