"""Conversations that are kept in a collection."""

from __future__ import annotations

import datetime
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from retrieval.errors import UsageError
from retrieval.records import QuestionPlan, Turn
from retrieval.storage.turns import listed, photos_of_turn, read_turns

if TYPE_CHECKING:
    from retrieval.collection import Collection
    from retrieval.records import Answer

REMEMBERED = 20  # turns of a conversation that are read
MOST_NAME = 100  # characters
READ_MEANWHILE = (
    "another program was reading: what was forgotten may still stand in the catalog's log. "
    "Forget once more when that program has ended, to be sure"
)


class Conversation:
    """Questions and answers under a name; turns are kept as long as the collection allows."""

    def __init__(self, collection: Collection, name: str) -> None:
        """Go on with the conversation of this name, or begin it with the first turn.

        Raises UsageError for a name that cannot be used.
        """
        self.collection = collection
        self.name = name.strip()
        if not 0 < len(self.name) <= MOST_NAME or not self.name.isprintable():
            raise UsageError(
                f"{name!r:.120} cannot name a conversation. Choose up to {MOST_NAME} characters."
            )
        rows = read_turns(collection.reader, self.name, REMEMBERED)
        self.turns = [_turn(collection, row) for row in rows]

    def add(self, answer: Answer) -> Turn:
        """Remember an answer, in the collection as well.

        Raises LockedError, StorageError where it cannot be kept; it is remembered meanwhile.
        """
        photos = photos_of(answer)
        number = self.turns[-1].number + 1 if self.turns else 1
        turn = Turn(
            number, answer.question, answer.text, answer.status, answer.plan, photos, _now()
        )
        self.turns = [*self.turns, turn][-REMEMBERED:]
        self._keep(turn)
        return turn

    def _keep(self, turn: Turn) -> None:
        from retrieval.storage.kept import CONVERSATIONS, keep
        from retrieval.storage.turns import add_turn

        values = {
            "question": turn.question,
            "answer": turn.answer,
            "status": turn.status,
            "plan": json.dumps(asdict(turn.plan)),
            "at": turn.at,
        }
        collection = self.collection
        with collection.writing():
            with collection.catalog.writing() as connection:
                add_turn(connection, self.name, values, turn.photos)
            keep(collection.path, collection.catalog, CONVERSATIONS)

    def forget(self) -> int:
        """Forget the conversation for good; how many turns were kept. LockedError, StorageError."""
        self.turns = []
        return forget_conversations(self.collection, self.name)


def photos_of(answer: Answer) -> tuple[int, ...]:
    """The ids of the photos of an answer, in the order of their numbers.

    What was only looked at beside them, at the end, and is not cited, is left out: the next
    question may be about all of "them".
    """
    cited = {citation.n for citation in answer.citations}
    meant = [p.n for p in answer.evidence if p.relevant or p.n in cited]
    last = max(meant, default=0) if any(p.relevant for p in answer.evidence) else 0
    return tuple(p.photo_id for p in answer.evidence if not last or p.n <= last)


def conversations(collection: Collection) -> list[tuple[str, str, int]]:
    """Name, beginning and number of turns of each conversation, the newest first."""
    return listed(collection.reader)


def new_name(collection: Collection) -> str:
    """A name that no conversation has: the time, "2026-11-24 10:00:05"."""
    taken = {name for name, _, _ in conversations(collection)}
    name = base = f"{datetime.datetime.now():%Y-%m-%d %H:%M:%S}"
    number = 1
    while name in taken:
        number += 1
        name = f"{base} ({number})"
    return name


def forget_conversations(collection: Collection, name: str | None = None) -> int:
    """Forget a conversation, or all, so that nothing of it stays in the collection's files.

    Copies of the catalog that may hold it, of before an upgrade or a repair, go as well. Where a
    reader kept the catalog's log from being emptied, a notice says so, and the next call finishes
    it. Raises LockedError, StorageError.
    """
    from retrieval.storage.kept import CONVERSATIONS, keep, wipe
    from retrieval.storage.leftovers import finish_forgetting, remove_copies
    from retrieval.storage.turns import remove_conversations

    with collection.writing():
        remove_copies(collection.path)
        wipe(collection.path, CONVERSATIONS)
        with collection.catalog.writing() as connection:
            count = remove_conversations(connection, name)
        # Also where nothing is left to forget: what a reader hindered before is finished.
        if not finish_forgetting(collection.path, collection.catalog):
            collection.on_notice(READ_MEANWHILE)
        keep(collection.path, collection.catalog, CONVERSATIONS)
    return count


def _turn(collection: Collection, row: Any) -> Turn:
    number, question, answer, status, plan, at = row[1:]
    photos = photos_of_turn(collection.reader, row[0])
    return Turn(number, question, answer, status, _plan(question, plan), photos, at)


def _plan(question: str, stored: str) -> QuestionPlan:
    """The plan as it was kept; one that this program cannot read is a search for the question."""
    try:
        values: dict[str, Any] = json.loads(stored)
        lists = {name: tuple(v) for name, v in values.items() if isinstance(v, list)}
        return QuestionPlan(**(values | lists))
    except (TypeError, ValueError, AttributeError):
        return QuestionPlan(question, "find", question)


def _now() -> str:
    return f"{datetime.datetime.now(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}"
