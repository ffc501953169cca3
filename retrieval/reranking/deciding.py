"""Whether a second look may help: where one vector for each photo says too little."""

from __future__ import annotations

import re

from retrieval.records import QuestionPlan, SearchResult

#: A first hit whose odds are less than this many times those of the second is not safely the first.
SMALL_MARGIN = 2.0
MANY_WORDS = 8  # that carry meaning: more things than one vector keeps apart

_NEGATED = re.compile(
    r"\b(?:no|not|without|nobody|none|never|except|instead of|\w+n[’']t)\b"
    r"|没有|没|不是|不在|不带|除了|以外|無|沒有",
    re.IGNORECASE,
)
_COUNTED = re.compile(
    r"\b(?:two|three|four|five|six|seven|eight|nine|ten|a pair of|a couple of|both|[2-9])\s+[^\W\d]"
    r"|[两二三四五六七八九十2-9]\s*[只個个条條位辆輛匹头頭张張朵棵艘架名人]",
    re.IGNORECASE,
)
_RELATED = re.compile(
    r"\b(?:on top of|(?:to the )?(?:left|right) of|in front of|in back of|behind|next to|beside"
    r"|between|under|underneath|below|above|inside|around|against|facing|with|holding|carrying"
    r"|riding|wearing|chasing|pulling|pushing|leading|feeding|looking at)\b"
    r"|上面|下面|左边|右边|左邊|右邊|前面|后面|後面|旁边|旁邊|里面|裡面|中间|中間"
    r"|拿着|戴着|穿着|骑着|抱着|牵着|拿著|戴著|穿著|騎著|抱著|牽著",
    re.IGNORECASE,
)
_COMBINED = re.compile(r"\w\s*(?:,|;|\band\b|&|和|与|與|以及|、|，)\s*\w", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d_]{3,}")
_CHINESE = re.compile(r"[\u3400-\u9fff]")


def wants_reranking(plan: QuestionPlan, result: SearchResult) -> str:
    """Why a second look at the hits may help, in a few words; "" where it would not.

    It may where a query negates, counts, relates or combines what is in a picture, or where the
    first hit is hardly ahead of the second. Not where nothing was compared by meaning, where there
    are no two hits, or where photos are counted, which SQL does over all of them.
    """
    text = meaning(plan, result)
    if plan.intent == "count" or len(result.hits) < 2 or not text:
        return ""
    if any(part.weight < 0 for part in result.query.parts):
        return "it leads away from something"
    for pattern, what in (
        (_NEGATED, "negates"),
        (_COUNTED, "counts"),
        (_RELATED, "relates"),
        (_COMBINED, "combines"),
    ):
        if found := pattern.search(text):
            return f"it {what} (“{found.group().strip()}”)"
    if len(_WORD.findall(text)) + len(_CHINESE.findall(text)) // 2 >= MANY_WORDS:
        return "it names many things"
    return "the first hits are close" if _are_close(result) else ""


def meaning(plan: QuestionPlan, result: SearchResult) -> str:
    """The words that were compared by meaning. Filters, like dates and places, are exact."""
    parts = [p for p in result.query.parts if p.kind in ("text", "box") and p.weight > 0]
    if result.query.parts or result.query.filters:
        return " ".join(part.value for part in parts)
    return plan.box


def _are_close(result: SearchResult) -> bool:
    first, second = (hit.relevance for hit in result.hits[:2])
    return first is not None and second is not None and _odds(first) < SMALL_MARGIN * _odds(second)


def _odds(probability: float) -> float:
    return max(probability, 0.0) / max(1 - probability, 1e-9)
