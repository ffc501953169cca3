"""Which answers count as right, and which files of questions are taken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from retrieval.errors import UsageError
from retrieval.evaluation import Question, QuestionReport, read_questions
from retrieval.evaluation.grading import grade
from retrieval.records import Answer, Citation, Hit, Query, QuestionPlan, SearchResult, Status

PATHS = ("/album/a.jpg", "/album/b.jpg", "/album/c.jpg")
ALBUM = ["/album"]


def answer(text: str, status: Status = "grounded", cited: tuple[int, ...] = (1,)) -> Answer:
    hits = tuple(
        Hit(rank=n, kind="photo", id=n, score=0.5, path=path) for n, path in enumerate(PATHS, 1)
    )
    return Answer(
        question="?",
        text=text,
        status=status,
        plan=QuestionPlan("?", "find", "?"),
        result=SearchResult(Query(), "photos", hits, 3, 1.0, "toy"),
        citations=tuple(Citation(n, PATHS[n - 1], text) for n in cited),
    )


WHEN = Question("when", "When?", ("b.jpg",), "2023-02-05")


@pytest.mark.parametrize(
    "text",
    ["On 2023-02-05.", "On 5 February 2023.", "It was February 5, 2023.", "拍摄于2023年2月5日。"],
)
def test_a_day_may_be_written_in_several_ways(text: str) -> None:
    assert grade(WHEN, answer(text), ALBUM).right


@pytest.mark.parametrize("text", ["On 2023-02-15.", "On 15 February 2023.", "In 2023."])
def test_another_day_is_wrong_and_worse_if_it_is_said_to_be_sure(text: str) -> None:
    said = grade(WHEN, answer(text), ALBUM)
    assert (said.right, said.wrong_grounded, said.rank) == (False, True, 2)
    unsure = grade(WHEN, answer(text, "partly-grounded"), ALBUM)
    assert (unsure.right, unsure.wrong_grounded) == (False, False)


def test_a_place_may_be_written_with_its_accents_and_is_a_whole_word() -> None:
    where = Question("where", "Where?", ("a.jpg",), "Reykjavik")
    assert grade(where, answer("In Reykjavík, Iceland [1]."), ALBUM).right
    york = Question("where", "Where?", ("a.jpg",), "York")
    assert not grade(york, answer("In Yorktown [1]."), ALBUM).right


def test_the_first_number_counts() -> None:
    count = Question("count", "How many?", ("a.jpg",), "1204")
    assert grade(count, answer("1,204 photos of 2023 [1]."), ALBUM).right
    assert grade(count, answer("1204 photos [1]."), ALBUM).right
    assert not grade(count, answer("In 2023 there were 1204 [1]."), ALBUM).right
    none = Question("count", "How many?", (), "0")
    assert grade(none, answer("No photo was taken there.", "refused", ()), ALBUM).right


def test_what_is_not_there_must_be_refused() -> None:
    absent = Question("absent", "Where?")
    assert grade(absent, answer("No photo matches.", "refused"), ALBUM).right
    assert grade(absent, answer("In Oslo [1]."), ALBUM).wrong_grounded
    guess = grade(absent, answer("Perhaps in Oslo [1].", "partly-grounded"), ALBUM)
    assert (guess.right, guess.wrong_grounded) == (False, False)


def test_a_photo_is_found_if_it_is_cited() -> None:
    find = Question("find", "Find it.", ("b.jpg",))
    assert not grade(find, answer("It is [1]."), ALBUM).right
    both = grade(find, answer("It is [1] or [2].", cited=(1, 2)), ALBUM)
    assert (both.right, both.rank, both.precision, both.recall) == (True, 2, 0.5, 1.0)


def test_the_photo_that_a_refusal_names_is_no_claim() -> None:
    refused = grade(WHEN, answer("No photo matches. The closest is [1].", "refused"), ALBUM)
    assert (refused.precision, refused.recall) == (None, 0.0)


def test_a_report_counts_by_kind() -> None:
    outcomes = (
        grade(WHEN, answer("On 2023-02-05 [2].", cited=(2,)), ALBUM),
        grade(WHEN, answer("On 2023-02-06 [1]."), ALBUM),
        grade(Question("absent", "?"), answer("None.", "refused", ()), ALBUM),
    )
    report = QuestionReport(outcomes)
    assert report.kinds["when"] == {
        "n": 2,
        "R@1": 0.0,
        "R@5": 1.0,
        "R@10": 1.0,
        "right": 1,
        "grounded": 2,
        "wrong_grounded": 1,
        "refused": 0,
        "first": 0,
        "first_right": 0,
    }
    assert report.kinds["absent"] == {
        "n": 1,
        "right": 1,
        "grounded": 0,
        "wrong_grounded": 0,
        "refused": 1,
    }
    assert report.citations == {"precision": 0.5, "recall": 0.5}
    assert report.wrong_grounded == pytest.approx(1 / 3)
    assert set(report.latency_ms) == {
        *("first_hits_p50", "first_hits_p95", "answer_p50", "answer_p95")
    }


class TestFile:
    def test_is_a_list_of_questions(self, tmp_path: Path) -> None:
        entries = [
            {"kind": "count", "question": "How many?", "files": ["a.jpg"], "answer": 3},
            {"kind": "absent", "question": "Where?", "files": [], "answer": None},
        ]
        (tmp_path / "q.json").write_text(json.dumps(entries))
        assert read_questions(tmp_path / "q.json") == [
            Question("count", "How many?", ("a.jpg",), "3"),
            Question("absent", "Where?"),
        ]

    @pytest.mark.parametrize(
        "text",
        [
            *("", "{", "[]", "{}", "3", '["a"]', '[{"kind": "find"}]', "[" * 100_000),
            *('[{"kind": 3, "question": "?"}]', '[{"kind": "find", "question": " "}]'),
            '[{"kind": "find", "question": "?", "files": [1]}]',
            '[{"kind": "find", "question": "?", "answer": []}]',
        ],
    )
    def test_that_is_none_is_refused_in_a_sentence(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "q.json").write_text(text)
        with pytest.raises(UsageError, match=r"q\.json"):
            read_questions(tmp_path / "q.json")

    def test_that_is_not_there_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(UsageError, match="cannot be read"):
            read_questions(tmp_path / "none.json")

    def test_of_other_bytes_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "q.json").write_bytes(b"\xff\xfe\x00")
        with pytest.raises(UsageError, match="no JSON"):
            read_questions(tmp_path / "q.json")
