"""What the files of a photo say of it: their content, sidecars, their names; and where that is."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from retrieval.errors import ImageError
from retrieval.metadata.file_names import date_in_name
from retrieval.metadata.reading import read_facts, sidecars_of
from retrieval.pictures.images import read_content
from retrieval.places import locate
from retrieval.records import Facts


def facts_in(paths: Sequence[str], data: bytes, cache: str = "") -> Facts:
    """What the files of a photo say, all of content `data`; `cache` keeps the list of places.

    Of several the first with a sidecar counts, and the first whose name has a date in it.
    """
    beside = next(filter(None, map(read_sidecars, paths)), [])
    named = next(filter(date_in_name, paths), paths[0])
    return locate(read_facts(data, named, *(content for _, content in beside)), cache)


def read_sidecars(path: str) -> list[tuple[str, bytes]]:
    """Path and content of each readable sidecar of the photo at `path`, the closest first."""
    found = []
    for name in sidecars_of(path):
        with suppress(OSError, ImageError):
            found.append((name, read_content(name).data))
    return found
