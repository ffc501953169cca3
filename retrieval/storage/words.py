"""The words by which a photo is found: the table `words` (FTS5), and what it is asked.

One row a photo, derived from the other tables: names of its files and folders, keywords, captions,
the documents that name it, and writing that was recognised in it. FTS5 has a syntax of its own;
what users type is data, so it is taken apart into tokens here and never reaches FTS5 as it is.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from retrieval.errors import CorruptError
from retrieval.storage.readable import as_path

if TYPE_CHECKING:
    from sqlalchemy import Connection

#: Scripts that write no spaces between words: each character is a token, a word a phrase of them.
_UNSPACED = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")


def tokens(text: str) -> list[str]:
    """The words of a text as FTS5's unicode61 sees them; ["IMG", "2041"] for "IMG_2041"."""
    return _TOKEN.findall(unicodedata.normalize("NFC", text))


def searchable(text: str) -> str:
    """The text as it is stored in `words`: characters of unspaced scripts stand apart."""
    return " ".join(tokens(text))


def match_of(text: str, *, prefix: bool = False) -> str:
    """The FTS5 expression that finds the words of `text` side by side; "" if there are none.

    With `prefix` the last word may go on: "IMG_20" finds "IMG_2041".
    """
    words = tokens(text)
    if not words:
        return ""
    phrase = " ".join(words)
    return f'"{phrase}" *' if prefix else f'"{phrase}"'


# --- what is stored ---------------------------------------------------------------------------

#: The columns of `words`, in their order.
COLUMNS = ("name", "folder", "keywords", "caption", "documents", "writing")
MANY = 500  # photos whose words are gathered together


def refresh_words(connection: Connection, photo_ids: Iterable[int]) -> None:
    """Bring the words of these photos up to date; one that stands in no file has none.

    Part of the transaction that changed their files, facts, documents or writing. What is right
    already is not written again, since FTS5 keeps all that it was told until it merges.
    """
    ids = sorted(set(photo_ids))
    for start in range(0, len(ids), MANY):
        _refresh(connection, ids[start : start + MANY])


def _refresh(connection: Connection, ids: Sequence[int]) -> None:
    old, new = _differences(connection, ids)
    if old:
        connection.exec_driver_sql("DELETE FROM words WHERE rowid = ?", old)
    if new:
        connection.exec_driver_sql(
            "INSERT INTO words (rowid, name, folder, keywords, caption, documents, writing)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            new,
        )


def _differences(
    connection: Connection, ids: Sequence[int]
) -> tuple[list[tuple[int]], list[tuple[Any, ...]]]:
    """The rows that are to be deleted (ids) and those that are to be written, of these photos."""
    listed = json.dumps(ids)
    now = {photo: texts.columns() for photo, texts in _gathered(connection, listed).items()}
    stored = {
        photo: tuple(row)
        for photo, *row in connection.exec_driver_sql(
            "SELECT rowid, name, folder, keywords, caption, documents, writing FROM words"
            " WHERE rowid IN (SELECT value FROM json_each(?))",
            (listed,),
        )
    }
    old = [(photo,) for photo in stored if stored[photo] != now.get(photo)]
    new = [(photo, *row) for photo, row in now.items() if stored.get(photo) != row]
    return old, new


@dataclass(slots=True)
class _Texts:
    """What there is to read about one photo, column by column."""

    paths: list[str] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    captions: list[str] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    writing: list[str] = field(default_factory=list)

    def columns(self) -> tuple[str, ...]:
        """A row of `words`, without its id. A word that stands in several files counts once."""
        names = dict.fromkeys(os.path.basename(path) for path in self.paths)
        folders = dict.fromkeys(os.path.dirname(path) for path in self.paths)
        parts = (names, folders, self.keywords, self.captions, self.documents, self.writing)
        return tuple(searchable(" ".join(part)) for part in parts)


