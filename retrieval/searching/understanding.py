"""What a query means in one collection: the plan that is searched and shown."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from retrieval.places import is_place
from retrieval.queries.compiling import compile_query
from retrieval.searching.feedback import with_feedback

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.records import Query, SearchOptions


def understood(collection: Collection, query: Query, options: SearchOptions) -> Query:
    """The query with what was typed made into parts and filters, and with marks for feedback.

    Raises QueryError for what cannot be meant.
    """
    if any(part.kind == "box" for part in query.parts):
        today = datetime.date.today()
        known = lambda name: is_place(name, collection.cache)  # noqa: E731
        query = compile_query(query, collection.vocabulary(), today, known)
    return with_feedback(query, options.like, options.unlike)
