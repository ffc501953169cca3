"""Questions over real collections, from the plan to the checked answer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from retrieval import Collection, index_folder
from retrieval.answering import Hearer, ask
from retrieval.errors import (
    MissingExtraError,
    ModelError,
    NoCollectionError,
    PrivacyError,
    QueryError,
)
from retrieval.records import AskOptions, Brief, Claim, Draft, Turn, ignore_text
from tests.conftest import open_toy
from tests.pictures import picture
from tests.toy import ToyEncoder

#: Colour, day, camera of each photo.
PHOTOS = [
    *[("red", f"2019:06:{day:02d} 10:00:00", "EOS 80D") for day in range(1, 6)],
    *[("green", f"2021:03:{day:02d} 11:30:00", "EOS 80D") for day in range(1, 4)],
    ("blue", "2021:05:09 18:20:05", "X100V"),
    ("yellow", None, None),
]


def exif(when: str | None, camera: str | None) -> Image.Exif:
    data = Image.Exif()
    if when:
        data.get_ifd(0x8769)[0x9003] = when
    if camera:
        data[0x0110] = camera
    return data


@pytest.fixture
def album(tmp_path: Path, toy: list[ToyEncoder]) -> Iterator[Collection]:
    for number, (colour, when, camera) in enumerate(PHOTOS):
        size = (30 + number, 20)  # no two photos are the same
        picture(tmp_path / f"photos/{number}.jpg", colour, size, exif=exif(when, camera))
    with open_toy(tmp_path / "collection") as collection:
        index_folder(collection, [tmp_path / "photos"])
        yield collection


class Scripted:
    """Says what it was told to, whatever it is asked."""

    name = "scripted"

    def __init__(self, *claims: Claim, error: Exception | None = None) -> None:
        self.claims, self.error = claims, error
        self.briefs: list[Brief] = []

    def answer(self, brief: Brief, *, on_text: Any = ignore_text) -> Draft:
        self.briefs.append(brief)
        if self.error:
            raise self.error
        for claim in self.claims:
            on_text(claim.text)
        return Draft(self.claims)


def names(answer: Any) -> set[str]:
    return {Path(citation.path).name for citation in answer.citations}


def test_counts_come_from_the_whole_match_set(album: Collection) -> None:
    answer = ask(album, "How many photos did I take in 2019?", options=AskOptions(k=2))
    assert answer.text.startswith("5 photos")
    assert answer.status == "grounded"
    assert names(answer) == {f"{number}.jpg" for number in range(5)}
    assert len(answer.result.hits) == 2  # what is shown; what is counted is all
    assert answer.considered == len(PHOTOS)


def test_the_words_of_meaning_are_told_apart_from_filters(album: Collection) -> None:
    scripted = Scripted(Claim("It is [1].", (1,)))
    ask(album, "When did I take photos of red in June 2019 with the EOS 80D?", answerer=scripted)
    assert scripted.briefs[0].meaning == "red"


def test_either_of_several_kinds_is_counted_once(album: Collection) -> None:
    answer = ask(album, "How many photos did I take in 2019 or with the X100V?")
    assert answer.text.startswith("6 photos")
    assert names(answer) == {*(f"{number}.jpg" for number in range(5)), "8.jpg"}
    answer = ask(album, "How many photos did I take in March 2021 or in 2021 with the EOS 80D?")
    assert answer.text.startswith("3 photos")


def test_some_are_not_all(album: Collection) -> None:
    answer = ask(album, "Were all my photos taken in 2019?")
    assert answer.text.startswith("Not all: 5 photos were taken in 2019 [")
    assert "10 photos are in the collection [1-10]" in answer.text
    answer = ask(album, "Were all my photos from 2019 taken with the EOS 80D?")
    assert answer.text.startswith("All of them: 5 photos were taken in 2019 with the EOS 80D")


def test_a_count_of_nothing_is_refused(album: Collection) -> None:
    answer = ask(album, "How many photos did I take in 1987?")
    assert answer.status == "refused"
    assert not answer.citations


def test_photos_without_a_date_are_told(album: Collection) -> None:
    none = ask(album, "How many photos did I take in 1987?")
    undated = sum(when is None for _, when, _ in PHOTOS)
    assert undated == 1
    said = f"1 of your {len(PHOTOS)} photos has no date."
    assert none.text == f"No photo whose date is known was taken in 1987; {said}"
    other = ask(album, "How many photos were not taken in 2019?")
    assert other.text.endswith(said)
    assert other.struck == ()
    assert other.status == "grounded"


def test_where_all_is_struck_it_says_so(album: Collection) -> None:
    said = Scripted(Claim("It was taken in Atlantis in 1900 [1].", (1,)))
    for question, text in (
        ("When was the photo taken in 2021?", "Nothing that was found supports an answer."),
        ("2021年的照片是什么时候拍的？", "找到的内容不能支持任何回答。"),
    ):
        answer = ask(album, question, answerer=said)
        assert (answer.text, answer.status) == (text, "refused")
        assert len(answer.struck) == 1


@pytest.mark.parametrize(
    "question",
    [
        "How many photos did I take in 2019 or 2020?",
        "Did I take photos in 2019 or in 1999?",
        "Show me five photos of something red",
        "How many years did I photograph?",
        "How many photos did I take per month?",
        "How many photos were not taken with the X100V?",
        "Summarise May 2021",
    ],
)
def test_no_answer_by_templates_is_struck(album: Collection, question: str) -> None:
    answer = ask(album, question)
    assert answer.struck == ()
    assert answer.text


def test_the_largest_group_is_named_with_its_photos(album: Collection) -> None:
    answer = ask(album, "Which year did I take the most photos?")
    assert "2019" in answer.text
    assert {f"{number}.jpg" for number in range(5)} <= names(answer)
    assert {(total.label, total.count) for total in answer.totals} >= {("2019", 5), ("2021", 4)}


def test_two_things_are_compared(album: Collection) -> None:
    answer = ask(album, "Did I take more photos in 2019 or in 2021?")
    assert "2019" in answer.text
    assert "5" in answer.text
    assert {total.count for total in answer.totals} == {5, 4}


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Which camera took the photos in May 2021?", "X100V"),
        ("When did I last take a photo in 2021?", "2021-05-09"),
        ("2019年我拍了多少张照片？", "5"),
    ],
)
def test_what_is_known_is_said(album: Collection, question: str, text: str) -> None:
    answer = ask(album, question)
    assert text in answer.text
    assert answer.citations


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("What is the size of the blue photo?", "38 × 20 pixels [1]."),
        ("What is the file name of the photo from May 2021?", "In the file “8.jpg” [1]."),
        ("What year did I take the photos with the EOS 80D?", "In 2019 (5) [4-8] and in 2021 (3)"),
        (
            "On what day of the week was the photo from May 2021 taken?",
            "On 2021-05-09 at 18:20 (Su",
        ),
    ],
)
def test_what_a_question_names_is_what_it_gets(album: Collection, question: str, text: str) -> None:
    answer = ask(album, question)
    assert text in answer.text
    assert not answer.struck


def test_the_photo_that_is_meant_may_be_from_another_year(album: Collection) -> None:
    answer = ask(album, "Was the blue photo taken in 2019?")
    assert answer.status != "grounded"
    assert "was taken on 2021-05-09 (Sunday, 9 May 2021), not in 2019" in answer.text
    right = ask(album, "Was the blue photo taken in 2021?")
    assert "not in 2021" not in right.text


def test_when_one_was_born_nobody_knows(album: Collection) -> None:
    answer = ask(album, "When did I take photos on my birthday?")
    assert (answer.status, answer.citations) == ("refused", ())


def test_results_come_before_words(album: Collection) -> None:
    heard: list[str] = []
    hearer = Hearer(lambda result: heard.append("photos"), lambda text: heard.append("words"))
    ask(
        album,
        "photos of 2019",
        answerer=Scripted(Claim("Five photos of 2019.", (1,))),
        hearer=hearer,
    )
    assert heard[0] == "photos"
    assert "words" in heard


def test_what_the_evidence_does_not_say_is_struck(album: Collection) -> None:
    scripted = Scripted(
        Claim("It was taken in 2019.", (1,)),
        Claim("It was taken on 2003-01-01.", (1,)),
        Claim("A zebra was there.", (99,)),
        Claim("It is a well-known place."),
    )
    answer = ask(album, "photos of 2019", answerer=scripted)
    assert answer.text.startswith("It was taken in 2019 [1].")
    assert {struck.claim for struck in answer.struck} >= {
        "It was taken on 2003-01-01.",
        "A zebra was there.",
    }
    assert answer.status == "partly-grounded"
    assert answer.answerer == "scripted"


def test_where_a_model_fails_the_templates_answer(album: Collection) -> None:
    told: list[str] = []
    failing = Scripted(error=ModelError("Nothing answers there. Start the server."))
    answer = ask(
        album,
        "How many photos did I take in 2019?",
        answerer=failing,
        hearer=Hearer(on_notice=told.append),
    )
    assert answer.text.startswith("5 photos")
    assert answer.answerer == "extractive"
    assert told
    assert "Start the server." in told[0]


def test_where_nothing_matches_no_model_is_asked(album: Collection) -> None:
    scripted = Scripted(Claim("There are seven.", (1,)))
    answer = ask(album, "How many photos did I take in 1987?", answerer=scripted)
    assert answer.status == "refused"
    assert not scripted.briefs


def test_a_follow_up_is_about_what_came_before(album: Collection) -> None:
    first = ask(album, "How many photos did I take in 2019?")
    photos = tuple(piece.photo_id for piece in first.evidence)
    turn = Turn(1, first.question, first.text, first.status, first.plan, photos)
    then = ask(album, "and in 2021?", history=[turn])
    assert then.text.startswith("4 photos")
    one = ask(album, "the second one: which camera took it?", history=[turn])
    assert "EOS 80D" in one.text
    assert one.evidence[0].photo_id == photos[1]


def followed(album: Collection, *questions: str) -> list[Any]:
    """Answers to questions of one conversation."""
    history: list[Turn] = []
    answers = []
    for question in questions:
        answer = ask(album, question, history=history)
        photos = tuple(piece.photo_id for piece in answer.evidence)
        turn = Turn(len(history) + 1, question, answer.text, answer.status, answer.plan, photos)
        history.append(turn)
        answers.append(answer)
    return answers


def test_yes_is_said_only_of_the_photos_that_are_meant(album: Collection) -> None:
    _, right, wrong, camera, all_of_them = followed(
        album,
        "How many photos did I take in 2021?",
        "were they taken in March?",
        "were they taken in 2019?",
        "were they taken with the EOS 80D?",
        "were they taken in 2021?",
    )
    assert right.text == "3 of the 4 photos were taken in March [1-3]."
    assert right.status == "grounded"
    assert (wrong.status, wrong.citations) == ("refused", ())
    assert wrong.text.startswith("None of the 4 photos")
    assert camera.text.startswith("3 of the 4 photos")
    assert all_of_them.text.startswith("Yes: all 4 photos")


def test_of_one_photo_no_other_answers(album: Collection) -> None:
    _, yes, no, colour, number = followed(
        album,
        "What is the last photo taken in 2021?",
        "was it taken in May?",
        "was it taken in 1999?",
        "is it red?",
        "how many people are in it?",
    )
    assert (yes.status, names(yes)) == ("grounded", {"8.jpg"})
    assert (no.status, names(no)) == ("refused", {"8.jpg"})
    assert no.text == "The photo [1] (2021-05-09) does not match “in 1999”, as far as is known."
    assert names(colour) <= {"8.jpg"}
    assert number.status == "refused"
    assert "How many there are is not known" in number.text


def test_of_a_long_question_the_beginning_is_read(album: Collection) -> None:
    notices: list[str] = []
    question = "Where are the red walls? " + "really " * 3_000
    answer = ask(album, question, hearer=Hearer(on_notice=notices.append))
    assert answer.question == question
    assert len(answer.plan.question) <= 2_000
    (notice,) = notices
    assert notice.startswith("The question has 21,025 characters, of which the first ")


@pytest.mark.parametrize("question", ["", "   ", "?"])
def test_questions_that_cannot_be_searched(album: Collection, question: str) -> None:
    with pytest.raises(QueryError):
        ask(album, question)


def test_an_empty_collection_says_so(tmp_path: Path, toy: list[ToyEncoder]) -> None:
    with open_toy(tmp_path / "empty") as collection, pytest.raises(NoCollectionError):
        ask(collection, "How many photos did I take in 2019?")


class Forbidden:
    """A model that nothing may be sent to."""

    name, sees, context = "forbidden", False, 0

    def complete(self, *_: Any, **__: Any) -> Any:
        raise PrivacyError("Nothing was sent: offline is set. Use a model on this machine.")

    yes = complete


def test_a_model_that_may_not_be_asked_costs_no_answer(album: Collection) -> None:
    told: list[str] = []
    options = AskOptions(rerank=True, verify=True, refine=True)
    hearer = Hearer(on_notice=told.append)
    answer = ask(
        album, "my red photo, tell me the year?", options=options, model=Forbidden(), hearer=hearer
    )
    assert answer.result.hits
    assert answer.text
    assert answer.answerer == "extractive"
    assert any("read without it" in text for text in told)
    assert any("Answered without it" in text for text in told)
    assert any("not looked at again" in text for text in told)


@pytest.mark.parametrize("error", [ModelError("It fell over. Try again."), MissingExtraError("x")])
def test_a_judge_that_fails_costs_no_answer(album: Collection, error: Exception) -> None:
    class Failing:
        name, batch = "failing", 1

        def judge(self, claim: str, evidence: Any) -> list[float] | None:
            raise error

    told: list[str] = []
    answer = ask(
        album,
        "When did I photograph something red?",
        options=AskOptions(rerank=True, verify=True),
        judge=Failing(),
        hearer=Hearer(on_notice=told.append),
    )
    assert answer.text
    assert any("not looked at again" in text for text in told)
