"""Sets of embeddings as they lie in a folder: .npy files and, in the same order, records of photos.

Our own exports (`arrays`), what clip-retrieval writes, and simpler ones: any folder with .npy files
in it or in `img_emb`, and .parquet or .csv files in `metadata`, `metadata_csv` or beside them, that
have a column with paths. Files count in the order of the numbers in their names.
"""

from __future__ import annotations

import csv
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrieval.errors import ExchangeError, RetrievalError, UsageError
from retrieval.exchange.notes import Note, changed_files, read_note
from retrieval.exchange.tables import has_arrow, load_arrow

if TYPE_CHECKING:
    from numpy.typing import NDArray

PATH_COLUMNS = ("image_path", "path", "image", "file", "filename", "photo", "file_name")
AT_ONCE = 1_000  # rows that are held in memory
MOST_CELL = 1 << 24  # characters


@dataclass(frozen=True, slots=True)
class SetRow:
    """What a set says of one embedding: the file, further ones of the same photo, and its hash."""

    path: str
    also: tuple[str, ...] = ()
    content_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class EmbeddingSet:
    """A set that was found: float arrays (n, dim) and the tables that describe their rows.

    `note` is what an export of ours says of itself; None for sets that were made elsewhere.
    """

    folder: Path
    arrays: tuple[NDArray[Any], ...]
    tables: tuple[Path, ...]
    note: Note | None

    @property
    def rows(self) -> int:
        return sum(len(array) for array in self.arrays)

    @property
    def dim(self) -> int:
        return int(self.arrays[0].shape[1])

    def records(self) -> Iterator[list[SetRow]]:
        """All records in pieces of AT_ONCE. Raises ExchangeError, MissingExtraError."""
        stream = (row for table in self.tables for row in _records(table))
        try:
            while piece := list(islice(stream, AT_ONCE)):
                yield piece
        except (RetrievalError, GeneratorExit):
            raise
        except Exception as exc:  # csv and pyarrow raise many
            raise _unreadable(self.folder, exc) from exc

    def pieces(self) -> Iterator[tuple[list[SetRow], NDArray[np.float32]]]:
        """Records with their embeddings (n, dim), as they stand there. Raises ExchangeError."""
        done = 0
        for records in self.records():
            vectors = self.vectors(done, len(records))
            done += len(records)
            if len(vectors) < len(records):
                break
            yield records, vectors
        if done != self.rows:
            raise ExchangeError(
                f"The set in {self.folder} has {self.rows:,} embeddings and "
                f"{'at least ' * (done > self.rows)}{done:,} records. Make the set anew."
            )

    def vectors(self, first: int, count: int) -> NDArray[np.float32]:
        """Up to `count` rows (n, dim) from row `first` on. Raises ExchangeError."""
        found = [np.empty((0, self.dim), np.float32)]
        try:
            for array in self.arrays:
                if first < len(array) and count:
                    part = array[first : first + count]
                    found.append(part.astype(np.float32))
                    count -= len(part)
                first = max(first - len(array), 0)
        except OSError as exc:
            raise _unreadable(self.folder, exc) from exc
        with np.errstate(over="ignore"):
            return np.concatenate(found)


def read_set(source: str | Path) -> EmbeddingSet:
    """Find the set in a folder; no record is read yet. Raises UsageError, ExchangeError.

    An export of ours whose files are not as they were written is refused.
    """
    folder = Path(os.path.abspath(os.path.expanduser(source)))
    if not str(source) or not folder.is_dir():
        raise UsageError(f"There is no folder {folder}. Name the folder of a set of embeddings.")
    note = read_note(folder)
    if note is not None and note.kind == "documents":
        raise ExchangeError(
            f"{folder} holds embeddings of texts, which belong to text files. "
            "Index these with: retrieval index FOLDER"
        )
    names = _in_order(folder / "img_emb", ".npy") or _in_order(folder, ".npy")
    tables = _tables(folder)
    if not names or not tables:
        raise ExchangeError(
            f"{folder} holds no set of embeddings: img_emb/*.npy and metadata/*.parquet (or .csv) "
            "are looked for. Name the folder that holds these."
        )
    if note is not None:
        _check_whole(folder, note, [*names, *tables])
    arrays = tuple(_array(name) for name in names)
    if len({array.shape[1] for array in arrays}) > 1:
        raise ExchangeError(
            f"The embeddings in {folder} have different lengths. Name a set of one encoder."
        )
    return EmbeddingSet(folder, arrays, tables, note)


