"""What may be shown for a query, best first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from retrieval.grouping.near import fold_photos
from retrieval.searching.attempt import Attempt, Candidates
from retrieval.searching.composing import Composition, brought_together, embedded
from retrieval.searching.fusing import Ranking, by_score, fuse, shares
from retrieval.searching.hits import Ranked
from retrieval.searching.judging import Judge, judge_of
from retrieval.searching.sources import rankings
from retrieval.storage.lexical import holding_all
from retrieval.storage.stored import in_order, rows_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

SHORTLIST = 200  # candidates that the sources propose, at least
DEEPER = 8  # times as many are counted, where all of them are relevant
MOST_SORTED = 10_000  # relevant photos that are put into another order
MOST_FOLDED = 2_000  # candidates among which near-duplicates are looked for


def find(attempt: Attempt, needed: int) -> Candidates | None:
    """At least the first `needed` items, or all; None if the collection changed meanwhile."""
    if not attempt.asked.parts:
        return _listed(attempt, needed)
    parts = embedded(attempt.collection, attempt.asked)
    if not attempt.is_of(parts.encoder):
        return None  # another encoder was changed to meanwhile
    composition = brought_together(
        attempt.collection, parts, attempt.options.kind, less=bool(attempt.asked.filters)
    )
    if composition is None:
        return None
    needed += len(attempt.options.apart_from)
    if attempt.options.kind == "documents":
        return _documents(attempt, composition, needed)
    judge = judge_of(attempt.collection, attempt.space, attempt.store, parts, attempt.asked)
    return _photos(attempt, composition, judge, needed)


def _listed(attempt: Attempt, needed: int) -> Candidates:
    """A query of filters alone is an inventory: everything that passes, the newest first."""
    options, reader = attempt.options, attempt.collection.reader
    by = "newest" if options.order == "relevance" else options.order
    out = set(options.apart_from)
    found = in_order(reader, attempt.space, options.kind, attempt.allowed, by, needed + len(out))
    ranked = [
        Ranked(row, item, None, 1.0, True, ("filters",)) for row, item in found if item not in out
    ]
    return attempt.candidates(ranked, "by filters", relevant=attempt.matched)


def _documents(attempt: Attempt, composition: Composition, needed: int) -> Candidates | None:
    """Documents by their embeddings alone; they are not judged."""
    scores, rows = attempt.nearest(composition.vector, max(needed, SHORTLIST))
    if composition.reorders and attempt.options.fusion != "early":
        vectors = attempt.collection.vectors_at(attempt.space, "documents", rows)
        if vectors is None:
            return None
        best = composition.best_first(rows, vectors)
        scores, rows = scores[best], rows[best]
    items = attempt.collection.reader.items_at(attempt.space, "documents", rows.tolist())
    out = set(attempt.options.apart_from)
    ranked = [
        Ranked(row, items[row], score, None, False, ("documents",))
        for row, score in zip(rows.tolist(), scores.tolist(), strict=True)
        if row in items and items[row] not in out
    ]
    return attempt.candidates(ranked, attempt.method(needed))


# --- photos ---------------------------------------------------------------------------------


def _photos(
    attempt: Attempt, composition: Composition, judge: Judge | None, needed: int
) -> Candidates | None:
    """Photos by all that is known of them, judged, near-duplicates folded.

    Who has a say is asked about the same shortlist however many are needed, so that pages fit.
    """
    options = attempt.options
    only_less = judge is not None and not judge.wants
    depth = max(SHORTLIST, min(attempt.matched, MOST_SORTED)) if only_less else SHORTLIST
    text = "" if options.fusion == "early" else _words(attempt)
    sources = rankings(
        attempt.collection, composition.vector, text, depth=depth, allowed=attempt.pairs()
    )
    if sources is None:
        return None
    judge = _informed(judge, sources)
    likely = _likely_rows(attempt, judge)
    first = _ranked(attempt, composition, judge, sources, text)
    if first is None:
        return None
    relevant = None if judge is None else _count(first, likely)
    out, by_relevance = set(options.apart_from), options.order == "relevance"
    if options.everything and not by_relevance:
        found = _inventory(attempt, composition, judge, needed)
    elif by_relevance:
        _, rows = attempt.nearest(composition.vector, len(first) + 2 * needed + 20)
        found = _with_others(attempt, composition, judge, first, rows, likely)
    else:
        rows = np.array(sorted(likely)[:MOST_SORTED], np.int64)
        found = _with_others(attempt, composition, judge, first, rows, likely)
        found = _sorted(attempt, [each for each in found or () if judge is None or each.likely])
    if found is None:
        return None
    found = [each for each in found if each.id not in out]
    if options.fold:
        found = _folded(attempt, found, needed)
        gone = sum(len(each.folded) for each in found if each.likely)
        relevant = None if relevant is None else max(relevant - gone, 0)
    present = None if judge is None else judge.present
    return attempt.candidates(found, attempt.method(depth), relevant=relevant, present=present)


def _with_others(
    attempt: Attempt,
    composition: Composition,
    judge: Judge | None,
    first: Sequence[Ranked],
    rows: NDArray[np.int64],
    likely: set[int],
) -> list[Ranked] | None:
    """The shortlist and further rows, which are ranked by their embeddings; the likely ones first.

    None if the collection changed meanwhile.
    """
    there = {each.row for each in first}
    others = _by_embedding(
        attempt, composition, judge, [r for r in rows.tolist() if r not in there]
    )
    if others is None:
        return None
    others = [replace(each, likely=each.row in likely) for each in others]
    return sorted([*first, *others], key=lambda each: not each.likely)  # stable


def _by_embedding(
    attempt: Attempt, composition: Composition, judge: Judge | None, rows: list[int]
) -> list[Ranked] | None:
    """Photos at these rows, in this order, judged by their embeddings alone."""
    if not rows:
        return []
    items = attempt.collection.reader.items_at(attempt.space, "photos", rows)
    rows = [row for row in rows if row in items]
    places = np.array(rows, np.int64)
    vectors = attempt.collection.vectors_at(attempt.space, "photos", places)
    if vectors is None:
        return None
    scores = (vectors.astype(np.float32) @ composition.vector).clip(-1, 1).tolist()
    told: list[tuple[float | None, bool]] = [(None, False)] * len(rows)
    if judge is not None:
        none = np.zeros(len(rows))
        relevance, likely = judge.verdict(vectors, none, none > 0)
        told = list(zip(relevance.tolist(), likely.tolist(), strict=True))
    return [
        Ranked(row, items[row], score, *judged, ("photos",))
        for row, score, judged in zip(rows, scores, told, strict=True)
    ]


def _inventory(
    attempt: Attempt, composition: Composition, judge: Judge | None, needed: int
) -> list[Ranked] | None:
    """All that passes the filters in another order than by relevance."""
    reader, order = attempt.collection.reader, attempt.options.order
    places = in_order(reader, attempt.space, "photos", attempt.allowed, order, 2 * needed + 20)
    return _by_embedding(attempt, composition, judge, [row for row, _ in places])


def _likely_rows(attempt: Attempt, judge: Judge | None) -> set[int]:
    """All rows that are relevant by their embedding, where one text decides; else none."""
    only = None if judge is None else judge.only
    if only is None:
        return set()
    count = SHORTLIST
    while True:
        scores, rows = attempt.nearest(only.vector, count)
        likely = scores >= only.judgement.cut
        if len(rows) < count or not likely.all():
            return set(rows[likely].tolist())
        count *= DEEPER


def _count(found: Sequence[Ranked], likely: set[int]) -> int:
    """How many photos are relevant: of those found, and of the others by their embedding."""
    return sum(each.likely for each in found) + len(likely - {each.row for each in found})


def _ranked(
    attempt: Attempt,
    composition: Composition,
    judge: Judge | None,
    found: list[Ranking],
    text: str,
) -> list[Ranked] | None:
    """Photos by all sources, those that are relevant first; None if the collection changed."""
    collection, fusion = attempt.collection, attempt.options.fusion
    cosines = dict(zip(found[0].ids.tolist(), found[0].scores.tolist(), strict=True))
    rows = rows_of(collection.reader, attempt.space, "photos", list(cosines))
    ids = np.array([item for item in cosines if item in rows], np.int64)
    vectors = collection.vectors_at(
        attempt.space, "photos", np.array([rows[item] for item in ids.tolist()], np.int64)
    )
    if vectors is None:
        return None
    if composition.reorders and fusion != "early":
        found[0] = _by_parts(found[0], ids, composition.scores(vectors))
    by_words = [
        item
        for ranking in found
        for item in ranking.ids.tolist()[: ranking.own()]
        if ranking.source == "words"
    ]
    said = holding_all(collection.reader, text, by_words) if by_words else set()
    told = {each.id: each.score for each in by_score(found[1:])}
    judged = _judged(judge, ids, vectors, told, said)
    share = {} if judge is None else shares(by_score(found), told)
    ranked = [
        replace(
            Ranked(rows[each.id], each.id, cosines[each.id], *judged[each.id], each.sources),
            share=share.get(each.id),
        )
        for each in fuse(found, fusion)
        if each.id in rows
    ]
    return sorted(ranked, key=lambda each: not each.likely)  # stable: each half as it was


def _informed(judge: Judge | None, found: Sequence[Ranking]) -> Judge | None:
    """The judge after hearing what documents say of the first photo, if they say anything."""
    documents = {item for each in found if each.source == "documents" for item in each.ids.tolist()}
    ranked = by_score(found)
    if judge is None or not ranked or ranked[0].id not in documents:
        return judge
    return judge.hearing(next(e.score for e in by_score(found[1:]) if e.id == ranked[0].id))


def _words(attempt: Attempt) -> str:
    parts = attempt.asked.parts
    return " ".join(part.value for part in parts if part.kind == "text" and part.weight > 0)


def _by_parts(ranking: Ranking, ids: NDArray[np.int64], scores: NDArray[np.float32]) -> Ranking:
    """The ranking of photos by all parts of the query instead of their sum."""
    best = np.lexsort((ids, -scores))
    return replace(ranking, ids=ids[best], scores=scores[best], mean=0.0, spread=1.0)


def _judged(
    judge: Judge | None,
    ids: NDArray[np.int64],
    vectors: NDArray[np.floating],
    told: Mapping[int, float],
    said: set[int],
) -> dict[int, tuple[float | None, bool]]:
    """Relevance of photos and whether they match: by embeddings, and by what else is `told`.

    `said` are those that have all words of the query. Without a judge nothing is known of it.
    """
    if judge is None:
        return dict.fromkeys(ids.tolist(), (None, False))
    evidence = np.array([told.get(item, 0.0) for item in ids.tolist()], np.float64)
    says_so = np.array([item in said for item in ids.tolist()], bool)
    relevance, likely = judge.verdict(vectors, evidence, says_so)
    pairs = zip(relevance.tolist(), likely.tolist(), strict=True)
    return dict(zip(ids.tolist(), pairs, strict=True))


def _sorted(attempt: Attempt, found: Sequence[Ranked]) -> list[Ranked]:
    """The same photos in the order that is asked for."""
    rows = np.array(sorted(each.row for each in found), np.int64)
    by_row = {each.row: each for each in found}
    order = attempt.options.order
    places = in_order(attempt.collection.reader, attempt.space, "photos", rows, order, len(rows))
    return [by_row[row] for row, _ in places]


# --- near-duplicates ------------------------------------------------------------------------


def _folded(attempt: Attempt, found: Sequence[Ranked], needed: int) -> list[Ranked]:
    """Near-duplicates behind their best picture, until there are as many as needed."""
    count = min(2 * needed + 20, MOST_FOLDED)
    while True:
        first, rest = found[:count], found[count:]
        kept = _fold(attempt, first)
        if len(kept) >= needed or not rest or count >= MOST_FOLDED:
            return [*kept, *rest]
        count = min(2 * count, MOST_FOLDED)


def _fold(attempt: Attempt, ranked: Sequence[Ranked]) -> list[Ranked]:
    by_id = {each.id: each for each in ranked}
    kept = []
    for group in fold_photos(attempt.collection, list(by_id)):
        first = min((group.best, *group.behind), key=lambda item: not by_id[item].likely)
        best, likeliest = by_id[group.best], by_id[first]
        told = best if best.likely == likeliest.likely else likeliest
        members = [by_id[item] for item in (group.best, *group.behind)]
        kept.append(
            replace(
                best,
                relevance=told.relevance,
                likely=told.likely,
                folded=group.behind,
                share=_sum(each.share for each in members),
            )
        )
    return kept


def _sum(shares: Iterable[float | None]) -> float | None:
    known = [share for share in shares if share is not None]
    return sum(known) if known else None
