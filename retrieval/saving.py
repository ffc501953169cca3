"""Queries that the user keeps in a collection, by name."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

from retrieval.errors import UsageError

if TYPE_CHECKING:
    from retrieval.collection import Collection

MOST_CHARACTERS = 100  # of a name
LONGEST_QUERY = 2_000  # characters, as queries.MAX_CHARACTERS


def saved_queries(collection: Collection) -> dict[str, str]:
    """The queries that are kept, by name, in the order of their names."""
    found = collection.reader.fetch("SELECT name, query FROM saved ORDER BY name")
    return {name: query for name, query in found}


def saved_query(collection: Collection, name: str) -> str:
    """The query of this name. Raises UsageError that names near ones if there is none."""
    found = collection.reader.fetch("SELECT query FROM saved WHERE name = ?", _as_stored(name))
    if not found:
        raise _unknown(name, list(saved_queries(collection)))
    return str(found[0][0])


def save_query(collection: Collection, name: str, query: str, *, replace: bool = False) -> None:
    """Keep a query, as a user types it, under a name.

    Raises UsageError for a name or a query that cannot be used, and for a name that is taken unless
    `replace`; LockedError, StorageError.
    """
    from retrieval.storage import edits

    checked, text = _checked_name(name), _checked_query(query)
    with collection.writing():
        taken = saved_queries(collection).get(checked)
        if taken is not None and not replace and taken != text:
            raise UsageError(
                f"{checked!r} is kept already, for: {taken}. Choose another name, or replace it "
                "with --replace."
            )
        with collection.catalog.writing() as connection:
            edits.save_queries(connection, {checked: text})


def remove_query(collection: Collection, name: str) -> None:
    """Remove a query that is kept. Raises UsageError if there is none; LockedError."""
    from retrieval.storage import edits

    with collection.writing():
        with collection.catalog.writing() as connection:
            there = edits.remove_saved(connection, _as_stored(name))
        if not there:
            raise _unknown(name, list(saved_queries(collection)))


def _unknown(name: str, names: list[str]) -> UsageError:
    near = get_close_matches(name, names, 3) or names[:5]
    known = f"there are {', '.join(near)}" if near else "none is kept yet"
    return UsageError(f"No query is kept as {name!r}; {known}. See them all with: retrieval saved")


def _as_stored(name: str) -> str:
    return name.encode("utf-8", "replace").decode("utf-8").strip()


def _checked_name(name: str) -> str:
    stored = _as_stored(name)
    if not stored or len(stored) > MOST_CHARACTERS or not stored.isprintable():
        raise UsageError(
            f"{name!r:.60} is no name for a query. Use 1 to {MOST_CHARACTERS} letters, digits, "
            "spaces or signs."
        )
    return stored


def _checked_query(query: str) -> str:
    text = query.encode("utf-8", "replace").decode("utf-8").strip()
    if not text:
        raise UsageError("The query is empty. Give the words to be searched for.")
    if len(text) > LONGEST_QUERY:
        raise UsageError(
            f"The query has {len(text):,} characters; at most {LONGEST_QUERY:,} are taken. "
            "Shorten it."
        )
    if "\0" in text:
        raise UsageError("The query holds a NUL character. Leave it out.")
    return text
