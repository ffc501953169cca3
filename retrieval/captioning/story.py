"""A short text from chosen photos, in order of time: every claim cites them and is checked.

Without a model it is made of what is known: dates, places, captions, writing, tags. A model writes
a draft over the same evidence, as it answers questions; what the evidence does not say is struck.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from retrieval.answering.checking import check
from retrieval.answering.evidence import gather
from retrieval.answering.models import answerer_of
from retrieval.answering.writing import with_marker
from retrieval.captioning.phrases import listed, quoted, say
from retrieval.captioning.statements import LIKELY, MOST_QUOTED, PERHAPS, rate
from retrieval.errors import ModelError, PrivacyError, UsageError
from retrieval.grouping.tags import vocabulary
from retrieval.records import (
    Brief,
    Citation,
    Claim,
    Draft,
    Evidence,
    Hit,
    Language,
    NoticeCallback,
    QuestionPlan,
    Redaction,
    Status,
    Struck,
    TextCallback,
    ignore_notice,
    ignore_text,
)
from retrieval.searching.understanding import is_place
from retrieval.storage.groups import photo_at

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.models import LanguageModel

MOST_PHOTOS = 50
_ASKED: dict[Language, str] = {
    "en": "Tell the story of these photos in a few plain sentences, in order of time: when and "
    "where they were taken, and what they show. Cite the photos in every sentence.",
    "zh": "按时间顺序，用几句朴实的话讲述这些照片的故事：何时何地拍摄，画面里有什么。"
    "每句话都要引用照片。",
}


@dataclass(frozen=True, slots=True)
class Story:
    """A checked text. `text` carries its citations as [n], `teller` is a model's name, or "tags".

    `evidence` are the photos in order of time; `struck` is what the evidence did not say.
    """

    text: str
    status: Status
    claims: tuple[Claim, ...]
    citations: tuple[Citation, ...]
    struck: tuple[Struck, ...]
    evidence: tuple[Evidence, ...]
    teller: str
    language: Language


def tell_story(
    collection: Collection,
    photos: Sequence[str | Path],
    *,
    model: LanguageModel | None = None,
    language: Language = "en",
    redact: Sequence[Redaction] = (),
    on_text: TextCallback = ignore_text,
    on_notice: NoticeCallback = ignore_notice,
) -> Story:
    """Tell what these photos of the collection show, each file named by its path.

    Where the model fails, or nothing that it says stands, the story is told without it and a notice
    says so. Raises UsageError for none, too many, or one that the collection does not hold.
    """
    evidence = _evidence(collection, photos)
    if language == "zh":
        evidence = tuple(map(_with_chinese_tags, evidence))
    plan = QuestionPlan(_ASKED[language], "describe", "", language)
    count = len(evidence)
    brief = Brief(plan, evidence, considered=count, matched=count, relevant=count)
    if model is not None:
        try:
            draft = answerer_of(model, tuple(redact), on_notice).answer(brief, on_text=on_text)
            story = _checked(collection, draft, brief, model.name, seen=model.sees)
            if story.claims and story.status != "refused":
                return story
            on_notice(f"Nothing that {model.name} told is in the photos. Told without it.")
        except (ModelError, PrivacyError) as exc:
            on_notice(f"{exc} Told without it.")
    draft = Draft(tuple(plain_claims(evidence, language)))
    return _checked(collection, draft, brief, "tags")


def _checked(
    collection: Collection, draft: Draft, brief: Brief, teller: str, *, seen: bool = False
) -> Story:
    checked = check(
        *(draft, brief), seen=seen, is_place=lambda name: is_place(name, collection.cache)
    )
    known = {piece.n: piece for piece in brief.evidence}
    gap = "" if brief.plan.language == "zh" else " "
    return Story(
        text=gap.join(with_marker(claim) for claim in checked.claims),
        status=checked.status,
        claims=checked.claims,
        citations=tuple(
            Citation(n, known[n].path, claim.text, known[n].photo_id)
            for claim in checked.claims
            for n in claim.cites
            if n in known
        ),
        struck=checked.struck,
        evidence=brief.evidence,
        teller=teller,
        language=brief.plan.language,
    )


def _evidence(collection: Collection, photos: Sequence[str | Path]) -> tuple[Evidence, ...]:
    """The evidence of these photos in order of time, undated ones last."""
    paths = list(dict.fromkeys(os.path.abspath(os.path.expanduser(path)) for path in photos))
    if not 1 <= len(paths) <= MOST_PHOTOS:
        raise UsageError(f"A story is told of 1 to {MOST_PHOTOS} photos, not {len(paths):,}.")
    ids: dict[int, str] = {}
    for path in paths:
        photo = photo_at(collection.reader, path)
        if photo is None:
            raise UsageError(
                f"The collection holds no photo {path}. Index its folder first, or leave it away."
            )
        ids.setdefault(photo, path)
    facts = collection.reader.facts_of(list(ids))
    when = {photo: facts[photo].taken_at if photo in facts else None for photo in ids}
    order = sorted(ids, key=lambda photo: (when[photo] is None, when[photo] or ""))
    hits = [
        Hit(rank, "photo", photo, None, ids[photo], relevant=True)
        for rank, photo in enumerate(order, 1)
    ]
    return gather(collection, hits, tagged=len(hits))


# --- without a model --------------------------------------------------------------------------


def plain_claims(evidence: Sequence[Evidence], language: Language) -> list[Claim]:
    """A story of what is known: how many photos of when, then each, by days and places."""
    moments = [
        (day, place, list(pieces))
        for (day, place), pieces in groupby(evidence, key=lambda p: (_day(p), p.place))
    ]
    claims = _sums(evidence, language) if len(moments) > 1 else []
    for day, place, pieces in moments:
        opening = say(language, "then", date=day) if day else say(language, "undated")
        opening += say(language, "in", place=place) if place else ""
        if len(pieces) > 1:
            text = say(language, "group", opening=opening, count=len(pieces))
            claims.append(_cited(text, pieces, language))
            opening = ""
        claims += [claim for piece in pieces for claim in _claims(piece, opening, language)]
    return claims


def _sums(evidence: Sequence[Evidence], language: Language) -> list[Claim]:
    """How many photos there are, and of when."""
    dated = [piece for piece in evidence if _day(piece)]
    undated = [piece for piece in evidence if not _day(piece)]
    claims = []
    if dated:
        first, last = _day(dated[0]), _day(dated[-1])
        which = "one photo" if len(dated) == 1 else "photos of a day"
        named = which if first == last else "photos of days"
        text = say(language, named, count=len(dated), date=first, first=first, last=last)
        claims.append(_cited(text, dated, language))
    if undated:
        which = "one without date" if len(undated) == 1 else "photos without date"
        claims.append(_cited(say(language, which, count=len(undated)), undated, language))
    return claims


def _cited(text: str, pieces: Sequence[Evidence], language: Language) -> Claim:
    return Claim(text + say(language, "stop"), tuple(piece.n for piece in pieces), 1.0)


def _claims(piece: Evidence, opening: str, language: Language) -> list[Claim]:
    """What is known of one photo: a text about it, else its likeliest tags, else writing in it.

    None where nothing is, and no `opening` is to be said of it.
    """
    sure = 1.0
    tags = {word: share for word, share in _tags(piece, language).items() if share >= PERHAPS}
    best = {word: share for word, share in tags.items() if share >= LIKELY}
    tags = best or tags
    if piece.captions:
        rest = quoted(language, piece.captions[0][:MOST_QUOTED])
    elif tags:
        which = "shows likely" if best else "shows perhaps"
        rest = say(language, which, words=listed(language, list(tags)))
        sure = rate(min(tags.values()))
    elif piece.writing:
        rest = say(language, "shows writing", quote=quoted(language, piece.writing[:MOST_QUOTED]))
    else:
        rest = ""
    if rest:
        text = say(language, "told", opening=opening, rest=rest) if opening else _capital(rest)
    elif opening:
        text = say(language, "one", opening=opening)
    else:
        return []
    return [Claim(text + say(language, "stop"), (piece.n,), sure)]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _with_chinese_tags(piece: Evidence) -> Evidence:
    """The same with each tag by its Chinese name as well, as a Chinese text may have it."""
    more = tuple((_chinese()[word], share) for word, share in piece.tags if word in _chinese())
    return replace(piece, tags=(*piece.tags, *more))


def _tags(piece: Evidence, language: Language) -> dict[str, float]:
    """Tags of a photo in this language, and the share of each."""
    known = {word: share for word, share in piece.tags if word in _chinese()}
    return {_chinese()[word] if language == "zh" else word: known[word] for word in known}


@cache
def _chinese() -> dict[str, str]:
    return {word.english: word.chinese for word in vocabulary()}


def _day(piece: Evidence) -> str:
    return (piece.facts.taken_at or "")[:10]
