"""What is asked of a collection, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from retrieval.records.items import Kind

#: How the parts of a query and the rankings of several sources come together.
Fusion = Literal["early", "late", "hybrid"]
FUSIONS: tuple[Fusion, ...] = ("early", "late", "hybrid")

#: What hits are ordered by.
Order = Literal["relevance", "newest", "oldest", "place"]
ORDERS: tuple[Order, ...] = ("relevance", "newest", "oldest", "place")


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a query that is embedded; a negative weight subtracts.

    `value` is a text, the path of a picture, or the id of a photo of the collection: of an example
    ("photo"), or of one that a user marked as right or, by a negative weight, as wrong ("like"). A
    "box" is what a user typed, to be compiled into parts and filters against a collection
    (`compile_query`).
    """

    kind: Literal["text", "image", "photo", "like", "box"]
    value: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Filter:
    """A condition on what is known of a photo. What is not known never passes, nor if `negated`.

    `field` names one of metadata.FIELDS, or "text" (exact words in names, captions, documents and
    recognised writing). `op`: "is" (any of `values`), "between" (from the first value to the
    second, both included, None is open), "contains" (any of `values` as words or their beginnings).
    Dates are texts as in Facts.taken_at, of any precision: "2021-04" stands for the whole month,
    and "*-05" for May of any year, "*T05" for an hour of any day, "*W1" for any Monday; with
    "between", from "*-12" to "*-02" goes over the end of the year.
    """

    field: str
    op: Literal["is", "between", "contains"]
    values: tuple[str | float | None, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Chip:
    """One piece of a query as it was understood, to be shown and to be removed.

    `kind` is "meaning", "minus", "image", "photo" or the name of the filter's field; `label` is for
    people ("place: Kyoto"); `text` is what was typed for it; `without` the query without it.
    """

    kind: str
    label: str
    text: str
    without: str
    filter: Filter | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Query:
    """Weighted parts, and filters that every hit passes.

    Filters of one field are alternatives ("Kyoto" or "Osaka"), those of different fields and
    negated ones all hold. `chips` show how it was understood.
    """

    parts: tuple[Part, ...] = ()
    filters: tuple[Filter, ...] = ()
    chips: tuple[Chip, ...] = ()

    def __str__(self) -> str:
        """Write the query as it was meant: ``a dog + image:park.jpg − 0.5×people``."""
        words = []
        for index, part in enumerate(self.parts):
            sign = "−" if part.weight < 0 else "+" if index else ""
            factor = "" if abs(part.weight) == 1 else f"{abs(part.weight):g}×"
            value = part.value if part.kind in ("text", "box") else f"{part.kind}:{part.value}"
            words.append(f"{sign} {factor}{value}".strip())
        return " ".join(words)


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How a query is searched; `search` says what each means."""

    kind: Kind = "photos"
    k: int = 10
    fusion: Fusion = "hybrid"
    order: Order = "relevance"
    fold: bool = True
    after: str = ""
    like: tuple[int, ...] = ()
    unlike: tuple[int, ...] = ()
    apart_from: tuple[int, ...] = ()
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Hit:
    """One result. `score` is the cosine of query and item, in [-1, 1]; None where nothing was
    embedded (a query of filters alone) or only words were found.

    `relevance` is the probability that the item is what the query means, in [0, 1], None where it
    cannot be told; `relevant` says that it stands above the cut. For a photo `path` is the file to
    show and `also` are further files of the same content, `taken_at` and `place` what is known of
    it, and `folded` the ids of its near-duplicates that stand behind it; for a document `path` is
    the text file, with `line`, `text` and, if it names one, `photo_path`. `found_by` names the
    sources that brought it ("photos", "words", "documents", "filters"). `share` is the probability
    that this very photo is meant, provided that one is (searching.fusing.shares); None where that
    cannot be told.
    """

    rank: int
    kind: Literal["photo", "document"]
    id: int
    score: float | None
    path: str
    also: tuple[str, ...] = ()
    width: int | None = None
    height: int | None = None
    text: str | None = None
    line: int | None = None
    photo_path: str | None = None
    relevance: float | None = None
    relevant: bool = False
    taken_at: str | None = None
    place: str | None = None
    folded: tuple[int, ...] = ()
    found_by: tuple[str, ...] = ()
    share: float | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """Hits, best first; `considered` counts the items that could be found, `method` says how.

    `matched` counts those that pass the filters, `relevant` those of them that stand above the cut
    of relevance: they come first, so of all pages only the first `relevant` hits may well be meant;
    None where that cannot be told. `next` is the cursor of the page that follows, "" at the end.
    `present` is the probability that there is anything like it among all photos; None where that
    cannot be told.
    """

    query: Query
    kind: Kind
    hits: tuple[Hit, ...]
    considered: int
    elapsed_ms: float
    encoder: str
    method: str = ""
    matched: int = 0
    relevant: int | None = None
    next: str = ""
    present: float | None = None
