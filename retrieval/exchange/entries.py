"""What is exported of each item: one flat record, whose columns are declared here once.

Items come in pieces, so that a collection of any size is exported in the same memory. A record has
every column; None is unknown.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from retrieval.records import Document, Facts, Kind, Looks, Photo, Space
from retrieval.storage import listing
from retrieval.storage.readable import Readable

if TYPE_CHECKING:
    from numpy.typing import NDArray

AT_ONCE = 1_000  # items that are held in memory

#: What a column holds. "bytes": of a path that is not UTF-8, so that it can be found again.
Holds = Literal["text", "int", "float", "texts", "bytes"]

_HOLDS: Mapping[str, Holds] = {
    "str | None": "text",
    "int | None": "int",
    "float | None": "float",
    "int": "int",
    "float": "float",
    "tuple[str, ...]": "texts",
}
#: The caption in the file itself, since `caption` is where other programs keep the linked text.
_RENAMED = {"caption": "description"}


def _of_record(record: type) -> dict[str, Holds]:
    return {
        _RENAMED.get(field.name, field.name): _HOLDS[str(field.type)] for field in fields(record)
    }


#: Ahead those that clip-retrieval writes: `image_path`, and as `caption` the first linked text.
PHOTO_COLUMNS: dict[str, Holds] = {
    "image_path": "text",
    "caption": "text",
    "id": "int",
    "content_hash": "text",
    "score": "float",
    "also": "texts",
    "captions": "texts",
    "width": "int",
    "height": "int",
    "format": "text",
    "frames": "int",
    **_of_record(Facts),
    **_of_record(Looks),
    "writing": "text",
    "path_bytes": "bytes",
}
DOCUMENT_COLUMNS: dict[str, Holds] = {
    "caption": "text",
    "image_path": "text",
    "id": "int",
    "content_hash": "text",
    "score": "float",
    "file": "text",
    "line": "int",
    "also": "texts",
    "path_bytes": "bytes",
}


def columns_of(kind: Kind) -> dict[str, Holds]:
    """The columns of a kind of item."""
    return PHOTO_COLUMNS if kind == "photos" else DOCUMENT_COLUMNS


@dataclass(frozen=True, slots=True)
class Entry:
    """An item: its vector row, id and hash, and its record by the columns of its kind.

    In a record paths are as the catalog gives them (surrogates where they are not UTF-8).
    """

    row: int
    id: int
    content_hash: bytes
    record: dict[str, Any]


class Listing:
    """The items to export, in order. Lives inside one snapshot of the reader, or is `fixed`."""

    def __init__(
        self,
        reader: Readable,
        space: Space,
        kind: Kind,
        among: Sequence[int] | None,
        scores: Mapping[int, float],
    ) -> None:
        self._reader = reader
        self._space = space
        self._kind = kind
        self._scores = scores
        self._links: listing.Links | None = None
        self._fixed: NDArray[np.int64] | None = None  # (n, 2) of row and id
        #: Ids that were asked for and are no items that can be found.
        self.unknown: list[int] = []
        self._among = None if among is None else self._known(among)

    def _known(self, among: Sequence[int]) -> list[tuple[int, int]]:
        """(row, id) of those that are there, each once, in the order given."""
        ids = list(dict.fromkeys(int(item) for item in among))
        found: list[tuple[int, int]] = []
        for start in range(0, len(ids), AT_ONCE):
            part = ids[start : start + AT_ONCE]
            sane = [item for item in part if 0 <= item < 1 << 63]
            rows = listing.live_rows_of(self._reader, self._space, self._kind, sane)
            found += [(rows[item], item) for item in part if item in rows]
            self.unknown += [item for item in part if item not in rows]
        return found

    def __len__(self) -> int:
        known = self._among if self._fixed is None else self._fixed
        if known is not None:
            return len(known)
        return listing.live_count(self._reader, self._space, self._kind)

    def pieces(self) -> Iterator[list[Entry]]:
        """All items with all that is known of them, at most AT_ONCE together."""
        for pairs in self._pairs():
            ids = [item for _, item in pairs]
            records = self._photos(ids) if self._kind == "photos" else self._documents(ids)
            hashes = listing.hashes_of(self._reader, self._kind, ids)
            yield [
                _entry(row, item, hashes.get(item, b""), records.get(item, {}))
                for row, item in pairs
            ]

    def fix(self) -> None:
        """Note all items, 16 bytes each, so that the snapshot may end before they are read.

        A snapshot that lasts for hours would keep others from emptying the catalog's log. What is
        forgotten meanwhile comes with an empty record.
        """
        pieces = [np.array(pairs, np.int64) for pairs in self._pairs()]
        self._fixed = np.concatenate(pieces) if pieces else np.empty((0, 2), np.int64)

    def _pairs(self) -> Iterator[list[tuple[int, int]]]:
        if self._fixed is not None:
            for start in range(0, len(self._fixed), AT_ONCE):
                yield [(row, item) for row, item in self._fixed[start : start + AT_ONCE].tolist()]
            return
        if self._among is not None:
            for start in range(0, len(self._among), AT_ONCE):
                yield self._among[start : start + AT_ONCE]
            return
        last = -1
        while found := listing.live_after(self._reader, self._space, self._kind, last, AT_ONCE):
            last = found[-1][0]
            yield found

    def _photos(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        reader = self._reader
        if self._links is None:
            self._links = listing.Links(reader)
        texts, writing = self._links.texts_of(ids), listing.writing_of(reader, ids)
        facts, looks = listing.facts_of(reader, ids), listing.looks_of(reader, ids)
        records = {}
        for item, photo in reader.photos_by_id(ids).items():
            record = _UNKNOWN | _of_photo(photo)
            if item in facts:
                record |= _values(facts[item])
            if item in looks:
                record |= _values(looks[item])
            captions = texts.get(item, [])
            record |= {"captions": captions, "caption": captions[0] if captions else None}
            record |= {"writing": writing.get(item), "score": self._score(item)}
            records[item] = record
        return records

    def _documents(self, ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        found = self._reader.documents_by_id(ids)
        return {
            item: dict.fromkeys(DOCUMENT_COLUMNS)
            | _of_document(document)
            | {"score": self._score(item)}
            for item, document in found.items()
        }

    def _score(self, item: int) -> float | None:
        score = self._scores.get(item)
        return None if score is None else float(score)


def _of_photo(photo: Photo) -> dict[str, Any]:
    first, *also = that_exists_first(photo.paths) or ("",)
    return {
        "image_path": first,
        "path_bytes": bytes_of(first),
        "also": also,
        "id": photo.id,
        "width": photo.width,
        "height": photo.height,
        "format": photo.format,
        "frames": photo.frames,
    }


def _of_document(document: Document) -> dict[str, Any]:
    record: dict[str, Any] = {"id": document.id, "caption": document.text, "also": []}
    if document.sources:
        first, *others = document.sources
        record |= {"file": first.path, "line": first.line, "image_path": first.photo_path}
        record["path_bytes"] = bytes_of(first.photo_path or "")
        record["also"] = [f"{source.path}:{source.line}" for source in others]
    return record


def _entry(row: int, item: int, content_hash: bytes, record: dict[str, Any]) -> Entry:
    return Entry(row, item, content_hash, record | {"content_hash": content_hash.hex()})


def _values(record: Facts | Looks) -> dict[str, Any]:
    """Fields as columns; a number that is none (a file may say anything) is unknown."""
    values: dict[str, Any] = {}
    for field in fields(record):
        value = getattr(record, field.name)
        if isinstance(value, float) and not math.isfinite(value):
            value = None
        values[_RENAMED.get(field.name, field.name)] = (
            list(value) if isinstance(value, tuple) else value
        )
    return values


_UNKNOWN: dict[str, Any] = dict.fromkeys(PHOTO_COLUMNS) | _values(Facts())


def that_exists_first(paths: Sequence[str]) -> tuple[str, ...]:
    """Files of one photo, ahead the first that is there: others may have been deleted."""
    if len(paths) < 2:
        return tuple(paths)
    first = next((path for path in paths if os.path.exists(path)), paths[0])
    return first, *(path for path in paths if path != first)


def bytes_of(path: str) -> bytes | None:
    """The bytes of a path that is not UTF-8; None for all others, which a text can hold."""
    return None if is_text(path) else os.fsencode(path)


def is_text(value: str) -> bool:
    """Whether a text can be written as UTF-8."""
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def as_text(value: str) -> str:
    """A path as valid text, for formats that take no other: what is not UTF-8 becomes a mark."""
    return value if is_text(value) else os.fsencode(value).decode("utf-8", "replace")
