"""Conversations and their turns: the SQL that reads and writes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, delete, func, insert, select

from retrieval.storage.tables import conversations, turn_photos, turns

if TYPE_CHECKING:
    from retrieval.storage.readable import Readable

#: A row of `turns`: id, number, question, answer, status, plan, at.
Row = tuple[int, int, str, str, str, str, str]


def read_turns(reader: Readable, name: str, most: int) -> list[Row]:
    """The newest `most` turns of a conversation, in their order."""
    found = reader.fetch(
        "SELECT turns.id, number, question, answer, status, plan, at FROM turns"
        " JOIN conversations ON conversations.id = conversation_id WHERE name = ?"
        " ORDER BY number DESC LIMIT ?",
        name,
        most,
    )
    return [(row[0], row[1], row[2], row[3], row[4], row[5], row[6]) for row in reversed(found)]


def photos_of_turn(reader: Readable, turn_id: int) -> tuple[int, ...]:
    """The ids of a turn's photos by their numbers, from 1."""
    found = reader.fetch("SELECT photo_id FROM turn_photos WHERE turn_id = ? ORDER BY n", turn_id)
    return tuple(photo for (photo,) in found)


def listed(reader: Readable) -> list[tuple[str, str, int]]:
    """Name, beginning and number of turns of each conversation, the newest first."""
    found = reader.fetch(
        "SELECT name, begun_at, count(turns.id) FROM conversations"
        " LEFT JOIN turns ON conversation_id = conversations.id"
        " GROUP BY conversations.id ORDER BY conversations.id DESC"
    )
    return [(name, begun, count) for name, begun, count in found]


def add_turn(
    connection: Connection,
    name: str,
    values: dict[str, Any],
    photos: Sequence[int],
) -> int:
    """Add a turn to a conversation, which begins with it if there is none; returns its number."""
    conversation = _conversation(connection, name, values["at"])
    last = select(func.max(turns.c.number)).where(turns.c.conversation_id == conversation)
    number = (connection.execute(last).scalar() or 0) + 1
    _insert(connection, {**values, "conversation_id": conversation, "number": number}, photos)
    return int(number)


def restore_turn(connection: Connection, kept: dict[str, Any], photos: Sequence[int]) -> None:
    """Put a turn back as it was; `kept` names also its conversation and that one's beginning."""
    conversation = _conversation(connection, kept["conversation"], kept["begun_at"])
    columns = ("number", "question", "answer", "status", "plan", "at")
    row = {name: kept[name] for name in columns}
    _insert(connection, {**row, "conversation_id": conversation}, photos)


def _conversation(connection: Connection, name: str, begun_at: str) -> int:
    """The id of a conversation, which is made if there is none of this name."""
    known = select(conversations.c.id).where(conversations.c.name == name)
    conversation = connection.execute(known).scalar()
    if conversation is None:
        begun = connection.execute(insert(conversations).values(name=name, begun_at=begun_at))
        conversation = begun.lastrowid
    return int(conversation)


def _insert(connection: Connection, row: dict[str, Any], photos: Sequence[int]) -> None:
    turn = connection.execute(insert(turns).values(**row)).lastrowid
    rows = [{"turn_id": turn, "n": n, "photo_id": photo} for n, photo in enumerate(photos, 1)]
    if rows:
        connection.execute(insert(turn_photos), rows)


def remove_conversations(connection: Connection, name: str | None) -> int:
    """Remove a conversation, or all of them; how many turns that were."""
    doomed = select(conversations.c.id)
    if name is not None:
        doomed = doomed.where(conversations.c.name == name)
    counted = select(func.count()).where(turns.c.conversation_id.in_(doomed))
    count = connection.execute(counted).scalar() or 0
    chosen = select(turns.c.id).where(turns.c.conversation_id.in_(doomed))
    connection.execute(delete(turn_photos).where(turn_photos.c.turn_id.in_(chosen)))
    connection.execute(delete(turns).where(turns.c.conversation_id.in_(doomed)))
    connection.execute(delete(conversations).where(conversations.c.id.in_(doomed)))
    return int(count)
