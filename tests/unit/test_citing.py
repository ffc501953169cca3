"""Numbers to citations in text, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.answerers.citing import (
    MOST_CITED,
    cited_numbers,
    marker,
    numbers_in,
    without_markers,
)


@pytest.mark.parametrize(
    ("numbers", "text"),
    [
        ((), ""),
        ((1,), "[1]"),
        ((3, 1, 3), "[1, 3]"),
        ((1, 2), "[1, 2]"),
        ((2, 1, 3, 7), "[1-3, 7]"),
        (range(1, 58), "[1-57]"),
    ],
)
def test_numbers_as_a_citation(numbers, text):
    assert marker(numbers) == text


@given(st.sets(st.integers(1, MOST_CITED)), st.text(alphabet="ab, 。\n"))
def test_what_is_written_is_read_again(numbers, around):
    written = f"{around}{marker(numbers)}{around}"
    assert cited_numbers(written) == tuple(sorted(numbers))
    assert [written[start:end] for start, end, _ in numbers_in(written)] == (
        [marker(numbers)] if numbers else []
    )


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("It is [2] and [1][2].", (2, 1)),
        ("【3】", (3,)),
        ("[ 1 – 3，5、6 ]", (1, 2, 3, 5, 6)),
        ("[3-1]", (1, 2, 3)),
        ("[007]", (7,)),
        ("[1-999999999]", (1, 999_999_999)),
        ("[" + "9" * 5000 + "]", (10**9,)),
        ("[0]", (0,)),
    ],
)
def test_what_models_write_is_read(text, numbers):
    assert cited_numbers(text) == numbers


@pytest.mark.parametrize("text", ["[2023-02-15]", "[]", "[n]", "[1", "1]", "[1,]", "[x1]", "[٣]"])
def test_no_citation(text):
    assert numbers_in(text) == []


@given(st.text(alphabet="[]0123456789-, ，【】x", max_size=60))
def test_any_text_is_read(text):
    for start, end, numbers in numbers_in(text):
        assert 0 <= start < end <= len(text)
        assert len(numbers) <= MOST_CITED * text.count("-") + len(text)


def test_without_its_citations():
    assert without_markers("On 2023-02-15 [1-3, 7]. It was [2]") == "On 2023-02-15. It was"
