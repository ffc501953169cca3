"""Which photo it is, and whether there is one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from retrieval.answerers.citing import marker
from retrieval.answerers.extractive.counting import counted, whole
from retrieval.answerers.extractive.refusing import missing, nothing, refused
from retrieval.answerers.extractive.saying import Voice, day_of
from retrieval.answerers.extractive.those import shows_it
from retrieval.answerers.extractive.valued import first_or_last, told_by
from retrieval.answerers.extractive.weighing import (
    ENOUGH,
    MOST_ABOUT,
    MOST_NAMED,
    UNTOLD,
    WORTH_NAMING,
    at_length,
    describes_one,
    expected_right,
    is_certain,
    is_there,
    one_is_meant,
    relevant,
    words_for,
)
from retrieval.records import Brief, Claim, Draft, Elsewhere, Evidence


def find(brief: Brief, voice: Voice) -> Draft:
    """The photo that is meant and what else it may be, or all that match."""
    photos = relevant(brief)
    if not photos:
        return nothing(brief, voice)
    if brief.plan.pick:
        chosen = first_or_last(brief, photos)
        if chosen is None:
            return refused(missing(voice, "taken", (photos[0].n,)))
        confidence = expected_right(brief, [chosen])
        text = voice.weighed(
            voice.wording.ends[brief.plan.pick].format(photo=voice.photo(chosen)), confidence
        )
        return Draft((Claim(text, (chosen.n,), confidence),))
    if one_is_meant(brief):
        return Draft(which(brief, voice))
    return Draft((counted(brief, voice, whole(brief)), *best_match(brief, voice)))


def elsewhere(brief: Brief, voice: Voice, better: Elsewhere) -> Draft | None:
    """That the photo that is meant may be elsewhere; None where not one photo is described.

    It names the best photo that is where, or when, it was asked for as well. None too where that
    one fits what few words say: then more photos than one do.
    """
    here = relevant(brief)
    if not describes_one(brief) or (here and _may_be_any(brief, here[0])):
        return None
    said = _elsewhere(brief, voice, better, voice.wording.elsewhere)
    if said is None:
        return None
    claims = [replace(said, confidence=min(better.probability, MOST_ABOUT))]
    if here:
        text = voice.wording.closest.format(photo=voice.photo(here[0]))
        claims.append(Claim(text, (here[0].n,), UNTOLD))
    return Draft(tuple(claims))


def elsewhere_too(brief: Brief, voice: Voice) -> tuple[Claim, ...]:
    """That a photo elsewhere fits as well, where few words of a question mean one photo."""
    here = relevant(brief)
    if not (brief.elsewhere and here and describes_one(brief) and _may_be_any(brief, here[0])):
        return ()
    said = _elsewhere(brief, voice, brief.elsewhere, voice.wording.elsewhere_too)
    return (said,) if said else ()


def _may_be_any(brief: Brief, best: Evidence) -> bool:
    return not at_length(brief) and is_there(brief, best) >= ENOUGH <= (best.relevance or 0.0)


def _elsewhere(brief: Brief, voice: Voice, better: Elsewhere, template: str) -> Claim | None:
    photo = next((each for each in brief.evidence if each.n == better.n), None)
    value = told_by(voice, better.field)(photo) if photo else None
    if photo is None or value is None:
        return None
    text = template.format(
        photo=voice.photo(photo),
        answer=voice.phrase(better.field, voice.day(value) if better.field == "taken" else value),
        asked=voice.either([voice.said(each) for each in better.asked]),
    )
    return Claim(text, (photo.n,), better.probability)


def which(brief: Brief, voice: Voice) -> tuple[Claim, ...]:
    """The photo that is meant, in words for how sure that is, and others that it may be.

    Needs a relevant one.
    """
    first, *others = relevant(brief)
    confidence = which_confidence(brief)
    text = voice.wording.found.format(photo=voice.photo(first))
    rivals = _rivals(others) if confidence is not None and confidence < ENOUGH else []
    said = Claim(voice.weighed(text, confidence), (first.n,), confidence)
    other = voice.wording.found_else
    return (
        said,
        *(Claim(other.format(photo=voice.photo(r)), (r.n,), r.probability) for r in rivals),
    )


def which_confidence(brief: Brief) -> float | None:
    """The probability that the best photo is the one that is meant; None where it is alone."""
    first, *others = relevant(brief)
    if is_certain(brief) and not others:
        return None
    if first.probability is not None:
        return first.probability
    return UNTOLD if others or brief.relevant is None else is_there(brief, first)


def best_match(brief: Brief, voice: Voice) -> list[Claim]:
    """The best of several photos that were not chosen by exact filters alone."""
    photos = relevant(brief)
    if is_certain(brief) or len(photos) < 2:
        return []
    text = voice.wording.best.format(photo=voice.photo(photos[0]))
    return [Claim(text, (photos[0].n,), is_there(brief, photos[0]))]


def _rivals(others: Sequence[Evidence]) -> list[Evidence]:
    """Other photos that may well be the one; the next best where no probability is told."""
    told = any(each.probability is not None for each in others)
    likely = [e for e in others if (e.probability or 0) >= WORTH_NAMING] if told else others
    return list(likely[:MOST_NAMED])


def yes_or_no(brief: Brief, voice: Voice) -> Draft:
    """Yes, with the photos that show it. That there is none is a refusal, never a "no"."""
    if brief.plan.among:
        return shows_it(brief, voice)
    photos = relevant(brief)
    if not photos:
        return nothing(brief, voice)
    if is_certain(brief):
        return Draft((_yes_surely(brief, voice),))
    best, *others = photos
    rest = () if one_is_meant(brief) else tuple(each.n for each in others)
    confidence = is_there(brief, best)
    if describes_one(brief) and best.probability is not None:
        confidence = min(confidence, best.probability)  # one photo is meant, not any like it
    text = voice.wording.yes[words_for(confidence)].format(photo=voice.photo(best))
    claims = [Claim(text, (best.n,), confidence)]
    if rest:
        claims.append(Claim(voice.wording.yes_also.format(cites=marker(rest)), rest, confidence))
    return Draft(tuple(claims))


def _yes_surely(brief: Brief, voice: Voice) -> Claim:
    total, photos = whole(brief), relevant(brief)
    phrase = voice.matching(total.count, brief.plan.box, certain=True)
    days = sorted(filter(None, map(day_of, photos)))
    if days and len(photos) >= total.count:
        phrase += voice.wording.comma + voice.span(days[0], days[-1])
    text = voice.wording.yes_count[total.count != 1].format(
        count=total.count, phrase=phrase, cites=marker(total.numbers)
    )
    return Claim(text + voice.wording.stop, total.numbers)
