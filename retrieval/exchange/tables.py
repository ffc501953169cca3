"""Records as CSV, JSON, JSON lines and Parquet, written piece by piece."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

from retrieval.errors import MissingExtraError
from retrieval.exchange.entries import Holds, as_text

if TYPE_CHECKING:
    from retrieval.exchange.places import Written

Record = Mapping[str, Any]


class Table(Protocol):
    """A table on its way into a file, which its caller opened and closes."""

    def write(self, records: Sequence[Record]) -> None: ...

    def end(self) -> None:
        """Write what stands at the end."""

    def abandon(self) -> None:
        """Let go of the file, whole or not; nothing after `end`."""


class CsvTable:
    """UTF-8 with a head; lists as JSON, bytes in hex, what is unknown empty."""

    def __init__(self, file: Written, columns: Mapping[str, Holds]) -> None:
        self._file = file
        self._columns = columns
        self._write([list(columns)])

    def write(self, records: Sequence[Record]) -> None:
        self._write([[_cell(record[name]) for name in self._columns] for record in records])

    def end(self) -> None:
        pass

    def abandon(self) -> None:
        pass

    def _write(self, rows: Sequence[Sequence[Any]]) -> None:
        text = io.StringIO(newline="")
        csv.writer(text).writerows(rows)
        self._file.write(text.getvalue().encode("utf-8"))


def _cell(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, str):
        return as_text(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, (list, tuple)):
        return json_text(value) if value else ""
    return value


class JsonTable:
    """One array of objects, or with `lines` one object a line; paths as `json_text` has them."""

    def __init__(self, file: Written, columns: Mapping[str, Holds], *, lines: bool = False) -> None:
        self._file = file
        self._names = [name for name, holds in columns.items() if holds != "bytes"]
        self._lines = lines
        self._begun = False

    def write(self, records: Sequence[Record]) -> None:
        for record in records:
            text = json_text({name: record[name] for name in self._names})
            if not self._lines:
                text = (",\n" if self._begun else "[\n") + text
            self._begun = True
            self._file.write((text + "\n" * self._lines).encode("utf-8"))

    def end(self) -> None:
        if not self._lines:
            self._file.write(b"\n]\n" if self._begun else b"[]\n")

    def abandon(self) -> None:
        pass


class ParquetTable:
    """Columns of strings, int64, double, lists of strings and binary; needs pyarrow."""

    def __init__(self, file: Written, columns: Mapping[str, Holds]) -> None:
        arrow, self._parquet = load_arrow()
        types = {
            "text": arrow.string(),
            "int": arrow.int64(),
            "float": arrow.float64(),
            "texts": arrow.list_(arrow.string()),
            "bytes": arrow.binary(),
        }
        self._arrow = arrow
        self._columns = columns
        self._schema = arrow.schema([(name, types[holds]) for name, holds in columns.items()])
        self._writer = self._parquet.ParquetWriter(file, self._schema, compression="zstd")

    def write(self, records: Sequence[Record]) -> None:
        if records:
            columns = {
                name: [_CONVERTED[holds](record[name]) for record in records]
                if holds in _CONVERTED
                else [record[name] for record in records]
                for name, holds in self._columns.items()
            }
            self._writer.write_table(self._arrow.table(columns, schema=self._schema))

    def end(self) -> None:
        self._writer.close()

    def abandon(self) -> None:
        if self._writer.is_open:  # else it would write into a closed file once it is collected
            with suppress(Exception):
                self._writer.close()
            self._writer.is_open = False


def _text(value: str | None) -> str | None:
    return None if value is None else as_text(value)


def _text_list(value: Sequence[str] | None) -> list[str] | None:
    return None if value is None else [as_text(item) for item in value]


#: Columns whose values may be no valid text.
_CONVERTED: Mapping[Holds, Callable[[Any], Any]] = {"text": _text, "texts": _text_list}


def json_text(value: Any) -> str:
    """JSON as UTF-8 text; names of files that are not UTF-8 force ASCII escapes."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(value)
    return text


def has_arrow() -> bool:
    """Whether Parquet can be written and read here."""
    from importlib.util import find_spec

    return find_spec("pyarrow") is not None


def load_arrow() -> tuple[ModuleType, ModuleType]:
    """The modules pyarrow and pyarrow.parquet. Raises MissingExtraError."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as exc:
        raise MissingExtraError(
            "Parquet files need pyarrow. Install it with: pip install 'retrieval[parquet]'"
        ) from exc
    return pyarrow, pyarrow.parquet
