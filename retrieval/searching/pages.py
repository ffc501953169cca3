"""Hits page by page: pure functions, without a collection.

A cursor says where the page after it begins. It is a text that is opaque to users and checked here:

    base64url(JSON [version, asked, generation, shown, last]) + "." + CRC-32 of that, in hex

`asked` is a digest of the search, `generation` the catalog's, `shown` how many hits the pages so
far held, and `last` the ids of the last of them. Where the generation is the same, the next page
begins at position `shown`. Where it is not, it begins behind the last hit that is still there: as
long as photos keep their order among each other, which scores and dates do, no photo that was
there is repeated or left out. New ones may belong on pages that were read already; so the page says
that the collection has `changed`, and whoever wants these begins anew.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from retrieval.errors import UsageError
from retrieval.records import Kind, Order, Query

VERSION = 1
ANCHORS = 5  # ids that a cursor names: the last hit may be deleted before the next page
MOST_CHARACTERS = 1_000  # of a cursor; a real one has about 120
MOST = 1 << 53


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page begins: behind `shown` hits, of which `last` are the ids of the last few."""

    asked: str
    generation: int
    shown: int
    last: tuple[int, ...]


class Listed(Protocol):
    """What can stand on a page: a hit, or what is to become one."""

    @property
    def id(self) -> int:
        """Of the photo or document."""


L = TypeVar("L", bound=Listed)


@dataclass(frozen=True, slots=True)
class Page(Generic[L]):
    """Some of the hits, ranked as in the whole list; `next` is the cursor behind them or "".

    `changed` says that the collection is no longer what it was when the first page was made.
    """

    hits: tuple[L, ...]
    next: str
    changed: bool = False


def digest(query: Query, kind: Kind, by: Order, *more: object) -> str:
    """Which search a cursor belongs to, of 16 characters.

    `more` is whatever else decides on hits and their order, such as the collection's path.
    """
    asked = [query.parts, query.filters, kind, by, *more]
    return hashlib.sha256(repr(asked).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def read_cursor(text: str, asked: str, generation: int) -> Cursor:
    """What a cursor says; "" is the first page's.

    `asked` is the digest of the search that it is given to, `generation` the catalog's of now.
    Raises UsageError for one that is damaged, of another search, or not of this collection.
    """
    if not text:
        return Cursor(asked, generation, 0, ())
    cursor = _decoded(text)
    if cursor.asked != asked:
        raise UsageError(
            "This cursor belongs to another search. Ask with the same words, filters, order and "
            "collection as on the page that it comes from, or leave it out for the first page."
        )
    if cursor.generation > generation:
        raise UsageError(
            "This cursor is newer than the collection, which was perhaps made anew. "
            "Leave it out for the first page."
        )
    return cursor


def needed(cursor: Cursor, k: int, generation: int, most: int) -> int:
    """How many hits `page` must be given for a page of k, at most `most`.

    One more than are shown tells whether another page follows; where the collection has changed,
    the hits that were shown may stand anywhere.
    """
    return min(most, cursor.shown + k + 1) if cursor.generation == generation else most


def page(hits: Sequence[L], k: int, cursor: Cursor, generation: int) -> Page[L]:
    """The k hits behind the cursor, of all hits in their order (or the first `needed` of them)."""
    changed = cursor.generation != generation
    start = _behind(hits, cursor) if changed else cursor.shown
    chosen = tuple(hits[start : start + k])
    end = start + len(chosen)
    if not chosen or end >= len(hits):
        return Page(chosen, "", changed)
    last = (*cursor.last, *(hit.id for hit in chosen))[-ANCHORS:]
    follows = Cursor(cursor.asked, cursor.generation, end, last)
    return Page(chosen, _encoded(follows), changed)


def _behind(hits: Sequence[Listed], cursor: Cursor) -> int:
    """The position behind the last hit that was shown and is still there."""
    places = {hit.id: position for position, hit in enumerate(hits)}
    for item in reversed(cursor.last):
        if item in places:
            return places[item] + 1
    return min(cursor.shown, len(hits))


# --- the text of a cursor -------------------------------------------------------------------


def _encoded(cursor: Cursor) -> str:
    values = [VERSION, cursor.asked, cursor.generation, cursor.shown, cursor.last]
    data = json.dumps(values, separators=(",", ":")).encode()
    return f"{base64.urlsafe_b64encode(data).decode().rstrip('=')}.{zlib.crc32(data):08x}"


def _decoded(text: str) -> Cursor:
    wrong = UsageError(
        "This is no cursor of a search, or a part of it is missing. Copy it whole from the page "
        "before, or leave it out for the first page."
    )
    if len(text) > MOST_CHARACTERS or not text.isascii():
        raise wrong
    body, _, check = text.strip().partition(".")
    try:
        data = base64.b64decode(body + "=" * (-len(body) % 4), b"-_", validate=True)
        if f"{zlib.crc32(data):08x}" != check:
            raise wrong
        values = json.loads(data)
    except (binascii.Error, ValueError, RecursionError) as exc:
        raise wrong from exc
    if isinstance(values, list) and values and values[0] != VERSION:
        raise UsageError(
            "This cursor was made by another version of the program. "
            "Leave it out for the first page."
        )
    if not _is_sound(values):
        raise wrong
    _, asked, generation, shown, last = values
    return Cursor(asked, generation, shown, tuple(last))


def _is_sound(values: Any) -> bool:
    """Whether these are the five values of a cursor: the checksum is no defence against forgers."""
    if not isinstance(values, list) or len(values) != 5:
        return False
    _, asked, generation, shown, last = values
    if not isinstance(asked, str) or not isinstance(last, list) or len(last) > ANCHORS:
        return False
    numbers = [generation, shown, *last]
    return all(type(number) is int and 0 <= number < MOST for number in numbers)
