"""What searching needs to read of a catalog, in plain SQL, for whatever runs it.

`Catalog` runs it through SQLAlchemy, `CatalogReader` through sqlite3 alone, which starts a quarter
of a second sooner. The statements are constants; a list of numbers travels as one JSON value.
"""

from __future__ import annotations

import json
import os
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from retrieval.errors import CorruptError, FormatError
from retrieval.records import Document, Facts, Kind, Looks, Photo, Source, Space
from retrieval.storage.layout import storage_errors
from retrieval.storage.seals import CatalogFile, read_seal, seal_path

#: Of the tables; as many as there are migrations. It stands in `PRAGMA user_version`.
SCHEMA_VERSION = 5


class Readable(ABC):
    """A catalog that can be searched."""

    path: Path
    #: Fingerprint of the space to take for the active one, to look into another; "" for none.
    pinned: str = ""
    _file: CatalogFile

    @abstractmethod
    def fetch(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """Run a statement that reads. Raises CorruptError, LockedError, StorageError."""

    @abstractmethod
    def snapshot(self) -> AbstractContextManager[None]:
        """What this thread reads inside is the state of one moment, whatever others commit."""

    @abstractmethod
    def check_open(self) -> None:
        """Raise CollectionError after `close`."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the file."""

    # --- is it whole? -----------------------------------------------------------------------

    def identity(self) -> tuple[int, int]:
        """Device and inode of the file that is open, which may have been replaced since."""
        return self._file.identity

    def version(self) -> int:
        """The schema version on disk; 0 for an empty database."""
        return int(self.fetch("PRAGMA user_version")[0][0])

    def is_old(self) -> bool:
        """Whether the schema is to be brought up to date. Raises FormatError if it is too new."""
        found = self.version()
        if found > SCHEMA_VERSION:
            raise FormatError(
                f"{self.path} has schema version {found}, this program knows {SCHEMA_VERSION}. "
                "Update retrieval to open it."
            )
        return found < SCHEMA_VERSION

    def generation(self) -> int:
        """How many transactions have written. Raises CorruptError if that number is damaged."""
        return checked_generation(self.fetch("SELECT generation, checksum FROM state"), self.path)

    def check_seal(self, *, needed: bool = True) -> None:
        """Compare the database with its seal. Raises CorruptError where they contradict.

        Only a collection of an older format, which had none, is without one: then it is not
        `needed`.

        The seal is read first and the generation last: a writer commits, then changes the file,
        then seals, so whatever it does meanwhile makes the generations differ.
        """
        seal = read_seal(self.path)
        if seal is None:
            if not needed:
                return
            raise CorruptError(
                f"{seal_path(self.path)} is lost, so it cannot be told whether the catalog is "
                "whole. Mend it with: retrieval repair"
            )
        with storage_errors(self.path):
            size, crc32 = self._file.checksum()
        generation = self.generation()
        if generation < seal.generation:
            raise CorruptError(
                f"{self.path} has lost commits: it is at generation {generation:,}, and "
                f"{seal.generation:,} was reached. Mend it with: retrieval repair"
            )
        if generation == seal.sealed and not seal.fits(size, crc32):
            raise CorruptError(
                f"{self.path} is damaged: its bytes are not those that were committed. "
                "Mend it with: retrieval repair"
            )

    # --- the vectors ------------------------------------------------------------------------

    def spaces(self) -> list[Space]:
        """All spaces, whether they are searched or not."""
        return [space for space, _ in self._spaces()]

    def active_space(self) -> Space | None:
        """The space that searches use; None before anything was embedded."""
        if self.pinned:
            return self.space_of(self.pinned)
        active = [space for space, active in self._spaces() if active]
        if len(active) > 1:
            raise CorruptError(
                f"{self.path} is damaged: it has {len(active)} active spaces. "
                "Mend it with: retrieval repair"
            )
        return active[0] if active else None

    def space_of(self, fingerprint: str) -> Space | None:
        """The space of an encoder; None if there is none."""
        return next((s for s in self.spaces() if s.fingerprint == fingerprint), None)

    def _spaces(self) -> list[tuple[Space, bool]]:
        found = self.fetch(
            "SELECT id, fingerprint, encoder, dim, generation, photos_rows, documents_rows,"
            " photos_edition, documents_edition, active FROM spaces"
        )
        return [(_space(row), bool(row[9])) for row in found]

    def dead_rows(self, space: Space, kind: Kind) -> list[int]:
        """Vector rows that are not searched: their item stands in no file, or was erased."""
        found = self.fetch(
            "SELECT row FROM embeddings WHERE space_id = ?1 AND kind = ?2 AND live = 0"
            " UNION SELECT row FROM erasures WHERE space_id = ?1 AND kind = ?2 ORDER BY 1",
            space.id,
            kind,
        )
        return [row for (row,) in found]

    def items_at(self, space: Space, kind: Kind, rows: Sequence[int]) -> dict[int, int]:
        """Map vector rows to item ids."""
        found = self.fetch(
            "SELECT row, item_id FROM embeddings WHERE space_id = ? AND kind = ?"
            " AND row IN (SELECT value FROM json_each(?))",
            space.id,
            kind,
            self._listed(rows),
        )
        return {row: item for row, item in found}

    # --- the items --------------------------------------------------------------------------

    def photos_by_id(self, ids: Sequence[int]) -> dict[int, Photo]:
        """Photos with all their paths, by id."""
        listed = self._listed(ids)
        with self.snapshot():
            found = self.fetch(
                "SELECT id, content_hash, width, height, format, frames FROM photos"
                " WHERE id IN (SELECT value FROM json_each(?))",
                listed,
            )
            places = self.fetch(
                "SELECT photo_id, path FROM files"
                " WHERE photo_id IN (SELECT value FROM json_each(?)) ORDER BY id",
                listed,
            )
        paths: dict[int, list[str]] = {}
        for photo_id, path in places:
            paths.setdefault(photo_id, []).append(as_path(path))
        return {
            i: Photo(i, content_hash, width, height, form, frames, tuple(paths.get(i, ())))
            for i, content_hash, width, height, form, frames in found
        }

    def documents_by_id(self, ids: Sequence[int]) -> dict[int, Document]:
        """Documents with all places they stand at, by id."""
        listed = self._listed(ids)
        with self.snapshot():
            found = self.fetch(
                "SELECT id, text FROM documents WHERE id IN (SELECT value FROM json_each(?))",
                listed,
            )
            lines = self.fetch(
                "SELECT document_id, path, line, photo_path, guessed FROM sources"
                " JOIN files ON files.id = file_id"
                " WHERE document_id IN (SELECT value FROM json_each(?)) ORDER BY sources.id",
                listed,
            )
        places: dict[int, list[Source]] = {}
        for document_id, path, line, photo_path, guessed in lines:
            named = None if photo_path is None else as_path(photo_path)
            place = Source(as_path(path), line, named, bool(guessed))
            places.setdefault(document_id, []).append(place)
        return {i: Document(i, text, tuple(places.get(i, ()))) for i, text in found}

    # --- what is known of photos ------------------------------------------------------------

    def facts_of(self, ids: Sequence[int]) -> dict[int, Facts]:
        """What the files of these photos say, by photo id; without those never read."""
        found = self.fetch(
            "SELECT photo_id, taken_at, taken_from, utc_offset, latitude, longitude, altitude,"
            " city, region, country, country_code, make, camera, lens, exposure, aperture, iso,"
            " focal, orientation, rating, title, caption, guess, keywords FROM facts"
            " WHERE photo_id IN (SELECT value FROM json_each(?))",
            self._listed(ids),
        )
        return {row[0]: Facts(*(*row[1:-2], self._names(row[-1]), row[-2])) for row in found}

    def looks_of(self, ids: Sequence[int]) -> dict[int, Looks]:
        """What the pixels of these photos say, by photo id; without those never measured."""
        found = self.fetch(
            "SELECT photo_id, phash, sharpness, brightness, colours FROM looks"
            " WHERE photo_id IN (SELECT value FROM json_each(?))",
            self._listed(ids),
        )
        return {row[0]: Looks(*(*row[1:-1], self._names(row[-1]))) for row in found}

    def _names(self, stored: Any) -> tuple[str, ...]:
        try:
            return tuple(str(name) for name in json.loads(stored))
        except (TypeError, ValueError) as exc:
            raise CorruptError(
                f"{self.path} is damaged: a list of names in it is none. "
                "Mend it with: retrieval repair"
            ) from exc

    def _listed(self, numbers: Iterable[int]) -> str:
        try:
            return json.dumps(list(numbers))
        except TypeError as exc:  # SQLite lets a number be replaced by anything
            raise CorruptError(
                f"{self.path} is damaged: an id in it is no number. Mend it with: retrieval repair"
            ) from exc


def _space(row: Sequence[Any]) -> Space:
    number, fingerprint, encoder, dim, generation, *counts = row
    rows: dict[Kind, int] = {"photos": counts[0], "documents": counts[1]}
    editions: dict[Kind, int] = {"photos": counts[2], "documents": counts[3]}
    return Space(number, fingerprint, encoder, dim, generation, rows, editions)


def as_path(stored: str | bytes) -> str:
    """A path as it was given: one that is not UTF-8 is stored as its bytes."""
    return os.fsdecode(stored) if isinstance(stored, bytes) else stored


def checked_generation(rows: Sequence[Sequence[Any]], path: Path) -> int:
    """The generation in the table `state`. Raises CorruptError if it is damaged."""
    if len(rows) == 1:
        generation, checksum = rows[0]
        if isinstance(generation, int) and generation_checksum(generation) == checksum:
            return generation
    raise CorruptError(
        f"{path} is damaged: its generation contradicts its checksum. "
        "Mend it with: retrieval repair"
    )


def generation_checksum(generation: int) -> int:
    """What stands beside the generation, so that a flipped bit in it does not pass for progress."""
    return zlib.crc32(b"generation %d" % generation)
