"""Answer questions over a collection: plan, search, evidence, draft, checked citations.

The search comes first and is shown; whatever a model says afterwards is a draft over numbered
evidence, of which `checking` leaves what the evidence says.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from retrieval.answerers import load_answerer
from retrieval.answering.checking import check
from retrieval.answering.confidence import GROUNDED, at_most, presence, probabilities
from retrieval.answering.evidence import gather
from retrieval.answering.guessing import without_guesses
from retrieval.answering.looking import COUNTING, Sight, look
from retrieval.answering.models import answerer_of, judge_for, judge_of
from retrieval.answering.planning import plan_question, readable
from retrieval.answering.planning.boxes import unread
from retrieval.answering.totals import totals, unknown
from retrieval.answering.writing import written
from retrieval.errors import MissingExtraError, ModelError, PrivacyError
from retrieval.models.limits import within
from retrieval.queries import make_query
from retrieval.records import (
    Answer,
    AskOptions,
    Brief,
    Elsewhere,
    NoticeCallback,
    QuestionPlan,
    SearchOptions,
    SearchResult,
    TextCallback,
    Total,
    Turn,
    ignore_notice,
    ignore_text,
)
from retrieval.searching import run
from retrieval.searching.understanding import is_place, understood

if TYPE_CHECKING:
    from collections.abc import Iterator

    from retrieval.answerers import Answerer
    from retrieval.answering.checking import Checked
    from retrieval.answering.looking import Searcher
    from retrieval.collection import Collection
    from retrieval.models import LanguageModel
    from retrieval.records import Draft, Query
    from retrieval.reranking import Judge, Reranking

ResultCallback = Callable[[SearchResult], None]
TAGGED = 12  # photos that get tags, where words for them may be needed
VERIFY_S = 120.0  # for looking at all claims of an answer again


def _elsewhere(sight: Sight) -> Elsewhere | None:
    found = sight.elsewhere
    if found is None:
        return None
    return Elsewhere(len(sight.hits), found.field, found.asked, found.probability)


def ignore_result(result: SearchResult) -> None:
    """Let a result pass."""


@dataclass(frozen=True, slots=True)
class Hearer:
    """Who is told what comes, as it comes: the search, pieces of the draft, notices."""

    on_result: ResultCallback = ignore_result
    on_text: TextCallback = ignore_text
    on_notice: NoticeCallback = ignore_notice


def ask(
    collection: Collection,
    question: str,
    *,
    options: AskOptions | None = None,
    model: LanguageModel | None = None,
    answerer: Answerer | None = None,
    judge: Judge | None = None,
    history: Sequence[Turn] = (),
    search: Searcher | None = None,
    hearer: Hearer | None = None,
) -> Answer:
    """Answer a question over a collection of photos, with citations that were checked.

    `model` is a language model that answers, and judges where the options ask for that; without one
    the extractive answerer does. Where the model fails, that one answers, and a notice says why.
    `answerer` and `judge` take their places. `history` are the turns before, which a follow-up
    refers to. `search` may search elsewhere.

    Raises QueryError for a question that cannot be searched, and what searching raises.
    """
    told = hearer or Hearer()
    asking = _Asking(
        collection,
        options or AskOptions(),
        answerer or answerer_of(model, options.redact if options else (), told.on_notice),
        model,
        judge or judge_of(model, options),
        tuple(history),
        search or _searcher(collection),
        told,
    )
    return asking.answer(question)


def _relevant(plan: QuestionPlan, sight: Sight) -> int | None:
    """How many photos match; not all that a search finds have all that is counted."""
    told = sight.result.relevant is not None
    whole = plan.intent in COUNTING or plan.group or sight.apart
    return len(sight.ids) if sight.groups or (whole and told) else sight.result.relevant


def _searcher(collection: Collection) -> Searcher:
    def search(
        query: Query, options: SearchOptions, among: Sequence[int] | None = None
    ) -> SearchResult:
        return run(collection, query, options, among)

    return search


@dataclass(slots=True)
class _Asking:
    collection: Collection
    options: AskOptions
    answerer: Answerer
    model: LanguageModel | None
    judge: Judge | None
    history: tuple[Turn, ...]
    search: Searcher
    hearer: Hearer
    seconds: dict[str, float] = field(default_factory=dict)

    def answer(self, question: str) -> Answer:
        with self._timed("plan"):
            asked = readable(question)
            if asked != question:
                self.hearer.on_notice(
                    f"The question has {len(question):,} characters, of which the first "
                    f"{len(asked):,} are read. Shorten it to what you want to know."
                )
            plan = self._plan(asked)
        if left := unread(" ".join((plan.box, *plan.alternatives))):
            self.hearer.on_notice(
                f"“{left}” is read like any words: what a photo does not show is not looked for. "
                f"Say what it does show, and take the rest out: beach -{left.split()[-1]}."
            )
        with self._timed("search"):
            sight = look(self.collection, plan, self.options.k, self.search, self.hearer.on_result)
        with self._timed("evidence"):
            brief = self._brief(plan, sight)
        with self._timed("rerank"):
            brief, result, before = self._looked_again(brief, sight.result)
        with self._timed("answer"):
            draft, name = self._draft(brief)
        with self._timed("check"):
            seen = name != "extractive" and self.model is not None and self.model.sees
            checked = check(
                draft,
                brief,
                grounded=GROUNDED,
                seen=seen,
                composed=name == "extractive",
                is_place=self._is_place,
            )
            checked = self._verified(checked, brief)
        if left and checked.status == "grounded":  # photos may show what they should not
            checked = replace(checked, status="partly-grounded")
        made = written(question, brief, checked, result, name, self.seconds)
        return replace(made, before=before)

    def _is_place(self, name: str) -> bool:
        return is_place(name, self.collection.cache)

    @contextmanager
    def _timed(self, stage: str) -> Iterator[None]:
        begun = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[stage] = time.perf_counter() - begun

    @contextmanager
    def _told(self, instead: str) -> Iterator[None]:
        """What a model cannot do, or may not be asked, costs no answer: it is told and left out."""
        try:
            yield
        except (ModelError, PrivacyError, MissingExtraError) as exc:
            self.hearer.on_notice(f"{exc} {instead}")

    def _plan(self, question: str) -> QuestionPlan:
        vocabulary, today = self.collection.vocabulary(), datetime.date.today()
        plan = plan_question(question, vocabulary, today)
        if self.history:
            from retrieval.answering.conversation import follow_up

            def understand(box: str) -> Query:
                return understood(self.collection, make_query(box), SearchOptions())

            def plan_of(text: str) -> QuestionPlan:
                return plan_question(text, vocabulary, today)

            plan = follow_up(plan, self.history, understand, plan_of)
        if self.options.refine and self.model is not None and not self.options.redact:
            from retrieval.answering.refining import refine, wants_refining

            if wants_refining(plan):
                with self._told("The question is read without it."):
                    plan = refine(plan, self.model, vocabulary, today)
        return plan

    def _brief(self, plan: QuestionPlan, sight: Sight) -> Brief:
        wordy = plan.intent in ("what", "describe") or self.answerer.name != "extractive"
        evidence = gather(
            self.collection,
            sight.hits,
            probabilities(sight.result)[: len(sight.ids)] if not sight.certain else (),
            tagged=TAGGED if wordy else 0,
        )
        result = sight.result
        from retrieval.reranking import meaning

        there, words = None, meaning(plan, result)
        if not (sight.certain or sight.groups):
            evidence = without_guesses(evidence, result.query, words, self.search)
        if sight.ids and not (sight.certain or sight.groups or plan.among):
            shares = {hit.id: hit.share for hit in (*result.hits, *sight.hits)}
            there = presence(
                words,
                evidence[0],
                shares.get(evidence[0].photo_id),
                doubted=plan.intent == "yes-no",
            )
        return Brief(
            plan=plan,
            evidence=at_most(evidence, there),
            totals=self._totals(plan, sight),
            considered=len(plan.among) or result.considered,
            matched=result.matched,
            relevant=_relevant(plan, sight),
            unknown=unknown(self.collection, plan, result),
            history=self.history,
            presence=there,
            elsewhere=_elsewhere(sight),
            apart=sight.apart,
            meaning=words,
        )

    def _looked_again(
        self, brief: Brief, result: SearchResult
    ) -> tuple[Brief, SearchResult, tuple[str, ...]]:
        """Both in the order of a judge, where one is to look, and the files as they were."""
        if not (self.options.rerank and self.judge is not None and brief.relevant):
            return brief, result, ()
        from retrieval.reranking import meaning, rerank, wants_reranking

        if not wants_reranking(brief.plan, result):
            return brief, result, ()
        looked: tuple[Brief, SearchResult, tuple[str, ...]] = brief, result, ()
        words = meaning(brief.plan, result)
        judge = judge_for(self.judge, brief, self.options.redact, purpose="rerank")
        with self._told("Their order stays as it was."):
            found = rerank(words, brief.evidence, judge, on_notice=self.hearer.on_notice)
            looked = self._reordered(brief, result, found)
        return looked

    def _reordered(
        self, brief: Brief, result: SearchResult, found: Reranking
    ) -> tuple[Brief, SearchResult, tuple[str, ...]]:
        hits = {hit.id: hit for hit in result.hits}
        first = [hits.pop(piece.photo_id) for piece in found.evidence if piece.photo_id in hits]
        ranked = tuple(replace(h, rank=n) for n, h in enumerate((*first, *hits.values()), 1))
        before = tuple(hit.path for hit in result.hits)
        return replace(brief, evidence=found.evidence), replace(result, hits=ranked), before

    def _verified(self, checked: Checked, brief: Brief) -> Checked:
        """What is left when a judge has looked at each claim, where one is to and can."""
        if not self.options.verify or self.judge is None:
            return checked
        from retrieval.answering.checking import verify

        judge = judge_for(self.judge, brief, self.options.redact, purpose="verify")
        with self._told("Its claims were not looked at again."), within(VERIFY_S):
            checked = verify(checked, judge, brief, grounded=GROUNDED)
        return checked

    def _totals(self, plan: QuestionPlan, sight: Sight) -> tuple[Total, ...]:
        if not sight.ids:
            return ()
        if not sight.groups or plan.intent != "compare":
            return totals(self.collection, plan, sight.ids, sight.certain)
        numbers = {hit.id: n for n, hit in enumerate(sight.hits, 1)}
        return tuple(
            Total(label, len(ids), tuple(numbers[i] for i in ids if i in numbers), sight.certain)
            for label, ids in sight.groups
        )

    def _draft(self, brief: Brief) -> tuple[Draft, str]:
        """What the answerer says; where it cannot, or nothing matches, the extractive one."""
        plain = load_answerer()
        if not brief.relevant:
            return plain.answer(brief, on_text=self.hearer.on_text), plain.name
        try:
            return self.answerer.answer(brief, on_text=self.hearer.on_text), self.answerer.name
        except (ModelError, PrivacyError, MissingExtraError) as exc:
            self.hearer.on_notice(f"{exc} Answered without it.")
            return plain.answer(brief, on_text=self.hearer.on_text), plain.name
