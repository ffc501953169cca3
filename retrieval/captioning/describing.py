"""Describe a photo: by a language model that sees, and by what is known without one.

Without a model a description is put together of what can be told honestly: the photo's own texts,
words of a fixed vocabulary with how often such words are right, the nearest text about another
photo, recognised writing, and what its file says. Each statement names where it comes from.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.captioning.asking import ask_for_caption
from retrieval.captioning.phrases import listed, quoted, say
from retrieval.captioning.statements import (
    MOST_QUOTED,
    TAGGER,
    Statement,
    facts_of,
    likely_words,
    names_of,
    own_texts,
    place_of,
    tag_statements,
)
from retrieval.errors import ModelError, NoCollectionError, PrivacyError
from retrieval.records import (
    Language,
    NoticeCallback,
    Part,
    Query,
    Redaction,
    ignore_notice,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from retrieval.collection import Collection
    from retrieval.grouping.tags import Scored
    from retrieval.models import LanguageModel
    from retrieval.records import Facts
    from retrieval.showing import PhotoDetails

TAGS = 5  # words that are looked at
NEAR = 12  # texts that are looked at to find one about another photo


@dataclass(frozen=True, slots=True)
class Description:
    """What can be said of a photo. `caption` is one line; `made_by` a model's name, or "tags".

    `caption` is "" where nothing is known that could be said. `notes` say what is missing, and why.
    """

    path: str
    caption: str
    made_by: str
    language: Language
    statements: tuple[Statement, ...]
    indexed: bool
    notes: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """All statements, one a line."""
        return "\n".join(statement.text for statement in self.statements)


def describe_photo(
    collection: Collection | None,
    path: str | Path,
    *,
    model: LanguageModel | None = None,
    language: Language = "en",
    redact: Sequence[Redaction] = (),
    cache: str = "",
    on_notice: NoticeCallback = ignore_notice,
) -> Description:
    """Describe the photo at `path`, whether or not the collection holds it.

    `model` is shown the picture; one that does not see is left out, with a notice. `redact` is
    taken out of what it is shown; `cache` keeps the list of places. Where the model fails it is
    described without, and a notice says why. Raises UsageError for a file that is not there,
    ImageError for one that is no picture.
    """
    describer = Describer(collection, model, language, redact, cache, on_notice)
    return describer.describe(path)


class Describer:
    """Describes photos one after the other; what they have in common is read once."""

    def __init__(
        self,
        collection: Collection | None,
        model: LanguageModel | None = None,
        language: Language = "en",
        redact: Sequence[Redaction] = (),
        cache: str = "",
        on_notice: NoticeCallback = ignore_notice,
    ) -> None:
        if model is not None and not model.sees:
            on_notice(f"The model {model.name} takes no pictures; it is left out.")
            model = None
        self.collection, self.model, self.language = collection, model, language
        self.redact, self.cache = tuple(redact), cache
        self._on_notice = on_notice
        self.made_by = model.name if model else TAGGER

    def describe(self, path: str | Path) -> Description:
        """All that can be said of one photo. Raises as `describe_photo`."""
        details = self._known(path)
        seen = self._seen_if_possible(details.path)
        tags, notes = ((), ()) if seen else self._tags(details)
        statements = (
            *([Statement(seen, "model", path=details.path)] if seen else ()),
            *own_texts(details, self.language),
            *tag_statements(tags, self.language, self._encoder),
            *(() if seen else self._nearest(details)),
            *facts_of(details, self.language),
        )
        caption = seen or self._line(tags, details.facts)
        made_by = self.made_by if seen else TAGGER
        return Description(
            *(details.path, caption, made_by, self.language, statements, details.indexed),
            notes=notes,
        )

    def caption(self, path: str | Path) -> str:
        """One line about a photo: the model's, or of tags, date and place; "" if none is known."""
        if self.model is not None:
            return self._seen(os.path.abspath(path))
        details = self._known(path)
        return self._line(self._tags(details)[0], details.facts)

    def _known(self, path: str | Path) -> PhotoDetails:
        """What is known of a photo: what the collection knows of a copy of it counts as well."""
        from retrieval.showing import show_photo

        details = show_photo(self.collection, path, self.cache)
        if details.indexed or not details.photo.paths[1:]:
            return details
        copy = show_photo(self.collection, details.photo.paths[1], self.cache)
        photo = replace(details.photo, id=copy.photo.id)
        return replace(details, photo=photo, documents=copy.documents, writing=copy.writing)

    def _seen_if_possible(self, path: str) -> str:
        """What the model says, "" with a notice where it cannot: much is known without it."""
        try:
            return self._seen(path)
        except (ModelError, PrivacyError) as exc:
            self._on_notice(f"{exc} Described without it.")
            return ""

    def _seen(self, path: str) -> str:
        if self.model is None:
            return ""
        return ask_for_caption(self.model, path, self.language, self.redact)

    def _line(self, tags: Sequence[Scored], facts: Facts) -> str:
        """One line without a model; a guess is said to be one."""
        likely, perhaps = likely_words(tags)
        which, words = ("guess likely", likely) if likely else ("guess perhaps", perhaps)
        guess = (
            say(self.language, which, words=listed(self.language, names_of(words, self.language)))
            if words
            else ""
        )
        known = (facts.taken_at[:10] if facts.taken_at else "", place_of(facts))
        parts = [part for part in (guess, listed(self.language, list(filter(None, known)))) if part]
        stop = say(self.language, "stop")
        return "".join(f"{part}{stop} " for part in parts).strip()

    # --- what the collection tells ----------------------------------------------------------

    @cached_property
    def _encoder(self) -> str:
        """The name of the collection's encoder."""
        space = self.collection.reader.active_space() if self.collection else None
        return space.encoder if space else ""

    @cached_property
    def _words(self) -> tuple[NDArray[np.float32], NDArray[np.float32]] | None:
        """Vectors of the vocabulary (v, dim) and how near each word usually is (v,); None without
        photos to compare with.
        """
        from retrieval.grouping.tags import (
            USUAL,
            photo_vectors,
            usual_scores,
            vocabulary_vectors,
        )

        if self.collection is None:
            return None
        try:
            vectors, _ = photo_vectors(self.collection)
        except NoCollectionError:
            return None
        words = vocabulary_vectors(self.collection)
        return words, USUAL * usual_scores(vectors, words)

    def _tags(self, details: PhotoDetails) -> tuple[tuple[Scored, ...], tuple[str, ...]]:
        """The words that fit a photo best, and a note where that cannot be told."""
        if self._words is None or self.collection is None:
            return (), (say(self.language, "no collection"),)
        from retrieval.grouping.tags import best_words, vocabulary

        words, usual = self._words
        scores = self._vector(details) @ words.T - usual
        return best_words(scores, vocabulary(), TAGS), ()

    def _vector(self, details: PhotoDetails) -> NDArray[np.float32]:
        """The embedding (dim,) of a photo: the stored one, or made of its file."""
        import numpy as np

        from retrieval.grouping.tags import photo_vectors
        from retrieval.queries import embed_picture

        assert self.collection is not None
        if details.photo.id:
            vectors, photos = photo_vectors(self.collection)
            row = np.flatnonzero(photos == details.photo.id)
            if len(row):
                return np.asarray(vectors[row[0]], np.float32)
        return embed_picture(details.path, self.collection.query_encoder())

    def _nearest(self, details: PhotoDetails) -> tuple[Statement, ...]:
        """The nearest text that is about another photo, if there is one."""
        from retrieval.searching import search

        collection = self.collection
        space = collection.reader.active_space() if collection else None
        if collection is None or space is None or not space.rows["documents"]:
            return ()
        example = (
            Part("photo", str(details.photo.id))
            if details.photo.id
            else Part("image", details.path)
        )
        try:
            result = search(collection, Query((example,)), kind="documents", k=NEAR)
        except NoCollectionError:
            return ()  # all texts are gone from their files
        own = {document.text for document in details.documents}
        hit = next((hit for hit in result.hits if hit.text and hit.text not in own), None)
        if hit is None or hit.text is None:
            return ()
        file = hit.photo_path or hit.path
        quote = quoted(self.language, hit.text[:MOST_QUOTED])
        text = say(self.language, "near", quote=quote, file=os.path.basename(file))
        return (Statement(text, "near", path=file),)
