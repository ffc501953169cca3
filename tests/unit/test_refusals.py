"""What servers were seen to write when they refuse, and how it is understood."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.models.refusals import Refusal, refusal, retry_after, scrubbed

WHERE = "http://127.0.0.1:8080"
#: (status, what it wrote, what that is)
SEEN = [
    (500, "image input is not supported - hint: if this is unexpected, you may need to provide the "
          "mmproj", "no_pictures"),
    (400, "m is not a multimodal model", "no_pictures"),
    (400, "Invalid content type. image_url is only supported by certain models.", "no_pictures"),
    (404, "No endpoints found that support image input", "no_pictures"),
    (422, "messages[0]: unknown variant `image_url`, expected `text`", "no_pictures"),
    (500, "this model is missing data required for image input", "no_pictures"),
    (400, "This model does not support images", "no_pictures"),
    (400, "At most 1 image(s) may be provided in one request.", "fewer_pictures"),
    (400, "Failed to load image: cannot identify image file", ""),
    (400, "'response_format.type' must be 'json_schema' or 'text'", "formats"),
    (400, "This model does not support response format `json_schema`", "formats"),
    (400, "Failed to parse grammar", "formats"),
    (400, "request (4031 tokens) exceeds the available context size (2048 tokens), try increasing "
          "it", "too_long"),
    (400, "This model's maximum context length is 4096 tokens. However, you requested 4500 tokens",
     "too_long"),
    (413, "", "too_long"),
    (404, "The model `gpt-9` does not exist or you do not have access to it.", "unknown_model"),
    (404, 'model "llama9" not found, try pulling it first', "unknown_model"),
    (400, "invalid model ID", "unknown_model"),
    (404, "File Not Found", ""),
    (429, "Rate limit reached for requests", ""),
]  # fmt: skip
KINDS = ("no_pictures", "fewer_pictures", "formats", "too_long", "unknown_model")


def refused(status: int, body: bytes, key: str | None = None, **headers: str) -> Refusal:
    return refusal(status, body, headers, WHERE, key)


@pytest.mark.parametrize(("status", "words", "kind"), SEEN)
def test_what_was_seen(status: int, words: str, kind: str) -> None:
    import json

    found = refused(status, json.dumps({"error": {"message": words}}).encode())
    assert [name for name in KINDS if getattr(found, name)] == [kind] * bool(kind)
    assert words[:40] in str(found) or status == 413


def test_the_context_that_is_told() -> None:
    assert refused(400, b'{"error": {"n_ctx": 2048, "message": "exceed"}}').context == 2048
    assert refused(400, SEEN[13][1].encode()).context == 4096
    assert refused(400, b"too long").context == 0


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"error": {"message": "out of\\nmemory."}}', "out of memory"),
        (b'{"error": "busy"}', "busy"),
        (b'{"detail": [{"msg": "field required"}]}', "field required"),
        (b'[{"error": {"message": "first"}}]', "first"),
        (b"<html><head><title>x</title></head><body><h1>Bad Gateway</h1></body>", "Bad Gateway"),
        (b"\xff\x1b[31mred", "[31mred"),
        (b"", ""),
        (b"{}", ""),
        (b"[[[[[[[[1]]]]]]]]", ""),
    ],
)
def test_words_are_found_in_errors_of_any_shape(body: bytes, words: str) -> None:
    says = f" It says: {words}." if words else ""
    told = str(refused(502, body)).replace("\ufffd ", "")
    assert told == f"{WHERE} failed (502).{says} Try again, or look at its log."


@given(st.binary(max_size=2_000), st.integers(300, 599))
def test_every_answer_becomes_one_clean_sentence(body: bytes, status: int) -> None:
    told = str(refused(status, body))
    assert told.isprintable()
    assert len(told) < 700
    assert told.endswith(".")


@given(st.text("abcdefghij0123456789-_", min_size=8, max_size=60), st.text(max_size=50), st.data())
def test_no_part_of_a_key_is_repeated(key: str, around: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(key) - 8))
    end = data.draw(st.integers(start + 8, len(key)))
    told = scrubbed(f"{around}{key[start:end]}{around}", key)
    assert not any(key[at : at + 8] in told for at in range(len(key) - 7))


def test_a_short_key_is_hidden_as_well() -> None:
    assert scrubbed("you sent abc.", "abc") == ""
    assert scrubbed("you sent nothing.", "abc") == "you sent nothing."


def test_when_to_come_back() -> None:
    assert retry_after("7") == 7
    assert retry_after(" 1.5 ") == 1.5
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60))
    assert retry_after(in_a_minute) == pytest.approx(60, abs=3)
    assert retry_after(format_datetime(datetime(2001, 1, 1, tzinfo=UTC))) == 0


@given(st.one_of(st.none(), st.text(max_size=40)))
def test_any_time_to_come_back(header: str | None) -> None:
    told = retry_after(header)
    assert told is None or told >= 0
