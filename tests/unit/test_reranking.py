"""A second look at the first hits: their new order, its limits, and when it is worth a look."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import ModelError, ModelReplyError, NoVisionError, PrivacyError
from retrieval.models import Message, Picture
from retrieval.records import Evidence, Facts, Hit, Part, Query, QuestionPlan, SearchResult
from retrieval.reranking import Reranking, compare_rankings, meaning, rerank, wants_reranking
from retrieval.reranking.pointwise import PointwiseJudge, messages_for

NAN = math.nan


def some(count: int, **more: object) -> list[Evidence]:
    return [
        Evidence(n=i, photo_id=100 + i, path=f"{i}.jpg", captions=(f"photo {i}",), **more)  # type: ignore[arg-type]
        for i in range(1, count + 1)
    ]


@dataclass
class Scripted:
    """A judge that says what it was told to say; each photo takes it `seconds`."""

    says: dict[int, float] = field(default_factory=dict)
    batch: int = 1
    seconds: float = 0.0
    failing_at: int = -1
    name: str = "scripted"
    now: float = 0.0
    asked: list[int] = field(default_factory=list)

    def judge(self, claim: str, evidence: Sequence[Evidence]) -> list[float] | None:
        if any(e.n == self.failing_at for e in evidence):
            raise ModelError("It fell over. Start it again.")
        self.asked += [e.n for e in evidence]
        self.now += self.seconds * len(evidence)
        return [self.says.get(e.n, 0.5) for e in evidence]

    def clock(self) -> float:
        return self.now


def order(judge: Scripted, evidence: list[Evidence], **options: float) -> Reranking:
    return rerank("a dog", evidence, judge, clock=judge.clock, **options)  # type: ignore[arg-type]


def test_the_judge_moves_what_it_is_sure_of() -> None:
    found = order(Scripted({1: 0.02, 4: 0.98}), some(5))
    assert found.before == (1, 2, 3, 4, 5)
    assert found.after == (4, 2, 3, 5, 1)
    assert [e.n for e in found.evidence] == [4, 2, 3, 5, 1]
    assert found.probabilities[4] == 0.98
    assert found.changed
    assert found.complete


def test_small_differences_leave_the_first_ranking() -> None:
    assert not order(Scripted({1: 0.5, 2: 0.55, 3: 0.6}), some(3)).changed


def test_probabilities_of_the_search_count_where_all_have_one() -> None:
    sure = [replace(e, probability=p) for e, p in zip(some(3), (0.9, 0.05, 0.05), strict=True)]
    assert not order(Scripted({2: 0.8}), sure).changed
    unsure = [replace(e, probability=0.3) for e in some(3)]
    assert order(Scripted({3: 0.6}), unsure).after == (3, 1, 2)


def test_no_more_than_twenty_are_asked_about() -> None:
    judge = Scripted({25: 1.0, 20: 1.0})
    found = order(judge, some(30), most=1000)
    assert judge.asked == list(range(1, 21))
    assert found.after[0] == 20
    assert found.after[20:] == tuple(range(21, 31))
    assert found.complete
    judge = Scripted()
    order(judge, some(5), most=-3)
    assert judge.asked == []


def test_the_time_is_kept() -> None:
    judge = Scripted({3: 0.99, 9: 0.99}, seconds=1.0)
    told: list[str] = []
    found = rerank("q", some(9), judge, seconds=5.5, clock=judge.clock, on_notice=told.append)
    assert judge.now <= 5.5
    assert judge.asked == [1, 2, 3, 4, 5]
    assert found.after == (3, 1, 2, 4, 5, 6, 7, 8, 9)
    assert not found.complete
    assert "5 of 9" in told[0]


def test_no_time_asks_nothing() -> None:
    judge = Scripted({2: 1.0})
    assert not order(judge, some(3), seconds=0.0).changed
    assert judge.asked == []


def test_a_judge_that_fails_keeps_what_it_said() -> None:
    judge = Scripted({2: 0.99, 4: 0.99}, failing_at=3)
    told: list[str] = []
    found = rerank("q", some(4), judge, on_notice=told.append)
    assert found.after == (2, 1, 3, 4)
    assert not found.complete
    assert "It fell over" in told[0]


def test_what_may_not_leave_is_not_hidden() -> None:
    class Refused(Scripted):
        def judge(self, claim: str, evidence: Sequence[Evidence]) -> list[float] | None:
            raise PrivacyError("You have not agreed to this endpoint. Agree with --consent.")

    with pytest.raises(PrivacyError):
        rerank("q", some(2), Refused())


def test_a_judge_that_cannot() -> None:
    class Cannot(Scripted):
        def judge(self, claim: str, evidence: Sequence[Evidence]) -> list[float] | None:
            return None

    told: list[str] = []
    found = rerank("q", some(3), Cannot(), on_notice=told.append)
    assert not found.changed
    assert not found.complete
    assert "cannot judge" in told[0]


PROBABILITY = st.one_of(st.floats(0, 1), st.just(NAN), st.floats(allow_nan=True))


@given(
    st.lists(PROBABILITY, max_size=30),
    st.integers(-2, 40),
    st.integers(1, 7),
    st.floats(0, 40),
    st.integers(-1, 30),
    st.lists(st.floats(0, 1), min_size=30, max_size=30) | st.none(),
)
def test_whatever_is_judged(
    says: list[float],
    most: int,
    batch: int,
    seconds: float,
    failing_at: int,
    known: list[float] | None,
) -> None:
    """A permutation of the same evidence; what was not judged stays behind, as it was."""
    evidence = some(len(says))
    if known:
        evidence = [replace(e, probability=p) for e, p in zip(evidence, known, strict=False)]
    judge = Scripted(dict(enumerate(says, 1)), batch, seconds=1.0, failing_at=failing_at)
    found = order(judge, evidence, most=most, seconds=seconds)
    assert sorted(found.after) == sorted(found.before) == list(range(1, len(says) + 1))
    assert [e.n for e in found.evidence] == list(found.after)
    assert sorted(found.after[: len(judge.asked)]) == judge.asked
    assert found.after[len(judge.asked) :] == found.before[len(judge.asked) :]
    assert len(judge.asked) <= 20
    assert all(0 <= p <= 1 for p in found.probabilities.values())


@given(st.floats(0, 1), st.integers(0, 25), st.lists(st.floats(0, 1), min_size=25, max_size=25))
def test_equal_judgements_change_nothing(same: float, count: int, known: list[float]) -> None:
    evidence = some(count)
    judge = Scripted({e.n: same for e in evidence})
    assert not order(judge, evidence).changed
    probable = [replace(e, probability=p) for e, p in zip(evidence, known, strict=False)]
    assert not order(judge, probable).changed


@given(st.integers(2, 20), st.integers(1, 20), st.floats(0.5, 1))
def test_a_better_judgement_never_moves_a_photo_down(count: int, which: int, says: float) -> None:
    evidence, which = some(count), min(which, count)
    assert order(Scripted({which: says}), evidence).after.index(which) <= which - 1


# --- when it is worth a look ------------------------------------------------------------------


def result(text: str, *relevance: float, weight: float = 1.0, extra: str = "") -> SearchResult:
    parts = [Part("text", text, weight)] if text else []
    parts += [Part("text", extra, -1.0)] if extra else []
    hits = tuple(
        Hit(rank=i, kind="photo", id=i, score=0.3, path=f"{i}.jpg", relevance=r)
        for i, r in enumerate(relevance or (0.9, 0.3), 1)
    )
    return SearchResult(Query(tuple(parts)), "photos", hits, 10, 1.0, "toy")


def plan(box: str, intent: str = "find") -> QuestionPlan:
    return QuestionPlan(box, intent, box)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a street without cars", "negates"),
        ("没有人的海滩", "negates"),
        ("a cat that isn't black", "negates"),
        ("two dogs", "counts"),
        ("3 people", "counts"),
        ("两只猫", "counts"),
        ("a cat on top of a car", "relates"),
        ("a dog to the left of a bench", "relates"),
        ("桌子上面的猫", "relates"),
        ("man holding a fish", "relates"),
        ("a red car and a blue bike", "combines"),
        ("猫和狗", "combines"),
        ("old wooden fishing boat near small harbour during evening storm", "many things"),
    ],
)
def test_hard_queries(text: str, why: str) -> None:
    assert why in wants_reranking(plan(text), result(text))


@pytest.mark.parametrize("text", ["beach", "a dog", "red car", "northern lights", "沙滩", "notes"])
def test_plain_queries(text: str) -> None:
    assert wants_reranking(plan(text), result(text)) == ""
    assert "close" in wants_reranking(plan(text), result(text, 0.61, 0.6))


def test_where_it_would_not_help() -> None:
    hard = "two dogs"
    assert wants_reranking(plan(hard, "count"), result(hard)) == ""
    assert wants_reranking(plan(hard), result(hard, 0.9)) == ""  # a single hit
    assert wants_reranking(plan(hard), replace(result(hard), hits=())) == ""
    exact = replace(result(""), query=Query((), filters=()), hits=())
    assert wants_reranking(plan("2021"), exact) == ""
    assert "away" in wants_reranking(plan("beach"), result("beach", extra="people"))


@given(st.text(max_size=200), st.sampled_from(["", "a", " ", "no", "n't", ",", "两", "和", "\0"]))
def test_any_words_are_read_at_once(text: str, repeated: str) -> None:
    long = text + repeated * 20_000
    assert isinstance(wants_reranking(plan(long), result(long)), str)
    message = messages_for(long, some(1)[0], None)[-1]
    assert len(message.text) < 10_000


def test_the_words_that_are_judged_leave_out_filters() -> None:
    assert meaning(plan("two dogs 2021"), result("two dogs", extra="cat")) == "two dogs"


# --- a language model as a judge -----------------------------------------------------------------


@dataclass
class Answering:
    """A model that says `share` of everything it is asked, and remembers it."""

    share: float | None = 0.7
    sees: bool = False
    name: str = "answering"
    context: int = 0
    blind_after_all: bool = False
    chats: list[Sequence[Message]] = field(default_factory=list)

    def complete(self, *_: object, **__: object) -> object:
        raise AssertionError("only yes or no is asked for")

    def yes(self, messages: Sequence[Message], *, purpose: str) -> float | None:
        assert purpose == "rerank"
        self.chats.append(messages)
        if self.blind_after_all and any(m.pictures for m in messages):
            raise NoVisionError("It takes no pictures. Use another.")
        return self.share


def picture_of(piece: Evidence) -> Picture | None:
    return None if piece.n == 2 else Picture(piece.path, b"jpeg")


def judged(model: Answering, pieces: Sequence[Evidence], see: bool = True) -> list[float] | None:
    return PointwiseJudge(model, picture_of if see else None).judge("a dog", pieces)  # type: ignore[arg-type]


def test_a_model_that_sees_gets_one_picture_a_time() -> None:
    model = Answering(sees=True)
    assert judged(model, some(3)) == [0.7, 0.7, 0.7]
    assert [[p.path for m in chat for p in m.pictures] for chat in model.chats] == [
        ["1.jpg"],
        [],
        ["3.jpg"],
    ]


def test_a_model_that_does_not_see_gets_none() -> None:
    model = Answering(sees=False)
    judged(model, some(2))
    assert not any(m.pictures for chat in model.chats for m in chat)
    assert "photo 1" in model.chats[0][-1].text


def test_of_a_photo_without_texts_nothing_can_be_told() -> None:
    model = Answering()
    bare = Evidence(1, 1, "a.jpg", facts=Facts(taken_at="2021-04-03"))
    found = judged(model, [bare, *some(1)])
    assert found is not None
    assert math.isnan(found[0])
    assert found[1] == 0.7
    assert len(model.chats) == 1


def test_what_is_concealed_is_not_sent() -> None:
    def conceal(claim: str, piece: Evidence) -> tuple[str, Evidence]:
        hidden = tuple(text.replace("Anna", "[name 1]") for text in piece.captions)
        return claim.replace("Anna", "[name 1]"), replace(piece, captions=hidden, path="[file 1]")

    model = Answering(sees=True)
    piece = Evidence(1, 1, "Anna/1.jpg", captions=("Anna swims.",))
    judge = PointwiseJudge(model, picture_of, conceal)  # type: ignore[arg-type]
    assert judge.judge("Anna in the sea", [piece]) == [0.7]
    told = " ".join(message.text for message in model.chats[0])
    assert "Anna" not in told
    assert told.count("[name 1]") == 2
    assert model.chats[0][-1].pictures[0].path == "Anna/1.jpg"  # for the ledger, which stays here


def test_a_model_without_probabilities_cannot_judge() -> None:
    assert judged(Answering(share=None), some(3)) is None


def test_an_endpoint_that_refuses_pictures_gets_texts() -> None:
    model = Answering(sees=True, blind_after_all=True)
    assert judged(model, some(1)) == [0.7]
    with pytest.raises(NoVisionError):
        judged(model, [Evidence(1, 1, "a.jpg")])


@given(st.text(max_size=60), st.text(max_size=60))
def test_texts_of_photos_stay_data(caption: str, writing: str) -> None:
    """What stands in a photo is one line of JSON that reads back as it was, and nothing else."""
    piece = Evidence(1, 1, "a.jpg", captions=(caption,), writing=writing)
    text = messages_for("a dog", piece, None)[-1].text
    lines = text.split("\n")
    assert len(lines) == 3
    data = json.loads(lines[1].partition("as data: ")[2])
    assert data["captions"] == [caption]
    assert data.get("writing in it", "") == writing


def test_errors_of_a_model_are_a_judge_s() -> None:
    class Failing(Answering):
        def yes(self, messages: Sequence[Message], *, purpose: str) -> float | None:
            raise ModelReplyError("It answered nothing. Ask again.")

    told: list[str] = []
    judge = PointwiseJudge(Failing())  # type: ignore[arg-type]
    assert not rerank("q", some(2), judge, on_notice=told.append).changed
    assert "answered nothing" in told[0]


# --- what it brings ---------------------------------------------------------------------------


def test_before_and_after() -> None:
    before = [["a", "b", "c"], ["b", "a"], ["x", "y"], ["q"]]
    after = [["b", "a", "c"], ["b", "a"], ["y", "x"], ["q"]]
    found = compare_rankings(before, after, [{"b"}, {"b"}, {"x"}, {"absent"}])
    assert found["n"] == 4
    assert found["before"] == {"R@1": 0.5, "R@5": 0.75, "R@10": 0.75, "MRR": 0.625}
    assert found["after"] == {"R@1": 0.5, "R@5": 0.75, "R@10": 0.75, "MRR": 0.625}
    assert (found["better"], found["worse"], found["p"]) == (1, 1, 1.0)
    assert found["gain"] == {"R@1": 0.0, "R@5": 0.0, "R@10": 0.0, "MRR": 0.0}


def test_the_sign_test() -> None:
    rankings: Callable[[str], list[list[str]]] = lambda s: [list(s)] * 10  # noqa: E731
    found = compare_rankings(rankings("ab"), rankings("ba"), [{"b"}] * 10)
    assert found["p"] == pytest.approx(2 / 2**10)
    assert compare_rankings([], [], [])["n"] == 0
    with pytest.raises(ValueError, match="zip"):
        compare_rankings([["a"]], [], [])
