"""When, where, with what: answers that are one piece of what is known of a photo."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import date

from retrieval.answerers.citing import marker
from retrieval.answerers.extractive.refusing import lacking, missing, nothing, refused
from retrieval.answerers.extractive.saying import Voice, day_of, place_of, plain_too, tame
from retrieval.answerers.extractive.wanted import choices_of
from retrieval.answerers.extractive.weighing import (
    ENOUGH,
    MOST_NAMED,
    PERHAPS,
    UNTOLD,
    WORTH_NAMING,
    Candidate,
    candidates,
    expected_right,
    is_certain,
    is_there,
    one_is_meant,
    relevant,
)
from retrieval.metadata.naming import camera_name
from retrieval.records import Brief, Claim, Draft, Evidence

MOST_DAYS = 6
APART = 3  # days without a photo that part two stays
MOST_LISTED = 8
MOST_STAYS = 5


def _text(value: str | None) -> str | None:
    return tame(value) or None if value else None


def _place(value: str | None) -> str | None:
    name = _text(value)
    return plain_too(name) if name else None


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:g}"


def _exposure(each: Evidence) -> str | None:
    value = each.facts.exposure
    if value is None or not value > 0:
        return None
    return f"1/{1 / value:.0f}" if value < 0.3 else f"{value:g}"


def _position(each: Evidence) -> str | None:
    facts = each.facts
    if facts.latitude is None or facts.longitude is None:
        return None
    return f"{facts.latitude:.4f}, {facts.longitude:.4f}"


def _camera(each: Evidence) -> str | None:
    return _text(each.camera or camera_name(each.facts.make, each.facts.camera))


def _size(each: Evidence) -> str | None:
    return f"{each.size[0]} × {each.size[1]}" if each.size else None


def _day(length: int) -> Callable[[Evidence], str | None]:
    """The first characters of the day: its year, or its month."""
    return lambda each: (day_of(each) or "")[:length] or None


def _quoted(value: str | None) -> str | None:
    return f"“{tame(value)}”" if value and tame(value) else None


#: By field: what a photo answers, as it is said; None where it is not known.
VALUES: Mapping[str, Callable[[Evidence], str | None]] = {
    "taken": day_of,
    "year": _day(4),
    "month": _day(7),
    "place": lambda each: place_of(each, plainly=True),
    "city": lambda each: _place(each.facts.city),
    "region": lambda each: _place(each.facts.region),
    "country": lambda each: _text(each.facts.country),
    "latitude": _position,
    "longitude": _position,
    "altitude": lambda each: _number(each.facts.altitude),
    "camera": _camera,
    "lens": lambda each: _text(each.facts.lens),
    "exposure": _exposure,
    "aperture": lambda each: _number(each.facts.aperture),
    "iso": lambda each: _number(each.facts.iso),
    "focal": lambda each: _number(each.facts.focal),
    "rating": lambda each: _number(each.facts.rating),
    "title": lambda each: _quoted(each.facts.title),
    "caption": lambda each: _quoted(next(iter(each.captions), None)),
    "keyword": lambda each: _text(", ".join(filter(None, map(tame, each.facts.keywords)))),
    "file": lambda each: _quoted(os.path.basename(each.path)),
    "width": _size,
    "height": _size,
    "trip": lambda each: _text(each.trip),
    "folder": lambda each: _quoted(os.path.dirname(each.path)),
}


def told_by(voice: Voice, field: str) -> Callable[[Evidence], str | None]:
    """How a photo answers a field, with places as the language calls them."""
    told = VALUES[field]
    if field == "month":
        return lambda each: voice.label("month", told(each) or "") or None
    if field not in ("place", "city", "region", "country"):
        return told

    def named(each: Evidence) -> str | None:
        value = told(each)
        return value and voice.place(field, value, each)

    return named


def tell(brief: Brief, voice: Voice, field: str) -> Draft:
    """Say the field of the photo that is meant, or of all that match."""
    photos = relevant(brief)
    if not photos:
        return nothing(brief, voice)
    if field not in VALUES:
        return refused(Claim(voice.wording.not_kept.format(noun=voice.noun(field))))
    if brief.plan.pick:
        return _picked(brief, voice, field, photos)
    if one_is_meant(brief):
        return _of_one(brief, voice, field, photos)
    return _of_many(brief, voice, field, photos)


# --- one photo is meant -----------------------------------------------------------------------


def _of_one(brief: Brief, voice: Voice, field: str, photos: Sequence[Evidence]) -> Draft:
    found = candidates(photos, told_by(voice, field))
    claims: list[Claim] = []
    if not found or photos[0] not in found[0].photos:
        found = [each for each in found if (_confidence(brief, each) or 0) >= PERHAPS]
        if not found:
            return refused(*lacking(brief, voice, field, photos[:1]))
        claims.append(missing(voice, field, (photos[0].n,)))
    claims.append(_weighed(brief, voice, field, found))
    return Draft((*_none_chosen(brief, voice, claims[-1]), *claims))


def _none_chosen(brief: Brief, voice: Voice, said: Claim) -> list[Claim]:
    """That the answer is none of those that the question names: "in Berlin or in Lisbon?"."""
    choices = choices_of(brief.plan)
    if not choices or any(each.casefold() in said.text.casefold() for each in choices):
        return []
    one, other = map(tame, choices)
    text = voice.wording.neither.format(one=one, other=other, cites=marker(said.cites))
    return [Claim(text, said.cites, said.confidence)]


def _weighed(brief: Brief, voice: Voice, field: str, found: Sequence[Candidate]) -> Claim:
    """The answer of the best photo, in words for how sure it is, and others that may be right."""
    best, wording = found[0], voice.wording
    confidence = _confidence(brief, best)
    rivals = [each for each in found[1:] if (_confidence(brief, each) or 0) >= WORTH_NAMING]
    rivals = [] if confidence is None or confidence >= ENOUGH else rivals[:MOST_NAMED]
    answer, cites = _cited(voice, field, best)
    if rivals:
        said = [_cited(voice, field, each) for each in rivals]
        template = wording.otherwise
        if (rivals[0].share or 0) >= (best.share or 0):
            template = wording.as_likely
        answer = template.format(answer=answer, others=voice.either([text for text, _ in said]))
        cites = (*cites, *(n for _, numbers in said for n in numbers))
    return Claim(voice.weighed(answer, confidence), cites, confidence)


def _cited(voice: Voice, field: str, each: Candidate) -> tuple[str, tuple[int, ...]]:
    """An answer with its citations: the best photo, and others that may well be the one."""
    first, *rest = each.photos
    likely = [other for other in rest if (other.probability or 0) >= WORTH_NAMING]
    numbers = tuple(sorted(photo.n for photo in (first, *likely)))
    value = each.value
    if field == "taken":
        value = voice.day(value) if likely else voice.moment(first)
    return voice.cited(voice.phrase(field, value), numbers), numbers


def _confidence(brief: Brief, each: Candidate) -> float | None:
    """That an answer is right: by its probability, else the relevance of its best photo."""
    if is_certain(brief) and len(relevant(brief)) == len(each.photos):
        return None  # all that pass the filters say the same
    if each.share is not None:
        return each.share if brief.presence is None else min(each.share, brief.presence)
    if brief.relevant is None or len(relevant(brief)) > len(each.photos):
        return UNTOLD
    return is_there(brief, each.photos[0])


# --- all that match are meant -----------------------------------------------------------------


def _of_many(brief: Brief, voice: Voice, field: str, photos: Sequence[Evidence]) -> Draft:
    found = candidates(photos, told_by(voice, field))
    if not found:
        return refused(*lacking(brief, voice, field, photos))
    confidence = expected_right(brief, photos)
    if field == "taken":
        text, numbers = days_of(voice, found, certain=is_certain(brief))
    else:
        text, numbers = listing(voice, field, found)
    claims = [Claim(voice.of_all(brief, text), numbers, confidence)]
    if confidence is not None and len(found) > 1:
        best = photos[0]
        text = voice.wording.best.format(photo=voice.photo(best))
        # It may be the one that is meant, so it comes first where the sentence tells the answer.
        leads = field in ("taken", "place", "city", "region", "country")
        claims.insert(0 if leads else 1, Claim(text, (best.n,), is_there(brief, best)))
    known = {n for each in found for n in each.numbers}
    rest = tuple(each.n for each in photos if each.n not in known)
    return Draft((*claims, *([missing(voice, field, rest)] if rest else [])))


def days_of(
    voice: Voice, found: Sequence[Candidate], *, certain: bool
) -> tuple[str, tuple[int, ...]]:
    """The days one by one, in order; where they are many, the first and the last of each stay.

    At most MOST_STAYS are named, those of most photos, in their order; all are cited.
    """
    days = sorted(found, key=lambda each: each.value)
    numbers = tuple(sorted(n for each in days for n in each.numbers))
    stays = _stays(days)
    if len(days) > MOST_DAYS and len(stays) > 1:
        named = _largest(stays)
        said = [_stay(voice, each) for each in named]
        rest = [stay for stay in stays if stay not in named]
        if rest:
            others = tuple(sorted(n for stay in rest for each in stay for n in each.numbers))
            template = voice.wording.other_stays  # photos are counted, which the check can prove
            said.append(template.format(count=len(others), cites=marker(others)))
        template = voice.wording.in_stays[not certain]
        return template.format(count=len(numbers), answers=voice.also(said)), numbers
    if len(days) > MOST_DAYS:
        text = voice.wording.in_all[not certain].format(
            count=len(numbers),
            span=voice.span(days[0].value, days[-1].value),
            cites=marker(numbers),
        )
        return text + voice.wording.stop, numbers
    told = voice.day if voice.spells(len(days)) else str
    said = [voice.cited(told(each.value), each.numbers) for each in days]
    return voice.weighed(voice.phrase("taken", voice.also(said)), None), numbers


def _stays(days: Sequence[Candidate]) -> list[list[Candidate]]:
    """Days in order, parted where more than APART lie between: a place is visited twice."""
    stays: list[list[Candidate]] = []
    for each in days:
        day = date.fromisoformat(each.value)
        if not stays or (day - date.fromisoformat(stays[-1][-1].value)).days > APART:
            stays.append([])
        stays[-1].append(each)
    return stays


def _largest(stays: Sequence[list[Candidate]]) -> list[list[Candidate]]:
    """The MOST_STAYS stays of most photos, the earlier of equals, in the order of time."""
    order = sorted(range(len(stays)), key=lambda at: -sum(len(e.numbers) for e in stays[at]))
    return [stays[at] for at in sorted(order[:MOST_STAYS])]


def _stay(voice: Voice, days: Sequence[Candidate]) -> str:
    numbers = tuple(sorted(n for each in days for n in each.numbers))
    return voice.wording.in_stay[len(numbers) != 1].format(
        count=len(numbers),
        span=voice.span(days[0].value, days[-1].value),
        cites=marker(numbers),
    )


def listing(voice: Voice, field: str, found: Sequence[Candidate]) -> tuple[str, tuple[int, ...]]:
    """The answers that most photos give, the most frequent first; years and months in order."""
    ordered = sorted(found, key=lambda each: -len(each.photos))
    if field in ("year", "month"):
        ordered = sorted(found, key=lambda each: each.value)
    named = ordered[:MOST_LISTED]
    numbers = tuple(sorted(n for each in named for n in each.numbers))
    if len(ordered) == 1:
        only = voice.cited(voice.phrase(field, ordered[0].value), numbers)
        return voice.weighed(only, None), numbers
    said = [
        voice.counted(voice.phrase(field, each.value), len(each.photos), each.numbers)
        for each in named
    ]
    if len(ordered) > len(named):
        said.append(voice.wording.others.format(count=len(ordered) - len(named)))
    return voice.weighed(voice.also(said), None), numbers


# --- the first or the last --------------------------------------------------------------------


def first_or_last(brief: Brief, photos: Sequence[Evidence]) -> Evidence | None:
    """The photo that was taken first, or last, as the plan picks; None where no date is known."""
    dated = [each for each in photos if day_of(each)]
    if not dated:
        return None
    choose = min if brief.plan.pick == "first" else max
    return choose(dated, key=lambda each: each.facts.taken_at or "")


def _picked(brief: Brief, voice: Voice, field: str, photos: Sequence[Evidence]) -> Draft:
    chosen = first_or_last(brief, photos)
    if chosen is None:
        return refused(*lacking(brief, voice, "taken", photos[:1]))
    confidence = expected_right(brief, [chosen])
    said = voice.cited(voice.phrase("taken", voice.moment(chosen)), [chosen.n])
    text = voice.wording.picked[brief.plan.pick].format(answer=said)
    claims = [Claim(text, (chosen.n,), confidence)]
    if field == "taken":
        return Draft(tuple(claims))
    value = told_by(voice, field)(chosen)
    if value is None:
        return refused(missing(voice, field, (chosen.n,)), *claims)
    said = voice.cited(voice.phrase(field, value), [chosen.n])
    claims.insert(0, Claim(voice.weighed(said, confidence), (chosen.n,), confidence))
    return Draft(tuple(claims))
