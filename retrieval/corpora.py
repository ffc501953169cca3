"""Read text corpora: .txt and .md as passages, .csv and .jsonl as one document a record."""

from __future__ import annotations

import ast
import csv
import hashlib
import io
import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retrieval.errors import CorpusError, NotTextError
from retrieval.metadata import guesses

SUFFIXES = (".txt", ".md", ".csv", ".tsv", ".jsonl")
TEXT_COLUMNS = ("caption", "text", "description", "title", "sentence")
IMAGE_COLUMNS = ("image", "photo", "file", "filename", "file_name", "path", "image_path")
MAX_CORPUS_BYTES = 1 << 30
NOT_TEXT = "not UTF-8 text; convert it"
PASSAGE_WORDS = 60  # about what a text tower of 77 tokens reads

_LITERAL = r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")"""
_SIGNATURE = re.compile(f"columns {_LITERAL} {_LITERAL}")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns (or JSON keys) hold the text and the picture's file name; "" finds them."""

    text: str = ""
    image: str = ""

    @property
    def chosen(self) -> bool:
        """Whether the user named any."""
        return bool(self.text or self.image)

    @property
    def signature(self) -> str:
        """Remembered with a corpus, to notice when it is to be read with other columns."""
        return f"columns {self.text!r} {self.image!r}"

    @classmethod
    def from_signature(cls, signature: str | None) -> Columns:
        """The columns that `signature` was made of; those found by themselves for anything else."""
        match = _SIGNATURE.fullmatch(signature or "")
        return cls(*map(ast.literal_eval, match.groups())) if match else cls()


@dataclass(frozen=True, slots=True)
class Passage:
    """A text, the line (from 1) it starts on, and the path of the photo it is linked to.

    `guessed` where a model wrote it: a row of `retrieval caption --csv` that nobody changed.
    """

    text: str
    line: int
    photo_path: str | None = None
    guessed: bool = False


def is_corpus(path: str) -> bool:
    """Whether the name of a file says that it is a text corpus."""
    return path.lower().endswith(SUFFIXES)


def read_passages(path: str, columns: Columns) -> list[Passage]:
    """Read all passages of a text corpus. Raises CorpusError with the reason."""
    text = _read_text(path)
    suffix = Path(path).suffix.lower()
    if suffix in (".csv", ".tsv"):
        found = list(_from_table(path, text, "\t" if suffix == ".tsv" else "", columns))
    elif suffix == ".jsonl":
        found = list(_from_json_lines(path, text, columns))
    else:
        found = list(_from_prose(text))
    if not found:
        raise CorpusError("no text in it")
    return found


def _read_text(path: str) -> str:
    try:
        if os.path.getsize(path) > MAX_CORPUS_BYTES:
            raise CorpusError(f"larger than {MAX_CORPUS_BYTES >> 20} MiB; split it")
        data = Path(path).read_bytes()
    except OSError as exc:
        raise CorpusError(f"cannot be read: {exc.strerror}") from exc
    if not data:
        raise CorpusError("empty file (0 bytes)")
    try:
        return data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError as exc:
        raise NotTextError(NOT_TEXT) from exc


def _from_prose(text: str) -> Iterator[Passage]:
    """Passages are set apart by blank lines; in a file without any, each line is one."""
    lines = text.splitlines()
    one_each = not any(not line.strip() for line in lines)
    block: list[str] = []
    start = 1
    for number, line in enumerate([*lines, ""], 1):
        if line.strip():
            if not block:
                start = number
            block.append(line.strip())
        if block and (one_each or not line.strip()):
            for piece in _pieces(" ".join(block)):
                yield Passage(piece, start)
            block = []


def _pieces(passage: str) -> Iterator[str]:
    """Split a long passage at sentence ends into pieces that a text tower reads whole."""
    words: list[str] = []
    for sentence in re.split(r"(?<=[.!?。!?])\s+", passage):
        more = sentence.split()
        if words and len(words) + len(more) > PASSAGE_WORDS:
            yield " ".join(words)
            words = []
        words += more
        while len(words) > PASSAGE_WORDS:  # no sentence ends: what follows would never be read
            yield " ".join(words[:PASSAGE_WORDS])
            words = words[PASSAGE_WORDS:]
    if words:
        yield " ".join(words)


