"""Open hits in the viewer of the desktop."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from retrieval.errors import StorageError, UsageError

if TYPE_CHECKING:
    from retrieval.records import Hit

MOST = 20  # windows that one search may open


def open_hits(hits: Iterable[Hit], most: int = MOST) -> int:
    """Open the files of the first `most` hits (MOST at most); returns how many there were.

    Each goes to the program that the desktop has for it: `open` on macOS, `xdg-open` elsewhere. No
    shell reads a file's name, and nothing is waited for. Raises UsageError without such a program,
    StorageError where none of the files is there any more.
    """
    paths = [hit.photo_path or hit.path for hit in hits][: min(most, MOST)]
    viewer = _viewer()
    present = [os.path.abspath(path) for path in paths if os.path.isfile(path)]
    if paths and not present:
        raise StorageError(
            f"{paths[0]} is not there any more, nor any other hit. Index the folder again."
        )
    if sys.platform == "darwin" and present:
        _start([viewer, *present])  # one window for all of them
    else:
        for path in present:
            _start([viewer, path])
    return len(present)


def _viewer() -> str:
    name = "open" if sys.platform == "darwin" else "xdg-open"
    found = shutil.which(name)
    if found is None:
        raise UsageError(
            f"There is no {name} here that could open pictures. Install it (package xdg-utils), "
            "or look at them with --html or --pictures."
        )
    return found


def _start(command: list[str]) -> None:
    try:
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ).returncode = 0  # nobody waits for its end
    except OSError as exc:
        raise StorageError(
            f"{command[0]} cannot be started: {exc.strerror or exc}. Look at the hits with --html."
        ) from exc
