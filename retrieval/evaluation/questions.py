"""Measure the answers to questions whose right answers are known.

A file of questions is a JSON list of {"kind", "question", "files", "answer"}, where `files` are
the right photos, relative to the folder that was indexed. Kinds are judged so:

- find: the rank of the first right photo.
- when: the first day that the answer names is the right one ("2023-02-15", or the same in words);
  where: likewise the city; count: its first number; any other kind: it holds the words of the
  right answer.
- absent: there is no such photo; right is to refuse.

An answer is *wrong and grounded* if it is given as grounded and not right: for find, if no right
photo is cited. Answers are counted by kind (`n` in all); R@k, precision and recall lie in [0, 1].
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.errors import QueryError, UsageError
from retrieval.places.spots import folded
from retrieval.records import (
    NoticeCallback,
    Progress,
    ProgressCallback,
    Status,
    ignore_notice,
    ignore_progress,
)
from retrieval.storage.groups import photo_at
from retrieval.storage.layout import read_roots

if TYPE_CHECKING:
    from retrieval.answerers import Answerer
    from retrieval.collection import Collection
    from retrieval.models import LanguageModel
    from retrieval.records import Answer, AskOptions
    from retrieval.reranking import Judge

DEPTH = 10  # hits in which right photos are looked for
LEVELS = (1, 5, 10)
ABSENT = "absent"
MOST_BYTES = 64 << 20  # of a file of questions

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class Question:
    """A question, the files that are right (relative to a folder), and the answer where known."""

    kind: str
    question: str
    files: tuple[str, ...] = ()
    answer: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one question.

    `rank` of the first right photo from 1, None if it is not among the first DEPTH; `precision` of
    the cited photos and `recall` of the right ones, None where there is nothing to compare. `first`
    is the time to the first hits, `whole` to the checked answer, in milliseconds. `before` is the
    rank before a second look, where there was one.
    """

    question: Question
    text: str
    status: Status
    rank: int | None
    right: bool
    precision: float | None
    recall: float | None
    first: float = 0.0
    whole: float = 0.0
    before: int | None = None

    @property
    def wrong_grounded(self) -> bool:
        """Whether a wrong answer is given as a sure one."""
        return self.status == "grounded" and not self.right


