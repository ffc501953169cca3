"""What the files of a photo say of it: their content, a sidecar, their names; and where that is."""

from __future__ import annotations

from collections.abc import Sequence

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
    beside = next(filter(None, map(read_sidecar, paths)), None)
    named = next(filter(date_in_name, paths), paths[0])
    return locate(read_facts(data, named, None if beside is None else beside[1]), cache)


def read_sidecar(path: str) -> tuple[str, bytes] | None:
    """Path and content of the sidecar of the photo at `path`; None without a readable one."""
    for name in sidecars_of(path):
        try:
            return name, read_content(name).data
        except (OSError, ImageError):
            continue
    return None
