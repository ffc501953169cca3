"""Measure retrieval, and the answers to questions, on what somebody knows the truth about.

`folders` measures an encoder on captioned photos, `questions` what `ask` answers over a collection.
"""

from __future__ import annotations

from retrieval.evaluation.folders import (
    RECALL_AT,
    Evaluation,
    Metrics,
    Ranks,
    compare,
    evaluate_folder,
    first_right_ranks,
    rank_folder,
    read_captions,
    summarize,
)
from retrieval.evaluation.outcomes import Outcome, Question, QuestionReport
from retrieval.evaluation.questions import evaluate_questions, read_questions

__all__ = [
    "RECALL_AT",
    "Evaluation",
    "Metrics",
    "Outcome",
    "Question",
    "QuestionReport",
    "Ranks",
    "compare",
    "evaluate_folder",
    "evaluate_questions",
    "first_right_ranks",
    "rank_folder",
    "read_captions",
    "read_questions",
    "summarize",
]
