"""The tokenizer without torch gives the ids of open_clip's own."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrieval.encoders._bpe import ClipTokenizer
from retrieval.encoders._cleaning import HOWS, cleaned
from retrieval.encoders._compat import import_open_clip
from retrieval.encoders.towers.probes import TEXTS

ODD = [
    *("", "  ", "&amp;amp; x", "&lt;b&gt;", "<end_of_text> hi", "<start_of_text>a", "don't I'VE"),
    *(
        "3.14 2nd",
        " tab\tnew\nline",
        "“quotes”",
        "word " * 120,
        "a_b-c!!!...",
        "É'S",
        "\x1b[31mred",
    ),
    *("ſ's", "a\x00b", "ＦＵＬＬ", "²³½ ٣", "İstanbul", "emoji 😀👍🏽", "日本語 テスト", "'s't"),
]


@pytest.fixture(scope="module")
def ours() -> ClipTokenizer:
    return ClipTokenizer()


@pytest.fixture(scope="module")
def theirs() -> Any:
    import_open_clip()
    from open_clip.tokenizer import SimpleTokenizer

    return SimpleTokenizer()


def assert_same(ours: ClipTokenizer, theirs: Any, texts: list[str]) -> None:
    for text, ids, row in zip(texts, ours(texts), theirs(texts).tolist(), strict=True):
        assert ids == row[: len(ids)], text
        assert not any(row[len(ids) :]), text


def test_odd_texts(ours: ClipTokenizer, theirs: Any) -> None:
    assert_same(ours, theirs, [*ODD, *TEXTS])


@settings(max_examples=300)
@given(text=st.text(max_size=60) | st.text(st.characters(max_codepoint=127), max_size=60))
def test_any_text(ours: ClipTokenizer, theirs: Any, text: str) -> None:
    assert_same(ours, theirs, [text])


def test_a_long_text_keeps_its_end(ours: ClipTokenizer) -> None:
    assert len(ours(["word " * 200])[0]) == 77
    assert ours(["word " * 200])[0][-1] == ours(["a"])[0][-1]


def test_what_cannot_be_encoded(ours: ClipTokenizer) -> None:
    assert ours(["a \ud800 b"]) == ours(["a ? b"])


@given(text=st.text(max_size=60), how=st.sampled_from(HOWS))
def test_cleaning_is_that_of_open_clip(theirs: Any, text: str, how: str) -> None:
    from open_clip.tokenizer import get_clean_fn

    assert cleaned(text, how) == get_clean_fn(how)(text)


def test_needs_neither_torch_nor_open_clip() -> None:
    code = (
        "import sys\n"
        "from retrieval.encoders._bpe import ClipTokenizer\n"
        "ClipTokenizer()(['a dog in the snow'])\n"
        "print({'torch', 'open_clip', 'ftfy', 'regex'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
