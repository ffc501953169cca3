"""Read all that a collection holds and shows, and judge what is left of one after a fault.

What it holds is read with sqlite3 and numpy alone, what it shows through the library.
"""

from __future__ import annotations

import hashlib
import itertools
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from retrieval import Collection, EncoderSpec, make_query, search
from retrieval.encoders import ENCODERS
from retrieval.errors import NoCollectionError, RetrievalError
from retrieval.records import KINDS, Kind
from retrieval.storage.layout import space_folder

SPEC = EncoderSpec("toy")
OWN = EncoderSpec()  # whatever encoder a collection was made with, or changed to


def use_toy() -> None:
    """Make the toy encoders known in this process."""
    ENCODERS["toy"] = ENCODERS["turned"] = "tests.toy:load"


class State(NamedTuple):
    """What a collection holds, read without the library."""

    #: (path, reason, content hash, vector) of each file
    files: tuple[tuple[Any, ...], ...] = ()
    #: (path, line, photo path, text, vector) of each line of a text
    texts: tuple[tuple[Any, ...], ...] = ()


EMPTY = State()


def read_state(place: Path) -> State:
    """Read a collection of either format with sqlite3 and numpy alone."""
    if not (place / "catalog.db").is_file():
        return EMPTY
    with closing(sqlite3.connect(place / "catalog.db")) as database:
        database.row_factory = sqlite3.Row
        tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master")}
        if "spaces" not in tables:
            return EMPTY
        space = database.execute("SELECT * FROM spaces WHERE active").fetchone()
        vectors = {kind: _vectors(place, database, space, kind) for kind in KINDS}
        files = [
            (
                row["path"],
                row["reason"],
                row["content_hash"],
                vectors["photos"].get(row["photo_id"]),
            )
            for row in database.execute(
                "SELECT * FROM files LEFT JOIN photos ON photos.id = photo_id"
            )
        ]
        texts = [
            (
                *(row["path"], row["line"], row["photo_path"], row["text"]),
                vectors["documents"].get(row["document_id"]),
            )
            for row in database.execute(
                "SELECT * FROM sources JOIN files ON files.id = file_id"
                " JOIN documents ON documents.id = document_id"
            )
        ]
    return State(tuple(sorted(files, key=repr)), tuple(sorted(texts, key=repr)))


def _vectors(
    place: Path, database: sqlite3.Connection, space: sqlite3.Row | None, kind: str
) -> dict[int, bytes]:
    if space is None:
        return {}
    edition = space[f"{kind}_edition"] if f"{kind}_edition" in space.keys() else 0  # noqa: SIM118
    name = f"{kind}-{edition}.f16" if edition else f"{kind}.f16"
    path = place / "spaces" / space["fingerprint"][:32] / name
    data, width = path.read_bytes() if path.is_file() else b"", space["dim"] * 2
    rows = database.execute(
        "SELECT row, item_id FROM embeddings WHERE space_id = ? AND kind = ? AND live",
        (space["id"], kind),
    )
    return {item: data[row * width : (row + 1) * width] for row, item in rows}


# --- what a user sees -----------------------------------------------------------------------


class Results(NamedTuple):
    """All that a user can see of a collection."""

    state: State
    counts: tuple[tuple[str, int], ...]
    searches: tuple[Any, ...]


def read_results(place: Path, photos: Path, *, check: bool = True) -> Results:
    """Open a collection, `check` everything, and search it.

    Raises AssertionError for what is wrong, RetrievalError for what the library finds wrong.
    """
    with Collection.open(place, spec=OWN) as collection:
        state = read_state(place)
        if check:
            check_everything(collection)
            _find_best(collection, state, photos)
        searches = [_find_all(collection, kind, state) for kind in KINDS]
        counts = collection.catalog.counts()
    return Results(state, tuple(counts.items()), tuple(searches))


