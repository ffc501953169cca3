"""Small pictures of photos: derived, made when first asked for, kept where that is possible.

A kept one is a JPEG without metadata, followed by the CRC-32 of its bytes, which viewers ignore:
one that was damaged is made anew.
"""

from __future__ import annotations

import zlib
from contextlib import suppress
from pathlib import Path

from retrieval.errors import ImageError, StorageError
from retrieval.records import Photo
from retrieval.storage import disk
from retrieval.storage.layout import storage_errors


def thumbnail_file(folder: Path, photo: Photo) -> Path:
    """The file in `folder`. Raises ImageError; StorageError where it cannot be kept."""
    path = thumbnail_path(folder, photo.content_hash)
    if read_thumbnail(path) is None:
        _keep(path, _make(photo))
    return path


def thumbnail_data(folder: Path, photo: Photo) -> bytes:
    """The same as bytes, also where it cannot be kept. Raises ImageError."""
    path = thumbnail_path(folder, photo.content_hash)
    kept = read_thumbnail(path)
    if kept is not None:
        return kept
    data = _make(photo)
    with suppress(StorageError):  # a read-only place, a full disk: made anew each time
        _keep(path, data)
    return data


def thumbnail_path(folder: Path, content_hash: bytes) -> Path:
    """Where the thumbnail of a photo is kept."""
    name = content_hash.hex()
    return folder / name[:2] / f"{name}.jpg"


def read_thumbnail(path: Path) -> bytes | None:
    """The JPEG in a kept file; None if there is none or it is damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    picture, check = data[:-4], data[-4:]
    return picture if _checksum(picture) == check else None


def _keep(path: Path, data: bytes) -> None:
    with storage_errors(path):
        disk.make_folders(path.parent)
        disk.write_atomically(path, data + _checksum(data))


def _checksum(data: bytes) -> bytes:
    return zlib.crc32(data).to_bytes(4, "big")


def _make(photo: Photo) -> bytes:
    from retrieval.pictures import thumbnail
    from retrieval.pictures.images import read_content

    for source in photo.paths:
        with suppress(OSError, ImageError):
            content = read_content(source)
            if content.content_hash == photo.content_hash:  # else changed since it was indexed
                return thumbnail(content.data)
    raise ImageError("none of its files holds this photo any more; index the folder again")
