"""Small pictures of photos: derived, made when first asked for, kept where that is possible."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from retrieval.errors import ImageError, StorageError
from retrieval.layout import storage_errors, write_atomically
from retrieval.records import Photo


def thumbnail_file(folder: Path, photo: Photo) -> Path:
    """The file in `folder`. Raises ImageError; StorageError where it cannot be kept."""
    path = _place(folder, photo)
    if not path.exists():
        _keep(path, _make(photo))
    return path


def thumbnail_data(folder: Path, photo: Photo) -> bytes:
    """The same as bytes, also where it cannot be kept. Raises ImageError."""
    path = _place(folder, photo)
    with suppress(OSError):
        return path.read_bytes()
    data = _make(photo)
    with suppress(StorageError):  # a read-only place, a full disk: made anew each time
        _keep(path, data)
    return data


def _place(folder: Path, photo: Photo) -> Path:
    name = photo.content_hash.hex()
    return folder / name[:2] / f"{name}.jpg"


def _keep(path: Path, data: bytes) -> None:
    with storage_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, data)


def _make(photo: Photo) -> bytes:
    from retrieval.images import read_content, thumbnail

    for source in photo.paths:
        with suppress(OSError, ImageError):
            content = read_content(source)
            if content.content_hash == photo.content_hash:  # else changed since it was indexed
                return thumbnail(content.data)
    raise ImageError("none of its files holds this photo any more; index the folder again")
