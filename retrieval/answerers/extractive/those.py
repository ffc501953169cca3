"""What is asked of given photos: those of the answer before, of which somebody asks on."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from retrieval.answerers.extractive.refusing import nothing, refused
from retrieval.answerers.extractive.saying import LONGEST_QUOTE, Voice, tame
from retrieval.answerers.extractive.weighing import (
    MOST_ABOUT,
    UNTOLD,
    expected_right,
    is_certain,
    relevant,
    words_for,
)
from retrieval.records import Brief, Claim, Draft, Evidence

#: Whether one photo shows a thing cannot be told below this probability. On the shared album with
#: captions linked, and without: of things that a photo has, 9 in 10 and 5 in 10 lie above, of what
#: it does not have none of 1,000, and of what is easily taken for it 1 in 100.
TELLABLE = 0.1
MOST_QUOTES = 2

_NUMBER = (
    r"(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|[0-9]{1,3})"
    r"(?:\s+[\w-]+){0,3}?\s+"
)
_ALSO_CALLED = {
    "people": ("person",),
    "person": ("people",),
    "men": ("man",),
    "women": ("woman",),
    "children": ("child",),
    "kids": ("kid",),
    "mice": ("mouse",),
}


def shows_it(brief: Brief, voice: Voice) -> Draft:
    """Whether the one photo is, or has, what is asked; of several, how many are."""
    photos = relevant(brief)
    if not photos:
        return nothing(brief, voice)
    if len(brief.plan.among) > 1:
        return Draft((_how_many(brief, voice),))
    (best, *_), wording = photos, voice.wording
    if is_certain(brief):
        phrase = voice.matching(1, brief.plan.box, certain=True)
        text = wording.yes_that.format(photo=voice.photo(best), phrase=phrase)
        return Draft((Claim(text, (best.n,)),))
    confidence = best.probability if best.probability is not None else best.relevance
    if (confidence or 0.0) < TELLABLE:
        return nothing(brief, voice)
    text = wording.yes[words_for(confidence)].format(photo=voice.photo(best))
    return Draft((Claim(text, (best.n,), confidence),))


def _how_many(brief: Brief, voice: Voice) -> Claim:
    photos, asked = relevant(brief), len(brief.plan.among)
    certain = is_certain(brief)
    numbers = tuple(sorted(each.n for each in photos))
    phrase = voice.matching(len(numbers), brief.plan.box, certain=certain)
    template = voice.wording.of_those if len(numbers) < asked else voice.wording.all_those
    text = template[not certain].format(
        count=len(numbers), asked=asked, phrase=phrase, cites=voice.cite(numbers)
    )
    return Claim(text, numbers, None if certain else _confidence(brief, photos))


def _confidence(brief: Brief, photos: Sequence[Evidence]) -> float:
    """That just these photos show it: that all do, or that the count of them is right."""
    right = expected_right(brief, photos) or UNTOLD
    if len(photos) < len(brief.plan.among):
        return min(right, MOST_ABOUT)
    return math.prod(UNTOLD if each.relevance is None else each.relevance for each in photos)


def inside(brief: Brief, voice: Voice) -> Draft:
    """How many things there are in one photo: only where a caption says a number of them."""
    photo = brief.evidence[0] if brief.evidence else None
    if photo is None:
        return nothing(brief, voice)
    quotes = [text for text in photo.captions if counts(text, brief.plan.box)][:MOST_QUOTES]
    if not quotes:
        return refused(Claim(voice.wording.not_counted.format(cites=voice.cite([photo.n]))))
    return Draft(tuple(_quoted(voice, photo, text) for text in quotes))


def _quoted(voice: Voice, photo: Evidence, text: str) -> Claim:
    quote = f"“{tame(text, LONGEST_QUOTE)}”"
    said = voice.wording.caption.format(photo=voice.cite([photo.n]), quote=quote)
    return Claim(said, (photo.n,))


def counts(caption: str, thing: str) -> bool:
    """Whether a caption says a number of things: "two men" of "men", not "a man's hat"."""
    if re.search(r"[\u3400-\u9fff]", thing):
        return bool(
            re.search(
                rf"[一二两三四五六七八九十\d][个位只条匹头辆名].{{0,4}}{re.escape(thing)}", caption
            )
        )
    words = re.findall(r"\w+", thing.casefold())
    if not words:
        return False
    forms = {words[-1], *_ALSO_CALLED.get(words[-1], ()), *_singular(words[-1])}
    either = "|".join(map(re.escape, sorted(forms)))
    return bool(re.search(rf"\b{_NUMBER}(?:{either})\b(?!['’])", caption.casefold()))


def _singular(word: str) -> tuple[str, ...]:
    endings = (("ies", "y"), ("ves", "f"), ("es", ""), ("s", ""))
    return tuple(
        word[: -len(end)] + new for end, new in endings if word.endswith(end) and len(word) > 3
    )
