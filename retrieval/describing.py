"""What `retrieval info` tells of a collection. Nothing is written, so it may be read-only."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from retrieval.encoders import towers_in_words
from retrieval.loading import recipe_in_words
from retrieval.records import CollectionInfo, RunRecord
from retrieval.records.moves import SpaceInfo
from retrieval.storage.catalog import Catalog
from retrieval.storage.edits import KILLED, RUNNING
from retrieval.storage.layout import is_being_written, read_manifest, sizes_on_disk, space_folder
from retrieval.storage.spaces import covered

SHOWN_RUNS = 5
_DETAILS = re.compile("[:;]| among ")
_NUMBER = re.compile(r"\d[\d,.]*")


def describe(place: Path, catalog: Catalog, cache: str = "") -> CollectionInfo:
    """Count what is in the collection at `place` and on disk; `cache` holds exported towers."""
    space = catalog.active_space()
    counts = catalog.counts()
    manifest = read_manifest(place)
    return CollectionInfo(
        path=str(place),
        photos=counts["photos"],
        files=counts["files"],
        duplicates=counts["duplicates"],
        animated=counts["animated"],
        documents=counts["documents"],
        not_live=catalog.dead_count(),
        skipped=counts["skipped"],
        reasons=group_reasons(catalog.reasons()),
        encoder=space.encoder if space else "none yet",
        fingerprint=space.fingerprint if space else "",
        dim=space.dim if space else 0,
        towers=towers_in_words(space.fingerprint, cache) if space else {},
        recipe=recipe_in_words(place, space),
        sizes=sizes_on_disk(place),
        format=manifest["format"],
        created_by=manifest.get("created_by", "unknown"),
        runs=_runs(place, catalog),
        spaces=describe_spaces(place, catalog),
    )


def describe_spaces(place: Path, catalog: Catalog) -> tuple[SpaceInfo, ...]:
    """The spaces of a collection, the one that is searched first."""
    active, counts, found = catalog.active_space(), catalog.counts(), covered(catalog)
    told = [
        SpaceInfo(
            encoder=space.encoder,
            fingerprint=space.fingerprint,
            dim=space.dim,
            active=active is not None and space.id == active.id,
            photos=found.get((space.id, "photos"), 0),
            of_photos=counts["photos"],
            documents=found.get((space.id, "documents"), 0),
            of_documents=counts["documents"],
            size=sizes_on_disk(space_folder(place, space.fingerprint))["total"],
        )
        for space in catalog.spaces()
    ]
    return tuple(sorted(told, key=lambda space: not space.active))


def _runs(place: Path, catalog: Catalog) -> tuple[RunRecord, ...]:
    """The last runs, newest first; one that seems to run although nobody writes was killed."""
    runs = catalog.runs(SHOWN_RUNS)
    if any(run.outcome == RUNNING for run in runs) and not is_being_written(place):
        runs = [replace(r, outcome=KILLED) if r.outcome == RUNNING else r for r in runs]
    return tuple(runs)


def group_reasons(counts: Iterable[tuple[str, int]]) -> dict[str, int]:
    """Sum up reasons that differ only in numbers or details; the most frequent comes first.

    Details stand behind a colon, a semicolon or "among". A group of one reason is shown as that.
    """
    groups: dict[str, Counter[str]] = {}
    for reason, count in counts:
        head = _DETAILS.split(reason, maxsplit=1)[0]
        groups.setdefault(_NUMBER.sub("…", head), Counter())[reason] += count
    totals = {
        next(iter(group)) if len(group) == 1 else head: group.total()
        for head, group in groups.items()
    }
    return dict(sorted(totals.items(), key=lambda item: (-item[1], item[0])))
