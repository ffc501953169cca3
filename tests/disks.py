"""Run out of space for real: by a limit on the size of files, and on a small disk of its own.

    python -m tests.disks --way limit|mount     prints JSON

At every size from nothing to enough an indexing run must end well or say what to do, keep what was
committed, and be completed once there is room.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retrieval import Collection, index_folder
from retrieval.errors import NoCollectionError, RetrievalError, StorageError
from tests.faults import in_child, memory
from tests.judging import EMPTY, SPEC, leftovers, read_results, use_toy
from tests.pictures import picture

FOREVER = resource.RLIM_INFINITY
LARGEST = 400 << 10


def run(way: str, sizes: Sequence[int] = ()) -> dict[str, Any]:
    """Try sizes in bytes; what was wrong comes as `losses`, and which messages there were."""
    use_toy()
    begun = time.monotonic()
    figures: dict[str, Any] = {"sizes": 0, "full": 0, "messages": {}, "losses": []}
    with tempfile.TemporaryDirectory(dir=memory()) as name:
        folder = Path(name)
        photos = _make_photos(folder / "photos")
        _index(folder / "whole", photos)
        whole = read_results(folder / "whole", photos)
        _index(folder / "begun", photos / "00.png")
        for size in sizes or [*range(0, 64 << 10, 2 << 10), *range(64 << 10, LARGEST, 16 << 10)]:
            for start in (None, folder / "begun"):
                with WAYS[way](folder, size) as (place, limited):
                    if start is not None and not _copy(start, place):
                        continue  # no room for what was there before
                    figures["sizes"] += 1
                    _, told = in_child(lambda: _try(limited, place, photos))
                    _count(figures, told, size, place)
                    problems = _judge(place, photos, start is not None, whole, way, told)
                    figures["losses"] += [f"{size:,} bytes: {problem}" for problem in problems]
    return {**figures, "seconds": round(time.monotonic() - begun, 1)}


def _make_photos(folder: Path) -> Path:
    for number in range(12):
        picture(folder / f"{number:02}.png", (20 * number, 255 - 20 * number, 90))
    for number in range(40):
        (folder / f"{number:02}-{'x' * 100}.txt").write_text(f"red {number} " + "word " * 100)
    return folder


def _index(place: Path, photos: Path) -> None:
    with Collection.open(place, create=True, spec=SPEC) as collection:
        index_folder(collection, [photos], batch_size=2, threads=1)


def _copy(start: Path, place: Path) -> bool:
    try:
        shutil.copytree(start, place)
    except (shutil.Error, OSError):
        return False
    return True


def _try(limited: Callable[[], None], place: Path, photos: Path) -> str:
    """What the user is told; nothing if all went well."""
    limited()
    try:
        _index(place, photos)
    except StorageError as exc:
        return str(exc)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (FOREVER, FOREVER))  # so that it can be told
    return ""


def _count(figures: dict[str, Any], told: Any, size: int, place: Path) -> None:
    figures["full"] += bool(told)
    if told:
        message = str(told).replace(str(place), "PLACE")
        sizes = figures["messages"].setdefault(message, [])
        sizes.append(size)


def _judge(
    place: Path, photos: Path, begun: bool, whole: Any, way: str, told: Any
) -> Iterator[str]:
    if told is None or "Traceback" in str(told):
        yield f"ended with {told}"
        return
    if told and not (str(place) in told and ("space" in told)):
        yield f"does not say where and what to do: {told}"
    if told and way == "mount" and "is full" not in told and "No space left" not in told:
        yield f"does not say that the disk is full: {told}"
    if way == "mount":
        subprocess.run(["mount", "-o", "remount,size=64m", str(place.parent)], check=True)
    try:
        try:
            state = read_results(place, photos).state
        except NoCollectionError:
            state = EMPTY
        if begun and not any(str(row[0]).endswith("00.png") for row in state.files):
            yield "what was committed before is gone"
        if not set(state.files) <= set(whole.state.files):
            yield "files that are none"
        _index(place, photos)
        if read_results(place, photos) != whole:
            yield "completed, and other than undisturbed"
        yield from (f"left behind: {name}" for name in leftovers(place))
    except (AssertionError, RetrievalError):
        yield traceback.format_exc()


# --- the ways -------------------------------------------------------------------------------


@contextmanager
def _limit(folder: Path, size: int) -> Iterator[tuple[Path, Callable[[], None]]]:
    """No file of the process may become larger."""
    place = folder / "limited"
    yield place, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, FOREVER))
    shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _mount(folder: Path, size: int) -> Iterator[tuple[Path, Callable[[], None]]]:
    """A file system of that size; to be made larger by remounting it."""
    disk = folder / "disk"
    disk.mkdir(exist_ok=True)
    pages = f"size={max(size, 4096)},mode=700"
    subprocess.run(["mount", "-t", "tmpfs", "-o", pages, "tmpfs", str(disk)], check=True)
    try:
        yield disk / "place", lambda: None
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


WAYS = {"limit": _limit, "mount": _mount}


def can_mount() -> bool:
    """Whether this user may mount a file system in memory."""
    if os.geteuid() or not shutil.which("mount"):
        return False
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=4096", "tmpfs", folder]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            return False
        subprocess.run(["umount", folder], check=False)
    return True


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--way", choices=WAYS, default="limit")
    parser.add_argument("--sizes", type=int, nargs="*", default=())
    options = parser.parse_args()
    print(json.dumps(run(options.way, options.sizes)))


if __name__ == "__main__":
    main()
