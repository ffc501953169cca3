"""What is said where the photos do not say it."""

from __future__ import annotations

from collections.abc import Sequence

from retrieval.answerers.citing import marker
from retrieval.answerers.extractive.saying import Voice, tame
from retrieval.answerers.extractive.weighing import ENOUGH, is_certain, is_there
from retrieval.records import Apart, Brief, Claim, Draft, Evidence


def nothing(brief: Brief, voice: Voice) -> Draft:
    """Nothing matches: why, and the closest photo where there is one."""
    wording = voice.wording
    if not brief.considered:
        return refused(Claim(wording.empty))
    if brief.plan.among:
        return refused(_not_those(brief, voice))
    if not brief.matched or not brief.evidence:
        return refused(Claim(_none(brief, voice)))
    if brief.apart:
        return refused(_apart(brief.apart, voice), *untold(brief, voice))
    closest = brief.evidence[0]
    return refused(
        Claim(wording.no_match.format(box=voice.box)),
        Claim(wording.closest.format(photo=voice.photo(closest)), (closest.n,)),
        *untold(brief, voice),
    )


def _apart(apart: Apart, voice: Voice) -> Claim:
    """That there is the one and the other, but no photo of both."""
    (one, other), (ones, others) = apart.things, apart.numbers
    text = voice.wording.apart.format(
        one=tame(one), cites=marker(ones), other=tame(other), others=marker(others)
    )
    return Claim(text, tuple(sorted({*ones, *others})))


def _none(brief: Brief, voice: Voice) -> str:
    """That no photo passes the filters: of all, or of those of which it is known."""
    wording = voice.wording
    phrase = voice.matching(1, brief.plan.box, certain=True)
    if not brief.unknown:
        return wording.none_of[brief.considered != 1].format(
            considered=brief.considered, phrase=phrase
        )
    nouns = dict.fromkeys(voice.noun(each.label) for each in brief.unknown)
    return wording.none_known[len(nouns) != 1].format(
        nouns=voice.also(list(nouns)), phrase=phrase, lacking=_lacking(brief, voice)
    )


def untold(brief: Brief, voice: Voice) -> tuple[Claim, ...]:
    """How many photos may match as well, where that is to be said: "49 … have no place."."""
    if not brief.unknown:
        return ()
    return (Claim(voice.sentence(_lacking(brief, voice)) + voice.wording.stop),)


def _lacking(brief: Brief, voice: Voice) -> str:
    """ "49 of your 500 photos have no place, 3 have no date"."""
    wording = voice.wording
    considered = len(brief.plan.among) or brief.considered
    said = [
        (wording.lacking_too if place else wording.lacking)[each.count != 1].format(
            count=each.count, considered=considered, noun=voice.noun(each.label)
        )
        for place, each in enumerate(brief.unknown)
    ]
    return wording.comma.join(said)


def _not_those(brief: Brief, voice: Voice) -> Claim:
    """That none of given photos matches; of one, which it is."""
    wording, plan = voice.wording, brief.plan
    if len(plan.among) == 1 and brief.evidence:
        photo = brief.evidence[0]
        text = wording.not_that[bool(brief.matched)].format(photo=voice.photo(photo), box=voice.box)
        return Claim(text, (photo.n,))
    text = wording.none_those[bool(brief.matched)]
    return Claim(text.format(count=len(plan.among), box=voice.box))


def missing(voice: Voice, field: str, numbers: tuple[int, ...]) -> Claim:
    """That something is not known of the photos of these numbers."""
    noun = voice.noun(field)
    template = voice.wording.missing[len(numbers) != 1]
    return Claim(template.format(noun=noun, cites=marker(numbers)), numbers)


def lacking(
    brief: Brief, voice: Voice, field: str, photos: Sequence[Evidence]
) -> tuple[Claim, ...]:
    """That something is not known of the photos that match, or of a photo that may be another."""
    best = photos[0]
    if is_certain(brief) or brief.plan.among or is_there(brief, best) >= ENOUGH:
        return (missing(voice, field, tuple(each.n for each in photos)),)
    text = voice.wording.closest_lacks.format(photo=voice.photo(best), noun=voice.noun(field))
    return (Claim(voice.wording.not_surely.format(box=voice.box)), Claim(text, (best.n,)))


def refused(*claims: Claim) -> Draft:
    return Draft(claims, refused=True)
