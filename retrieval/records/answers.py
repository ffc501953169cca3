"""What a question over a collection is made of: its plan, the evidence, and the checked answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from retrieval.records.asking import SearchResult
from retrieval.records.items import Facts

#: What a question wants to know. "what" covers who as well.
Intent = Literal["find", "when", "where", "what", "count", "compare", "describe", "yes-no"]
INTENTS: tuple[Intent, ...] = (
    *("find", "when", "where", "what"),
    *("count", "compare", "describe", "yes-no"),
)

#: How far an answer stands on cited photos.
Status = Literal["grounded", "partly-grounded", "refused"]

Language = Literal["en", "zh"]

#: What is taken out before anything is sent.
Redaction = Literal["gps", "faces", "names"]
REDACTIONS: tuple[Redaction, ...] = ("gps", "faces", "names")

#: Takes pieces of an answer as a model writes them, before it is checked.
TextCallback = Callable[[str], None]


def ignore_text(text: str) -> None:
    """Let pieces of an answer pass."""


@dataclass(frozen=True, slots=True)
class QuestionPlan:
    """How a question was understood: what is searched, and what is asked of what is found.

    `box` is what the search box is given. `field` names what is asked for: one of metadata.FIELDS
    ("taken", "place", "camera", "lens", …), "writing", "colour", "number" (of things in one photo)
    or "" where none is. `pick` asks
    for the first or last of several; `most` for the largest or smallest group, of those that
    `group` names ("year", "month", "day", "city", "country", "camera", "lens", "trip");
    `alternatives` are boxes that are compared instead. `among` are ids of the only photos that are
    meant (a follow-up to an answer); empty: all. `source` says who made the plan.
    """

    question: str
    intent: Intent
    box: str
    language: Language = "en"
    field: str = ""
    pick: Literal["", "first", "last"] = ""
    most: Literal["", "most", "least"] = ""
    group: str = ""
    alternatives: tuple[str, ...] = ()
    among: tuple[int, ...] = ()
    source: Literal["rules", "model"] = "rules"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One photo as an answer may use it: exactly this, and nothing else, counts as known of it.

    `n` is its number in citations, from 1. `camera` is make and model, `place` city and country as
    far as known. `tags` are words with the share of `zero_shot` (grouping.tags); `captions` are
    its own and its documents' texts, as people wrote them; `guesses` those of a model, which prove
    nothing; `writing` what was recognised in it. `relevance` and
    `relevant` are the hit's; `probability` that it is the very photo that is meant, None where
    that cannot be told. `folded` are ids of near-duplicates behind it, `size` is its width and
    height in pixels, `trip` the label of the trip that it belongs to.
    """

    n: int
    photo_id: int
    path: str
    facts: Facts = Facts()
    camera: str | None = None
    place: str | None = None
    tags: tuple[tuple[str, float], ...] = ()
    captions: tuple[str, ...] = ()
    writing: str | None = None
    colours: tuple[str, ...] = ()
    relevance: float | None = None
    relevant: bool = False
    probability: float | None = None
    folded: tuple[int, ...] = ()
    size: tuple[int, int] | None = None
    trip: str | None = None
    guesses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Total:
    """A count over the whole match set, made by SQL: `count` photos for `label`.

    `label` is "" for all of them, else the value of the plan's group ("2019", "Berlin", "Canon EOS
    80D") or one of its alternatives. `numbers` are the citations of photos that make it up, which
    are all of them unless there are too many. `certain` where only exact filters chose.
    """

    label: str
    count: int
    numbers: tuple[int, ...] = ()
    certain: bool = True


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of a conversation and what was answered; `photos` by their number in it."""

    number: int
    question: str
    answer: str
    status: Status
    plan: QuestionPlan
    photos: tuple[int, ...] = ()
    at: str = ""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """That the photo that fits best, number `n` of the evidence, is not where or when it was asked.

    `field` is what it differs in ("place", "taken", "camera"), `asked` what was typed of that ("in
    Cusco", "in Lima": one or the other); `probability` that it is the one that is meant.
    """

    n: int
    field: str
    asked: tuple[str, ...]
    probability: float


@dataclass(frozen=True, slots=True)
class Apart:
    """Two things of which each is found, but not both in one photo; `numbers` of photos of each."""

    things: tuple[str, str]
    numbers: tuple[tuple[int, ...], tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Brief:
    """All that an answerer gets: the plan, the numbered evidence, counts, what was said before.

    `considered` counts the photos of the collection, `matched` those that pass the filters,
    `relevant` those that also match the meaning (None where that cannot be told). Where nothing is
    relevant the evidence holds the closest photos, none of them `relevant`. `unknown` counts, by
    field ("taken", "place"), photos that lack it; only where some of them may match as well, and
    nothing is relevant or a filter says what is not so. `presence` is the probability that there is
    anything of what is asked for, None where that cannot be told or filters alone chose;
    `elsewhere` a photo of the evidence that fits better than all that pass the filters, and does
    not pass them itself. Where what is asked for is `apart`, nothing is relevant, and the evidence
    holds photos of one thing and of the other. `meaning` are the words of the question that no
    filter holds, as they were compared with photos; None where that is not known.
    """

    plan: QuestionPlan
    evidence: tuple[Evidence, ...] = ()
    totals: tuple[Total, ...] = ()
    considered: int = 0
    matched: int = 0
    relevant: int | None = None
    unknown: tuple[Total, ...] = ()
    history: tuple[Turn, ...] = ()
    presence: float | None = None
    elsewhere: Elsewhere | None = None
    apart: Apart | None = None
    meaning: str | None = None


@dataclass(frozen=True, slots=True)
class AskOptions:
    """How a question is answered; `k` photos are shown.

    `rerank` lets a model that can judge look at the first hits again where that may help, `verify`
    lets it judge each claim with its photo, `refine` lets it understand the question (not where
    something is taken out of it); `redact` is taken out of all that a model gets.
    """

    k: int = 10
    rerank: bool = False
    verify: bool = False
    refine: bool = False
    redact: tuple[Redaction, ...] = ()


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer, the numbers of the photos that it stands on, and how sure it is.

    `confidence` is a probability, None where that cannot be told.
    """

    text: str
    cites: tuple[int, ...] = ()
    confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """What an answerer says, before it is checked. `refused`: it does not know; claims say why."""

    claims: tuple[Claim, ...]
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Struck:
    """A claim that was taken out of an answer, and why."""

    claim: str
    reason: str


@dataclass(frozen=True, slots=True)
class Citation:
    """A claim's pointer to a photo of the evidence."""

    n: int
    path: str
    claim: str
    photo_id: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """A checked answer. `text` carries its citations as [n]; `result` is the search it stands on.

    `status`: grounded (every claim follows from cited evidence, and is likely right),
    partly-grounded (something was struck, or it is one of several possibilities), refused (nothing
    that matches, or nothing that says it). `seconds` tells how long each stage took.
    """

    question: str
    text: str
    status: Status
    plan: QuestionPlan
    result: SearchResult
    citations: tuple[Citation, ...] = ()
    struck: tuple[Struck, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    totals: tuple[Total, ...] = ()
    considered: int = 0
    answerer: str = "extractive"
    before: tuple[str, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


# --- what leaves the machine ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class SentPhoto:
    """A picture that was sent: its file, the size in bytes of what was sent, its SHA-256 (hex)."""

    path: str
    bytes: int
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One request that left the machine. Times are UTC, "2026-11-24T10:00:00Z"; sizes in bytes.

    `bytes` is the whole body, pictures included. `outcome`: "sending" (written before the first
    byte leaves; it stays where the process died), "answered", "failed: …", "cancelled".
    """

    id: str
    at: str
    endpoint: str
    model: str
    purpose: str
    bytes: int
    photos: tuple[SentPhoto, ...] = ()
    redacted: tuple[Redaction, ...] = ()
    outcome: str = "sending"
