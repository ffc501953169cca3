"""All that a query matches, without describing it: for counting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrieval.errors import LockedError
from retrieval.searching.attempt import Attempt
from retrieval.searching.candidates import find

if TYPE_CHECKING:
    from collections.abc import Collection as Several

    from retrieval.collection import Collection
    from retrieval.records import SearchOptions, SearchResult

ATTEMPTS = 20


def matching_ids(
    collection: Collection,
    result: SearchResult,
    options: SearchOptions,
    among: Several[int] | None = None,
) -> list[int]:
    """The ids of all photos that match a result's query, best first; near-duplicates one by one.

    `result` is that of a search with the same options. Raises what searching raises.
    """
    for _ in range(ATTEMPTS):
        attempt = Attempt.begin(collection, result.query, options, among)
        found = find(attempt, max(result.relevant or 0, 1))
        if found is not None:
            return [each.id for each in found.ranked if each.likely]
    raise LockedError(
        f"The collection at {collection.path} changed too fast to be read. Ask again."
    )
