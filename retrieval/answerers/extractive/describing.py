"""What is known of a photo, or of all that match, told without having looked at a picture."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from retrieval.answerers.citing import marker
from retrieval.answerers.extractive.counting import counted, whole
from retrieval.answerers.extractive.finding import best_match, which_confidence
from retrieval.answerers.extractive.quoting import (
    colours_of,
    doubt,
    quotes_of,
    tags_of,
    writing_in,
)
from retrieval.answerers.extractive.refusing import nothing
from retrieval.answerers.extractive.saying import Voice, day_of, tame
from retrieval.answerers.extractive.valued import days_of, listing, told_by
from retrieval.answerers.extractive.weighing import (
    candidates,
    expected_right,
    is_certain,
    one_is_meant,
    relevant,
)
from retrieval.records import Brief, Claim, Draft, Evidence

MOST_TAGS = 6
#: A tag below this share of zero-shot is not said of one of many photos.
LEAST_SHARE = 0.5


def describe(brief: Brief, voice: Voice) -> Draft:
    """One photo, or a trip, by what is known of it."""
    photos = relevant(brief)
    if not photos:
        return nothing(brief, voice)
    if one_is_meant(brief):
        return Draft((*doubt(brief, voice), *_of_one(brief, voice, photos[0])))
    return Draft(tuple(_of_many(brief, voice, photos)))


def _of_one(brief: Brief, voice: Voice, each: Evidence) -> list[Claim]:
    """When, where and with what it was taken, and what texts and pixels say."""
    confidence = which_confidence(brief)
    phrases = [voice.phrase("taken", voice.moment(each))] if day_of(each) else []
    for field in ("place", "camera"):
        value = told_by(voice, field)(each)
        if value:
            phrases.append(voice.phrase(field, value))
    text = voice.wording.taken_so.format(
        cites=marker([each.n]), facts=voice.wording.comma.join(phrases)
    )
    claims = [Claim(text, (each.n,), confidence)] if phrases else []
    claims += [*quotes_of(brief, voice, each), *writing_in(brief, voice, each)]
    tags = tags_of(voice, each)
    claims += [tags] if tags else []
    if each.colours:
        claims.append(colours_of(brief, voice, each))
    if not claims:
        text = voice.wording.no_text.format(photo=voice.photo(each))
        claims.append(Claim(text, (each.n,), confidence))
    return claims


def _of_many(brief: Brief, voice: Voice, photos: Sequence[Evidence]) -> list[Claim]:
    """How many photos, on which days, where, with what, and what most look like."""
    confidence = expected_right(brief, photos)
    claims = [counted(brief, voice, whole(brief)), *best_match(brief, voice)]
    for field in ("taken", "place", "camera"):
        found = candidates(photos, told_by(voice, field))
        if found:
            said = (
                days_of(voice, found, certain=is_certain(brief))
                if field == "taken"
                else listing(voice, field, found)
            )
            claims.append(Claim(voice.of_all(brief, said[0]), said[1], confidence))
    shown = _tags(voice, photos)
    return [*claims, shown] if shown else claims


def _tags(voice: Voice, photos: Sequence[Evidence]) -> Claim | None:
    """The likeliest tag of each photo, those of most photos first; only what several share."""
    groups: dict[str, list[int]] = defaultdict(list)
    shares = [each.tags[0][1] for each in photos if each.tags and each.tags[0][1] >= LEAST_SHARE]
    for each in photos:
        if each.tags and each.tags[0][1] >= LEAST_SHARE and tame(each.tags[0][0]):
            groups[tame(each.tags[0][0])].append(each.n)
    shared = [(tag, numbers) for tag, numbers in groups.items() if len(numbers) > 1]
    named = sorted(shared, key=lambda item: -len(item[1]))[:MOST_TAGS]
    if not named:
        return None
    said = [voice.counted(tag, len(numbers), numbers) for tag, numbers in named]
    text = voice.wording.they_look.format(tags=voice.also(said))
    return Claim(
        text, tuple(sorted(n for _, numbers in named for n in numbers)), sum(shares) / len(shares)
    )
