"""Questions that only mean something after others: dialogues, and what they come to."""

from __future__ import annotations

import datetime
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.answering.conversation import follow_up
from retrieval.answering.history import photos_of
from retrieval.answering.planning import plan_question
from retrieval.answering.references import likeness
from retrieval.errors import QueryError
from retrieval.queries import make_query
from retrieval.queries.compiling import compile_query
from retrieval.records import (
    Answer,
    Citation,
    Evidence,
    Query,
    QuestionPlan,
    SearchResult,
    Turn,
)
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
    ("How many photos did I take in 2019 or in Lisbon?", "and in Kyoto?",
     "How many photos did I take in Kyoto?"),
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
    # A month belongs to the year that was spoken of, as do seasons and feasts
    ("How many photos did I take in June 2021?", "and in November?",
     "How many photos did I take in November 2021?"),
    ("How many photos did I take in 2021?", "and in summer?",
     "How many photos did I take in summer 2021?"),
    ("How many photos did I take in June 2021?", "and in May 2020?",
     "How many photos did I take in May 2020?"),
    ("How many photos did I take in 2021?", "and before that?",
     "How many photos did I take before 2021?"),
    # "how many" without a noun counts on
    ("How many photos did I take in Lisbon?", "and how many with a dog?",
     "How many photos with a dog in Lisbon?"),
    ("How many photos did I take in Lisbon?", "and how many in 2019?",
     "How many photos did I take in Lisbon in 2019?"),
    ("When did I photograph a giraffe?", "how many?", "How many photos of a giraffe?"),
    ("How many photos did I take in Lisbon?", "show me", "photos in Lisbon"),
    ("Is there a photo of a cat in Lisbon?", "which ones?", "photos of a cat in Lisbon"),
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
    ("the second one: which camera?", "what", "camera", (32,), ""),
    ("the second one: camera?", "what", "camera", (32,), ""),
    ("the second one: where?", "where", "place", (32,), ""),
    ("the second one: which city?", "where", "place", (32,), ""),
    ("the last one: when?", "when", "taken", (34,), ""),
    ("the second one: what year?", "when", "taken", (32,), ""),
    ("第二张：什么时候？", "when", "taken", (32,), ""),
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


#: What is asked of photos of the answer: intent, ids, the fields of filters, the words.
ALL_FOUR = (31, 32, 33, 34)
ASKED = [
    ("is it a cat?", "yes-no", (32,), set(), "a cat"),
    ("is it in Berlin?", "yes-no", (32,), {"place"}, ""),
    ("was it taken in 1999?", "yes-no", (32,), {"taken"}, ""),
    ("is it blurry?", "yes-no", (32,), {"sharpness"}, ""),
    ("is there a dragon in it?", "yes-no", (32,), set(), "a dragon"),
    ("does it show a submarine?", "yes-no", (32,), set(), "a submarine"),
    ("does it show a man in a red shirt on a swing?", "yes-no", (32,), set(),
     "a man in a red shirt on a swing"),
    ("is the dog in it black?", "yes-no", (32,), set(), "the dog black"),
    ("can you see a boat in it?", "yes-no", (32,), set(), "a boat"),
    ("is he wearing a hat?", "yes-no", (32,), set(), "wearing a hat"),
    ("was the first one taken in Lisbon?", "yes-no", (31,), {"place"}, ""),
    ("is the last one in Berlin?", "yes-no", (34,), {"place"}, ""),
    ("how many people are in it?", "what", (32,), set(), "people"),
    ("are they blurry?", "yes-no", ALL_FOUR, {"sharpness"}, ""),
    ("were they taken with a Canon?", "yes-no", ALL_FOUR, {"camera"}, ""),
    ("were any taken with the iPhone XS?", "yes-no", ALL_FOUR, {"camera"}, ""),
    ("are all of them in Berlin?", "yes-no", ALL_FOUR, {"place"}, ""),
    ("were they all taken in Berlin?", "yes-no", ALL_FOUR, {"place"}, ""),
    ("这些照片都是在2021年拍的吗？", "yes-no", ALL_FOUR, {"taken"}, ""),
    ("how many of them show a cat?", "count", ALL_FOUR, set(), "a cat"),
    ("which of them are on a beach?", "find", ALL_FOUR, set(), "on a beach"),
    ("which ones show a cat?", "find", ALL_FOUR, set(), "a cat"),
    ("show me the ones with a cat", "find", ALL_FOUR, set(), "with a cat"),
    ("when did I take those with a cat?", "when", ALL_FOUR, set(), "with a cat"),
    ("any with a cat?", "find", ALL_FOUR, set(), "with a cat"),
    ("how many with a cat?", "count", ALL_FOUR, set(), "with a cat"),
    ("它们是猫吗？", "yes-no", ALL_FOUR, set(), "猫"),
    ("其中有多少张有猫？", "count", ALL_FOUR, set(), "猫"),
    ("这张照片里有潜水艇吗？", "yes-no", (32,), set(), "潜水艇"),
    ("第一张里有猫吗？", "yes-no", (31,), set(), "猫"),
    ("里面有几个人？", "what", (32,), set(), "人"),
]  # fmt: skip


@pytest.mark.parametrize(("then", "intent", "ids", "fields", "words"), ASKED)
def test_what_is_asked_is_searched_among_the_photos(
    then: str, intent: str, ids: tuple[int, ...], fields: set[str], words: str
) -> None:
    plan = after("Show me photos of dogs in Lisbon", then)
    assert (plan.intent, plan.among) == (intent, ids)
    assert {field for field, _, _ in meaning(plan)[1]} == fields
    assert meaning(plan)[2] == words


