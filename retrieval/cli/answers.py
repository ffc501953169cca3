"""How answers are written: for people, and as JSON for programs."""

from __future__ import annotations

import re
import sys
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from retrieval.answerers.citing import numbers_in, without_markers
from retrieval.cli.output import emit, printable, tell
from retrieval.cli.results import chip_record, hit_record, likely, plan_line, result_table, summary

if TYPE_CHECKING:
    from retrieval.records import Answer, QuestionPlan, SearchResult

SOURCES = 10  # cited photos that are listed for people
RUNS = 6  # numbers, or ranges of them, of one citation that people are shown

#: The beginning of a citation at the end of what was written so far.
_BEGUN = re.compile(r"[\[【［][\s\d,，、;；~～至‐-—-]*\Z")


# --- for programs ---------------------------------------------------------------------------


def plan_record(answer: Answer) -> dict[str, Any]:
    """How a question was understood, as JSON keys: its intent, and the search box's chips."""
    plan = answer.plan
    return {
        "intent": plan.intent,
        "box": plan.box,
        "language": plan.language,
        "field": plan.field,
        "pick": plan.pick,
        "most": plan.most,
        "group": plan.group,
        "alternatives": list(plan.alternatives),
        "among": list(plan.among),
        "source": plan.source,
        "chips": [chip_record(chip) for chip in answer.result.query.chips],
    }


def answer_record(answer: Answer) -> dict[str, Any]:
    """An answer as JSON keys."""
    return {
        "question": answer.question,
        "answer": answer.text,
        "status": answer.status,
        "citations": [{"n": c.n, "path": c.path, "claim": c.claim} for c in answer.citations],
        "struck": [{"claim": s.claim, "reason": s.reason} for s in answer.struck],
        "hits": [hit_record(hit) for hit in answer.result.hits],
        "considered": answer.considered,
        "matched": answer.result.matched,
        "relevant": answer.result.relevant,
        "totals": [
            {"label": t.label, "count": t.count, "certain": t.certain} for t in answer.totals
        ],
        "plan": plan_record(answer),
        "answerer": answer.answerer,
        "seconds": {stage: round(value, 4) for stage, value in answer.seconds.items()},
    }


# --- for people -----------------------------------------------------------------------------


class Reader:
    """Shows people an answer as it comes: the photos, the draft on a terminal, what is checked."""

    def __init__(self) -> None:
        self.drafted = self.held = ""
        self.streams = sys.stdout.isatty()
        self.shown: SearchResult | None = None

    def show_result(self, result: SearchResult) -> None:
        """The photos that were found, at once; what stands there already is not shown again."""
        if result is self.shown:
            return
        self.shown, shown = result, likely(result)
        if plan := plan_line(result):
            tell(plan)
        if shown.hits:
            emit(result_table(shown) + "\n")
        tell(summary(result, shown))
        self.drafted = self.held = ""

    def show_text(self, text: str) -> None:
        """A piece of the draft, on a terminal."""
        if not self.streams:
            return
        self.drafted += text
        whole = self.held + text
        begun = _BEGUN.search(whole)  # a citation is shown when it is complete
        place = begun.start() if begun else len(whole)
        self.held = whole[place:]
        self._write(whole[:place])

    def _write(self, text: str) -> None:
        emit(printable_lines(shortened(text)), end="")
        sys.stdout.flush()

    def show_answer(self, answer: Answer) -> None:
        """What is left of the draft after checking, if it is not what stands there already."""
        if self.drafted:
            self._write(self.held + "\n")
        if not _same(self.drafted, answer.text):
            text = printable_lines(shortened(answer.text))
            emit(("Checked: " if self.drafted else "") + text)
        emit_sources(answer)
        for struck in answer.struck:
            tell(f"struck: {printable(struck.claim)} ({printable(struck.reason)})")
        tell(status_line(answer))


def printable_lines(text: str) -> str:
    """The text with control characters written out; its lines stay."""
    return "\n".join(printable(line) for line in text.split("\n"))


def shortened(text: str) -> str:
    """The text with no more of each citation than people will read: "[1, 3-5, 7, 9, 11, 13, …]"."""
    parts, place = [], 0
    for start, end, _ in numbers_in(text):
        runs = re.split("[,，、;；]", text[start + 1 : end - 1])
        if len(runs) > RUNS:
            parts += [text[place : start + 1], ",".join(runs[:RUNS]), ", …"]
            place = end - 1
    return "".join([*parts, text[place:]])


def first_cited(answer: Answer, most: int) -> list[int]:
    """The numbers of up to `most` cited photos: the first of each citation, then the second, …"""
    cited = {citation.n for citation in answer.citations}
    rows = zip_longest(*(numbers for *_, numbers in numbers_in(answer.text)))
    turns = (n for row in rows for n in row if n in cited)
    return sorted(list(dict.fromkeys([*turns, *sorted(cited)]))[:most])


def _same(drafted: str, text: str) -> bool:
    return "".join(without_markers(drafted).split()) == "".join(without_markers(text).split())


def emit_sources(answer: Answer) -> None:
    """The cited photos by their numbers."""
    paths = {c.n: c.path for c in answer.citations}
    for n in first_cited(answer, SOURCES):
        emit(f"  [{n}] {printable(paths[n])}")
    if len(paths) > SOURCES:
        emit(f"  … and {len(paths) - SOURCES:,} more (--json lists them)")


def status_line(answer: Answer) -> str:
    """How far the answer can be trusted, and what it stands on."""
    return f"{answer.status}: {basis(answer)}"


def basis(answer: Answer) -> str:
    """What an answer stands on, and who gave it."""
    relevant = answer.result.relevant
    if answer.plan.alternatives and answer.totals:
        relevant = sum(total.count for total in answer.totals)
    match = "" if relevant is None else f", {relevant:,} match"
    time = sum(answer.seconds.values())
    photos = "photo" if answer.considered == 1 else "photos"
    return (
        f"{answer.considered:,} {photos} considered{match}; "
        f"answered by {answer.answerer} in {time:.2f} s"
    )


def why_lines(answer: Answer) -> list[str]:
    """How the question was understood and what the answer stands on, in lines."""
    return [
        f"intent: {_intent(answer.plan)}",
        f"searched: {printable(answer.plan.box) or 'all photos'}",
        *(f"  {printable(chip.label)}" for chip in answer.result.query.chips),
        f"method: {answer.result.method}",
        status_line(answer),
        *(f"struck: {printable(s.claim)} ({printable(s.reason)})" for s in answer.struck),
    ]


def _intent(plan: QuestionPlan) -> str:
    about = [name for name in (plan.field, plan.pick, plan.most, plan.group) if name]
    more = f" ({', '.join(about)})" if about else ""
    return f"{plan.intent}{more}, by {plan.source}"