def _from_table(path: str, text: str, delimiter: str, columns: Columns) -> Iterator[Passage]:
    csv.field_size_limit(1 << 24)
    delimiter = delimiter or _delimiter(text, columns)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        header = next(reader, [])
        text_column = _find(columns.text, TEXT_COLUMNS, header, "text")
        image_column = _find(columns.image, IMAGE_COLUMNS, header, "image")
        if text_column is None:
            raise CorpusError(
                f"no column of text among {', '.join(header)[:200]}; name one with --text-column"
            )
        line = reader.line_num + 1
        for row in reader:
            # The first of two columns of one name counts, wherever one is looked for.
            record = dict(reversed(list(zip(header, row, strict=False))))
            yield from _passage(path, record, text_column, image_column, line)
            line = reader.line_num + 1
    except csv.Error as exc:
        raise CorpusError(
            f"not a table that can be read: {exc}, in the record that starts on line {line}; "
            "check its quotes"
        ) from exc


def _delimiter(text: str, columns: Columns) -> str:
    """What separates the columns of a .csv: spreadsheets of many countries write semicolons."""
    usual = (columns.text,) if columns.text else TEXT_COLUMNS

    def fit(delimiter: str) -> tuple[bool, int]:
        start = io.StringIO(text[: 1 << 16], newline="")
        try:
            header = next(csv.reader(start, delimiter=delimiter, strict=True), [])
        except csv.Error:
            return False, 0
        return any(name in usual or name.strip().lower() in usual for name in header), len(header)

    return max(",", ";", "\t", key=fit)  # the first of equals


def _from_json_lines(path: str, text: str, columns: Columns) -> Iterator[Passage]:
    for number, line in enumerate(text.split("\n"), 1):  # JSON may hold U+2028 as it is
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as exc:
            raise CorpusError(f"line {number} is not JSON") from exc
        if not isinstance(record, dict):
            raise CorpusError(f"line {number} is not a JSON object")
        keys = list(record)
        text_key = _find(columns.text, TEXT_COLUMNS, keys, "text")
        if text_key is None:
            raise CorpusError(f"line {number} has no text; name its key with --text-column")
        image_key = _find(columns.image, IMAGE_COLUMNS, keys, "image")
        yield from _passage(path, record, text_key, image_key, number)


def _find(chosen: str, usual: tuple[str, ...], header: Any, role: str) -> str | None:
    names = list(header)
    if chosen:
        if chosen not in names:
            raise CorpusError(f"no column {chosen!r} for --{role}-column; it has {names[:20]}")
        return chosen
    by_lower = {str(name).strip().lower(): name for name in reversed(names)}
    return next((by_lower[name] for name in usual if name in by_lower), None)


def _passage(
    path: str, record: dict[str, Any], text_key: str, image_key: str | None, line: int
) -> Iterator[Passage]:
    value = record.get(text_key)
    words = " ".join(_without_surrogates(value).split()) if isinstance(value, str) else ""
    if words:
        picture = record.get(image_key) if image_key else None
        linked = None
        if isinstance(picture, str) and picture:
            linked = _linked(path, _without_surrogates(picture))
        # By the hash alone, wherever it stands: people add columns, and leave some out.
        guessed = record.get(guesses.COLUMN) == guesses.text_hash(words)
        yield Passage(words, line, linked, guessed)


def _without_surrogates(text: str) -> str:
    """JSON can say "\\ud83d", half a character, which no file and no database takes."""
    return text.encode("utf-8", "replace").decode()


def _linked(path: str, name: str) -> str:
    """The absolute path a record means: beside the table, or in a folder images/ beside it."""
    folder = os.path.dirname(os.path.abspath(path))
    beside = os.path.normpath(os.path.join(folder, name))
    inside = os.path.normpath(os.path.join(folder, "images", name))
    return inside if not os.path.exists(beside) and os.path.exists(inside) else beside


def text_hash(text: str) -> bytes:
    """The SHA-256 that identifies a text as a document."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
