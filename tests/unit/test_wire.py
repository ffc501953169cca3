"""Streams of events, however they are cut; addresses, however they are written."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.errors import ConfigError
from retrieval.models.addresses import base_url
from retrieval.models.wire import events, first_tokens, lines, piece_of
from retrieval.models.yesno import yes_share
from retrieval.privacy.endpoints import parse_endpoint

JSONS: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("choices", "delta", "content", "message", "logprobs", "usage", "text"))
            | st.text(max_size=4),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def cut(data: bytes, at: list[int]) -> list[bytes]:
    """The same bytes in pieces."""
    ends = sorted({min(one, len(data)) for one in at} | {0, len(data)})
    return [data[a:b] for a, b in pairwise(ends)]


@given(
    st.lists(st.text(max_size=12).filter(lambda t: not set(t) & set("\r\n")), max_size=8),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.lists(st.integers(0, 120), max_size=12),
)
def test_lines_are_the_same_wherever_they_were_cut(
    texts: list[str], end: str, at: list[int]
) -> None:
    data = "".join(text + end for text in texts).encode("utf-8", "replace")
    expected = [text.encode("utf-8", "replace").decode() for text in texts]
    assert list(lines(cut(data, at))) == expected


@given(
    st.lists(st.dictionaries(st.text(max_size=4), st.integers(), max_size=3), max_size=6),
    st.lists(st.integers(0, 200), max_size=12),
)
def test_events_are_the_same_wherever_they_were_cut(
    objects: list[dict[str, int]], at: list[int]
) -> None:
    data = "".join(f": hm\ndata: {json.dumps(one)}\n\n" for one in objects).encode()
    assert list(events(cut(data, at))) == objects
    assert list(events(cut(data + b"data: [DONE]\ndata: {}\n", at))) == [*objects, {"done": True}]


@given(st.lists(st.binary(max_size=60), max_size=6))
def test_any_bytes_can_be_read(chunks: list[bytes]) -> None:
    for one in events(chunks):
        assert isinstance(one, dict)


@given(JSONS)
def test_any_json_can_be_read(value: Any) -> None:
    event = value if isinstance(value, dict) else {"choices": value}
    piece = piece_of(event)
    assert piece is None or isinstance(piece.text, str)
    tokens = first_tokens(event)
    share = yes_share(tokens) if tokens else None
    assert share is None or 0 <= share <= 1


def test_parts_of_a_text() -> None:
    parts = [{"type": "text", "text": "a"}, {"type": "other"}, {"text": "b"}]
    piece = piece_of({"choices": [{"delta": {"content": parts}}]})
    assert piece is not None
    assert piece.text == "ab"


def test_the_older_form_of_probabilities() -> None:
    told = {"choices": [{"logprobs": {"top_logprobs": [{" Yes": -0.5, "No": -1.5}]}}]}
    assert first_tokens(told) == [(" Yes", -0.5), ("No", -1.5)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Yes", " yes", "YES.", "▁Yes", "No", "ĠNo", "是", "否", "不", "The"]),
            st.floats(-40, 0),
        )
    )
)
def test_the_yes_share(tokens: list[tuple[str, float]]) -> None:
    yes = sum(math.exp(p) for token, p in tokens if "y" in token.casefold() or token == "是")
    no = sum(math.exp(p) for token, p in tokens if "o" in token or token in "否不")
    share = yes_share(tokens)
    assert share == (pytest.approx(yes / (yes + no)) if yes + no else None)


def test_what_is_no_probability() -> None:
    assert yes_share([("Yes", math.nan), ("No", -1.0)]) == 0
    assert yes_share([("Yes", -math.inf)]) is None


@pytest.mark.parametrize(
    ("llm", "base"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/v1"),
        (" http://LOCALHOST:11434/ ", "http://localhost:11434/v1"),
        ("https://api.openai.com/v1/", "https://api.openai.com/v1"),
        ("https://h.example/api/v3/chat/completions", "https://h.example/api/v3"),
        ("https://h.example/v1beta/openai/", "https://h.example/v1beta/openai"),
        ("https://h.example/llm", "https://h.example/llm/v1"),
        ("http://[::1]:80", "http://[::1]:80/v1"),
    ],
)
def test_addresses(llm: str, base: str) -> None:
    assert base_url(llm) == base
    assert base_url(base) == base


@pytest.mark.parametrize(
    "llm",
    [
        *("", "http://", "http://:80", "ftp://h", "http://h:0", "http://h:99999", "http://h:x"),
        *("http://user:secret@h", "http://127.0.0.1@evil.example", "http://h/?key=secret"),
        *("http://h/#secret", "http://h/a b", "http://h\\@evil", "http://h\n.evil", "http://[::1"),
    ],
)
def test_what_is_no_address(llm: str) -> None:
    with pytest.raises(ConfigError, match="http://HOST:PORT/v1"):
        base_url(llm)


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://127.0.0.1:1/v1", True),
        ("http://127.9.9.9/v1", True),
        ("http://[::1]/v1", True),
        ("http://localhost/v1", True),
        ("http://localhost.evil.example/v1", False),
        ("http://127.0.0.1.evil.example/v1", False),
        ("http://192.168.1.2/v1", False),
    ],
)
def test_this_machine(url: str, here: bool) -> None:
    assert parse_endpoint(url).is_loopback is here
