"""Beside the catalog: conversations and recognised writing, for the day when the catalog is lost.

All else comes back from the vectors and the files; these stand nowhere but in the catalog. So that
nothing forgotten stays here, the files are overwritten and removed before the catalog lets go of
anything, and made anew from it afterwards; where a process died in between, the next writer makes
them (`tidy`). Photos are named by their content's hash: a new catalog numbers them otherwise.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from retrieval.errors import CorruptError
from retrieval.storage import disk
from retrieval.storage.catalog import Catalog
from retrieval.storage.checked import read_checked, write_checked
from retrieval.storage.edits import write_writing
from retrieval.storage.layout import storage_errors
from retrieval.storage.turns import photos_of_turn, restore_turn

CONVERSATIONS = "conversations.json"
WRITING = "writing.json"
KEPT = (CONVERSATIONS, WRITING)
_ANY = {
    CONVERSATIONS: "SELECT EXISTS (SELECT 1 FROM turns)",
    WRITING: "SELECT EXISTS (SELECT 1 FROM writing)",
}


def keep(place: Path, catalog: Catalog, *names: str) -> None:
    """Write the files `names` (all, if none is named) anew from the catalog; empty ones go.

    Must run under the write lock. Raises StorageError.
    """
    for name in names or KEPT:
        wipe(place, name)
        if catalog.fetch(_ANY[name])[0][0]:
            values = {"turns": _turns(catalog)} if name == CONVERSATIONS else _writing(catalog)
            with storage_errors(place / name):
                write_checked(place / name, values)


def keep_missing(place: Path, catalog: Catalog) -> None:
    """Write the files that are not there though they should be. Raises StorageError."""
    with storage_errors(place):
        missing = [name for name in KEPT if not (place / name).exists()]
    if missing:
        keep(place, catalog, *missing)


def wipe(place: Path, *names: str) -> None:
    """Overwrite and remove the files `names` (all, if none is named). Raises StorageError."""
    for file in (place / name for name in names or KEPT):
        with storage_errors(file):
            disk.wipe(file)


def check(place: Path, name: str) -> None:
    """Compare a file with its checksum, if it is there. Raises CorruptError, StorageError."""
    with storage_errors(place / name):
        if _is_there(place / name):
            read_checked(place / name)


def _is_there(file: Path) -> bool:
    """Whether there is such a file. Raises CorruptError for what is no plain file, as a link is."""
    if file.is_symlink() or (file.exists() and not file.is_file()):
        raise CorruptError(f"{file} is no file of the collection. Move it away.")
    return file.exists()


def restore(place: Path, catalog: Catalog) -> list[str]:
    """Fill a new catalog that knows its photos with what was kept; what came back, in words.

    A turn comes back only if all of its photos do, so that forgetting one takes it along as ever.
    A file that cannot be read is set aside. Raises CorruptError for what is no plain file,
    StorageError.
    """
    said = []
    for name, fill in ((CONVERSATIONS, _restore_turns), (WRITING, _restore_writing)):
        with storage_errors(place / name):
            if not _is_there(place / name):
                continue
            try:
                said.append(fill(catalog, read_checked(place / name)))
            except (CorruptError, KeyError, TypeError, ValueError, AttributeError):
                aside = place / f"{Path(name).stem}.damaged-{time.time_ns()}.json"
                disk.rename(place / name, aside)  # nowhere else does it stand
                said.append(f"{name} is damaged and could not be read; it is kept as {aside.name}")
    return said


def _turns(catalog: Catalog) -> list[dict[str, Any]]:
    rows = catalog.fetch(
        "SELECT name, begun_at, turns.id, number, question, answer, status, plan, at FROM turns"
        " JOIN conversations ON conversations.id = conversation_id"
        " ORDER BY conversations.id, number"
    )
    kept = []
    for name, begun, turn, number, question, answer, status, plan, at in rows:
        told = {"question": question, "answer": answer, "status": status, "plan": plan, "at": at}
        photos = _hashes(catalog, photos_of_turn(catalog, turn))
        among = _hashes(catalog, _among(plan))
        whose = {"conversation": name, "begun_at": begun, "number": number}
        kept.append({**whose, **told, "photos": photos, "among": among})
    return kept


def _restore_turns(catalog: Catalog, values: dict[str, Any]) -> str:
    turns = values["turns"]
    named = {name for turn in turns for name in (*turn["photos"], *turn["among"])}
    ids = _ids(catalog, named)
    count = 0
    with catalog.writing() as connection:
        for turn in turns:
            names = (*turn["photos"], *turn["among"])
            if all(name in ids for name in names):
                plan = _with_among(turn["plan"], [ids[name] for name in turn["among"]])
                photos = [ids[name] for name in turn["photos"]]
                restore_turn(connection, {**turn, "plan": plan}, photos)
                count += 1
    return f"kept {count:,} of the {len(turns):,} questions of conversations"


def _writing(catalog: Catalog) -> dict[str, Any]:
    rows = catalog.fetch(
        "SELECT lower(hex(content_hash)), reader, text FROM writing"
        " JOIN photos ON photos.id = photo_id ORDER BY photo_id"
    )
    return {"writing": [list(row) for row in rows]}


def _restore_writing(catalog: Catalog, values: dict[str, Any]) -> str:
    rows = values["writing"]
    ids = _ids(catalog, (name for name, _, _ in rows))
    by_reader: dict[str, dict[int, str]] = {}
    for name, reader, text in rows:
        if name in ids:
            by_reader.setdefault(reader, {})[ids[name]] = text
    with catalog.writing() as connection:
        for reader, texts in by_reader.items():
            write_writing(connection, reader, texts)
    count = sum(map(len, by_reader.values()))
    return f"kept what was read of the writing in {count:,} of {len(rows):,} photos"


def _ids(catalog: Catalog, names: Iterable[str]) -> dict[str, int]:
    """The ids of the photos whose hash is known, by the hash in hexadecimal."""
    found = catalog.photo_ids([bytes.fromhex(name) for name in names])
    return {name.hex(): photo for name, photo in found.items()}


def _hashes(catalog: Catalog, photos: Iterable[int]) -> list[str]:
    """The hashes of photos in hexadecimal; "" for one that is not known any more."""
    ids = list(photos)
    found = dict(
        catalog.fetch(
            "SELECT id, lower(hex(content_hash)) FROM photos"
            " WHERE id IN (SELECT value FROM json_each(?))",
            json.dumps(ids),
        )
    )
    return [found.get(photo, "") for photo in ids]


def _among(plan: str) -> list[int]:
    """The only photos that a plan is about; none where it is of a form that is not known."""
    try:
        return [int(photo) for photo in json.loads(plan)["among"]]
    except (ValueError, TypeError, KeyError):
        return []


def _with_among(plan: str, photos: list[int]) -> str:
    try:
        return json.dumps({**json.loads(plan), "among": photos})
    except (ValueError, TypeError):
        return plan  # read as a search for its question