def _in_order(folder: Path, suffix: str) -> tuple[Path, ...]:
    """Files by the numbers in their names, as clip-retrieval counts its parts."""
    if not folder.is_dir():
        return ()
    found = [p for p in folder.iterdir() if p.suffix.lower() == suffix and p.is_file()]
    return tuple(
        sorted(found, key=lambda p: ([int(n) for n in re.findall(r"[0-9]+", p.stem)], p.name))
    )


def _tables(folder: Path) -> tuple[Path, ...]:
    places = [folder / "metadata", folder / "metadata_csv", folder]
    parquet = next(filter(None, (_in_order(place, ".parquet") for place in places)), ())
    plain = next(filter(None, (_in_order(place, ".csv") for place in places)), ())
    return parquet if parquet and (has_arrow() or not plain) else plain


def _check_whole(folder: Path, note: Note, used: list[Path]) -> None:
    try:
        changed = changed_files(folder, note, used)
    except OSError as exc:
        raise _unreadable(folder, exc) from exc
    if changed:
        raise ExchangeError(
            f"{', '.join(changed[:3])} in {folder} changed since the export, so its records may "
            "stand beside other photos' embeddings. Export again; or remove export.json and "
            "import the set as one from elsewhere, with --model and --trust."
        )


def _array(path: Path) -> NDArray[Any]:
    """The array of a .npy file, memory-mapped. Raises ExchangeError."""
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as exc:  # whatever a wrong head leads to
        raise ExchangeError(
            f"{path} cannot be read as an array: {exc!s:.200}. Make the set anew."
        ) from exc
    if array.ndim != 2 or array.dtype.kind != "f" or not array.shape[1]:
        raise ExchangeError(
            f"{path} holds {array.dtype} of shape {array.shape}; embeddings are floating-point "
            "numbers of shape (photos, dimensions). Name a set of embeddings."
        )
    return array


def _records(table: Path) -> Iterator[SetRow]:
    rows = _from_parquet(table) if table.suffix.lower() == ".parquet" else _from_csv(table)
    for row in rows:
        yield _row(row)


def _from_parquet(table: Path) -> Iterator[Mapping[str, Any]]:
    _, parquet = load_arrow()
    with parquet.ParquetFile(table) as file:
        names = set(file.schema_arrow.names)
        column = _path_column(table, names)
        wanted = [column, *(n for n in ("also", "content_hash", "path_bytes") if n in names)]
        for batch in file.iter_batches(AT_ONCE, columns=wanted):
            for row in batch.to_pylist():
                yield row | {"image_path": row[column]}


def _from_csv(table: Path) -> Iterator[Mapping[str, Any]]:
    csv.field_size_limit(MOST_CELL)
    with open(table, encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.DictReader(file)
        column = _path_column(table, set(reader.fieldnames or ()))
        for row in reader:
            yield row | {"image_path": row[column]}


def _path_column(table: Path, names: set[str]) -> str:
    for name in PATH_COLUMNS:
        if name in names:
            return name
    raise ExchangeError(
        f"{table} has no column that names the photos. Call it image_path, and make the set anew."
    )


def _row(row: Mapping[str, Any]) -> SetRow:
    raw, told = row.get("path_bytes"), row.get("content_hash")
    data = bytes.fromhex(raw) if isinstance(raw, str) else raw
    path = os.fsdecode(data) if data else row["image_path"]
    also = row.get("also") or ()
    if isinstance(also, str):
        import json

        also = json.loads(also)
    return SetRow(
        path if isinstance(path, str) else "",
        tuple(name for name in also if isinstance(name, str)),
        bytes.fromhex(told) if isinstance(told, str) and told else None,
    )


def _unreadable(folder: Path, exc: Exception) -> ExchangeError:
    return ExchangeError(f"The set in {folder} cannot be read: {exc!s:.200}. Make the set anew.")
