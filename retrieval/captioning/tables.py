"""Captions in a CSV table that grows row by row and can be gone on with, whatever ended the run.

Columns: image (relative to the table), caption, source, text (the caption's hash), and of the photo
sha256, bytes, modified (ns). `retrieval index FILE.csv --text-column caption --image-column image`
takes it as it is.

The table belongs to people as well: a caption that no longer fits its hash is theirs, and so is
every row that is not like ours. What they wrote stays, byte for byte. Several runs may write into
one table, and somebody may change it meanwhile: it is read again whenever it changed.
"""

from __future__ import annotations

import csv
import io
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path

from retrieval.errors import StorageError, UsageError
from retrieval.metadata.guesses import text_hash
from retrieval.storage import disk
from retrieval.storage.layout import storage_errors

FILE_MODE = 0o666  # the table is the user's own, so its mode is as the umask says
PATIENCE_S = 30.0  # with another run, which holds the table for a row only
#: What a row of ours looks like that was not written to its end: all its values are in quotes.
_TORN = re.compile(rb'(?:"(?:[^"]|"")*",)*"(?:[^"]|"")*')


@dataclass(frozen=True, slots=True)
class Row:
    """One caption: of which file and content it was made, and by what; `text` is its hash."""

    image: str
    caption: str
    source: str
    text: str
    sha256: str
    bytes: str
    modified: str

    @property
    def is_ours(self) -> bool:
        """Whether the caption is as we wrote it."""
        return self.text == text_hash(self.caption)


HEAD = tuple(column.name for column in fields(Row))
#: Inode, size and time of a file as it was read.
Signature = tuple[int, int, int]


class _ChangedError(Exception):
    """Somebody else wrote into the table just now."""


