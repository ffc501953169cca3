"""Photos like one that is given as a file, whether the collection holds it or not."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from retrieval.errors import ImageError, QueryError
from retrieval.records import Part, Query, SearchResult
from retrieval.searching import search
from retrieval.storage.readable import as_path
from retrieval.storage.stored import rows_of

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.storage.readable import Readable


def similar(collection: Collection, path: str | os.PathLike[str], k: int = 10) -> SearchResult:
    """The k photos that are most like the one in the file at `path`, best first.

    The photo itself, and so its exact copies, are left out. Where the collection holds it, its
    stored embedding is used and the file need not even be there; else it is decoded and embedded.
    Raises QueryError, ImageError, and what search raises.
    """
    query = query_like(collection.reader, path)
    return search(collection, query, k=k, apart_from=photos_named(query))


def query_like(reader: Readable, path: str | os.PathLike[str]) -> Query:
    """The query for photos like the one in the file at `path`: of a photo's id, or of a file.

    A name without a folder may also be that of one photo of the collection, wherever it lies.
    Raises QueryError where there is no such file, in the collection or on disk, and ImageError
    where it is none that can be read.
    """
    where = os.path.abspath(os.path.expanduser(os.fspath(path)))
    known = _known_photo(reader, where)
    if known is None and os.path.isfile(where):
        known = _same_content(reader, where)
    elif known is None and os.path.basename(name := os.fspath(path)) == name:
        known = _named(reader, name)
    if known is not None:
        return Query((Part("photo", str(known)),))
    if not os.path.isfile(where):
        raise QueryError(f"There is no picture file {where}. Check the path.")
    return Query((Part("image", where),))


def photos_named(query: Query) -> tuple[int, ...]:
    """The ids of the photos that a query gives as examples or marks."""
    return tuple(int(part.value) for part in query.parts if part.kind in ("photo", "like"))


def _known_photo(reader: Readable, path: str) -> int | None:
    """The photo that the collection knows at this path, unless the file has changed since."""
    found = reader.fetch(
        "SELECT photo_id, size, mtime_ns FROM files WHERE path = ? AND photo_id IS NOT NULL",
        _stored(path),
    )
    if not found:
        return None
    photo, size, mtime_ns = found[0]
    try:
        status = os.stat(path)
    except OSError:  # its disk is not connected
        return _if_embedded(reader, photo)
    unchanged = (status.st_size, status.st_mtime_ns) == (size, mtime_ns)
    return _if_embedded(reader, photo) if unchanged else None


def _named(reader: Readable, name: str) -> int | None:
    """The one photo whose file has this name. QueryError where several photos have."""
    found = reader.fetch(
        "SELECT photo_id, path FROM files WHERE photo_id IS NOT NULL AND path LIKE ? ESCAPE '\\'",
        "%/" + re.sub(r"([%_\\])", r"\\\1", name.encode("utf-8", "replace").decode("utf-8")),
    )
    photos = {photo: as_path(path) for photo, path in found}
    if len(photos) > 1:
        several = ", ".join(sorted(photos.values())[:3])
        raise QueryError(f"{len(photos)} photos are called {name}. Give a path, such as {several}.")
    return _if_embedded(reader, min(photos)) if photos else None


def _same_content(reader: Readable, path: str) -> int | None:
    from retrieval.pictures.images import read_content

    try:
        content = read_content(path)
    except OSError as exc:
        raise ImageError(f"{path} cannot be read: {exc.strerror or exc}") from exc
    except ImageError as exc:
        raise ImageError(
            f"{path} cannot be used as a query: {exc}. Choose another picture."
        ) from exc
    found = reader.fetch("SELECT id FROM photos WHERE content_hash = ?", content.content_hash)
    return _if_embedded(reader, found[0][0]) if found else None


def _if_embedded(reader: Readable, photo: int) -> int | None:
    space = reader.active_space()
    return photo if space is not None and rows_of(reader, space, "photos", [photo]) else None


def _stored(path: str) -> str | bytes:
    """A path as the catalog keeps it: one that is not UTF-8 as its bytes."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path
