"""Whether an answer is right: its photos and its words, against those of the question.

- find: the rank of the first right photo.
- when: the first day that the answer names is the right one ("2023-02-15", or the same in words);
  where: likewise the city; count: its first number; any other kind: it holds the words of the
  right answer.
- absent: there is no such photo; right is to refuse.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from math import inf
from typing import TYPE_CHECKING

from retrieval.evaluation.outcomes import ABSENT, DEPTH, Outcome, Question
from retrieval.places.spots import folded

if TYPE_CHECKING:
    from retrieval.records import Answer

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)


def grade(question: Question, answer: Answer, folders: Sequence[str]) -> Outcome:
    """Compare one answer with what is right; `folders` are those that file names start from."""
    right_files = {placed(folder, file) for folder in folders for file in question.files}
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
    name = _MONTHS[month - 1]
    words = [f"{number} {name} {year}", f"{name} {number}, {year}", f"{year}年{month}月{number}日"]
    return [answer, *words]


def placed(folder: str, file: str) -> str:
    return os.path.normpath(os.path.join(folder, file))