def test_after_several_the_best_match_is_meant() -> None:
    answer = "On 2019-08-16 [2], 2019-12-23 [3] and 2021-09-16 [1]. The best match is [1]."
    assert after("When did I photograph a giraffe?", "where was that?", answer).among == (31,)
    assert after("Find the first photo of a giraffe", "where was that?", "It is [3].").among == (
        33,
    )


def test_a_comparison_goes_on_with_one_more() -> None:
    first = "Did I take more photos in Berlin or in Lisbon?"
    plan = after(first, "and in Kyoto?")
    assert plan.intent == "compare"
    assert plan.alternatives == ("in Berlin", "in Lisbon", "in Kyoto")
    dated = after(first, "and in 2019?").alternatives
    assert dated == after(first, "only in 2019").alternatives
    assert dated == ("in Berlin in 2019", "in Lisbon in 2019")
    assert after(first, "show me").among == ALL_FOUR


def turn(question: str, answer: str, status: str, ids: tuple[int, ...], **more: object) -> Turn:
    plan = replace(plan_of(question), **more)  # type: ignore[arg-type]
    return Turn(1, question, answer, status, plan, ids)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("last", "ids"),
    [
        # A question about photos leaves them those that are meant, one that chooses does not
        (
            turn("blurry", "33 of the 57 [1].", "grounded", (7,), intent="yes-no", among=(7, 8)),
            (7, 8),
        ),
        (turn("cats", "None of them.", "refused", (9,), intent="count", among=(7, 8)), (7, 8)),
        (turn("cats", "1 photo [1].", "grounded", (7,), intent="count", among=(7, 8)), (7,)),
        # The closest photo is named, of three that are known
        (turn("cats", "None. The closest is [1].", "refused", (7, 8, 9)), (7,)),
    ],
)
def test_who_they_are(last: Turn, ids: tuple[int, ...]) -> None:
    then = "are they in Berlin?"
    assert follow_up(plan_of(then), [last], understand, plan_of).among == ids


def test_of_more_photos_than_have_numbers_all_are_asked_about() -> None:
    many = turn("photos in Lisbon", "2,000 photos [1-1000].", "grounded", tuple(range(1000)))
    plan = follow_up(plan_of("how many of them show a cat?"), [many], understand, plan_of)
    assert (plan.intent, plan.among) == ("count", ())
    assert meaning(plan)[1:] == meaning(plan_of("How many photos of a cat in Lisbon?"))[1:]


NOTHING = [
    "is it a cat?", "which camera?", "where was that?", "are they blurry?",
    "how many of them show a cat?", "When did I come back?", "and before that?",
    "这张照片里有猫吗？",
    "find more like it",
    "show me more like the second one", "and the year before?", "那前一年呢？",
]  # fmt: skip


@pytest.mark.parametrize("then", NOTHING)
def test_what_points_at_nothing_is_refused(then: str) -> None:
    last = turn("How many photos did I take in Rome?", "None.", "refused", ())
    with pytest.raises(QueryError, match=r"(does not|has no one date|similar)"):
        follow_up(plan_of(then), [last], understand, plan_of)


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
    "How many photos did I take this year?",
    "photos from this week",
    "Did they visit Kyoto?",
    "Is there a beach with a dog in it?",
    "Is there a cat in my photos?",
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


def test_a_date_by_itself_needs_none_before() -> None:
    for then in ("the day before yesterday", "the day before Christmas"):
        for first in ("dogs", "dogs in 2019"):
            assert after(first, then) == plan_of(then)


@pytest.mark.parametrize(
    ("question", "number"),
    [
        ("more like it", 1),
        ("Show me more photos like that one.", 1),
        ("find photos similar to the third", 3),
        ("more like the second photo", 2),
        ("similar to [4]", 4),
        ("others like number 5", 5),
        ("像第二张一样的照片", 2),
        ("更多类似的照片", 1),
        ("photos like a painting", None),
        ("what does it look like?", None),
    ],
)
def test_of_which_photo_others_are_wanted(question: str, number: int | None) -> None:
    assert likeness(question) == number


@pytest.mark.parametrize(
    "then", ["no, I meant cats", "sorry, I mean cats", "cats instead", "不，我是说 cats"]
)
def test_what_is_put_right(then: str) -> None:
    plan = after("How many photos of dogs did I take in Lisbon?", then)
    assert plan.intent == "count"
    assert meaning(plan)[1:] == meaning(plan_of("photos of cats in Lisbon"))[1:]


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
    with suppress(QueryError):  # it points at a photo that is not there
        assert follow_up(alone, [last], understand, plan_of).question == text


def test_what_was_only_looked_at_beside_is_not_them() -> None:
    def answer(status: str, text: str, cites: tuple[int, ...], *relevant: bool) -> Answer:
        pieces = tuple(
            Evidence(n, 30 + n, f"{n}.jpg", relevant=each) for n, each in enumerate(relevant, 1)
        )
        cited = tuple(Citation(n, f"{n}.jpg", text) for n in cites)
        found = SearchResult(Query(), "photos", (), 3, 0.0, "toy")
        return Answer("q", text, status, plan_of("q"), found, cited, evidence=pieces)  # type: ignore[arg-type]

    assert photos_of(answer("grounded", "Two [1, 2].", (1, 2), True, True, False)) == (31, 32)
    assert photos_of(answer("grounded", "Or [3].", (1, 3), True, True, False)) == (31, 32, 33)
    assert photos_of(answer("refused", "None. Closest: [1].", (1,), False, False)) == (31, 32)
