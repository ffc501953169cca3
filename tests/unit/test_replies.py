"""What models write, read with care and spoken while they write it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.answerers.replies import read_reply, script_of, sentences
from retrieval.answerers.speaking import ClaimSpeaker
from retrieval.records import Claim

GOOD = '{"answer": [{"claim": "A dog runs.", "cites": [1, 3]}], "known": true}'
DOG = Claim("A dog runs.", (1, 3))


def claims(text: str) -> tuple[Claim, ...] | None:
    draft = read_reply(text)
    return None if draft is None else draft.claims


def spoken(text: str, size: int = 3) -> str:
    said: list[str] = []
    speaker = ClaimSpeaker(said.append)
    for at in range(0, len(text), size):
        speaker.feed(text[at : at + size])
    speaker.end()
    return "".join(said)


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"```json\n{GOOD}\n```",
        f"Here is the answer:\n```\n{GOOD}\n```\nGood luck!",
        f"<think>Is it {{a dog}}? [2]</think>\n{GOOD}",
        f"It may be so.</think>{GOOD}",
        f"Sure! {GOOD} Anything else?",
        '{"answer": [{"claim": "A dog runs.", "cites": [1, 3,],},], "known": true,}',
        '{"answer": [{"claim": "A dog runs.", "cites": [1, 3]}, {"claim": "A cat sl',
        '{"answer": [{"claim": "A dog runs.", "cites": [1, 3]}',
        '{"answer": [{"claim": "A dog\nruns.", "cites": ["1", "[3]"]}]}',
        '{"answer": [{"claim": "A dog runs [1, 3].", "cites": []}], "known": true}',
        '{"answer": {"claim": "A dog runs.", "cites": "1, 3"}, "known": true}',
        '[{"text": "A dog runs.", "citations": [1, 3.0]}]',
        '{"claim": "A dog runs.", "cites": [1, 3]}',
        '{"answer": "A dog runs. [1, 3]"}',
        "A dog runs. [1, 3]",
        "A dog runs [1][3].",
    ],
)
def test_ways_to_write_an_answer(text: str) -> None:
    draft = read_reply(text)
    assert draft is not None
    assert draft.claims == (DOG,)
    assert not draft.refused


@pytest.mark.parametrize(
    "text",
    [
        *("", " \n", "{}", "{", '{"a": 1}', "<think>hm", "<think>hm</think>", "[[", "```json\n```"),
        *('{"answer": []}', '{"answer": [{"claim": "A dog ru', '{"answer": 7}', "…", "[1]"),
        '{"answer": [{"claim": "...", "cites": [1]}], "known": true}',
    ],
)
def test_what_is_no_answer(text: str) -> None:
    assert read_reply(text) is None


@pytest.mark.parametrize(
    "text",
    [
        '{"answer": [], "known": false}',
        '{"answer": [{"claim": "No date is known.", "cites": []}], "known": false}',
        '{"answer": [{"claim": "No date is known.", "cites": []}], "known": "False"}',
        "I'm sorry, but I cannot help with that.",
        "The evidence does not say it.",
        "抱歉，照片无法说明。",
    ],
)
def test_refusals(text: str) -> None:
    draft = read_reply(text)
    assert draft is not None
    assert draft.refused


def test_plain_sentences() -> None:
    text = "In St. John's a dog runs. [1] Was it 3.5 years? 一只猫。[2]又一只狗！ The end [3-5]"
    assert sentences(text) == [
        "In St. John's a dog runs. [1]",
        "Was it 3.5 years?",
        "一只猫。[2]",
        "又一只狗！",
        "The end [3-5]",
    ]
    assert claims(text) == (
        Claim("In St. John's a dog runs.", (1,)),
        Claim("Was it 3.5 years?"),
        Claim("一只猫。", (2,)),
        Claim("又一只狗！"),
        Claim("The end", (3, 4, 5)),
    )


def test_citations_in_the_middle_stay_where_they_are() -> None:
    text = "In 2019 [1] it was Lisbon, in 2020 Berlin [2, 3]."
    assert claims(text) == (Claim(text, (1, 2, 3)),)


def test_what_is_said_twice_is_said_once() -> None:
    text = '{"answer": [{"claim": "A dog.", "cites": [1]}, {"claim": "a dog.", "cites": [2, 1]}]}'
    assert claims(text) == (Claim("A dog.", (1, 2)),)
    assert claims("A dog. [1] A cat. [2] A dog. [1]") == (
        Claim("A dog.", (1,)),
        Claim("A cat.", (2,)),
    )


def test_numbers_that_are_none() -> None:
    text = '{"answer": [{"claim": "A dog", "cites": [true, null, 1e999, "x", -1e300, {}, [2]]}]}'
    assert claims(text) == (Claim("A dog", (2,)),)


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    for reply in (text, f'{{"answer": [{{"claim": "{text}', f"```{text}", f"[{{{text}"):
        draft = read_reply(reply)
        assert draft is None or draft.claims or draft.refused
        spoken(reply)


STATEMENTS = st.lists(
    st.tuples(
        st.text(max_size=40).filter(lambda t: "[" not in t and "【" not in t and "［" not in t),
        st.lists(st.integers(1, 999), max_size=4, unique=True),
    ).filter(lambda pair: any(c.isalnum() for c in pair[0])),
    max_size=4,
    unique_by=lambda pair: " ".join(pair[0].split()).casefold(),
)


@given(STATEMENTS, st.booleans(), st.booleans(), st.sampled_from([None, 2]))
def test_json_is_read_as_it_was_written(
    pairs: list[tuple[str, list[int]]], known: bool, ascii_only: bool, indent: int | None
) -> None:
    said = [{"claim": text, "cites": cites} for text, cites in pairs]
    reply = json.dumps({"answer": said, "known": known}, ensure_ascii=ascii_only, indent=indent)
    draft = read_reply(reply)
    if not pairs and known:
        assert draft is None
    else:
        assert draft is not None
        assert draft.refused is not known
        assert [claim.cites for claim in draft.claims] == [tuple(cites) for _, cites in pairs]
        assert [claim.text for claim in draft.claims] == [
            " ".join(text.split()) for text, _ in pairs
        ]


@given(STATEMENTS, st.integers(0, 400))
def test_a_reply_that_was_cut_says_nothing_new(pairs: list[tuple[str, list[int]]], at: int) -> None:
    said = [{"claim": text, "cites": cites} for text, cites in pairs]
    reply = json.dumps({"answer": said, "known": True})
    whole, part = read_reply(reply), read_reply(reply[:at])
    if part is not None:
        assert whole is not None
        assert part.claims == whole.claims[: len(part.claims)]


# --- speaking -------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
def test_claims_are_spoken_not_json(size: int) -> None:
    text = (
        '{"answer": [{"claim": "A \\"dog\\"\\nruns \\ud83d\\udc15 \\u72d7: {[,", '
        '"cites": [1, 2, 3]},'
        ' {"claim": "Then, a cat.", "cites": []}], "known": true}'
    )
    assert spoken(text, size) == 'A "dog"\nruns 🐕 狗: {[, [1-3] Then, a cat. '


def test_words_come_before_the_claim_ends() -> None:
    said: list[str] = []
    speaker = ClaimSpeaker(said.append)
    speaker.feed('{"answer": [{"claim": "A dog')
    assert said == ["A dog"]


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("A dog runs [1].", "A dog runs [1]."),
        ("  <think>{secret}</think> A dog", " A dog"),
        ("<b>bold", "<b>bold"),
        ('```json\n{"answer": [{"claim": "x", "cites": [1]}]}\n```', "x [1] "),
        ("`code` here", "`code` here"),
        ("a\x1b[31mb\u202ec\u200bd\x07", "a[31mbcd"),
        ('{"answer": [{"claim": "a\\u001b[2Jb\\ud83dc\\ud83d"}]}', "a[2Jbc "),
        ('{"answer": [{"claim": "a\\qb\\u12zz"}]}', "abz"),
        ('{"other": "hidden", "claim": ["hidden"], "cites": "hidden"}', ""),
    ],
)
def test_what_is_heard(text: str, heard: str) -> None:
    for size in (1, 4, 1000):
        assert spoken(text, size).strip() == heard.strip()


@given(STATEMENTS, st.integers(1, 30), st.booleans())
def test_what_is_spoken_is_what_is_read(
    pairs: list[tuple[str, list[int]]], size: int, ascii_only: bool
) -> None:
    said = [{"claim": text, "cites": cites} for text, cites in pairs]
    reply = json.dumps({"answer": said, "known": True}, ensure_ascii=ascii_only)
    heard = spoken(reply, size)
    assert all(c.isprintable() or c == "\n" for c in heard)
    for text, _ in pairs:
        letters = "".join(c for c in text if c.isalnum() and c.isprintable())
        assert letters in "".join(c for c in heard if c.isalnum())


# --- languages ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("When did we go to the beach?", "LATIN"),
        ("我们什么时候去的海边？", "HAN"),
        ("照片在 Cape Town, South Africa 拍摄。", "HAN"),
        ("The photo was taken in 北京.", "LATIN"),
        ("照片拍摄于 Cape Town。", "HAN"),
        ("Где собака?", "CYRILLIC"),
        ("犬はどこですか", "HAN"),
        ('The sign says "咖啡店今天营业欢迎光临".', "LATIN"),
        ("Cape Town, South Africa", "LATIN"),
        ("2023-02-15 [1]", ""),
        ("", ""),
    ],
)
def test_scripts(text: str, script: str) -> None:
    assert script_of(text) == script
