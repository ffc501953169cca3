"""Recognise writing in photos, so that it is found by its words: the extra `ocr`.

rapidocr finds lines and reads them with PP-OCR's models, which lie in its wheel: no network. It
takes a second or so a photo on one thread, so it is work for the background: whatever is read is
committed every few photos, and the next run goes on where this one ended.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.errors import ImageError, LockedError, MissingExtraError, UsageError
from retrieval.records import Progress, ProgressCallback, WritingReport, ignore_progress
from retrieval.storage.edits import write_writing
from retrieval.storage.kept import WRITING, keep

if TYPE_CHECKING:
    from PIL import Image

    from retrieval.collection import Collection

    #: Takes a picture and tells the writing in it, "" if there is none.
    Reader = Callable[[Image.Image], str]

SIDE = 1_000  # pixels of the short side that pictures are decoded at, as far as they have them
MOST_SIDE = 2_000  # pixels of the long side that rapidocr reduces to
LEAST_LINE = 8  # pixels that a line of writing is high at least
BATCH = 16  # photos that are committed together
PATIENCE_S = 600.0  # to wait for another process that writes: this one has time
NICENESS = 10


def read_writing(
    collection: Collection, *, limit: int = 0, on_progress: ProgressCallback = ignore_progress
) -> WritingReport:
    """Recognise the writing in photos that were not read yet, at most `limit` (0: all).

    The collection is only locked while a batch is committed; an interruption loses one batch. This
    process gets a lower priority and keeps it. A photo whose file cannot be read now is left for
    the next run. Raises MissingExtraError without rapidocr, UsageError, LockedError, StorageError.
    """
    if limit < 0:
        raise UsageError(f"limit must be 0 (all photos) or more, not {limit}.")
    begun = time.monotonic()
    waiting = collection.catalog.unread_photos()
    chosen = waiting[: limit or None]
    found = read = 0
    if chosen:
        reader, name = _load()
        if hasattr(os, "nice"):
            os.nice(NICENESS)
        try:
            for start in range(0, len(chosen), BATCH):
                texts = _read(collection, chosen[start : start + BATCH], reader)
                _write(collection, name, texts)
                read += len(texts)
                found += sum(bool(text) for text in texts.values())
                done = min(start + BATCH, len(chosen))
                rate = done / max(time.monotonic() - begun, 1e-3)
                on_progress(Progress("reading writing", done, len(chosen), rate))
        finally:
            _keep(collection)  # once: it writes down all writing
    return WritingReport(
        photos=read,
        with_writing=found,
        unreadable=len(chosen) - read,
        left=len(waiting) - len(chosen),
        seconds=time.monotonic() - begun,
    )


def _keep(collection: Collection) -> None:
    """Keep the writing beside the catalog too; where another process writes, the next run does."""
    with suppress(LockedError), collection.writing():
        keep(collection.path, collection.catalog, WRITING)


def _write(collection: Collection, reader: str, texts: dict[int, str]) -> None:
    before, collection.patience = collection.patience, PATIENCE_S
    try:
        with collection.writing(), collection.catalog.writing() as connection:
            write_writing(connection, reader, texts)
    finally:
        collection.patience = before


def _read(collection: Collection, ids: Sequence[int], reader: Reader) -> dict[int, str]:
    """The writing in these photos, of those that have a file that can be read."""
    from retrieval.pictures import load_picture

    texts: dict[int, str] = {}
    for photo in collection.reader.photos_by_id(ids).values():
        for path in photo.paths:
            try:
                texts[photo.id] = reader(load_picture(path, SIDE).image)
            except ImageError:
                continue
            break
    return texts


def _load() -> tuple[Reader, str]:
    """What reads a picture on one thread, and its name with the version; may raise ImageError."""
    try:
        import cv2
        from rapidocr import RapidOCR
    except ImportError as exc:
        raise MissingExtraError(
            f"Reading the writing in photos needs rapidocr, which cannot be loaded ({exc}). "
            f"Install it with: {sys.executable} -m pip install 'retrieval[ocr]'"
        ) from exc
    name = f"rapidocr {version('rapidocr')}"
    quiet = {"Global.log_level": "critical"}
    threads = {f"EngineConfig.onnxruntime.{kind}_op_num_threads": 1 for kind in ("intra", "inter")}
    engine: Any = RapidOCR(params=quiet | threads)

    def read(image: Image.Image) -> str:
        if min(image.size) * MOST_SIDE < LEAST_LINE * max(image.size):
            return ""  # too thin for a line once it is reduced, which rapidocr cannot take
        pixels = np.asarray(image.convert("RGB"))[:, :, ::-1]  # (height, width, BGR)
        before = cv2.getNumThreads()
        cv2.setNumThreads(1)
        try:
            lines = engine(np.ascontiguousarray(pixels)).txts
        except Exception as exc:  # of several libraries, without a base: one photo stops no run
            raise ImageError(f"its writing cannot be read: {exc}") from exc
        finally:
            cv2.setNumThreads(before)
        return "\n".join(lines or ())

    return read, name
