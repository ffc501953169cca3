"""The statements of a description: sentences, how sure each is, and where it comes from."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from retrieval.captioning.phrases import colour, listed, quoted, say
from retrieval.captioning.sidecars import read_caption
from retrieval.errors import UsageError
from retrieval.knowing import read_sidecars
from retrieval.metadata.naming import camera_name
from retrieval.records import Language

if TYPE_CHECKING:
    from retrieval.grouping.tags import Scored
    from retrieval.records import Facts
    from retrieval.showing import PhotoDetails

#: Where a statement comes from: what a person wrote (into the photo, or in a text that names it),
#: a model that saw it, tags, a text about another photo, recognised writing, the file, its pixels.
Origin = Literal["caption", "document", "model", "tags", "near", "writing", "file", "pixels"]

TAGGER = "tags"  # what makes captions without a model
LIKELY, PERHAPS = 0.7, 0.3  # shares of a word from which on it is said to be so
#: How often a word of such a share stands in one of a photo's captions: (share from, rate).
#: scripts/evaluate_tags.py measured it on three times 500 captioned photos that the heads of
#: `mini` were not trained on, the first five words of each. People leave out what is plain to see,
#: and say it in other words, so a word is right somewhat more often than that.
MEASURED = "mini"
RATES = ((0.7, 0.71), (0.5, 0.49), (0.3, 0.32), (0.1, 0.23), (0.05, 0.19), (0.0, 0.15))
MOST_QUOTED = 300  # characters of one text


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of a description. `sure` is the rate at which such a one is right, if known.

    `path` is the file of a text or of another photo that it quotes.
    """

    text: str
    origin: Origin
    sure: float | None = None
    path: str | None = None


def own_texts(details: PhotoDetails, language: Language) -> list[Statement]:
    """What was written of it, by people first: its title, its caption, texts that name it."""
    facts, found = details.facts, []
    maker = _maker(details)
    titled: tuple[str, Origin] = ("title", "caption")
    own: tuple[str, Origin] = ("own", "caption")
    guess: tuple[str, Origin] = ("guessed", "tags") if maker == TAGGER else ("made", "model")
    texts = ((titled, facts.title), (own, facts.caption), (guess, facts.guess))
    for (which, origin), text in texts:
        if text:
            quote = quoted(language, text[:MOST_QUOTED])
            said = say(language, which, quote=quote, maker=maker)
            found.append(Statement(said, origin, path=details.sidecar))
    for document in details.documents:
        source = document.sources[0].path if document.sources else details.path
        quote = quoted(language, document.text[:MOST_QUOTED])
        guessed = bool(document.sources) and all(place.guessed for place in document.sources)
        which = "by a model" if guessed else "document"
        said = say(language, which, quote=quote, file=os.path.basename(source))
        found.append(Statement(said, "model" if guessed else "document", path=source))
    return found


def _maker(details: PhotoDetails) -> str:
    """What guessed the caption in its sidecars; where that cannot be told, what does it alone."""
    for _, data in read_sidecars(details.path):
        with suppress(UsageError):
            known = read_caption(data)
            if known is not None and known.mark is not None:
                return known.mark.source
    return TAGGER


def tag_statements(
    tags: Sequence[Scored], language: Language, encoder: str = ""
) -> list[Statement]:
    """What the best words say, and how often such words are right where that was measured."""
    if not tags:
        return []
    likely, perhaps = likely_words(tags)
    found = []
    for which, words in (
        ("likely", likely),
        ("perhaps" if likely else "only perhaps", perhaps),
        ("unlike", () if likely or perhaps else tags[:1]),
    ):
        if words:
            said = say(language, which, words=listed(language, names_of(words, language)))
            sure = rate(min(word.share for word in words)) if encoder == MEASURED else None
            found.append(Statement(said, "tags", sure))
    return found


def likely_words(tags: Sequence[Scored]) -> tuple[list[Scored], list[Scored]]:
    likely = [tag for tag in tags if tag.share >= LIKELY]
    return likely, [tag for tag in tags if PERHAPS <= tag.share < LIKELY]


def names_of(tags: Sequence[Scored], language: Language) -> list[str]:
    return [tag.chinese if language == "zh" else tag.word for tag in tags]


def rate(share: float) -> float:
    """How often a word with this share of `zero_shot` was right: see RATES."""
    return next(found for least, found in RATES if share >= least)


def facts_of(details: PhotoDetails, language: Language) -> list[Statement]:
    """What the file and the pixels say: writing, time and place, camera, keywords, colours."""
    facts, found = details.facts, []
    if details.writing:
        quote = quoted(language, details.writing[:MOST_QUOTED])
        found.append(Statement(say(language, "writing", quote=quote), "writing"))
    if when := when_and_where(facts, language):
        found.append(Statement(when, "file"))
    if camera := camera_name(facts.make, facts.camera):
        found.append(Statement(say(language, "camera", camera=camera), "file"))
    if facts.keywords:
        words = listed(language, facts.keywords)
        found.append(Statement(say(language, "keywords", words=words), "file"))
    if details.looks and details.looks.colours:
        names = [colour(language, name) for name in details.looks.colours]
        found.append(Statement(say(language, "colours", words=listed(language, names)), "pixels"))
    return found


def when_and_where(facts: Facts, language: Language) -> str:
    """A sentence with date, time and place as far as they are known; "" without any."""
    place = place_of(facts)
    date, _, clock = (facts.taken_at or "").partition("T")
    if not date:
        return say(language, "place", place=place) if place else ""
    which = "taken" + " at" * bool(clock) + " in" * bool(place)
    return say(language, which, date=date, time=clock[:5], place=place)


def place_of(facts: Facts) -> str:
    """City and country, as far as they are known."""
    return ", ".join(filter(None, (facts.city or facts.region, facts.country)))
