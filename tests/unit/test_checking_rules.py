"""Rules of the checker, as properties: what the evidence says stands, one changed fact does not."""

from __future__ import annotations

import datetime
import itertools
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.answering.checking import Checked, check
from retrieval.answering.checking.dates import times_in
from retrieval.answering.checking.reading import Surroundings, read_claim
from retrieval.answering.checking.rules import FACTS, WORDS
from retrieval.answering.checking.words import content_of, stems_of
from retrieval.errors import QueryError
from retrieval.records import Brief, Claim, Draft, Evidence, Facts, QuestionPlan, Total

TODAY = datetime.date(2026, 1, 1)
PLACES = {
    "Japan": "Kyoto", "Portugal": "Lisbon", "Peru": "Cusco", "Iceland": "Akureyri",
    "Norway": "Bergen", "Mexico": "Oaxaca",
}  # fmt: skip
CAMERAS = ("Canon EOS 80D", "Nikon D750", "Pixel 6", "FUJIFILM X-T3", "OLYMPUS E-M10")
WHO = ("man", "woman", "boy", "girl", "dog", "cat", "horse", "surfer")
DOES = ("holds", "watches", "follows", "paints", "carries", "passes")
WHAT = ("ball", "kite", "bicycle", "boat", "umbrella", "guitar", "table", "fence")
COLOUR = ("red", "blue", "green", "yellow", "black")


@st.composite
def captions(draw: st.DrawFn) -> str:
    who, does, colour = (draw(st.sampled_from(each)) for each in (WHO, DOES, COLOUR))
    return f"A {who} {does} a {colour} {draw(st.sampled_from(WHAT))}"


@st.composite
def photos(draw: st.DrawFn) -> Evidence:
    """A photo of which all is known."""
    country = draw(st.sampled_from(sorted(PLACES)))
    taken = draw(st.datetimes(datetime.datetime(1990, 1, 1), datetime.datetime(2025, 12, 31)))
    camera = draw(st.sampled_from(CAMERAS))
    facts = Facts(
        taken_at=taken.isoformat(timespec="seconds"),
        city=PLACES[country],
        country=country,
        camera=camera.partition(" ")[2],
        make=camera.partition(" ")[0],
        iso=draw(st.sampled_from((100, 200, 400, 800, 1600))),
        focal=float(draw(st.integers(10, 300))),
    )
    said = tuple(draw(st.lists(captions(), min_size=1, max_size=3)))
    return Evidence(
        1, 1, f"a/IMG_{draw(st.integers(1000, 9999))}.jpg", facts, camera,
        f"{PLACES[country]}, {country}", captions=said, relevant=True,
    )  # fmt: skip


def taken(photo: Evidence) -> datetime.datetime:
    return datetime.datetime.fromisoformat(photo.facts.taken_at or "")


#: How one fact of a photo is claimed; what differs is the fact alone.
CLAIMS: dict[str, Callable[[Evidence], str]] = {
    "day": lambda photo: f"It was taken on {taken(photo):%Y-%m-%d}.",
    "date": lambda photo: f"It was taken on {taken(photo).day} {taken(photo):%B %Y}.",
    "weekday": lambda photo: f"It was taken on a {taken(photo):%A}.",
    "month": lambda photo: f"It was taken in {taken(photo):%B %Y}.",
    "year": lambda photo: f"It was taken in {taken(photo).year}.",
    "minute": lambda photo: f"It was taken at {taken(photo):%H:%M}.",
    "german": lambda photo: f"Am {taken(photo).day}.{taken(photo).month}.{taken(photo).year}.",
    "chinese": lambda photo: f"拍摄于{taken(photo).year}年{taken(photo).month}月。",
    "city": lambda photo: f"It was taken in {photo.facts.city}.",
    "country": lambda photo: f"It was taken in {photo.facts.country}.",
    "camera": lambda photo: f"It was taken with a {photo.camera}.",
    "iso": lambda photo: f"It was taken at ISO {photo.facts.iso}.",
    "focal": lambda photo: f"It was taken at {photo.facts.focal:g} mm.",
    "file": lambda photo: f"The file is {photo.path.rpartition('/')[2]}.",
    "quote": lambda photo: f"A caption says: “{photo.captions[0]}”.",
}


def brief(*evidence: Evidence, question: str = "Which photo is it?", **more: object) -> Brief:
    plan = QuestionPlan(question, "find", "")
    return replace(Brief(plan, evidence, considered=500), **more)  # type: ignore[arg-type]


def checked(text: str, asked: Brief) -> Checked:
    return check(Draft((Claim(f"{text} [1]", (1,)),)), asked, today=TODAY)