def _find_all(collection: Collection, kind: Kind, state: State) -> Any:
    """Search for a word: every item must come, with the cosine of its own vector."""
    if kind == "photos":
        wanted = {path: vector for path, _, _, vector in state.files if vector}
    else:
        wanted = {text: vector for _, _, _, text, vector in state.texts}
    if not wanted:
        return None
    (query,) = collection.encoder().encode_texts(["red"])
    found: dict[str | None, float] = {}
    for hit in search(collection, "red", kind=kind, k=1000).hits:
        places = (hit.path, *hit.also) if kind == "photos" else (hit.text,)
        found.update(dict.fromkeys(places, hit.score))
    assert found.keys() == wanted.keys(), f"found {found.keys()}, there are {wanted.keys()}"
    for name, score in found.items():
        vector = np.frombuffer(wanted[str(name)], np.float16).astype(np.float32)
        assert abs(vector @ query - score) < 1e-3, f"{name} is found with {score}"
    return sorted((str(name), round(score, 4)) for name, score in found.items())


def _find_best(collection: Collection, state: State, photos: Path) -> None:
    """Search with the picture of the photo that was committed last: the best, with a cosine of 1.

    (That it is the best for all others follows from their vectors and scores, which are compared.)
    """
    for name, _, content, _ in reversed(state.files):
        path = Path(str(name).replace("/golden/photos", str(photos)))
        if path.is_file() and hashlib.sha256(path.read_bytes()).digest() == content:
            best = search(collection, make_query(images=[path]), k=1).hits[0]
            same = {other[0] for other in state.files if other[2] == content}
            assert best.path in same, f"{path} is not found by its own picture, but {best.path}"
            assert abs(best.score - 1) < 1e-3, f"{path} is found with {best.score}"
            return


def check_everything(collection: Collection) -> None:
    """The catalog is whole, fits its seal, and every live row fits its key and has an item."""
    catalog = collection.catalog
    catalog.check_seal()
    assert catalog.integrity_problems() == []
    for space, kind in itertools.product(catalog.spaces(), KINDS):
        count = space.rows[kind]
        dead = catalog.dead_rows(space, kind)
        file = collection.vector_file(space, kind)
        damaged = file.damaged(count, dead)
        assert not len(damaged), f"rows {damaged} of {file.path} are damaged"
        rows = range(count)
        known = catalog.items_at(space, kind, rows).keys() | set(dead)
        assert known == set(rows), f"rows {set(rows) - known} of {file.path} belong to nothing"
    _check_items(collection.path)


def _check_items(place: Path) -> None:
    """Each file is a photo with a vector, a text, or skipped with a reason."""
    state = read_state(place)
    texts = {path for path, *_ in state.texts}
    for path, reason, content, vector in state.files:
        assert reason or path in texts or (content and vector), f"{path} is nothing"
    for text in state.texts:
        assert text[-1], f"{text} has no vector"


def leftovers(place: Path) -> list[str]:
    """Files that nothing refers to."""
    with Collection.open(place, spec=OWN) as collection:
        spaces = collection.catalog.spaces()
        known = {space_folder(place, space.fingerprint) for space in spaces}
        current = {
            path
            for space in spaces
            for kind in KINDS
            for file in [collection.vector_file(space, kind)]
            for path in (file.path, file.keys_path)
        }
    return [
        str(path.relative_to(place))
        for path in sorted((*place.glob("*"), *(place / "spaces").rglob("*")))
        if path.suffix == ".tmp"
        or (path.suffix in (".f16", ".keys") and path not in current)
        or (path.parent.name == "spaces" and path not in known)
    ]


def judge_fault(place: Path, photos: Path, committed: State) -> list[str]:
    """What is wrong with a collection that was left by a fault, and has not been written since."""
    problems: list[str] = []
    try:
        state = read_results(place, photos).state
        if state != committed:
            problems.append(f"other than committed: {_change(state, committed)}")
    except NoCollectionError:
        if committed != EMPTY:
            problems.append("the collection is gone")
    except (AssertionError, RetrievalError) as exc:
        problems.append(f"after the fault: {type(exc).__name__}: {exc}")
    return problems


def difference(found: Results, wanted: Results) -> str:
    if found.state == wanted.state:
        return f"{found[1:]} instead of {wanted[1:]}"
    return _change(found.state, wanted.state)


def _change(found: State, wanted: State) -> str:
    lost = [row for part in (0, 1) for row in set(wanted[part]) - set(found[part])]
    more = [row for part in (0, 1) for row in set(found[part]) - set(wanted[part])]
    return f"lost {lost[:3]}, unexpected {more[:3]}"
