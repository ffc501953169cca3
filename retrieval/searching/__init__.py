"""Search a collection: embed the query, find the nearest vectors, describe the hits."""

from __future__ import annotations

import operator
import os
import time
from collections.abc import Collection as Several
from collections.abc import Iterable
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

from retrieval.errors import LockedError, QueryError
from retrieval.queries import make_query
from retrieval.records import (
    KINDS,
    Document,
    Hit,
    Kind,
    Photo,
    Query,
    SearchResult,
    Space,
)
from retrieval.searching.composing import SHORTLIST, Composition, composed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.collection import Collection

MAX_K = 100_000
ATTEMPTS = 20  # of reading a collection that another process is rewriting


def search(
    collection: Collection,
    query: Query | str | Iterable[str],
    *,
    kind: Kind = "photos",
    k: int = 10,
    among: Several[int] | None = None,
) -> SearchResult:
    """Find the k items of `kind` nearest to the query (or what make_query takes), best first.

    A hit's score is the cosine between the query's vector and the item's; it orders hits within
    one search and has no absolute meaning across queries or encoders. With `among` only items of
    these ids are found. Every live item is compared, or where the collection is large those on a
    shortlist: the result's `plan` says which. Raises QueryError, ImageError,
    EncoderMismatchError, NoCollectionError.
    """
    if kind not in KINDS:
        raise QueryError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}.")
    k = checked_k(k)
    asked = query if isinstance(query, Query) else make_query(query)
    collection.check_encoder()
    collection.store(kind)  # says that there is nothing to search before a model is loaded
    if any(part.kind in ("text", "image", "box") for part in asked.parts):
        collection.query_encoder()  # loading it is no part of the search
    started = time.perf_counter()
    composition = composed(collection, asked, kind)
    depth = max(k, SHORTLIST) if composition.reorders else k
    for _ in range(ATTEMPTS):
        space, store = collection.store(kind)
        allowed = None if among is None else _rows(collection, space, kind, among)
        wanted = min(depth, max(len(store), 1))
        scores, rows = store.search(composition.vector[None], wanted, allowed)
        scores = scores.clip(-1, 1)  # rows are rounded to float16: a cosine may come out as 1.0004
        found = [(int(r), float(s)) for r, s in zip(rows[0], scores[0], strict=True) if r >= 0]
        if composition.reorders:
            reordered = _reordered(collection, space, kind, composition, found)
            if reordered is None:
                continue
            found = reordered[:k]
        hits = _describe(collection, space, kind, found)
        if hits is not None:
            break
    else:
        raise LockedError(
            f"The collection at {collection.path} changed too fast to be read. Search again."
        )
    return SearchResult(
        query=asked,
        kind=kind,
        hits=tuple(hits),
        considered=len(store) if allowed is None else len(allowed),
        elapsed_ms=(time.perf_counter() - started) * 1000,
        encoder=space.encoder,
        method=str(store.plan(k, None if allowed is None else len(allowed))),
    )


def checked_k(k: object) -> int:
    """How many hits are asked for. Raises QueryError for what is no number of them."""
    if not isinstance(k, SupportsIndex) or isinstance(k, bool):
        raise QueryError(f"k must be a whole number between 1 and {MAX_K:,}, not {k!r:.60}.")
    number = k.__index__()
    if not 1 <= number <= MAX_K:
        raise QueryError(f"k must lie between 1 and {MAX_K:,}, not {number:,}.")
    return number


def _reordered(
    collection: Collection,
    space: Space,
    kind: Kind,
    composition: Composition,
    found: list[tuple[int, float]],
) -> list[tuple[int, float]] | None:
    """Candidates (row, score), first those that have all that is wanted; None if they are gone."""
    rows = np.array([row for row, _ in found], np.int64)
    vectors = collection.vectors_at(space, kind, rows)
    if vectors is None:
        return None
    return [found[at] for at in composition.best_first(rows, vectors)]


def _rows(
    collection: Collection, space: Space, kind: Kind, items: Several[int]
) -> NDArray[np.int64]:
    try:
        ids = [operator.index(item) for item in items]  # numpy's integers too
    except TypeError as exc:
        raise QueryError("among takes the ids of items, which are whole numbers.") from exc
    known = [item for item in ids if 0 <= item < 1 << 63]
    return np.array(collection.catalog.live_rows(space, kind, known), np.int64)


def _describe(
    collection: Collection, space: Space, kind: Kind, found: list[tuple[int, float]]
) -> list[Hit] | None:
    """What stands at rows of the vectors that were searched; None if they were replaced meanwhile.

    Each item is compared with the key of its row, so that no photo is shown for another's vector.
    """
    catalog = collection.reader
    with catalog.snapshot():
        then = catalog.active_space()
        items = catalog.items_at(space, kind, [row for row, _ in found])
        ranked = [(items[row], score) for row, score in found if row in items]
        if kind == "photos":
            photos = catalog.photos_by_id(list(items.values()))
            hashes = {
                row: photos[i].content_hash if i in photos else b"" for row, i in items.items()
            }
            hits = _photo_hits(photos, ranked)
        else:
            from retrieval.corpora import text_hash

            documents = catalog.documents_by_id(list(items.values()))
            hashes = {
                row: text_hash(documents[i].text) if i in documents else b""
                for row, i in items.items()
            }
            hits = _text_hits(documents, ranked)
    return hits if collection.are_these(space, kind, hashes, then) else None


def _photo_hits(photos: dict[int, Photo], ranked: list[tuple[int, float]]) -> list[Hit]:
    hits: list[Hit] = []
    for item, score in ranked:
        photo = photos.get(item)
        if photo is None or not photo.paths:
            continue  # its last file left the collection while this search ran
        first, *also = _that_exists_first(photo.paths)
        rank = len(hits) + 1
        hits.append(Hit(rank, "photo", item, score, first, tuple(also), photo.width, photo.height))
    return hits


def _that_exists_first(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Files of one photo, ahead the first that can be shown: others may have been deleted."""
    if len(paths) == 1:
        return paths
    first = next((path for path in paths if os.path.exists(path)), paths[0])
    return first, *(path for path in paths if path != first)


def _text_hits(documents: dict[int, Document], ranked: list[tuple[int, float]]) -> list[Hit]:
    hits: list[Hit] = []
    for item, score in ranked:
        document = documents.get(item)
        if document is None or not document.sources:
            continue
        first, *others = document.sources
        also = tuple(dict.fromkeys(s.path for s in others if s.path != first.path))
        hits.append(
            Hit(
                rank=len(hits) + 1,
                kind="document",
                id=item,
                score=score,
                path=first.path,
                also=also,
                text=document.text,
                line=first.line,
                photo_path=first.photo_path,
            )
        )
    return hits