class CaptionTable:
    """A table at `path`, made when the first row comes; each row is durable once it is written.

    `rows` has the last whole row of each image, `theirs` the images that people wrote about.
    """

    def __init__(self, path: Path) -> None:
        """Read what stands there. Raises UsageError for a file that is no table of captions."""
        self.path = path
        self.rows: dict[str, Row] = {}
        self.theirs: set[str] = set()
        self._replaced: set[str] = set()  # images whose rows, also of people, were to be replaced
        self._seen: Signature | None = None
        self._torn_at: int | None = None
        with self.alone():
            pass

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold off other runs, and see the table as it is now. Raises UsageError, StorageError."""
        import fcntl

        with storage_errors(self.path):
            # The folder, since the file is replaced when it is tidied.
            descriptor = os.open(self.path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            until = time.monotonic() + PATIENCE_S
            while True:
                try:
                    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as exc:
                    if time.monotonic() > until:
                        raise StorageError(
                            f"Another process holds {self.path.parent}. Wait until it is done, "
                            "then run the command again."
                        ) from exc
                    time.sleep(0.01)
                except OSError:
                    break  # a file system without locks
            self._refresh()
            yield
        finally:
            os.close(descriptor)

    def _refresh(self) -> None:
        with storage_errors(self.path):
            now = self._signature()
            if now != self._seen:
                self._read(self._data())
                self._seen = now

    def _signature(self) -> Signature | None:
        if not os.path.lexists(self.path):
            return None
        status = os.stat(self.path)
        return status.st_ino, status.st_size, status.st_mtime_ns

    def _data(self) -> bytes:
        if not os.path.lexists(self.path):
            return b""
        if not self.path.is_file():
            raise UsageError(
                f"{self.path} is no file. Name a table to write, such as captions.csv."
            )
        return self.path.read_bytes()

    def _read(self, data: bytes) -> None:
        pieces = list(_pieces(data))
        size = sum(map(len, pieces))
        self._torn_at = size if size < len(data) else None
        if data and (not pieces or _values(pieces[0])[:1] != [list(HEAD)]):
            raise UsageError(
                f"{self.path} is there already, and no table of captions that was made here. "
                "Name another file; it stays as it is."
            )
        self.rows, self.theirs = {}, set()
        for piece in pieces[1:]:
            for values in _values(piece):
                self._take(values)

    def _take(self, values: list[str]) -> None:
        row = _row(values)
        if row is not None:
            self.rows[row.image] = row
        if row is not None and row.is_ours:
            self.theirs -= self._replaced & {row.image}
        elif any(value.strip() for value in ([row.caption] if row else values[1:])):
            self.theirs.add(self._image(values))

    def _image(self, values: list[str]) -> str:
        """The image that a row is about, however a person wrote its path."""
        folder = self.path.parent
        return os.path.relpath(os.path.join(folder, values[0].strip() or "."), folder)

    def add(self, row: Row) -> None:
        """Write a row, durably. Raises UsageError, StorageError."""
        with self.alone():
            self.put(row)

    def put(self, row: Row, *, replaces: bool = False) -> None:
        """The same within `alone`; with `replaces` it replaces what people wrote as well."""
        row = replace(row, text=text_hash(row.caption))
        line = _line(astuple(row))
        with storage_errors(self.path):
            if self._seen is None or not self._seen[1]:
                disk.write_atomically(self.path, _line(HEAD), FILE_MODE)
                self._seen = self._signature()
            if self._torn_at is not None:
                disk.append(self.path, self._torn_at, b"")  # cuts off what is behind
                self._seen, self._torn_at = self._signature(), None
            before = self._signature()
            disk.append_line(self.path, line)
            if before == self._seen:  # else it is read again
                self._seen = self._signature()
        if replaces:
            self._replaced.add(row.image)
        self._take(list(astuple(row)))

    def tidy(self) -> None:
        """Write the table without rows of ours that later ones replaced, whole or not at all.

        Rows of people go only where they were to be replaced.
        """
        with self.alone(), storage_errors(self.path):
            data = self._data()
            kept = list(self._kept(list(_pieces(data))))
            if sum(map(len, kept)) == len(data):
                return

            def last_look() -> None:
                if self._data() != data:
                    raise _ChangedError

            try:
                mode = os.stat(self.path).st_mode & 0o777
                disk.write_atomically(self.path, b"".join(kept), mode, last_look)
            except _ChangedError:
                return  # another time

    def _kept(self, pieces: list[bytes]) -> Iterator[bytes]:
        found = [_values(piece) for piece in pieces]
        rows = [_row(values[0]) if len(values) == 1 else None for values in found]
        last = {row.image: at for at, row in enumerate(rows) if row is not None}
        for at, (piece, values, row) in enumerate(zip(pieces, found, rows, strict=True)):
            image = self._image(values[0]) if len(values) == 1 and values[0] else ""
            may_go = (row is not None and row.is_ours) or image in self._replaced
            if not (at and may_go and at < last.get(image, -1)):
                yield piece


def _row(values: list[str]) -> Row | None:
    return Row(*values) if len(values) == len(HEAD) and tuple(values) != HEAD else None


def _line(values: tuple[str, ...]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerow(values)
    return text.getvalue().encode("utf-8")


def _pieces(data: bytes) -> Iterator[bytes]:
    """The lines with their ends; a line end in quotes is none. A torn row of ours is left out."""
    quotes = begun = start = 0
    while (at := data.find(b"\n", begun)) >= 0:
        quotes += data.count(b'"', begun, at)
        begun = at + 1
        if quotes % 2 == 0:
            yield data[start:begun]
            start = begun
    if start < len(data) and not _is_torn(data[start:]):
        yield data[start:]


def _is_torn(rest: bytes) -> bool:
    """Whether this is the begin of a row of ours; what a person wrote last may have no line end."""
    if rest.count(b'"') % 2:
        return _TORN.fullmatch(rest) is not None
    (values,) = _values(rest)[:1] or [[]]
    return 3 < len(values) < len(HEAD) and values[3] == text_hash(values[1])


def _values(line: bytes) -> list[list[str]]:
    csv.field_size_limit(1 << 24)
    try:
        return list(csv.reader(io.StringIO(line.decode("utf-8-sig"), newline=""), strict=True))
    except (csv.Error, UnicodeDecodeError) as exc:
        raise UsageError(
            f"The table of captions holds a line that cannot be read ({exc}). Correct it, or name "
            "another file."
        ) from exc
