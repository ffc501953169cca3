"""A model of what survives a power failure: what was synced, and nothing else for sure.

A file holds what it held when its descriptor was last synced; a folder has the names it had when it
was last synced. Everything that lay there at the beginning counts as durable. SQLite syncs its own
files, so these are left as they are at that moment.
"""

from __future__ import annotations

import os
import random
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

#: Which of the changes that were not synced survive nevertheless: (names, contents).
LOSSES = {
    "power": (False, False),
    "power, names stay": (True, False),
    "power, contents stay": (False, True),
    "power, by chance": (None, None),
}

AS_IT_IS = b"as SQLite left it"


@dataclass(slots=True)
class _File:
    """An inode: what of it is durable, and a descriptor that keeps its number from being reused."""

    descriptor: int
    content: bytes

    def current(self) -> bytes:
        return os.pread(self.descriptor, os.fstat(self.descriptor).st_size, 0)


@dataclass(slots=True)
class Durability:
    """Knows the durable state of all below `root`, and can bring the disk back to it."""

    root: Path
    loss: str
    seed: int = 0
    _files: dict[int, _File] = field(default_factory=dict)
    _names: dict[int, dict[str, int]] = field(default_factory=dict)  # folder -> name -> inode

    def __post_init__(self) -> None:
        for folder, _, names in os.walk(self.root):
            for name in names:
                self._note_content(os.path.join(folder, name))
            self._note_names(folder)

    def created(self, descriptor: int) -> None:
        """A file was opened to be written: if it is new, nothing of it is durable yet."""
        inode = os.fstat(descriptor).st_ino
        if inode not in self._files:
            self._files[inode] = _File(os.dup(descriptor), b"")

    def made_folder(self, path: Path) -> None:
        self._names[os.stat(path).st_ino] = {}

    def synced(self, descriptor: int) -> None:
        """What is in this file, or the names in this folder, are durable from now on."""
        status = os.fstat(descriptor)
        if stat.S_ISDIR(status.st_mode):
            self._note_names(self._path_of(status.st_ino))
        elif status.st_ino in self._files:
            self._files[status.st_ino].content = self._files[status.st_ino].current()

    def lose(self) -> None:
        """Undo on disk what was not synced."""
        wanted = self.surviving(self.loss)
        for folder, folders, names in os.walk(self.root, topdown=False):
            for name in names:
                if os.path.join(folder, name) not in wanted:
                    os.unlink(os.path.join(folder, name))
            for name in folders:
                if os.path.join(folder, name) not in wanted:
                    os.rmdir(os.path.join(folder, name))
        for path, content in wanted.items():
            if content is None:
                os.makedirs(path, exist_ok=True)
            elif content is not AS_IT_IS:
                with open(path, "wb") as file:
                    file.write(content)

    def surviving(self, loss: str) -> dict[str, bytes | None]:
        """What would be on disk after a loss: contents by path, None for a folder."""
        return dict(self._survivors(self.root, loss, random.Random(self.seed)))

    def _survivors(
        self, folder: Path, loss: str, chance: random.Random
    ) -> Iterator[tuple[str, bytes | None]]:
        now = _scan(folder)
        names = dict(self._names.get(os.stat(folder).st_ino, {}))
        if _stays(loss, 0, chance):
            names = now
        for name in now:
            if _is_sqlite(name) and (name != "catalog.db" or (folder / name).stat().st_size):
                names[name] = now[name]  # SQLite syncs the folder of what it makes
        for name, inode in sorted(names.items()):
            path = folder / name
            if _is_sqlite(name) and name in now:
                yield str(path), AS_IT_IS
            elif inode in self._files:
                yield str(path), self._content(self._files[inode], loss, chance)
            elif path.is_dir():
                yield str(path), None
                yield from self._survivors(path, loss, chance)

    def _content(self, file: _File, loss: str, chance: random.Random) -> bytes:
        current = file.current()
        if _stays(loss, 1, chance):
            return current
        if LOSSES[loss][1] is None and chance.random() < 0.5:
            return file.content.ljust(len(current), b"\0")  # the new length, the old bytes
        return file.content

    def _note_content(self, path: str) -> None:
        if _is_sqlite(os.path.basename(path)):
            return
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        file = self._files[os.fstat(descriptor).st_ino] = _File(descriptor, b"")
        file.content = file.current()

    def _note_names(self, folder: str | Path) -> None:
        self._names[os.stat(folder).st_ino] = _scan(folder)

    def _path_of(self, inode: int) -> Path:
        for folder, _, _ in os.walk(self.root):
            if os.stat(folder).st_ino == inode:
                return Path(folder)
        return self.root.parent  # the folder that holds everything: its names are not our concern


def _scan(folder: str | Path) -> dict[str, int]:
    with os.scandir(folder) as entries:
        return {entry.name: entry.inode() for entry in entries}


def _stays(loss: str, which: int, chance: random.Random) -> bool:
    stays = LOSSES[loss][which]
    return chance.random() < 0.5 if stays is None else stays


def _is_sqlite(name: str) -> bool:
    return name == "catalog.db" or name.startswith("catalog.db-")
