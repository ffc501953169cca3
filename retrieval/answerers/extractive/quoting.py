"""What, who, which colour, what is written: quoted from captions and recognised writing.

Nothing here looks at a picture. A caption is quoted as what somebody said, and what no text says is
not answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from retrieval.answerers.extractive.finding import which, which_confidence
from retrieval.answerers.extractive.refusing import nothing, refused
from retrieval.answerers.extractive.saying import LONGEST_QUOTE, Voice, tame
from retrieval.answerers.extractive.those import inside
from retrieval.answerers.extractive.wanted import asks_who_took, thing_counted
from retrieval.answerers.extractive.weighing import (
    ENOUGH,
    MOST_ABOUT,
    expected_right,
    is_certain,
    one_is_meant,
    relevant,
)
from retrieval.records import Brief, Claim, Draft, Evidence

#: Quotes one photo, as claims of a given confidence.
Quotes = Callable[[Brief, Voice, Evidence, float | None], list[Claim]]

MOST_QUOTES = 2
MOST_PHOTOS = 3
#: A tag below this share of zero-shot says next to nothing.
LEAST_TAG = 0.1
MOST_TAGS = 4

_COLOURS = re.compile(
    r"\b(?:black|white|gr[ae]y|red|green|blue|yellow|orange|brown|purple|violet|pink|beige|gold"
    r"(?:en)?|silver|turquoise|maroon|tan|cream|blond[e]?)\b|[黑白灰红绿蓝黄橙棕紫粉金银褐]",
    re.IGNORECASE,
)
#: Words for people, and a name inside a sentence.
_PEOPLE = re.compile(
    r"(?i:\b(?:m[ae]n|wom[ae]n|boys?|girls?|child(?:ren)?|kids?|bab(?:y|ies)|toddlers?|infants?"
    r"|people|persons?|lad(?:y|ies)|guys?|gentlem[ae]n|couples?|crowds?|famil(?:y|ies)|adults?"
    r"|teen\w*|(?:fe)?males?|players?|riders?|surfers?|skiers?|skateboarders?|snowboarders?"
    r"|workers?|dancers?|climbers?|hikers?|runners?|cyclists?|drivers?|somebody|someone|bride|groom"
    r"|(?:grand)?(?:mother|father|son|daughter)s?|brothers?|sisters?|friends?|mom|dad)\b)"
    r"|[a-z,] [A-Z][a-z]+|[人男女孩童婴]"
)
_OF_PHOTO = re.compile(
    r"colou?rs?\b.*\b(?:of|in|has|have|does)\s+(?:the|this|that)\s+(?:photo|picture|image)\b(?! of)"
    r"|照片.{0,4}(?:主)?色调",
    re.IGNORECASE,
)


def what(brief: Brief, voice: Voice) -> Draft:
    """What captions, or else keywords, say of the photo that is meant; refused without any.

    Of photos that filters alone chose no text answers: any of theirs is as good as another.
    """
    photos, people = relevant(brief), brief.plan.field == "people"
    if photos and people and asks_who_took(brief.plan):
        return refused(Claim(voice.wording.no_taker))
    if is_certain(brief) and len(photos) > 1 and not brief.plan.among:
        numbers = tuple(each.n for each in photos)
        said = voice.wording.not_said[1].format(cites=voice.cite(numbers))
        return refused(Claim(voice.wording.no_name) if people else Claim(said, numbers))
    if photos and (thing := thing_counted(brief.plan)):
        return inside(replace(brief, plan=replace(brief.plan, box=thing), evidence=photos), voice)
    return _quote(brief, voice, _of_people if people else _captions)


def written(brief: Brief, voice: Voice) -> Draft:
    """The writing that was recognised in the photo that is meant."""
    return _quote(brief, voice, _writing, "writing")


def coloured(brief: Brief, voice: Voice) -> Draft:
    """The colour of a thing, only where a caption says it; that of a whole photo by its pixels."""
    photos = relevant(brief)
    if not photos:
        return nothing(brief, voice)
    if _OF_PHOTO.search(brief.plan.question) and photos[0].colours:
        return Draft((*doubt(brief, voice), colours_of(brief, voice, photos[0])))
    said = _quote(brief, voice, _colour_captions)
    if not said.refused:
        return said
    known = bool(photos[0].colours)
    shown = [colours_of(brief, voice, photos[0])] if known else said.claims[1:]
    return refused(Claim(voice.wording.no_colour), *shown)


def doubt(brief: Brief, voice: Voice) -> tuple[Claim, ...]:
    """Which photo is meant, where that is not sure."""
    confidence = which_confidence(brief)
    return which(brief, voice) if confidence is not None and confidence < ENOUGH else ()


def colours_of(brief: Brief, voice: Voice, each: Evidence) -> Claim:
    """The main colours of a picture."""
    names = voice.also([voice.colour(name) for name in each.colours])
    text = voice.wording.colours.format(photo=voice.cite([each.n]), colours=names)
    return Claim(text, (each.n,), which_confidence(brief))


def tags_of(voice: Voice, each: Evidence) -> Claim | None:
    """What it looks like, with probabilities; None where nothing is likely."""
    named = [(tame(tag), share) for tag, share in each.tags if share >= LEAST_TAG][:MOST_TAGS]
    if not named:
        return None
    said = [voice.wording.tag.format(tag=tag, percent=round(100 * share)) for tag, share in named]
    text = voice.wording.tags.format(
        photo=voice.cite([each.n]), tags=voice.wording.comma.join(said)
    )
    return Claim(text, (each.n,))


def quotes_of(brief: Brief, voice: Voice, each: Evidence) -> list[Claim]:
    """Quotes of its captions, else of its keywords."""
    return _captions(brief, voice, each, which_confidence(brief))


def writing_in(brief: Brief, voice: Voice, each: Evidence) -> list[Claim]:
    """A quote of what was recognised in it."""
    return _writing(brief, voice, each, which_confidence(brief))


# --- quotes -----------------------------------------------------------------------------------


def _quote(brief: Brief, voice: Voice, quotes: Quotes, field: str = "") -> Draft:
    photos = relevant(brief)
    if not photos:
        return nothing(brief, voice)
    if one_is_meant(brief):
        said = quotes(brief, voice, photos[0], which_confidence(brief))
        if said:
            return Draft((*doubt(brief, voice), *said))
    else:
        said = [
            claim
            for each in photos
            for claim in quotes(brief, voice, each, _of_several(brief, each))[:1]
        ]
        if said:
            return Draft(tuple(said[:MOST_PHOTOS]))
    return _unsaid(voice, photos, field)


def _of_several(brief: Brief, each: Evidence) -> float | None:
    """That a text of one of several photos is what was asked for: hardly."""
    right = expected_right(brief, [each])
    return right if right is None else min(right, MOST_ABOUT)


def _unsaid(voice: Voice, photos: Sequence[Evidence], field: str) -> Draft:
    """That no text says it, and what else the best photo looks like."""
    wording, best = voice.wording, photos[0]
    template = wording.no_writing if field == "writing" else wording.no_text
    claims = [Claim(template.format(photo=voice.photo(best)), (best.n,))]
    tags = tags_of(voice, best)
    return refused(*claims, *([tags] if tags else []))


def _captions(brief: Brief, voice: Voice, each: Evidence, confidence: float | None) -> list[Claim]:
    asked = brief.plan.box.casefold().strip(" .")
    captions = sorted(
        {tame(text, LONGEST_QUOTE): None for text in each.captions if text.strip()},
        key=lambda text: (text.casefold().strip(" .") == asked, -_overlap(text, asked)),
    )
    said = [
        _said(voice, voice.wording.caption, each, text, confidence) for text in captions if text
    ]
    if said:
        return said[:MOST_QUOTES]
    keywords = voice.wording.comma.join(filter(None, map(tame, each.facts.keywords)))
    if not keywords:
        return []
    text = voice.wording.keywords.format(photo=voice.cite([each.n]), keywords=keywords)
    return [Claim(text, (each.n,), confidence)]


def _of_people(brief: Brief, voice: Voice, each: Evidence, confidence: float | None) -> list[Claim]:
    """Captions and keywords that speak of somebody: a word for people, or a name."""
    texts = tuple(text for text in each.captions if _PEOPLE.search(text))
    return _captions(brief, voice, replace(each, captions=texts), confidence)


def _colour_captions(
    brief: Brief, voice: Voice, each: Evidence, confidence: float | None
) -> list[Claim]:
    """Captions that name a colour and the thing whose colour was asked for."""
    thing = _thing(brief.plan.box)
    return [
        _said(voice, voice.wording.caption, each, tame(text, LONGEST_QUOTE), confidence)
        for text in each.captions
        if _COLOURS.search(tame(text, LONGEST_QUOTE)) and _overlap(text, thing)
    ][:MOST_QUOTES]


def _writing(brief: Brief, voice: Voice, each: Evidence, confidence: float | None) -> list[Claim]:
    text = tame(each.writing or "", LONGEST_QUOTE)
    return [_said(voice, voice.wording.writing, each, text, confidence)] if text else []


def _said(
    voice: Voice, template: str, each: Evidence, text: str, confidence: float | None
) -> Claim:
    quote = f"“{text.rstrip(' .。')}”"
    said = template.format(photo=voice.cite([each.n]), quote=quote)
    return Claim(said, (each.n,), confidence)


def _thing(box: str) -> str:
    """What a description is of: the words before it says where, with what or doing what."""
    thing = re.split(r"\b(?:in|on|at|of|by|with|near|next|which|that|who|\w+ing)\b", box.casefold())
    return next((part for part in thing if _words(part)), "").rpartition("的")[2]


def _overlap(text: str, asked: str) -> int:
    """How many words of what was asked for are in a text."""
    return len(_words(text) & _words(asked))


def _words(text: str) -> set[str]:
    found: Iterable[str] = re.findall(r"[a-z0-9äöüßàâçéèêëîïôûùñ']{3,}|[㐀-鿿]", text.casefold())
    return {word.removesuffix("s") for word in found} - {"the", "and", "what", "which", "with"}
