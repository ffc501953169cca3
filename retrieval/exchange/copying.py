"""The photos themselves into a folder, as copies or as links, with a list of what came from where.

A copy is compared with the content that was indexed, so that none is half or another photo.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from retrieval.errors import ImageError
from retrieval.exchange.entries import Entry, Listing
from retrieval.exchange.notes import NOTE
from retrieval.exchange.places import Written, free_name, make_folders, new_file
from retrieval.exchange.tables import json_text
from retrieval.records import Progress, ProgressCallback, Skipped
from retrieval.storage import disk


@dataclass(slots=True)
class Copier:
    """Fills `folder`; a name is free if neither it nor `target`, where it will go, has it.

    With `tree` the photos lie in folders as they do below `roots`, else all in one.
    """

    folder: Path
    target: Path
    how: Literal["copies", "links"]
    roots: Sequence[str] = ()
    tree: bool = False
    items: int = 0
    size: int = 0  # bytes copied
    left_out: list[Skipped] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)  # the last of a name that collided

    def run(self, items: Listing, on_progress: ProgressCallback) -> None:
        """Copy or link all, and write the list. Raises OSError."""
        name, _ = free_name((self.folder, self.target), NOTE)
        count = len(items)
        with new_file(self.folder / name) as file:
            file.write(b'{"form": "%s", "items": [' % self.how.encode())
            done = 0
            for entries in items.pieces():
                for entry in entries:
                    self._take(entry, file)
                done += len(entries)
                on_progress(Progress("exporting", done, count))
            file.write(b"\n]}\n")

    def _take(self, entry: Entry, file: Written) -> None:
        record = entry.record
        if not record.get("image_path"):
            self.left_out.append(Skipped(f"id {entry.id}", "it was forgotten meanwhile"))
            return
        paths = [record["image_path"], *record["also"]]
        why = "not there any more"
        for path in filter(None, paths):
            placed, why = self._place(path, entry.content_hash)
            if placed:
                told = {"file": placed, "from": path}
                told |= {name: record[name] for name in ("id", "content_hash", "score")}
                file.write((",\n" if self.items else "\n").encode() + json_text(told).encode())
                self.items += 1
                return
        self.left_out.append(Skipped(paths[0], why))

    def _place(self, path: str, content_hash: bytes) -> tuple[str, str]:
        """Put one file into the folder: its name there, or "" and why not."""
        if self.how == "links":
            if not os.path.isfile(path):
                return "", "not there any more"
            name = self._name(path)
            disk.system.make_link(self.folder / name, path)
            return name, ""
        content, why = _content_of(path, content_hash)
        if content is None:
            return "", why
        data, mtime_ns = content
        name = self._name(path)
        with new_file(self.folder / name) as copy:
            copy.write(data)
            copy.flush()
            disk.system.set_time(copy.descriptor, mtime_ns)
        self.size += len(data)
        return name, ""

    def _name(self, path: str) -> str:
        """A name below the folder that is free; its folders are made."""
        inside, name = self._inside(path), os.path.basename(path)
        wanted = os.path.join(inside, name)
        make_folders(self.folder / inside)
        places = (self.folder / inside, self.target / inside)
        free, number = free_name(places, name, self._numbers.get(wanted, 1))
        if number > 1:
            self._numbers[wanted] = number
        return os.path.join(inside, free)

    def _inside(self, path: str) -> str:
        """The folder that a photo goes to: the name of its root and what follows, or none."""
        if not self.tree:
            return ""
        folder = os.path.dirname(path)
        above = [root for root in self.roots if (folder + os.sep).startswith(_below(root))]
        if not above:
            return ""
        root = max(above, key=len)
        rest = os.path.relpath(folder, root)
        return os.path.normpath(os.path.join(os.path.basename(root.rstrip(os.sep)), rest))


def _below(root: str) -> str:
    return root.rstrip(os.sep) + os.sep


def _content_of(path: str, content_hash: bytes) -> tuple[tuple[Any, int] | None, str]:
    """Bytes and modification time of a file that is still the photo; or None and why not."""
    from retrieval.pictures.images import read_content

    try:
        mtime_ns = os.stat(path).st_mtime_ns
        content = read_content(path)
    except ImageError as exc:
        return None, str(exc)
    except OSError as exc:
        return None, f"cannot be read: {exc.strerror or exc}"
    if content.content_hash != content_hash:
        return None, "it has changed since it was indexed; run retrieval index, then export again"
    return (content.data, mtime_ns), ""
