"""Conversations in a collection: kept, read back, and gone without a trace."""

from __future__ import annotations

import multiprocessing as mp
from pathlib import Path
from typing import Any

import pytest

from retrieval import Collection, index_folder
from retrieval.answering.history import (
    READ_MEANWHILE,
    Conversation,
    conversations,
    forget_conversations,
    new_name,
)
from retrieval.errors import LockedError, UsageError
from retrieval.maintenance.forgetting import forget
from retrieval.records import Answer, Evidence, Query, QuestionPlan, SearchResult
from retrieval.storage.catalog import Catalog
from tests.conftest import LONGEST_S
from tests.pictures import picture

SECRET = "what did the zeppelin carry"


@pytest.fixture
def holding(collection: Collection, tmp_path: Path) -> Collection:
    for colour in ("red", "green", "blue"):
        picture(tmp_path / f"photos/{colour}.png", colour, (30, 20))
    index_folder(collection, [tmp_path / "photos"])
    return collection


def answered(collection: Collection, question: str, *names: str) -> Answer:
    """An answer that stands on the photos of these names."""
    paths = {Path(row[1]).stem: row for row in collection.reader.fetch(
        "SELECT photo_id, path FROM files WHERE photo_id IS NOT NULL")}  # fmt: skip
    evidence = tuple(Evidence(n, paths[name][0], paths[name][1]) for n, name in enumerate(names, 1))
    plan = QuestionPlan(question, "when", "a zeppelin", field="taken", among=(1, 2))
    result = SearchResult(Query(), "photos", (), 3, 1.0, "toy")
    return Answer(question, f"{question}! [1]", "grounded", plan, result, evidence=evidence)


def bytes_of(collection: Collection) -> bytes:
    """All that stands in the catalog and its log."""
    return b"".join(p.read_bytes() for p in collection.path.glob("catalog.db*") if p.is_file())


def test_a_conversation_is_read_back(holding: Collection) -> None:
    talk = Conversation(holding, "tuesday")
    first = talk.add(answered(holding, "first", "red", "blue"))
    talk.add(answered(holding, "second", "green"))
    again = Conversation(holding, " tuesday ")
    assert again.turns == talk.turns
    assert again.turns[0] == first
    assert [turn.number for turn in again.turns] == [1, 2]
    assert again.turns[0].plan.among == (1, 2)
    assert [(name, count) for name, _, count in conversations(holding)] == [("tuesday", 2)]
    assert new_name(holding) != "tuesday"


def test_only_the_newest_turns_are_remembered(holding: Collection) -> None:
    talk = Conversation(holding, "long")
    for number in range(25):
        talk.add(answered(holding, f"question {number}", "red"))
    again = Conversation(holding, "long")
    assert again.turns == talk.turns
    assert [turn.number for turn in again.turns] == list(range(6, 26))


def test_forgetting_leaves_no_trace(holding: Collection) -> None:
    talk, other = Conversation(holding, "one"), Conversation(holding, "two")
    talk.add(answered(holding, SECRET, "red"))
    other.add(answered(holding, "keep this question", "red"))
    assert SECRET.encode() in bytes_of(holding)
    assert talk.forget() == 1
    assert talk.turns == []
    assert SECRET.encode() not in bytes_of(holding)
    assert [name for name, *_ in conversations(holding)] == ["two"]
    assert forget_conversations(holding) == 1
    assert b"keep this question" not in bytes_of(holding)
    assert forget_conversations(holding, "never") == 0


def test_a_reader_in_the_way_is_told_of(
    holding: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing more to forget the second time, and yet what was hindered is finished."""
    said: list[str] = []
    holding.on_notice = said.append
    Conversation(holding, "one").add(answered(holding, SECRET, "red"))
    outcomes = [False, True]
    monkeypatch.setattr(Catalog, "vacuum", lambda _: outcomes.pop(0))
    assert forget_conversations(holding) == 1
    assert said == [READ_MEANWHILE]
    assert forget_conversations(holding) == 0
    assert said == [READ_MEANWHILE]
    assert not outcomes


def test_a_forgotten_photo_takes_its_turns_along(holding: Collection, tmp_path: Path) -> None:
    talk = Conversation(holding, "one")
    talk.add(answered(holding, SECRET, "green", "red"))
    talk.add(answered(holding, "about another", "blue"))
    forget(holding, tmp_path / "photos/red.png", without_trace=True)
    assert SECRET.encode() not in bytes_of(holding)
    assert [turn.question for turn in Conversation(holding, "one").turns] == ["about another"]
    assert holding.reader.fetch("SELECT count(*) FROM turn_photos") == [(1,)]


@pytest.mark.parametrize("name", ["", "   ", "x" * 101, "line\nbreak", "\x1b[31m"])
def test_names_that_cannot_be_used(holding: Collection, name: str) -> None:
    with pytest.raises(UsageError, match="cannot name a conversation"):
        Conversation(holding, name)


def test_a_plan_of_another_program_is_a_search(holding: Collection) -> None:
    talk = Conversation(holding, "one")
    talk.add(answered(holding, "first", "red"))
    with holding.writing(), holding.catalog.writing() as connection:
        from sqlalchemy import text

        connection.execute(text("UPDATE turns SET plan = '[1, {'"))
    assert Conversation(holding, "one").turns[0].plan == QuestionPlan("first", "find", "first")


def _hold(path: str, held: Any, done: Any) -> None:
    from filelock import FileLock

    with FileLock(Path(path) / "lock"):
        held.set()
        done.wait(LONGEST_S)


def test_while_another_process_writes_it_goes_on_unkept(holding: Collection) -> None:
    context = mp.get_context("spawn")
    held, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(str(holding.path), held, done))
    other.start()
    try:
        assert held.wait(LONGEST_S)
        talk = Conversation(holding, "one")
        holding.patience = 0.1
        with pytest.raises(LockedError):
            talk.add(answered(holding, "first", "red"))
        assert [turn.question for turn in talk.turns] == ["first"]
    finally:
        done.set()
        other.join(LONGEST_S)
    assert conversations(holding) == []
