"""What is read of a catalog beyond a search (which is in `readable`), as records, and the commit.

The catalog is the truth about everything but vector values. One transaction carries one batch:
photos, documents, files, and the vector rows that count from then on.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import Select, exists, func, insert, or_, select, update

from retrieval.metadata.reading import sidecars_of
from retrieval.records import Document, Kind, RunRecord, Skipped, Space
from retrieval.scan import KnownFile
from retrieval.storage.commits import Batch, table_of, write_batch
from retrieval.storage.database import Database
from retrieval.storage.edits import from_json
from retrieval.storage.knowledge import chunks, outdated_photos
from retrieval.storage.relinking import relink
from retrieval.storage.tables import (
    documents,
    embeddings,
    erasures,
    files,
    photos,
    runs,
    sources,
    spaces,
    writing,
)
from retrieval.storage.words import photos_without_words, refresh_words

MANY_WORDS = 10_000  # photos that are given words in one transaction


class Catalog(Database):
    """The database with what is in it. Methods are safe to call from several threads."""

    # --- spaces -----------------------------------------------------------------------------

    def row_count(self) -> int:
        """How many vector rows are committed, of all kinds."""
        space = self.active_space()
        return sum(space.rows.values()) if space else 0

    def add_space(self, fingerprint: str, encoder: str, dim: int, *, active: bool = True) -> None:
        """Record a new, empty space; if `active`, the one that searches use from now on."""
        values = {"fingerprint": fingerprint, "encoder": encoder, "dim": dim}
        empty = dict.fromkeys(
            ("photos_rows", "documents_rows", "generation", "photos_edition", "documents_edition"),
            0,
        )
        with self.writing() as connection:
            if active:
                connection.execute(update(spaces).values(active=False))
            connection.execute(insert(spaces).values(**values, **empty, active=active))

    def dead_count(self) -> int:
        """How many rows of all spaces are not searched."""
        dead = select(func.count()).select_from(embeddings).where(embeddings.c.live == 0)
        with self.reading() as connection:
            erased = connection.scalar(select(func.count()).select_from(erasures))
            return (connection.scalar(dead) or 0) + (erased or 0)

    def erased_rows(self, space: Space, kind: Kind, *, done: bool | None = None) -> list[int]:
        """Rows that belong to no item any more; `done` chooses those (not) overwritten yet."""
        query = select(erasures.c.row).where(
            erasures.c.space_id == space.id, erasures.c.kind == kind
        )
        if done is not None:
            query = query.where(erasures.c.done == done)
        return self._scalars(query)

    def note_erased(self, space: Space, kind: Kind) -> None:
        """Record that all erased rows have been overwritten."""
        mine = (erasures.c.space_id == space.id, erasures.c.kind == kind)
        with self.writing() as connection:
            connection.execute(update(erasures).where(*mine).values(done=True))

    # --- reading ----------------------------------------------------------------------------

    def known_files(self, roots: Iterable[str]) -> dict[str, KnownFile]:
        """All files at or below `roots` (absolute), by path."""
        known: dict[str, KnownFile] = {}
        with self.reading() as connection:
            for root in roots:
                below = root.rstrip(os.sep) + os.sep
                beyond = below[:-1] + chr(ord(os.sep) + 1)
                inside = or_(
                    files.c.path == root,
                    (files.c.path >= below) & (files.c.path < beyond),
                    func.typeof(files.c.path) == "blob",  # not UTF-8: compared below
                )
                for row in connection.execute(select(files).where(inside)):
                    if row.path == root or row.path.startswith(below):
                        known[row.path] = KnownFile(*row)
        return known

    def embedded(self, space: Space | None, kind: Kind, hashes: Sequence[bytes]) -> set[bytes]:
        """Which of `hashes` have an embedding in `space` already."""
        if space is None or not hashes:
            return set()
        table = table_of(kind)
        query = (
            select(table.c.content_hash, table.c.id)
            .join(embeddings, embeddings.c.item_id == table.c.id)
            .where(*rows_of(space, kind))
        )
        return set(dict(self._in_chunks(query, table.c.content_hash, hashes)))

    def undescribed(self) -> set[bytes]:
        """Content hashes of items known by their vectors only, since a catalog was lost."""
        photo = select(photos.c.content_hash).where(photos.c.width == 0)
        document = select(documents.c.content_hash).where(documents.c.text == "")
        return {*self._scalars(photo), *self._scalars(document)}

    def outdated_photos(self) -> list[tuple[int, bool, bool]]:
        """Photos in files whose facts, or looks, are not those of this version; see `knowledge`."""
        with self.reading() as connection:
            return outdated_photos(connection)

    def photos_beside(self, sidecars: Sequence[str]) -> list[bytes]:
        """Content hashes of the photos that these sidecars belong to, by the names of files."""
        found: list[bytes] = []
        query = select(files.c.path, photos.c.content_hash).join(
            photos, photos.c.id == files.c.photo_id
        )
        with self.reading() as connection:
            for sidecar in sidecars:
                name = os.path.splitext(sidecar)[0]  # of IMG_1.xmp all IMG_1.jpg, IMG_1.cr2, …
                beside = (files.c.path >= name + ".") & (files.c.path < name + "/")
                for row in connection.execute(query.where(beside | (files.c.path == name))):
                    if sidecar in sidecars_of(row.path):
                        found.append(row.content_hash)
        return found

    def documents_naming(self, paths: Sequence[str]) -> list[Document]:
        """The documents of lines that name one of these photo files."""
        query = select(sources.c.document_id, sources.c.document_id)
        ids = sorted(set(dict(self._in_chunks(query, sources.c.photo_path, paths))))
        found = self.documents_by_id(ids)
        return [found[i] for i in ids if i in found]

    def writing_in(self, photo_id: int) -> str | None:
        """Writing that was recognised in a photo; None where none was, or nobody looked."""
        found = self._scalars(select(writing.c.text).where(writing.c.photo_id == photo_id))
        return found[0] or None if found else None

    def files_at(self, paths: Sequence[str]) -> dict[str, KnownFile]:
        """What is known of files, by path."""
        rows = self._in_chunks(select(files), files.c.path, paths)
        return {row.path: KnownFile(*row) for row in rows}

    def photo_ids(self, hashes: Sequence[bytes]) -> dict[bytes, int]:
        """Map content hashes to photo ids, for those that are known."""
        query = select(photos.c.content_hash, photos.c.id)
        return dict(self._in_chunks(query, photos.c.content_hash, hashes))

    def in_files(self, ids: Sequence[int]) -> set[int]:
        """Which of these photos stand in a file, as all do but those whose files are gone."""
        query = select(photos.c.id, photos.c.id).where(
            exists().where(files.c.photo_id == photos.c.id)
        )
        return set(dict(self._in_chunks(query, photos.c.id, ids)))

    def counts(self) -> dict[str, int]:
        """Live photos (animated ones), their files, live documents, and skipped files.

        Duplicates are the files of a photo beyond its first.
        """
        with self.reading() as connection:

            def count(column: Any, where: Any) -> int:
                query = select(func.count(func.distinct(column))).where(where)
                return int(connection.scalar(query) or 0)

            return {
                "photos": count(files.c.photo_id, files.c.photo_id.is_not(None)),
                "files": count(files.c.id, files.c.reason.is_(None)),
                "documents": count(sources.c.document_id, sources.c.document_id.is_not(None)),
                "skipped": count(files.c.id, files.c.reason.is_not(None)),
                "animated": int(connection.scalar(_ANIMATED) or 0),
                "duplicates": int(connection.scalar(_DUPLICATES) or 0),
            }

    def skipped(self) -> list[Skipped]:
        """All skipped files with their reasons, by path."""
        query = select(files.c.path, files.c.reason).where(files.c.reason.is_not(None))
        with self.reading() as connection:
            rows = connection.execute(query.order_by(files.c.path))
            return [Skipped(row.path, row.reason) for row in rows]

    def reasons(self) -> list[tuple[str, int]]:
        """Why files were skipped, and how many for each reason."""
        columns = (files.c.reason, func.count())
        query = select(*columns).where(files.c.reason.is_not(None)).group_by(files.c.reason)
        with self.reading() as connection:
            return [(reason, count) for reason, count in connection.execute(query)]

    def runs(self, most: int) -> list[RunRecord]:
        """The last runs that wrote, newest first."""
        query = select(runs).order_by(runs.c.id.desc()).limit(most)
        with self.reading() as connection:
            return [
                RunRecord(
                    command=row.command,
                    roots=tuple(from_json(row.roots)),
                    started_at=row.started_at,
                    seconds=row.seconds,
                    outcome=row.outcome,
                    counts=from_json(row.counts),
                )
                for row in connection.execute(query)
            ]

    def unread_photos(self) -> list[int]:
        """Photos (ids) that stand in a file and in which no writing was looked for yet."""
        stands = exists().where(files.c.photo_id == photos.c.id)
        read = exists().where(writing.c.photo_id == photos.c.id)
        return self._scalars(select(photos.c.id).where(stands, ~read).order_by(photos.c.id))

    # --- writing ----------------------------------------------------------------------------

    def commit(self, space: Space | None, batch: Batch) -> None:
        """Write one batch in one transaction.

        New photos and documents take the vector rows that follow the committed ones, in order;
        the caller has made those rows durable before. `space` is None only if there are none.
        """
        with self.writing() as connection:
            write_batch(connection, space, batch)

    def relink(self) -> int:
        """Link texts to photos that they name by a path from elsewhere; returns how many names."""
        with self.writing() as connection:
            return relink(connection)

    def fill_words(self) -> int:
        """Give words to photos that have none, as after an upgrade; returns how many.

        Each part is a transaction of its own, so that a process that dies loses little.
        """
        count = 0
        while True:
            with self.reading() as connection:
                ids = photos_without_words(connection, MANY_WORDS)
            if not ids:
                return count
            with self.writing() as connection:
                refresh_words(connection, ids)
            count += len(ids)

    def _scalars(self, query: Select[Any]) -> list[Any]:
        with self.reading() as connection:
            return list(connection.scalars(query))

    def _in_chunks(self, query: Select[Any], column: Any, values: Sequence[Any]) -> list[Any]:
        found: list[Any] = []
        with self.reading() as connection:
            for part in chunks(values):
                found.extend(connection.execute(query.where(column.in_(part))))
        return found


_ANIMATED = select(func.count()).where(
    photos.c.frames > 1, photos.c.id.in_(select(files.c.photo_id))
)
_DUPLICATES = select(func.count(files.c.photo_id) - func.count(func.distinct(files.c.photo_id)))


def rows_of(space: Space, kind: Kind) -> tuple[Any, Any]:
    """The condition that an embedding is of this space and kind."""
    return embeddings.c.space_id == space.id, embeddings.c.kind == kind
