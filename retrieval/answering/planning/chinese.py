"""Questions in Chinese."""

from __future__ import annotations

import datetime

from retrieval.records import QuestionPlan
from retrieval.storage.vocabulary import Vocabulary


def plan(text: str, bare: str, vocabulary: Vocabulary, today: datetime.date) -> QuestionPlan | None:
    return None
