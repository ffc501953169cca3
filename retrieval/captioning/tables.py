"""Captions in a CSV table that grows row by row and can be gone on with, whatever ended the run.

Columns: image (relative to the table), caption, source, and of the photo sha256, bytes, modified
(ns). `retrieval index FILE.csv --text-column caption --image-column image` takes it as it is.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from retrieval.errors import UsageError
from retrieval.storage import disk
from retrieval.storage.layout import storage_errors

FILE_MODE = 0o666  # the table is the user's own, so its mode is as the umask says


@dataclass(frozen=True, slots=True)
class Row:
    """One caption: of which file and content it was made, and by what."""

    image: str
    caption: str
    source: str
    sha256: str
    bytes: str
    modified: str


HEAD = tuple(column.name for column in fields(Row))


class CaptionTable:
    """A table at `path`, made when the first row comes; each row is durable once it is written."""

    def __init__(self, path: Path) -> None:
        """Read what stands there. Raises UsageError for a file that is no table of captions."""
        self.path = path
        self.rows: dict[str, Row] = {}
        self._size = self._superseded = 0
        self._open_end = b""
        if os.path.lexists(path):
            self._read()

    def _read(self) -> None:
        if not self.path.is_file():
            raise UsageError(
                f"{self.path} is no file. Name a table to write, such as captions.csv."
            )
        with storage_errors(self.path):
            data = self.path.read_bytes()
        records = list(_records(data))
        if data and (not records or tuple(records[0][0]) != HEAD):
            raise UsageError(
                f"{self.path} is there already, and no table of captions that was made here. "
                "Name another file; it stays as it is."
            )
        for values, end in records:
            self._size = end
            if len(values) == len(HEAD) and tuple(values) != HEAD:
                self._take(Row(*values))
        self._mend(data[self._size :])

    def _mend(self, rest: bytes) -> None:
        """Keep a last row without a line end if it is whole, as editors leave it; else it goes."""
        try:
            rows = _values(rest)
        except UsageError:
            return
        if len(rows) == 1 and len(rows[0]) == len(HEAD) and rows[0][-1].isdecimal():
            self._take(Row(*rows[0]))
            self._size += len(rest)
            self._open_end = b"\n"

    def _take(self, row: Row) -> None:
        self._superseded += row.image in self.rows
        self.rows[row.image] = row

    def add(self, row: Row) -> None:
        """Write a row, durably; what an interrupted run left of its last row is cut off."""
        with storage_errors(self.path):
            if not self._size:
                head = _line(HEAD)
                disk.write_atomically(self.path, head, FILE_MODE)
                self._size = len(head)
            line = self._open_end + _line(astuple(row))
            disk.append(self.path, self._size, line)
        self._size += len(line)
        self._open_end = b""
        self._take(row)

    def tidy(self) -> None:
        """Write the table without rows that later ones replaced, whole or not at all."""
        if self._superseded:
            data = _line(HEAD) + b"".join(_line(astuple(row)) for row in self.rows.values())
            with storage_errors(self.path):
                disk.write_atomically(self.path, data, FILE_MODE)
            self._size, self._superseded, self._open_end = len(data), 0, b""


def _line(values: tuple[str, ...]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(values)  # quotes a lone CR as well, for its lines end in CRLF
    return text.getvalue().encode("utf-8")


def _records(data: bytes) -> Iterator[tuple[list[str], int]]:
    """The records that have their line end, and where each of them ends."""
    begun = 0
    for end in _ends(data):
        yield from ((values, end) for values in _values(data[begun:end]))
        begun = end


def _ends(data: bytes) -> Iterator[int]:
    quotes = begun = 0
    while (at := data.find(b"\n", begun)) >= 0:
        quotes += data.count(b'"', begun, at)
        begun = at + 1
        if quotes % 2 == 0:
            yield begun


def _values(line: bytes) -> list[list[str]]:
    csv.field_size_limit(1 << 24)
    try:
        return list(csv.reader(io.StringIO(line.decode("utf-8-sig"), newline=""), strict=True))
    except (csv.Error, UnicodeDecodeError) as exc:
        raise UsageError(
            f"The table of captions holds a line that cannot be read ({exc}). Correct it, or name "
            "another file."
        ) from exc
