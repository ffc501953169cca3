"""What a query means in one collection: the plan that is searched and shown."""

from __future__ import annotations

import datetime
from contextlib import suppress
from typing import TYPE_CHECKING

from retrieval.errors import PlacesError
from retrieval.places import places
from retrieval.searching.feedback import with_feedback
from retrieval.storage.lexical import stand_together

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.records import Query, SearchOptions


def understood(collection: Collection, query: Query, options: SearchOptions) -> Query:
    """The query with what was typed made into parts and filters, and with marks for feedback.

    Raises QueryError for what cannot be meant.
    """
    if any(part.kind == "box" for part in query.parts):
        from retrieval.queries.compiling import compile_query

        def known(name: str) -> str:
            return sort_of_place(name, collection.cache)

        def said(name: str) -> bool:
            return stand_together(collection.reader, name)

        today = datetime.date.today()
        query = compile_query(query, collection.vocabulary(), today, known, said)
    return with_feedback(query, options.like, options.unlike)


def is_place(name: str, cache: str) -> bool:
    """Whether there is such a place anywhere; without the data on places, none is known."""
    return bool(sort_of_place(name, cache))


def sort_of_place(name: str, cache: str) -> str:
    """ "city", "region" or "country", as most people mean the name; "" where there is none."""
    with suppress(PlacesError):
        return next((place.kind for place in places(cache).named(name)), "")
    return ""
