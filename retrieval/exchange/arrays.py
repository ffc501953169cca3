"""Embeddings as .npy files beside tables, as clip-retrieval writes and embedding-reader reads them.

    img_emb/img_emb_0.npy            float16 or float32 (n, dim), text_emb/text_emb_0.npy likewise
    metadata/metadata_0.parquet      n records in the same order
    metadata_csv/metadata_0.csv      the same for those without Parquet
    export.json                      which encoder made them (`notes`)

Every million items begin new files, whose numbers are padded so that names sort as numbers do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from retrieval._version import __version__
from retrieval.errors import CorruptError, LockedError
from retrieval.exchange.entries import Entry, Listing, columns_of
from retrieval.exchange.notes import NOTE, Note, note_record
from retrieval.exchange.places import Written, make_folders, new_file
from retrieval.exchange.tables import CsvTable, ParquetTable, Table, has_arrow, json_text
from retrieval.records import Kind, Progress, ProgressCallback, Space
from retrieval.storage.vectors import checksums

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from retrieval.collection import Collection

PART = 1_000_000  # items a file, as clip-retrieval has it
FOLDERS: dict[Kind, str] = {"photos": "img_emb", "documents": "text_emb"}


class Vectors:
    """Rows of one kind, each compared with its key and with its item before it is handed out."""

    def __init__(self, collection: Collection, space: Space, kind: Kind) -> None:
        self._collection = collection
        self._space = space
        self._file = collection.vector_file(space, kind)
        self._rows = self._file.rows(space.rows[kind])
        self._keys = self._file.keys(space.rows[kind])

    def of(self, entries: list[Entry]) -> NDArray[np.float16]:
        """The embeddings (n, dim) of items. Raises CorruptError, LockedError."""
        places = np.array([entry.row for entry in entries], np.int64)
        rows, keys = self._rows[places], self._keys[places]
        hashes = np.frombuffer(b"".join(e.content_hash for e in entries), np.uint8)
        whole = (checksums(rows, keys["hash"]) == keys["crc32"]).all()
        if whole and np.array_equal(hashes, keys["hash"].reshape(-1)):
            return rows
        # The export reads a snapshot of the catalog; the reader sees what it is by now.
        if self._collection.reader.active_space() != self._space:
            raise LockedError(
                f"The collection at {self._collection.path} was changed meanwhile. Export it again."
            )
        raise CorruptError(
            f"Vectors in {self._file.path} are damaged; nothing was exported. "
            "Mend them with: retrieval repair"
        )


def write_arrays(
    folder: Path,
    collection: Collection,
    space: Space,
    kind: Kind,
    items: Listing,
    dtype: str,
    on_progress: ProgressCallback,
) -> tuple[int, int]:
    """Write all of `items` below `folder`; returns how many there are, and bytes."""
    vectors, count = Vectors(collection, space, kind), len(items)
    parts = max((count + PART - 1) // PART, 1)
    stream = _fitted(items.pieces())
    files: dict[str, tuple[int, int]] = {}
    done = 0
    for part in range(parts):
        number = f"{part:0{len(str(parts - 1))}d}"
        wanted = min(PART, count - done)
        with ExitStack() as stack:
            output = _Part(stack, folder, kind, number, (wanted, space.dim), dtype)
            while wanted:
                entries = next(stream)
                wanted -= len(entries)
                done += len(entries)
                output.write(entries, vectors.of(entries))
                on_progress(Progress("exporting", done, count))
            files |= output.end()
    note = Note(kind, space.encoder, space.fingerprint, space.dim, count, files)
    with new_file(folder / NOTE) as file:
        file.write(json_text(note_record(note, f"retrieval {__version__}")).encode())
    return count, sum(size for size, _ in files.values())


class _Part:
    """The files of one part, open together."""

    def __init__(
        self,
        stack: ExitStack,
        folder: Path,
        kind: Kind,
        number: str,
        shape: tuple[int, int],
        dtype: str,
    ) -> None:
        self._files: dict[str, Written] = {}
        self._dtype = np.dtype(dtype)

        def opened(name: str) -> Written:
            make_folders((folder / name).parent)
            self._files[name] = stack.enter_context(new_file(folder / name))
            return self._files[name]

        self._array = opened(f"{FOLDERS[kind]}/{FOLDERS[kind]}_{number}.npy")
        head = {"descr": self._dtype.str, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._array, head)
        columns = columns_of(kind)
        self._tables: list[Table] = []
        self._add(stack, CsvTable(opened(f"metadata_csv/metadata_{number}.csv"), columns))
        if has_arrow():
            file = opened(f"metadata/metadata_{number}.parquet")
            self._add(stack, ParquetTable(file, columns))

    def _add(self, stack: ExitStack, table: Table) -> None:
        self._tables.append(table)
        stack.callback(table.abandon)

    def write(self, entries: list[Entry], rows: NDArray[np.float16]) -> None:
        self._array.write(rows.astype(self._dtype).tobytes())
        for table in self._tables:
            table.write([entry.record for entry in entries])

    def end(self) -> dict[str, tuple[int, int]]:
        """Size and CRC-32 of each file, now that all is in it."""
        for table in self._tables:
            table.end()
        for file in self._files.values():
            file.flush()
        return {name: (file.size, file.crc32) for name, file in self._files.items()}


def _fitted(pieces: Iterator[list[Entry]]) -> Iterator[list[Entry]]:
    """The same entries in pieces none of which crosses the end of a part."""
    done = 0
    for piece in pieces:
        while piece:
            room = PART - done % PART
            head, piece = piece[:room], piece[room:]
            done += len(head)
            yield head
