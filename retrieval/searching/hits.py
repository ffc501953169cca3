"""What stands at the rows that a search has ranked, as hits to show."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from retrieval.records import Document, Facts, Hit, Kind, Photo, Space

if TYPE_CHECKING:
    from retrieval.collection import Collection


@dataclass(frozen=True, slots=True)
class Ranked:
    """A row of the vectors that is to be shown, with what the search says of it."""

    row: int
    id: int
    score: float | None
    relevance: float | None = None
    likely: bool = False
    found_by: tuple[str, ...] = ()
    folded: tuple[int, ...] = ()
    share: float | None = None


def describe(
    collection: Collection, space: Space, kind: Kind, ranked: Sequence[Ranked], first: int = 1
) -> list[Hit] | None:
    """The hits of these rows, ranks from `first`; None if the rows were replaced meanwhile.

    Each item is compared with the key of its row, so that no photo is shown for another's vector.
    """
    catalog = collection.reader
    items = [each.id for each in ranked]
    with catalog.snapshot():
        then = catalog.active_space()
        now = catalog.items_at(space, kind, [each.row for each in ranked])
        there = [each for each in ranked if now.get(each.row) == each.id]
        if kind == "photos":
            photos = catalog.photos_by_id(items)
            hashes = {
                each.row: photos[each.id].content_hash if each.id in photos else b""
                for each in there
            }
            hits = _photo_hits(photos, catalog.facts_of(items), there, first)
        else:
            from retrieval.corpora import text_hash

            documents = catalog.documents_by_id(items)
            hashes = {
                each.row: text_hash(documents[each.id].text) if each.id in documents else b""
                for each in there
            }
            hits = _text_hits(documents, there, first)
    return hits if collection.are_these(space, kind, hashes, then) else None


def _photo_hits(
    photos: Mapping[int, Photo], facts: Mapping[int, Facts], ranked: Sequence[Ranked], first: int
) -> list[Hit]:
    hits: list[Hit] = []
    for each in ranked:
        photo = photos.get(each.id)
        if photo is None or not photo.paths:
            continue  # its last file left the collection while this search ran
        path, *also = _that_exists_first(photo.paths)
        known = facts.get(each.id)
        hits.append(
            Hit(
                rank=first + len(hits),
                kind="photo",
                id=each.id,
                score=each.score,
                path=path,
                also=tuple(also),
                width=photo.width,
                height=photo.height,
                relevance=each.relevance,
                relevant=each.likely,
                taken_at=known.taken_at if known else None,
                place=place_of(known) if known else None,
                folded=each.folded,
                found_by=each.found_by,
                share=each.share,
            )
        )
    return hits


def place_of(facts: Facts) -> str | None:
    """City and country in words, as far as they are known."""
    return ", ".join(filter(None, (facts.city or facts.region, facts.country))) or None


def _that_exists_first(paths: tuple[str, ...]) -> tuple[str, ...]:
    """Files of one photo, ahead the first that can be shown: others may have been deleted."""
    if len(paths) == 1:
        return paths
    first = next((path for path in paths if os.path.exists(path)), paths[0])
    return first, *(path for path in paths if path != first)


def _text_hits(
    documents: Mapping[int, Document], ranked: Sequence[Ranked], first: int
) -> list[Hit]:
    hits: list[Hit] = []
    for each in ranked:
        document = documents.get(each.id)
        if document is None or not document.sources:
            continue
        source, *others = document.sources
        hits.append(
            Hit(
                rank=first + len(hits),
                kind="document",
                id=each.id,
                score=each.score,
                path=source.path,
                also=tuple(dict.fromkeys(s.path for s in others if s.path != source.path)),
                text=document.text,
                line=source.line,
                photo_path=source.photo_path,
                relevance=each.relevance,
                relevant=each.likely,
                found_by=each.found_by,
            )
        )
    return hits
