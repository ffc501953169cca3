"""What is known of photos, as rows: facts and looks written, marked outdated, found missing.

Each function is a part of a transaction that its caller opens.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, insert, or_, select, update

from retrieval.metadata import FACTS_VERSION, FROM_NAME, LOOKS_VERSION
from retrieval.records import Facts, Looks
from retrieval.storage.tables import facts, files, looks, photos

CHUNK = 500  # bound parameters in one IN list; SQLite's own limit is far higher
OUTDATED = 0  # the version of facts that are to be read again


@dataclass(frozen=True, slots=True)
class Known:
    """What was read once more of a photo that is known; None stays as it was."""

    photo_id: int
    facts: Facts | None = None
    looks: Looks | None = None


def write_rows(connection: Connection, known: Sequence[Known]) -> None:
    """Write facts and looks in place of what was known before."""
    _replace(connection, facts, [_facts_row(k.photo_id, k.facts) for k in known if k.facts])
    _replace(connection, looks, [_looks_row(k.photo_id, k.looks) for k in known if k.looks])


def _replace(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        connection.execute(insert(table).prefix_with("OR REPLACE"), rows)


def _facts_row(photo_id: int, known: Facts) -> dict[str, Any]:
    values = {name: getattr(known, name) for name in known.__slots__}
    keywords = json.dumps(known.keywords, ensure_ascii=False)
    return {**values, "photo_id": photo_id, "version": FACTS_VERSION, "keywords": keywords}


def _looks_row(photo_id: int, known: Looks) -> dict[str, Any]:
    values = {name: getattr(known, name) for name in known.__slots__}
    colours = json.dumps(known.colours)
    return {**values, "photo_id": photo_id, "version": LOOKS_VERSION, "colours": colours}


def mark_outdated(connection: Connection, ids: Sequence[int], *, by_name: bool = False) -> None:
    """Have facts read again; with `by_name` only where a file name gave the date, or might."""
    named = facts.c.taken_from.is_(None) | (facts.c.taken_from == FROM_NAME)
    for part in chunks(ids):
        mine = facts.c.photo_id.in_(part)
        where = (mine, named) if by_name else (mine,)
        connection.execute(update(facts).where(*where).values(version=OUTDATED))


def outdated_photos(connection: Connection) -> list[tuple[int, bool, bool]]:
    """Photos that stand in a file and of which something is not known as it is known today.

    Each with whether its facts and whether its looks are missing.
    """
    no_facts = or_(facts.c.version.is_(None), facts.c.version != FACTS_VERSION)
    no_looks = or_(looks.c.version.is_(None), looks.c.version != LOOKS_VERSION)
    query = (
        select(photos.c.id, no_facts, no_looks)
        .outerjoin(facts, facts.c.photo_id == photos.c.id)
        .outerjoin(looks, looks.c.photo_id == photos.c.id)
        .where(no_facts | no_looks, photos.c.id.in_(select(files.c.photo_id)))
        .order_by(photos.c.id)
    )
    return [(row[0], bool(row[1]), bool(row[2])) for row in connection.execute(query)]


def chunks(values: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Parts of a list that one statement can name."""
    for start in range(0, len(values), CHUNK):
        yield values[start : start + CHUNK]
