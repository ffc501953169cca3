"""A layer below the library that numbers the steps which change a disk, and lets one go wrong.

It takes the place of `retrieval.storage.disk.system` and of `Database.commit_transaction`.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from retrieval.storage import disk
from retrieval.storage.database import Database
from tests.durability import AS_IT_IS, LOSSES, Durability
from tests.judging import State, read_state

DEATHS = ("die before", "die after", "cut", *LOSSES)
FAILURES = ("fail", "cut, fail", "full", "fail, again")
DIED = 70  # the exit code of a process that died as it should


@dataclass
class Recording:
    """An undisturbed run: its steps, and what would be there after a fault at each."""

    steps: list[str] = field(default_factory=list)
    states: list[State] = field(default_factory=list)  # after 0, 1, 2, ... commits
    #: (step, mode) -> digest of what a death leaves on disk: equal ones need one judgement
    left: dict[tuple[int, str], str] = field(default_factory=dict)


class Layer(disk.System):
    """Numbers the steps from 1; `at` is the one that goes wrong, in the way that `mode` says."""

    def __init__(self, place: Path, at: int = 0, mode: str = "", seed: int = 0) -> None:
        self.place, self.at, self.mode = place, at, mode
        self.count = 0
        self.commits = 0
        self.hit = ""  # the step that went wrong
        self.committed = 0  # before it did
        self.recording = Recording() if not mode else None
        loss = mode if mode in LOSSES else "power"
        self.durability = (
            Durability(place.parent, loss, seed + at) if self.recording or mode in LOSSES else None
        )
        self.tell: Callable[[tuple[str, int, str]], None] = lambda _: None

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Take the place of what is below, and leave it again."""
        system, commit_transaction, layer = disk.system, Database.commit_transaction, self

        def commit(_: Database, connection: Connection) -> None:
            layer._step("commit", connection.commit)

        disk.system, Database.commit_transaction = self, commit  # type: ignore[method-assign]
        try:
            yield
        finally:
            disk.system = system
            Database.commit_transaction = commit_transaction  # type: ignore[method-assign]

    # --- the steps --------------------------------------------------------------------------

    def create(self, path: Path, mode: int = disk.FILE_MODE, new: bool = False) -> int:
        def act() -> int:
            descriptor = disk.System.create(self, path, mode, new)
            if self.durability:
                self.durability.created(descriptor)
            return descriptor

        return int(self._step(f"create {_plain(path)}", act))

    def write(self, descriptor: int, data: bytes, offset: int) -> None:
        def write(part: bytes) -> None:
            disk.System.write(self, descriptor, part, offset)

        self._step("write", lambda: write(data), lambda: write(data[: len(data) // 2]))

    def truncate(self, descriptor: int, length: int) -> None:
        self._step("truncate", lambda: disk.System.truncate(self, descriptor, length))

    def sync(self, descriptor: int) -> None:
        def act() -> None:
            disk.System.sync(self, descriptor)
            if self.durability:
                self.durability.synced(descriptor)

        self._step("sync", act)

    def rename(self, source: Path, target: Path) -> None:
        act = lambda: disk.System.rename(self, source, target)  # noqa: E731
        self._step(f"rename to {target.name}", act)

    def remove(self, path: Path) -> None:
        self._step(f"remove {_plain(path)}", lambda: disk.System.remove(self, path))

    def make_folder(self, path: Path, mode: int = disk.FOLDER_MODE) -> None:
        def act() -> None:
            disk.System.make_folder(self, path, mode)
            if self.durability:
                self.durability.made_folder(path)

        self._step(f"make folder {path.name}", act)

    def remove_folder(self, path: Path) -> None:
        self._step(f"remove folder {path.name}", lambda: disk.System.remove_folder(self, path))

    # --- what happens to one ----------------------------------------------------------------

    def _step(
        self, name: str, act: Callable[[], Any], half: Callable[[], None] | None = None
    ) -> Any:
        self.count += 1
        if self.recording is not None:
            return self._record(name, act, half, self.recording)
        if self.count == self.at or (self.mode == "full" and self.hit):
            if not self.hit:
                self.hit, self.committed = name, self.commits
            self._go_wrong(name, act, half)
        return self._act(name, act)

    def _act(self, name: str, act: Callable[[], Any]) -> Any:
        result = act()
        self.commits += name == "commit"
        return result

    def _go_wrong(self, name: str, act: Callable[[], Any], half: Callable[[], None] | None) -> None:
        if self.mode.startswith("cut"):
            assert half is not None
            half()
        if self.mode == "die after":
            self._act(name, act)
            self.committed = self.commits
        if self.mode in DEATHS:
            self.die()
        if name == "commit":
            full = sqlite3.OperationalError("database or disk is full")
            raise OperationalError("COMMIT", {}, full)
        code = errno.ENOSPC if self.at % 2 else errno.EIO
        raise OSError(code, os.strerror(code))

    def die(self) -> None:
        """End this process at once, with or without power."""
        if self.durability:
            self.durability.lose()
        self.tell((self.hit, self.committed if self.hit else self.commits, ""))
        os._exit(DIED)

    # --- the undisturbed run ----------------------------------------------------------------

    def _record(
        self, name: str, act: Callable[[], Any], half: Callable[[], None] | None, into: Recording
    ) -> Any:
        into.steps.append(name)
        self._note("die before", into)
        self.note_losses(into)
        if half is not None:
            half()
            self._note("cut", into)
        try:
            result = self._act(name, act)
        finally:
            self._note("die after", into)
        if name == "commit":
            into.states.append(read_state(self.place))
        return result

    def note_losses(self, into: Recording) -> None:
        """Note what the loss of power at this moment would leave."""
        assert self.durability is not None
        for loss in LOSSES:
            left = self.durability.surviving(loss)
            if loss != "power, by chance":
                into.left[self.count, loss] = self._digest(left)

    def _note(self, mode: str, into: Recording) -> None:
        left: dict[str, bytes | None] = {}
        for folder, folders, names in os.walk(self.place.parent):
            left.update((os.path.join(folder, name), None) for name in folders)
            left.update((os.path.join(folder, name), AS_IT_IS) for name in names)
        into.left[self.count, mode] = self._digest(left)

    def _digest(self, left: dict[str, bytes | None]) -> str:
        """Of everything on disk. That it opens SQLite's files does no harm where one process is."""
        digest = hashlib.sha256(b"%d" % self.commits)
        for path, content in sorted(left.items()):
            if not os.path.basename(path).startswith("lock"):
                data = Path(path).read_bytes() if content is AS_IT_IS else content
                digest.update(repr((path, data)).encode())
        return digest.hexdigest()


def _plain(path: Path) -> str:
    return re.sub(r"\.[0-9a-f]{16}\.tmp$", ".tmp", path.name)