@dataclass(frozen=True, slots=True)
class QuestionReport:
    """Counts by kind, shares of citations, and times; `outcomes` tell of each question."""

    outcomes: tuple[Outcome, ...]
    answerer: str = ""

    @property
    def kinds(self) -> dict[str, dict[str, float]]:
        """For each kind, how many questions (n) and how many of them are right, grounded,
        wrong_grounded and refused; where there are right photos, the shares R@k, and how many have
        the right photo first and are right (first, first_right).
        """
        kinds = dict.fromkeys(outcome.question.kind for outcome in self.outcomes)
        return {
            kind: _counts([o for o in self.outcomes if o.question.kind == kind]) for kind in kinds
        }

    @property
    def citations(self) -> dict[str, float | None]:
        """Means over questions: of the cited photos that are right, of the right that are cited."""
        return {
            "precision": _mean(o.precision for o in self.outcomes),
            "recall": _mean(o.recall for o in self.outcomes),
        }

    @property
    def reranking(self) -> dict[str, object] | None:
        """What the second looks brought: ranks before and after (reranking.compare_rankings)."""
        again = [o for o in self.outcomes if o.before is not None and o.question.files]
        if not again:
            return None
        from retrieval.reranking.gain import compare_ranks

        return compare_ranks([o.before or inf for o in again], [o.rank or inf for o in again])

    @property
    def latency_ms(self) -> dict[str, float]:
        """Median and 95th percentile to the first hits and to the whole answer, milliseconds."""
        times = {
            "first_hits": sorted(o.first for o in self.outcomes),
            "answer": sorted(o.whole for o in self.outcomes),
        }
        return {
            f"{name}_p{share}": round(values[min(len(values) * share // 100, len(values) - 1)], 1)
            for name, values in times.items()
            for share in (50, 95)
        }

    @property
    def wrong_grounded(self) -> float:
        """The share of wrong answers given as grounded, of all questions."""
        return sum(o.wrong_grounded for o in self.outcomes) / len(self.outcomes)


# --- the file -------------------------------------------------------------------------------


def read_questions(path: str | Path) -> list[Question]:
    """Read a file of questions. Raises UsageError for one that is none."""
    place = Path(os.path.expanduser(path))
    try:
        if place.stat().st_size > MOST_BYTES:
            raise UsageError(f"{place} is too large for a file of questions. Name another file.")
        entries = json.loads(place.read_text("utf-8-sig"))
    except OSError as exc:
        raise UsageError(f"{place} cannot be read: {exc.strerror}. Name another file.") from exc
    except (ValueError, RecursionError) as exc:
        raise UsageError(f"{place} is no JSON: {exc}. Correct it.") from exc
    if not isinstance(entries, list) or not entries:
        raise UsageError(f"{place} must hold a list of questions. See `retrieval eval --help`.")
    return [_question(place, number, entry) for number, entry in enumerate(entries, 1)]


def _question(place: Path, number: int, entry: Any) -> Question:
    values = entry if isinstance(entry, dict) else {}
    kind, text, files = values.get("kind"), values.get("question"), values.get("files", [])
    answer = values.get("answer")
    listed = isinstance(files, list) and all(isinstance(file, str) for file in files)
    said = answer is None or isinstance(answer, (str, int, float))
    if (
        isinstance(kind, str)
        and isinstance(text, str)
        and kind
        and text.strip()
        and listed
        and said
    ):
        return Question(kind, text, tuple(files), None if answer is None else str(answer))
    raise UsageError(
        f"Question {number} of {place} must be an object with the texts kind and question, a list "
        "of files and an answer. Correct it."
    )


# --- asking ---------------------------------------------------------------------------------


def evaluate_questions(
    collection: Collection,
    questions: Sequence[Question],
    root: str | Path | None = None,
    *,
    options: AskOptions | None = None,
    model: LanguageModel | None = None,
    answerer: Answerer | None = None,
    second_look: Judge | None = None,
    on_progress: ProgressCallback = ignore_progress,
    on_notice: NoticeCallback = ignore_notice,
) -> QuestionReport:
    """Ask all questions and compare the answers with the right ones.

    `options`, `model` and `answerer` are those of `ask`, `second_look` its judge. Files are looked
    for below `root`, or else below the folders that were indexed. A question that cannot be
    searched counts as refused.
    Raises UsageError if the collection has none of the files, and what asking raises.
    """
    if not questions:
        raise UsageError("There are no questions. Name a file that holds some.")
    folders = _folders(collection, root)
    _check_files(collection, questions, folders)

    def asking(text: str, tell: NoticeCallback) -> tuple[Answer | str, float, float]:
        tools = {"model": model, "answerer": answerer, "judge": second_look}
        return _timed(collection, text, tell, options=options, **tools)

    asking(questions[0].question, ignore_notice)  # loads what asking needs: no part of any answer
    outcomes, name = [], ""
    for number, question in enumerate(questions, 1):
        answer, first, whole = asking(question.question, on_notice)
        if isinstance(answer, str):
            outcome = Outcome(
                question, answer, "refused", None, question.kind == ABSENT, None, None
            )
        else:
            outcome = judge(question, answer, folders)
            name = answer.answerer
        outcomes.append(replace(outcome, first=first, whole=whole))
        on_progress(Progress("asking", number, len(questions)))
    return QuestionReport(tuple(outcomes), name)


def _timed(
    collection: Collection, question: str, on_notice: NoticeCallback, **how: Any
) -> tuple[Answer | str, float, float]:
    """An answer, or why there is none; milliseconds to the first hits and to the answer."""
    from retrieval.answering import Hearer, ask

    shown: list[float] = []
    hearer = Hearer(lambda _: shown.append(time.perf_counter()), on_notice=on_notice)
    begun = time.perf_counter()
    answer: Answer | str
    try:
        answer = ask(collection, question, hearer=hearer, **how)
    except QueryError as exc:
        answer = str(exc)
    ended = time.perf_counter()
    return answer, (min(shown, default=ended) - begun) * 1000, (ended - begun) * 1000


def judge(question: Question, answer: Answer, folders: Sequence[str]) -> Outcome:
    """Compare one answer with what is right; `folders` are those that file names start from."""
    right_files = {_place(folder, file) for folder in folders for file in question.files}
    hits = [{hit.path, *hit.also} for hit in answer.result.hits]
    ranks = [rank for rank, paths in enumerate(hits, 1) if paths & right_files]
    copies = {path: paths for paths in hits for path in paths}
    refused = answer.status == "refused"
    cited = [] if refused else list(dict.fromkeys(c.path for c in answer.citations))
    found = [path for path in cited if copies.get(path, {path}) & right_files]
    asked = len(question.files)
    old = [rank for rank, path in enumerate(answer.before, 1) if copies[path] & right_files]
    return Outcome(
        before=old[0] if old else DEPTH + 1 if answer.before else None,
        question=question,
        text=answer.text,
        status=answer.status,
        rank=ranks[0] if ranks else None,
        right=_is_right(question, answer, bool(found)),
        precision=len(found) / len(cited) if cited else None,
        recall=min(len(found) / asked, 1.0) if asked else None,
    )


def _is_right(question: Question, answer: Answer, cited: bool) -> bool:
    """Whether an answer is right; `cited` says that it cites a right photo."""
    if question.kind == ABSENT or (not question.files and question.answer is None):
        return answer.status == "refused"
    if question.answer is None:
        return cited and answer.status != "refused"
    if question.kind == "count":
        if answer.status == "refused":  # it says that there is none
            return _digits(question.answer) == "0"
        numbers = re.search(r"\d+(?:[,.]\d{3})*", answer.text)
        return _digits(numbers[0] if numbers else "0") == _digits(question.answer)
    if answer.status == "refused":
        return False
    right = min(_stands_at(form, answer.text) for form in _forms(question.answer))
    return right < min(
        (_stands_at(other, answer.text) for other in _others(question, answer)), default=inf
    )


def _others(question: Question, answer: Answer) -> Iterator[str]:
    """What an answer of this kind could name instead: the days or cities of other evidence."""
    wanted = {folded(form) for form in _forms(question.answer or "")}
    for piece in answer.evidence if question.kind in ("when", "where") else ():
        known = piece.facts.taken_at if question.kind == "when" else piece.facts.city
        if known and folded(known[:10] if question.kind == "when" else known) not in wanted:
            yield known[:10] if question.kind == "when" else known


def _stands_at(words: str, text: str) -> float:
    """Where a text has these words as such ("5 May" is not in "15 May"), accents aside; or inf."""
    pattern = rf"(?<![a-z0-9]){re.escape(folded(words))}(?![a-z0-9])"
    found = re.search(pattern, folded(text))
    return found.start() if found else inf


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _forms(answer: str) -> list[str]:
    """How a right answer may be written; a day in several ways."""
    day = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)", answer)
    if not day or not 1 <= int(day[2]) <= 12:
        return [answer]
    year, month, number = int(day[1]), int(day[2]), int(day[3])
    name = MONTHS[month - 1]
    words = [f"{number} {name} {year}", f"{name} {number}, {year}", f"{year}年{month}月{number}日"]
    return [answer, *words]


# --- files ----------------------------------------------------------------------------------


def _folders(collection: Collection, root: str | Path | None) -> list[str]:
    if root is not None:
        return [os.path.abspath(os.path.expanduser(root))]
    roots = [os.path.abspath(place) for place in read_roots(collection.path)]
    return [place for place in roots if os.path.isdir(place)] or roots


def _place(folder: str, file: str) -> str:
    return os.path.normpath(os.path.join(folder, file))


def _check_files(
    collection: Collection, questions: Iterable[Question], folders: Sequence[str]
) -> None:
    """Raise UsageError if no file of the questions is in the collection."""
    wanted = {_place(f, file) for q in questions for file in q.files for f in folders}
    if wanted and all(photo_at(collection.reader, path) is None for path in wanted):
        below = " or ".join(folders) or "a folder"
        raise UsageError(
            f"The collection has none of the files that the questions name below {below}. Say with "
            "--root what folder their names start from."
        )


# --- shares ---------------------------------------------------------------------------------


def _counts(outcomes: Sequence[Outcome]) -> dict[str, float]:
    n = len(outcomes)
    counts: dict[str, float] = {"n": n}
    ranked = any(o.question.files for o in outcomes) and outcomes[0].question.kind != "count"
    if ranked:
        ranks = [o.rank or DEPTH + 1 for o in outcomes]
        counts |= {f"R@{level}": sum(rank <= level for rank in ranks) / n for level in LEVELS}
    counts |= {
        "right": sum(o.right for o in outcomes),
        "grounded": sum(o.status == "grounded" for o in outcomes),
        "wrong_grounded": sum(o.wrong_grounded for o in outcomes),
        "refused": sum(o.status == "refused" for o in outcomes),
    }
    if ranked:
        counts["first"] = sum(o.rank == 1 for o in outcomes)
        counts["first_right"] = sum(o.right for o in outcomes if o.rank == 1)
    return counts


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
