"""How answers are put together and written."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.answering.writing import with_marker, written
from retrieval.cli.answers import (
    Reader,
    answer_record,
    first_cited,
    shortened,
    status_line,
    why_lines,
)
from retrieval.cli.output import to_json
from retrieval.records import (
    Answer,
    Brief,
    Citation,
    Claim,
    Evidence,
    Facts,
    Hit,
    Query,
    QuestionPlan,
    SearchResult,
    Struck,
    Total,
)

PLAN = QuestionPlan("When did I see a dog?", "when", "a dog")
EVIDENCE = (
    Evidence(1, 11, "/a/one.jpg", Facts(taken_at="2021-04-03")),
    Evidence(2, 12, "/a/two.jpg"),
)


class Checked:
    """What the checker leaves."""

    def __init__(self, *claims: Claim, status: str = "grounded", struck: tuple = ()) -> None:
        self.claims, self.status, self.struck = claims, status, struck


def answer(*claims: Claim, **more: object) -> Answer:
    hits = (Hit(1, "photo", 11, 0.5, "/a/one.jpg", relevant=True, relevance=0.9),)
    result = SearchResult(Query(), "photos", hits, 500, 3.0, "mini", "exact", 500, 1)
    brief = Brief(PLAN, EVIDENCE, (Total("", 1, (1,)),), 500, 500, 1)
    return written(
        PLAN.question, brief, Checked(*claims, **more), result, "extractive", {"plan": 0.001}
    )


@pytest.mark.parametrize(
    ("text", "cites", "shown"),
    [
        ("On 2021-04-03.", (1,), "On 2021-04-03 [1]."),
        ("On 2021-04-03 [1].", (1,), "On 2021-04-03 [1]."),
        ("On 2021-04-03 [1].", (1, 2), "On 2021-04-03 [1] [2]."),
        ("在北京拍的。", (1, 2, 3), "在北京拍的 [1-3]。"),
        ("no mark at the end", (2,), "no mark at the end [2]"),
        ("I do not know.", (), "I do not know."),
        ("", (1,), "[1]"),
    ],
)
def test_a_claim_carries_its_citations(text: str, cites: tuple[int, ...], shown: str) -> None:
    assert with_marker(Claim(text, cites)) == shown


def test_an_answer_names_the_photos_of_its_claims() -> None:
    made = answer(Claim("On 2021-04-03.", (1,)), Claim("And again.", (2, 9)))
    assert made.text == "On 2021-04-03 [1]. And again [2, 9]."
    assert [(c.n, c.path, c.photo_id) for c in made.citations] == [
        (1, "/a/one.jpg", 11),
        (2, "/a/two.jpg", 12),
    ]
    assert made.considered == 500


def test_the_json_has_what_programs_expect() -> None:
    made = answer(Claim("On 2021-04-03.", (1,)), struck=(Struck("x", "why"),))
    record = json.loads(to_json(answer_record(made)))
    assert {"question", "answer", "status", "citations", "hits", "considered", "plan"} <= set(
        record
    )
    assert record["citations"] == [{"n": 1, "path": "/a/one.jpg", "claim": "On 2021-04-03."}]
    assert record["status"] == "grounded"
    assert record["plan"]["intent"] == "when"
    assert record["hits"][0]["path"] == "/a/one.jpg"
    assert record["struck"] == [{"claim": "x", "reason": "why"}]
    assert "500 photos considered, 1 match" in status_line(made)
    assert "intent: when, by rules" in why_lines(made)


def test_people_see_what_is_left_after_checking(capsys: pytest.CaptureFixture[str]) -> None:
    reader = Reader()
    reader.streams = True
    made = answer(Claim("On 2021-04-03.", (1,)))
    reader.show_text("On 2021-")
    reader.show_text("04-03 [1].")
    reader.show_answer(made)
    shown = capsys.readouterr().out
    assert shown.count("2021-04-03") == 1  # what was streamed is not said again
    assert "[1] /a/one.jpg" in shown
    reader = Reader()
    reader.streams = True
    reader.show_text("In 1999 \x1b[31m[1].")
    reader.show_answer(made)
    shown = capsys.readouterr().out
    assert "Checked: On 2021-04-03 [1]." in shown
    assert "\x1b" not in shown


LONG = "In Oslo [1, 3, 5, 7, 9, 11-14, 16, 18]; and in Kyoto [2, 4]."
SHORT = "In Oslo [1, 3, 5, 7, 9, 11-14, …]; and in Kyoto [2, 4]."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (LONG, SHORT),
        ("no citation, [2023-02-15], [a, b, c, d, e, f, g, h]",) * 2,
        ("在北京【1，3，5，7，9，11，13】。", "在北京【1,3,5,7,9,11, …】。"),
        ("", ""),
    ],
)
def test_long_citations_are_shortened_for_people(text: str, shown: str) -> None:
    assert shortened(text) == shown
    assert shortened(shown) == shown


@given(cuts=st.lists(st.integers(0, len(LONG)), max_size=8))
def test_however_it_streams(cuts: list[int]) -> None:
    reader, written = Reader(), io.StringIO()
    reader.streams = True
    places = [0, *sorted(cuts), len(LONG)]
    with contextlib.redirect_stdout(written), contextlib.redirect_stderr(io.StringIO()):
        for start, end in pairwise(places):
            reader.show_text(LONG[start:end])
        reader.show_text(" [1")  # a citation that never ends is shown at the end
        reader.show_answer(answer(Claim("On 2021-04-03.", (1,))))
    assert written.getvalue().startswith(f"{SHORT} [1\n")


def test_photos_of_every_citation_are_listed() -> None:
    claims = Claim("In Oslo.", tuple(range(1, 60))), Claim("In Kyoto.", (60, 61))
    made = answer(*claims)
    cited = replace(
        made,
        text="In Oslo [1-59] and in Kyoto [60, 61].",
        citations=tuple(Citation(n, f"/a/{n}.jpg", "") for n in range(1, 62)),
    )
    assert first_cited(cited, 6) == [1, 2, 3, 4, 60, 61]
    assert first_cited(cited, 100) == list(range(1, 62))
