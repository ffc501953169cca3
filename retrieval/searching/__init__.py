"""Search a collection: understand the query, find what is near, judge it, describe the hits.

`understanding` makes a plan of what was typed, `composing` one vector of its parts, `candidates`
ranks what passes its filters, `judging` says how likely each is to be meant, `hits` describes the
page that is shown.
"""

from __future__ import annotations

import time
from collections.abc import Collection as Several
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, SupportsIndex

from retrieval.errors import LockedError, QueryError
from retrieval.queries import make_query
from retrieval.records import (
    FUSIONS,
    KINDS,
    ORDERS,
    Fusion,
    Kind,
    Order,
    Query,
    SearchOptions,
    SearchResult,
)
from retrieval.searching.attempt import Attempt
from retrieval.searching.candidates import find
from retrieval.searching.hits import describe
from retrieval.searching.pages import digest, needed, page, read_cursor
from retrieval.searching.understanding import understood

if TYPE_CHECKING:
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
    fusion: Fusion = "hybrid",
    order: Order = "relevance",
    fold: bool = True,
    after: str = "",
    like: Iterable[int] = (),
    unlike: Iterable[int] = (),
    apart_from: Iterable[int] = (),
    everything: bool = False,
) -> SearchResult:
    """Find the k items of `kind` that the query means (or what make_query takes), best first.

    A text is read as the search box reads it: dates, places, cameras, quotes and fields in it
    become filters, which every hit passes, and the result's query shows them as chips. A hit's
    `score` is the cosine between the query's vector and the item's; it orders hits and has no
    absolute meaning. Its `relevance` is a probability, and only hits that are marked
    `relevant` may well be meant; they come first. `fusion` says whether words and linked documents
    have a say (searching.fusing), `like` and `unlike` are ids of photos that lead the query
    (feedback), `apart_from` of photos that are not to be found. With `among` only items of these
    ids are found. `fold` puts near-duplicates behind their best picture. `order` sorts all that is
    relevant by date or place instead, with `everything` all that passes the filters; `after` is the
    `next` of the page before.

    Every live item is compared, or where the collection is large those on a shortlist: the result's
    `method` says which. Raises QueryError, UsageError, ImageError, EncoderMismatchError,
    NoCollectionError.
    """
    asked = query if isinstance(query, Query) else make_query(query, empty=bool(like))
    options = SearchOptions(
        kind=kind,
        k=k,
        fusion=fusion,
        order=order,
        fold=fold,
        after=after,
        like=tuple(like),
        unlike=tuple(unlike),
        apart_from=tuple(apart_from),
        everything=everything,
    )
    return run(collection, asked, options, among)


def run(
    collection: Collection,
    query: Query,
    options: SearchOptions,
    among: Several[int] | None = None,
) -> SearchResult:
    """The same with the options as one record."""
    options = _checked(options)
    collection.check_encoder()
    collection.store(options.kind)  # says that there is nothing to search before a model is loaded
    begun = time.perf_counter()
    asked = understood(collection, query, options)
    understanding = time.perf_counter() - begun
    if any(part.kind in ("text", "image") for part in asked.parts):
        collection.query_encoder()  # loading it is no part of the search
    begun = time.perf_counter() - understanding
    for _ in range(ATTEMPTS):
        result = _attempt(collection, asked, options, among)
        if result is not None:
            return replace(result, elapsed_ms=(time.perf_counter() - begun) * 1000)
    raise LockedError(
        f"The collection at {collection.path} changed too fast to be read. Search again."
    )


def _attempt(
    collection: Collection, asked: Query, options: SearchOptions, among: Several[int] | None
) -> SearchResult | None:
    """One search on one state of the collection; None if that was replaced meanwhile."""
    generation = collection.reader.generation()
    attempt = Attempt.begin(collection, asked, options, among)
    which = replace(options, k=1, after="")
    named = digest(asked, options.kind, options.order, collection.path, which, among)
    cursor = read_cursor(options.after, named, generation)
    found = find(attempt, needed(cursor, options.k, generation, MAX_K))
    if found is None:
        return None
    shown = page(found.ranked, options.k, cursor, generation)
    first = found.ranked.index(shown.hits[0]) + 1 if shown.hits else 1
    hits = describe(collection, attempt.space, options.kind, shown.hits, first)
    if hits is None:
        return None
    return SearchResult(
        query=asked,
        kind=options.kind,
        hits=tuple(hits),
        considered=found.considered,
        elapsed_ms=0.0,
        encoder=attempt.space.encoder,
        method=found.method,
        matched=found.matched,
        relevant=found.relevant,
        next=shown.next,
        present=found.present,
    )


def _checked(options: SearchOptions) -> SearchOptions:
    for name, value, known in (
        ("kind", options.kind, KINDS),
        ("fusion", options.fusion, FUSIONS),
        ("order", options.order, ORDERS),
    ):
        if value not in known:
            raise QueryError(f"{name} must be one of {', '.join(known)}, not {value!r}.")
    k: object = options.k
    if not isinstance(k, SupportsIndex) or isinstance(k, bool):
        raise QueryError(f"k must be a whole number between 1 and {MAX_K:,}, not {k!r}.")
    if not 1 <= k.__index__() <= MAX_K:
        raise QueryError(f"k must lie between 1 and {MAX_K:,}, not {k.__index__():,}.")
    return replace(options, k=k.__index__())
