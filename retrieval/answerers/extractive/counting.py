"""How many, and which are more: answers from totals, which SQL counted over the whole match set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from retrieval.answerers.citing import marker
from retrieval.answerers.extractive.refusing import missing, nothing, refused
from retrieval.answerers.extractive.saying import Voice, tame
from retrieval.answerers.extractive.weighing import MOST_ABOUT, expected_right, relevant
from retrieval.records import Brief, Claim, Draft, Total

#: The label of photos of which the group is not known (answering.totals).
UNKNOWN = "?"
IN_TIME = ("year", "month", "day")
MOST_GROUPS = 30
MOST_NEXT = 3


def count(brief: Brief, voice: Voice) -> Draft:
    """How many photos, or how many days, cities, countries … they are of."""
    total = whole(brief)
    if not total.count:
        return nothing(brief, voice)
    groups, unknown = _groups(brief)
    if unknown and not groups:
        return refused(*_unknown(brief, voice, unknown))
    if groups:
        return Draft((_distinct(brief, voice, groups), *_unknown(brief, voice, unknown)))
    return Draft((counted(brief, voice, total),))


def compare(brief: Brief, voice: Voice) -> Draft:
    """Which of some alternatives, or of some groups, has more photos."""
    if brief.plan.alternatives:
        return _alternatives(brief, voice)
    groups, unknown = _groups(brief)
    if not whole(brief).count or not groups:
        return refused(*_unknown(brief, voice, unknown)) if unknown else nothing(brief, voice)
    said = _most if brief.plan.most else _each
    return Draft((said(brief, voice, groups), *_unknown(brief, voice, unknown)))


def whole(brief: Brief) -> Total:
    """The count of all that match; that of the evidence, where none was made."""
    if brief.totals and not brief.totals[0].label:
        total, known = brief.totals[0], brief.relevant or 0
        return total if total.certain or known <= total.count else replace(total, count=known)
    numbers = tuple(each.n for each in relevant(brief))
    return Total("", len(numbers), numbers, certain=False)


def _groups(brief: Brief) -> tuple[list[Total], Total | None]:
    named = [each for each in brief.totals if each.label not in ("", UNKNOWN) and each.count]
    unknown = next((each for each in brief.totals if each.label == UNKNOWN), None)
    return named, unknown


def confidence_of(brief: Brief, total: Total) -> float | None:
    """That a count is right: None, which is sure, where exact filters chose."""
    if total.certain:
        return None
    numbers = set(total.numbers)
    right = expected_right(brief, [each for each in brief.evidence if each.n in numbers])
    return MOST_ABOUT if right is None else min(right, MOST_ABOUT)


def counted(brief: Brief, voice: Voice, total: Total) -> Claim:
    """ "57 photos were taken in Lisbon [1-57].", or about how many where meaning chose."""
    templates = voice.wording.count if total.certain else voice.wording.about
    phrase = voice.matching(total.count, brief.plan.box, certain=total.certain)
    text = templates[total.count != 1].format(
        count=total.count, phrase=phrase, cites=marker(total.numbers)
    )
    return Claim(text, total.numbers, confidence_of(brief, total))


def _distinct(brief: Brief, voice: Voice, groups: Sequence[Total]) -> Claim:
    """ "4 days [1, 9]: 2019-04-03 [1], …": the days are counted, and each stands on one photo."""
    group = brief.plan.group
    if group in IN_TIME:
        groups = sorted(groups, key=lambda each: each.label)
    named = groups[:MOST_GROUPS]
    tell = tame if group == "day" and not voice.spells(len(named)) else partial(voice.label, group)
    said = [voice.cited(tell(each.label), each.numbers[:1]) for each in named]
    numbers = tuple(sorted(n for each in groups for n in each.numbers[:1]))
    if len(groups) > len(named):
        said.append(voice.wording.others.format(count=len(groups) - len(named)))
    text = voice.wording.distinct.format(
        count=len(groups),
        noun=voice.noun(group, many=len(groups) != 1 or not voice.wording.capitals),
        cites=marker(numbers),
        answers=voice.also(said),
    )
    return Claim(text, numbers, confidence_of(brief, whole(brief)))


def _unknown(brief: Brief, voice: Voice, unknown: Total | None) -> list[Claim]:
    if unknown is None or not unknown.count:
        return []
    return [missing(voice, brief.plan.group, unknown.numbers)]


# --- comparing --------------------------------------------------------------------------------


def _each(brief: Brief, voice: Voice, groups: Sequence[Total]) -> Claim:
    """All groups with their counts."""
    group = brief.plan.group
    named = groups[:MOST_GROUPS]
    if group in IN_TIME:
        named = sorted(groups, key=lambda each: each.label)[-MOST_GROUPS:]
    said = [_said(voice, group, each) for each in named]
    if len(groups) > len(named):
        said.append(voice.wording.others.format(count=len(groups) - len(named)))
    text = voice.wording.per_group.format(noun=voice.noun(group), answers=voice.also(said))
    return Claim(voice.sentence(text), _numbers(named), confidence_of(brief, whole(brief)))


def _most(brief: Brief, voice: Voice, groups: Sequence[Total]) -> Claim:
    """The group with most photos, or fewest; all of them that are equal; and those that follow."""
    wording, group = voice.wording, brief.plan.group
    ordered = sorted(groups, key=lambda each: each.count)
    if brief.plan.most == "most":
        ordered = list(groups)
    first = [each for each in ordered if each.count == ordered[0].count]
    rest = ordered[len(first) :][:MOST_NEXT]
    of = wording.of_box.format(box=voice.box) if brief.plan.box else ""
    answers = voice.also([_said(voice, group, each) for each in first[:MOST_GROUPS]])
    text = wording.most[brief.plan.most].format(of=of, answers=answers)
    if rest:
        text += wording.next.format(answers=voice.also([_said(voice, group, e) for e in rest]))
    text += wording.stop
    numbers = _numbers([*first[:MOST_GROUPS], *rest])
    return Claim(text, numbers, confidence_of(brief, whole(brief)))


def _alternatives(brief: Brief, voice: Voice) -> Draft:
    labels = brief.plan.alternatives
    found = [each for each in brief.totals if each.label in labels]
    if not any(each.count for each in found):
        return nothing(brief, voice)
    most = brief.plan.most or "most"
    ordered = sorted(found, key=lambda each: each.count, reverse=most == "most")
    sure = [confidence_of(brief, each) for each in found]
    told = [each for each in sure if each is not None]
    if labels[0] == brief.plan.box:
        if not (found[-1].count or found[-1].certain):
            return refused(Claim(voice.wording.no_match.format(box=tame(labels[-1]))))
        return Draft((_share(voice, found, min(told) if told else None),))
    return Draft((_ranked(voice, most, ordered, min(told) if told else None),))


def _share(voice: Voice, found: Sequence[Total], confidence: float | None) -> Claim:
    """ "Not all: 33 photos were taken with the Canon in Kyoto [1-33]; 63 … in Kyoto [1-63]."

    The first of the totals is of all that are asked about, the last of those that are so.
    """
    all_of_them, so = found[0], found[-1]
    text = voice.wording.semicolon.join(_against(voice, each) for each in (so, all_of_them))
    if so.certain:
        kind = "none" if not so.count else "all" if so.count == all_of_them.count else "some"
        text = voice.wording.share[kind].format(answers=text)
    return Claim(voice.sentence(text) + voice.wording.stop, _numbers(found), confidence)


def _ranked(voice: Voice, most: str, ordered: Sequence[Total], confidence: float | None) -> Claim:
    """ "More photos were taken in Lisbon: 57 [1-57]; 46 photos were taken in Berlin [58-103]."."""
    wording = voice.wording
    if len(ordered) > 1 and ordered[0].count == ordered[-1].count:
        answers = wording.semicolon.join(_against(voice, each) for each in ordered)
        text = wording.as_many.format(answers=answers)
        return Claim(text, _numbers(ordered), confidence)
    first, *rest = ordered
    phrase = voice.matching(2, first.label, certain=first.certain, quoted=False)
    text = (
        wording.more[most]
        .format(phrase=phrase, count=first.count, cites=marker(first.numbers))
        .rstrip()
    )
    said = wording.semicolon.join([text, *(_against(voice, each) for each in rest)])
    return Claim(said + wording.stop, _numbers(ordered), confidence)


def _against(voice: Voice, each: Total) -> str:
    """One of several alternatives: "46 photos were taken in Berlin [58-103]"."""
    wording = voice.wording
    phrase = voice.matching(each.count, each.label, certain=each.certain, quoted=False)
    template = wording.against[each.count != 1] if each.count else wording.none
    return template.format(phrase=phrase, count=each.count, cites=marker(each.numbers))


def _said(voice: Voice, group: str, each: Total) -> str:
    """ "in 2019 (203) [1-203]"."""
    label = voice.wording.groups.get(group, "{value}").format(value=voice.label(group, each.label))
    return voice.counted(label, each.count, each.numbers)


def _numbers(totals: Sequence[Total]) -> tuple[int, ...]:
    return tuple(sorted({n for each in totals for n in each.numbers}))
