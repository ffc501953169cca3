"""The search that a question stands on, and all the photos it is about."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from retrieval.answerers.citing import MOST_CITED
from retrieval.answering.elsewhere import with_elsewhere
from retrieval.answering.evidence import gather
from retrieval.answering.together import apart, having_all
from retrieval.queries import make_query
from retrieval.records import Apart, Order, Query, SearchOptions
from retrieval.storage.statements import NO_COLOUR

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from retrieval.answering.elsewhere import Better
    from retrieval.collection import Collection
    from retrieval.records import Hit, QuestionPlan, SearchResult

    #: Searches, here or in the daemon: query, options, the only ids that may be found.
    Searcher = Callable[[Query, SearchOptions, Sequence[int] | None], SearchResult]

CLOSEST = 3  # photos that are named where nothing matches
MANY = 100  # matches that a question for a date or a place looks at
COUNTING = ("count", "compare")
_ORDERS: dict[str, Order] = {"first": "oldest", "last": "newest"}


@dataclass(frozen=True, slots=True)
class Sight:
    """What a question is about. `result` is the first page, which is shown.

    `hits` are numbered for citations, in their order; `ids` all photos that match, in the order of
    those numbers and beyond; `groups` the same by label where boxes are compared; `certain` says
    that exact filters alone chose. `elsewhere` is a photo that fits clearly better than those that
    pass the filters; it is the last of `hits`, and no match. Where things are `apart`, the hits are
    photos of either, and none matches.
    """

    result: SearchResult
    hits: tuple[Hit, ...]
    ids: tuple[int, ...]
    groups: tuple[tuple[str, tuple[int, ...]], ...] = ()
    certain: bool = False
    elsewhere: Better | None = None
    apart: Apart | None = None


def look(
    collection: Collection,
    plan: QuestionPlan,
    k: int,
    search: Searcher,
    on_result: Callable[[SearchResult], None],
) -> Sight:
    """Search for what a plan is about; `on_result` gets the first page as soon as it is there.

    Raises what searching raises.
    """
    if plan.alternatives:
        return _compared(collection, plan, k, search, on_result)
    sight = _seen(collection, plan, k, search, on_result)
    if sight.ids and not plan.among and (parted := _parted(collection, sight, search)):
        return parted
    counted = plan.intent in COUNTING or plan.group or plan.pick or plan.among
    return sight if counted else with_elsewhere(sight, search)


def _parted(collection: Collection, sight: Sight, search: Searcher) -> Sight | None:
    """What is seen where the things of a search are there, but none of its photos has both."""

    def texts(hits: Sequence[Hit]) -> dict[int, tuple[str, ...]]:
        pieces = gather(collection, hits)
        return {each.photo_id: (*each.captions, *each.facts.keywords) for each in pieces}

    found = apart(sight, search, texts)
    if found is None:
        return None
    photos = {hit.id: hit for each in found.hits for hit in each}
    hits = _unmatched(photos.values())
    numbers = {hit.id: n for n, hit in enumerate(hits, 1)}
    one, other = (tuple(sorted(numbers[hit.id] for hit in each)) for each in found.hits)
    things = (found.things[0].said, found.things[1].said)
    return Sight(sight.result, hits, (), apart=Apart(things, (one, other)))


def _seen(
    collection: Collection,
    plan: QuestionPlan,
    k: int,
    search: Searcher,
    on_result: Callable[[SearchResult], None],
) -> Sight:
    """What passes the filters of one box, and matches."""
    query, options = first_search(plan, k)
    result = search(query, options, plan.among or None)
    on_result(result)
    relevant = result.relevant or 0
    if not relevant:
        closest = result.hits or _given(plan, options, search)
        return Sight(result, closest[:CLOSEST], (), certain=is_exact(result.query))
    return _whole(collection, plan, result, options, search)


def first_search(plan: QuestionPlan, k: int) -> tuple[Query, SearchOptions]:
    """What `look` searches first and shows, so that it can be begun elsewhere."""
    order = _ORDERS.get(plan.pick, "relevance")
    fold = plan.intent not in COUNTING and not plan.group and not plan.among
    box = next(iter(plan.alternatives), plan.box)
    query = make_query(box) if box.strip() else Query()  # an empty box is everything
    return query, SearchOptions(k=k, order=order, fold=fold)


def _given(plan: QuestionPlan, options: SearchOptions, search: Searcher) -> tuple[Hit, ...]:
    """The one photo that is asked about, which no filter of the question lets pass."""
    if len(plan.among) != 1:
        return ()
    hits = search(Query(), options, plan.among).hits
    return tuple(replace(hit, relevant=False, relevance=None) for hit in hits)


def _unmatched(hits: Iterable[Hit]) -> tuple[Hit, ...]:
    return tuple(replace(hit, relevant=False) for hit in hits)


def _whole(
    collection: Collection,
    plan: QuestionPlan,
    result: SearchResult,
    options: SearchOptions,
    search: Searcher,
) -> Sight:
    """All that matches, of which the first ones are numbered."""
    relevant, among = result.relevant or 0, plan.among or None
    by_filters = not result.query.parts
    all_of_them = plan.intent in COUNTING or bool(plan.group) or by_filters
    wanted = min(relevant, MOST_CITED if all_of_them else MANY)
    hits = tuple(hit for hit in result.hits if hit.relevant)
    if len(hits) < wanted:
        more = search(result.query, replace(options, k=wanted), among)
        hits = tuple(hit for hit in more.hits if hit.relevant)
    ids = [hit.id for hit in hits]
    if all_of_them and relevant > len(ids):
        known = set(ids)
        from retrieval.searching.matching import matching_ids  # where a daemon searched, not loaded

        ids += [i for i in matching_ids(collection, result, options, among) if i not in known]
    if all_of_them and not by_filters:
        ids = list(having_all(result.query, ids, search, hits))
        hits = tuple(hit for hit in hits if hit.id in set(ids)) or _unmatched(hits[:CLOSEST])
    return Sight(result, hits, tuple(ids), certain=is_exact(result.query))


def _compared(
    collection: Collection,
    plan: QuestionPlan,
    k: int,
    search: Searcher,
    on_result: Callable[[SearchResult], None],
) -> Sight:
    """The same for each of several boxes; a photo that is in several is numbered once."""
    hits: dict[int, Hit] = {}
    groups: list[tuple[str, tuple[int, ...]]] = []
    first: SearchResult | None = None
    certain = True
    for box in plan.alternatives:
        one = replace(plan, box=box, alternatives=())
        shown = on_result if first is None else _unseen
        sight = _seen(collection, one, k, search, shown)
        first = first or sight.result
        certain &= sight.certain
        groups.append((box, sight.ids))
        hits |= {hit.id: hit for hit in sight.hits if sight.ids and hit.id not in hits}
    assert first is not None  # a plan has alternatives, or is not compared
    rest = dict.fromkeys(item for _, ids in groups for item in ids if item not in hits)
    return Sight(first, tuple(hits.values()), (*hits, *rest), tuple(groups), certain)


def is_exact(query: Query) -> bool:
    """Whether exact filters alone choose. That a picture has no colour only hints at how it is."""
    guessed = any(each.field == "colour" and NO_COLOUR in each.values for each in query.filters)
    return not query.parts and not guessed


def _unseen(result: SearchResult) -> None:
    """Only the first page is shown."""
