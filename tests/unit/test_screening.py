"""Keys in what servers say: taken out in every usual form, and nothing else with them."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.privacy.screening import HIDDEN, PART, Screen, key_spans, scrub

KEY = "sk-proj/Ab+cd9_EFgh-0123~xyz"
keys = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=PART, max_size=40)


def screened(key: str | None, text: str, cuts: list[int]) -> str:
    screen, at, shown = Screen(key), 0, ""
    for cut in cuts:
        shown += screen.feed(text[at : at + cut])
        at += cut
    return shown + screen.feed(text[at:]) + screen.end()


@given(keys, st.text(max_size=20), st.text(max_size=20), st.lists(st.integers(1, 9), max_size=80))
def test_a_screen_lets_no_key_through(key: str, before: str, after: str, cuts: list[int]) -> None:
    """However the text is cut, what was shown never holds a part of the key."""
    visible = screened(key, f"{before}{key}{after}", cuts).split(HIDDEN)
    assert len(visible) > 1
    assert not any(
        key[n : n + PART] in part for n in range(len(key) - PART + 1) for part in visible
    )
    if key not in f"{before}{after}":
        assert visible[0] == before[: len(visible[0])]


FORMS: dict[str, Callable[[str], str]] = {
    "backwards": lambda key: key[::-1],
    "base64": lambda key: base64.b64encode(key.encode()).decode(),
    "base64 of a user and it": lambda key: base64.b64encode(f"me:{key}".encode()).decode(),
    "base64 for URLs": lambda key: base64.urlsafe_b64encode(f"a {key}".encode()).decode(),
    "base64 backwards": lambda key: base64.b64encode(key[::-1].encode()).decode(),
    "hexadecimal": lambda key: key.encode().hex(),
    "URL": lambda key: quote(key, safe=""),
    "URL, small": lambda key: re.sub("%..", lambda m: m[0].lower(), quote(key, safe="")),
    "URL twice": lambda key: quote(quote(key, safe=""), safe=""),
    "URL, all of it": lambda key: "".join(f"%{ord(c):02x}" for c in key),
    "JSON": lambda key: "".join(f"\\u{ord(c):04x}" for c in key),
    "JSON in JSON": lambda key: json.dumps("".join(f"\\u{ord(c):04X}" for c in key)),
    "JSON, slashes": lambda key: key.replace("/", "\\/"),
    "Python": lambda key: "".join(f"\\x{ord(c):02x}" for c in key),
    "HTML": lambda key: html.escape(key),
    "HTML, all of it": lambda key: "".join(f"&#{ord(c)};" for c in key),
    "HTML, hexadecimal": lambda key: "".join(f"&#x{ord(c):x};" for c in key),
}


@pytest.mark.parametrize("form", FORMS)
@given(key=keys, size=st.integers(1, 50))
def test_a_key_in_another_form(form: str, key: str, size: int) -> None:
    """Of what stands there instead of the key no more than the ends of an encoding are left."""
    made = FORMS[form](key)
    shown = screened(key, f"It is {made}, I say.", [size] * 400)
    assert shown.startswith("It is ")
    assert shown.endswith(", I say.")
    assert HIDDEN in shown
    left = shown.removeprefix("It is ").removesuffix(", I say.").split(HIDDEN)
    assert sum(map(len, left)) <= max(7, len(made) - len(key))
    assert key_spans(made, key)


@pytest.mark.parametrize("form", FORMS)
def test_one_key_in_another_form(form: str) -> None:
    for size in (1, 2, 7, 500):
        shown = screened(KEY, f"It is {FORMS[form](KEY)}, I say.", [size] * 400)
        assert len(shown) <= len(f"It is {HIDDEN}, I say.") + 7, shown


@pytest.mark.parametrize("key", [None, "", "test", "sk-abcdefghijklmnop"])
def test_a_screen_leaves_other_texts(key: str | None) -> None:
    text = r"A test of sk-abcd, skis & a 100% task: %41 \u0041 &amp; c2stYWJj."
    screen = Screen(key)
    assert "".join(map(screen.feed, text)) + screen.end() == text
    assert not screen.end()


@given(st.text(max_size=200), st.lists(st.integers(1, 9), max_size=40))
def test_any_text_without_the_key_is_left(text: str, cuts: list[int]) -> None:
    assert screened("sk-abcdefghijklmnop", text, cuts) == text


def test_words_are_not_kept_waiting() -> None:
    """What cannot go on as the key is shown at once."""
    screen = Screen(KEY)
    assert screen.feed("A dog on a beach, ") == "A dog on a beach, "


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60))
def test_scrubbed_texts_hold_no_key(key: str) -> None:
    echoed = [
        key,
        f"Authorization: Bearer {key}",
        json.dumps(key),
        repr(key),
        str(httpx.URL("http://a", params={"k": key})),
    ]
    for text in echoed:
        assert key not in scrub(f"wrong {text}.", key)
    assert scrub("a plain sentence", "sk-none-of-it") == "a plain sentence"
    assert scrub("a plain sentence", None) == "a plain sentence"
