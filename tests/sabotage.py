"""Ways to break the library's order of things on purpose: the fault tests must notice each."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from retrieval.collection import Collection
from retrieval.storage import disk
from retrieval.storage.catalog import Catalog


def _append_without_sync() -> None:
    def append(path: Path, committed: int, data: bytes) -> None:
        disk.make_folders(path.parent)
        descriptor = disk.system.create(path)
        disk.system.write(descriptor, data, committed)
        os.close(descriptor)
        disk.sync_folder(path.parent)

    disk.append = append


def _commit_before_append() -> None:
    append, commit = Collection._append, Catalog.commit
    later: list[Callable[[], None]] = []

    def put_off(*arguments: Any) -> None:
        later.append(lambda: append(*arguments))

    def commit_first(self: Catalog, *arguments: Any) -> None:
        commit(self, *arguments)
        while later:
            later.pop(0)()

    Collection._append, Catalog.commit = put_off, commit_first  # type: ignore[method-assign]


def _rename_without_sync() -> None:
    def write_atomically(path: Path, data: bytes, mode: int = disk.FILE_MODE) -> None:
        temporary = path.with_name(f"{path.name}.tmp")
        descriptor = disk.system.create(temporary, mode)
        disk.system.write(descriptor, data, 0)
        os.close(descriptor)
        disk.rename(temporary, path)

    disk.write_atomically = write_atomically


def _name_without_sync() -> None:
    """New files whose names are in no folder yet when the catalog counts on them."""
    sync_folder = disk.sync_folder

    def skip(path: Path) -> None:
        if path.parent.name != "spaces":
            sync_folder(path)

    disk.sync_folder = skip


WAYS = {
    "append without sync": _append_without_sync,
    "commit before append": _commit_before_append,
    "rename without sync": _rename_without_sync,
    "name without sync": _name_without_sync,
}