def _gathered(connection: Connection, listed: str) -> dict[int, _Texts]:
    """The texts about the photos of a JSON list of ids, for those that stand in a file."""
    found: dict[int, _Texts] = {}
    for photo, path in connection.exec_driver_sql(
        "SELECT photo_id, path FROM files"
        " WHERE photo_id IN (SELECT value FROM json_each(?)) ORDER BY id",
        (listed,),
    ):
        found.setdefault(photo, _Texts()).paths.append(as_path(path))
    for photo, keywords, title, caption, guess in connection.exec_driver_sql(
        "SELECT photo_id, keywords, title, caption, guess FROM facts"
        " WHERE photo_id IN (SELECT value FROM json_each(?))",
        (listed,),
    ):
        if photo in found:
            found[photo].keywords += _listed(keywords)
            found[photo].captions += [text for text in (title, caption, guess) if text]
    for photo, text in connection.exec_driver_sql(
        "SELECT DISTINCT files.photo_id, documents.text FROM files"
        " JOIN sources ON sources.photo_path = files.path"
        " JOIN documents ON documents.id = sources.document_id"
        " WHERE files.photo_id IN (SELECT value FROM json_each(?))"
        " ORDER BY files.photo_id, documents.id",
        (listed,),
    ):
        found[photo].documents.append(text)
    for photo, text in connection.exec_driver_sql(
        "SELECT photo_id, text FROM writing WHERE photo_id IN (SELECT value FROM json_each(?))",
        (listed,),
    ):
        if photo in found:
            found[photo].writing.append(text)
    return found


def _listed(keywords: str) -> list[str]:
    """The keywords in a JSON list. Raises CorruptError."""
    try:
        return [str(keyword) for keyword in json.loads(keywords)]
    except (ValueError, TypeError) as exc:
        raise CorruptError(
            "The catalog is damaged: the keywords of a photo are no list. "
            "Mend it with: retrieval repair"
        ) from exc


def photos_named(connection: Connection, file_ids: Sequence[int]) -> set[int]:
    """The photos that lines of these text files name."""
    rows = connection.exec_driver_sql(
        "SELECT DISTINCT files.photo_id FROM sources JOIN files ON files.path = sources.photo_path"
        " WHERE sources.file_id IN (SELECT value FROM json_each(?))"
        " AND files.photo_id IS NOT NULL",
        (json.dumps(list(file_ids)),),
    )
    return {photo for (photo,) in rows}


def photos_without_words(connection: Connection, limit: int) -> list[int]:
    """Photos that stand in a file and have no words: of a collection from before schema 3."""
    rows = connection.exec_driver_sql(
        "SELECT DISTINCT photo_id FROM files WHERE photo_id IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM words_docsize WHERE id = photo_id) LIMIT ?",
        (limit,),
    )
    return [photo for (photo,) in rows]


def forget_deleted_words(connection: Connection) -> None:
    """Write the index of `words` anew: FTS5 keeps the terms of deleted rows until it merges."""
    connection.exec_driver_sql("INSERT INTO words (words) VALUES ('rebuild')")


def check_words(connection: Connection) -> None:
    """Have FTS5 compare its index with its rows; what it raises is translated by the caller."""
    connection.exec_driver_sql("INSERT INTO words (words) VALUES ('integrity-check')")


def make_words_anew(connection: Connection) -> None:
    """Empty `words`, whatever state it is in; it is derived, and filled again by refresh_words."""
    connection.exec_driver_sql("DROP TABLE words")
    connection.exec_driver_sql(
        "CREATE VIRTUAL TABLE words USING fts5 (name, folder, keywords, caption, documents,"
        " writing, tokenize = 'unicode61 remove_diacritics 2')"
    )


def wrong_words(connection: Connection) -> tuple[int, int]:
    """How many rows of `words` say something else than the tables do, and how many are missing."""
    ids = connection.exec_driver_sql(
        "SELECT photo_id FROM files WHERE photo_id IS NOT NULL UNION SELECT rowid FROM words"
    )
    photos = [photo for (photo,) in ids]
    wrong = missing = 0
    for start in range(0, len(photos), MANY):
        old, new = _differences(connection, photos[start : start + MANY])
        wrong += len(old)
        missing += len({row[0] for row in new} - {row[0] for row in old})
    return wrong, missing
