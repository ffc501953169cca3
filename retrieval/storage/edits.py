"""Forget, compact and the journal: what they change in the catalog, as functions on a connection.

What indexing writes is in `commits`. Each function here is a part of one transaction that its
caller opens with `catalog.writing()`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from sqlalchemy import Connection, bindparam, delete, exists, func, insert, literal, select, update

from retrieval.errors import CorruptError
from retrieval.records import KINDS, Kind, Space
from retrieval.scan import FORGOTTEN, KnownFile
from retrieval.storage.commits import table_of
from retrieval.storage.knowledge import chunks
from retrieval.storage.tables import (
    documents,
    embeddings,
    erasures,
    files,
    photos,
    runs,
    saved,
    sources,
    spaces,
    trips,
    writing,
)
from retrieval.storage.words import photos_named, refresh_words

RUNNING = "running"
KILLED = "ended without a word (killed?)"
KEPT_RUNS = 100
MANY = 10_000  # rows that are renumbered at a time


# --- forget ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Doomed:
    """What is to be forgotten: files with the photos and documents that then stand nowhere."""

    files: tuple[KnownFile, ...]
    photos: tuple[int, ...]
    documents: tuple[int, ...]
    #: Files that lie elsewhere and hold the same photos; they are among `files`.
    copies: tuple[str, ...]
    #: Lines of other text files that name one of the photos.
    links: int


def find_doomed(connection: Connection, named: Iterable[KnownFile]) -> Doomed:
    """What goes when the files that were `named` are forgotten, with all copies of their photos."""
    going = {file.id: file for file in named}
    there = {file.path for file in going.values()}
    photo_ids = sorted({f.photo_id for f in going.values() if f.photo_id is not None})
    for part in chunks(photo_ids):
        for row in connection.execute(select(files).where(files.c.photo_id.in_(part))):
            going[row.id] = KnownFile(*row)
    paths = [file.path for file in going.values()]
    return Doomed(
        files=tuple(sorted(going.values(), key=lambda file: file.path)),
        photos=tuple(photo_ids),
        documents=tuple(_documents_only_in(connection, set(going))),
        copies=tuple(sorted(set(paths) - there)),
        links=_count_links(connection, paths, set(going)),
    )


def _documents_only_in(connection: Connection, file_ids: set[int]) -> list[int]:
    there: set[int] = set()
    for part in chunks(sorted(file_ids)):
        there.update(
            connection.scalars(select(sources.c.document_id).where(sources.c.file_id.in_(part)))
        )
    elsewhere: set[int] = set()
    for part in chunks(sorted(there)):
        places = select(sources.c.document_id, sources.c.file_id)
        for row in connection.execute(places.where(sources.c.document_id.in_(part))):
            if row.file_id not in file_ids:
                elsewhere.add(row.document_id)
    return sorted(there - elsewhere)


def _count_links(connection: Connection, paths: Sequence[str], file_ids: set[int]) -> int:
    count = 0
    for part in chunks(paths):
        holders = select(sources.c.file_id).where(sources.c.photo_path.in_(part))
        count += sum(holder not in file_ids for holder in connection.scalars(holders))
    return count


def forget(connection: Connection, doomed: Doomed, *, trace: bool) -> None:
    """Delete what is doomed, and note which rows of the vectors are to be overwritten.

    With `trace` the paths stay, so that their files are not taken in again unasked.
    """
    named = photos_named(connection, [file.id for file in doomed.files])
    _give_up_rows(connection, "photos", doomed.photos)
    _give_up_rows(connection, "documents", doomed.documents)
    for part in chunks([file.path for file in doomed.files]):
        naming = sources.c.photo_path.in_(part)
        connection.execute(update(sources).where(naming).values(photo_path=None))
    blank = {"size": 0, "mtime_ns": 0, "photo_id": None, "reason": FORGOTTEN, "reader": FORGOTTEN}
    for part in chunks([file.id for file in doomed.files]):
        mine = files.c.id.in_(part)
        connection.execute(delete(sources).where(sources.c.file_id.in_(part)))
        connection.execute(
            update(files).where(mine).values(blank) if trace else delete(files).where(mine)
        )
    for kind, ids in (("photos", doomed.photos), ("documents", doomed.documents)):
        table = photos if kind == "photos" else documents
        for part in chunks(ids):
            connection.execute(delete(table).where(table.c.id.in_(part)))
    refresh_words(connection, named)
    # Trips may tell of these photos; the caller derives the rest anew.
    connection.execute(delete(trips))
    connection.execute(update(spaces).values(generation=spaces.c.generation + 1))


def _give_up_rows(connection: Connection, kind: Kind, ids: Sequence[int]) -> None:
    columns = (embeddings.c.space_id, embeddings.c.kind, embeddings.c.row, literal(False))
    names = ["space_id", "kind", "row", "done"]
    spaces_too = embeddings.c.space_id.in_(select(spaces.c.id))  # so that the index is used
    for part in chunks(ids):
        mine = (spaces_too, embeddings.c.kind == kind, embeddings.c.item_id.in_(part))
        connection.execute(insert(erasures).from_select(names, select(*columns).where(*mine)))
        connection.execute(delete(embeddings).where(*mine))


def scrub_runs(connection: Connection, paths: Iterable[str]) -> None:
    """Take paths, and what lies below them, out of the journal."""
    gone = set(paths)
    for row in connection.execute(select(runs.c.id, runs.c.roots, runs.c.outcome)).all():
        roots = [root for root in from_json(row.roots) if not _is_below(root, gone)]
        told = any(plain(path) in row.outcome for path in gone)
        outcome = row.outcome.partition(":")[0] if told else row.outcome
        connection.execute(
            update(runs).where(runs.c.id == row.id).values(roots=json.dumps(roots), outcome=outcome)
        )


def _is_below(path: str, gone: set[str]) -> bool:
    while path not in gone:
        parent = os.path.dirname(path)
        if parent == path:
            return False
        path = parent
    return True


# --- writing in photos ---------------------------------------------------------------------


def write_writing(connection: Connection, reader: str, texts: Mapping[int, str]) -> None:
    """Note the writing in photos (by id), for those that were not forgotten meanwhile."""
    for part in chunks(sorted(texts)):
        there = list(connection.scalars(select(photos.c.id).where(photos.c.id.in_(part))))
        rows = [{"photo_id": i, "reader": reader, "text": texts[i]} for i in there]
        if rows:
            connection.execute(insert(writing).prefix_with("OR REPLACE"), rows)
        refresh_words(connection, there)


# --- compact --------------------------------------------------------------------------------


def kept_rows(connection: Connection, space: Space, kind: Kind) -> Iterator[int]:
    """The rows whose items stand in a file, in order."""
    query = select(embeddings.c.row).where(
        embeddings.c.space_id == space.id, embeddings.c.kind == kind, stands_somewhere(kind)
    )
    yield from connection.scalars(query.order_by(embeddings.c.row)).yield_per(MANY)


def known_rows(connection: Connection, space: Space, kind: Kind) -> int:
    """How many rows the catalog accounts for: embeddings, whether dead or not, and erased ones."""
    total = 0
    for table in (embeddings, erasures):
        mine = (table.c.space_id == space.id, table.c.kind == kind)
        total += connection.scalar(select(func.count()).select_from(table).where(*mine)) or 0
    return total


def drop_items(connection: Connection) -> None:
    """Delete photos and documents that stand in no file, and their embeddings."""
    for kind in KINDS:
        dead = (embeddings.c.kind == kind, ~stands_somewhere(kind))
        connection.execute(delete(embeddings).where(*dead))
        table, place = table_of(kind), occurrence(kind)
        stands = exists(select(place).where(place == table.c.id))
        connection.execute(delete(table).where(~stands))


def switch_edition(
    connection: Connection, space: Space, kind: Kind, edition: int, kept: Iterable[int]
) -> None:
    """Let the vectors be those of `edition`, which holds the `kept` rows (ascending) and no other.

    The embeddings of all others must have been deleted before.
    """
    mine = (embeddings.c.space_id == space.id, embeddings.c.kind == kind)
    renumber = (
        update(embeddings)
        .where(*mine, embeddings.c.row == bindparam("old"))
        .values(row=bindparam("new"), live=True)
    )
    numbered, count = enumerate(kept), 0
    while part := list(islice(numbered, MANY)):  # ascending: the new number is free already
        connection.execute(renumber, [{"old": int(old), "new": new} for new, old in part])
        count += len(part)
    erased = (erasures.c.space_id == space.id, erasures.c.kind == kind)
    connection.execute(delete(erasures).where(*erased))
    values = {f"{kind}_rows": count, f"{kind}_edition": edition}
    connection.execute(
        update(spaces)
        .where(spaces.c.id == space.id)
        .values(**values, generation=spaces.c.generation + 1)
    )


def stands_somewhere(kind: Kind) -> Any:
    """The condition that the item of an embedding stands in a file."""
    place = occurrence(kind)
    return exists(select(place).where(place == embeddings.c.item_id))


def occurrence(kind: Kind) -> Any:
    """The column that names the items of a kind where they stand."""
    return files.c.photo_id if kind == "photos" else sources.c.document_id


# --- saved queries --------------------------------------------------------------------------


def save_queries(connection: Connection, queries: Mapping[str, str]) -> None:
    """Keep queries by their names; one that has the name already is replaced."""
    values = [{"name": name, "query": query} for name, query in queries.items()]
    if values:
        connection.execute(insert(saved).prefix_with("OR REPLACE"), values)


def remove_saved(connection: Connection, name: str) -> bool:
    """Remove a saved query; whether there was one."""
    return bool(connection.execute(delete(saved).where(saved.c.name == name)).rowcount)


# --- the journal ----------------------------------------------------------------------------


def begin_run(connection: Connection, command: str, roots: Sequence[str], started_at: str) -> int:
    """Note that a run begins, and which ones died: none but this one can be running."""
    connection.execute(update(runs).where(runs.c.outcome == RUNNING).values(outcome=KILLED))
    values = {"command": command, "roots": json.dumps(list(roots)), "started_at": started_at}
    made = connection.execute(insert(runs).values(**values, outcome=RUNNING, counts="{}"))
    number = int(made.lastrowid)
    connection.execute(delete(runs).where(runs.c.id <= number - KEPT_RUNS))
    return number


def end_run(
    connection: Connection, number: int, seconds: float, outcome: str, counts: dict[str, int]
) -> None:
    """Note how a run ended."""
    values = {"seconds": seconds, "outcome": plain(outcome), "counts": json.dumps(counts)}
    connection.execute(update(runs).where(runs.c.id == number).values(**values))


def from_json(text: str) -> Any:
    """Read a column that holds JSON. Raises CorruptError."""
    try:
        return json.loads(text)
    except (ValueError, TypeError) as exc:
        raise CorruptError(
            "The journal in the catalog is damaged. Mend it with: retrieval repair"
        ) from exc


def plain(text: str) -> str:
    """The text as UTF-8 can hold it: names of files need not be."""
    return text.encode("utf-8", "backslashreplace").decode()