@pytest.mark.parametrize("kind", CLAIMS)
@given(photo=photos())
def test_a_claim_made_of_a_fact_is_proven(kind: str, photo: Evidence) -> None:
    found = checked(CLAIMS[kind](photo), brief(photo))
    assert found.status == "grounded", (found.struck, found.claims)


@pytest.mark.parametrize("kind", CLAIMS)
@given(photo=photos(), other=photos())
def test_the_same_claim_with_another_fact_is_struck(
    kind: str, photo: Evidence, other: Evidence
) -> None:
    """The fact is another photo's, which is in the evidence too, or is not."""
    text = CLAIMS[kind](other)
    said = " ".join(photo.captions).casefold()
    true = CLAIMS[kind](photo) == text or (kind == "quote" and other.captions[0].casefold() in said)
    true = true or (kind == "focal" and abs(photo.facts.focal / other.facts.focal - 1) < 0.04)  # type: ignore[operator]
    true = true or (kind == "german" and _either_way(taken(photo), taken(other)))
    for asked in (brief(photo), brief(photo, replace(other, n=2))):
        assert true or checked(text, asked).struck, text


def _either_way(one: datetime.datetime, other: datetime.datetime) -> bool:
    """Whether "3.4.2021" may mean both."""
    return one.year == other.year and {one.day, one.month} == {other.day, other.month}


@given(photos(), st.data())
def test_a_claim_in_the_words_of_its_evidence_is_never_struck(
    photo: Evidence, data: st.DataObject
) -> None:
    """Any words of any captions, in any order, with facts of the photo."""
    words = [word for caption in photo.captions for word in caption.split()[1:]]
    said = data.draw(st.lists(st.sampled_from(words), min_size=1, max_size=12))
    facts = data.draw(st.lists(st.sampled_from(sorted(CLAIMS)), max_size=3, unique=True))
    text = " ".join(["The", *said]) + ". " + " ".join(CLAIMS[kind](photo) for kind in facts)
    assert not checked(text, brief(photo)).struck


@given(photos())
def test_a_caption_is_proven_by_itself(photo: Evidence) -> None:
    for caption in photo.captions:
        assert checked(f"{caption}.", brief(photo)).status == "grounded"


@given(
    st.integers(2, 400), st.integers(2, 400), st.sampled_from(["{} photos match.", "{} in all."])
)
def test_a_count_is_that_of_the_total(real: int, said: int, shape: str) -> None:
    numbers = tuple(range(1, real + 1))
    asked = brief(question="How many?", totals=(Total("", real, numbers),), matched=real)
    asked = replace(asked, plan=QuestionPlan("How many?", "count", ""))
    found = check(Draft((Claim(shape.format(said), (1,)),)), asked, today=TODAY)
    assert (not found.struck) is (said == real)


@given(st.text(max_size=80), st.booleans())
def test_what_a_rule_says_lies_within_the_claim(text: str, composed: bool) -> None:
    photo = Evidence(1, 1, "a.jpg", Facts(), captions=("A dog",), relevant=True)
    around = Surroundings(brief(photo), False, lambda name: False, TODAY, composed=composed)
    reading = read_claim(text, (1,), around)
    for rule in (*FACTS, *WORDS):
        for said in rule(reading):
            assert 0 <= said.start <= said.end <= len(text)
            assert said.holds is not False or said.reason


@given(
    st.text(
        alphabet="0123456789 -/.:年月日号点 of in the May march early winter half past ten",
        max_size=40,
    )
)
def test_dates_are_read_once(text: str) -> None:
    """Nothing is read twice, and what is read lies in the text."""
    try:
        found = times_in(text, TODAY)
    except QueryError:
        return
    for each, following in itertools.pairwise(found):
        assert each.start < each.end <= following.start
    assert not found or found[-1].end <= len(text)


@given(captions())
def test_words_support_themselves(caption: str) -> None:
    assert set(content_of(caption)) <= stems_of([caption])


@given(st.permutations(WHO), st.sampled_from(DOES))
def test_who_does_what_to_whom_is_proven_in_the_order_of_a_caption(
    who: list[str], does: str
) -> None:
    one, other = who[:2]
    caption = f"A {one} {does} a {other}"
    photo = Evidence(1, 1, "a.jpg", Facts(), captions=(caption, "Outdoors"), relevant=True)
    turned = f"A {other} {does} a {one}"
    assert checked(f"{caption}.", brief(photo)).status == "grounded"
    found = checked(f"{turned}.", brief(photo))
    assert found.status == "partly-grounded", "not proven, and not struck: words alone tell little"
    both = replace(photo, captions=(caption, turned))
    assert checked(f"{turned}.", brief(both)).status == "grounded"
