"""Measure the answers to questions whose right answers are known.

A file of questions is a JSON list of {"kind", "question", "files", "answer"}, where `files` are
the right photos, relative to the folder that was indexed; `grading` says what is right for each
kind.

An answer is *wrong and grounded* if it is given as grounded and not right: for find, if no right
photo is cited. Answers are counted by kind (`n` in all); R@k, precision and recall lie in [0, 1].
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from retrieval.errors import QueryError, UsageError
from retrieval.evaluation.grading import grade, placed
from retrieval.evaluation.outcomes import ABSENT, Outcome, Question, QuestionReport
from retrieval.records import (
    NoticeCallback,
    Progress,
    ProgressCallback,
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

MOST_BYTES = 64 << 20  # of a file of questions


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
            outcome = grade(question, answer, folders)
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


# --- files ----------------------------------------------------------------------------------


def _folders(collection: Collection, root: str | Path | None) -> list[str]:
    if root is not None:
        return [os.path.abspath(os.path.expanduser(root))]
    roots = [os.path.abspath(place) for place in read_roots(collection.path)]
    return [place for place in roots if os.path.isdir(place)] or roots


def _check_files(
    collection: Collection, questions: Iterable[Question], folders: Sequence[str]
) -> None:
    """Raise UsageError if no file of the questions is in the collection."""
    wanted = {placed(f, file) for q in questions for file in q.files for f in folders}
    if wanted and all(photo_at(collection.reader, path) is None for path in wanted):
        below = " or ".join(folders) or "a folder"
        raise UsageError(
            f"The collection has none of the files that the questions name below {below}. Say with "
            "--root what folder their names start from."
        )
