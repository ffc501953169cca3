"""Questions that only mean something after others: dialogues, and what they come to."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.answering.conversation import follow_up
from retrieval.answering.planning import plan_question
from retrieval.errors import QueryError
from retrieval.queries import make_query
from retrieval.queries.compiling import compile_query
from retrieval.records import Query, QuestionPlan, Turn
from retrieval.storage.vocabulary import Vocabulary

TODAY = datetime.date(2026, 11, 24)
NAMES = Vocabulary(
    places=(
        ("Berlin", "Berlin", "Germany", "DE"),
        ("Lisbon", "Lisbon", "Portugal", "PT"),
        ("Kyoto", "Kyoto", "Japan", "JP"),
        ("Cape Town", "Western Cape", "South Africa", "ZA"),
    ),
    gear=(("Canon", "Canon EOS 80D", ""), ("Apple", "iPhone XS", "")),
    trips=(),
    years=(2019, 2024),
)


def understand(box: str) -> Query:
    return compile_query(make_query(box), NAMES, TODAY, lambda name: name == "Rome")


def plan_of(question: str) -> QuestionPlan:
    return plan_question(question, NAMES, TODAY)


def after(first: str, then: str, answer: str = "It is [2].") -> QuestionPlan:
    last = Turn(1, first, answer, "grounded", plan_of(first), (31, 32, 33, 34))
    return follow_up(plan_of(then), [last], understand, plan_of)


def meaning(plan: QuestionPlan) -> tuple[str, set[tuple[str, tuple[object, ...], bool]], str]:
    """The intent, the filters, and the words of a plan."""
    query = understand(plan.box) if plan.box.strip() else Query()
    words = " ".join(p.value for p in query.parts if p.weight > 0)
    return plan.intent, {(f.field, f.values, f.negated) for f in query.filters}, words


#: First question, follow-up, and the question that it amounts to.
SAME = [
    ("How many photos did I take in Lisbon in 2019?", "and in Berlin?",
     "How many photos did I take in Berlin in 2019?"),
    ("How many photos did I take in Lisbon in 2019?", "And in 2021?",
     "How many photos did I take in Lisbon in 2021?"),
    ("How many photos did I take in Lisbon in 2019?", "and the year before?",
     "How many photos did I take in Lisbon in 2018?"),
    ("How many photos did I take in Lisbon in 2019?", "and the next year?",
     "How many photos did I take in Lisbon in 2020?"),
    ("How many photos did I take in Lisbon in 2019?", "the year after that?",
     "How many photos did I take in Lisbon in 2020?"),
    ("How many photos did I take in Lisbon in 2019?", "what about Kyoto?",
     "How many photos did I take in Kyoto in 2019?"),
    ("How many photos did I take in Lisbon in 2019?", "how about Cape Town",
     "How many photos did I take in Cape Town in 2019?"),
    ("How many photos did I take in Lisbon in 2019?", "and in Rome?",
     "How many photos did I take in Rome in 2019?"),
    ("How many photos of dogs did I take in Lisbon?", "and of cats?",
     "How many photos of cats did I take in Lisbon?"),
    ("How many photos of dogs did I take in Lisbon?", "what about cats?",
     "How many photos of cats did I take in Lisbon?"),
    ("How many photos did I take in March 2021?", "and the month before?",
     "How many photos did I take in February 2021?"),
    ("How many photos did I take in January 2021?", "and the month before?",
     "How many photos did I take in December 2020?"),
    ("How many photos did I take in Japan?", "only the ones in 2019",
     "How many photos did I take in Japan in 2019?"),
    ("How many photos did I take in 2019?", "only the ones in June",
     "How many photos did I take in June 2019?"),
    ("How many photos did I take in 2019?", "just those in Berlin",
     "How many photos did I take in Berlin in 2019?"),
    ("photos of dogs in 2021", "only the ones in Kyoto", "photos of dogs in Kyoto in 2021"),
    ("How many photos did I take in 2019?", "without Berlin",
     "How many photos did I take in 2019 without Berlin?"),
    ("How many photos did I take in 2021?", "and with the iPhone XS?",
     "How many photos did I take in 2021 with the iPhone XS?"),
    ("How many photos did I take in 2021?", "And how many photos did I take in Rome?",
     "How many photos did I take in Rome?"),
    ("When did I photograph a dog in Lisbon?", "and a cat?",
     "When did I photograph a cat in Lisbon?"),
    ("2019年我在Berlin拍了多少张照片？", "那2021年呢？", "2021年我在Berlin拍了多少张照片？"),
    ("2019年我在Berlin拍了多少张照片？", "那前一年呢？", "2018年我在Berlin拍了多少张照片？"),
    ("2019年我在Berlin拍了多少张照片？", "Lisbon呢？", "2019年我在Lisbon拍了多少张照片？"),
    ("2019年我在柏林拍了多少张照片？", "里斯本呢？", "2019年我在里斯本拍了多少张照片？"),
    ("2019年我在柏林拍了多少张照片？", "那在里斯本呢？", "2019年我在里斯本拍了多少张照片？"),
    ("2019年我在Berlin拍了多少张照片？", "下一年呢？", "2020年我在Berlin拍了多少张照片？"),
]  # fmt: skip


@pytest.mark.parametrize(("first", "then", "amounts_to"), SAME)
def test_what_a_follow_up_amounts_to(first: str, then: str, amounts_to: str) -> None:
    assert meaning(after(first, then)) == meaning(plan_of(amounts_to))


#: Follow-up about photos of the last answer (which cites [2]): intent, field, ids, box.
ABOUT = [
    ("When was that?", "when", "taken", (32,), ""),
    ("When was it taken?", "when", "taken", (32,), ""),
    ("Where was it taken?", "where", "place", (32,), ""),
    ("where is this?", "where", "place", (32,), ""),
    ("Where?", "where", "place", (32,), ""),
    ("when?", "when", "taken", (32,), ""),
    ("Which camera?", "what", "camera", (32,), ""),
    ("Which camera took it?", "what", "camera", (32,), ""),
    ("the second one: what is written on the sign?", "what", "writing", (32,), ""),
    ("The first one: where was it taken?", "where", "place", (31,), ""),
    ("What is written on the third photo?", "what", "writing", (33,), ""),
    ("when was the 4th photo taken?", "when", "taken", (34,), ""),
    ("Where was photo 3 taken?", "where", "place", (33,), ""),
    ("where was [1] taken?", "where", "place", (31,), ""),
    ("number 3", "find", "", (33,), ""),
    ("describe the first one", "describe", "", (31,), ""),
    ("the last one: when was it taken?", "when", "taken", (34,), ""),
    ("no, the other one", "find", "", (31,), ""),
    ("How many of those were in Lisbon?", "count", "", (31, 32, 33, 34), "in Lisbon"),
    ("how many of them are from 2019?", "count", "", (31, 32, 33, 34), "2019"),
    ("When were they taken?", "when", "taken", (31, 32, 33, 34), ""),
    ("第二张在哪里拍的？", "where", "place", (32,), ""),
    ("第三张是什么时候拍的？", "when", "taken", (33,), ""),
    ("什么时候拍的？", "when", "taken", (32,), ""),
    ("在哪里？", "where", "place", (32,), ""),
    ("它是在哪里拍的？", "where", "place", (32,), ""),
    ("最后一张是什么时候拍的？", "when", "taken", (34,), ""),
]  # fmt: skip


@pytest.mark.parametrize(("then", "intent", "field", "ids", "box"), ABOUT)
def test_questions_about_photos_of_the_answer(
    then: str, intent: str, field: str, ids: tuple[int, ...], box: str
) -> None:
    plan = after("Find the photo of a dog on a beach", then)
    assert (plan.intent, plan.among) == (intent, ids)
    assert field in ("", plan.field)
    assert meaning(plan)[1] == (meaning(plan_of(box))[1] if box else set())
    assert not meaning(plan)[2]


#: Questions that stand for themselves, whatever came before.
ALONE = [
    "When did I photograph a man throwing a ball to his dog, who catches it?",
    "Where was the photo of a dog that is biting its tail taken?",
    "Find the photo of the first snow of the year",
    "How many photos did I take in Berlin?",
    "Did I ever photograph a giraffe?",
    "photos of people with those big hats they wear in Mexico",
    "Which year did I take the most photos?",
    "a sunset in Kyoto",
    "the second base player in a red jersey throws the ball",
    "Where was the photo of two dogs running after the other one taken?",
    "我哪一年拍的照片最多？",
    "找一张猫的照片",
]


@pytest.mark.parametrize("then", ALONE)
def test_what_stands_for_itself_begins_anew(then: str) -> None:
    assert after("How many photos did I take in Lisbon in 2019?", then) == plan_of(then)


def test_a_number_is_that_of_the_last_list() -> None:
    found = Turn(1, "dogs", "It is [2].", "grounded", plan_of("dogs"), (31, 32, 33))
    about = Turn(2, "when?", "In May [1].", "grounded", plan_of("when?"), (32,))
    then = "the third one: when was it taken?"
    assert follow_up(plan_of(then), [found, about], understand, plan_of).among == (33,)
    assert follow_up(plan_of("where?"), [found, about], understand, plan_of).among == (32,)


def test_without_anything_before_nothing_is_a_follow_up() -> None:
    for then, *_ in ABOUT:
        assert follow_up(plan_of(then), [], understand, plan_of) == plan_of(then)


def test_a_number_that_is_not_there_points_at_nothing() -> None:
    with pytest.raises(QueryError, match="does not have"):
        after("Find the photo of a dog", "When was the ninth photo taken?")


PLACES = st.sampled_from(["Berlin", "Lisbon", "Kyoto", "Cape Town"])
YEARS = st.integers(2000, 2025)


@given(here=PLACES, there=PLACES, year=YEARS, other=YEARS)
def test_what_is_not_replaced_stays(here: str, there: str, year: int, other: int) -> None:
    first = f"How many photos did I take in {here} in {year}?"
    _, before, _ = meaning(plan_of(first))
    _, placed, _ = meaning(after(first, f"and in {there}?"))
    _, dated, _ = meaning(after(first, f"and in {other}?"))
    assert {f for f in placed if f[0] == "taken"} == {f for f in before if f[0] == "taken"}
    assert {f for f in dated if f[0] != "taken"} == {f for f in before if f[0] != "taken"}
    assert len(placed) == len(dated) == len(before) == 2


@given(st.text(max_size=80))
def test_nothing_that_is_typed_raises_more_than_alone(text: str) -> None:
    try:
        alone = plan_of(text)
    except QueryError:
        return
    last = Turn(1, "q", "It is [1].", "grounded", plan_of("dogs in Berlin in 2019"), (5, 6))
    try:
        assert follow_up(alone, [last], understand, plan_of).question == text
    except QueryError as refused:
        assert "does not" in str(refused)
