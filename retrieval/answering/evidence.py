"""The numbered facts of photos: all that an answer may stand on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from retrieval.metadata.naming import camera_name
from retrieval.records import Evidence, Facts
from retrieval.searching.hits import place_of
from retrieval.storage.groups import trip_rows
from retrieval.storage.told import documents_about, writing_in

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.records import Hit
    from retrieval.storage.groups import TripRow

TAGS = 5  # words for a photo
MOST_CAPTIONS = 12  # texts of one photo
MOST_TEXT = 1_000  # characters of one text


def gather(
    collection: Collection,
    hits: Sequence[Hit],
    probabilities: Sequence[float] = (),
    *,
    tagged: int = 0,
    first: int = 1,
) -> tuple[Evidence, ...]:
    """The evidence of these photos, numbered from `first` in their order.

    `probabilities` belong to the first of them; the first `tagged` ones get tags, for which the
    encoder's text half may have to be loaded. Raises what reading a collection raises.
    """
    ids = [hit.id for hit in hits]
    reader = collection.reader
    with reader.snapshot():
        facts, looks = reader.facts_of(ids), reader.looks_of(ids)
        trips = trip_rows(reader)
        documents, writing = documents_about(reader, ids), writing_in(reader, ids)
        guessed = documents_about(reader, ids, guessed=True)
    tags = _tags(collection, ids[:tagged])
    pieces = []
    for place, hit in enumerate(hits):
        known = facts.get(hit.id, Facts())
        pieces.append(
            Evidence(
                n=first + place,
                photo_id=hit.id,
                path=hit.path,
                facts=known,
                camera=camera_name(known.make, known.camera),
                place=place_of(known),
                tags=tags.get(hit.id, ()),
                captions=_texts(known.title, known.caption, *documents.get(hit.id, ())),
                guesses=_texts(known.guess, *guessed.get(hit.id, ())),
                writing=_shortened(writing[hit.id]) if hit.id in writing else None,
                colours=looks[hit.id].colours if hit.id in looks else (),
                relevance=hit.relevance,
                relevant=hit.relevant,
                probability=probabilities[place] if place < len(probabilities) else None,
                folded=hit.folded,
                size=(hit.width, hit.height) if hit.width and hit.height else None,
                trip=_trip(known, trips),
            )
        )
    return tuple(pieces)


def _trip(facts: Facts, trips: Sequence[TripRow]) -> str | None:
    """The trip in whose time it was taken; both ends are included, and fractions of a second."""
    taken = facts.taken_at
    return next((t.label for t in trips if taken and t.begins <= taken <= f"{t.ends}~"), None)


def _texts(*said: str | None) -> tuple[str, ...]:
    """What is said of a photo, its own texts first, then those that name it; each once."""
    return tuple(dict.fromkeys(_shortened(text) for text in said if text))[:MOST_CAPTIONS]


def _shortened(text: str) -> str:
    text = text.strip()
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"


def _tags(
    collection: Collection, ids: Sequence[int]
) -> Mapping[int, tuple[tuple[str, float], ...]]:
    if not ids:
        return {}
    from retrieval.grouping.tags import tags_of

    found = tags_of(collection, ids, TAGS)
    return {photo: tuple((t.word, t.share) for t in words) for photo, words in found.items()}
