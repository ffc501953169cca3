"""Photos like one that is given as a file, whether the collection holds it or not."""

from __future__ import annotations

import os
from collections.abc import Callable
from collections.abc import Collection as Several
from dataclasses import replace
from typing import TYPE_CHECKING

from retrieval.errors import ImageError, QueryError
from retrieval.records import Part, Query, SearchResult
from retrieval.searching import MAX_K, checked_k, search
from retrieval.storage.stored import rows_of

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.storage.readable import Readable


def similar(
    collection: Collection,
    path: str | os.PathLike[str],
    k: int = 10,
    *,
    ask: Callable[[Query, int], SearchResult] | None = None,
) -> SearchResult:
    """The k photos that are most like the one in the file at `path`, best first.

    The photo itself, and so its exact copies, are left out. Where the collection holds it, its
    stored embedding is used and the file need not even be there; else it is decoded and embedded.
    `ask` searches for k photos in place of `search`. Raises QueryError, ImageError, and what
    searching raises.
    """
    shown = checked_k(k)
    query = query_like(collection.reader, path)
    out = photos_named(query)
    wanted = min(shown + len(out), MAX_K)
    found = ask(query, wanted) if ask else search(collection, query, k=wanted)
    return left_out(found, out, shown)


def query_like(reader: Readable, path: str | os.PathLike[str]) -> Query:
    """The query for photos like the one in the file at `path`: of a photo's id, or of a file.

    Raises QueryError where there is no such file, in the collection or on disk, and ImageError
    where it is none that can be read.
    """
    where = os.path.abspath(os.path.expanduser(os.fspath(path)))
    known = _known_photo(reader, where)
    if known is None and os.path.isfile(where):
        known = _same_content(reader, where)
    if known is not None:
        return Query((Part("photo", str(known)),))
    if not os.path.isfile(where):
        raise QueryError(f"There is no picture file {where}. Check the path.")
    return Query((Part("image", where),))


def photos_named(query: Query) -> tuple[int, ...]:
    """The ids of the photos that a query gives as examples or marks."""
    return tuple(int(part.value) for part in query.parts if part.kind in ("photo", "like"))


def left_out(result: SearchResult, ids: Several[int], k: int) -> SearchResult:
    """The first k hits that are none of these photos, ranked anew."""
    kept = [hit for hit in result.hits if hit.kind != "photo" or hit.id not in ids][:k]
    hits = tuple(replace(hit, rank=rank) for rank, hit in enumerate(kept, 1))
    return replace(result, hits=hits)


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
