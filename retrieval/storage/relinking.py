"""Lines of text files that name photos by paths from elsewhere: linked where only one photo fits.

A table of captions names "2019/IMG_1.jpg", and may lie beside the folder of the photos, not in it.
A path that leads to no known file is taken for the end of one: of the only one that ends so. A bare
file name is looked for below the table's own folder only, as many folders hold an IMG_1.jpg.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from retrieval.storage.readable import as_path
from retrieval.storage.words import refresh_words


def relink(connection: Connection) -> int:
    """Link what names no known file to the photo that it can only mean; returns how many names.

    Part of a transaction; the words of the photos follow.
    """
    loose = connection.exec_driver_sql(
        "SELECT DISTINCT sources.file_id, files.path, sources.photo_path FROM sources"
        " JOIN files ON files.id = sources.file_id WHERE sources.photo_path IS NOT NULL"
        " AND NOT EXISTS (SELECT 1 FROM files AS f WHERE f.path = sources.photo_path)"
    ).all()
    if not loose:
        return 0
    known: dict[str, list[str]] = defaultdict(list)
    owners: dict[str, int] = {}
    for stored, photo in connection.exec_driver_sql(
        "SELECT path, photo_id FROM files WHERE photo_id IS NOT NULL"
    ):
        path = as_path(stored)
        known[os.path.basename(path)].append(path)
        owners[path] = photo
    found = []
    for file_id, table, stored in loose:
        meant = _meant(as_path(table), as_path(stored), known)
        if meant is not None:
            found.append((meant, file_id, stored))
    if found:
        connection.exec_driver_sql(
            "UPDATE sources SET photo_path = ? WHERE file_id = ? AND photo_path = ?",
            [(_stored(path), *rest) for path, *rest in found],
        )
        refresh_words(connection, {owners[path] for path, *_ in found})
    return len(found)


def _meant(table: str, named: str, known: Mapping[str, Iterable[str]]) -> str | None:
    """The only known path that ends as a table at the path `table` names it."""
    folder = os.path.dirname(table) + os.sep
    if not named.startswith(folder):
        return None  # an absolute path means itself
    name = named.removeprefix(folder)
    fitting = [
        path for path in known.get(os.path.basename(name), ()) if path.endswith(os.sep + name)
    ]
    if os.sep not in name:
        fitting = [path for path in fitting if path.startswith(folder)]
    return fitting[0] if len(fitting) == 1 else None


def _stored(path: str) -> str | bytes:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return os.fsencode(path)
    return path
